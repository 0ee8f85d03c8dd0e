//! Every alert of every golden case, field by field and type by type, against the ECS 9.4 table.

use osawatch::event::field::{EcsField, ecs};
use serde_json::{Value, json};

use crate::util::{fixtures, osawatch};

/// Types of `event.type` that ECS expects for the categories of our alerts.
const EXPECTED_TYPES: &[(&str, &[&str])] = &[
    ("process", &["access", "change", "end", "info", "start"]),
    ("network", &["access", "allowed", "connection", "denied", "end", "info", "protocol", "start"]),
];

fn check(name: &str, value: &Value, faults: &mut Vec<String>) {
    if name == "osawatch" || name.starts_with("osawatch.") {
        return;
    }
    match (ecs().get(name), value) {
        (Some(row), value) if row.ecs_type != "object" => check_field(name, row, value, faults),
        (_, Value::Object(members)) => {
            let prefix = if name.is_empty() { String::new() } else { format!("{name}.") };
            members.iter().for_each(|(key, value)| check(&format!("{prefix}{key}"), value, faults));
        }
        _ => faults.push(format!("{name} is not a field of ECS")),
    }
}

fn check_field(name: &str, row: &EcsField, value: &Value, faults: &mut Vec<String>) {
    let values = match (row.array, value) {
        (true, Value::Array(values)) if !values.is_empty() => values.clone(),
        (false, Value::Array(_)) | (true, _) => return faults.push(format!("{name}: array or not: {value}")),
        (false, value) => vec![value.clone()],
    };
    for value in values {
        let fits = match row.ecs_type {
            "long" | "integer" => value.is_i64() || value.is_u64(),
            "float" | "double" | "scaled_float" => value.is_f64(),
            "boolean" => value.is_boolean(),
            "ip" => value.as_str().is_some_and(|text| {
                text.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.to_canonical().to_string() == text)
            }),
            "date" => value
                .as_str()
                .is_some_and(|text| osawatch::event::Timestamp::parse(text).is_some() && text.ends_with('Z')),
            _ => value.is_string(),
        };
        if !fits {
            faults.push(format!("{name}: {value} is not a {}", row.ecs_type));
        }
    }
}

fn alerts() -> Vec<(String, Value)> {
    let mut alerts = Vec::new();
    for case in std::fs::read_dir(fixtures().join("replay")).unwrap() {
        let case = case.unwrap().path();
        let mut args = vec!["replay".into(), "--sort".into()];
        for file in std::fs::read_dir(&case).unwrap() {
            let file = file.unwrap().path();
            let name = file.file_name().unwrap().to_string_lossy().into_owned();
            if !name.starts_with("expected") && name != "args" {
                args.push(file.into_os_string());
            }
        }
        args[2..].sort();
        let lines = osawatch(&args).exits(0).stdout;
        alerts.extend(lines.lines().map(|line| (line.to_owned(), serde_json::from_str(line).unwrap())));
    }
    assert!(alerts.len() > 50, "only {} alerts", alerts.len());
    alerts
}

#[test]
fn every_field_of_every_alert_is_in_ecs_with_the_type_and_shape_that_ecs_wants() {
    let mut faults = Vec::new();
    for (line, alert) in alerts() {
        check("", &alert, &mut faults);
        assert!(faults.is_empty(), "{faults:#?}\n{line}");
    }
}

