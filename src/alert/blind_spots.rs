//! The document that says what the configuration hides from the rules.

use serde_json::{Map, Value as Json, json};

use super::about::About;
use crate::event::{Machine, Timestamp};

/// A document of ECS `event.kind` `state`, written when the agent starts: whoever changed the configuration to hide an
/// attack has said so where the alerts go. `found` is a sentence for each.
pub fn document(time: Timestamp, machine: &Machine, found: &[String]) -> Map<String, Json> {
    let message = format!("the configuration hides from the rules: {}", found.join("; "));
    let about = About {
        time,
        machine,
        kind: "state",
        category: "configuration",
        event_type: "info",
        action: "blind_spots",
        outcome: None,
        message: &message,
    };
    about.document([("osawatch.blind_spots".to_owned(), json!(found))])
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
