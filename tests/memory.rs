//! What is held is bounded in bytes, whatever an attacker passes as arguments.

use std::io::Write;
use std::process::{ChildStdin, Command, Stdio};

use osawatch::detect::RuleSet;
use osawatch::event::{Budget, Categories, Event, Timestamp, field};
use osawatch::pipeline::{Counts, Limits, Pipeline};
use serde_json::json;

use crate::util::{Run, fixtures};

const STARTS: i64 = 1200;
const ARGUMENT_BYTES: usize = 250 << 10;

fn at(ms: i64) -> Timestamp {
    Timestamp::from_milliseconds(1_700_000_000_000 + ms).unwrap()
}

/// An event at the start of a process or connection of an osascript.
fn event(ms: i64, category: Categories, execution: &str, pid: i64) -> Event {
    let mut event = Event::new(at(ms), category);
    event.push_str(field::EVENT_TYPE, "start");
    event.push_str(field::HOST_ID, "h");
    event.push_str(field::HOST_OS_TYPE, "macos");
    event.push_str(field::PROCESS_ENTITY_ID, execution);
    event.push_int(field::PROCESS_PID, pid);
    event.push_str(field::PROCESS_NAME, "osascript");
    event
}

fn start(ms: i64, execution: &str, pid: i64, argument: &str) -> Event {
    let mut event = event(ms, Categories::PROCESS, execution, pid);
    event.push_str(field::EVENT_ACTION, "exec");
    event.push_str(field::PROCESS_COMMAND_LINE, &format!("osascript -e {argument}"));
    ["osascript", "-e", argument].iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
    event
}

fn connection(ms: i64, execution: &str, pid: i64) -> Event {
    let mut event = event(ms, Categories::NETWORK, execution, pid);
    event.push_str(field::DESTINATION_IP, "93.184.216.34");
    event.push_int(field::DESTINATION_PORT, 443);
    event
}

/// A start with a short argument, so many with a long one, and the connection of the first.
fn decoys_around_an_attack(limits: Limits, budget: Budget) -> (usize, Counts) {
    let mut pipeline = Pipeline::new(RuleSet::built_in(), limits);
    let (mut alerts, decoy) = (0, "A".repeat(ARGUMENT_BYTES));
    pipeline.push(start(0, "attack", 7, "1"), |_| alerts += 1);
    for n in 1..=STARTS {
        pipeline.push(start(n * 10, &format!("decoy-{n}"), 100 + n, &decoy), |_| alerts += 1);
        assert!(pipeline.bytes() <= budget.total(), "{} bytes after {n}", pipeline.bytes());
    }
    pipeline.push(connection(STARTS * 10 + 10, "attack", 7), |_| alerts += 1);
    pipeline.finish(|_| alerts += 1);
    (alerts, pipeline.counts())
}

#[test]
fn large_arguments_stay_within_the_live_budget_and_push_out_no_small_start() {
    let (alerts, counts) = decoys_around_an_attack(Limits::live(), Budget::LIVE);
    assert_eq!(alerts, 1);
    assert!(counts.evicted_sequences > 0, "what was evicted is counted");
}

#[test]
fn large_arguments_stay_within_the_replay_budget_and_push_out_no_small_start() {
    let (alerts, counts) = decoys_around_an_attack(Limits::replay(), Budget::REPLAY);
    assert_eq!(alerts, 1);
    assert!(counts.evicted_sequences > 0, "what was evicted is counted");
}

