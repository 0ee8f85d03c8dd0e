//! The configuration file as a user gives it.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::util::{Run, fixtures, osawatch};

fn with_config(text: &str, mode: u32, run: impl Fn(&str) -> Run) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("config.toml");
    fs::write(&file, text).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
    run(&file.display().to_string())
}

#[test]
fn a_wrong_file_exits_78_with_its_place_and_a_suggestion() {
    let run = with_config("[volume]\nmax_alert = 5\n", 0o600, |file| osawatch(&["config", "check", file]));
    run.exits(78).says("config.toml:2:1: unknown field `max_alert`").says("did you mean `max_alerts`?");
}

#[test]
fn the_values_in_effect_are_shown() {
    let run = with_config("[volume]\nmax_alerts = 5\n", 0o600, |file| osawatch(&["config", "show", file])).exits(0);
    assert!(run.stdout.contains("max_alerts = 5\n") && run.stdout.contains("keep_files = 14\n"), "{}", run.stdout);
}

#[test]
fn root_refuses_a_file_that_others_may_write() {
    let run = with_config("", 0o666, |file| osawatch(&["config", "check", file]));
    if run.code != 0 {
        run.exits(78).says("others than its owner may write it (mode 0666)");
    }
    with_config("", 0o644, |file| osawatch(&["config", "check", file])).exits(0);
}

#[test]
fn a_disabled_rule_does_not_run_in_a_replay() {
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    assert_eq!(osawatch(&["replay", &input]).exits(0).alerts().len(), 1);
    let text = "[rules]\ndisable = [\"osascript-network-connection\"]\n";
    let run = with_config(text, 0o600, |file| osawatch(&["replay", "--config", file, &input])).exits(0);
    assert!(run.alerts().iter().all(|alert| alert["rule"]["id"] != "osascript-network-connection"));
}
