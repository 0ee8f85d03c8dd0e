//! Lost events: which alerts they may affect, and when to say so.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Timestamp;

/// A loss this long before the first event of an alert may still affect it: the longest span of a rule
/// that is built in, and as much again for late reports.
const REACH: Duration = Duration::from_secs(60);
/// Documents about loss are at least this far apart.
const PERIOD: Duration = Duration::from_secs(60);
/// Losses that are remembered.
const MOST: usize = 256;

/// What was lost and when.
#[derive(Debug, Default)]
pub(super) struct LossLog {
    last: Vec<(&'static str, u64)>,
    recent: VecDeque<(Timestamp, &'static str, u64)>,
    unsaid: Vec<(&'static str, u64)>,
    said: Option<Duration>,
}

impl LossLog {
    /// Compares the counters with those of the last time.
    pub(super) fn observe(&mut self, counters: &[(&'static str, u64)], time: Timestamp) {
        for (name, count) in counters {
            let before = self.last.iter().find(|(known, _)| known == name).map_or(0, |(_, count)| *count);
            let more = count.saturating_sub(before);
            if more == 0 {
                continue;
            }
            self.recent.push_back((time, name, more));
            match self.unsaid.iter_mut().find(|(known, _)| known == name) {
                Some((_, unsaid)) => *unsaid += more,
                None => self.unsaid.push((name, more)),
            }
        }
        self.last = counters.to_vec();
        while self.recent.len() > MOST {
            self.recent.pop_front();
        }
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

    /// What a document should tell now: the first loss at once, later ones once a minute, all at the end.
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
    fn a_loss_marks_the_alerts_near_it_and_is_told_at_once_then_once_a_minute() {
        let mut log = LossLog::default();
        let now = Duration::from_secs;
        log.observe(&[("a", 0), ("b", 2)], at(1000));
        assert_eq!(log.due(now(1), false), Some(vec![("b", 2)]));
        log.observe(&[("a", 1), ("b", 5)], at(1010));
        assert_eq!(log.due(now(30), false), None);
        assert_eq!(log.near(at(1020)), [("b", 5), ("a", 1)]);
        assert_eq!(log.near(at(1070)), [("a", 1), ("b", 3)]);
        assert!(log.near(at(1071)).is_empty());
        assert_eq!(log.due(now(61), false), Some(vec![("a", 1), ("b", 3)]));
        log.observe(&[("a", 2), ("b", 5)], at(1100));
        assert_eq!(log.due(now(62), true), Some(vec![("a", 1)]), "at the end nothing is kept back");
    }
}
