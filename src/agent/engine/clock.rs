//! What time it is for the engine, also when the time of day is set.

use std::time::Duration;

use super::Engine;
use crate::event::Timestamp;

/// After the clock was set back, an event of before may be reported for so long,
const ON_ITS_WAY: Duration = Duration::from_secs(30);
/// and is told by being so far ahead.
const AHEAD: Duration = Duration::from_secs(1);

impl Engine {
    /// The time by the stream of processes and what has passed since it reported of one.
    pub(in crate::agent) fn time(&self, now: Duration) -> Timestamp {
        let (time, at) = self.clock;
        time.saturating_add(now.saturating_sub(at))
    }

    /// The time of day was set by so many nanoseconds: events that follow are not late because of it.
    pub(in crate::agent) fn clock_was_set(&mut self, by: i64, now: Duration) {
        let moved = |time: Timestamp| Timestamp::from_nanoseconds(time.nanoseconds().saturating_add(by));
        self.clock = (moved(self.time(now)), now);
        self.set_back = (by < 0).then_some(now);
        if by < 0 && self.progress.seen.nanoseconds() > i64::MIN {
            self.progress.seen = moved(self.progress.seen);
        }
    }

    /// Whether an event was on its way when the clock was set back: by the clock as it is now it is yet to come.
    pub(super) fn is_of_before_set(&self, time: Timestamp, now: Duration) -> bool {
        let is_recent = self.set_back.is_some_and(|at| now.saturating_sub(at) < ON_ITS_WAY);
        is_recent && time > self.time(now).saturating_add(AHEAD)
    }
}
