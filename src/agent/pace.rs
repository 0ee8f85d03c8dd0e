//! How fast reports come, and whether they are worth a wake-up each.

use std::time::Duration;

/// For so long reports that may wait gather at most: an event of no interest that waits costs nobody anything.
pub(super) const GATHERING: Duration = Duration::from_millis(50);

/// With fewer reports in that time, waiting only adds a wake-up: the one that finds none.
const FEW: usize = 3;
/// With more the processor does not sleep anyway, and what is urgent would wait behind them.
const MANY: usize = 32;

/// The reports taken in the last whole stretch of [`GATHERING`], and in the one under way.
#[derive(Debug, Default)]
pub(super) struct Pace {
    began: Duration,
    taken: usize,
    last: usize,
}

impl Pace {
    /// A report was taken.
    pub(super) fn took_one(&mut self) {
        self.taken += 1;
    }

    /// Whether reports that may wait are to gather from now on.
    pub(super) fn gathers(&mut self, now: Duration) -> bool {
        let since = now.saturating_sub(self.began);
        if since >= GATHERING {
            let is_over = since >= 2 * GATHERING;
            self.last = if is_over { 0 } else { self.taken };
            (self.began, self.taken) = (now, 0);
        }
        (FEW..=MANY).contains(&self.last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The reports of each stretch, and whether those of the next gather.
    fn gathers(reports: &[usize]) -> Vec<bool> {
        let mut pace = Pace::default();
        let stretches = (1..).map(|number| number * GATHERING).zip(reports);
        let gathers = stretches.map(|(end, reports)| {
            (0..*reports).for_each(|_| pace.took_one());
            pace.gathers(end)
        });
        gathers.collect()
    }

    #[test]
    fn reports_gather_at_200_a_second_and_neither_at_20_nor_at_3000() {
        assert_eq!(gathers(&[1, 1, 10, 10, 150, 10, 0]), [false, false, true, true, false, true, false]);
    }

    #[test]
    fn the_first_reports_after_a_silence_do_not_gather() {
        let mut pace = Pace::default();
        (0..10).for_each(|_| pace.took_one());
        assert!(!pace.gathers(100 * GATHERING));
    }
}
