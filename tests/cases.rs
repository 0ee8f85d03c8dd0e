//! One case, few alerts: what is held back is told in follow-ups, every destination of it.

use std::collections::BTreeMap;
use std::fs;

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::Decoder;
use proptest::prelude::*;
use serde_json::{Map, Value as Json, json};

use crate::util::osawatch_with_input;

const BEGAN_MS: i64 = 1_767_225_600_000;

/// A document of a process: at so many milliseconds, its entity id, name and parent; where it connects.
fn document(ms: i64, (entity, name, parent): (&str, &str, &str), to: Option<&str>) -> String {
    let kind = if to.is_some() { "network" } else { "process" };
    let mut document = json!({
        "@timestamp": Timestamp::from_milliseconds(BEGAN_MS + ms).unwrap().to_string(),
        "event": { "category": [kind], "type": ["start"], "action": "exec" },
        "host": { "id": "h", "os": { "type": "macos" } },
        "process": { "entity_id": entity, "name": name, "parent": { "entity_id": parent } },
    });
    if let Some(to) = to {
        document["destination"] = json!({ "ip": to, "port": 443 });
    }
    document.to_string()
}

const OSASCRIPT: (&str, &str, &str) = ("o", "osascript", "z");

fn curl(number: usize) -> String {
    format!("c{number}")
}

/// The documents that the built-in rules give, with further ones.
fn documents(lines: &[String], further: &[&str]) -> Vec<Map<String, Json>> {
    let mut set = RuleSet::built_in();
    for rule in further {
        set.add("file", rule).unwrap();
    }
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut found = Vec::new();
    let mut note = |output: Output<'_>| found.extend(output.alert(0).map(|alert| alert.document));
    for line in lines {
        match decoder.decode(&Line::from(line.clone()), None).unwrap().decoded {
            Decoded::Event(event) => pipeline.push(event, &mut note),
            Decoded::Skipped(kind) => panic!("skipped {kind}"),
        }
    }
    pipeline.finish(&mut note);
    found
}

/// The rule of each document; of a follow-up its destinations with their counts, and what it holds back.
fn outline(documents: &[Map<String, Json>]) -> Vec<String> {
    let line = |document: &Map<String, Json>| {
        let rule = document["rule"]["id"].as_str().unwrap().to_owned();
        let follow_up = &document["osawatch"]["follow_up"];
        let list = |name: &str, of: fn(&Json) -> String| -> String {
            follow_up[name].as_array().into_iter().flatten().map(of).collect()
        };
        let contacts = list("destinations", |contact| {
            let mark = if contact["is_new"] == true { "+" } else { "" };
            format!(" {mark}{}x{}", contact["destination"].as_str().unwrap(), contact["connections"])
        });
        rule + &contacts
            + &list("held_back", |held| format!(" -{}x{}", held["rule_id"].as_str().unwrap(), held["detections"]))
    };
    documents.iter().map(line).collect()
}

/// osascript starts, and children of it connect: at so many seconds, there.
fn tree(connections: &[(i64, &str)]) -> Vec<String> {
    let mut lines = vec![document(0, OSASCRIPT, None)];
    for (at, (seconds, to)) in connections.iter().enumerate() {
        let id = curl(at);
        lines.push(document(seconds * 1000 - 1, (&id, "curl", "o"), None));
        lines.push(document(seconds * 1000, (&id, "curl", "o"), Some(to)));
    }
    lines
}

#[test]
fn a_case_alerts_once_and_a_follow_up_tells_where_else_its_tree_went() {
    let lines = tree(&[(1, "192.5.6.1"), (2, "192.5.6.2"), (3, "192.5.6.2"), (4, "10.0.0.1"), (5, "192.5.6.1")]);
    let found = documents(&lines, &[]);
    let told = "follow-up +10.0.0.1:443x1 +192.5.6.2:443x2 192.5.6.1:443x1";
    assert_eq!(outline(&found), ["osascript-descendant-network-connection", told]);
    let follow_up = &found[1];
    assert_eq!(follow_up["osawatch"]["follow_up"]["alert_id"], found[0]["event"]["id"]);
    assert_eq!(follow_up["osawatch"]["follow_up"]["connections"], 4);
    assert_eq!(
        follow_up["event"]["reason"],
        "activity continued in the process tree of an alert: 4 more connections, 2 new destinations"
    );
    assert_eq!((&follow_up["event"]["kind"], &follow_up["event"]["action"]), (&"event".into(), &"follow_up".into()));
    assert_eq!(follow_up["related"]["ip"], json!(["10.0.0.1", "192.5.6.1", "192.5.6.2"]));
}

