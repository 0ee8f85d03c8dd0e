//! The macOS executable in the simulated Mac: every scenario of `fixtures/live`.
//!
//! `OSAWATCH_MACSIM` and `OSAWATCH_X86_64` name the simulator and the executable for x86_64 macOS;
//! `tests/macsim/README.md` says how to build both and run this.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value as Json;

use super::util::{Run, fixtures};

/// Scenarios that are played at once.
const AT_ONCE: usize = 3;

/// What a scenario shows: its exit code, the lines of stderr that `says` names, and its alerts.
fn outline(run: &Run, wanted: &str) -> String {
    let mut text = format!("exit {}\n", run.code);
    for said in wanted.lines().filter_map(|line| line.strip_prefix("says ")) {
        let found = run.stderr.contains(said);
        let _ = writeln!(text, "{} {said}", if found { "says" } else { "DOES NOT SAY" });
    }
    let mut lost = std::collections::BTreeMap::new();
    for line in run.stdout.lines() {
        assert!(line.len() < 31_000, "a line is longer than every shipper takes");
        let document: Json = serde_json::from_str(line).expect("a line of output is JSON");
        let at = |pointer: &str| match document.pointer(pointer) {
            Some(Json::String(text)) => text.clone(),
            Some(value) => value.to_string(),
            None => "-".to_owned(),
        };
        if document.pointer("/osawatch/follow_up").is_some() {
            let _ = writeln!(text, "follow-up {}", document["osawatch"]["follow_up"]["destinations"]);
            continue;
        }
        if at("/event/action").starts_with("agent_") {
            continue;
        }
        if at("/event/kind") != "alert" {
            // How many documents share a loss depends on when it is seen; their sum does not.
            sum(&mut lost, "", &document["osawatch"]["loss"]);
            continue;
        }
        let _ = writeln!(
            text,
            "{} {}({}) user {} script {} to {} port {} {} attributed by {}{} loss {}",
            at("/rule/id"),
            at("/process/name"),
            at("/process/pid"),
            at("/user/id"),
            at("/osawatch/script/source"),
            at("/destination/ip"),
            at("/destination/port"),
            at("/network/transport"),
            at("/osawatch/attribution/method"),
            also(&document),
            at("/osawatch/loss"),
        );
    }
    for (name, count) in lost {
        let _ = writeln!(text, "pipeline_error {name} {count}");
    }
    text
}

/// What else an alert says of its connection.
fn also(document: &Json) -> String {
    let attribution = &document["osawatch"]["attribution"];
    let mut text = String::new();
    if attribution["inherited"] == true {
        text += " inherited";
    }
    // A report that comes a few milliseconds before its exec is the scheduler's doing.
    if attribution["waited_ms"].as_u64().is_some_and(|waited| waited >= 1000) {
        text += " waited for its exec";
    }
    if let Some(via) = attribution["via"].as_str() {
        let _ = write!(text, " via {via}");
    }
    if let Some(left_out) = document.pointer("/osawatch/process/args_left_out") {
        let _ = write!(text, " {} arguments, {left_out} bytes of them left out", document["process"]["args_count"]);
    }
    if let Some(domain) = document["destination"]["domain"].as_str() {
        let _ = write!(text, " name {domain}");
    }
    let last = document.pointer("/osawatch/sequence/events").and_then(Json::as_array).and_then(|events| events.last());
    if last.is_some_and(|last| last["event"]["type"] == serde_json::json!(["end", "connection"])) {
        let (sent, received) = (&document["source"]["bytes"], &document["destination"]["bytes"]);
        let _ = write!(text, " ended after {sent} bytes sent and {received} received");
    }
    text
}

