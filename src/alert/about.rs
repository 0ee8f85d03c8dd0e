//! Documents about the agent itself: what it did, how it is, what it cannot see.

use serde_json::{Map, Value as Json, json};

use super::shorten::shorten;
use crate::event::document::insert;
use crate::event::hash::id_of;
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
        let mut event = json!({
            "id": id_of([host, &time, self.action, self.message]), "kind": self.kind, "category": [self.category], "type": [self.event_type],
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
        document.insert("data_stream".into(), super::ecs::data_stream());
        for (name, value) in details {
            insert(&mut document, &name, value);
        }
        shorten(&mut document);
        document
    }
}
