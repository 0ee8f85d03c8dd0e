//! The configuration file as a user gives it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

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
    for wanted in ["max_alerts = 5  # ", "/config.toml:2\n", "keep_files = 14  # default\n"] {
        assert!(run.stdout.contains(wanted), "{}", run.stdout);
    }
}

#[test]
fn what_is_shown_is_a_configuration_that_has_the_same_values() {
    let text = "[script]\nredact = [\"a\\u0008\\\\n\"]\nredact_key = \"\"\"a\nb\"\"\"\n[volume.rules.\"a b\"]\nmax_alerts = 0\n";
    let shown = with_config(text, 0o600, |file| osawatch(&["config", "show", file])).exits(0).stdout;
    let again = with_config(&shown, 0o600, |file| osawatch(&["config", "show", file])).exits(0).stdout;
    let values = |text: &str| text.parse::<toml::Table>().unwrap();
    assert_eq!(values(&shown), values(&again));
    assert_eq!(values(&shown)["script"]["redact_key"].as_str(), Some("a\nb"));
}

#[test]
fn the_values_are_shown_as_json_with_their_origin() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let exception = "[[exception]]\nname = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.pid == 1'\n";
    let file = write("config.toml", &format!("{exception}[volume]\nmax_alerts = 5\n"));
    let managed =
        write("managed.plist", "<plist><dict><key>alerts</key><dict><key>syslog</key><true/></dict></dict></plist>");
    let run = osawatch(&["config", "show", "--json", "--managed-preferences", &managed, &file]).exits(0);
    let shown: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let value = |key: &str| shown["values"].as_array().unwrap().iter().find(|value| value["key"] == key).unwrap();
    let wanted =
        json!({"key": "volume.max_alerts", "value": 5, "origin": "file", "file": file, "line": 7, "column": 14});
    assert_eq!(*value("volume.max_alerts"), wanted);
    let wanted = json!({"key": "alerts.syslog", "value": true, "origin": "managed", "file": managed});
    assert_eq!(*value("alerts.syslog"), wanted);
    assert_eq!(*value("alerts.keep_files"), json!({"key": "alerts.keep_files", "value": 14, "origin": "default"}));
    assert_eq!(shown["exceptions"][0]["origin"], format!("{file}:5:13"));
}

#[test]
fn a_check_as_json_has_errors_warnings_and_lints_apart() {
    let check = |text: &str| with_config(text, 0o600, |file| osawatch(&["config", "check", "--json", file]));
    let run = check("[alerts]\nkeep_files = 0\n").exits(78);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(found["errors"][0].as_str().unwrap().ends_with("config.toml:2:14: 0 is out of range: 1 to 10000"));
    let run = check("[rules]\ndisable = [\"nothing\"]\n[script]\ncapture_script = \"off\"\n").exits(1);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert!(found["warnings"][0].as_str().unwrap().contains("config.toml:4:18: `capture_script"), "{found}");
    assert!(found["lints"][0].as_str().unwrap().contains("config.toml:2:11: `disable` names `nothing`"), "{found}");
    assert_eq!(found["errors"], json!([]));
}

#[test]
fn every_key_is_listed_for_a_program() {
    let run = osawatch(&["config", "keys", "--json"]).exits(0);
    let keys: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let key = |name: &str| keys.as_array().unwrap().iter().find(|key| key["key"] == name).unwrap().clone();
    assert_eq!(
        (&key("alerts.keep_files")["minimum"], &key("alerts.keep_files")["maximum"]),
        (&json!(1), &json!(10_000))
    );
    assert_eq!(key("agent.heartbeat")["off"], "0s");
    assert_eq!(key("response.action")["choices"], json!(["none", "terminate"]));
    let text = osawatch(&["config", "keys"]).exits(0).stdout;
    assert_eq!(text.lines().count(), keys.as_array().unwrap().len());
}

#[test]
fn an_error_in_a_managed_exception_names_the_exception_and_no_line() {
    let entries = "<key>exception</key><array><dict><key>name</key><string>x</string><key>rules</key>\
        <string>all</string><key>reason</key><string>r</string><key>condition</key><string>nonsense ==</string>\
        </dict></array>";
    let list = format!("<plist><dict>{entries}</dict></plist>");
    let run = with_config(&list, 0o600, |file| osawatch(&["config", "check", "--managed-preferences", file])).exits(78);
    run.says("config.toml: exception `x`: ");
}

#[test]
fn a_file_that_others_may_write_is_refused() {
    let run = with_config("", 0o666, |file| osawatch(&["config", "check", file])).exits(78);
    run.says("writable by group or others (mode 0666); run: chmod ");
    with_config("", 0o644, |file| osawatch(&["config", "check", file])).exits(0);
}