#[test]
fn an_event_larger_than_all_room_for_sequences_is_in_one_until_a_later_one_comes_and_pushes_out_no_small_one() {
    for (limits, budget) in [(Limits::replay(), Budget::REPLAY), (Limits::live(), Budget::LIVE)] {
        let large = "A".repeat(budget.sequences / 4 * 5);
        let attack = |starts: &[(&str, &str)]| {
            let mut pipeline = Pipeline::new(RuleSet::built_in(), limits);
            let mut found = 0;
            for (n, (execution, argument)) in (1..).zip(starts) {
                pipeline.push(start(n, execution, n, argument), |_| found += 1);
            }
            for (n, (execution, _)) in (1..).zip(starts) {
                pipeline.push(connection(1000 + n, execution, n), |_| found += 1);
            }
            pipeline.finish(|_| found += 1);
            (found, pipeline.counts().evicted_sequences > 0)
        };
        assert_eq!(attack(&[("large", &large)]), (1, false));
        assert_eq!(attack(&[("small", "1"), ("large", &large)]), (2, false));
        assert_eq!(attack(&[("large", &large), ("small", "1")]), (2, false));
        let several = [("first", &*large), ("small", "1"), ("second", &*large)];
        assert_eq!(attack(&several), (2, true), "the one that is lost is counted");
    }
}

/// Runs osawatch where it may hold so many MiB of data, of all threads, on what is written to its standard input.
fn limited(mib: u32, args: &str, write: impl FnOnce(&mut ChildStdin) + Send + 'static) -> Run {
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -d {}; exec \"$0\" {args}", mib * 1024), env!("CARGO_BIN_EXE_osawatch")])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let feeder = std::thread::spawn(move || write(&mut input));
    let run = Run::of(&child.wait_with_output().unwrap());
    feeder.join().unwrap();
    run
}

