//! The document that reports lost events.

use serde_json::{Map, Value as Json, json};

use crate::event::document::insert;
use crate::event::hash::short_hash;
use crate::event::{Machine, Timestamp};
use sha2::{Digest, Sha256};

/// A document of ECS `event.kind` `pipeline_error` about events lost before they were examined. `lost`
/// has the counter and how many more it has than at the last such document.
pub(crate) fn document(time: Timestamp, machine: &Machine, lost: &[(&str, u64)]) -> Map<String, Json> {
    let total: u64 = lost.iter().map(|(_, count)| count).sum();
    let mut hash = Sha256::new();
    hash.update(&machine.host_id);
    hash.update(time.nanoseconds().to_be_bytes());
    hash.update(total.to_be_bytes());
    let mut document = Map::new();
    document.insert("@timestamp".into(), time.to_string().into());
    document.insert(
        "event".into(),
        json!({
            "id": short_hash(hash), "kind": "pipeline_error", "category": ["host"], "type": ["error"],
            "action": "events_lost", "outcome": "failure", "module": "osawatch", "dataset": "osawatch.alerts",
            "created": time.to_string(),
        }),
    );
    document.insert("ecs".into(), json!({ "version": super::ecs::ECS_VERSION }));
    document.insert("message".into(), format!("{total} events or reports were lost before they were examined").into());
    document.insert("host".into(), json!({ "id": machine.host_id, "os": { "type": "macos" } }));
    for (name, count) in lost {
        insert(&mut document, &format!("osawatch.loss.{name}"), (*count).into());
    }
    document
}
