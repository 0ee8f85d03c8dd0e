//! The engine thread: one report in, alerts out.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, at, never, select};
use serde_json::{Map, Value as Json};

use super::corroborate::Corroboration;
use super::loss::LossLog;
use super::watch::Watch;
use super::{Counts, Error, Settings, facts};
use crate::alert::{Alert, pipeline_error};
use crate::event::document::insert;
use crate::event::{Budget, Event, Flow, Timestamp, field};
use crate::pipeline::Pipeline;
use crate::process::Waiting;
use crate::source::endpoint_security::Translator;
use crate::source::flow_event;
use crate::source::live::{Level, Notice, Report, Sensors, Watched};

/// When the agent is asked to stop, the sensors may still hold what the kernel has told them: they are waited for
/// until nothing comes for so long,
const QUIET: Duration = Duration::from_millis(20);
/// and at most this long.
const DRAIN: Duration = Duration::from_millis(500);

/// Why the agent stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// It was asked to.
    Stopped,
    /// Its time was over.
    TimeOver,
    /// The sensors have ended.
    SensorsEnded,
}

/// What the agent gives out.
pub trait Sink {
    /// An alert.
    fn alert(&mut self, alert: Alert);
    /// A document about the agent itself.
    fn document(&mut self, document: Map<String, Json>);
    /// How long until [`Sink::tick`] is due; `None`: it need not be called.
    fn wait(&self) -> Option<Duration> {
        None
    }
    /// Does what is due.
    fn tick(&mut self) {}
}

/// Sensors, pipeline and sink at work.
pub struct Agent<'s> {
    settings: Settings,
    pipeline: Pipeline,
    sensors: Sensors,
    translator: Translator,
    corroboration: Corroboration,
    waiting: Waiting,
    watch: Watch,
    losses: LossLog,
    counts: Counts,
    /// The time that the stream of processes has come to.
    seen: Timestamp,
    /// A time of day, and when it was: of the last process event, and before the first of the beginning.
    clock: (Timestamp, Duration),
    began: Instant,
    sink: &'s mut dyn Sink,
}

