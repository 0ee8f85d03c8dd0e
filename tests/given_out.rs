//! What the summaries of a replay count is what it gave out.

use std::fs;
use std::path::Path;

use serde_json::{Value as Json, json};

use crate::util::{Run, fixtures, osawatch, osawatch_with_input};

/// An attack among ordinary work: one alert, at 09:41:21, and its follow-up.
fn hour() -> String {
    format!("{}/examples/ordinary-hour.ndjson.gz", env!("CARGO_MANIFEST_DIR"))
}

/// A replay with its summary for programs and its page.
fn replay(folder: &Path, options: &[&str]) -> (Run, Json, String) {
    let path = |name: &str| folder.join(name).display().to_string();
    let (summary, page, hour) = (path("summary.json"), path("page.html"), hour());
    let run = osawatch(&[&["replay", "--json-summary", &summary, "--html", &page, &hour], options].concat());
    let read = |path: &str| fs::read_to_string(path).unwrap();
    (run, serde_json::from_str(&read(&summary)).unwrap(), read(&page))
}

/// How many alerts each of the outputs names.
#[track_caller]
fn agree(options: &[&str], alerts: usize, documents: usize) -> (Run, Json) {
    let folder = tempfile::tempdir().unwrap();
    let (run, summary, page) = replay(folder.path(), options);
    assert_eq!((run.alerts().len(), run.documents().len()), (alerts, documents), "{options:?}");
    let said = format!("\n{alerts} alert{}\n", if alerts == 1 { "" } else { "s" });
    assert!(run.stderr.contains(&said), "{options:?}: {}", run.stderr);
    assert_eq!(summary["alerts"], alerts, "{options:?}");
    assert_eq!(summary["alerts_by_rule"].as_object().unwrap().len(), alerts, "{options:?}");
    let titled = if alerts == 1 { "<title>osawatch: 1 alert<" } else { "<title>osawatch: 0 alerts<" };
    assert!(page.contains(titled), "{options:?}");
    (run, summary)
}

#[test]
fn every_output_of_a_replay_counts_the_same_alerts_whatever_was_chosen() {
    agree(&[], 1, 2);
    agree(&["--from", "2026-03-10"], 1, 2);
    let (run, summary) = agree(&["--from", "2026-03-10T09:41:25Z"], 0, 1);
    assert_eq!(summary["followed_up"], 1, "{}", run.stderr);
    run.says("1 further detection in follow-ups");
    let (_, summary) = agree(&["--from", "2026-11-24"], 0, 0);
    assert_eq!((&summary["followed_up"], &summary["alert_was_possible"]), (&json!(0), &json!(false)));
    agree(&["--to", "2026-03-10T09:41:00Z"], 0, 0);
    agree(&["--host", "nosuch"], 0, 0);
}

#[test]
fn a_follow_up_is_as_grave_as_the_alert_of_its_case_which_a_script_raised_above_its_rule() {
    let documents = osawatch(&["replay", &hour()]).exits(0).documents();
    let severities: Vec<&Json> = documents.iter().map(|document| &document["event"]["severity"]).collect();
    assert_eq!((severities, &documents[1]["event"]["action"]), (vec![&json!(73); 2], &json!("follow_up")));
}

#[test]
fn a_window_after_the_recording_is_blind() {
    osawatch(&["replay", "--from", "2027-01-01", "--strict", &hour()]).exits(3);
    osawatch(&["replay", "--from", "2027-01-01", "--quiet", &hour()]).exits(0).says("no alert was possible: ");
    osawatch(&["replay", "--from", "2026-03-10", "--strict", "--quiet", &hour()]).exits(0);
}

#[test]
fn what_the_alert_file_held_already_is_counted_and_said_apart() {
    let folder = tempfile::tempdir().unwrap();
    let alerts = folder.path().join("alerts.ndjson").display().to_string();
    replay(folder.path(), &["--alerts", &alerts]);
    let before = fs::read(&alerts).unwrap();
    let (run, summary, page) = replay(folder.path(), &["--alerts", &alerts]);
    assert_eq!((&summary["alerts"], fs::read(&alerts).unwrap()), (&json!(1), before));
    assert!(page.contains("<title>osawatch: 1 alert<"));
    run.says("1 alert and 1 other document already there, not written again").says("\n1 alert\n");
}

