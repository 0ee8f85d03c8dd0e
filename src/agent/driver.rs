//! The engine thread: receives what the sensors report, passes the time to the engine, and delivers what it finds.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, TryRecvError, bounded};

use super::delivery::Delivery;
use super::engine::{Engine, System};
use super::examiner::Examiner;
use super::pace::{GATHERING, Pace};
use super::users::Users;
use super::{Control, Counts, Deadline, Error, Ports, Settings, Sink, Stage, Told};
use crate::detect::Exception;
use crate::event::{Flow, Timestamp};
use crate::pipeline::Pipeline;
use crate::source::live::{Bell, Queued, Sensors, Watched};
use crate::status::Status;

/// Reports of one stream that are taken before the other is looked at.
const TURN: usize = 256;
/// When the agent is asked to stop, the sensors may still hold what the kernel has reported to them: they are waited
/// for until nothing comes for so long, or the time for that is over.
const QUIET: Duration = Duration::from_millis(20);

/// A time of day that is off by more was set; less is the clock being slewed.
const SET: Duration = Duration::from_secs(1);

/// How long the alerts on their way may leave no room for another: no disk holds them up, only who reads standard
/// output.
const ROOM: Duration = Duration::from_secs(1);

/// Why the agent stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ending {
    /// It was asked to.
    Stopped,
    /// Its time was over.
    TimeOver,
    /// The sensors have ended.
    SensorsEnded,
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Ending::Stopped => "stopped",
            Ending::TimeOver => "time limit reached",
            Ending::SensorsEnded => "the sensors ended",
        })
    }
}

/// What is left of an agent that has ended.
#[derive(Debug)]
pub(crate) struct Ended<S> {
    /// How it ended.
    pub result: Result<(Ending, Counts), Error>,
    /// The sink; `None`: it still writes, and could not be waited for.
    pub sink: Option<S>,
    /// The last status.
    pub status: Status,
    /// When the program has to have ended.
    pub until: Deadline,
}

/// Sensors, engine and sink at work.
pub(crate) struct Agent<S> {
    settings: Settings,
    engine: Engine,
    delivery: Delivery<S>,
    processes: Receiver<Queued>,
    flows: Receiver<Flow>,
    /// What everything rings that the agent takes.
    bell: Bell,
    pace: Pace,
    began: Instant,
    /// The time of day when it began, by the clock as it is set now.
    day: Timestamp,
    ports: Ports,
    _guard: Option<Box<dyn Send>>,
}

/// What a turn came to.
enum Turn {
    /// The stream of processes may hold more.
    Busy,
    Idle,
    Ended,
}