/// The path of a file that is written into a folder, for its owner alone.
fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path.display().to_string()
}

#[test]
fn a_check_reports_the_errors_of_all_files_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| written(folder.path(), name, text);
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
    osawatch(&["config", "check", &config]).exits(78).says("config.toml:2:9: `paths`: ").says("nowhere: cannot read: ");
}

#[test]
fn all_that_is_wrong_is_reported_in_one_round_and_in_the_order_of_lines() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| written(folder.path(), name, text);
    let exception = |name: &str, rest: &str| format!("[[exception]]\nname = \"{name}\"\n{rest}");
    let rest = "rules = \"all\"\nreason = \"r\"\ncondition = 'process.nmae == \"x\"'\n";
    let text = [
        "[rules]\npaths = [\"nope\"]\ndisable = [\"nosuch\"]\n[alerts]\nkeep_files = 0\n",
        &exception("a", ""),
        &exception("b", rest),
        "[volume]\nmax_alert = 1\n",
    ];
    let config = write("config.toml", &text.concat());
    write("conf.d/stray.toml", "stray = 1\n[rules]\nenable = [\"neither\"]\n");
    write("exceptions.d/c.toml", &(exception("c", "") + &exception("d", rest)));
    let check = |json: &[&str]| osawatch(&[&["config", "check", &config], json].concat()).exits(78);
    let found: serde_json::Value = serde_json::from_str(&check(&["--json"]).stdout).unwrap();
    let errors: Vec<&str> = found["errors"].as_array().unwrap().iter().map(|error| error.as_str().unwrap()).collect();
    let wanted = [
        ("config.toml:2:9: ", "`paths`: "),
        ("config.toml:5:14: ", "0 is out of range"),
        ("config.toml:6:1: ", "missing fields `rules`, `condition`, `reason`"),
        ("config.toml:12:14: ", "exception `b`: unknown field `process.nmae`"),
        ("config.toml:14:1: ", "unknown field `max_alert`"),
        ("conf.d/stray.toml:1:1: ", "unknown field `stray`"),
        ("exceptions.d/c.toml:1:1: ", "missing fields `rules`, `condition`, `reason`"),
        ("exceptions.d/c.toml:7:14: ", "exception `d`: unknown field `process.nmae`"),
    ];
    assert_eq!(errors.len(), wanted.len(), "{errors:#?}");
    for (error, (place, what)) in errors.iter().zip(wanted) {
        assert!(error.contains(place) && error.contains(what), "{place}{what}: {error}");
    }
    write("rules/good.toml", "");
    let config = write("config.toml", &text.concat().replace("nope", "rules"));
    let run = osawatch(&["config", "check", &config]).exits(78);
    for id in ["nosuch", "neither"] {
        assert!(run.stdout.contains(&format!("names `{id}`, and no rule has that id")), "{}", run.stdout);
    }
}

#[test]
fn managed_preferences_that_are_named_have_to_exist() {
    let run = with_config("", 0o600, |file| {
        osawatch(&["config", "check", file, "--managed-preferences", "/nowhere/typo.plist"])
    });
    run.exits(78).says("/nowhere/typo.plist: cannot read: ");
    for command in [&["config", "show"][..], &["config", "check"], &["status"]] {
        let run = osawatch(&[command, &["--managed-preferences", "/nowhere/typo.plist"]].concat());
        run.exits(78).says("/nowhere/typo.plist: cannot read: ");
    }
    let run = osawatch(&["doctor", "--managed-preferences", "/nowhere/typo.plist"]).exits(2);
    assert!(run.stdout.contains("fail  managed preferences"), "{}", run.stdout);
}

/// The file that the launchd job names, where this machine has none.
const INSTALLED: &str = "/Library/Application Support/osawatch/config.toml";

#[test]
fn a_check_where_there_is_no_configuration_says_so() {
    for args in [&["config", "check"][..], &["config", "check", INSTALLED]] {
        let run = osawatch(args).exits(0);
        assert!(run.stdout.ends_with("config.toml: there is none; the defaults apply\n"), "{}", run.stdout);
    }
}

#[test]
fn an_agent_whose_job_names_a_configuration_that_is_missing_runs_with_the_defaults_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state").display().to_string();
    let run = osawatch(&["run", "--config", INSTALLED, "--state", &state]).exits(69).says("only on macOS");
    run.says(&format!("{INSTALLED}: there is none; the defaults apply"));
    osawatch(&["run", "--config", "/nowhere/config.toml", "--state", &state]).exits(78).says("cannot read");
    let run = osawatch(&["doctor", "--json", "--config", INSTALLED]);
    let found: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let check =
        |name: &str| found["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone();
    assert_eq!(check("configuration")["finding"], format!("none at {INSTALLED}: the defaults apply"));
    assert!(check("alert folder")["finding"].as_str().unwrap().starts_with("/var/log/osawatch"));
}

