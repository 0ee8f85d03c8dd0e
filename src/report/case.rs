//! What a case report is made of: the alerts, and what else their processes did.

use serde_json::{Map, Value as Json};

use crate::event::Event;

/// Alerts that a report shows; further ones are counted.
const MAX_ALERTS: usize = 1000;

/// A case: alerts, and the events around them.
#[derive(Debug, Default)]
pub struct Case {
    pub(super) alerts: Vec<Map<String, Json>>,
    pub(super) more: u64,
}

impl Case {
    /// Adds an alert.
    pub fn add(&mut self, alert: &Map<String, Json>) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push(alert.clone());
        } else {
            self.more += 1;
        }
    }

    /// Takes note of an event that an alert's process may have to do with.
    pub fn observe(&mut self, _event: &Event) {}
}