/// The documents without what differs from run to run: times, which of two reports came first, and the ids that are
/// hashes of times.
fn masked(stdout: &str) -> String {
    let replace = |text: &str, pattern: &str, by: &str| {
        regex::Regex::new(pattern).expect("the pattern is right").replace_all(text, by).into_owned()
    };
    let is_own = |line: &&str| line.contains(r#""action":"agent_"#);
    let stdout: String = stdout.lines().filter(|line| !is_own(line)).map(|line| format!("{line}\n")).collect();
    let times = replace(&stdout, r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "2000-01-01T00:00:00.000000000Z");
    let spans = replace(&times, r"\d+\.\d{3} s after", "SPAN after");
    let spans = replace(&spans, r#""(span_ms|duration)":\d+"#, r#""$1":0"#);
    let spans = replace(&spans, r#","waited_ms":\d+|"waited_ms":\d+,"#, "");
    replace(&spans, r#""event":\{"id":"[^"]*""#, r#""event":{"id":"ID""#)
}

fn sum(lost: &mut std::collections::BTreeMap<String, u64>, name: &str, value: &Json) {
    match value {
        Json::Object(members) => {
            members.iter().for_each(|(key, value)| sum(lost, &format!("{name}.{key}"), value));
        }
        value => *lost.entry(name.trim_start_matches('.').to_owned()).or_default() += value.as_u64().unwrap_or(0),
    }
}

fn play(macsim: &str, executable: &str, case: &Path) -> Run {
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap_or_default();
    let os = Some(read("os").trim().to_owned()).filter(|os| !os.is_empty()).unwrap_or("15.1".into());
    let mut command = Command::new(macsim);
    command.current_dir(case).args(["--quiet", "--os", &os, "--script", "script.ndjson", executable]);
    command.args(["run", "--output", "ndjson"]).args(read("args").split_whitespace());
    let output = command.output().expect("the simulator starts");
    Run::of(&output)
}

/// The simulator and the executable.
pub(crate) fn simulator() -> [String; 2] {
    ["OSAWATCH_MACSIM", "OSAWATCH_X86_64"]
        .map(|name| std::env::var(name).unwrap_or_else(|_| panic!("{name} is set, as .ci/run does")))
}

/// The storm needs the processors for itself; the others mostly wait.
const STORM: &str = "storm";

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn every_scenario_of_the_simulated_mac_gives_its_alerts() {
    let [macsim, executable] = simulator();
    let mut cases: Vec<_> = fs::read_dir(fixtures().join("live")).unwrap().map(|entry| entry.unwrap().path()).collect();
    cases.retain(|case| !case.ends_with(STORM));
    cases.sort();
    let next = AtomicUsize::new(0);
    let work = || {
        let taken = std::iter::from_fn(|| cases.get(next.fetch_add(1, Ordering::Relaxed)));
        taken.map(|case| check(&macsim, &executable, case)).collect::<String>()
    };
    let mut wrong = String::new();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_ONCE).map(|_| scope.spawn(work)).collect();
        workers.into_iter().for_each(|worker| wrong += &worker.join().expect("no scenario panics"));
    });
    assert!(wrong.is_empty(), "{wrong}");
}

/// A slow machine may lose events, which `benches/live.rs` measures; on none is one lost without a count.
#[test]
#[ignore = "needs the simulated Mac, and two processors that do nothing else: see tests/macsim/README.md"]
fn of_10000_programs_a_second_every_event_is_taken_or_counted_as_lost() {
    let [macsim, executable] = simulator();
    let case = fixtures().join("live").join(STORM);
    let run = play(&macsim, &executable, &case);
    let number = |pattern: &str| {
        let found = regex::Regex::new(pattern).expect("the pattern is right").captures(&run.stderr);
        found.map_or(0, |found| found[1].parse::<u64>().expect("a number"))
    };
    let (taken, lost) = (number(r"stopped: (\d+) process events"), number(r"channel\.process_full: (\d+)"));
    assert_eq!(taken + lost, 300_020, "{}", run.stderr);
    if lost == 0 {
        let wanted = fs::read_to_string(case.join("expected.txt")).expect("what the storm shows");
        assert_eq!(outline(&run, &wanted), wanted);
    }
}

/// Plays a scenario; what is wrong with it, empty when nothing is.
fn check(macsim: &str, executable: &str, case: &Path) -> String {
    let wanted = fs::read_to_string(case.join("expected.txt")).unwrap_or_default();
    let run = play(macsim, executable, case);
    let found = outline(&run, &wanted);
    let (documents, file) = (masked(&run.stdout), case.join("expected.ndjson"));
    if std::env::var_os("OSAWATCH_ACCEPT").is_some() {
        fs::write(case.join("expected.txt"), &found).unwrap();
        if file.exists() {
            fs::write(&file, &documents).unwrap();
        }
        return String::new();
    }
    let mut wrong = String::new();
    if fs::read_to_string(&file).is_ok_and(|wanted| wanted != documents) {
        let _ = writeln!(wrong, "{}: documents differ; found:\n{documents}", case.display());
    }
    if found != wanted {
        let _ = writeln!(wrong, "{}:\nwanted:\n{wanted}found:\n{found}stderr:\n{}", case.display(), run.stderr);
    }
    wrong
}