/// Events with a host as sensors state it: with fields of their own, an address with a zone, and numbers for texts.
fn events_of_an_odd_host() -> String {
    let host = json!({"id": "h", "name": "mac", "ip": ["fe80::1%en0", "10.0.0.5"],
        "os": {"type": "macos", "version": 15, "Ext": {"variant": "macOS"}}});
    let document = |second: usize, kind: &str, process: Value, to: Option<usize>| {
        let mut document = json!({"@timestamp": format!("2026-01-01T00:00:{second:02}Z"), "host": host, "process": process,
            "event": {"category": [kind], "type": ["start"], "action": "exec", "provider": 7, "id": second.to_string()}});
        if let Some(to) = to {
            document["destination"] = json!({"ip": format!("8.8.8.{to}"), "port": 443});
        }
        document.to_string() + "\n"
    };
    let process = |id: &str| json!({"entity_id": id, "pid": "7", "name": "osascript", "args": ["osascript", "a.scpt"]});
    let start = |second, id: &str| document(second, "process", process(id), None);
    let connection = |second, id: &str, to| document(second, "network", process(id), Some(to));
    let one = start(0, "o") + &connection(1, "o", 1) + &connection(2, "o", 2);
    (0..3).fold(one, |text, at| text + &start(10 + 2 * at, "p") + &connection(11 + 2 * at, "p", 3 + at))
}

#[test]
fn a_follow_up_and_the_summary_of_a_flood_have_the_fields_of_ecs_too() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str, text: &str| {
        std::fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let config = path("c.toml", "[volume]\nmax_alerts = 1\n");
    let run = osawatch(&["replay", "--config", &config, &path("e.ndjson", &events_of_an_odd_host())]).exits(0);
    let documents = run.documents();
    let has = |action: &str| documents.iter().any(|document| document["event"]["action"] == action);
    assert!(has("follow_up") && has("alerts_held_back"), "{}", run.stdout);
    let mut faults = Vec::new();
    documents.iter().for_each(|document| check("", document, &mut faults));
    assert!(faults.is_empty(), "{faults:#?}\n{}", run.stdout);
    for document in documents {
        assert_eq!((&document["host"]["os"]["version"], &document["event"]["provider"]), (&"15".into(), &"7".into()));
        assert_eq!(document["host"]["ip"], json!(["fe80::1", "10.0.0.5"]));
    }
}

#[test]
fn every_alert_has_the_fields_that_shipping_and_promotion_need() {
    for (line, alert) in alerts() {
        let is_late = alert["rule"]["id"] == "osascript-late-network-connection";
        let (severity, maxspan) = if is_late { (21, 86_400_000) } else { (47, 30_000) };
        // A piped download, and a masquerade.
        let is_raised = alert.pointer("/osawatch/risk/reasons").is_some();
        let (severity, risk_score) = if is_raised { (73, 80.0) } else { (severity, f64::from(severity)) };
        assert!(line.starts_with("{\"@timestamp\":\"") && line[..64].contains("\"event\":{\"id\":\""), "{line}");
        if alert["event"]["action"] == "follow_up" {
            assert_eq!(
                (&alert["event"]["kind"], &alert["rule"]["id"]),
                (&"event".into(), &"follow-up".into()),
                "{line}"
            );
            assert!(alert["osawatch"]["follow_up"]["alert_id"].is_string(), "{line}");
            continue;
        }
        for (name, value) in [
            ("ecs.version", "9.4.0".into()),
            ("event.kind", "alert".into()),
            ("event.action", "rule_detection".into()),
            ("event.outcome", "unknown".into()),
            ("event.module", "osawatch".into()),
            ("event.dataset", "osawatch.alerts".into()),
            ("event.severity", severity.into()),
            ("event.risk_score", risk_score.into()),
            ("data_stream.type", "logs".into()),
            ("data_stream.dataset", "osawatch.alerts".into()),
            ("data_stream.namespace", "default".into()),
            ("message", alert["rule"]["name"].clone()),
            ("threat.framework", "MITRE ATT&CK".into()),
            ("osawatch.sequence.maxspan_ms", maxspan.into()),
        ] {
            assert_eq!(alert.pointer(&format!("/{}", name.replace('.', "/"))), Some(&value), "{name} in {line}");
        }
        assert!(alert["event"].get("ingested").is_none(), "only a pipeline may say when it ingested: {line}");
        assert_eq!(alert["osawatch"]["sequence"]["events"].as_array().map(Vec::len), Some(2), "{line}");
    }
}

