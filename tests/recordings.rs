//! `osawatch record`, and what a replay of a recording gives, in the simulated Mac.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value as Json;

use crate::live::simulator;
use crate::util::{Run, fixtures, osawatch};

/// osawatch in a scenario of the simulated Mac.
fn played(scenario: &str, args: &[&str]) -> Run {
    let case = fixtures().join("live").join(scenario);
    let os = fs::read_to_string(case.join("os")).unwrap_or_else(|_| "15.1".to_owned());
    let [macsim, executable] = simulator();
    let mut command = Command::new(macsim);
    command.current_dir(&case).args(["--quiet", "--os", os.trim(), "--script", "script.ndjson", &executable]);
    Run::of(&command.args(args).stdin(Stdio::null()).output().unwrap())
}

/// The alerts among lines, without the time at which each was written: no recording can know it.
fn alerts(text: &str) -> Vec<String> {
    let created = regex::Regex::new(r#""created":"[^"]*""#).unwrap();
    let is_alert = |line: &&str| serde_json::from_str::<Json>(line).unwrap()["event"]["kind"] == "alert";
    text.lines().filter(is_alert).map(|line| created.replace(line, "").into_owned()).collect()
}

/// What a run of a scenario alerts live, what the replay of its recording gives, and how many events the recording lost.
fn live_and_replayed(scenario: &str) -> (Vec<String>, Vec<String>, u64) {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    let path = case.display().to_string();
    let own = fs::read_to_string(fixtures().join("live").join(scenario).join("args")).unwrap_or_default();
    let mut args = vec!["run", "--output", "none", "--case", &path];
    args.extend(own.split_whitespace());
    played(scenario, &args).exits(0);
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let recording = case.join("recording.ndjson.gz").display().to_string();
    let replayed = osawatch(&["replay", "--lateness", "0", "--output", "ndjson", &recording]).exits(0);
    let summary: Json = serde_json::from_str(&read("summary.json")).unwrap();
    let lost = summary["recording"]["lost"].as_u64().unwrap();
    (alerts(&read("alerts.ndjson")), alerts(&replayed.stdout), lost)
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_replay_gives_byte_for_byte_what_was_alerted_live_but_for_when_it_was_written() {
    for scenario in [
        "osascript-connects",
        "curl-child-of-osascript",
        "automator-and-its-runner",
        "connect-event",
        "connection-before-its-exec",
        "connection-before-the-exec-of-a-known-process",
        "delegated-to-osascript",
        "delegated-by-a-process-that-has-ended",
        "exec-in-place",
        "exec-reported-3-s-late",
        "orphan-whose-parent-exits-before-its-exec",
        "osascript-connects-over-v6",
        "osascript-sends-over-unconnected-udp",
    ] {
        let (live, replayed, lost) = live_and_replayed(scenario);
        assert!(!live.is_empty() && lost == 0, "{scenario}");
        assert_eq!(replayed, live, "{scenario}");
    }
}

/// A slow machine may lose events, which marks alerts with what was lost near them.
#[test]
#[ignore = "needs the simulated Mac, and two processors that do nothing else: see tests/macsim/README.md"]
fn in_the_simulated_mac_the_recording_of_10000_programs_a_second_gives_the_alerts_again_or_counts_what_it_lost() {
    let (live, replayed, lost) = live_and_replayed("storm");
    let unmarked = |lines: Vec<String>| -> Vec<Json> {
        let documents = lines.iter().map(|line| serde_json::from_str::<Json>(&line.replace(",,", ",")).unwrap());
        let unmark = |mut document: Json| {
            document["osawatch"].as_object_mut().unwrap().remove("loss");
            document
        };
        documents.map(unmark).collect()
    };
    if lost == 0 {
        assert_eq!(unmarked(replayed), unmarked(live));
    }
}

fn record(folder: &Path, scenario: &str, name: &str, args: &[&str]) -> (Run, String) {
    let path = folder.join(name).display().to_string();
    let run = played(scenario, &[&["record", "--output", &path], args].concat());
    (run, path)
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_recording_is_zstandard_where_its_name_says_so_and_gives_the_alert() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = record(folder.path(), "osascript-connects", "r.ndjson.zst", &[]);
    run.exits(0).says("events in ").says(", 0 lost");
    assert_eq!(fs::read(&path).unwrap()[..4], [0x28, 0xB5, 0x2F, 0xFD]);
    let replayed = osawatch(&["replay", "--output", "ndjson", &path]).exits(0);
    assert_eq!(replayed.alerts()[0]["rule"]["id"], "osascript-network-connection");
    let (run, _) = record(folder.path(), "osascript-connects", "r.ndjson.xz", &[]);
    run.exits(64).says("with a name that ends with .gz or .zst");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_an_anonymised_recording_names_nobody_and_gives_the_alert() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = record(folder.path(), "osascript-connects", "r.ndjson", &["--anonymise"]);
    run.exits(0);
    let text = fs::read_to_string(&path).unwrap();
    for name in ["fake-mac", "5F0E3C9B-0000-4000-8000-00000000C0DE", "192.168.1.5"] {
        assert!(!text.contains(name), "{name} is in\n{text}");
    }
    assert!(text.contains("\"host-1\"") && text.contains("93.184.216.34"), "{text}");
    let replayed = osawatch(&["replay", "--output", "ndjson", &path]).exits(0);
    assert_eq!(replayed.alerts()[0]["rule"]["id"], "osascript-network-connection");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_loss_is_recorded_and_the_last_line_has_the_counters() {
    let folder = tempfile::tempdir().unwrap();
    let (run, path) = record(folder.path(), "gap-in-the-messages", "r.ndjson", &[]);
    run.exits(0);
    let lines: Vec<Json> =
        fs::read_to_string(&path).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let losses = lines.iter().filter(|line| line["event"]["kind"] == "pipeline_error");
    assert!(losses.count() > 0, "{lines:#?}");
    assert_eq!(lines.last().unwrap()["event"]["action"], "agent_stopped");
}

#[test]
fn recording_needs_a_mac_and_leaves_no_file_where_there_is_none() {
    if cfg!(target_os = "macos") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson.zst");
    let file = path.display().to_string();
    osawatch(&["record", "--output", &file, "--all", "--anonymise"]).exits(69).says("only on macOS");
    assert!(!path.exists());
}

/// The messages, and the lines about the network without their times, of the raw material of a scenario.
fn raw_of(folder: &Path, scenario: &str) -> (Vec<Json>, Vec<(String, Vec<u8>)>) {
    let directory = folder.join(format!("raw-{scenario}"));
    let shown = directory.display().to_string();
    let (run, _) = record(folder, scenario, &format!("{scenario}.ndjson"), &["--raw", &shown]);
    run.exits(0).says("what the sources sent is in").says("0 pieces lost");
    let read = |name: &str| fs::read_to_string(directory.join(name)).unwrap();
    let messages = read("endpoint_security.ndjson").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let network = read("network.hex");
    let network = network.lines().map(|line| {
        let (what, bytes) = line.split_once(' ').unwrap().1.rsplit_once(' ').unwrap();
        let byte = |at: usize| u8::from_str_radix(&bytes[at..at + 2], 16).unwrap();
        (what.to_owned(), (0..bytes.len()).step_by(2).map(byte).collect())
    });
    (messages, network.collect())
}

/// The process events of a recording: what happened, and to which execution.
fn processes(path: &Path) -> Vec<(String, String)> {
    let text = fs::read_to_string(path).unwrap();
    let documents = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
    let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
    documents
        .filter(|document| document["event"]["category"][0] == "process" && document["event"]["type"][0] != "info")
        .map(|document| (text(&document["event"]["action"]), text(&document["process"]["entity_id"])))
        .collect()
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_raw_material_has_every_message_as_eslogger_writes_it_and_every_datagram() {
    let folder = tempfile::tempdir().unwrap();
    for scenario in ["osascript-connects", "eslogger-that-buffers"] {
        let (messages, network) = raw_of(folder.path(), scenario);
        let of = |name: &str| messages.iter().filter(|message| message["event"].get(name).is_some()).count();
        let recorded = processes(&folder.path().join(format!("{scenario}.ndjson")));
        let wanted = |action: &str| recorded.iter().filter(|(recorded, _)| recorded == action).count();
        assert_eq!((of("exec"), of("fork")), (wanted("exec"), wanted("fork")), "{scenario}");
        let exec = messages.iter().find(|message| message["event"]["exec"]["target"]["audit_token"]["pid"] == 501);
        assert_eq!(exec.unwrap()["event"]["exec"]["args"], serde_json::json!(["osascript", "-e", "1"]), "{scenario}");
        // NSTAT_MSG_TYPE_ADD_ALL_SRCS and NSTAT_MSG_TYPE_SRC_ADDED, after a context of 8 bytes.
        let has = |what: &str, kind: u32| {
            network.iter().any(|(direction, bytes)| direction == what && bytes.get(8..12) == Some(&kind.to_le_bytes()))
        };
        assert!(has("sent", 1002) && has("received", 10001), "{scenario}: {network:?}");
    }
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_raw_material_has_the_connect_event_where_it_is_used() {
    let folder = tempfile::tempdir().unwrap();
    let raw = folder.path().join("raw");
    let shown = raw.display().to_string();
    let (run, _) = record(folder.path(), "connect-event-alone", "r.ndjson", &["--all", "--raw", &shown]);
    run.exits(0);
    let network = fs::read_to_string(raw.join("network.hex")).unwrap();
    let connect = network.lines().find(|line| line.contains("name=\"payload.example.com\"")).unwrap();
    assert_eq!(connect.rsplit_once(' ').unwrap().1.len(), 2 * 80, "{connect}");
}

#[test]
#[cfg(not(target_os = "macos"))]
fn raw_material_is_never_anonymised_and_nothing_is_made_where_there_are_no_sources() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let run = osawatch(&["record", "--output", &path("r"), "--raw", &path("raw"), "--anonymise"]);
    run.exits(64).says("cannot be used with");
    osawatch(&["record", "--output", &path("r"), "--raw", &path("raw")]).exits(69).says("only on macOS");
    assert!(!folder.path().join("raw").exists() && !folder.path().join("r").exists());
}
