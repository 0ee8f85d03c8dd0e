//! `osawatch selftest`, as a user calls it, and played in the simulated Mac.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::live::simulator;
use crate::util::{Run, osawatch};

#[test]
fn a_self_test_needs_a_mac_and_says_so() {
    if cfg!(target_os = "macos") {
        return;
    }
    let run = osawatch(&["selftest", "--json"]).exits(69).says("live events are available only on macOS");
    assert_eq!(run.stdout, "");
}

/// The self-test in a simulated Mac with these steps; nothing of it is left on the disk.
fn play(steps: &[Json], args: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let (script, left) = (folder.path().join("script.ndjson"), folder.path().join("tmp"));
    fs::create_dir(&left).unwrap();
    fs::write(&script, steps.iter().map(|step| format!("{step}\n")).collect::<String>()).unwrap();
    let [macsim, executable] = simulator();
    let mut command = Command::new(macsim);
    command.args(["--quiet", "--os", "15.1", "--script"]).arg(&script).arg(executable).arg("selftest").args(args);
    let run = Run::of(&command.env("TMPDIR", &left).stdin(Stdio::null()).output().unwrap());
    assert_eq!(fs::read_dir(&left).unwrap().count(), 0, "the alerts are removed");
    run
}

/// Its lines, with single spaces.
fn lines(run: &Run) -> Vec<String> {
    run.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

#[track_caller]
fn has(run: &Run, start: &str, text: &str) {
    let found = lines(run).iter().any(|line| line.starts_with(start) && line.contains(text));
    assert!(found, "{start} … {text} is missing:\n{}{}", run.stdout, run.stderr);
}

const PARTS: [&str; 4] = ["osascript itself", "descendant", "reparented child", "Automator pair"];

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_every_part_of_a_self_test_passes_with_its_latencies() {
    let run = play(&[json!({ "programs": {} })], &["--json"]).exits(0);
    let found: Json = serde_json::from_str(&run.stdout).unwrap();
    let rules = [
        "osascript-network-connection",
        "osascript-descendant-network-connection",
        "osascript-descendant-network-connection",
        "automator-runner-network-connection",
    ];
    for (name, rule) in PARTS.into_iter().zip(rules) {
        let check = found["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap();
        assert_eq!(check["state"], "pass", "{check}");
        for link in ["exec_ms", "connection_ms", "attribution_ms", "written_ms"] {
            assert!(check["links"][link].is_u64(), "{check}");
        }
        assert!(check["links"]["rules"].as_array().unwrap().contains(&json!(rule)), "{check}");
    }
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_self_test_passes_by_eslogger_too() {
    let steps =
        [json!({ "es_new_client_result": "ERR_NOT_ENTITLED" }), json!({ "eslogger": {} }), json!({ "programs": {} })];
    let run = play(&steps, &[]).exits(0);
    has(&run, "pass process events", "eslogger");
    PARTS.iter().for_each(|part| has(&run, &format!("pass {part}"), "alert written after"));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_an_exec_that_is_not_reported_is_the_missing_link() {
    let run = play(&[json!({ "programs": { "exec": false } })], &[]).exits(2);
    PARTS.iter().for_each(|part| has(&run, &format!("fail {part}"), "exec not seen: "));
    has(&run, "pass connections", "");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_connection_that_is_not_reported_is_the_missing_link_and_no_automator_is_skipped() {
    let run = play(&[json!({ "programs": { "connection": false, "automator": false } })], &[]).exits(2);
    PARTS[..3].iter().for_each(|part| has(&run, &format!("fail {part}"), "connection not seen: "));
    has(&run, "skipped Automator pair", "/usr/bin/automator cannot be started here");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_what_could_not_be_played_is_no_success() {
    let run = play(&[json!({ "programs": { "automator": false } })], &[]).exits(1);
    assert!(lines(&run)[0].starts_with("skipped Automator pair"), "{}", run.stdout);
    PARTS[..3].iter().for_each(|part| has(&run, &format!("pass {part}"), "alert written after"));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_connection_of_an_unknown_process_is_not_attributed() {
    let run = play(&[json!({ "programs": { "attributed": false } })], &[]).exits(2);
    PARTS.iter().for_each(|part| has(&run, &format!("fail {part}"), "; not attributed: "));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_alerts_that_no_file_takes_are_the_missing_link() {
    // A directory has the name of the alert file as soon as there is one.
    let taken = r#"until file=$(ls "$TMPDIR"/osawatch-selftest-*/alerts.ndjson 2> /dev/null); do sleep 0.01; done
                   rm "$file" && mkdir "$file""#;
    let steps = [json!({ "programs": {} }), json!({ "wait_es": 5000 }), json!({ "sh": taken })];
    let run = play(&steps, &[]).exits(2);
    PARTS.iter().for_each(|part| has(&run, &format!("fail {part}"), "; not written: "));
}
