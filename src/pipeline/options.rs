//! How much a pipeline holds, and how it works.

use std::time::Duration;

use crate::detect::{Lateness, Volume};
use crate::event::Budget;
use crate::process;
use crate::script::{Capture, Redactor};

/// Executions of a live Mac: a storm of 10,000 a second, each with a fork, for three seconds beyond their exit.
const LIVE_EXECUTIONS: usize = 65_536;

/// The least that an execution takes of the bytes for them: of a recording as many are held as the bytes allow.
const LEAST_EXECUTION: usize = 512;

/// What an execution, a partial sequence or a waiting event takes with its texts, mostly.
const HELD_BYTES: usize = 2048;

/// How much disorder is expected of recordings.
pub(crate) const LATENESS: Duration = Duration::from_secs(5);

/// How much the pipeline holds. What it evicts beyond these limits is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How much disorder to expect.
    pub lateness: Lateness,
    /// Events waiting for earlier ones.
    pub reorder: usize,
    /// Bytes of the events waiting for earlier ones.
    pub reorder_bytes: usize,
    /// Partial sequences of each rule.
    pub sequences: usize,
    /// Bytes of the partial sequences of all rules.
    pub sequence_bytes: usize,
    /// Process executions.
    pub processes: process::Limits,
    /// The end of the input is the end of time: what waits for an event not to occur is found then. A live
    /// Mac continues when the agent stops.
    pub decides_at_end: bool,
}

impl Limits {
    /// For recordings.
    pub fn replay() -> Limits {
        Limits::within(Budget::REPLAY, Lateness::UpTo(LATENESS), Budget::REPLAY.executions / LEAST_EXECUTION)
    }

    /// For this Mac as things happen: an alert goes out at once.
    pub fn live() -> Limits {
        Limits::live_within(Budget::LIVE)
    }

    /// The same, with other shares.
    pub fn live_within(budget: Budget) -> Limits {
        Limits::within(budget, Lateness::UpTo(Duration::ZERO), LIVE_EXECUTIONS)
    }

    /// So many executions, and the bytes that they take.
    pub(crate) fn hold_executions(&mut self, count: usize) {
        self.processes.executions = count;
        make_room(&mut self.processes.bytes, count);
    }

    /// So many partial sequences of each rule, and the bytes that they take.
    pub(crate) fn hold_sequences(&mut self, count: usize) {
        self.sequences = count;
        make_room(&mut self.sequence_bytes, count);
    }

    /// So many events that wait for earlier ones, and the bytes that they take.
    pub(crate) fn hold_events(&mut self, count: usize) {
        self.reorder = count;
        make_room(&mut self.reorder_bytes, count);
    }

    /// Any order, as far as the events fit into so many bytes.
    pub(crate) fn sort(&mut self, bytes: usize) {
        (self.lateness, self.reorder, self.reorder_bytes) = (Lateness::UpTo(Duration::MAX), usize::MAX, bytes);
    }

    fn within(budget: Budget, lateness: Lateness, executions: usize) -> Limits {
        Limits {
            lateness,
            reorder: 131_072,
            reorder_bytes: budget.reorder,
            sequences: 65_536,
            sequence_bytes: budget.sequences,
            processes: process::Limits { executions, bytes: budget.executions, ..process::Limits::default() },
            decides_at_end: !matches!(lateness, Lateness::UpTo(Duration::ZERO)),
        }
    }
}

/// Of a count alone, the limit of their bytes would be reached first.
fn make_room(bytes: &mut usize, count: usize) {
    *bytes = count.saturating_mul(HELD_BYTES).max(*bytes);
}

/// How a pipeline works.
#[derive(Debug)]
pub struct Options {
    /// How much it holds.
    pub(crate) limits: Limits,
    /// How many alerts go out; `None`: all.
    pub(crate) volume: Option<Volume>,
    /// How much is taken of the scripts that arguments hold; `None`: the source has examined the events.
    pub(crate) capture: Option<Capture>,
    /// Leaves secrets out of alerts.
    pub(crate) redactor: Option<Redactor>,
    /// The names of users can become known after an event: exceptions that ask for one are left to
    /// [`Draft::is_suppressed`].
    pub(crate) names_come_later: bool,
}

impl From<Limits> for Options {
    fn from(limits: Limits) -> Options {
        Options { limits, volume: None, capture: None, redactor: None, names_come_later: false }
    }
}
