//! What the agent takes of a processor, and what it gives up when that is too much.

use std::collections::VecDeque;
use std::time::Duration;

/// Processor time is averaged over this time.
const MINUTE: Duration = Duration::from_secs(60);
/// Now is the time since this.
const MOMENT: Duration = Duration::from_secs(10);
/// Measurements closer than this are not all kept.
const LEAST: Duration = Duration::from_secs(1);
/// Optional work is taken up again when the share has fallen to this part of the limit: near the limit, giving it up
/// and taking it up would follow one another.
const RESUME_AT: f64 = 0.5;

/// The processor time of the last minute, against its limit.
#[derive(Debug)]
pub(super) struct Appetite {
    /// Percent of a core; 0: there is no limit.
    limit: u32,
    /// Processor time at points of time within the last minute.
    used: VecDeque<(Duration, Duration)>,
    /// Optional work is given up since then.
    shed_at: Option<Duration>,
}

/// What a measurement changes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Change {
    /// Optional work is given up: it was this many percent.
    Shed(f64),
    /// It is taken up again.
    Resume(f64),
}

impl Appetite {
    pub(super) fn new(limit: u32) -> Appetite {
        Appetite { limit, used: VecDeque::new(), shed_at: None }
    }

    /// Percent of a core.
    pub(super) fn limit(&self) -> u32 {
        self.limit
    }

    /// Optional work is given up now.
    pub(super) fn is_shed(&self) -> bool {
        self.shed_at.is_some()
    }

    /// Another limit, from the next measurement on.
    pub(super) fn set_limit(&mut self, limit: u32) {
        self.limit = limit;
    }

    /// So much processor time was used in all until now.
    pub(super) fn observe(&mut self, used: Duration, now: Duration) -> Option<Change> {
        let last_but_one = self.used.len().checked_sub(2).and_then(|at| self.used.get(at));
        if last_but_one.is_some_and(|(at, _)| now.saturating_sub(*at) < LEAST) {
            self.used.pop_back();
        }
        self.used.push_back((now, used));
        while self.used.get(1).is_some_and(|(second, _)| now.saturating_sub(*second) >= MINUTE) {
            self.used.pop_front();
        }
        let (percent, limit) = (self.percent(), f64::from(self.limit));
        let is_whole = self.used.front().is_some_and(|(began, _)| now.saturating_sub(*began) >= MINUTE);
        match self.shed_at {
            None if self.limit > 0 && is_whole && percent > limit => {
                self.shed_at = Some(now);
                Some(Change::Shed(percent))
            }
            Some(_) if self.limit == 0 => self.resume(percent),
            // The minute that counts began after the work was given up.
            Some(since) if now.saturating_sub(since) >= MINUTE && percent <= limit * RESUME_AT => self.resume(percent),
            _ => None,
        }
    }

    fn resume(&mut self, percent: f64) -> Option<Change> {
        self.shed_at = None;
        Some(Change::Resume(percent))
    }

    /// In all, when it was last measured.
    pub(super) fn used(&self) -> Duration {
        self.used.back().map_or(Duration::ZERO, |(_, used)| *used)
    }

    /// Of one core, over the last minute.
    pub(super) fn percent(&self) -> f64 {
        self.percent_since(Duration::ZERO)
    }

    /// Of one core, over the last seconds.
    pub(super) fn percent_now(&self) -> f64 {
        self.percent_since(self.used.back().map_or(Duration::ZERO, |(now, _)| now.saturating_sub(MOMENT)))
    }

    /// From the last measurement until this point of time on, or from the first.
    fn percent_since(&self, begin: Duration) -> f64 {
        let first = self.used.iter().rev().find(|(at, _)| *at <= begin).or(self.used.front());
        let (Some((began, before)), Some((now, used))) = (first, self.used.back()) else { return 0.0 };
        let span = now.saturating_sub(*began);
        let used = used.saturating_sub(*before);
        if span.is_zero() { 0.0 } else { 100.0 * used.as_secs_f64() / span.as_secs_f64() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each second uses this many percent; what changed, and at which second.
    fn played(appetite: &mut Appetite, seconds: impl IntoIterator<Item = (u64, u64)>) -> Vec<(u64, &'static str)> {
        let (mut used, mut changes) = (Duration::ZERO, Vec::new());
        for (second, percent) in seconds {
            used += Duration::from_millis(10 * percent);
            match appetite.observe(used, Duration::from_secs(second)) {
                Some(Change::Shed(_)) => changes.push((second, "shed")),
                Some(Change::Resume(_)) => changes.push((second, "resume")),
                None => {}
            }
        }
        changes
    }

    #[test]
    fn a_busy_second_sheds_nothing_and_a_busy_minute_does_once() {
        let busy_second = (0..300).map(|second| (second, if second == 100 { 100 } else { 1 }));
        assert_eq!(played(&mut Appetite::new(50), busy_second), []);
        assert_eq!(played(&mut Appetite::new(50), (0..600).map(|second| (second, 90))), [(60, "shed")]);
    }

    #[test]
    fn what_was_shed_is_resumed_when_the_share_has_fallen_to_half_of_the_limit_for_a_minute() {
        let mut appetite = Appetite::new(50);
        let load = |second| match second {
            0..100 => 90,
            100..300 => 40,
            _ => 20,
        };
        let changes = played(&mut appetite, (0..600).map(|second| (second, load(second))));
        assert_eq!(changes[0], (60, "shed"));
        // 40 % is below the limit, and not far enough.
        assert!(matches!(changes[1..], [(344..=360, "resume")]), "{changes:?}");
        assert!(!appetite.is_shed());
    }

    #[test]
    fn a_load_that_comes_and_goes_changes_something_at_most_once_a_minute() {
        let load = |second: u64| if second % 130 < 65 { 100 } else { 0 };
        let changes = played(&mut Appetite::new(50), (0..3600).map(|second| (second, load(second))));
        assert!(changes.len() > 2, "{changes:?}");
        assert!(changes.windows(2).all(|pair| pair[1].0 - pair[0].0 >= 60 || pair[1].1 == "shed"), "{changes:?}");
    }

    #[test]
    fn without_a_limit_nothing_is_shed_and_a_limit_taken_away_resumes_at_once() {
        assert_eq!(played(&mut Appetite::new(0), (0..600).map(|second| (second, 100))), []);
        let mut appetite = Appetite::new(50);
        played(&mut appetite, (0..61).map(|second| (second, 90)));
        assert!(appetite.is_shed());
        appetite.set_limit(0);
        assert!(matches!(appetite.observe(Duration::from_secs(100), Duration::from_secs(61)), Some(Change::Resume(_))));
    }

    #[test]
    fn the_share_is_of_the_last_minute_alone_and_few_measurements_are_held() {
        let mut appetite = Appetite::new(0);
        let load = |second| if second < 100 { 100 } else { 30 };
        played(&mut appetite, (0..200).map(|second| (second, load(second))));
        assert!((appetite.percent() - 30.0).abs() < 1.0, "{}", appetite.percent());
        assert!(appetite.used.len() < 70);
        assert!((appetite.percent_now() - 30.0).abs() < 1.0, "{}", appetite.percent_now());
        for n in 0..1000 {
            appetite.observe(Duration::from_secs(160), Duration::from_secs(200) + Duration::from_millis(n));
        }
        assert!(appetite.used.len() < 70, "whoever asks for the status again and again takes no memory");
    }
}
