//! Bytes that no honest source writes: no panic, and never a run that stops.

use std::collections::BTreeMap;
use std::fs;

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::{Decoder, Decoding};

use crate::util::{fixtures, osawatch, osawatch_with_input};

/// The lines of the golden cases that are text; of those that differ in digits only, one.
fn lines() -> Vec<String> {
    let mut lines = BTreeMap::new();
    for case in fs::read_dir(fixtures().join("replay")).unwrap() {
        for file in fs::read_dir(case.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            let is_input = !file.file_name().unwrap().to_string_lossy().starts_with("expected");
            for line in fs::read_to_string(&file).iter().filter(|_| is_input).flat_map(|text| text.lines()) {
                let shape: String = line.chars().filter(|c| !c.is_ascii_digit()).collect();
                lines.entry(shape).or_insert_with(|| line.to_owned());
            }
        }
    }
    assert!(lines.len() > 80, "only {} shapes of line", lines.len());
    lines.into_values().collect()
}

/// Feeds one line through the decoders and, if it is an event, through all rules to an alert.
fn feed(pipeline: &mut Pipeline, decoder: &mut Decoder, text: String) {
    if let Ok(Decoding { decoded: Decoded::Event(event), .. }) = decoder.decode(&Line::from(text), None) {
        pipeline.push(event, one_line);
    }
}

fn one_line(output: Output<'_>) {
    assert!(output.alert(0).is_none_or(|alert| !alert.to_line().contains('\n')));
}

#[test]
fn every_prefix_and_every_byte_flip_of_a_line_goes_through_without_a_panic() {
    for line in lines() {
        let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
        let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
        for end in 0..line.len() {
            if let Some(prefix) = line.get(..end) {
                feed(&mut pipeline, &mut decoder, prefix.to_owned());
            }
        }
        for at in 0..line.len() {
            for flip in [0x01, 0x80] {
                let mut bytes = line.clone().into_bytes();
                bytes[at] ^= flip;
                feed(&mut pipeline, &mut decoder, String::from_utf8_lossy(&bytes).into_owned());
            }
        }
        pipeline.finish(one_line);
    }
}

#[test]
fn a_recording_of_noise_between_two_events_still_alerts() {
    let events = fs::read_to_string(fixtures().join("replay/public-v6/events.ndjson")).unwrap();
    let (start, connect) = events.split_once('\n').unwrap();
    let mut input = start.as_bytes().to_vec();
    input.push(b'\n');
    input.extend((0..200_000_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8));
    input.extend(b"\n{}\n[]\nnull\n\"x\"\n0\n{\"@timestamp\":[]}\n");
    input.extend("[".repeat(100_000).bytes());
    input.push(b'\n');
    input.extend(format!("{}1{}\n", "{\"a\":".repeat(50_000), "}".repeat(50_000)).bytes());
    input.extend(connect.bytes());
    let run = osawatch_with_input(&["replay", "-"], &input).exits(0).says("malformed");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn hostile_text_in_an_event_is_escaped_on_the_terminal() {
    let events = fs::read_to_string(fixtures().join("replay/public-v4/events.ndjson")).unwrap();
    let events = events.replace("eval('')", r"\u001b]0;owned\u0007\u001b[2J\u202e");
    let run = osawatch_with_input(&["replay", "--output", "text", "-"], events.as_bytes()).exits(0);
    assert!(run.stdout.contains(r"$'\x1b]0;owned\x07\x1b[2J\u202e'"), "{}", run.stdout);
    assert!(!run.stdout.contains('\x1b'));
}

#[test]
fn an_event_with_a_hundred_thousand_join_keys_costs_little_and_is_counted() {
    let ancestry: Vec<String> = (0..100_000).map(|i| format!("\"a{i}\"")).collect();
    let event = |category: &str, name: &str, time: u32, rest: &str| {
        format!(
            r#"{{"@timestamp":"2026-01-15T09:30:{time:02}Z","event":{{"category":["{category}"],"type":["start"]}},"host":{{"id":"h","os":{{"type":"macos"}}}},"process":{{"entity_id":"{name}","name":"{name}"{rest}}},"destination":{{"ip":"8.8.8.8"}}}}"#
        )
    };
    let ancestors = format!(r#","Ext":{{"ancestry":["osascript",{}]}}"#, ancestry.join(","));
    let input = [event("process", "osascript", 0, ""), event("network", "curl", 1, &ancestors)].join("\n");
    let run = osawatch_with_input(&["replay", "-"], input.as_bytes()).exits(0).says("evicted");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn a_lone_surrogate_in_a_field_that_no_rule_reads_does_not_cost_the_copy_in_the_alert() {
    let events = fs::read_to_string(fixtures().join("replay/public-v6/events.ndjson")).unwrap();
    let events = events.replace("\"action\":\"exec\"", r#""action":"exec","unread":{"deep":"\ud800 kept"}"#);
    let run = osawatch_with_input(&["replay", "-"], events.as_bytes()).exits(0);
    assert_eq!(run.alerts()[0]["osawatch"]["sequence"]["events"][0]["event"]["unread"]["deep"], "\u{fffd} kept");
}

#[test]
fn a_newline_in_the_name_of_a_file_or_in_a_rule_begins_no_line_of_output() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().display().to_string();
    let rule = "[rule]\nrule_id = \"a\\nok       b\"\nname = \"n\\nid b\"\nquery = \"process where true\"\n\
                [[example]]\nname = \"x\\na: y: pass\"\nalerts = 9\nevents = ''\n";
    fs::write(folder.path().join("a\nok       b.toml"), rule).unwrap();
    fs::write(folder.path().join("c\nok       d.toml"), "no rule").unwrap();
    fs::write(
        folder.path().join("e\nok       f.toml"),
        "[metadata]\nintegration = [\"x\\nok       y\"]\n[rule]\nrule_id = \"e\"\nname = \"n\"\nquery = \"zz\"\n",
    )
    .unwrap();
    let run = osawatch(&["rules", "check", &path]).exits(1);
    let lines: Vec<&str> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 4, "{}", run.stdout);
    assert!(lines[0].starts_with("ok ") && lines[1].starts_with("error ") && lines[2].starts_with("skipped "));
    let file = format!("{path}/a\nok       b.toml");
    let tested = osawatch(&["rules", "test", &file]).exits(1).stdout;
    assert_eq!(tested.lines().filter(|line| line.starts_with("a")).count(), 1, "{tested}");
    let shown = osawatch(&["rules", "show", "a\nok       b", "--rules", &file]).exits(0).stdout;
    assert!(!shown.contains("\nid b") && !shown.contains("\nok  "), "{shown}");
    fs::write(folder.path().join("g\nosawatch: h"), "no recording").unwrap();
    let replayed = osawatch(&["replay", &format!("{path}/g\nosawatch: h")]).exits(65);
    assert_eq!(replayed.stderr.lines().count(), 1, "{}", replayed.stderr);
}

#[test]
fn a_pipe_or_an_endless_device_in_place_of_the_counts_of_an_earlier_run_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe").display().to_string();
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for state in [&*pipe, "/dev/zero"] {
        osawatch(&["rules", "test", "--baseline", "/dev/null", "--baseline-state", state])
            .exits(65)
            .says("not a regular file");
    }
}

#[test]
fn a_rule_whose_id_is_longer_than_any_column_is_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r.toml");
    let id = "x".repeat(1 << 17);
    fs::write(&file, format!("[rule]\nrule_id = \"{id}\"\nname = \"n\"\nquery = \"process where true\"\n")).unwrap();
    osawatch(&["rules", "list", "--rules", &file.display().to_string()]).exits(0);
}
