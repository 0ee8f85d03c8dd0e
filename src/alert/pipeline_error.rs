//! The document that reports lost events.

use serde_json::{Map, Value as Json};

use super::about::About;
use crate::event::{Machine, Timestamp};

/// Counters of what full tables evicted begin with this.
const EVICTED: &str = "table.";

/// A document of ECS `event.kind` `pipeline_error` about events lost before they were examined, and what was evicted. `lost`
/// has the counter and how many more it has than at the last such document.
pub(crate) fn document(time: Timestamp, machine: &Machine, lost: &[(&str, u64)]) -> Map<String, Json> {
    let message = message(lost);
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

fn message(lost: &[(&str, u64)]) -> String {
    let total = |evicted: bool| -> u64 {
        lost.iter().filter(|(name, _)| name.starts_with(EVICTED) == evicted).map(|(_, count)| count).sum()
    };
    let unseen = match total(false) {
        0 => None,
        1 => Some("1 event or report was lost before it was examined".to_owned()),
        total => Some(format!("{total} events or reports were lost before they were examined")),
    };
    let evicted = match total(true) {
        0 => None,
        1 => Some("1 entry of a full table was evicted".to_owned()),
        total => Some(format!("{total} entries of full tables were evicted")),
    };
    unseen.into_iter().chain(evicted).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_never_seen_is_told_apart_from_what_a_full_table_evicted() {
        assert_eq!(message(&[("es.dropped", 1)]), "1 event or report was lost before it was examined");
        assert_eq!(
            message(&[("es.dropped", 2), ("ntstat.no_room", 1), ("table.cases", 1)]),
            "3 events or reports were lost before they were examined; 1 entry of a full table was evicted"
        );
        assert_eq!(message(&[("table.cases", 1), ("table.sequences", 2)]), "3 entries of full tables were evicted");
    }
}