impl<S: Sink + Send + 'static> Agent<S> {
    /// An agent, with its threads started.
    #[allow(clippy::disallowed_methods, reason = "the agent has a clock that only goes forward")]
    pub(crate) fn start(
        settings: Settings,
        pipeline: Pipeline,
        sensors: Sensors,
        watched: Arc<Watched>,
        sink: S,
    ) -> std::io::Result<Agent<S>> {
        let Sensors { machine, host_name, os_version, processes, flows, bell, .. } = sensors;
        let Sensors { exec_lateness, losses, scan, lookup, user_names, guard, .. } = sensors;
        let (settled, settled_receiver) = bounded(1);
        let users = Users::start(user_names, settled.clone())?;
        let examiner = Examiner::start(settings.capture, settings.budget.scripts, &settled);
        let delivery = Delivery::start(sink, &settings, users.clone(), settled_receiver)?;
        let system = System { machine, host_name, os_version, lookup, exec_lateness, losses, scan, users, examiner };
        let engine = Engine::new(&settings, pipeline, system, watched, now());
        Ok(Agent {
            settings,
            engine,
            delivery,
            processes,
            flows,
            bell,
            pace: Pace::default(),
            began: Instant::now(),
            day: now(),
            ports: Ports::default(),
            _guard: guard,
        })
    }

    /// The same, for others to talk with.
    pub(crate) fn with_ports(mut self, mut ports: Ports) -> Agent<S> {
        if let Some(tap) = ports.tap.take() {
            self.engine.record(tap);
        }
        Agent { ports, ..self }
    }

    /// Runs until a stop is asked for, the time is over or the sensors end; what was received by then goes through.
    pub(crate) fn run(mut self, stop: &Receiver<()>) -> Ended<S> {
        let ending = self.work(stop);
        let until = Deadline::after(self.settings.stop_within);
        let result = ending.and_then(|ending| {
            self.drain(until)?;
            let not_taken = (self.processes.len() + self.flows.len()) as u64;
            let counts = self.engine.finish(not_taken, self.began.elapsed());
            Ok((ending, counts))
        });
        self.deliver();
        let sink = self.delivery.finish(until.left_for(Stage::Alerts));
        let late = self.engine.exceptions().iter().map(Exception::suppressed_late);
        let result = result.map(|(ending, mut counts): (Ending, Counts)| {
            counts.excepted.iter_mut().zip(late).for_each(|((_, count), late)| *count += late);
            (ending, counts)
        });
        let status = self.engine.status(self.began.elapsed());
        Ended { result, sink, status, until }
    }

    fn work(&mut self, stop: &Receiver<()>) -> Result<Ending, Error> {
        loop {
            let turn = self.turn()?;
            if !matches!(stop.try_recv(), Err(TryRecvError::Empty)) {
                return Ok(Ending::Stopped);
            }
            // Also when no turn is ever idle, as is the end of the time below.
            if let Ok(control) = self.ports.control.try_recv() {
                self.take_control(control);
            }
            let (now, end) = (self.began.elapsed(), self.settings.run_for);
            match turn {
                Turn::Ended => return Ok(Ending::SensorsEnded),
                _ if end.is_some_and(|end| now >= end) => return Ok(Ending::TimeOver),
                Turn::Busy => continue,
                Turn::Idle => {}
            }
            let tell = self.ports.status.is_some().then(|| self.engine.status_due());
            let due = self.engine.deadline(now).into_iter().chain(tell).chain(end).min();
            let limit = due.map(|due| due.saturating_sub(now));
            // A flow is held until it is clear that no earlier exec comes, which any report may show.
            let gathers = self.pace.gathers(now) && !self.engine.holds_flows();
            let is_empty = || self.is_empty() && stop.is_empty() && self.ports.control.is_empty();
            match limit {
                _ if !gathers => self.bell.wait(limit, is_empty),
                None => self.bell.wait_for_urgent(GATHERING, is_empty),
                Some(limit) => self.bell.wait_for_urgent(limit.min(GATHERING), is_empty),
            }
        }
    }

    /// Whether nothing waits that the sensors reported.
    fn is_empty(&self) -> bool {
        self.processes.is_empty() && self.flows.is_empty()
    }

    /// Notices that the time of day was set, or that the Mac has slept: the clock of the agent knows of neither.
    fn look_at_clock(&mut self, elapsed: Duration) {
        let expected = self.day.saturating_add(elapsed).nanoseconds();
        let by = now().nanoseconds().saturating_sub(expected);
        if Duration::from_nanos(by.unsigned_abs()) > SET {
            self.day = Timestamp::from_nanoseconds(self.day.nanoseconds().saturating_add(by));
            self.engine.clock_was_set(by, elapsed);
        }
    }

    /// Takes flows and then process reports, so that an exec that was sent before a flow is known when the flow
    /// is examined.
    fn turn(&mut self) -> Result<Turn, Error> {
        for flow in self.flows.try_iter().take(TURN).collect::<Vec<_>>() {
            self.engine.flow(flow, self.began.elapsed());
        }
        let mut turn = Turn::Busy;
        for _ in 0..TURN {
            match self.processes.try_recv() {
                Ok(queued) => self.take_report(queued)?,
                Err(error) => {
                    self.engine.quiet(self.began.elapsed());
                    turn = if error.is_disconnected() { Turn::Ended } else { Turn::Idle };
                    break;
                }
            }
        }
        let now = self.began.elapsed();
        self.engine.advance(now);
        if self.ports.status.is_some() && self.engine.status_due() <= now {
            self.tell(false);
        }
        self.deliver();
        Ok(turn)
    }

    fn take_control(&mut self, control: Control) {
        match control {
            Control::Tell => self.tell(true),
            Control::Reload(reload) => self.engine.reload(*reload, self.began.elapsed()),
            Control::Refuse(why) => self.engine.refuse(why, self.began.elapsed()),
            Control::LeaveOut(what) => self.engine.leave_out(what),
            Control::Unrecorded(why) => self.engine.unrecorded(why, self.began.elapsed()),
        }
        self.deliver();
    }

    /// Tells the status. Whoever asked for it is still waited for by no one: a full channel has one on its way.
    fn tell(&mut self, is_asked: bool) {
        let now = self.began.elapsed();
        self.engine.used((self.settings.processor_time)(), now);
        self.engine.replace_held_up(now);
        let status = self.engine.status(now);
        self.engine.account.told(now);
        if let Some(port) = &self.ports.status {
            let _ = port.try_send(Told { status, is_asked });
        }
    }

    fn take_report(&mut self, queued: Queued) -> Result<(), Error> {
        self.pace.took_one();
        // Before it, as its time is by the clock as it is set now.
        let now = self.began.elapsed();
        self.look_at_clock(now);
        self.engine.process(queued.report, now)
    }

    /// Takes in what the sensors have under way: it ends when they are quiet, or when the time for it is over.
    fn drain(&mut self, until: Deadline) -> Result<(), Error> {
        while !until.left_for(Stage::Reports).is_zero() {
            if let Turn::Busy = self.turn()? {
                continue;
            }
            let quiet = self.began.elapsed() + QUIET;
            while self.is_empty() {
                let left = quiet.saturating_sub(self.began.elapsed());
                if left.is_zero() {
                    return Ok(());
                }
                self.bell.wait(Some(left), || self.is_empty());
            }
        }
        Ok(())
    }

    fn deliver(&mut self) {
        for item in self.engine.take_items() {
            if let Err(item) = self.delivery.send(item, ROOM) {
                self.engine.undelivered(item);
            }
        }
    }
}

#[allow(clippy::disallowed_methods, reason = "a loss before the first event has no other time")]
fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}
