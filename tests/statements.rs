//! What an alert says is what is known, and what is not known is said to be so.

use serde_json::{Value, json};

use crate::util::{fixtures, osawatch, osawatch_with_input};

const HOST: &str = r#"{"id":"H","name":"mac","os":{"type":"macos"}}"#;

fn event(second: u32, category: &str, action: &str, rest: &Value) -> String {
    let mut event = json!({
        "@timestamp": format!("2026-03-01T10:00:{second:02}Z"),
        "event": {"id": format!("{action}{second}"), "category": [category], "type": ["start"], "action": action},
        "host": serde_json::from_str::<Value>(HOST).unwrap(),
    });
    event.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    event.to_string() + "\n"
}

fn osascript(process: Value) -> String {
    let mut known = json!({"entity_id": "o", "pid": 501, "name": "osascript", "executable": "/usr/bin/osascript"});
    known.as_object_mut().unwrap().extend(process.as_object().unwrap().clone());
    event(0, "process", "exec", &json!({ "process": known }))
}

fn connection() -> String {
    let process = json!({"entity_id": "o", "name": "osascript"});
    event(2, "network", "connection_attempted", &json!({"process": process, "destination": {"ip": "93.184.216.34"}}))
}

/// The alerts, and the report for people.
fn alerts(events: &[String]) -> (Vec<Value>, String) {
    let input = events.concat();
    let run = |output: &str| osawatch_with_input(&["replay", "--output", output, "-"], input.as_bytes()).exits(0);
    (run("ndjson").alerts(), run("text").stdout)
}

#[test]
fn a_script_whose_arguments_nobody_recorded_is_unknown() {
    let script = |process: Value| alerts(&[osascript(process), connection()]).0[0]["osawatch"]["script"].clone();
    assert_eq!(script(json!({})), json!({"source": "unknown", "entity_id": "o"}));
    let of_line = script(json!({"command_line": "osascript -e beep"}));
    assert_eq!((&of_line["source"], &of_line["text"]), (&"inline".into(), &"beep".into()));
    assert_eq!(of_line["language"], "AppleScript", "what osascript takes a statement for");
    assert_eq!(script(json!({"args": ["osascript"]}))["source"], "stdin");
}

#[test]
fn a_lookup_is_told_as_one() {
    let process = json!({"entity_id": "o", "name": "osascript"});
    let question = json!({"process": process, "dns": {"question": {"name": "c2.test", "type": "A"}}});
    let lookup = event(1, "network", "lookup_requested", &question);
    let (found, text) = alerts(&[osascript(json!({"args": ["osascript", "-e", "x"]})), lookup]);
    assert_eq!(found[0]["event"]["reason"], "osascript looked up c2.test 1.000 s after it started");
    assert_eq!(found[0]["event"]["type"], json!(["start", "protocol"]));
    assert_eq!(found[0]["dns"]["question"]["name"], "c2.test");
    assert!(text.contains("  looked up    c2.test\n") && !text.contains("connected"), "{text}");
    assert!(!text.contains("destination"), "{text}");
}

#[test]
fn an_unsigned_or_untrusted_program_is_shown_as_such() {
    let parent = json!({"entity_id": "p", "pid": 400, "name": "update", "executable": "/private/tmp/update",
        "code_signature": {"exists": false}});
    let text = alerts(&[osascript(json!({ "parent": parent })), connection()]).1;
    assert!(text.contains("  parent       update (pid 400) /private/tmp/update UNSIGNED\n"), "{text}");
    for (signature, shown) in [
        (json!({"exists": true, "trusted": false, "signing_id": "evil"}), "(signed evil) NOT TRUSTED"),
        (json!({"exists": true, "valid": false, "signing_id": "evil"}), "(signed evil) SIGNATURE NOT VALID"),
        (json!({"exists": false, "signing_id": "evil"}), "osascript UNSIGNED"),
        (json!({"exists": true, "trusted": true, "signing_id": "good", "team_id": "T"}), "(signed good, team T)\n"),
    ] {
        let text = alerts(&[osascript(json!({ "code_signature": signature })), connection()]).1;
        assert!(text.contains(shown), "{shown} in {text}");
    }
}

#[test]
fn arguments_are_quoted_and_indicators_parted() {
    let args = json!({"args": ["osascript", "-e", "do shell script \"curl x\"", "it's"]});
    let text = alerts(&[osascript(args), connection()]).1;
    assert!(text.contains("  command      osascript -e 'do shell script \"curl x\"' \"it's\"\n"), "{text}");
    assert!(text.contains("do shell script, curl\n"), "{text}");
}

