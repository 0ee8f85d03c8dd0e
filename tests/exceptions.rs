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
        let run = run.says("held back by exception `known` (test): osascript-network-connection");
        run.says(" to 93.184.216.34").says("1 sequence held back by exceptions\n       1  known\n");
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
        run.says("0 sequences held back by exceptions\n       0  known\n");
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
