//! A sink that hands the executions of alerts to a thread, and writes what became of them. An alert waits a moment for
//! the outcome, which it then has; a document has it as well. Detection waits for nothing.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use serde_json::{Map, Value as Json};

use super::document::{complete, document};
use super::{Executions, Outcome, Responder, Settings, Target};
use crate::agent::Sink;
use crate::alert::Alert;
use crate::event::{Machine, Timestamp};
use crate::visible::visible;

/// Executions that may wait for the thread.
const QUEUE: usize = 256;
/// How often outcomes are looked for while there are some to come; and while an alert waits for one.
const LOOK: Duration = Duration::from_millis(100);
const LOOK_SOON: Duration = Duration::from_millis(5);
/// How long an alert waits for the outcome. Most processes end within milliseconds of SIGTERM.
const WAIT: Duration = Duration::from_millis(500);
/// Alerts that wait, with those behind them; then the first is written without its outcome.
const MAX_HELD: usize = 64;
/// How long executions may still take for their end when the run ends; then they are killed.
const LAST: Duration = Duration::from_millis(250);

/// What is done about alerts.
pub(crate) struct Policy {
    /// How.
    pub settings: Settings,
    /// Whether the rule with this id has a response.
    pub responds: Box<dyn Fn(&str) -> bool + Send>,
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The thread that ends executions.
#[derive(Debug)]
pub(crate) struct Started {
    targets: Sender<(Target, Settings)>,
    outcomes: Receiver<(Target, Outcome)>,
}

impl Started {
    /// Starts the thread.
    pub(crate) fn start(executions: Box<dyn Executions>) -> io::Result<Started> {
        let ((targets, queue), (done, outcomes)) = (bounded(QUEUE), bounded(2 * QUEUE));
        let settings = Settings { dry_run: true, grace: Duration::ZERO };
        let responder = Responder::new(executions, settings, std::process::id());
        thread::Builder::new().name("osawatch-response".to_owned()).spawn(move || run(responder, &queue, &done))?;
        Ok(Started { targets, outcomes })
    }
}

#[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
fn run(mut responder: Responder, queue: &Receiver<(Target, Settings)>, done: &Sender<(Target, Outcome)>) {
    let began = Instant::now();
    loop {
        let wait = responder.deadline(began.elapsed()).map(|due| due.saturating_sub(began.elapsed()));
        let target = match wait {
            Some(wait) => queue.recv_timeout(wait),
            None => queue.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        let mut outcomes = responder.look(began.elapsed());
        match target {
            Ok((target, settings)) => {
                responder.work_by(settings);
                outcomes.extend(responder.take(&target, began.elapsed()).map(|outcome| (target, outcome)));
            }
            Err(RecvTimeoutError::Timeout) => {}
            // The run ends, and nobody could see to their end later.
            Err(RecvTimeoutError::Disconnected) => match wait {
                Some(wait) => {
                    responder.kill_by(began.elapsed() + LAST);
                    thread::sleep(wait);
                }
                None => return,
            },
        }
        if outcomes.into_iter().any(|outcome| done.send(outcome).is_err()) {
            return;
        }
    }
}

/// An alert that waits for its outcome, or behind one that does.
struct Held {
    alert: Alert,
    until: Instant,
    /// What it waits for.
    target: Option<Target>,
    outcome: Option<(Outcome, Map<String, Json>)>,
}

/// A sink, and the responses to what goes through it.
pub(crate) struct Responding<S> {
    sink: S,
    started: Option<Started>,
    policy: Option<Policy>,
    machine: Machine,
    now: fn() -> Timestamp,
    /// Outcomes that are to come.
    expected: usize,
    /// In the order of the alerts, which the file keeps.
    held: VecDeque<Held>,
}

impl<S: Sink> Responding<S> {
    /// Puts responses behind a sink; without a policy there are none.
    pub(crate) fn new(
        sink: S,
        (policy, started): (Option<Policy>, Option<Started>),
        machine: Machine,
        now: fn() -> Timestamp,
    ) -> Responding<S> {
        Responding { sink, started, policy, machine, now, expected: 0, held: VecDeque::new() }
    }

    /// From now on this is done about alerts. A thread is given when there was none before and one is needed.
    pub(crate) fn set_policy(&mut self, policy: Option<Policy>, started: Option<Started>) {
        self.policy = policy;
        self.started = self.started.take().or(started);
    }

    /// The sink behind.
    pub(crate) fn sink_mut(&mut self) -> &mut S {
        &mut self.sink
    }

    /// Sees what was told to end to its end, within this time, and returns the sink.
    #[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
    pub(crate) fn finish(mut self, limit: Duration) -> S {
        let until = Instant::now() + limit;
        if let Some(Started { targets, outcomes }) = self.started.take() {
            // Without more to come, the thread ends with what it has.
            drop(targets);
            while let Ok((target, outcome)) = outcomes.recv_deadline(until) {
                self.learn(&target, outcome);
            }
        }
        while let Some(held) = self.held.pop_front() {
            self.write(held);
        }
        self.sink
    }

    /// Hands the execution of an alert over, if there is a response to it; with the outcome when that is known at once.
    fn respond(&mut self, alert: &Alert) -> Option<(Target, Option<Outcome>)> {
        let policy = self.policy.as_ref().filter(|policy| (policy.responds)(&alert.rule_id))?;
        let (target, started) = (Target::of(&alert.document)?, self.started.as_ref()?);
        self.expected += 1;
        let sent = started.targets.try_send((target.clone(), policy.settings));
        let outcome = sent.err().map(|_| Outcome::Failed("too many executions wait to be terminated".to_owned()));
        Some((target, outcome))
    }

    /// The outcome for an execution is known: its alert has it if that still waits, and a document follows.
    fn learn(&mut self, target: &Target, outcome: Outcome) {
        self.expected = self.expected.saturating_sub(1);
        log::warn!("response: {} ({}) {}", visible(&target.name), target.pid.unwrap_or_default(), outcome.sentence());
        let document = document((self.now)(), &self.machine, target, &outcome);
        let waits = |held: &&mut Held| held.outcome.is_none() && held.target.as_ref() == Some(target);
        match self.held.iter_mut().find(waits) {
            Some(held) => held.outcome = Some((outcome, document)),
            None => self.sink.document(document),
        }
    }

    fn write(&mut self, Held { mut alert, target, outcome, .. }: Held) {
        if target.is_some() {
            complete(&mut alert.document, outcome.as_ref().map(|(outcome, _)| outcome));
        }
        self.sink.alert(alert);
        outcome.into_iter().for_each(|(_, document)| self.sink.document(document));
    }

    /// Writes the alerts that need not wait any longer, in their order.
    #[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
    fn write_due(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.held.front() {
            let waits = first.target.is_some() && first.outcome.is_none() && now < first.until;
            if waits && self.held.len() <= MAX_HELD {
                return;
            }
            self.held.pop_front().into_iter().for_each(|held| self.write(held));
        }
    }
}

impl<S: Sink> Sink for Responding<S> {
    #[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
    fn alert(&mut self, alert: Alert) {
        let response = self.respond(&alert);
        if response.is_none() && self.held.is_empty() {
            return self.sink.alert(alert);
        }
        let (target, outcome) = response.unzip();
        self.held.push_back(Held { alert, until: Instant::now() + WAIT, target: target.clone(), outcome: None });
        if let (Some(target), Some(Some(outcome))) = (target, outcome) {
            self.learn(&target, outcome);
        }
        self.write_due();
    }

    fn document(&mut self, document: Map<String, Json>) {
        self.sink.document(document);
    }

    fn exchange(&mut self) {
        self.sink.exchange();
    }

    fn wait(&self) -> Option<Duration> {
        let own = match (self.held.is_empty(), self.expected) {
            (false, _) => Some(LOOK_SOON),
            (true, 0) => None,
            (true, _) => Some(LOOK),
        };
        own.into_iter().chain(self.sink.wait()).min()
    }

    fn tick(&mut self) {
        self.sink.tick();
        while let Some(Ok((target, outcome))) = self.started.as_ref().map(|started| started.outcomes.try_recv()) {
            self.learn(&target, outcome);
        }
        self.write_due();
    }
}