#[test]
fn the_report_of_a_descendant_shows_the_script_that_started_it_and_the_way_down() {
    let child = |second: u32, id: &str, pid: u32, name: &str, parent: &str| {
        let process =
            json!({"entity_id": id, "pid": pid, "name": name, "args": [name], "parent": {"entity_id": parent}});
        event(second, "process", "exec", &json!({ "process": process }))
    };
    let events = [
        osascript(json!({"args": ["osascript", "-e", "do shell script \"x\""], "command_line": "osascript -e do"})),
        child(1, "s", 502, "sh", "o"),
        child(2, "c", 503, "curl", "s"),
        event(
            3,
            "network",
            "connection_attempted",
            &json!({"process": {"entity_id": "c", "name": "curl"}, "destination": {"ip": "93.184.216.34"}}),
        ),
    ];
    let text = alerts(&events).1;
    for row in [
        "  script       inline AppleScript\n",
        "  text         do shell script \"x\"\n",
        "  run by       osascript -e 'do shell script \"x\"'\n",
        "  way down     osascript (pid 501) > sh (pid 502) > curl (pid 503)\n",
    ] {
        assert!(text.contains(row), "no {row:?} in {text}");
    }
}

/// The exec of an eslogger recording, with what it says of its program replaced.
fn eslogger(program: &str, pid: u32, change: impl FnOnce(&mut Value)) -> String {
    let recording = fixtures().join("replay/eslogger-curl-child-by-fork-and-exec/exec.eslogger");
    let text = std::fs::read_to_string(recording).unwrap();
    let mut message: Value = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    message["time"] = format!("2026-03-01T10:00:00.{pid:09}Z").into();
    let exec = &mut message["event"]["exec"];
    let target = &mut exec["target"];
    target["audit_token"]["pid"] = pid.into();
    target["executable"]["path"] = format!("/usr/bin/{program}").into();
    target["signing_id"] = format!("com.apple.{program}").into();
    exec["args"] = json!([program]);
    change(&mut message);
    message.to_string() + "\n"
}

#[test]
fn the_program_at_the_other_end_of_the_pipe_fed_the_script() {
    let pipe = |fd: u32, pipe: u64| {
        move |message: &mut Value| {
            let exec = &mut message["event"]["exec"];
            exec["fds"] = json!([{"fd": 1 - fd, "fdtype": 1}, {"fd": fd, "fdtype": 6, "pipe": {"pipe_id": pipe}}, {"fd": 2, "fdtype": 2}]);
        }
    };
    let big = u64::MAX - 7;
    let curl = eslogger("curl", 500, |message| {
        pipe(1, big)(message);
        message["event"]["exec"]["args"] = json!(["curl", "-u", "ada:Hunter2", "https://c2.test/x"]);
    });
    let connect = event(
        2,
        "network",
        "connection_attempted",
        &json!({"process": {"pid": 501, "name": "osascript"}, "destination": {"ip": "93.184.216.34"}}),
    );
    let alert = |events: &[String]| {
        let found = alerts(events);
        let at = found.0.iter().position(|alert| alert["rule"]["id"] == "osascript-network-connection").unwrap();
        (found.0[at].clone(), found.1)
    };
    for events in [
        [connect.clone(), curl.clone(), eslogger("osascript", 501, pipe(0, big))],
        [connect.clone(), eslogger("osascript", 501, pipe(0, big)), curl.clone()],
    ] {
        let (found, text) = alert(&events);
        assert_eq!(found["osawatch"]["script"]["source"], "stdin");
        let fed_by = &found["osawatch"]["script"]["fed_by"];
        assert_eq!((&fed_by["name"], &fed_by["pid"]), (&"curl".into(), &500.into()));
        assert!(text.contains("  fed by       curl (pid 500) curl -u "), "{text}");
        assert!(!text.contains("Hunter2"), "{text}");
        assert_eq!(found["osawatch"]["process"]["stdin_type"], "pipe");
        let copy = &found["osawatch"]["sequence"]["events"][0]["osawatch"]["process"];
        assert_eq!((&copy["stdout_type"], &copy["stderr_type"]), (&"file".into(), &"socket".into()));
    }
    let other = alert(&[connect.clone(), curl.clone(), eslogger("osascript", 501, pipe(0, 8))]).0;
    assert_eq!(other["osawatch"]["script"]["fed_by"], Value::Null, "another pipe");
    let file = eslogger("osascript", 501, |message| {
        pipe(0, big)(message);
        message["event"]["exec"]["args"] = json!(["osascript", "/tmp/a.scpt"]);
    });
    let file = alert(&[connect, curl, file]).0;
    assert_eq!(file["osawatch"]["script"]["fed_by"], Value::Null, "it runs a file and reads no script");
}

