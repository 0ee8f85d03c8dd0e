//! The replay command as a user meets it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::util::{Run, fixtures, osawatch, osawatch_with_input, outline};

fn case(name: &str) -> String {
    fixtures().join("replay").join(name).join("events.ndjson").display().to_string()
}

fn read(name: &str) -> Vec<u8> {
    fs::read(case(name)).unwrap()
}

fn folder() -> (tempfile::TempDir, impl Fn(&str, &[u8]) -> String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_owned();
    (folder, move |name: &str, text: &[u8]| {
        let file: PathBuf = path.join(name);
        fs::write(&file, text).unwrap();
        file.display().to_string()
    })
}

#[test]
fn standard_input_is_read_where_a_dash_stands() {
    let run = osawatch_with_input(&["replay", "-"], &read("public-v6")).exits(0);
    assert_eq!(outline(&run.alerts()), ["osascript-network-connection s n"]);
}

#[test]
fn zstandard_is_known_by_content() {
    // A frame with one raw block, by RFC 8878: magic, no content size, a window, the block header.
    let text = read("public-v6");
    let mut frame = vec![0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58];
    let header = ((text.len() as u32) << 3) | 1;
    frame.extend(&header.to_le_bytes()[..3]);
    frame.extend(&text);
    let run = osawatch_with_input(&["replay", "-"], &frame).exits(0).says("zstd");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn the_summary_names_inputs_formats_and_alerts_per_rule() {
    let exec = fixtures().join("replay/eslogger-exec-and-ecs-network/exec.eslogger").display().to_string();
    osawatch(&["replay", &exec, &case("public-v4")])
        .exits(0)
        .says("eslogger lines")
        .says("ECS documents")
        .says("1 alert")
        .says("osascript-network-connection");
}

#[test]
fn malformed_lines_are_reported_with_file_and_line_ten_at_most_then_counted() {
    let (_folder, write) = folder();
    let mut text = read("public-v6");
    for _ in 0..25 {
        text.extend(b"{\"@timestamp\": nonsense}\n");
    }
    let file = write("bad.ndjson", &text);
    let run = osawatch(&["replay", &file]).exits(0).says("bad.ndjson:3:17: ").says("25 malformed values");
    assert_eq!(run.stderr.matches("not valid JSON").count(), 10, "{}", run.stderr);
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn a_truncated_last_line_is_reported_as_truncated() {
    let text = read("two-connections-first-consumes");
    let torn = &text[..text.len() - 40];
    let run = osawatch_with_input(&["replay", "-"], torn).exits(0).says("truncated last line");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn a_missing_file_is_named_with_exit_code_66() {
    osawatch(&["replay", "/nonexistent/recording.ndjson"]).exits(66).says("/nonexistent/recording.ndjson");
    let (folder, _write) = folder();
    osawatch(&["replay", &folder.path().display().to_string()]).exits(66).says("no file in this directory");
}

#[test]
fn a_file_of_no_known_format_is_an_error_with_a_remedy() {
    let (_folder, write) = folder();
    let array = write("array.json", b"[{\"@timestamp\":2026-01-01}]\n");
    osawatch(&["replay", &array]).exits(65).says("array.json:1:20: not valid JSON");
    let empty = write("empty.ndjson", b"");
    osawatch(&["replay", &empty]).exits(65).says("empty");
    osawatch(&["replay", &empty, &case("public-v6")]).exits(0).says("empty.ndjson: it is empty");
    let text = write("notes.txt", b"these are not events\nnot at all\n");
    let run = osawatch(&["replay", &case("public-v6"), &text]).exits(65).says("notes.txt");
    assert_eq!(run.stdout, "");
    osawatch_with_input(&["replay", "-"], b"hello\n").exits(65);
    let zip = write("events.zip", b"PK\x03\x04");
    osawatch(&["replay", &zip]).exits(65).says("unzip");
}

#[test]
fn a_directory_is_replayed_as_the_recordings_in_it() {
    let (folder, write) = folder();
    write("one.ndjson", &read("public-v6"));
    write("notes.txt", b"not a recording\n");
    std::os::unix::fs::symlink(case("public-v4"), folder.path().join("link.ndjson")).unwrap();
    osawatch(&["replay", &folder.path().display().to_string()])
        .exits(0)
        .says("1 alert")
        .says("notes.txt: nothing in it")
        .says("link.ndjson: it is a symbolic link: name what it leads to\n")
        .says("2 files left out\n");
}

#[test]
fn a_file_that_is_cut_off_is_named_also_behind_many_malformed_values_and_many_files() {
    use std::io::Write;
    let (folder, write) = folder();
    write("a.ndjson", &[read("public-v6"), b"{\"@timestamp\": nonsense}\n".repeat(25)].concat());
    (0..25).for_each(|number| drop(write(&format!("b{number}.ndjson"), &read("network-only"))));
    (0..12).for_each(|number| drop(write(&format!("notes{number}.txt"), b"not a recording\n")));
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(&read("public-v6")).unwrap();
    let whole = encoder.finish().unwrap();
    write("z.ndjson.gz", &whole[..whole.len() - 9]);
    let run = osawatch(&["replay", &folder.path().display().to_string()]).exits(74);
    let run = run.says("z.ndjson.gz:2:1: the gzip data is truncated").says("25 malformed values");
    let run = run.says("1 input cut off, read as far as possible\n").says("12 files left out\n");
    assert_eq!(run.stderr.matches(": nothing in it is an ECS document").count(), 12, "{}", run.stderr);
    assert!(run.stderr.matches("not valid JSON").count() <= 10, "{}", run.stderr);
}

/// The events of a case, in each of which all happens within the same second.
fn of_one_second(name: &str) -> String {
    let time = regex::Regex::new(r#"("@timestamp":"[^"]{19})[^"]*""#).unwrap();
    let text = String::from_utf8(read(name)).unwrap();
    time.replace_all(&text, "\"@timestamp\":\"2026-01-15T09:30:00Z\"").into_owned()
}

#[test]
fn an_event_that_is_recorded_twice_is_taken_once_and_counted() {
    let (folder, write) = folder();
    let once = of_one_second("public-v4");
    let wanted = osawatch_with_input(&["replay", "-"], once.as_bytes()).exits(0);
    assert_eq!(wanted.alerts().len(), 1);
    let files = [write("one.ndjson", once.as_bytes()), write("two.ndjson", once.as_bytes())];
    let summary = folder.path().join("summary.json").display().to_string();
    let run = osawatch(&["replay", "--json-summary", &summary, &files[0], &files[1]]).exits(0);
    assert_eq!(run.stdout, wanted.stdout);
    let run =
        run.says("6 events from 2 inputs").says("3 events recorded again, as where recordings overlap: taken once");
    run.says("1 host: mac-7").says("2 process events, 1 network event");
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(summary).unwrap()).unwrap();
    assert_eq!((&summary["events"], &summary["copies"]), (&6.into(), &3.into()));
    // A search gives out whole milliseconds.
    let exact = String::from_utf8(read("public-v4")).unwrap().replace("11.616000000Z", "11.616400000Z");
    let coarse = exact.replace("11.616400000Z", "11.616Z");
    let files = [write("exact.ndjson", exact.as_bytes()), write("coarse.ndjson", coarse.as_bytes())];
    let run = osawatch(&["replay", &files[0], &files[1]]).exits(0).says("3 events recorded again");
    assert_eq!(run.alerts().len(), 1);
    // As it comes, and where nothing but the text is the same, each is an event.
    let doubled = once.repeat(2);
    let raw = osawatch_with_input(&["replay", "--lateness", "0", "-"], doubled.as_bytes()).exits(0);
    assert_eq!(raw.alerts().len(), 2);
    let unnamed =
        regex::Regex::new(r#""id":"(exec-zsh|exec|connect)","#).unwrap().replace_all(&doubled, "").into_owned();
    let run = osawatch_with_input(&["replay", "-"], unnamed.as_bytes()).exits(0);
    assert!(!run.stderr.contains("recorded again"), "{}", run.stderr);
}

#[test]
fn the_copy_of_the_connection_of_an_alert_is_no_further_detection_of_its_case() {
    let (_folder, write) = folder();
    let file = write("one.ndjson", &read("curl-child"));
    let run = osawatch(&["replay", &file, &file]).exits(0).says("recorded again");
    assert_eq!((run.alerts().len(), run.documents().len()), (1, 1), "{}", run.stdout);
    let eslogger = case("eslogger-curl-child-by-fork-and-exec").replace("events.ndjson", "");
    let run = osawatch(&["replay", &eslogger, &eslogger]).exits(0).says("recorded again");
    assert_eq!((run.alerts().len(), run.documents().len()), (1, 1), "{}", run.stdout);
}

#[test]
fn alerts_beside_their_recording_are_no_events_of_it() {
    let (folder, write) = folder();
    let file = write("recording.ndjson", &read("two-connections-first-consumes"));
    let alerts = folder.path().join("alerts.ndjson").display().to_string();
    let wanted = osawatch(&["replay", &file]).exits(0);
    osawatch(&["replay", "--alerts", &alerts, &file]).exits(0);
    let run = osawatch(&["replay", &folder.path().display().to_string()]).exits(0);
    assert_eq!(run.stdout, wanted.stdout);
    run.says("1 event of other kinds skipped\n  by kind: alert of osawatch 1\n");
    // A responder's search finds both in one index.
    let hits = [fs::read_to_string(&alerts).unwrap(), fs::read_to_string(&file).unwrap()].concat();
    let hits: String =
        hits.lines().map(|line| format!("{{\"_id\":\"{}\",\"_source\":{line}}}\n", line.len())).collect();
    let run = osawatch_with_input(&["replay", "-"], hits.as_bytes()).exits(0);
    assert_eq!(outline(&run.alerts()).len(), wanted.alerts().len());
    let run = osawatch(&["replay", "--strict", &alerts]).exits(3);
    run.says("0 alerts").says("alert of osawatch 1");
}

#[test]
fn a_search_response_cut_in_the_middle_is_read_up_to_there_with_exit_code_74() {
    let text = String::from_utf8(read("public-v6")).unwrap();
    let hits: Vec<String> = text.lines().map(|line| format!("{{\"_id\":\"x\",\"_source\":{line}}}")).collect();
    let cut = format!("{{\"took\":1,\"hits\":{{\"total\":9,\"hits\":[{},{{\"_id\":\"y", hits.join(","));
    let run = osawatch_with_input(&["replay", "-"], cut.as_bytes()).exits(74).says("truncated: the input ends within");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn a_truncated_gzip_file_is_read_as_far_as_it_goes_with_exit_code_74() {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::none());
    encoder.write_all(&read("public-v6")).unwrap();
    let whole = encoder.finish().unwrap();
    let run =
        osawatch_with_input(&["replay", "-"], &whole[..whole.len() - 9]).exits(74).says("the gzip data is truncated");
    assert_eq!(run.alerts().len(), 1);
}

#[test]
fn alerts_go_to_a_file_one_line_each_and_are_appended() {
    let (folder, _write) = folder();
    let file = folder.path().join("alerts.ndjson").display().to_string();
    for (recording, lines) in [("public-v4", 1), ("public-v6", 2)] {
        let run = osawatch(&["replay", "--alerts", &file, &case(recording)]).exits(0);
        assert_eq!(run.stdout, "");
        assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), lines);
    }
    let both = osawatch(&["replay", "--alerts", &file, "--output", "ndjson", &case("public-v4")]).exits(0);
    assert_eq!(both.alerts().len(), 1);
}

#[test]
fn an_alert_that_the_file_holds_already_is_not_written_again_and_the_run_says_so() {
    let (folder, _write) = folder();
    let file = folder.path().join("alerts.ndjson");
    let name = file.display().to_string();
    osawatch(&["replay", "--alerts", &name, &case("public-v4")]).exits(0);
    let held = fs::read_to_string(&file).unwrap();
    // A full disk tore the next line.
    fs::write(&file, format!("{held}{}", &held[..held.len() / 2])).unwrap();
    let again = osawatch(&["replay", "--alerts", &name, &case("public-v4"), &case("public-v6")]).exits(0);
    again.says("1 alert already there, not written again");
    let lines = fs::read_to_string(&file).unwrap();
    let alerts: Vec<serde_json::Value> = lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let ids: Vec<&str> = alerts.iter().map(|alert| alert["event"]["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), 2, "{lines}");
    assert_ne!(ids[0], ids[1]);
    let numbers: Vec<u64> = alerts.iter().map(|alert| alert["event"]["sequence"].as_u64().unwrap()).collect();
    assert_eq!(numbers[1], numbers[0] + 1);
    // One that says something else is another, whatever its id.
    fs::write(&file, held.replace("osascript", "osascr1pt")).unwrap();
    osawatch(&["replay", "--alerts", &name, &case("public-v4")]).exits(0);
    assert_eq!(fs::read_to_string(&file).unwrap().lines().count(), 2);
}

#[test]
fn an_alert_file_behind_a_symbolic_link_is_refused() {
    let (folder, write) = folder();
    let target = write("target", b"");
    let link = folder.path().join("alerts.ndjson");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    osawatch(&["replay", "--alerts", &link.display().to_string(), &case("public-v4")]).exits(73).says("symbolic link");
    assert_eq!(fs::read(&target).unwrap(), b"");
}

#[test]
fn the_readable_report_says_who_ran_what_from_where_to_where_and_when() {
    let run = osawatch(&["replay", "--output", "text", &case("public-v4")]).exits(0);
    for text in [
        "osascript (pid 501) as ada connected to example.net port 443 10.616 s after it started",
        "/usr/bin/osascript -l JavaScript -e \"eval('')\"",
        "zsh (pid 400)",
        "Terminal",
        "93.184.216.34",
        "2026-01-15T09:30:11.616",
    ] {
        assert!(run.stdout.contains(text), "no {text:?} in\n{}", run.stdout);
    }
}

#[test]
fn a_closed_pipe_is_not_an_error() {
    use std::process::{Command, Stdio};
    let excluded = case("excluded-networks-and-their-neighbours");
    let mut child = Command::new(env!("CARGO_BIN_EXE_osawatch"))
        .args(["replay", &excluded])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let run = Run::of(&child.wait_with_output().unwrap());
    run.exits(0).says("events");
}

#[test]
fn a_closed_standard_error_is_not_an_error_either() {
    let (_folder, write) = folder();
    let recording = write("bad.ndjson", &[read("public-v4").as_slice(), b"{\n{\n"].concat());
    for arguments in [vec!["replay", &recording], vec!["replay", "no such file"], vec!["completions", "zsh"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_osawatch"));
        let (reader, writer) = std::io::pipe().unwrap();
        command.args(&arguments).stderr(writer).stdout(std::process::Stdio::null());
        drop(reader);
        let expected = if arguments[1] == "no such file" { 66 } else { 0 };
        assert_eq!(command.status().unwrap().code(), Some(expected), "{arguments:?}");
    }
}

#[test]
fn a_quiet_run_warns_of_nothing_but_errors() {
    let (_folder, write) = folder();
    let recording = write("bad.ndjson", &[read("public-v4").as_slice(), b"{\n"].concat());
    assert!(osawatch(&["replay", &recording]).exits(0).stderr.contains("osawatch: "));
    let run = osawatch(&["replay", "-qq", &recording]).exits(0);
    assert!(!run.stderr.contains("osawatch: "), "{}", run.stderr);
    osawatch(&["-qq", "replay", "no such file"]).exits(66).says("osawatch: cannot open no such file");
}

#[test]
fn an_interrupt_prints_the_summary_of_what_was_done_and_the_page_is_no_all_clear() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let files = ["--html".to_owned(), path("page.html"), "--json-summary".to_owned(), path("summary.json")];
    let mut child = Command::new(env!("CARGO_BIN_EXE_osawatch"))
        .args(["replay", "--lateness", "0", "-"])
        .args(files)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&read("public-v6")).unwrap();
    stdin.flush().unwrap();
    // The child has set up its handlers once it waits for more input; give it that long.
    std::thread::sleep(Duration::from_secs(2));
    Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    let run = Run::of(&child.wait_with_output().unwrap());
    drop(stdin);
    let run = run.exits(130).says("interrupted").says("2 events");
    assert_eq!(run.alerts().len(), 1);
    let page = fs::read_to_string(path("page.html")).unwrap();
    assert!(page.contains("<li>the replay was interrupted: the rest of the recordings was not read</li>"), "{page}");
    let summary: serde_json::Value = serde_json::from_slice(&fs::read(path("summary.json")).unwrap()).unwrap();
    assert_eq!((&summary["interrupted"], &summary["alerts"]), (&true.into(), &1.into()));
}

#[test]
fn an_alert_of_a_stream_that_never_rests_comes_before_a_hundred_further_events() {
    for threads in ["1", "2"] {
        let mut child = Command::new(env!("CARGO_BIN_EXE_osawatch"))
            .args(["replay", "--quiet", "--threads", threads, "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let first = std::thread::spawn(move || BufReader::new(stdout).lines().next());
        stdin.write_all(&read("public-v4")).unwrap();
        let mut further = 0;
        while !first.is_finished() {
            let (minute, second) = (further / 60, further % 60);
            let event = format!(
                r#"{{"@timestamp":"2030-01-01T00:{minute:02}:{second:02}Z","event":{{"category":"process","type":"start"}},"process":{{"entity_id":"{further}"}}}}"#
            );
            writeln!(stdin, "{event}").unwrap();
            further += 1;
            assert!(further < 100, "no alert on {threads} threads");
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(first.join().unwrap().unwrap().unwrap().contains("rule_detection"));
        drop(stdin);
        assert!(child.wait().unwrap().success());
    }
}

#[test]
fn only_the_rules_asked_for_run() {
    let run = osawatch(&["replay", "--only", "automator-runner-network-connection", &case("public-v4")]).exits(0);
    assert_eq!(run.alerts().len(), 0);
    osawatch(&["replay", "--only", "no-such-rule", &case("public-v4")]).exits(64).says("no-such-rule");
    osawatch(&["replay", "--no-builtin", &case("public-v4")]).exits(64).says("--rules");
    let (_folder, write) = folder();
    let own = write("own.toml", b"[rule]\nrule_id = \"own\"\nname = \"own\"\nquery = \"process where true\"\n");
    let alone = ["replay", "--rules", &own, "--no-builtin", "--only", "osascript-network-connection"];
    osawatch(&[&alone[..], &[&case("public-v4")]].concat()).exits(64).says("--no-builtin leaves out the built-in ones");
}

#[test]
fn a_rule_file_of_the_user_runs_beside_the_built_in_rules() {
    let (_folder, write) = folder();
    let rule = write(
        "zsh.toml",
        b"[rule]\nrule_id = \"zsh\"\nname = \"zsh\"\nseverity = \"high\"\nquery = 'process where process.name : \"ZSH\"'\n",
    );
    let run = osawatch(&["replay", "--rules", &rule, &case("public-v4")]).exits(0);
    assert_eq!(outline(&run.alerts()), ["zsh exec-zsh", "osascript-network-connection exec connect"]);
    assert_eq!(run.alerts()[0]["event"]["severity"], 73);
}

#[test]
fn a_skipped_rule_does_not_stop_the_others_and_the_summary_counts_it() {
    let (_folder, write) = folder();
    let rule = write("file.toml", b"[rule]\nrule_id = \"f\"\nname = \"f\"\nquery = 'file where true'\n");
    let run = osawatch(&["replay", "--rules", &rule, &case("public-v4")]).exits(0).says("1 rule skipped");
    assert_eq!(run.alerts().len(), 1);
    let wrong = write("wrong.toml", b"[rule]\nrule_id = \"w\"\nname = \"w\"\nquery = 'process where'\n");
    osawatch(&["replay", "--rules", &wrong, &case("public-v4")]).exits(78).says("wrong.toml:4:");
}

#[test]
fn the_copies_in_an_alert_are_a_recording_that_gives_the_same_alert() {
    for name in ["public-v4", "search-hits", "eslogger-exec-and-ecs-network", "dotted-keys"] {
        let mut args = vec!["replay".to_owned()];
        for file in fs::read_dir(fixtures().join("replay").join(name)).unwrap() {
            let file = file.unwrap().path();
            if !file.file_name().unwrap().to_string_lossy().starts_with("expected") {
                args.push(file.display().to_string());
            }
        }
        let first = osawatch(&args).exits(0).alerts();
        let copies = first[0]["osawatch"]["sequence"]["events"].as_array().unwrap().clone();
        let recording: Vec<String> = copies.iter().map(ToString::to_string).collect();
        let again = osawatch_with_input(&["replay", "-"], recording.join("\n").as_bytes()).exits(0).alerts();
        assert_eq!(again[0]["event"]["id"], first[0]["event"]["id"], "{name}");
        assert_eq!(again[0]["osawatch"]["sequence"]["events"], first[0]["osawatch"]["sequence"]["events"], "{name}");
    }
}

#[test]
fn an_event_from_the_future_does_not_end_the_sequences_of_others() {
    let events = String::from_utf8(read("public-v6")).unwrap();
    let (start, connect) = events.split_once('\n').unwrap();
    let future = start.replace("2026-01-15", "2126-01-15").replace("e1", "e9");
    let input = [start, &future, connect].join("\n");
    let run = osawatch_with_input(&["replay", "-"], input.as_bytes()).exits(0);
    assert_eq!(outline(&run.alerts()), ["osascript-network-connection s n"]);
}

#[test]
fn late_events_and_evictions_are_counted_and_shown() {
    let mut text = read("connection-before-exec-in-arrival-but-not-in-time");
    text.extend(read("public-v6"));
    osawatch_with_input(&["replay", "--lateness", "1s", "-"], &text).exits(0).says("later than the lateness allows");
    let many: Vec<u8> = (0..50)
        .flat_map(|i| String::from_utf8_lossy(&read("exec-only")).replace("\"e1\"", &format!("\"e{i}\"")).into_bytes())
        .collect();
    osawatch_with_input(&["replay", "--sort", "--max-sequences", "10", "-"], &many)
        .exits(0)
        .says("partial sequences evicted");
    osawatch_with_input(&["replay", "--sort", "--max-processes", "10", "-"], &many)
        .exits(0)
        .says("40 process executions evicted while in use");
}

#[test]
fn what_was_evicted_for_its_bytes_is_held_when_the_option_is_used_that_is_advised() {
    let script = "x".repeat(3000);
    let start = |number: u32| {
        format!(
            r#"{{"@timestamp":"2026-01-15T08:00:00.{:06}Z","event":{{"category":"process","type":"start"}},"#,
            1000 - number % 1000
        ) + &format!(
            r#""host":{{"id":"h","os":{{"type":"macos"}}}},"process":{{"entity_id":"e{number}","name":"osascript","#
        ) + &format!(r#""args":["osascript","-e","{script}"]}}}}"#)
            + "\n"
    };
    let many: String = (0..4000).map(start).collect();
    let replay = |options: &[&str]| {
        let args = [&["replay", "--lateness", "5s"], options, &["-"]].concat();
        osawatch_with_input(&args, many.as_bytes()).exits(0)
    };
    for (remark, option) in [
        ("partial sequences evicted, as the limit was reached: use a larger --max-sequences", "--max-sequences"),
        (
            "taken out of order, as the buffer for events that come late was full: use --sort or a larger --max-reorder",
            "--max-reorder",
        ),
    ] {
        replay(&[]).says(remark);
        let more = replay(&[option, "70000"]);
        assert!(!more.stderr.contains(remark), "{}", more.stderr);
    }
}

#[test]
fn scripts_whose_exit_no_event_reports_push_out_none_that_has_just_begun() {
    let event = |second: u32, category: &str, number: u32, more: &str| {
        let (minute, second) = (second / 60, second % 60);
        format!(
            r#"{{"@timestamp":"2026-01-15T08:{minute:02}:{second:02}Z","event":{{"category":"{category}","type":"start"}},"#
        ) + &format!(
            r#""host":{{"id":"h","os":{{"type":"macos"}}}},"process":{{"entity_id":"e{number}","name":"osascript"{more}"#
        ) + "\n"
    };
    let mut events = String::new();
    for second in 0..1500 {
        // Each second two begin; the first of ten seconds has a longer script, and connects 29 s later.
        let longer = if second % 10 == 0 { 3500 } else { 2500 };
        for (number, length) in [(2 * second, longer), (2 * second + 1, 2500)] {
            let script = "x".repeat(length);
            events += &event(second, "process", number, &format!(r#","args":["osascript","-e","{script}"]}}}}"#));
        }
        if second % 10 == 9 && second >= 29 {
            events += &event(second, "network", 2 * (second - 29), r#"},"destination":{"ip":"93.184.216.34"}}"#);
        }
    }
    let run = osawatch_with_input(&["replay", "-"], events.as_bytes()).exits(0).says("partial sequences evicted");
    let of_rule = |alert: &serde_json::Value| alert["rule"]["id"] == "osascript-network-connection";
    assert_eq!(run.alerts().iter().filter(|alert| of_rule(alert)).count(), 148);
}

#[test]
fn executions_evicted_long_after_their_exit_are_counted_without_advice() {
    let event = |pid: u32, kind: &str, second: u32| {
        format!(
            r#"{{"@timestamp":"2026-01-15T08:00:{second:02}Z","event":{{"kind":"event","category":["process"],"type":["{kind}"]}},"#
        ) + &format!(r#""host":{{"id":"h"}},"process":{{"entity_id":"e{pid}","pid":{pid},"name":"ls"}}}}"#)
            + "\n"
    };
    let early = (1..=10).flat_map(|pid| [event(pid, "start", 0), event(pid, "end", 1)]);
    let late = (11..=20).map(|pid| event(pid, "start", 30));
    let events: String = early.chain(late).collect();
    let run = osawatch_with_input(&["replay", "--max-processes", "10", "-"], events.as_bytes())
        .exits(0)
        .says("10 process executions evicted less than a minute after the exit");
    assert!(!run.stderr.contains("--max-processes"), "{}", run.stderr);
}

#[test]
fn usage_errors_exit_with_64_and_help_with_0() {
    osawatch(&["replay"]).exits(64);
    osawatch(&["replay", "--lateness", "soon", "-"]).exits(64).says("duration");
    osawatch(&["frobnicate"]).exits(64);
    assert!(osawatch(&["--help"]).exits(0).stdout.contains("Exit codes"));
    assert!(osawatch(&["--version"]).exits(0).stdout.starts_with("osawatch "));
    assert!(osawatch(&["completions", "zsh"]).exits(0).stdout.contains("_osawatch"));
}

#[test]
fn the_options_of_every_command_stand_behind_those_of_a_command() {
    for command in ["run", "replay"] {
        let help = osawatch(&[command, "--help"]).exits(0).stdout;
        let (own, global) = help.split_once("\nGlobal options:\n").unwrap();
        for option in ["--verbose", "--quiet"] {
            assert!(!own.contains(option) && global.contains(option), "{help}");
        }
    }
}
