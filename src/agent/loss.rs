//! Lost events: which alerts they may affect, and when to report them.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Timestamp;

/// A loss this long before the first event of an alert may still affect it: the longest span of a rule
/// that is built in, and as much again for late reports.
const REACH: Duration = Duration::from_secs(60);
/// Documents about loss are at least this far apart.
const PERIOD: Duration = Duration::from_secs(60);
/// The running processes are looked up after a loss at most this often.
const SCAN_AFTER: Duration = Duration::from_secs(10);
/// Losses that are remembered.
const MAX_RECENT: usize = 256;

/// What was lost and when.
#[derive(Debug, Default)]
pub(super) struct LossLog {
    last: Vec<u64>,
    recent: VecDeque<(Timestamp, &'static str, u64)>,
    unsaid: Vec<(&'static str, u64)>,
    said: Option<Duration>,
    scanned: (u64, Option<Duration>),
}

impl LossLog {
    /// Compares the counters, always the same and in one order, with those of the last time.
    pub(super) fn observe(&mut self, counters: impl Iterator<Item = (&'static str, u64)>, time: Timestamp) {
        for (at, (name, count)) in counters.enumerate() {
            if self.last.len() == at {
                self.last.push(0);
            }
            let more = count.saturating_sub(std::mem::replace(&mut self.last[at], count));
            if more == 0 {
                continue;
            }
            self.recent.push_back((time, name, more));
            self.add_unsaid(name, more);
        }
        while self.recent.len() > MAX_RECENT {
            self.recent.pop_front();
        }
    }

    /// Whether the running processes should be looked up, after `lost` process events in all.
    pub(super) fn wants_scan(&mut self, lost: u64, now: Duration) -> bool {
        let (known, last) = self.scanned;
        if lost == known || last.is_some_and(|last| now.saturating_sub(last) < SCAN_AFTER) {
            return false;
        }
        self.scanned = (lost, Some(now));
        true
    }

    /// What was lost near an alert whose first event is of this time.
    pub(super) fn near(&self, first: Timestamp) -> Vec<(&'static str, u64)> {
        let horizon = first.saturating_sub(REACH);
        let mut lost: Vec<(&'static str, u64)> = Vec::new();
        for (_, name, count) in self.recent.iter().filter(|(time, _, _)| *time >= horizon) {
            match lost.iter_mut().find(|(known, _)| known == name) {
                Some((_, sum)) => *sum += count,
                None => lost.push((name, *count)),
            }
        }
        lost
    }

    /// How much was lost since then, as far as it is remembered.
    pub(super) fn since(&self, time: Timestamp) -> u64 {
        self.recent.iter().filter(|(lost, _, _)| *lost >= time).map(|(_, _, count)| count).sum()
    }

    /// What could not be reported after all waits for the next document.
    pub(super) fn untold(&mut self, lost: Vec<(&'static str, u64)>) {
        for (name, count) in lost {
            self.add_unsaid(name, count);
        }
    }

    fn add_unsaid(&mut self, name: &'static str, count: u64) {
        match self.unsaid.iter_mut().find(|(known, _)| *known == name) {
            Some((_, unsaid)) => *unsaid += count,
            None => self.unsaid.push((name, count)),
        }
    }

    /// What a document should report now: the first loss at once, later ones once a minute, all at the end.
    pub(super) fn due(&mut self, now: Duration, is_end: bool) -> Option<Vec<(&'static str, u64)>> {
        let waits = self.said.is_some_and(|said| now.saturating_sub(said) < PERIOD) && !is_end;
        if self.unsaid.is_empty() || waits {
            return None;
        }
        self.said = Some(now);
        Some(std::mem::take(&mut self.unsaid))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_milliseconds(seconds * 1000).unwrap()
    }

    #[test]
    fn lost_process_events_ask_for_one_scan_in_ten_seconds() {
        let mut log = LossLog::default();
        let asked: Vec<bool> = [(0, 0), (2, 1), (2, 2), (5, 3), (5, 11), (5, 30)]
            .map(|(lost, second)| log.wants_scan(lost, Duration::from_secs(second)))
            .into();
        assert_eq!(asked, [false, true, false, false, true, false]);
    }

    #[test]
    fn a_loss_marks_the_alerts_near_it_and_is_told_at_once_then_once_a_minute() {
        let mut log = LossLog::default();
        let now = Duration::from_secs;
        log.observe([("a", 0), ("b", 2)].into_iter(), at(1000));
        assert_eq!(log.due(now(1), false), Some(vec![("b", 2)]));
        log.observe([("a", 1), ("b", 5)].into_iter(), at(1010));
        assert_eq!(log.due(now(30), false), None);
        assert_eq!(log.near(at(1020)), [("b", 5), ("a", 1)]);
        assert_eq!(log.near(at(1070)), [("a", 1), ("b", 3)]);
        assert!(log.near(at(1071)).is_empty());
        assert_eq!(log.due(now(61), false), Some(vec![("a", 1), ("b", 3)]));
        log.observe([("a", 2), ("b", 5)].into_iter(), at(1100));
        assert_eq!(log.due(now(62), true), Some(vec![("a", 1)]), "at the end nothing is kept back");
    }
}
