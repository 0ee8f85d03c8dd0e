//! What exceptions suppressed in a replay.

use crate::cli::summary;
use crate::detect::{Exception, Match, Rule};
use crate::event::Timestamp;

/// Counts it, and says which where that is wanted.
#[derive(Debug)]
pub(super) struct Excepted {
    /// Each is to be reported.
    pub(super) explain: bool,
    /// Those from before this time do not count.
    pub(super) from: Option<Timestamp>,
    /// How many, by the position of the exception.
    pub(super) counts: Vec<u64>,
}

impl Excepted {
    /// Counts what an exception held back. Returns the line that says so, if that is wanted.
    #[must_use]
    pub(super) fn note(
        &mut self,
        position: usize,
        rule: &Rule,
        exception: &Exception,
        found: &Match,
    ) -> Option<String> {
        let time = found.events.last().map(|event| event.time);
        if self.from.is_some_and(|from| time.is_some_and(|time| time < from)) {
            return None;
        }
        self.counts[position] += 1;
        self.explain.then(|| summary::suppressed(rule, exception, found))
    }
}
