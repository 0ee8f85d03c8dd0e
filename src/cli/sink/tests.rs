use std::fs;

use serde_json::json;

use super::*;
use crate::agent::Sink as _;

fn open(path: &std::path::Path) -> Sink {
    let live = Some(Machine { host_id: "h".into(), boot_id: "b".into() });
    let wanted = Wanted { format: Some(Format::None), file: Some(Options::new(path)), system_log: false, live };
    Sink::open(wanted).unwrap_or_else(|error| panic!("{error}"))
}

fn object(json: Json) -> Map<String, Json> {
    json.as_object().unwrap().clone()
}

fn alert(sequence: u64) -> Alert {
    let document = object(json!({ "event": { "kind": "alert", "sequence": sequence } }));
    Alert { rule_id: "r".into(), events: Vec::new(), document }
}

#[test]
fn alerts_are_numbered_on_behind_more_documents_about_the_agent_than_the_end_of_the_file_that_is_looked_at() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.ndjson");
    let mut sink = open(&path);
    sink.alert(alert(0));
    sink.alert(alert(1));
    let heartbeat = object(json!({ "event": { "kind": "state" }, "osawatch": { "status": "x".repeat(2000) } }));
    (0..1100).for_each(|_| sink.document(heartbeat.clone()));
    assert!(sink.finish().is_ok());
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() > 2 << 20 && text.lines().count() == 1102);
    let last: Json = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(last["osawatch"]["agent"]["next_sequence"], 2);
    let mut sink = open(&path);
    assert_eq!(sink.next_sequence(), 2);
    // Restarts without an alert between them.
    sink.document(heartbeat.clone());
    assert!(sink.finish().is_ok());
    assert_eq!(open(&path).next_sequence(), 2);
}

#[test]
fn a_follow_up_and_a_summary_of_what_was_held_back_are_no_alerts() {
    let wanted = Wanted { format: Some(Format::None), file: None, system_log: false, live: None };
    let mut sink = Sink::open(wanted).unwrap_or_else(|failure| panic!("{failure}"));
    for (event, ours) in [
        (json!({ "kind": "alert" }), json!({})),
        (json!({ "kind": "event", "action": "follow_up" }), json!({ "follow_up": {} })),
        (json!({ "kind": "alert" }), json!({ "held_back": { "alerts": 2 } })),
    ] {
        let Json::Object(document) = json!({ "event": event, "osawatch": ours }) else { unreachable!() };
        sink.write_alert(Alert { rule_id: "r".to_owned(), events: Vec::new(), document });
    }
    assert_eq!(sink.counts().alerts, 1);
}