#[test]
fn a_new_destination_is_told_after_a_minute_and_a_known_one_after_an_hour() {
    let seconds = [1, 10, 100, 200, 300, 4000];
    let to = ["192.5.6.1", "192.5.6.2", "192.5.6.1", "192.5.6.2", "192.5.6.1", "192.5.6.3"];
    let lines = tree(&seconds.into_iter().zip(to).collect::<Vec<_>>());
    let wanted = [
        "osascript-descendant-network-connection",
        "follow-up +192.5.6.2:443x1",
        "follow-up 192.5.6.1:443x2 192.5.6.2:443x1",
        "follow-up +192.5.6.3:443x1",
    ];
    assert_eq!(outline(&documents(&lines, &[])), wanted);
}

#[test]
fn a_graver_detection_of_a_case_is_one_more_alert_and_there_is_no_third() {
    let mut lines = vec![document(0, OSASCRIPT, None)];
    let mut connect = |seconds: i64, to: &str, domain: &str| {
        let mut line: Json = serde_json::from_str(&document(seconds * 1000, OSASCRIPT, Some(to))).unwrap();
        line["destination"]["domain"] = domain.into();
        lines.push(line.to_string());
    };
    connect(40, "192.5.6.1", "a.example");
    connect(50, "192.5.6.2", "api.telegram.org");
    lines.push(document(60_000, ("p", "osascript", "o"), None));
    let mut line: Json = serde_json::from_str(&document(100_000, ("p", "osascript", "o"), Some("192.5.6.3"))).unwrap();
    line["destination"]["domain"] = "pastebin.com".into();
    lines.push(line.to_string());
    let found = outline(&documents(&lines, &[]));
    assert_eq!(found[..2], ["osascript-late-network-connection", "osascript-abused-service-connection"]);
    assert!(found.len() == 3 && found[2].starts_with("follow-up +192.5.6.3:443x1 -"), "{found:?}");
}

#[test]
fn the_rules_of_elastic_and_rules_from_files_alert_each_time() {
    let mut lines = Vec::new();
    for at in 0..4 {
        let id = format!("o{at}");
        lines.push(document(at * 1000, (&id, "osascript", "o"), None));
        lines.push(document(at * 1000 + 1, (&id, "osascript", "o"), Some("192.5.6.1")));
    }
    lines.insert(0, document(-1000, OSASCRIPT, None));
    let own = "[rule]\nrule_id = \"own\"\nname = \"own\"\nquery = '''network where process.name == \"osascript\"'''\n";
    let found = outline(&documents(&lines, &[own]));
    let count = |rule: &str| found.iter().filter(|line| line.starts_with(rule)).count();
    assert_eq!((count("osascript-network-connection"), count("own"), count("follow-up")), (4, 4, 0), "{found:?}");
    assert_eq!(found.len(), 8);
}

#[test]
fn an_event_that_two_recordings_hold_is_counted_once_and_the_alerts_own_never() {
    let lines = tree(&[(2, "192.5.6.1"), (3, "192.5.6.2"), (3, "192.5.6.3"), (4, "192.5.6.2")]);
    let twice: Vec<String> = lines.iter().flat_map(|line| [line.clone(), line.clone()]).collect();
    let with_ids = |lines: &[String]| -> Vec<String> {
        let with_id =
            |(at, line): (usize, &String)| line.replace("\"event\":{", &format!("\"event\":{{\"id\":\"{at}\","));
        lines.iter().enumerate().map(with_id).collect()
    };
    let twice_with_ids: Vec<String> = with_ids(&lines).into_iter().flat_map(|line| [line.clone(), line]).collect();
    for (once, twice) in [(lines.clone(), twice), (with_ids(&lines), twice_with_ids)] {
        let (once, twice) = (documents(&once, &[]), documents(&twice, &[]));
        assert_eq!(outline(&once).len(), 2, "{:?}", outline(&once));
        assert_eq!(outline(&twice), outline(&once));
        assert_eq!(
            (&twice[1]["event"]["id"], &twice[1]["event"]["reason"]),
            (&once[1]["event"]["id"], &once[1]["event"]["reason"])
        );
    }
}

