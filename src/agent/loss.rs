//! Lost events: which alerts they may affect, and when to report them.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use crate::event::Timestamp;

/// A loss this long before the first event of an alert may still affect it: the longest span of a rule
/// that is built in, and as much again for late reports.
const REACH: Duration = Duration::from_secs(60);
/// Documents about loss are at least this far apart.
const PERIOD: Duration = Duration::from_secs(60);
/// The running processes are looked up after a loss at most this often.
const SCAN_AFTER: Duration = Duration::from_secs(10);
/// Seconds with losses that are remembered of each counter: ten minutes and some, which is as far as is asked back.
const MAX_SECONDS: usize = 660;

/// What was lost and when.
#[derive(Debug, Default)]
pub(super) struct LossLog {
    counters: Vec<Counter>,
    unsaid: Vec<(&'static str, u64)>,
    said: Option<Duration>,
    scanned: (u64, Option<Duration>),
}

/// What one counter showed.
#[derive(Debug)]
struct Counter {
    name: &'static str,
    last: u64,
    /// How much was lost in a second, in the order in which it was seen.
    seconds: VecDeque<(i64, u64)>,
}

impl Counter {
    /// How much was lost in the meantime.
    fn observe(&mut self, count: u64, time: Timestamp) -> u64 {
        let more = count.saturating_sub(mem::replace(&mut self.last, count));
        match self.seconds.back_mut() {
            _ if more == 0 => {}
            Some((known, lost)) if *known == second(time) => *lost += more,
            _ => {
                self.seconds.push_back((second(time), more));
                self.seconds.drain(..self.seconds.len().saturating_sub(MAX_SECONDS));
            }
        }
        more
    }

    /// How much was lost since then.
    fn since(&self, time: Timestamp) -> u64 {
        self.seconds.iter().filter(|(known, _)| *known >= second(time)).map(|(_, lost)| lost).sum()
    }
}

/// The second of a time.
fn second(time: Timestamp) -> i64 {
    time.nanoseconds().div_euclid(1_000_000_000)
}

impl LossLog {
    /// Compares the counters, always the same and in one order, with those of the last time.
    pub(super) fn observe(&mut self, counters: impl Iterator<Item = (&'static str, u64)>, time: Timestamp) {
        for (at, (name, count)) in counters.enumerate() {
            if self.counters.len() == at {
                self.counters.push(Counter { name, last: 0, seconds: VecDeque::new() });
            }
            match self.counters[at].observe(count, time) {
                0 => {}
                more => self.add_unsaid(name, more),
            }
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
        let lost = self.counters.iter().map(|counter| (counter.name, counter.since(horizon)));
        lost.filter(|(_, lost)| *lost > 0).collect()
    }

    /// How much was lost since then, as far as it is remembered.
    pub(super) fn since(&self, time: Timestamp) -> u64 {
        self.counters.iter().map(|counter| counter.since(time)).sum()
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
        Some(mem::take(&mut self.unsaid))
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
        assert_eq!(log.near(at(1020)), [("a", 1), ("b", 5)]);
        assert_eq!(log.near(at(1070)), [("a", 1), ("b", 3)]);
        assert!(log.near(at(1071)).is_empty());
        assert_eq!(log.due(now(61), false), Some(vec![("a", 1), ("b", 3)]));
        log.observe([("a", 2), ("b", 5)].into_iter(), at(1100));
        assert_eq!(log.due(now(62), true), Some(vec![("a", 1)]), "at the end nothing is kept back");
    }

    #[test]
    fn a_storm_in_which_every_event_is_a_loss_is_counted_whole_and_drives_out_no_other_counter() {
        let mut log = LossLog::default();
        for event in 0..10_000_u64 {
            let time = at(1000).saturating_add(Duration::from_millis(event));
            log.observe([("rare", u64::from(event > 0)), ("storm", event)].into_iter(), time);
        }
        assert_eq!(log.near(at(1000)), [("rare", 1), ("storm", 9999)]);
        assert_eq!(log.since(at(1000)), 10_000);
    }

    #[test]
    fn of_each_counter_some_ten_minutes_are_remembered() {
        let mut log = LossLog::default();
        (1..=2000).for_each(|second| log.observe([("a", second)].into_iter(), at(second.cast_signed())));
        assert_eq!((log.since(at(0)), log.since(at(1401))), (MAX_SECONDS as u64, 600));
    }
}
