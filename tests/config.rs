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
fn a_file_that_others_may_write_is_refused() {
    let run = with_config("", 0o666, |file| osawatch(&["config", "check", file])).exits(78);
    run.says("writable by group or others (mode 0666); run: chmod ");
    with_config("", 0o644, |file| osawatch(&["config", "check", file])).exits(0);
}

#[test]
fn a_check_reports_the_errors_of_all_files_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let config = write("config.toml", "[alerts]\nkeep_files = 0\nsyslog = 1\n");
    write("exceptions.d/a.toml", "[[exception]]\nname = 1\n");
    write("exceptions.d/b.toml", "exception = 1\n");
    let run = osawatch(&["config", "check", &config]).exits(78);
    let run = run.says("config.toml:2:14: 0 is out of range").says("config.toml:3:10: expected a boolean");
    run.says("a.toml:2:8: expected a string").says("b.toml:1:13: expected a sequence");
    write("exceptions.d/a.toml", "");
    write("exceptions.d/b.toml", "");
    let text = "[rules]\npaths = [\"rules\"]\n\
        [[exception]]\nname = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.nmae == \"x\"'\n";
    let config = write("config.toml", text);
    write("rules/a.toml", "[rule]\n");
    write("rules/b.toml", "[rule\n");
    let run = osawatch(&["config", "check", &config]).exits(78);
    run.says("config.toml:7:14: exception `x`").says("rules/a.toml:1:").says("rules/b.toml:1:");
    let config = write("config.toml", "[rules]\npaths = [\"nowhere\"]\n");
    osawatch(&["config", "check", &config]).exits(78).says("nowhere: cannot read: ");
}

#[test]
fn what_blinds_the_rules_is_a_warning_and_what_has_no_effect_is_a_lint() {
    let text = "[sources]\nmute = [\"/usr/bin/osascript\"]\n";
    let run = with_config(text, 0o600, |file| osawatch(&["config", "check", file])).exits(0);
    assert!(run.stdout.starts_with("warning  ") && run.stdout.ends_with("config.toml: ok\n"), "{}", run.stdout);
    let text = "[rules]\ndisable = [\"nothing\"]\n";
    let run = with_config(text, 0o600, |file| osawatch(&["config", "check", file])).exits(1);
    assert!(run.stdout.starts_with("lint     "), "{}", run.stdout);
}

#[test]
fn a_pipe_in_place_of_a_rule_file_is_refused_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("rule.toml");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let run = osawatch(&["rules", "check", &folder.path().display().to_string()]).exits(1);
    assert!(run.stdout.contains("rule.toml: not a regular file"), "{}", run.stdout);
}

#[test]
fn a_rule_that_is_shipped_off_runs_when_the_configuration_turns_it_on() {
    let input = fixtures().join("replay/shortcut-run-from-a-shell/events.ndjson").display().to_string();
    assert_eq!(osawatch(&["replay", &input]).exits(0).alerts().len(), 0);
    let text = "[rules]\nenable = [\"shortcuts-network-connection\"]\n";
    let run = with_config(text, 0o600, |file| osawatch(&["replay", "--config", file, &input])).exits(0);
    assert_eq!(run.alerts().len(), 1);
    assert_eq!(run.alerts()[0]["rule"]["id"], "shortcuts-network-connection");
}

#[test]
fn a_disabled_rule_does_not_run_in_a_replay() {
    let input = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    assert_eq!(osawatch(&["replay", &input]).exits(0).alerts().len(), 1);
    let text = "[rules]\ndisable = [\"osascript-network-connection\"]\n";
    let run = with_config(text, 0o600, |file| osawatch(&["replay", "--config", file, &input])).exits(0);
    assert!(run.alerts().iter().all(|alert| alert["rule"]["id"] != "osascript-network-connection"));
}