#[test]
fn the_types_of_every_alert_are_expected_for_its_categories() {
    for (line, alert) in alerts() {
        let allowed: Vec<&str> = EXPECTED_TYPES
            .iter()
            .filter(|(category, _)| alert["event"]["category"].as_array().unwrap().contains(&(*category).into()))
            .flat_map(|(_, types)| types.iter().copied())
            .collect();
        for value in alert["event"]["type"].as_array().unwrap() {
            assert!(allowed.contains(&value.as_str().unwrap()), "{value} in {line}");
        }
    }
}

#[test]
fn the_same_events_give_the_same_documents() {
    let (first, second) = (alerts(), alerts());
    let sorted = |alerts: &[(String, Value)]| {
        let mut lines: Vec<String> = alerts.iter().map(|(line, _)| line.clone()).collect();
        lines.sort();
        lines
    };
    assert_eq!(sorted(&first), sorted(&second));
}

/// Tuples and ids of the Community ID specification's baseline (corelight/community-id-spec): facts of
/// the field that every implementation must reproduce.
#[test]
fn community_ids_agree_with_the_specification() {
    let event = |category: &str, kind: &str, time: &str, rest: &str| {
        format!(
            r#"{{"@timestamp":"2026-01-15T09:30:0{time}Z","event":{{"category":["{category}"],"type":["{kind}"]}},"host":{{"id":"h","os":{{"type":"macos"}}}},"process":{{"entity_id":"p","name":"osascript"}}{rest}}}"#
        )
    };
    let network = r#","source":{"ip":"128.232.110.120","port":34855},"destination":{"ip":"66.35.250.204","port":80},"network":{"transport":"tcp"}"#;
    let input = format!("{}\n{}\n", event("process", "start", "0", ""), event("network", "start", "1", network));
    let run = crate::util::osawatch_with_input(&["replay", "-"], input.as_bytes()).exits(0);
    assert_eq!(run.alerts()[0]["network"]["community_id"], "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    let without_port = input.replace(r#","port":34855"#, "");
    let run = crate::util::osawatch_with_input(&["replay", "-"], without_port.as_bytes()).exits(0);
    assert!(run.alerts()[0]["network"].get("community_id").is_none());
}

/// Fields that the program reads of events and no document needs to state: live sources fill them, or the attribution of
/// the same run.
const NOT_OF_DOCUMENTS: [&str; 7] = [
    "ATTRIBUTION_INHERITED",
    "ATTRIBUTION_METHOD",
    "ATTRIBUTION_VIA",
    "ATTRIBUTION_WAITED_MS",
    "EVENT_START",
    "KERNEL_NAME",
    "UNIQUE_PID",
];

#[test]
fn what_the_program_reads_of_an_event_is_decoded_whichever_rules_are_loaded() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let constants = std::fs::read_to_string(root.join("event/field.rs")).unwrap();
    let name = regex::Regex::new(r#"(?m)^    ([A-Z_]+) = "([^"]+)""#).unwrap();
    let names: std::collections::HashMap<&str, &str> = name
        .captures_iter(&constants)
        .map(|found| (found.get(1).unwrap().as_str(), found.get(2).unwrap().as_str()))
        .collect();
    let fields = osawatch::event::Fields::new();
    let wanted: Vec<&str> = fields.wanted().map(|(_, name)| name).collect();
    let read = regex::Regex::new(r"field::([A-Z_]{3,})").unwrap();
    let (mut folders, mut seen) = (vec![root.join("alert"), root.join("process"), root.join("script")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("tests") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
                let text = std::fs::read_to_string(&path).unwrap();
                let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
                for found in read.captures_iter(code).map(|found| found.get(1).unwrap().as_str()) {
                    seen += 1;
                    let is_decoded = names.get(found).is_none_or(|name| wanted.contains(name));
                    assert!(is_decoded || NOT_OF_DOCUMENTS.contains(&found), "{found} in {}", path.display());
                }
            }
        }
    }
    assert!(seen > 50, "only {seen} fields are read");
}
