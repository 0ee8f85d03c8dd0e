//! What a replay gave out, which is what its summary counts: with `--from`, less than was found.

use std::collections::BTreeMap;

use crate::alert::{Alert, Tells};
use crate::report::plural;

/// Alerts and follow-ups, also those that stood in the alert file already.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Given {
    /// Alerts by the id of their rule.
    pub(super) alerts: BTreeMap<String, u64>,
    /// Alerts that the limits of volume held back.
    pub(super) held_back: u64,
    /// Detections that follow-ups tell of.
    pub(super) followed_up: u64,
    /// Alerts that stood in the file already, and other documents that did.
    held: (u64, u64),
}

impl Given {
    /// Counts an alert or what tells of others; `is_held`: it stood in the file already.
    pub(super) fn count(&mut self, alert: &Alert, tells: Tells, is_held: bool) {
        match tells {
            Tells::Detection => *self.alerts.entry(alert.rule_id.clone()).or_default() += 1,
            Tells::HeldBack(alerts) => self.held_back += alerts,
            Tells::FollowedUp(detections) => self.followed_up += detections,
        }
        if is_held && tells == Tells::Detection {
            self.held.0 += 1;
        } else if is_held {
            self.held.1 += 1;
        }
    }

    /// What stood in the file already, in words.
    pub(super) fn held(&self) -> Option<String> {
        match self.held {
            (0, 0) => None,
            (alerts, 0) => Some(plural(alerts, "alert")),
            (alerts, others) => Some(format!("{} and {}", plural(alerts, "alert"), plural(others, "other document"))),
        }
    }
}
