//! A sink that hands the executions of alerts to a thread, and writes what became of them. Neither detection nor the
//! writing of alerts waits for an execution to end.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::{Map, Value as Json};

use super::document::document;
use super::{Executions, Outcome, Responder, Settings, Target};
use crate::agent::Sink;
use crate::alert::Alert;
use crate::event::{Machine, Timestamp};

/// Executions that may wait for the thread.
const QUEUE: usize = 256;
/// How often outcomes are looked for while there are some to come.
const LOOK: Duration = Duration::from_millis(100);
/// How long a run that ends waits for outcomes.
const FINISH: Duration = Duration::from_secs(1);

/// Whether the rule with this id has a response.
type Responds = Box<dyn Fn(&str) -> bool + Send>;

/// The thread that ends executions.
pub(crate) struct Started {
    targets: Sender<Target>,
    outcomes: Receiver<(Target, Outcome)>,
    responds: Responds,
}

impl Started {
    /// Starts the thread.
    pub(crate) fn start(
        executions: Box<dyn Executions>,
        settings: Settings,
        responds: Responds,
    ) -> io::Result<Started> {
        let ((targets, queue), (done, outcomes)) = (bounded(QUEUE), bounded(2 * QUEUE));
        let responder = Responder::new(executions, settings, std::process::id());
        thread::Builder::new().name("osawatch-response".to_owned()).spawn(move || run(responder, &queue, &done))?;
        Ok(Started { targets, outcomes, responds })
    }
}

#[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
fn run(mut responder: Responder, queue: &Receiver<Target>, done: &Sender<(Target, Outcome)>) {
    let began = Instant::now();
    loop {
        let wait = responder.deadline(began.elapsed()).map(|due| due.saturating_sub(began.elapsed()));
        let target = match wait {
            Some(wait) => queue.recv_timeout(wait),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut outcomes = responder.look(began.elapsed());
        match target {
            Ok(target) => outcomes.extend(responder.take(&target, began.elapsed()).map(|outcome| (target, outcome))),
            Err(RecvTimeoutError::Timeout) => {}
            // What was told to end is still seen to its end.
            Err(RecvTimeoutError::Disconnected) if wait.is_none() => return,
            Err(RecvTimeoutError::Disconnected) => thread::sleep(LOOK),
        }
        if outcomes.into_iter().any(|outcome| done.send(outcome).is_err()) {
            return;
        }
    }
}

/// A sink, and the responses to what goes through it.
pub(crate) struct Responding<S> {
    sink: S,
    started: Option<Started>,
    machine: Machine,
    now: fn() -> Timestamp,
    /// Outcomes that are to come.
    expected: usize,
}

impl<S: Sink> Responding<S> {
    /// Puts responses behind a sink; with `None` there are none.
    pub(crate) fn new(sink: S, started: Option<Started>, machine: Machine, now: fn() -> Timestamp) -> Responding<S> {
        Responding { sink, started, machine, now, expected: 0 }
    }

    /// Waits a moment for the outcomes that are to come, and returns the sink.
    #[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
    pub(crate) fn finish(mut self) -> S {
        let until = Instant::now() + FINISH;
        while let Some(started) = self.started.as_ref().filter(|_| self.expected > 0) {
            let Ok((target, outcome)) = started.outcomes.recv_deadline(until) else { break };
            self.write(&target, &outcome);
        }
        self.sink
    }

    fn respond(&mut self, target: Target) {
        let Some(started) = &self.started else { return };
        if !(started.responds)(&target.rule_id) {
            return;
        }
        match started.targets.try_send(target) {
            Ok(()) => self.expected += 1,
            Err(refused) => {
                let outcome = Outcome::Failed("too many executions wait to be terminated".to_owned());
                self.expected += 1;
                self.write(&refused.into_inner(), &outcome);
            }
        }
    }

    fn write(&mut self, target: &Target, outcome: &Outcome) {
        self.expected = self.expected.saturating_sub(1);
        let document = document((self.now)(), &self.machine, target, outcome);
        log::warn!("response: {} ({}) {}", target.name, target.pid.unwrap_or_default(), outcome.sentence());
        self.sink.document(document);
    }
}

impl<S: Sink> Sink for Responding<S> {
    fn alert(&mut self, alert: Alert) {
        let target = self.started.as_ref().and_then(|_| Target::of(&alert.document));
        self.sink.alert(alert);
        if let Some(target) = target {
            self.respond(target);
        }
    }

    fn document(&mut self, document: Map<String, Json>) {
        self.sink.document(document);
    }

    fn wait(&self) -> Option<Duration> {
        let own = (self.expected > 0).then_some(LOOK);
        own.into_iter().chain(self.sink.wait()).min()
    }

    fn tick(&mut self) {
        self.sink.tick();
        while let Some(Ok((target, outcome))) = self.started.as_ref().map(|started| started.outcomes.try_recv()) {
            self.write(&target, &outcome);
        }
    }
}
