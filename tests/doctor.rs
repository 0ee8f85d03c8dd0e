//! `osawatch doctor`, `terminate`, `man` and `completions` as a user calls them, where there is no Mac.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::util::{Run, osawatch};

/// A configuration whose folders are beside it.
fn installed(more: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    for name in ["log", "state"] {
        fs::create_dir(at(name)).unwrap();
    }
    let text = format!(
        "alerts.file = \"{}\"\nalerts.state_directory = \"{}\"\n{more}",
        at("log/alerts.ndjson").display(),
        at("state").display()
    );
    fs::write(at("config.toml"), text).unwrap();
    fs::set_permissions(at("config.toml"), fs::Permissions::from_mode(0o600)).unwrap();
    let file = at("config.toml").display().to_string();
    (folder, file)
}

fn checks(run: &Run) -> Vec<Json> {
    let found: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(found["exit_code"], run.code);
    found["checks"].as_array().unwrap().clone()
}

fn check(checks: &[Json], name: &str) -> Json {
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no check {name}")).clone()
}

#[test]
fn what_needs_a_mac_is_not_applicable_and_the_rest_is_checked() {
    let (folder, file) = installed("");
    let run = osawatch(&["doctor", "--json", "--config", &file]);
    let all = checks(&run);
    for name in
        ["macOS", "Rosetta", "process events", "connections", "libproc", "eslogger", "launchd job", "code signature"]
    {
        assert_eq!(check(&all, name)["state"], "n/a", "{name}");
    }
    for name in ["configuration", "managed preferences", "clock"] {
        assert_eq!(check(&all, name)["state"], "pass", "{name}");
    }
    assert!(check(&all, "alert folder")["finding"].as_str().unwrap().contains("/log"));
    assert_eq!(check(&all, "running agent")["state"], "warn");
    assert!(check(&all, "running agent")["remedy"].as_str().unwrap().contains("osawatch run"));
    fs::set_permissions(folder.path().join("log"), fs::Permissions::from_mode(0o777)).unwrap();
    let run = osawatch(&["doctor", "--config", &file]).exits(2);
    assert!(run.stdout.starts_with("fail  alert folder"), "{}", run.stdout);
    assert!(run.stdout.lines().nth(1).unwrap().contains("→ sudo chmod go-w"), "{}", run.stdout);
}

#[test]
fn each_error_of_the_configuration_fails_with_its_place_and_what_hides_attacks_is_a_warning() {
    let (_folder, file) = installed("alerts.keep_files = 0\nalerts.syslog = 1\n");
    let all = checks(&osawatch(&["doctor", "--json", "--config", &file]).exits(2));
    let failed: Vec<&Json> = all.iter().filter(|check| check["name"] == "configuration").collect();
    assert_eq!(failed.len(), 2);
    assert!(failed.iter().all(|check| check["state"] == "fail" && check["finding"].as_str().unwrap().contains(":3:")
        || check["finding"].as_str().unwrap().contains(":4:")));
    let (_folder, file) = installed("script.capture_script = \"off\"\n");
    let all = checks(&osawatch(&["doctor", "--json", "--config", &file]));
    assert!(all.iter().any(|check| check["finding"].as_str().unwrap().ends_with("this hides attacks")), "{all:#?}");
}

#[test]
fn a_rule_that_cannot_alert_is_named_with_the_reason() {
    let (folder, _) = installed("");
    let rule = folder.path().join("rule.toml");
    let text = "[rule]\nrule_id = \"files\"\nname = \"f\"\nquery = 'file where true'\n";
    fs::write(&rule, text).unwrap();
    fs::set_permissions(&rule, fs::Permissions::from_mode(0o600)).unwrap();
    let (_other, file) = installed(&format!("rules.paths = [\"{}\"]\n", rule.display()));
    let all = checks(&osawatch(&["doctor", "--json", "--config", &file]));
    let found = check(&all, "rules");
    assert_eq!(found["state"], "warn");
    assert!(found["finding"].as_str().unwrap().contains("skipped: files: it needs file events"), "{found}");
    let run = osawatch(&["doctor", "--rules", &rule.display().to_string()]);
    let said = [&run.stdout, &run.stderr].map(|text| text.matches("it needs file events").count());
    assert_eq!(said, [1, 0], "{}", run.stderr);
}

