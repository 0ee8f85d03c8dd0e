//! Documents about the agent itself: what it did, how it is, what it cannot see.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::shorten::shorten;
use crate::event::document::insert;
use crate::event::hash::short_hash;
use crate::event::{Machine, Timestamp};

/// What such a document has in common with the others.
#[derive(Clone, Copy, Debug)]
pub(crate) struct About<'a> {
    /// `@timestamp`.
    pub time: Timestamp,
    /// The Mac.
    pub machine: &'a Machine,
    /// `event.kind`: `event`, `state` or `pipeline_error`.
    pub kind: &'static str,
    /// `event.category`.
    pub category: &'static str,
    /// `event.type`.
    pub event_type: &'static str,
    /// `event.action`.
    pub action: &'static str,
    /// `event.outcome`, where something can fail.
    pub outcome: Option<&'static str>,
    /// One sentence.
    pub message: &'a str,
}

impl About<'_> {
    /// The document. `details` have dotted names.
    pub(crate) fn document(self, details: impl IntoIterator<Item = (String, Json)>) -> Map<String, Json> {
        let (time, host) = (self.time.to_string(), &self.machine.host_id);
        let mut hash = Sha256::new();
        for part in [host.as_bytes(), time.as_bytes(), self.action.as_bytes(), self.message.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut event = json!({
            "id": short_hash(hash), "kind": self.kind, "category": [self.category], "type": [self.event_type],
            "action": self.action, "module": "osawatch", "dataset": "osawatch.alerts", "created": time,
        });
        if let (Some(outcome), Json::Object(event)) = (self.outcome, &mut event) {
            event.insert("outcome".into(), outcome.into());
        }
        let mut document = Map::new();
        document.insert("@timestamp".into(), time.into());
        document.insert("event".into(), event);
        document.insert("ecs".into(), json!({ "version": super::ecs::ECS_VERSION }));
        document.insert("message".into(), self.message.into());
        document.insert("host".into(), json!({ "id": host, "os": { "type": "macos" } }));
        document.insert("agent".into(), super::ecs::own_agent(host));
        let stream = json!({ "type": "logs", "dataset": "osawatch.alerts", "namespace": "default" });
        document.insert("data_stream".into(), stream);
        for (name, value) in details {
            insert(&mut document, &name, value);
        }
        shorten(&mut document);
        document
    }
}