#[test]
fn a_case_that_is_a_day_old_alerts_anew() {
    // Each osascript is a child of the first, which has one case.
    let day = 24 * 3600;
    let mut lines = vec![document(0, OSASCRIPT, None)];
    for (at, seconds) in [10, 20, day + 10, day + 20].into_iter().enumerate() {
        let (script, id) = (format!("o{at}"), curl(at));
        lines.push(document(seconds * 1000 - 2, (&script, "osascript", "o"), None));
        lines.push(document(seconds * 1000 - 1, (&id, "curl", &script), None));
        lines.push(document(seconds * 1000, (&id, "curl", &script), Some("192.5.6.1")));
    }
    let found = outline(&documents(&lines, &[]));
    let alerts = found.iter().filter(|line| line.starts_with("osascript-")).count();
    assert_eq!(alerts, 2, "{found:?}");
}

/// A run of a script by a launch agent, and of the curl that it starts: at so many seconds, as this user, by this
/// program, with this script.
fn run(seconds: i64, number: usize, (user, by, script): (&str, &str, &str), to: &str) -> Vec<String> {
    let (script_id, curl_id) = (format!("o{number}"), curl(number));
    let processes = [
        (
            script_id.as_str(),
            json!({ "name": "osascript", "args": ["osascript", script], "parent": { "entity_id": by, "name": by } }),
        ),
        (
            curl_id.as_str(),
            json!({ "name": "curl", "args": ["curl", "-s", "https://a.example"], "parent": { "entity_id": script_id } }),
        ),
    ];
    let mut lines = Vec::new();
    let mut add = |ms: i64, kind: &str, id: &str, process: &Json| {
        let mut document = json!({
            "@timestamp": Timestamp::from_milliseconds(BEGAN_MS + seconds * 1000 + ms).unwrap().to_string(),
            "event": { "category": [kind], "type": ["start"], "action": "exec" },
            "host": { "id": "h", "os": { "type": "macos" } }, "user": { "id": user }, "process": process.clone(),
        });
        document["process"]["entity_id"] = id.into();
        if kind == "network" {
            document["process"].as_object_mut().unwrap().remove("args");
            document["destination"] = json!({ "ip": to, "port": 443 });
        }
        lines.push(document.to_string());
    };
    for (at, (id, process)) in processes.iter().enumerate() {
        add(at as i64, "process", id, process);
    }
    add(2, "network", &curl_id, &processes[1].1);
    lines
}

const AGENT: (&str, &str, &str) = ("501", "launchd", "/Users/ada/.x.scpt");

#[test]
fn what_a_launch_agent_runs_each_minute_alerts_once_a_day_and_its_repeats_are_counted_each_hour() {
    let minutes = 25 * 60;
    let lines: Vec<String> = (0..minutes).flat_map(|at| run(at as i64 * 60, at, AGENT, "192.5.6.1")).collect();
    let found = documents(&lines, &[]);
    let (follow_ups, alerts): (Vec<_>, Vec<_>) =
        found.iter().partition(|document| document["event"]["action"] == "follow_up");
    assert_eq!((alerts.len(), follow_ups.len()), (2, 25), "{:?}", outline(&found));
    let repeats: u64 = follow_ups.iter().map(|told| told["osawatch"]["follow_up"]["repeats"].as_u64().unwrap()).sum();
    assert_eq!(repeats + alerts.len() as u64, minutes as u64);
    assert_eq!(
        follow_ups[0]["event"]["reason"],
        "activity continued in the process tree of an alert: 60 more connections, 60 more detections, 60 of them \
         repeats of the same commands to the same destination"
    );
}

#[test]
fn another_script_user_parent_or_destination_is_no_repeat_and_alerts() {
    let others = [
        (AGENT, "192.5.6.1"),
        (AGENT, "192.5.6.2"),
        (("502", AGENT.1, AGENT.2), "192.5.6.1"),
        ((AGENT.0, "zsh", AGENT.2), "192.5.6.1"),
        ((AGENT.0, AGENT.1, "/Users/ada/.y.scpt"), "192.5.6.1"),
        (AGENT, "192.5.6.1"),
    ];
    let lines: Vec<String> =
        others.iter().enumerate().flat_map(|(at, (who, to))| run(at as i64, at, *who, to)).collect();
    let found = outline(&documents(&lines, &[]));
    let alerts = found.iter().filter(|line| *line == "osascript-descendant-network-connection").count();
    assert_eq!((alerts, found.len()), (5, 6), "{found:?}");
}

