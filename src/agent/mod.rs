//! The running program: sensors in, alerts out. The engine has its own thread, which never waits for a disk, a
//! file or another process; whatever can take time is done on others.

mod account;
mod appetite;
mod control;
mod deadline;
mod delivery;
mod driver;
mod engine;
mod enrich;
mod examiner;
mod expected;
mod loss;
mod merge_reports;
mod pace;
mod panics;
mod rates;
mod tell;
#[cfg(test)]
mod tests;
mod users;
mod watch;

use std::fmt;
use std::time::Duration;

use serde_json::{Map, Value as Json};

pub(crate) use control::{Control, Ports, Reload, Told};
pub(crate) use deadline::{Deadline, Stage};
pub(crate) use driver::{Agent, Ended, Ending};
pub(crate) use panics::end_program_after_panics;

use crate::alert::Alert;
use crate::event::Budget;
use crate::script::Capture;

/// How the agent works.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// How long a flow of an unknown process waits for the exec it belongs to.
    pub lateness: Duration,
    /// Flows that may wait or are remembered.
    pub max_flows: usize,
    /// How long an alert waits for the scripts of its own events to be examined.
    pub script_wait: Duration,
    /// How much of a script is taken.
    pub capture: Capture,
    /// The `event.sequence` of the first alert.
    pub first_sequence: u64,
    /// Stop after this long; `None` runs until a signal.
    pub run_for: Option<Duration>,
    /// How long the program may take to end, from the time that it was asked to stop.
    pub stop_within: Duration,
    /// How often a document says that the agent lives; `None`: never.
    pub heartbeat: Option<Duration>,
    /// Bytes that may be held.
    pub budget: Budget,
    /// Percent of a core, above which optional work is left out; 0: there is no limit.
    pub cpu_limit: u32,
    /// The processor time that the program has used.
    pub processor_time: fn() -> Duration,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            lateness: Duration::from_secs(2),
            max_flows: 16_384,
            script_wait: Duration::from_millis(500),
            capture: Capture::Full,
            first_sequence: 0,
            run_for: None,
            // launchd's `ExitTimeOut` is longer.
            stop_within: Duration::from_secs(5),
            heartbeat: None,
            budget: Budget::LIVE,
            cpu_limit: 0,
            processor_time: || Duration::ZERO,
        }
    }
}

/// Where the agent's alerts go. It has its own thread.
pub(crate) trait Sink {
    /// An alert.
    fn alert(&mut self, alert: Alert);
    /// A document about the agent itself.
    fn document(&mut self, document: Map<String, Json>);
    /// A reload was applied: from now on the sink works as it was asked to for that.
    fn exchange(&mut self) {}
    /// How long until [`Sink::tick`] is due; `None`: it need not be called.
    fn wait(&self) -> Option<Duration> {
        None
    }
    /// Does what is due.
    fn tick(&mut self) {}
}

/// What the agent did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Process events.
    pub processes: u64,
    /// Flows.
    pub flows: u64,
    /// Flows whose execution is not known.
    pub unattributed: u64,
    /// Reports of the network statistics that the kernel could not deliver since it started, to this program or
    /// another.
    pub undelivered: u64,
    /// Executions evicted after their exit because the table was full; those evicted while in use are under `lost`.
    pub evicted_executions: u64,
    /// Alerts suppressed by [volume].
    pub suppressed: u64,
    /// Sequences suppressed, by the name of the exception.
    pub excepted: Vec<(String, u64)>,
    /// What was lost or evicted, by counter.
    pub lost: Vec<(&'static str, u64)>,
}

/// A source that can never work here.
#[derive(Debug)]
pub(crate) struct Error {
    /// One sentence.
    pub text: String,
    /// More privilege would help.
    pub not_permitted: bool,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Error {}
