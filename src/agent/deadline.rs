//! When a program that was asked to stop has to have ended, and how long each thing may take that it does until then.

use std::time::{Duration, Instant};

/// The time by which all is done.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadline(Instant);

/// What is done when the program stops, in this order.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stage {
    /// What the sensors have under way is taken in.
    Reports,
    /// Alerts are composed and handed over.
    Alerts,
    /// Executions that were told to end are seen to their end.
    Responses,
    /// The alert file gets what it was handed.
    File,
    /// A recording is completed.
    Recording,
    /// The last status is written.
    Status,
}

impl Stage {
    /// What those behind it need, when nothing holds them up.
    fn keeps(self) -> Duration {
        Duration::from_millis(match self {
            Stage::Reports => 3000,
            Stage::Alerts => 2000,
            Stage::Responses => 1500,
            Stage::File => 500,
            Stage::Recording => 200,
            Stage::Status => 0,
        })
    }
}

impl Deadline {
    /// So long from now.
    #[allow(clippy::disallowed_methods, reason = "a program ends in real time")]
    pub(crate) fn after(limit: Duration) -> Deadline {
        Deadline(Instant::now() + limit)
    }

    /// How long this may take: what is left, but for what those behind it need.
    #[allow(clippy::disallowed_methods, reason = "a program ends in real time")]
    pub(crate) fn left_for(self, stage: Stage) -> Duration {
        self.0.saturating_duration_since(Instant::now()).saturating_sub(stage.keeps())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAGES: [Stage; 6] =
        [Stage::Reports, Stage::Alerts, Stage::Responses, Stage::File, Stage::Recording, Stage::Status];

    #[test]
    fn each_stage_leaves_time_to_those_behind_it_and_all_of_them_together_take_no_longer_than_there_is() {
        assert!(STAGES.map(Stage::keeps).is_sorted_by(|before, after| before > after));
        let until = Deadline::after(Duration::from_secs(5));
        let left = STAGES.map(|stage| until.left_for(stage));
        assert!(left[0] > Duration::ZERO && left[0] <= Duration::from_secs(2), "{left:?}");
        assert!(left.iter().all(|left| *left <= Duration::from_secs(5)), "{left:?}");
        assert_eq!(STAGES.map(|stage| Deadline::after(Duration::ZERO).left_for(stage)), [Duration::ZERO; 6]);
    }
}
