//! What makes a replay fast changes no alert: with every shortcut and any number of threads, and with none, random
//! streams give the same bytes under random rules, whatever is late, malformed or of another kind among them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use osawatch::detect::RuleSet;
use osawatch::event::{Event, Machine, field};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::recording::{Input, Next, Recording, Sources};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::util::osawatch_with_input;
use crate::{busy, trace};

/// The rules to choose from: what they select by, join by and wait for is of every kind.
const QUERIES: [&str; 13] = [
    r#"process where process.name == "a" and event.type == "start""#,
    r#"process where process.parent.name : ("A", "b") or process.code_signature.signing_id == "id.c""#,
    r#"network where process.name : "c*""#,
    r#"any where process.pid == 3"#,
    r#"process where event.type == "end" and process.name != "a""#,
    r#"sequence by process.entity_id with maxspan=2s [process where process.name == "a"] [network where true]"#,
    r#"sequence by host.id with maxspan=3s [process where process.name in ("a", "b")] by process.entity_id
        [network where event.type == "start"] by process.Ext.ancestry
        until [process where event.type == "end"] by process.entity_id"#,
    r#"sequence with maxspan=1s [network where process.name == "b"] [process where event.type == "end"]
        [any where true] until [process where process.name == "c"]"#,
    r#"sequence by process.entity_id with maxspan=2s [process where event.type == "start"]
        ![network where process.name == "a"]"#,
    r#"sequence by ?user.name with maxspan=5s [process where process.name == "a"] as event0
        [network where event0.process.pid == process.parent.pid or process.name == "c"]"#,
    r#"sample by host.id [process where process.name == "a"] [network where process.name == "b"]"#,
    r#"network where descendant of [process where process.name == "a"]"#,
    r#"process where descendant of [any where process.pid == 2] and process.name == "B""#,
];

fn rules(chosen: &[usize]) -> RuleSet {
    let mut set = RuleSet::default();
    for number in chosen {
        set.add("r", &rule(*number)).unwrap();
    }
    set
}

fn rule(number: usize) -> String {
    let query = QUERIES[number];
    format!("[rule]\nrule_id = \"r{number}\"\nname = \"r{number}\"\nquery = '''\n{query}\n'''\n")
}

/// A line of a recording: an event, or something else.
#[derive(Clone, Debug)]
struct Line {
    time: i64,
    kind: usize,
    name: &'static str,
    process: u32,
    parent: u32,
    host: &'static str,
    end: bool,
}

impl Line {
    fn text(&self, padding: usize) -> String {
        let document = || self.document(padding).to_string();
        match self.kind {
            0 => "{\"@timestamp\": nonsense}".to_owned(),
            1 => "  ".to_owned(),
            2 => format!("{},", document()),
            3 => serde_json::to_string_pretty(&self.document(padding)).unwrap(),
            4 => document().replace("\"network\"", "\"file\"").replace("\"process\"]", "\"file\"]"),
            5 => format!("{{\"_id\":\"x{}\",\"_source\":{}}}\r", self.time, document()),
            6 => document() + &document(),
            _ => document(),
        }
    }

    fn document(&self, padding: usize) -> Value {
        let category = if self.kind.is_multiple_of(2) { "network" } else { "process" };
        json!({
            "@timestamp": 1_767_225_600_000 + self.time,
            "event": { "category": [category], "type": [if self.end { "end" } else { "start" }], "action": "exec" },
            "host": { "id": self.host },
            "padding": "x".repeat(padding),
            "process": {
                "entity_id": format!("e{}", self.process), "pid": self.process, "name": self.name,
                "code_signature": { "signing_id": format!("id.{}", self.name) },
                "parent": { "entity_id": format!("e{}", self.parent), "pid": self.parent, "name": "b" },
            },
        })
    }
}

fn line() -> impl Strategy<Value = Line> {
    let pick = prop::sample::select::<&'static str>;
    (
        (0..4_000_i64, 0..40_usize, pick(vec!["a", "A", "b", "B", "c", "curl"])),
        (0..6_u32, 0..6_u32, pick(vec!["h", "h", "i"]), any::<bool>()),
    )
        .prop_map(|((time, kind, name), (process, parent, host, end))| Line {
            time,
            kind,
            name,
            process,
            parent,
            host,
            end,
        })
}

/// Lines a little out of order, some by more than is expected.
fn stream() -> impl Strategy<Value = Vec<Line>> {
    prop::collection::vec(line(), 1..250).prop_map(|mut lines| {
        for (place, line) in lines.iter_mut().enumerate() {
            line.time += place as i64 * 300 - if line.kind == 7 { 12_000 } else { 0 };
        }
        lines
    })
}

/// Every alert and every problem, in order.
fn replay(text: &str, chosen: &[usize], decoders: Option<usize>, prefilter: bool) -> Vec<String> {
    let mut pipeline = Pipeline::new(rules(chosen), Limits::replay());
    if !prefilter {
        pipeline.ask_every_rule();
    }
    let sources = Sources::find(&[Input::Memory(Arc::from(text.as_bytes()))]).unwrap();
    let recording = Recording::open_sources(sources, pipeline.fields(), Machine::default(), decoders);
    let Ok(mut recording) = recording else { return vec!["not a recording".to_owned()] };
    let mut told = Vec::new();
    let tell = |told: &mut Vec<String>, output: Output<'_>| {
        let alert = output.alert(told.len() as u64).unwrap();
        told.push(format!("{} {}", alert.rule_id, Value::Object(alert.document)));
    };
    loop {
        match recording.next() {
            Next::Event(event) => pipeline.push(event, |output| tell(&mut told, output)),
            Next::Problem(problem) => told.push(problem.to_string()),
            Next::Failed(error) => told.push(error.to_string()),
            Next::Idle => {}
            Next::End => break,
        }
    }
    pipeline.finish(|output| tell(&mut told, output));
    told.push(format!("{:?} {:?}", pipeline.counts(), recording.totals()));
    told
}

