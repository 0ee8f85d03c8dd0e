//! The document that says what the configuration hides from the rules.

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use crate::event::hash::short_hash;
use crate::event::{Machine, Timestamp};

/// A document of ECS `event.kind` `state`, written when the agent starts: whoever changed the configuration to hide an
/// attack has said so where the alerts go. `found` is a sentence for each.
pub fn document(time: Timestamp, machine: &Machine, found: &[String]) -> Map<String, Json> {
    let mut hash = Sha256::new();
    hash.update(&machine.host_id);
    hash.update(time.nanoseconds().to_be_bytes());
    found.iter().for_each(|sentence| hash.update(sentence));
    let json = json!({
        "@timestamp": time.to_string(),
        "event": {
            "id": short_hash(hash), "kind": "state", "category": ["configuration"], "type": ["info"],
            "action": "blind_spots", "module": "osawatch", "dataset": "osawatch.alerts", "created": time.to_string(),
        },
        "ecs": { "version": super::ecs::ECS_VERSION },
        "message": format!("the configuration hides from the rules: {}", found.join("; ")),
        "host": { "id": machine.host_id, "os": { "type": "macos" } },
        "osawatch": { "blind_spots": found },
    });
    match json {
        Json::Object(document) => document,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_states_each_finding_and_is_no_alert() {
        let time = Timestamp::from_milliseconds(1_700_000_000_000).unwrap();
        let found = ["c.toml: `disable` turns off the rule `a`".to_owned(), "exception `x` is always true".to_owned()];
        let document = document(time, &Machine { host_id: "h".into(), boot_id: "b".into() }, &found);
        assert_eq!(document["event"]["kind"], "state");
        assert_eq!(document["osawatch"]["blind_spots"], json!(found));
        let message = document["message"].as_str().unwrap();
        assert!(found.iter().all(|sentence| message.contains(sentence)), "{message}");
    }
}
