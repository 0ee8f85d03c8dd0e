//! What exceptions suppressed in a replay.

use crate::cli::summary;
use crate::detect::{Exception, Match, Rule};
use crate::event::Timestamp;
use crate::output::terminal;

/// Counts it, and reports it where that is wanted.
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
    pub(super) fn note(&mut self, position: usize, rule: &Rule, exception: &Exception, found: &Match) {
        let time = found.events.last().map(|event| event.time);
        if self.from.is_some_and(|from| time.is_some_and(|time| time < from)) {
            return;
        }
        self.counts[position] += 1;
        if self.explain {
            terminal::say(&summary::suppressed(rule, exception, found));
        }
    }
}
