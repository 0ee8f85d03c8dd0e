//! When a source without a far end is asked again.

use std::collections::VecDeque;
use std::time::Duration;

/// A source is asked again after each of these; the last one is repeated for as long as its process is watched.
const WAITS: [Duration; 5] = [
    Duration::from_millis(2),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_millis(1000),
];

/// Sources by how often they were asked. One wait is the same for all, so each queue is in order.
#[derive(Debug, Default)]
pub(super) struct Schedule([VecDeque<(Duration, u64)>; WAITS.len()]);

impl Schedule {
    /// A source for the first time.
    pub(super) fn add(&mut self, source: u64, now: Duration) {
        self.push(0, source, now);
    }

    /// A source that [`Schedule::pop`] gave at this step; after the last step only if `forever`.
    pub(super) fn add_again(&mut self, step: usize, source: u64, now: Duration, forever: bool) {
        if step + 1 < WAITS.len() {
            self.push(step + 1, source, now);
        } else if forever {
            self.push(step, source, now);
        }
    }

    /// A source that is due, and its step.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(usize, u64)> {
        let is_due = |queue: &VecDeque<(Duration, u64)>| queue.front().is_some_and(|(due, _)| *due <= now);
        let step = self.0.iter().position(is_due)?;
        self.0[step].pop_front().map(|(_, source)| (step, source))
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.iter().filter_map(|queue| queue.front()).map(|(due, _)| *due).min()
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(VecDeque::clear);
    }

    fn push(&mut self, step: usize, source: u64, now: Duration) {
        self.0[step].push_back((now + WAITS[step], source));
    }
}
