//! The document about a response.

use serde_json::{Map, Value as Json, json};

use super::{Outcome, Target};
use crate::alert::ECS_VERSION;
use crate::event::document::insert;
use crate::event::hash::id_of;
use crate::event::{Machine, Timestamp};

/// A document of ECS `event.kind` `event` that says what became of the execution of an alert.
pub(crate) fn document(time: Timestamp, machine: &Machine, target: &Target, outcome: &Outcome) -> Map<String, Json> {
    let time = time.to_string();
    let id = id_of([&machine.host_id, &time, &target.alert_id, outcome.name()]);
    let (kind, result) = match outcome {
        Outcome::Terminated | Outcome::Killed => ("end", "success"),
        Outcome::Failed(_) => ("info", "failure"),
        _ => ("info", "unknown"),
    };
    let mut process = Map::new();
    process.insert("name".into(), target.name.as_str().into());
    if let Some(pid) = target.pid {
        process.insert("pid".into(), pid.into());
    }
    if !target.entity_id.is_empty() {
        process.insert("entity_id".into(), target.entity_id.as_str().into());
    }
    let sentence = outcome.sentence();
    let json = json!({
        "@timestamp": time,
        "event": {
            "id": id, "kind": "event", "category": ["process"], "type": [kind], "action": "response",
            "outcome": result, "reason": sentence, "module": "osawatch", "dataset": "osawatch.alerts",
            "created": time,
        },
        "ecs": { "version": ECS_VERSION },
        "message": format!("{} ({}) {sentence}", target.name, target.pid.unwrap_or_default()),
        "rule": { "id": target.rule_id },
        "host": { "id": machine.host_id, "os": { "type": "macos" } },
        "process": process,
        "osawatch": { "response": {
            "action": "terminate", "outcome": outcome.name(), "alert_id": target.alert_id,
            "pidversion": target.pidversion,
        } },
    });
    match json {
        Json::Object(document) => document,
        _ => Map::new(),
    }
}

/// Adds to an alert what became of its execution; `None`: that is not known yet, and a document follows.
pub(crate) fn complete(alert: &mut Map<String, Json>, outcome: Option<&Outcome>) {
    insert(alert, "osawatch.response.action", "terminate".into());
    insert(alert, "osawatch.response.outcome", outcome.map_or("pending", Outcome::name).into());
    if let Some(Outcome::Refused(_) | Outcome::Failed(_)) = outcome {
        let sentence = outcome.map(Outcome::sentence).unwrap_or_default();
        insert(alert, "osawatch.response.reason", sentence.into());
    }
}