/// What the command says of a recording in a file, or on standard input: alerts, summary, problems and exit code, but for
/// the time that it took.
fn command(text: &str, folder: &Path, on_stdin: bool, more: &[&str]) -> (String, Value, String, i32) {
    let path = |name: &str| folder.join(name).display().to_string();
    let recording = if on_stdin { "-".to_owned() } else { path("recording.ndjson") };
    let (rules, summary) = (path("rules"), path("summary.json"));
    let mut args = vec!["replay", &recording, "--no-builtin", "--rules", &rules, "--json-summary", &summary];
    args.extend(more);
    let run = osawatch_with_input(&args, if on_stdin { text.as_bytes() } else { b"" });
    let summary = fs::read_to_string(&summary).map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default();
    let told = run.stderr.lines().filter(|line| !line.ends_with("/s)")).collect::<Vec<_>>().join("\n");
    (run.stdout, summary, told, run.code)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_command_says_the_same_on_any_number_of_threads(
        lines in stream(),
        chosen in prop::sample::subsequence((0..QUERIES.len()).collect::<Vec<_>>(), 1..QUERIES.len()),
        padding in prop::sample::select(vec![0, 9000]),
        threads in 2..5_usize,
        on_stdin in any::<bool>(),
    ) {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("rules")).unwrap();
        for number in &chosen {
            fs::write(folder.path().join(format!("rules/r{number}.toml")), rule(*number)).unwrap();
        }
        let text: String = lines.iter().map(|line| line.text(padding) + "\n").collect();
        fs::write(folder.path().join("recording.ndjson"), &text).unwrap();
        let expected = command(&text, folder.path(), on_stdin, &["--threads", "1", "--no-prefilter"]);
        prop_assert!(expected.3 == 0 || expected.3 == 65, "{expected:?}");
        let found = command(&text, folder.path(), on_stdin, &["--threads", &threads.to_string()]);
        prop_assert_eq!(found, expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replay_with_every_shortcut_says_the_same_as_with_none(
        lines in stream(),
        chosen in prop::sample::subsequence((0..QUERIES.len()).collect::<Vec<_>>(), 1..QUERIES.len()),
        // Of the longest ones many blocks are read.
        padding in prop::sample::select(vec![0, 0, 100, 9000]),
        decoders in 0..4_usize,
    ) {
        let text: String = lines.iter().map(|line| line.text(padding) + "\n").collect();
        let expected = replay(&text, &chosen, None, false);
        prop_assert_eq!(&replay(&text, &chosen, None, true), &expected);
        prop_assert_eq!(&replay(&text, &chosen, Some(decoders), true), &expected);
    }
}

/// The rules that alert in a trace of an ordinary Mac, with how often, none of whose processes may be given up. Each alert
/// has to be of one process.
fn alerts_of(trace: Vec<u8>) -> BTreeMap<String, usize> {
    let events = trace.iter().filter(|byte| **byte == b'\n').count() as u64;
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
    let sources = Sources::find(&[Input::Memory(trace.into())]).unwrap();
    let mut recording = Recording::open_sources(sources, pipeline.fields(), Machine::default(), Some(1)).unwrap();
    let mut alerts = BTreeMap::new();
    let mut note = |output: Output<'_>| {
        let Some(alert) = output.alert(0).filter(|alert| alert.document["event"]["kind"] == "alert") else { return };
        let entity = |event: &Event| event.str(field::PROCESS_ENTITY_ID).map(str::to_owned);
        let (first, last) = (&alert.events[0], alert.events.last().unwrap());
        assert_eq!(entity(first), entity(last));
        *alerts.entry(alert.rule_id).or_default() += 1;
    };
    loop {
        match recording.next() {
            Next::Event(event) => pipeline.push(event, &mut note),
            Next::Problem(problem) => panic!("{problem}"),
            Next::End => break,
            _ => {}
        }
    }
    pipeline.finish(&mut note);
    assert_eq!((recording.events(), pipeline.counts().evicted_executions), (events, 0));
    alerts
}

#[test]
fn sixty_thousand_events_of_an_ordinary_mac_raise_no_alert_but_for_the_scripts_that_connect() {
    let mut text = Vec::new();
    trace::write(60_000, &mut text).unwrap();
    let alerts = alerts_of(text);
    assert_eq!(alerts, [("osascript-network-connection".to_owned(), 41)].into(), "so many scripts connect within 30 s");
}

#[test]
fn forks_and_programs_of_known_descent_raise_no_alert_but_for_the_scripts_that_connect() {
    let mut text = Vec::new();
    busy::write(60_000, &mut text).unwrap();
    let alerts = alerts_of(text);
    assert_eq!(alerts.keys().collect::<Vec<_>>(), ["osascript-network-connection"], "{alerts:?}");
}
