//! Exceptions as a user writes them, on a recording with one alert.

use std::fs;

use crate::util::{Run, fixtures, osawatch};

const HEAD: &str = "[[exception]]\nname = \"known\"\nrules = \"all\"\nreason = \"test\"\n";

fn replay(config: &str) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, config).unwrap();
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    osawatch(&["replay", "--config", &file.display().to_string(), "--explain", &input])
}

#[test]
fn a_condition_sees_every_event_of_the_sequence() {
    for condition in [
        "events[0].process.name == \"osascript\" and events[1].destination.port == 443",
        "cidrMatch(events[1].destination.ip, \"93.184.216.0/24\")",
        "destination.ip == \"93.184.216.34\" and not events[0].destination.ip != null",
        "events[0].process.entity_id == events[1].process.entity_id",
    ] {
        let run = replay(&format!("{HEAD}condition = '{condition}'\n")).exits(0);
        assert_eq!(run.alerts().len(), 0, "{condition}");
        let run = run.says("suppressed by exception `known` (test): osascript-network-connection");
        run.says(" to 93.184.216.34").says("1 sequence suppressed by exceptions\n       1  known\n");
    }
}

#[test]
fn a_sequence_that_does_not_meet_the_condition_goes_out() {
    for condition in [
        "events[1].process.name == \"curl\"",
        "events[7].process.name == \"osascript\"",
        "events[0].destination.port == 443",
    ] {
        let run = replay(&format!("{HEAD}condition = '{condition}'\n")).exits(0);
        assert_eq!(run.alerts().len(), 1, "{condition}");
        run.says("0 sequences suppressed by exceptions\n       0  known\n");
    }
}

#[test]
fn an_exception_ends_with_its_day_by_the_time_of_the_completing_event() {
    for (expires, alerts) in
        [("2026-01-14", 1), ("2026-01-15", 0), ("2026-01-15T09:30:11.616Z", 1), ("2026-01-15T09:30:12Z", 0)]
    {
        let run = replay(&format!("{HEAD}condition = 'true'\nexpires = {expires}\n")).exits(0);
        assert_eq!(run.alerts().len(), alerts, "{expires}");
    }
}

#[test]
fn an_exception_for_another_rule_holds_nothing_back() {
    let text = HEAD.replace("\"all\"", "[\"another\"]");
    assert_eq!(replay(&format!("{text}condition = 'true'\n")).exits(0).alerts().len(), 1);
}

#[test]
fn a_bad_exception_is_refused_where_it_stands() {
    let text = format!("{HEAD}condition = 'process.nmae == \"x\"'\n");
    replay(&text).exits(78).says("config.toml:5:14: exception `known`: unknown field `process.nmae`");
    replay(&format!("{HEAD}condition = 'events[x].process.name == \"x\"'\n")).exits(78).says(":5:21: ");
    replay(&format!("{HEAD}condition = 'true'\nexpires = 10:00:00\n")).exits(78).says("config.toml:6:11: `expires`");
    replay(&format!("{HEAD}condition = 'true'\nrule = 1\n")).exits(78).says("config.toml:6:1: unknown field `rule`");
    let text = HEAD.replace("\"all\"", "\"some\"");
    replay(&format!("{text}condition = 'true'\n")).exits(78).says("config.toml:3:9: ");
}

#[test]
fn a_rule_cannot_name_the_events_of_a_sequence() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rule.toml");
    let query = "process where events[0].process.name == \"x\"";
    fs::write(&file, format!("[rule]\nrule_id = \"r\"\nname = \"n\"\nquery = '{query}'\n")).unwrap();
    let run = osawatch(&["rules", "check", &file.display().to_string()]).exits(1);
    assert!(run.stdout.contains("only in the condition of an exception"), "{}", run.stdout);
}

#[test]
fn exceptions_stand_in_files_beside_the_configuration_too() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "").unwrap();
    let beside = folder.path().join("exceptions.d");
    fs::create_dir(&beside).unwrap();
    fs::write(beside.join("10-known.toml"), format!("{HEAD}condition = 'true'\n")).unwrap();
    fs::write(beside.join("notes.txt"), "no exception").unwrap();
    let (input, file) =
        (fixtures().join("replay/public-v4/events.ndjson").display().to_string(), file.display().to_string());
    let run = osawatch(&["replay", "--config", &file, "--explain", &input]).exits(0);
    assert!(run.alerts().is_empty());
    run.says("1 sequence suppressed by exceptions\n       1  known\n");
    fs::write(beside.join("20-wrong.toml"), "[[exception]]\nname = \"x\"\n").unwrap();
    osawatch(&["config", "check", &file]).exits(78).says("20-wrong.toml:1:1: missing field");
}