#[test]
fn the_rules_folder_beside_the_configuration_may_be_missing_or_empty_and_its_rules_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let config = written(folder.path(), "config.toml", include_str!("../packaging/config.toml"));
    let check = || osawatch(&["config", "check", &config]);
    let ok = format!("{config}: ok\n");
    assert_eq!(check().exits(0).stdout, ok);
    fs::create_dir(folder.path().join("rules")).unwrap();
    assert_eq!(check().exits(0).stdout, ok);
    written(folder.path(), "rules/own.toml", "[rule\n");
    check().exits(78).says("rules/own.toml:1:");
}

#[test]
fn what_is_in_the_place_of_the_alert_file_or_the_state_directory_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let file = written(folder.path(), "file", "");
    let shown = folder.path().display();
    let text = format!("[alerts]\nfile = \"{shown}\"\nstate_directory = \"{file}\"\n");
    let config = written(folder.path(), "config.toml", &text);
    let run = osawatch(&["config", "check", &config]).exits(78);
    let run = run.says(&format!("config.toml:2:8: `file`: {shown} is a folder; name a file in it"));
    run.says(&format!("config.toml:3:19: `state_directory`: {file} is not a folder"));
    let text = format!("[alerts]\nfile = \"{file}\"\nstate_directory = \"{file}\"\n");
    let config = written(folder.path(), "config.toml", &text);
    osawatch(&["config", "check", &config])
        .exits(78)
        .says("config.toml:3:19: `file` and `state_directory` are one path");
}

#[test]
fn a_managed_key_of_another_version_is_a_lint_and_a_warning_in_the_log_and_stops_no_agent() {
    let folder = tempfile::tempdir().unwrap();
    let config = written(folder.path(), "config.toml", "");
    let list = "<plist><dict><key>limits</key><dict><key>later</key><true/></dict></dict></plist>";
    let managed = written(folder.path(), "managed.plist", list);
    let state = folder.path().join("state").display().to_string();
    let of = |command: &[&str]| osawatch(&[command, &["--managed-preferences", &managed]].concat());
    let wanted = format!("{managed}: `limits.later`: unknown field `later`");
    let check = of(&["config", "check", &config]).exits(1);
    assert!(check.stdout.starts_with(&format!("lint     {wanted}")), "{}", check.stdout);
    of(&["run", "--config", &config, "--state", &state]).exits(69).says("only on macOS").says(&wanted);
    let run = of(&["status", "--config", &config]);
    assert!(run.stdout.lines().next().unwrap().contains(&wanted), "{}", run.stdout);
}

#[test]
fn a_path_of_the_configuration_of_which_no_rule_runs_and_a_second_rule_of_one_id_are_lints() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| written(folder.path(), name, text);
    let rule = |id: &str, more: &str| {
        format!("[rule]\nrule_id = \"{id}\"\nname = \"n\"\n{more}query = 'process where true'\n")
    };
    write("rules/a.toml", &rule("osascript-network-connection", ""));
    write("rules/b.toml", &rule("b", ""));
    write("rules/c.toml", &rule("b", ""));
    // Beside rules that run, one in another language is no mistake.
    write("rules/d.toml", &rule("d", "language = \"kuery\"\n"));
    write("others/d.toml", &rule("d", "language = \"kuery\"\n"));
    fs::create_dir(folder.path().join("empty")).unwrap();
    let config = write("config.toml", "[rules]\npaths = [\"rules\", \"others\", \"empty\"]\n");
    let shown = |name: &str| folder.path().join(name).display().to_string();
    for command in [&["config", "check"][..], &["rules", "check", "--config"]] {
        let run = osawatch(&[command, &[&config]].concat()).exits(1);
        let lints: Vec<&str> = run.stdout.lines().filter(|line| line.starts_with("lint ")).collect();
        assert_eq!(lints.len(), 4, "{}", run.stdout);
        assert!(lints[0].contains(&shown("rules/a.toml")) && lints[0].contains("the rule in built-in has the same id"));
        assert!(lints[1].contains(&shown("rules/c.toml")) && lints[1].contains("b.toml has the same id"));
        assert!(lints[2].contains(&shown("others/d.toml")) && lints[2].contains("kuery"), "{}", lints[2]);
        assert!(
            lints[3].contains("config.toml:2:9: `paths` names ") && lints[3].contains(&shown("empty")),
            "{}",
            lints[3]
        );
    }
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