#[test]
fn a_replay_of_large_arguments_runs_where_it_may_hold_no_more_than_its_budget_and_an_input_buffer() {
    let argument = "A".repeat(ARGUMENT_BYTES);
    let run = limited(384, "replay -", move |input| {
        for n in 0..=STARTS {
            let (time, argument) = (at(n * 10), if n == 0 { "1" } else { &argument });
            let process = format!(r#"{{"entity_id":"e{n}","pid":{n},"name":"osascript","args":["-e","{argument}"]}}"#);
            let rest = r#""event":{"category":"process","type":"start"},"host":{"id":"h","os":{"type":"macos"}}"#;
            writeln!(input, r#"{{"@timestamp":"{time}",{rest},"process":{process}}}"#).unwrap();
        }
        let line = json!({
            "@timestamp": at(STARTS * 10 + 10).to_string(), "event": {"category": "network", "type": "start"},
            "host": {"id": "h", "os": {"type": "macos"}}, "process": {"entity_id": "e0", "pid": 0, "name": "osascript"},
            "destination": {"ip": "93.184.216.34"},
        });
        writeln!(input, "{line}").unwrap();
    });
    let run = run.exits(0).says("partial sequences evicted");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn events_that_wait_among_large_documents_of_other_kinds_hold_little_of_them() {
    let run = limited(100, "replay --output none -", |input| {
        let file =
            format!(r#"{{"@timestamp":"{}","event":{{"category":"file"}},"x":"{}"}}"#, at(0), "x".repeat(60 << 10));
        for n in 0..3000 {
            let (time, rest) = (at(n), r#""event":{"category":"process","type":"start"},"host":{"id":"h"}"#);
            writeln!(input, r#"{{"@timestamp":"{time}",{rest},"process":{{"entity_id":"e{n}","pid":{n}}}}}"#).unwrap();
            writeln!(input, "{file}").unwrap();
        }
    });
    run.exits(0).says("3000 events from 1 input").says("file 3000");
}

#[test]
fn a_page_of_hostile_alerts_takes_no_more_than_200_mb() {
    let run = limited(200, "alerts --html - -", move |input| {
        let alert = |name: &str, rest: &str| {
            format!(
                r#"{{"@timestamp":"2026-01-15T09:30:00Z","event":{{"kind":"alert","id":"{name}"}},"rule":{{"name":"{name}"}},{rest}}}"#
            )
        };
        writeln!(input, "{}", alert("first", r#""process":{"name":"osascript"}"#)).unwrap();
        let (numbers, text) = ("1,".repeat(1 << 16), "<\\u0001>".repeat(1 << 18));
        for n in 0..30 {
            writeln!(input, "{}", alert(&format!("n{n}"), &format!(r#""x":[{numbers}1]"#))).unwrap();
            writeln!(input, "{}", alert(&format!("t{n}"), &format!(r#""process":{{"command_line":"{text}"}}"#)))
                .unwrap();
        }
        for n in 0..3000 {
            writeln!(
                input,
                "{}",
                alert(&format!("s{n}"), &format!(r#""process":{{"args":["{}"]}}"#, "A".repeat(28_000)))
            )
            .unwrap();
        }
    })
    .exits(0);
    assert!(run.stdout.contains("first") && run.stdout.contains("Not in this page"), "{}", run.stdout.len());
}

/// serde_json takes 72 bytes for a value whose text takes two.
#[test]
fn a_document_of_three_million_short_values_takes_no_more_than_200_mb() {
    let pair = String::from_utf8(std::fs::read(fixtures().join("replay/public-v6/events.ndjson")).unwrap()).unwrap();
    let many = format!(r#"{{"x":[{}1],"#, "1,".repeat(3 << 20));
    let replayed = {
        let input = pair.replace("\n{", &format!("\n{many}"));
        limited(200, "replay --output ndjson -", move |to| to.write_all(input.as_bytes()).unwrap()).exits(0)
    };
    assert_eq!(replayed.alerts().len(), 1, "{}", replayed.stderr);
    let alerts = replayed.stdout.clone() + &replayed.stdout.replacen('{', &many, 1);
    limited(200, "alerts -", move |to| to.write_all(alerts.as_bytes()).unwrap())
        .says("more than 500000 values; skipped");
}

#[test]
fn a_deep_tree_of_large_executions_stays_within_the_budget() {
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::live());
    let argument = "A".repeat(1000);
    for n in 0..6_000 {
        let mut event = start(n, &format!("e{n}"), n + 2, "1");
        event.push_str(field::PARENT_ENTITY_ID, &format!("e{}", n - 1));
        (0..64).for_each(|_| event.push_str(field::PROCESS_ARGS, &argument));
        pipeline.push(event, |_| ());
        assert!(pipeline.bytes() <= Budget::LIVE.total(), "{} bytes after {n}", pipeline.bytes());
    }
    assert!(pipeline.counts().evicted_executions > 0);
}

#[test]
fn an_ordinary_hour_evicts_nothing() {
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::live());
    for n in 0..9_000 {
        let mut event = start(n * 400, &format!("e{n}"), n % 1000 + 2, "tell application \"Finder\" to activate");
        event.push_str(field::PROCESS_EXECUTABLE, "/usr/bin/osascript");
        pipeline.push(event, |_| ());
        let mut end = connection(n * 400 + 50, &format!("e{n}"), n % 1000 + 2);
        end.categories = Categories::PROCESS;
        end.remove(field::EVENT_TYPE);
        end.push_str(field::EVENT_TYPE, "end");
        pipeline.push(end, |_| ());
    }
    let counts = pipeline.counts();
    assert_eq!((counts.evicted_executions, counts.evicted_sequences), (0, 0));
}

/// Starts of osascript by one shell, each as one that reads its script from a pipe, so many milliseconds apart; what was
/// evicted.
fn evicted_of_one_shell(starts: i64, apart_ms: i64, argument: &str) -> u64 {
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::live());
    for n in 0..starts {
        let mut event = start(n * apart_ms, &format!("e{n}"), n + 2, argument);
        event.remove(field::PROCESS_COMMAND_LINE);
        event.push_str(field::PROCESS_COMMAND_LINE, "osascript");
        event.push_str(field::PARENT_ENTITY_ID, "shell");
        pipeline.push(event, |_| ());
    }
    pipeline.counts().evicted_sequences
}

#[test]
fn what_no_event_can_complete_any_more_goes_without_being_counted_as_evicted() {
    // Longer than the time span of any rule.
    const TWO_DAYS: i64 = 172_800_000;
    assert_eq!(evicted_of_one_shell(200, TWO_DAYS, "1"), 0);
    assert_eq!(evicted_of_one_shell(40, TWO_DAYS, &"A".repeat(ARGUMENT_BYTES)), 0);
    assert!(evicted_of_one_shell(200, 10, "1") > 0, "these are within the time span of the rule that holds them");
    assert!(evicted_of_one_shell(40, 10, &"A".repeat(ARGUMENT_BYTES)) > 0);
}

/// A build: each program is forked by the shell, runs another program and ends.
fn build(pipeline: &mut Pipeline, programs: std::ops::Range<i64>) {
    for n in programs {
        let (fork, exec, ms) = (format!("{:022}", 2 * n), format!("{:022}", 2 * n + 1), n / 3);
        for (entity_id, action, kind) in [(&fork, "fork", "start"), (&exec, "exec", "start"), (&exec, "exit", "end")] {
            let mut event = Event::new(at(ms), Categories::PROCESS);
            event.push_str(field::EVENT_TYPE, kind);
            event.push_str(field::EVENT_ACTION, action);
            event.push_str(field::HOST_ID, "8A1F6F0E-5C2B-4D0C-9E5A-0D6D3F1B7C11");
            event.push_str(field::PROCESS_ENTITY_ID, entity_id);
            event.push_int(field::PROCESS_PID, n);
            event.push_int(field::PIDVERSION, 2 * n + i64::from(action != "fork"));
            event.push_int(field::UNIQUE_PID, 10_000_000 + n);
            event.push_str(field::PROCESS_NAME, if action == "fork" { "zsh" } else { "clang" });
            event.push_str(field::PROCESS_EXECUTABLE, if action == "fork" { "/bin/zsh" } else { "/usr/bin/clang" });
            if action == "exec" {
                event.push_str(field::REPLACED_ENTITY_ID, &fork);
                event.push_str(field::PARENT_ENTITY_ID, "shell");
                let args = ["clang", "-O2", "-Wall", "-c", "-o", "objects/module.o", "source/module.c"];
                event.push_str(field::PROCESS_COMMAND_LINE, &args.join(" "));
                args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
            }
            pipeline.push(event, |_| ());
        }
    }
}

#[test]
fn the_heap_of_a_full_table_stays_as_it_is_and_is_what_the_table_accounts_for() {
    const TENTH: i64 = 2_000;
    let mut pipeline = Pipeline::new(RuleSet::built_in(), Limits::live_within(Budget::live_within(8 << 20)));
    let tenths = (0..10).scan(0, |heap, tenth| {
        *heap += allocation_counter::measure(|| build(&mut pipeline, tenth * TENTH..(tenth + 1) * TENTH)).bytes_current;
        Some(*heap)
    });
    let tenths: Vec<i64> = tenths.collect();
    assert!(pipeline.counts().evicted_executions > 30_000);
    assert!(tenths[9] * 100 <= tenths[1] * 102, "{tenths:?}");
    let (heap, accounted) = (tenths[9], pipeline.bytes() as i64);
    assert!(heap * 10 <= accounted * 12, "{heap} bytes of {accounted}");
}

#[test]
fn long_names_of_what_is_only_remembered_for_a_while_take_no_more_than_their_budget() {
    const LONG: usize = 1 << 20;
    let exit = r#""event":{"category":"process","type":"end"},"process":{"entity_id":"#;
    let start = r#""event":{"category":"process","type":"start"},"#;
    let pipe = format!(r#"{start}"process":{{"entity_id":"e","name":"sh"}},"osawatch":{{"process":{{"stdout_pipe":"#);
    let host = format!(r#"{start}"process":{{"entity_id":"e"}},"host":{{"id":"#);
    for (begin, end) in [(exit, "}}"), (&pipe, "}}}"), (&host, "}}")] {
        let begin = begin.to_owned();
        let run = limited(100, "replay -", move |input| {
            for n in 0..100 {
                let time = at(n);
                writeln!(input, r#"{{"@timestamp":"{time}",{begin}"{n}{}"{end}"#, "x".repeat(LONG)).unwrap();
            }
        });
        run.exits(0).says("100 process events");
    }
}
