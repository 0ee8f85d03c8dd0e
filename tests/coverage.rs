//! What a replay says about what it could not see, and that it never changes what it reads.

use std::fs;
use std::path::PathBuf;

use crate::util::{fixtures, osawatch, osawatch_with_input, outline};

fn read(name: &str) -> String {
    fs::read_to_string(case(name)).unwrap()
}

fn case(name: &str) -> String {
    fixtures().join("replay").join(name).join("events.ndjson").display().to_string()
}

fn folder() -> (tempfile::TempDir, impl Fn(&str, &str) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, move |name: &str, text: &str| {
        let file: PathBuf = path.join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    })
}

#[test]
fn no_alert_where_none_was_possible_says_why_and_strict_exits_with_3() {
    let text = read("exec-only");
    let args = ["replay", "--strict", "--only", "osascript-network-connection", "-"];
    osawatch_with_input(&args, text.as_bytes()).exits(3).says("no network events: 1 of 1 rule could not match");
    osawatch_with_input(&["replay", "-"], text.as_bytes()).exits(0).says("rules could not match");
    osawatch(&["replay", "--strict", &case("public-v4")]).exits(0).says("1 host: mac-7");
}

#[test]
fn events_of_hosts_that_are_no_mac_or_do_not_say_so_are_counted() {
    let windows = read("public-v6").replace("macos", "windows");
    osawatch_with_input(&["replay", "-"], windows.as_bytes()).exits(0).says("2 events of hosts that are not macOS");
    let unstated = read("public-v6").replace(r#","os":{"type":"macos"}"#, "");
    let run = osawatch_with_input(&["replay", "--strict", "-"], unstated.as_bytes()).exits(3);
    run.says("2 events of hosts that do not state host.os.type");
}

#[test]
fn an_output_that_is_an_input_is_refused_before_anything_is_read() {
    let (folder, write) = folder();
    let recording = write("events.ndjson", &read("public-v4"));
    let link = folder.path().join("alerts.ndjson").display().to_string();
    fs::hard_link(&recording, &link).unwrap();
    let here = folder.path().display().to_string();
    for (option, output, input) in [
        ("--alerts", &recording, &recording),
        ("--alerts", &link, &recording),
        ("--html", &recording, &recording),
        ("--json-summary", &recording, &here),
    ] {
        osawatch(&["replay", option, output, input]).exits(73).says("is an input");
        assert_eq!(fs::read_to_string(&recording).unwrap(), read("public-v4"));
    }
}

#[test]
fn a_file_of_someone_else_is_left_as_it_is() {
    let (_folder, write) = folder();
    let notes = write("notes.txt", "my notes\n");
    for option in ["--alerts", "--html", "--json-summary"] {
        osawatch(&["replay", option, &notes, &case("public-v4")]).exits(73).says("not written by osawatch");
        assert_eq!(fs::read_to_string(&notes).unwrap(), "my notes\n");
    }
    for option in ["--alerts", "--html", "--json-summary"] {
        let ours = write(&format!("ours{option}"), "");
        for _ in 0..2 {
            osawatch(&["replay", option, &ours, &case("public-v4")]).exits(0);
        }
    }
}

#[test]
fn a_small_file_that_is_out_of_order_is_sorted_and_a_stream_is_told_how() {
    let (_folder, write) = folder();
    let text = read("public-v6");
    let (start, connect) = text.trim_end().split_once('\n').unwrap();
    let later = start.replace("09:30:00", "09:40:00").replace("\"e1\"", "\"e9\"");
    let mixed = [&later, connect, start].join("\n");
    let file = write("mixed.ndjson", &mixed);
    let run = osawatch(&["replay", &file]).exits(0).says("out of order by more than 5 s; sorting them");
    assert_eq!(outline(&run.alerts()), ["osascript-network-connection s n"]);
    let advice = "events are out of order by more than 5 s: alerts can be missing; use --sort";
    osawatch_with_input(&["replay", "-"], mixed.as_bytes()).exits(0).says(advice);
    let run = osawatch(&["replay", "--sort", &file]).exits(0);
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn a_file_that_is_sorted_has_each_malformed_line_named_and_each_suppression_explained_once() {
    let (_folder, write) = folder();
    let text = read("public-v6");
    let (start, connect) = text.trim_end().split_once('\n').unwrap();
    let at = |time: &str| start.replace("09:30:00", time).replace("e1", time);
    let lines = [start, connect, "{x}", &at("09:40:00"), &at("09:35:00"), "{y}", "{z}"].join("\n");
    let exception = "name = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = 'process.name == \"osascript\"'";
    let (file, config) = (write("mixed.ndjson", &lines), write("c.toml", &format!("[[exception]]\n{exception}\n")));
    let run = osawatch(&["replay", "--explain", "--config", &config, &file]).exits(0).says("sorting them");
    let sorted = osawatch(&["replay", "--explain", "--config", &config, "--sort", &file]).exits(0);
    let [explained, wanted] = [&run, &sorted].map(|run| run.stderr.matches("suppressed by exception `x`").count());
    assert!(explained == wanted && wanted > 0, "{}\n{}", run.stderr, sorted.stderr);
    for line in [3, 6, 7] {
        assert_eq!(run.stderr.matches(&format!("mixed.ndjson:{line}:")).count(), 1, "{}", run.stderr);
    }
}

#[test]
fn a_file_with_more_events_between_two_than_can_wait_is_sorted_and_told_why() {
    let (_folder, write) = folder();
    let text = read("public-v6");
    let (start, _) = text.trim_end().split_once('\n').unwrap();
    let at = |time: &str| start.replace("09:30:00", time).replace("e1", time);
    let file = write("mixed.ndjson", &["09:30:00", "09:30:03", "09:30:02", "09:30:01"].map(at).join("\n"));
    let run = osawatch(&["replay", "--max-reorder", "1", &file]).exits(0);
    run.says("events are out of order, and the buffer for events that come late is full; sorting them");
}

#[test]
fn a_window_and_a_host_choose_what_counts() {
    let file = case("public-v4");
    for (args, alerts) in [
        (["--from", "2026-01-15T09:30:11Z"], 1),
        (["--from", "2026-01-15T09:30:12Z"], 0),
        (["--to", "2026-01-15T09:30:11Z"], 0),
        (["--to", "2026-01-16"], 1),
        (["--to", "2026-01-15"], 1),
        (["--to", "2026-01-14"], 0),
        (["--host", "mac-7"], 1),
        (["--host", "mac-8"], 0),
    ] {
        let run = osawatch(&["replay", args[0], args[1], &file]).exits(0);
        assert_eq!(run.alerts().len(), alerts, "{args:?}: {}", run.stderr);
    }
    osawatch(&["replay", "--from", "yesterday", &file]).exits(64).says("not a time");
    let reversed = "--to is before --from: nothing is between them";
    osawatch(&["replay", "--from", "2026-01-16", "--to", "2026-01-15", &file]).exits(64).says(reversed);
    osawatch(&["alerts", "--since", "1h", "--until", "2h", &file]).exits(64).says("nothing is between them");
}

#[test]
fn a_host_is_what_its_system_calls_it_where_it_has_no_other_name_and_one_that_is_not_there_is_named() {
    let text = read("public-v4").replace(r#""name":"mac-7""#, r#""hostname":"mac-7""#);
    let replay = |host: &str| osawatch_with_input(&["replay", "--host", host, "-"], text.as_bytes()).exits(0);
    let run = replay("mac-7");
    assert!(!run.stderr.contains("no event of host"), "{}", run.stderr);
    assert_eq!(run.alerts()[0]["host"]["name"], "mac-7");
    replay("mac-8").says("no event of host `mac-8`: no host.id, host.name or host.hostname is that");
}

#[test]
fn the_case_report_draws_what_the_tree_did_once_and_without_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let page = folder.path().join("case.html");
    let hour = format!("{}/examples/ordinary-hour.ndjson.gz", env!("CARGO_MANIFEST_DIR"));
    osawatch(&["replay", "--output", "none", "--html", &page.display().to_string(), &hour]).exits(0).says("1 alert\n");
    let page = fs::read_to_string(page).unwrap();
    for part in
        ["<h1>1 incident, 1 alert</h1>", "What could not be seen", "ditto (4365)", "→ cdn.example.net", "<mark>"]
    {
        assert!(page.contains(part), "no {part:?}");
    }
    assert!(!page.contains("5f2b9c1e7a"), "a secret of a process that no alert is about");
    assert_eq!(page.matches("How to respond").count(), 1, "one guide for the rule");
    assert!(!page.contains("<script"));
}

#[test]
fn summaries_for_programs_and_tables_hold_what_people_read() {
    let (folder, _write) = folder();
    let path = folder.path().join("summary.json");
    let run =
        osawatch(&["replay", "--output", "csv", "--json-summary", &path.display().to_string(), &case("public-v4")]);
    let run = run.exits(0);
    assert!(run.stdout.starts_with("@timestamp,event.severity,rule.id,"), "{}", run.stdout);
    assert_eq!(run.stdout.lines().count(), 2);
    let summary: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    assert_eq!((&summary["alerts"], &summary["alert_was_possible"]), (&1.into(), &true.into()));
    assert_eq!(summary["coverage"]["hosts"][0]["name"], "mac-7");
    let run = osawatch(&["replay", "--output", "jsonl-summary", &case("public-v4")]).exits(0);
    assert_eq!(run.alerts()[0]["rule.id"], "osascript-network-connection");
}

/// The events of a recording without one of their fields.
fn without(field: &str) -> String {
    let remove = |line: &str| {
        let mut event: serde_json::Value = serde_json::from_str(line).unwrap();
        let (parents, name) = field.rsplit_once('.').unwrap_or(("", field));
        let pointer = if parents.is_empty() { String::new() } else { format!("/{}", parents.replace('.', "/")) };
        event.pointer_mut(&pointer).map(|parent| parent.as_object_mut().unwrap().remove(name));
        event.to_string()
    };
    read("public-v4").lines().map(remove).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_field_that_no_event_states_and_rules_need_is_named_and_strict_exits_with_3_where_none_could_match() {
    let only = ["--only", "osascript-network-connection"];
    for (field, named) in [
        ("process.name", "no process events that state process.name"),
        ("event.type", "no process events that state event.type"),
        ("process.entity_id", "no process events that state process.entity_id"),
        ("process", "no process events that state process.name"),
    ] {
        let text = without(field);
        let run = osawatch_with_input(&[&["replay", "--strict", "-"][..], &only].concat(), text.as_bytes());
        run.exits(3).says(&format!("{named}: 1 of 1 rule could not match"));
        let quiet = [&["replay", "--quiet", "-"][..], &only].concat();
        osawatch_with_input(&quiet, text.as_bytes()).exits(0).says(&format!("no alert was possible: {named}"));
    }
    let run = osawatch_with_input(&["replay", "--strict", "-"], without("event.type").as_bytes()).exits(0);
    run.says("no process events that state event.type: 20 of 23 rules could not match");
    let run = osawatch_with_input(&["replay", "--strict", "-"], without("destination").as_bytes()).exits(0);
    run.says("no network events that state destination.ip: ");
}
