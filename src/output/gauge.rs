//! How the alert file keeps up, for others to look at while it works.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::backlog::Backlog;
use super::inbox::Inbox;
use crate::event::Timestamp;

/// Alerts whose latency is remembered.
const REMEMBERED: usize = 1024;
/// Alerts on their way to the disk whose time is remembered.
const WAITING: usize = 4096;

/// How long alerts took from their event to the disk.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    /// When what is on its way happened.
    waiting: VecDeque<Timestamp>,
    /// Milliseconds, the newest last.
    written: VecDeque<u64>,
}

impl Latencies {
    /// An alert whose last event is of this time is on its way.
    pub(super) fn push(&mut self, time: Timestamp) {
        if self.waiting.len() < WAITING {
            self.waiting.push_back(time);
        }
    }

    /// How many are on their way.
    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The first so many are on the disk.
    pub(super) fn wrote(&mut self, count: usize, now: Timestamp) {
        for time in self.waiting.drain(..count.min(self.waiting.len())) {
            if self.written.len() == REMEMBERED {
                self.written.pop_front();
            }
            let span = now.milliseconds().saturating_sub(time.milliseconds());
            self.written.push_back(span.max(0).unsigned_abs());
        }
    }

    /// The milliseconds that were measured, the least first.
    fn sorted(&self) -> Vec<u64> {
        let mut sorted: Vec<u64> = self.written.iter().copied().collect();
        sorted.sort_unstable();
        sorted
    }
}

/// The alert file as others see it.
#[derive(Clone, Debug)]
pub(crate) struct Gauge {
    pub(super) inbox: Arc<Inbox>,
    pub(super) backlog: Arc<Mutex<Backlog>>,
    pub(super) latencies: Arc<Mutex<Latencies>>,
}

impl Gauge {
    /// Lines that came so far, and how many are not in the file, those that an earlier run left among them.
    pub(crate) fn flow(&self) -> (u64, u64) {
        lock(&self.backlog).flow()
    }

    /// Lines lost, as neither disk nor memory had room.
    pub(crate) fn lost(&self) -> u64 {
        self.inbox.lost()
    }

    /// The milliseconds from event to disk of the last alerts, the least first.
    pub(crate) fn latencies(&self) -> Vec<u64> {
        lock(&self.latencies).sorted()
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_1024_alerts_are_measured_and_a_clock_set_back_gives_none_below_zero() {
        let time = |ms| Timestamp::from_milliseconds(ms).unwrap();
        let mut latencies = Latencies::default();
        latencies.push(time(5000));
        latencies.wrote(1, time(1000));
        assert_eq!(latencies.sorted(), [0]);
        for n in 0..2000 {
            latencies.push(time(n));
            latencies.wrote(1, time(n + 7));
        }
        assert_eq!((latencies.sorted().len(), latencies.sorted()[0], latencies.waiting()), (1024, 7, 0));
    }
}
