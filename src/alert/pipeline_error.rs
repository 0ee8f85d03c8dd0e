//! The document that reports lost events.

use serde_json::{Map, Value as Json};

use super::about::About;
use crate::event::{Machine, Timestamp};

/// A document of ECS `event.kind` `pipeline_error` about events lost before they were examined. `lost`
/// has the counter and how many more it has than at the last such document.
pub(crate) fn document(time: Timestamp, machine: &Machine, lost: &[(&str, u64)]) -> Map<String, Json> {
    let total: u64 = lost.iter().map(|(_, count)| count).sum();
    let message = format!("{total} events or reports were lost before they were examined");
    let about = About {
        time,
        machine,
        kind: "pipeline_error",
        category: "host",
        event_type: "info",
        action: "events_lost",
        outcome: Some("failure"),
        message: &message,
    };
    about.document(lost.iter().map(|(name, count)| (format!("osawatch.loss.{name}"), (*count).into())))
}
