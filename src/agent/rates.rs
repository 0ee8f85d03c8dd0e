//! How many events come now, in all and of each program: a rate of the last seconds, not of the whole run.

use std::time::Duration;

use ahash::HashMap;

use crate::event::{Event, field};
use crate::status::Program;

/// A rate is of this time or less, but of no less than
const SPAN: Duration = Duration::from_secs(10);
/// this, as a shorter one says nothing.
const LEAST: Duration = Duration::from_secs(1);
/// Programs whose events are counted; then those with the fewest make room.
const PROGRAMS: usize = 512;
/// Programs that the status names.
const NAMED: usize = 10;

/// Events of one program.
#[derive(Debug, Default)]
struct Count {
    all: u64,
    /// Those before the time that the rate is of.
    before: u64,
    rate: f64,
}

impl Count {
    /// Takes the rate of so many seconds; `is_over`: the next one begins now.
    fn take(&mut self, seconds: f64, is_over: bool) {
        self.rate = (self.all - self.before) as f64 / seconds;
        if is_over {
            self.before = self.all;
        }
    }
}

/// The rates.
#[derive(Debug, Default)]
pub(super) struct Rates {
    events: Count,
    programs: HashMap<Box<str>, Count>,
    since: Duration,
}

impl Rates {
    /// Counts an event.
    pub(super) fn count(&mut self, event: &Event) {
        self.events.all += 1;
        let Some(executable) = event.str(field::PROCESS_EXECUTABLE) else { return };
        if let Some(count) = self.programs.get_mut(executable) {
            count.all += 1;
            return;
        }
        if self.programs.len() >= PROGRAMS {
            let mut counts: Vec<u64> = self.programs.values().map(|count| count.all).collect();
            counts.sort_unstable();
            let median = counts[counts.len() / 2];
            self.programs.retain(|_, count| count.all > median);
        }
        self.programs.insert(executable.into(), Count { all: 1, ..Count::default() });
    }

    /// Measures.
    pub(super) fn look(&mut self, now: Duration) {
        let span = now.saturating_sub(self.since);
        if span < LEAST {
            return;
        }
        let (seconds, is_over) = (span.as_secs_f64(), span >= SPAN);
        self.programs.values_mut().chain([&mut self.events]).for_each(|count| count.take(seconds, is_over));
        if is_over {
            self.since = now;
        }
    }

    /// Events in a second, when it was last measured.
    pub(super) fn per_second(&self) -> f64 {
        self.events.rate
    }

    /// The programs that have the most events now; those that have none now by what they had.
    pub(super) fn programs(&self) -> Vec<Program> {
        let mut programs: Vec<Program> = self
            .programs
            .iter()
            .map(|(name, count)| Program { name: name.to_string(), count: count.all, per_second: count.rate })
            .collect();
        programs.sort_unstable_by(|one, other| {
            let by_count = || other.count.cmp(&one.count).then_with(|| one.name.cmp(&other.name));
            other.per_second.total_cmp(&one.per_second).then_with(by_count)
        });
        programs.truncate(NAMED);
        programs
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp};

    const fn seconds(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn count(rates: &mut Rates, path: &str, times: u32) {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_EXECUTABLE, path);
        (0..times).for_each(|_| rates.count(&event));
    }

    #[test]
    fn of_100000_programs_the_busiest_are_named_and_few_are_held() {
        let mut rates = Rates::default();
        for n in 0..100_000 {
            count(&mut rates, &format!("/tmp/{n}"), 1);
            count(&mut rates, "/bin/sh", 1);
        }
        assert_eq!(rates.programs()[0], Program { name: "/bin/sh".into(), count: 100_000, per_second: 0.0 });
        assert!(rates.programs.len() <= PROGRAMS && rates.programs().len() == NAMED);
    }

    #[test]
    fn a_rate_is_of_the_last_seconds_and_a_program_that_was_busy_yesterday_is_not_the_first() {
        let mut rates = Rates::default();
        count(&mut rates, "/yesterday", 10_000);
        rates.look(seconds(10));
        assert!((rates.per_second() - 1000.0).abs() < 1e-9);
        count(&mut rates, "/now", 50);
        rates.look(seconds(15));
        assert!((rates.per_second() - 10.0).abs() < 1e-9, "{}", rates.per_second());
        let programs = rates.programs();
        assert_eq!(programs.iter().map(|program| program.name.as_str()).collect::<Vec<_>>(), ["/now", "/yesterday"]);
        assert!((programs[0].per_second - 10.0).abs() < 1e-9 && programs[1].per_second.abs() < 1e-9);
        rates.look(seconds(60));
        rates.look(seconds(70));
        assert!(rates.per_second().abs() < 1e-9, "a quiet agent has no events in a second");
    }

    #[test]
    fn questions_that_follow_one_another_at_once_do_not_change_the_rate() {
        let mut rates = Rates::default();
        count(&mut rates, "/a", 100);
        rates.look(seconds(10));
        count(&mut rates, "/a", 1);
        rates.look(seconds(10) + Duration::from_millis(1));
        assert!((rates.per_second() - 10.0).abs() < 1e-9);
    }
}
