//! Which alerts wait for a disk, and which are merely on their way there. It is told the time.

use std::collections::VecDeque;
use std::time::Duration;

/// An alert that is on its way for longer waits.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
/// Looks that are closer together than this count as one: whoever asks again and again takes no memory.
const LEAST: Duration = Duration::from_millis(100);

/// How many alerts had come when it was looked.
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    looks: VecDeque<(Duration, u64)>,
}

impl Waiting {
    /// So many lines have come until now, and so many are not on the disk: how many of those have waited for longer than
    /// a second. Lines are written in the order in which they come.
    pub(crate) fn observe(&mut self, come: u64, not_written: u64, now: Duration) -> u64 {
        let is_old = |(at, _): &(Duration, u64)| now.saturating_sub(*at) >= PATIENCE;
        while self.looks.get(1).is_some_and(is_old) {
            self.looks.pop_front();
        }
        let old = self.looks.front().copied().filter(is_old);
        if self.looks.back().is_none_or(|(at, _)| now.saturating_sub(*at) >= LEAST) {
            self.looks.push_back((now, come));
        }
        old.map_or(0, |(_, before)| not_written.saturating_sub(come.saturating_sub(before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn alerts_that_are_on_their_way_for_less_than_a_second_do_not_wait() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.observe(3, 3, ms(0)), 0);
        assert_eq!(waiting.observe(6, 6, ms(900)), 0);
        assert_eq!(waiting.observe(9, 6, ms(1000)), 0, "the first three are written, and six came since");
        assert_eq!(waiting.observe(10, 6, ms(1900)), 2, "of the nine, three came in the last second");
    }

    #[test]
    fn what_the_disk_does_not_take_waits_until_it_does() {
        let mut waiting = Waiting::default();
        waiting.observe(4, 4, ms(0));
        assert_eq!(waiting.observe(4, 4, ms(1000)), 4);
        assert_eq!(waiting.observe(5, 5, ms(11_000)), 4);
        assert_eq!(waiting.observe(5, 5, ms(12_000)), 5);
        assert_eq!(waiting.observe(5, 0, ms(12_500)), 0);
    }

    #[test]
    fn alerts_that_the_run_before_left_wait_after_a_second() {
        let mut waiting = Waiting::default();
        assert_eq!(waiting.observe(0, 7, ms(0)), 0);
        assert_eq!(waiting.observe(0, 7, ms(1000)), 7);
    }

    #[test]
    fn a_storm_of_questions_takes_no_memory() {
        let mut waiting = Waiting::default();
        (0..100_000).for_each(|at| _ = waiting.observe(at, 1, ms(at)));
        assert!(waiting.looks.len() <= 12, "{}", waiting.looks.len());
    }
}
