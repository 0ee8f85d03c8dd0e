//! When a source that may still connect is asked about again.

use std::collections::VecDeque;
use std::time::Duration;

/// A source is asked about after each of these; the last one is repeated for as long as its process is watched.
const WAITS: [Duration; 5] = [
    Duration::from_millis(2),
    Duration::from_millis(10),
    Duration::from_millis(40),
    Duration::from_millis(150),
    Duration::from_millis(1000),
];

/// A source in the schedule.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// The source.
    pub(super) id: u64,
    /// The turn of the source that this is for: an entry of an earlier one is void.
    pub(super) turn: u32,
    step: usize,
}

/// Sources by how often they were asked about. One wait is the same for all, so each queue is in order.
#[derive(Debug, Default)]
pub(super) struct Schedule([VecDeque<(Duration, Entry)>; WAITS.len()]);

impl Schedule {
    /// A new source, which was not asked about.
    pub(super) fn add(&mut self, id: u64, turn: u32, now: Duration) {
        self.push(Entry { id, turn, step: 0 }, now);
    }

    /// A source that was just asked about.
    pub(super) fn add_asked(&mut self, id: u64, turn: u32, now: Duration) {
        self.push(Entry { id, turn, step: 1 }, now);
    }

    /// A source that [`Schedule::pop`] returned; after the last step only if `forever`.
    pub(super) fn add_again(&mut self, entry: Entry, now: Duration, forever: bool) {
        if entry.step + 1 < WAITS.len() {
            self.push(Entry { step: entry.step + 1, ..entry }, now);
        } else if forever {
            self.push(entry, now);
        }
    }

    /// A source that is due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<Entry> {
        let is_due = |queue: &&mut VecDeque<(Duration, Entry)>| queue.front().is_some_and(|(due, _)| *due <= now);
        let queue = self.0.iter_mut().find(is_due)?;
        queue.pop_front().map(|(_, entry)| entry)
    }

    /// When the next one is due.
    pub(super) fn next(&self) -> Option<Duration> {
        self.0.iter().filter_map(|queue| queue.front()).map(|(due, _)| *due).min()
    }

    pub(super) fn clear(&mut self) {
        self.0.iter_mut().for_each(VecDeque::clear);
    }

    fn push(&mut self, entry: Entry, now: Duration) {
        self.0[entry.step].push_back((now + WAITS[entry.step], entry));
    }
}