#[test]
fn a_new_destination_of_the_five_hundredth_run_is_told_within_a_minute() {
    let mut lines: Vec<String> = (0..500).flat_map(|at| run(at as i64 * 60, at, AGENT, "192.5.6.1")).collect();
    let connection = |to: &str| document(499 * 60_000 + 10, ("c499", "curl", "o499"), Some(to));
    lines.push(connection("192.5.6.9"));
    lines.extend(run(501 * 60, 501, AGENT, "192.5.6.1"));
    let found = documents(&lines, &[]);
    let told = found.iter().find(|document| Json::from((*document).clone()).to_string().contains("192.5.6.9")).unwrap();
    assert_eq!(told["event"]["action"], "follow_up");
    let created = Timestamp::parse(told["event"]["created"].as_str().unwrap()).unwrap().milliseconds();
    assert_eq!((created - BEGAN_MS) / 60_000, 499, "{}", told["event"]);
}

#[test]
fn a_rule_with_a_response_alerts_for_each_run() {
    let lines: Vec<String> = (0..3).flat_map(|at| run(at as i64 * 60, at, AGENT, "192.5.6.1")).collect();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let alerts = |config: &str| {
        fs::write(&file, config).unwrap();
        let args = ["replay", "--output", "ndjson", "--config", &file.display().to_string(), "-"];
        osawatch_with_input(&args, lines.join("\n").as_bytes()).exits(0).alerts().len()
    };
    assert_eq!((alerts(""), alerts("[response]\naction = \"terminate\"\n")), (1, 3));
}

#[test]
fn a_case_that_makes_room_for_another_tells_first_what_it_has_not_told() {
    let mut lines = tree(&[(1, "192.5.6.1"), (2, "192.5.6.2")]);
    for at in 0..128 {
        let (id, ms) = (format!("o{at}"), 3000 + at * 10);
        lines.push(document(ms, (&id, "osascript", "z"), None));
        lines.push(document(ms + 1, (&id, "osascript", "z"), Some("192.5.6.9")));
    }
    let found = outline(&documents(&lines, &[]));
    assert_eq!(found.iter().filter(|line| line.starts_with("osascript")).count(), 129, "{found:?}");
    let told: Vec<&String> = found.iter().filter(|line| line.starts_with("follow-up")).collect();
    assert_eq!(told, ["follow-up +192.5.6.2:443x1"]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_connection_after_the_first_is_counted_in_one_follow_up_and_none_comes_within_a_minute_of_another(
        steps in prop::collection::vec((1..5000_i64, 0..5_u8), 1..60),
    ) {
        let mut seconds = 0;
        let connections: Vec<(i64, String)> = steps.iter().map(|(gap, to)| {
            seconds += 1 + gap / if gap % 3 == 0 { 1 } else { 500 };
            (seconds, format!("192.5.6.{to}"))
        }).filter(|(seconds, _)| *seconds < 23 * 3600).collect();
        let lines = tree(&connections.iter().map(|(seconds, to)| (*seconds, to.as_str())).collect::<Vec<_>>());
        let found = documents(&lines, &[]);
        let (follow_ups, alerts): (Vec<_>, Vec<_>) =
            found.iter().partition(|document| document["event"]["action"] == "follow_up");
        prop_assert_eq!(alerts.len(), usize::from(!connections.is_empty()));
        let mut told: BTreeMap<String, u64> = BTreeMap::new();
        let mut last = i64::MIN;
        for follow_up in follow_ups {
            for contact in follow_up["osawatch"]["follow_up"]["destinations"].as_array().unwrap() {
                let destination = contact["destination"].as_str().unwrap().trim_end_matches(":443").to_owned();
                *told.entry(destination).or_default() += contact["connections"].as_u64().unwrap();
            }
            let start = Timestamp::parse(follow_up["event"]["start"].as_str().unwrap()).unwrap().milliseconds();
            prop_assert!(start.saturating_sub(last) >= 60_000, "{start} after {last}");
            last = start;
        }
        let mut wanted: BTreeMap<String, u64> = BTreeMap::new();
        for (_, to) in connections.iter().skip(1) {
            *wanted.entry(to.clone()).or_default() += 1;
        }
        prop_assert_eq!(told, wanted);
    }
}

#[test]
fn a_follow_up_is_no_longer_than_an_alert_whatever_its_host_is_called() {
    let long = format!("\"host\":{{\"name\":\"{}\",", "x".repeat(100_000));
    let lines = [
        document(0, OSASCRIPT, None),
        document(1, OSASCRIPT, Some("192.5.6.1")),
        document(2, OSASCRIPT, Some("192.5.6.2")).replace("\"host\":{", &long),
    ];
    let found = documents(&lines, &[]);
    assert_eq!(found.len(), 2);
    assert!(found.iter().all(|document| osawatch::alert::to_line(document).len() < 32_000));
}