impl<'s> Agent<'s> {
    /// An agent.
    #[allow(clippy::disallowed_methods, reason = "the agent has a clock that only goes forward")]
    pub fn new(
        settings: Settings,
        pipeline: Pipeline,
        sensors: Sensors,
        watched: Arc<Watched>,
        sink: &'s mut dyn Sink,
    ) -> Agent<'s> {
        let watch = Watch::new(watched);
        let translator = Translator::new(sensors.machine.clone(), sensors.host_name.clone());
        let waiting = Waiting::new(settings.lateness, settings.waiting, Budget::LIVE.flows);
        let (losses, counts, seen) = (LossLog::default(), Counts::default(), Timestamp::from_nanoseconds(i64::MIN));
        let began = Instant::now();
        Agent {
            settings,
            pipeline,
            sensors,
            translator,
            corroboration: Corroboration::default(),
            waiting,
            watch,
            losses,
            counts,
            seen,
            clock: (now(), Duration::ZERO),
            began,
            sink,
        }
    }

    /// Runs until a stop is asked for, the time is over or the sensors end; what was received by then goes
    /// through.
    pub fn run(mut self, stop: &Receiver<()>) -> Result<(Ending, Counts), Error> {
        let end = self.settings.run_for.and_then(|time| self.began.checked_add(time));
        let ending = loop {
            let due = self.waiting.deadline().into_iter().chain(self.corroboration.deadline()).min();
            let due = due.and_then(|due| self.began.checked_add(due));
            let sink_due = self.sink.wait().and_then(|wait| self.began.checked_add(self.began.elapsed() + wait));
            let summary_due = self.pipeline.due().and_then(|due| {
                let wait = due.nanoseconds().saturating_sub(self.time().nanoseconds()).max(0).unsigned_abs();
                self.began.checked_add(self.began.elapsed() + Duration::from_nanos(wait))
            });
            let timer = [end, due, sink_due, summary_due].into_iter().flatten().min().map_or_else(never, at);
            select! {
                recv(self.sensors.processes) -> report => match report {
                    Ok(queued) => self.report(queued.report)?,
                    Err(_) => break Ending::SensorsEnded,
                },
                recv(self.sensors.flows) -> flow => match flow {
                    Ok(flow) => self.take_flow(flow),
                    Err(_) => self.sensors.flows = never(),
                },
                recv(stop) -> _ => break Ending::Stopped,
                recv(timer) -> now => {
                    if now.is_ok_and(|now| end.is_some_and(|end| now >= end)) {
                        break Ending::TimeOver;
                    }
                    self.sink.tick();
                    self.elapse();
                    self.check_losses(false);
                }
            }
            self.release();
        };
        self.drain()?;
        while let Some(flow) = self.corroboration.pop() {
            self.flow(&flow);
        }
        self.release();
        while let Some(event) = self.waiting.pop() {
            self.let_go(event);
        }
        self.finish();
        Ok((ending, self.counts))
    }

    /// Takes in what the sensors have under way: it ends when they are quiet, or after half a second.
    fn drain(&mut self) -> Result<(), Error> {
        let end = self.began.elapsed() + DRAIN;
        while self.began.elapsed() < end {
            select! {
                recv(self.sensors.processes) -> report => match report {
                    Ok(queued) => self.report(queued.report)?,
                    Err(_) => self.sensors.processes = never(),
                },
                recv(self.sensors.flows) -> flow => match flow {
                    Ok(flow) => self.take_flow(flow),
                    Err(_) => self.sensors.flows = never(),
                },
                default(QUIET) => return Ok(()),
            }
            self.release();
        }
        Ok(())
    }

    /// The time by the stream of processes and what has passed since it told of one.
    fn time(&self) -> Timestamp {
        let (time, at) = self.clock;
        time.saturating_add(self.began.elapsed().saturating_sub(at))
    }

    fn elapse(&mut self) {
        let now = self.time();
        let (losses, sink) = (&self.losses, &mut *self.sink);
        self.pipeline.elapse(now, |alert| deliver(alert, losses, sink));
    }

    fn finish(&mut self) {
        let (losses, sink) = (&self.losses, &mut *self.sink);
        self.pipeline.finish(|alert| deliver(alert, losses, sink));
        self.check_losses(true);
        self.counts.undelivered = self.sensors.losses.undelivered.load(Ordering::Relaxed);
        let counts = self.pipeline.counts();
        self.counts.held_back = counts.held_back;
        self.counts.forgotten = counts.evicted_executions;
        let names = self.pipeline.exceptions().iter().map(|exception| exception.name.clone());
        self.counts.excepted = names.zip(counts.excepted).collect();
    }

    fn report(&mut self, report: Report) -> Result<(), Error> {
        // What was lost before it marks the alerts that it completes.
        self.check_losses(false);
        let mut event = match report {
            Report::Message(message) => self.translator.event(&message),
            Report::Event(event) => *event,
            Report::Running(event) => {
                self.running(*event);
                return Ok(());
            }
            Report::Notice(Notice { level: level @ (Level::Fatal | Level::NotPermitted), text }) => {
                return Err(Error { text, not_permitted: level == Level::NotPermitted });
            }
            Report::Notice(Notice { level, text }) => {
                log::log!(if level == Level::Info { log::Level::Info } else { log::Level::Warn }, "{text}");
                return Ok(());
            }
        };
        self.counts.processes += 1;
        self.seen = self.seen.max(event.time);
        self.clock = (self.seen, self.began.elapsed());
        facts::complete_process(&mut event, &mut self.sensors);
        self.watch.observe(&event);
        if event.is_type("end") {
            self.push(event);
        } else {
            self.push_process(event);
        }
        Ok(())
    }

    /// Takes note of a running process that no event has told of.
    fn running(&mut self, mut event: Event) {
        if !self.pipeline.knows(&event) {
            facts::complete(&mut event, &mut self.sensors);
            self.watch.observe(&event);
            self.push_process(event);
        }
    }

    fn push_process(&mut self, event: Event) {
        let started = event.int(field::PROCESS_PID).map(|pid| (pid, event.time));
        self.push(event);
        if let Some((pid, began)) = started {
            self.waiting.started(pid, began, self.began.elapsed());
        }
    }

    fn take_flow(&mut self, flow: Flow) {
        self.check_losses(false);
        self.counts.flows += 1;
        if let Some(flow) = self.corroboration.take(flow, self.began.elapsed()) {
            self.flow(&flow);
        }
    }

    fn flow(&mut self, flow: &Flow) {
        let mut event = flow_event::event(flow, &self.sensors.machine, self.sensors.host_name.as_deref());
        facts::complete(&mut event, &mut self.sensors);
        self.waiting.set_lateness(self.settings.lateness.max(self.sensors.exec_lateness.get()));
        let is_known = self.pipeline.knows_owner(&event);
        if let Some(event) = self.waiting.hold(event, is_known, self.began.elapsed()) {
            self.push(event);
        }
    }

    fn release(&mut self) {
        while let Some(flow) = self.corroboration.pop_due(self.began.elapsed()) {
            self.flow(&flow);
        }
        while let Some(event) = self.waiting.pop_due(self.seen, self.began.elapsed()) {
            self.let_go(event);
        }
    }

    fn let_go(&mut self, event: Event) {
        if !self.pipeline.knows_owner(&event) {
            // Nothing told of its process, but it may run still.
            facts::running(&event, &self.sensors).into_iter().for_each(|event| self.running(event));
        }
        self.counts.unattributed += u64::from(!self.pipeline.knows_owner(&event));
        self.push(event);
    }

    fn push(&mut self, event: Event) {
        let (losses, sink) = (&self.losses, &mut *self.sink);
        self.pipeline.push(event, |alert| deliver(alert, losses, sink));
    }

    fn check_losses(&mut self, is_end: bool) {
        let losses = &self.sensors.losses;
        let (executions, sequences) = self.pipeline.lost();
        let own = [
            ("table.executions", executions),
            ("table.sequences", sequences),
            ("table.flows_not_waited_for", self.waiting.overflowed()),
            ("table.processes_not_watched", self.watch.refused()),
        ];
        self.counts.lost.clear();
        self.counts.lost.extend(losses.snapshot().into_iter().chain(own));
        let now = self.time();
        self.losses.observe(self.counts.lost.iter().copied(), now);
        if self.losses.wants_scan(losses.processes(), self.began.elapsed()) {
            // One that is asked for already will do.
            let _ = self.sensors.scan.try_send(());
        }
        if let Some(lost) = self.losses.due(self.began.elapsed(), is_end) {
            self.sink.document(pipeline_error::document(now, &self.sensors.machine, &lost));
            let parts: Vec<String> = lost.iter().map(|(name, count)| format!("{name} {count}")).collect();
            log::warn!("lost: {}", parts.join(", "));
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a loss before the first event has no other time")]
fn now() -> Timestamp {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_nanoseconds(i64::try_from(now.as_nanos()).unwrap_or(i64::MAX))
}

/// Marks the alert with what was lost near it, and gives it out.
fn deliver(mut alert: Alert, losses: &LossLog, sink: &mut dyn Sink) {
    let first = alert.events.first().map(|event| event.time);
    for (name, count) in first.map(|first| losses.near(first)).unwrap_or_default() {
        insert(&mut alert.document, &format!("osawatch.loss.{name}"), count.into());
    }
    sink.alert(alert);
}