#[test]
fn a_member_of_an_eslogger_line_that_is_missing_or_of_another_type_costs_no_event() {
    let whole = eslogger("osascript", 501, |_| {});
    let value: Value = serde_json::from_str(&whole).unwrap();
    let mut pointers = Vec::new();
    members("", &value, &mut pointers);
    let needed = [
        "/time",
        "/event_type",
        "/event",
        "/event/exec",
        "/event/exec/target",
        "/event/exec/target/audit_token",
        "/event/exec/target/audit_token/pid",
        "/event/exec/target/audit_token/pidversion",
        "/process",
        "/process/audit_token",
        "/process/audit_token/pid",
        "/process/audit_token/pidversion",
    ];
    let mut lines = Vec::new();
    for pointer in pointers.iter().filter(|pointer| !needed.contains(&pointer.as_str())) {
        for other in [
            json!(null),
            json!("text"),
            json!(-1),
            json!(1.5),
            json!(true),
            json!([[1]]),
            json!({"a": {}}),
            json!(u64::MAX),
        ] {
            let mut value = value.clone();
            *value.pointer_mut(pointer).unwrap() = other;
            lines.push(value.to_string());
        }
        let mut value = value.clone();
        let (parent, name) = pointer.rsplit_once('/').unwrap();
        if let Some(Value::Object(members)) = value.pointer_mut(parent) {
            members.remove(name);
            lines.push(value.to_string());
        }
    }
    assert!(lines.len() > 500, "{}", lines.len());
    let run = osawatch_with_input(&["replay", "--sort", "-"], lines.join("\n").as_bytes()).exits(0);
    run.says(&format!("{} events from 1 input", lines.len()));
}

fn members(prefix: &str, value: &Value, out: &mut Vec<String>) {
    let mut add = |name: &str, value: &Value| {
        let pointer = format!("{prefix}/{name}");
        out.push(pointer.clone());
        members(&pointer, value, out);
    };
    match value {
        Value::Object(object) => object.iter().for_each(|(name, value)| add(name, value)),
        Value::Array(array) => array.iter().enumerate().for_each(|(at, value)| add(&at.to_string(), value)),
        _ => {}
    }
}

#[test]
fn a_context_that_a_document_leaves_out_is_not_made_up_for_rules() {
    // Rule 1 asks for the name of the process; the stream knows it, and the document does not say it.
    let nameless = connection().replace(r#","name":"osascript""#, "");
    assert_ne!(nameless, connection());
    let started = osascript(json!({"args": ["osascript", "-e", "x"]}));
    let only = |events: &[String], args: &[&str]| {
        let args = [&["replay", "--output", "ndjson", "-"], args].concat();
        osawatch_with_input(&args, events.concat().as_bytes()).exits(0).alerts().len()
    };
    let rule = ["--only", "osascript-network-connection"];
    assert_eq!(only(&[started.clone(), connection()], &rule), 1);
    assert_eq!(only(&[started.clone(), nameless.clone()], &rule), 0);
    // Nor for a rule of one's own, whatever it asks of the process.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("rule.toml").display().to_string();
    for (query, alerts) in [
        ("network where process.name != null", 0),
        ("network where process.executable like \"*osascript\"", 0),
        ("network where process.args != null", 0),
        ("network where process.command_line != null or process.pid != null", 0),
        ("network where process.name == null", 1),
    ] {
        std::fs::write(&path, format!("[rule]\nrule_id = \"own\"\nname = \"n\"\nquery = '''\n{query}\n'''\n")).unwrap();
        let found = only(&[started.clone(), nameless.clone()], &["--rules", &path, "--only", "own"]);
        assert_eq!(found, alerts, "{query}");
    }
}

#[test]
fn a_quiet_replay_says_nothing_but_that_no_alert_was_possible() {
    let events = [osascript(json!({"args": ["osascript", "-e", "x"]})), connection()].concat();
    let run =
        |args: &[&str], input: &str| osawatch_with_input(&[&["replay", "-"], args].concat(), input.as_bytes()).exits(0);
    assert_eq!(run(&["--quiet"], &events).stderr, "");
    assert_eq!(run(&["--quiet"], &events).alerts().len(), 1);
    let started = events.lines().next().unwrap();
    let args = ["--quiet", "--only", "osascript-network-connection"];
    run(&args, started).says("no alert was possible: no network events: 1 of 1 rule could not match");
    assert_eq!(osawatch(&["--version"]).exits(0).stderr, "");
}

#[test]
fn a_signature_that_contradicts_the_name_is_a_masquerade_whichever_rules_are_loaded() {
    let signed = |signature: Value| {
        let process = json!({"executable": "/private/tmp/osascript", "code_signature": signature});
        let (alerts, text) = alerts(&[osascript(process), connection()]);
        (alerts[0]["osawatch"]["masquerade_reason"].clone(), alerts[0]["event"]["severity"].clone(), text)
    };
    for (signature, reason) in [
        (json!({"exists": false}), "named osascript, but not signed"),
        (json!({"exists": "false"}), "named osascript, but not signed"),
        (json!({"exists": true, "signing_id": "a.out"}), "named osascript, but signed as a.out"),
        (
            json!({"exists": true, "trusted": false, "signing_id": "com.apple.osascript"}),
            "named osascript, but its signature is not trusted",
        ),
    ] {
        let (found, severity, _) = signed(signature.clone());
        assert_eq!((found, severity), (reason.into(), 73.into()), "{signature}");
    }
    let (found, severity, text) = signed(Value::Null);
    assert_eq!((found, severity), (Value::Null, 47.into()), "nobody said how it is signed");
    assert!(text.contains("/private/tmp/osascript (unverified: no signature reported)"), "{text}");
    let (found, _, text) = signed(json!({"exists": true, "trusted": true, "signing_id": "com.apple.osascript"}));
    assert!(found.is_null() && !text.contains("unverified"), "{text}");
}
