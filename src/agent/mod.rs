//! The running program: sensors in, alerts out, on one engine thread.

mod corroborate;
mod engine;
mod facts;
mod loss;
#[cfg(test)]
mod tests;
mod watch;

use std::fmt;
use std::time::Duration;

pub use engine::{Agent, Ending, Sink};

/// How the agent works.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How long a flow waits for the exec it belongs to.
    pub lateness: Duration,
    /// Flows that may wait.
    pub waiting: usize,
    /// Stop after this long; `None` runs until a signal.
    pub run_for: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings { lateness: Duration::from_secs(2), waiting: 16_384, run_for: None }
    }
}

/// What the agent did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Process events.
    pub processes: u64,
    /// Flows.
    pub flows: u64,
    /// Flows whose execution is not known.
    pub unattributed: u64,
    /// Reports of the network statistics that the kernel could not deliver since it started, to this program or
    /// another.
    pub undelivered: u64,
    /// Executions forgotten early because the table was full; those of them that are a loss are counted there too.
    pub forgotten: u64,
    /// Alerts held back by the limits of volume.
    pub held_back: u64,
    /// Sequences held back, by the name of the exception.
    pub excepted: Vec<(String, u64)>,
    /// What was lost or given up, by counter.
    pub lost: Vec<(&'static str, u64)>,
}

/// A source that can never work here.
#[derive(Debug)]
pub struct Error {
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
