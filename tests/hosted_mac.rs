//! `tests/live/live.py`, which a hosted Mac runs, with stand-ins for the Mac's commands: it finds what is there, and
//! fails where an alert is missing.
//! Whether macOS does what the script expects is for a Mac to show.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/live")
}

/// Runs the script; the one program makes no alert, the other a late one. Gives its results too.
fn run(folder: &Path, silent: &str, late: &str) -> (Output, Json) {
    let stand_ins = scripts().join("stand-ins");
    let path = format!("{}:{}", stand_ins.display(), std::env::var("PATH").unwrap());
    let mut command = Command::new("python3");
    command.arg(scripts().join("live.py")).arg(stand_ins.join("osawatch")).arg(folder.join("out"));
    command.env("PATH", path).env("STAND_IN_EVENTS", folder.join("events")).env("STAND_IN_SILENT", silent);
    command.env("STAND_IN_LATE", late);
    let output = command.env("PYTHONDONTWRITEBYTECODE", "1").output().expect("python3 starts");
    let results = fs::read_to_string(folder.join("out/results.json")).unwrap_or_default();
    let results = serde_json::from_str(&results).unwrap_or_else(|_| panic!("{output:?}"));
    (output, results)
}

fn outcome<'a>(results: &'a Json, check: &str) -> &'a str {
    let rows = results["checks"].as_array().unwrap();
    let row = rows.iter().find(|row| row["check"] == check).unwrap_or_else(|| panic!("no {check} in {results}"));
    row["outcome"].as_str().unwrap()
}

#[test]
#[ignore = "needs python3, and takes a minute"]
fn the_script_for_a_hosted_mac_passes_when_every_alert_comes() {
    let folder = tempfile::tempdir().unwrap();
    let (output, results) = run(folder.path(), "", "");
    for check in ["start", "curl child, IPv4", "curl child, IPv6", "UDP", "nohup child", "JXA NSURLSession"] {
        assert_eq!(outcome(&results, check), "passed", "{check}: {results}");
    }
    assert_eq!(outcome(&results, "Automator workflow"), "passed");
    assert_eq!(outcome(&results, "selftest"), "passed");
    assert!(output.status.success());
    assert_eq!(results["answers"]["message version"], 10);
    let summary = fs::read_to_string(folder.path().join("out/summary.md")).unwrap();
    assert!(summary.contains("40 ms after the connection"), "{summary}");
    let workflow = folder.path().join("out/fetch.workflow/Contents/document.wflow");
    let document = plist::Value::from_file(workflow).unwrap();
    let action = &document.as_dictionary().unwrap()["actions"].as_array().unwrap()[0];
    let parameters = &action.as_dictionary().unwrap()["action"].as_dictionary().unwrap()["ActionParameters"];
    let command = parameters.as_dictionary().unwrap()["COMMAND_STRING"].as_string().unwrap();
    assert_eq!(command, "/usr/bin/curl -s https://example.com");
}

#[test]
#[ignore = "needs python3, and takes a minute"]
fn the_script_for_a_hosted_mac_fails_when_an_alert_is_missing_or_late() {
    let folder = tempfile::tempdir().unwrap();
    let (output, results) = run(folder.path(), "nc", "osascript");
    assert_eq!(outcome(&results, "UDP"), "failed");
    assert_eq!(outcome(&results, "JXA NSURLSession"), "failed");
    assert_eq!(outcome(&results, "nohup child"), "passed");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
#[ignore = "needs python3"]
fn the_requests_to_the_kernel_are_those_of_ntstat_h() {
    let mut command = Command::new("python3");
    let output = command.arg(scripts().join("ntstat_dump.py")).arg("--requests").output().expect("python3 starts");
    let text = String::from_utf8(output.stdout).unwrap();
    let requests: Vec<_> = text.lines().collect();
    // Context 2, ADD_ALL_SRCS, 56 bytes; no filter, the events LISTEN and OUTBOUND, provider 2.
    let first = concat!(
        "0200000000000000",
        "ea030000",
        "3800",
        "0000",
        "0000000000000000",
        "0030000000000000",
        "02000000",
        "00000000",
        "00000000000000000000000000000000"
    );
    assert_eq!((requests.len(), requests[0]), (7, first));
    assert_eq!(requests[6], "6400000000000000ef03000018000000ffffffffffffffff");
}