#[test]
fn without_a_configuration_there_are_no_folders_to_make() {
    let run = osawatch(&["doctor", "--json"]);
    let all = checks(&run);
    assert_eq!(check(&all, "configuration")["state"], "warn");
    for name in ["alert folder", "state folder"] {
        let check = check(&all, name);
        assert_eq!((&check["state"], check.get("remedy")), (&json!("n/a"), None), "{check}");
    }
    let all = checks(&osawatch(&["doctor", "--json", "--only", "nosuch"]).exits(2));
    assert_eq!(check(&all, "rules")["remedy"], "correct the command line");
}

#[test]
fn an_alert_that_is_not_there_and_a_system_that_is_no_mac_terminate_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("alerts.ndjson");
    let alert = json!({ "event": { "id": "a1", "kind": "alert" }, "process": { "pid": 4_000_000 } });
    fs::write(&file, format!("{alert}\n")).unwrap();
    let file = file.display().to_string();
    osawatch(&["terminate", "--alert", "a2", &file]).exits(66).says("no alert has the event.id `a2`");
    osawatch(&["terminate", "--alert", "a1", &file]).exits(69).says("only on macOS");
    osawatch(&["terminate", &file]).exits(64);
}

/// The commands that the help of a command lists.
fn commands(of: &[&str]) -> Vec<String> {
    let help = osawatch(&[of, &["--help"]].concat()).exits(0).stdout;
    let Some((_, listed)) = help.split_once("Commands:\n") else { return Vec::new() };
    let listed = listed.lines().take_while(|line| !line.is_empty());
    let names = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    let names = names.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help");
    names.map(str::to_owned).collect()
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let run = osawatch(&["man"]).exits(0);
    assert!(run.stdout.contains(".TH osawatch 1") && run.stdout.contains("doctor"), "{}", run.stdout);
    assert!(!run.stdout.contains("\\-help(1)"), "a page that is not written");
    let folder = tempfile::tempdir().unwrap();
    osawatch(&["man".as_ref(), "--output".as_ref(), folder.path().as_os_str()]).exits(0);
    let pages = fs::read_dir(folder.path()).unwrap().map(|page| page.unwrap().file_name().into_string().unwrap());
    let mut pages: Vec<String> = pages.collect();
    let mut wanted = vec!["osawatch.1".to_owned()];
    for command in commands(&[]) {
        wanted.push(format!("osawatch-{command}.1"));
        wanted.extend(commands(&[&command]).iter().map(|inner| format!("osawatch-{command}-{inner}.1")));
    }
    pages.sort();
    wanted.sort();
    assert_eq!(pages, wanted);
    for (page, text) in [
        ("osawatch-config-check.1", "managed\\-preferences"),
        ("osawatch-selftest.1", "exits with 1 for what could not be tried"),
        ("osawatch-terminate.1", "\\-\\-dry\\-run"),
        ("osawatch-status.1", "\\-\\-prometheus"),
    ] {
        let page = fs::read_to_string(folder.path().join(page)).unwrap();
        assert!(page.contains(text), "{page}");
    }
    osawatch(&["man".as_ref(), "--output".as_ref(), Path::new("/nowhere/at/all").as_os_str()]).exits(73);
}

#[test]
fn completions_know_every_command_and_the_ids_of_the_rules() {
    for shell in ["bash", "zsh", "fish"] {
        let script = osawatch(&["completions", shell]).exits(0).stdout;
        assert!(script.contains("osascript-network-connection"), "{shell}");
        commands(&[]).iter().for_each(|command| assert!(script.contains(command.as_str()), "{shell}: {command}"));
    }
}