#[test]
fn the_presets_are_off_as_shipped_and_right_once_uncommented() {
    let presets = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/exceptions.d");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, "").unwrap();
    fs::create_dir(folder.path().join("exceptions.d")).unwrap();
    let mut names = Vec::new();
    for entry in fs::read_dir(presets).unwrap() {
        let entry = entry.unwrap();
        let text = fs::read_to_string(entry.path()).unwrap();
        assert_eq!(text.parse::<toml::Table>().unwrap().len(), 0, "{:?} is on", entry.path());
        let on: String = text
            .lines()
            .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line).to_owned() + "\n")
            .collect();
        let on: String =
            on.lines().map(|line| line.strip_prefix("#  ").map_or(line.to_owned(), str::to_owned) + "\n").collect();
        names.push(entry.file_name().into_string().unwrap());
        fs::write(folder.path().join("exceptions.d").join(entry.file_name()), on).unwrap();
    }
    names.sort();
    assert_eq!(names, ["developers.toml", "homebrew.toml", "jamf.toml", "launchers.toml", "munki.toml"]);
    osawatch(&["config", "check", &file.display().to_string()]).exits(0);
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    let run = osawatch(&["replay", "--config", &file.display().to_string(), "--explain", &input]).exits(0);
    assert_eq!(run.alerts().len(), 1);
    run.says("alfred-workflows").says("jamf-policy-scripts");
}

#[test]
fn a_cap_of_the_configuration_holds_back_in_a_replay_and_one_alert_sums_up() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let mut events = String::new();
    for n in 0..5 {
        let process = format!(
            "\"process\":{{\"name\":\"osascript\",\"entity_id\":\"e{n}\",\"executable\":\"/usr/bin/osascript\"}}"
        );
        let host = "\"host\":{\"id\":\"h\",\"os\":{\"type\":\"macos\"}}";
        events += &format!(
            "{{\"@timestamp\":\"2026-01-15T09:30:0{n}Z\",\"event\":{{\"category\":[\"process\"],\"type\":[\"start\"]}},{host},{process}}}\n"
        );
        events += &format!(
            "{{\"@timestamp\":\"2026-01-15T09:30:0{n}.5Z\",\"event\":{{\"category\":[\"network\"],\"type\":[\"start\"]}},{host},{process},\"destination\":{{\"ip\":\"93.184.216.34\",\"port\":443}}}}\n"
        );
    }
    let replay = |config: &str| {
        fs::write(&file, config).unwrap();
        crate::util::osawatch_with_input(&["replay", "--config", &file.display().to_string(), "-"], events.as_bytes())
            .exits(0)
    };
    assert_eq!(replay("").alerts().len(), 5, "a replay has no cap of its own");
    let run = replay("[volume]\nmax_alerts = 2\n");
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 3);
    let summary = &alerts[2];
    assert_eq!(summary["event"]["action"], "alerts_held_back");
    assert_eq!(summary["event"]["sequence"], 2);
    assert_eq!(summary["message"], summary["rule"]["name"]);
    assert_eq!(summary["osawatch"]["held_back"]["alerts"], 3);
    let group = &summary["osawatch"]["held_back"]["groups"][0];
    assert_eq!(group["destination"], "93.184.216.34:443");
    assert_eq!((&group["process"], &group["alerts"]), (&"/usr/bin/osascript".into(), &3.into()));
    let held_back = &summary["osawatch"]["held_back"];
    assert_eq!(held_back["destinations"], serde_json::json!(["93.184.216.34:443"]));
    assert_eq!((&held_back["other_destinations"], &summary["related"]["ip"][0]), (&0.into(), &"93.184.216.34".into()));
    run.says("3 alerts suppressed by [volume]");
}

#[test]
fn rules_check_lints_exceptions_that_do_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    let entry = |name: &str, rest: &str| format!("[[exception]]\nname = \"{name}\"\nreason = \"test\"\n{rest}\n");
    let text = [
        "[rules]\ndisable = [\"none\"]\n[volume.rules.nor-this]\nmax_alerts = 1\n".to_owned(),
        entry("expired", "rules = \"all\"\ncondition = 'user.name == \"a\"'\nexpires = 2020-01-01"),
        entry("unknown", "rules = [\"osascript-network-conection\"]\ncondition = 'user.name == \"b\"'"),
        entry("beyond", "rules = [\"osascript-network-connection\"]\ncondition = 'events[2].process.name == \"b\"'"),
        entry("both", "rules = \"all\"\ncondition = 'process.name == \"a\" and process.name == \"b\"'"),
        entry("first", "rules = \"all\"\ncondition = 'user.name == \"c\"'"),
        entry("second", "rules = [\"osascript-network-connection\"]\ncondition = 'user.name  ==  \"c\"'"),
        entry(
            "fine",
            "rules = [\"osascript-network-connection\"]\ncondition = 'process.args == \"a\" and process.args == \"b\"'",
        ),
    ];
    fs::write(&file, text.concat()).unwrap();
    let run = osawatch(&["rules", "check", "--config", &file.display().to_string()]).exits(1);
    for said in [
        "`disable` names `none`, and no rule has that id",
        "[volume.rules] names `nor-this`",
        "exception `expired`: expired at 2020-01-02T00:00:00",
        "exception `unknown`: no rule has the id `osascript-network-conection`",
        "exception `beyond`: never true: there is no events[2] in a sequence of 2",
        "exception `both`: never true: process.name cannot be `a` and `b` at once",
        "exception `second`: `first` suppresses everything it would",
        "7 exceptions, 7 lints",
    ] {
        assert!(run.stdout.contains(said), "no {said:?} in\n{}", run.stdout);
    }
}