#[test]
fn what_volume_and_exceptions_held_back_before_the_window_does_not_count() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("config.toml");
    let text = fs::read_to_string(fixtures().join("replay/public-v4/events.ndjson")).unwrap();
    let day = text.replace("2026-01-15", "2026-01-16").replace("\"e1\"", "\"e2\"");
    let input = format!("{}\n{}\n", text.trim_end(), day.trim_end());
    let exception =
        "[[exception]]\nname = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.name == \"osascript\"'\n";
    fs::write(&config, exception).unwrap();
    let config = config.display().to_string();
    let count = |options: &[&str]| {
        let summary = folder.path().join("summary.json").display().to_string();
        let args = ["replay", "--config", &config, "--explain", "--json-summary", &summary, "-"];
        let run = osawatch_with_input(&[&args, options].concat(), input.as_bytes()).exits(0);
        let summary: Json = serde_json::from_str(&fs::read_to_string(&summary).unwrap()).unwrap();
        assert_eq!(run.stderr.matches("suppressed by exception `x`").count() as u64, summary["excepted"]);
        summary["excepted"].as_u64().unwrap()
    };
    assert_eq!((count(&[]), count(&["--from", "2026-01-16"]), count(&["--from", "2026-01-17"])), (2, 1, 0));
}

#[test]
fn a_page_without_alerts_says_what_exceptions_held_back_and_which_host_had_no_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let exception =
        "[[exception]]\nname = \"<inventory>\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.pid > 0'\n";
    fs::write(path("config.toml"), exception).unwrap();
    let events = fixtures().join("replay/public-v4/events.ndjson").display().to_string();
    let (page, summary) = (path("page.html"), path("summary.json"));
    let hosts = ["--host", "mac-7", "--host", "mac-9"];
    let files = ["replay", "--config", &path("config.toml"), "--html", &page, "--json-summary", &summary, &events];
    osawatch(&[&files[..], &hosts].concat()).exits(0).says("1 sequence suppressed by exceptions");
    let page = fs::read_to_string(&page).unwrap();
    for part in [
        "<h1>No alerts",
        "<li>1 sequence suppressed by exceptions</li>",
        "&lt;inventory&gt;",
        "no event of host mac-9",
        "<li>23 rules applied</li>",
    ] {
        assert!(page.contains(part), "no {part}: {page}");
    }
    let summary: Json = serde_json::from_str(&fs::read_to_string(&summary).unwrap()).unwrap();
    assert_eq!(summary["exceptions"], json!([{"name": "<inventory>", "sequences": 1}]));
    assert_eq!(summary["missing_hosts"], json!(["mac-9"]));
}

#[test]
fn a_summary_of_what_was_held_back_is_no_alert_of_the_page() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    fs::write(path("config.toml"), "[volume]\nmax_alerts = 1\n").unwrap();
    let text = fs::read_to_string(fixtures().join("replay/public-v4/events.ndjson")).unwrap();
    let again = text.replace("\"e1\"", "\"e2\"").replace(":30:", ":31:");
    fs::write(path("events.ndjson"), format!("{}\n{}\n", text.trim_end(), again.trim_end())).unwrap();
    let options = ["--config", &path("config.toml"), "--html", &path("page.html")];
    let run = osawatch(&[&["replay", &path("events.ndjson")], &options[..]].concat()).exits(0);
    assert_eq!(run.alerts().last().unwrap()["event"]["action"], "alerts_held_back");
    run.says("\n1 alert\n").says("1 alert suppressed by [volume]");
    assert!(fs::read_to_string(path("page.html")).unwrap().contains("<title>osawatch: 1 alert<"));
}
