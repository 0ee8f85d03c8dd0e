//! What a responder is handed: other packings and formats, and files that are broken in every way. Each gets a clear
//! sentence, and nothing is lost that could be read.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::Command;
#[cfg(target_os = "linux")]
use std::time::Duration;

use serde_json::json;

use crate::util::{Run, fixtures, osawatch, osawatch_with_input, outline};

fn recording() -> Vec<u8> {
    fs::read(fixtures().join("replay/public-v4/events.ndjson")).unwrap()
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

fn replayed(bytes: &[u8]) -> Run {
    osawatch_with_input(&["replay", "--output", "ndjson", "-"], bytes)
}

#[test]
fn every_packing_is_known_by_its_content() {
    let text = recording();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&text).unwrap();
    let mut bzip2 = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    bzip2.write_all(&text).unwrap();
    let options = lzma_rust2::XzOptions::with_preset(1);
    let mut xz = lzma_rust2::XzWriter::new(Vec::new(), options).unwrap();
    xz.write_all(&text).unwrap();
    for (name, bytes) in
        [("gzip", gzip.finish().unwrap()), ("bzip2", bzip2.finish().unwrap()), ("xz", xz.finish().unwrap())]
    {
        let run = replayed(&bytes).exits(0);
        assert_eq!(outline(&run.alerts()), ["osascript-network-connection exec connect"], "{name}");
        run.says(&format!("ECS documents, {name}, 3 events"));
        replayed(&bytes[..bytes.len() / 2]).exits(74).says(&format!("the {name} data is truncated"));
    }
}

#[test]
fn a_value_that_is_too_long_is_counted_once_in_the_summary() {
    let long = format!("{{\"a\":\"{}\"}}\n", "x".repeat(9 << 20));
    let run = replayed(&[long.as_bytes(), &recording()].concat()).exits(0).says("1 value longer than 8 MiB, left out");
    assert!(!run.stderr.contains("malformed"), "{}", run.stderr);
}

#[test]
fn what_is_compressed_twice_is_named_with_the_remedy() {
    let packed = |bytes: &[u8]| {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        gzip.write_all(bytes).unwrap();
        gzip.finish().unwrap()
    };
    let twice = packed(&packed(&recording()));
    replayed(&twice).exits(65).says("this is compressed twice, with gzip inside; take the outer layer off");
}

/// A line of Jamf Protect: a message of Endpoint Security, or a connection, of the host that it names.
fn jamf(second: u32, host: &str, number: u32, event: serde_json::Value) -> String {
    json!({
        "time": format!("2026-03-01T10:00:{second:02}.000000000Z"), "version": 9, "event_type": 9, "glob_seq_num": number,
        "host": {"hostname": format!("mac-{host}"), "provisioningUDID": format!("UDID-{host}"), "serial": "S"},
        "process": {"audit_token": {"pid": 400, "pidversion": 40}}, "event": event,
    })
    .to_string()
}

#[test]
fn telemetry_of_jamf_protect_is_of_the_host_that_each_line_names() {
    let process = json!({"audit_token": {"pid": 501, "pidversion": 50, "ruid": 501},
        "parent_audit_token": {"pid": 1, "pidversion": 1},
        "executable": {"path": "/usr/bin/osascript"}, "signing_id": "com.apple.osascript"});
    let exec = json!({"exec": {"target": process, "args": ["osascript", "-e", "x"]}});
    let connect = json!({"network_connect": {"direction": "outbound", "remote_hostname": "cdn.test", "socket_protocol": 6,
        "remote_endpoint": {"host": "93.184.216.34", "port": "443"}, "instigator": process}});
    let lines = |first: &str, second: &str| {
        format!("{}\n{}\n", jamf(1, first, 1, exec.clone()), jamf(3, second, 2, connect.clone()))
    };
    let run = replayed(lines("a", "a").as_bytes()).exits(0).says("Jamf Protect telemetry");
    let alerts = run.alerts();
    assert_eq!(alerts.len(), 1, "{}", run.stderr);
    assert_eq!((&alerts[0]["host"]["name"], &alerts[0]["host"]["id"]), (&"mac-a".into(), &"UDID-a".into()));
    let text = osawatch_with_input(&["replay", "--output", "text", "-"], lines("a", "a").as_bytes()).exits(0);
    assert!(text.stdout.contains("ancestry     pid 1\n"), "{}", text.stdout);
    let run = replayed(lines("a", "b").as_bytes()).exits(0).says("2 hosts: mac-a, mac-b");
    let run = run.says("no process events of mac-b: 21 of 23 rules could not match there");
    assert!(run.alerts().is_empty(), "one Mac started it, another connected");
}

#[test]
fn what_surrounds_good_lines_costs_none_of_them() {
    let good = String::from_utf8(recording()).unwrap();
    let lines: Vec<&str> = good.lines().collect();
    let around = |bad: &[u8]| {
        let mut bytes = format!("{}\n", lines[0]).into_bytes();
        bytes.extend(bad);
        bytes.extend(format!("\n{}\n{}\n", lines[1], lines[2]).into_bytes());
        bytes
    };
    let deep = [vec![b'['; 1_000_000], vec![b']'; 1_000_000]].concat();
    let open = vec![b'['; 1_000_000];
    let objects = "{\"a\":".repeat(1_000_000).into_bytes();
    for (bad, sentence) in [
        (deep, "nested more than 127 levels deep; skipped"),
        (open, ""),
        (objects, ""),
        (vec![0; 5000], "5000 NUL bytes, skipped"),
        (b"\xff\xfe\xfd".to_vec(), "not valid JSON"),
        (b"{\"a\": [1, 2".to_vec(), "not valid JSON"),
        (b"plain text, as syslog writes it".to_vec(), "not valid JSON"),
        (b"{\"event_type\":9}".to_vec(), "no @timestamp"),
    ] {
        let run = replayed(&around(&bad)).says(sentence);
        let outline = outline(&run.alerts());
        assert_eq!(outline, ["osascript-network-connection exec connect"], "{sentence}: {}", run.stderr);
    }
}

#[test]
fn a_file_of_several_formats_is_read_whole() {
    let eslogger = fixtures().join("replay/eslogger-curl-child-by-fork-and-exec");
    let exec = fs::read_to_string(eslogger.join("exec.eslogger")).unwrap();
    let network = fs::read_to_string(eslogger.join("network.ndjson")).unwrap();
    let jamf =
        jamf(1, "a", 1, json!({"exec": {"target": {"audit_token": {"pid": 7, "pidversion": 8}}, "args": ["x"]}}));
    let run = replayed(format!("{jamf}\n{network}\n{exec}").as_bytes()).exits(0);
    let count = exec.lines().count() + network.lines().count() + 1;
    run.says(&format!("{count} events from 1 input"));
}

#[test]
fn text_in_utf_16_and_in_utf_32_is_named_with_the_command_that_helps() {
    let text = String::from_utf8(recording()).unwrap();
    let utf32: Vec<u8> = text.chars().flat_map(|letter| u32::from(letter).to_be_bytes()).collect();
    let marked = |mark: &[u8], text: &[u8]| [mark, text].concat();
    for (bytes, name) in [
        (marked(b"\xff\xfe", &utf16(&text)), "UTF-16"),
        (utf16(&text), "UTF-16LE"),
        (marked(b"\0\0\xfe\xff", &utf32), "UTF-32"),
        (utf32, "UTF-32BE"),
    ] {
        replayed(&bytes).exits(65).says(&format!("this is text in {name}; convert it: iconv -f {name} -t UTF-8"));
    }
}

#[test]
fn what_marks_the_start_of_each_of_several_files_costs_no_line() {
    let text = String::from_utf8(recording()).unwrap();
    let marked = |mark: &str| text.lines().map(|line| format!("{mark}{line}\n")).collect::<String>();
    let pretty = text.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let pretty = pretty.map(|value| format!("\u{feff}{value:#}\n")).collect::<String>();
    for text in [marked("\u{feff}"), marked("\u{1e}"), pretty] {
        let run = replayed(text.as_bytes()).exits(0);
        assert_eq!(outline(&run.alerts()), ["osascript-network-connection exec connect"]);
        assert!(!run.stderr.contains("malformed"), "{}", run.stderr);
    }
}

#[test]
fn a_time_that_cannot_be_read_is_named_also_where_no_line_has_another() {
    for time in ["Jan 15, 2026 @ 09:30:00.000", "9999-01-01T00:00:00Z"] {
        let line = json!({"@timestamp": time, "event": {"category": "process"}, "process": {"name": "a"}}).to_string();
        replayed(line.as_bytes()).exits(65).says(&format!("standard input:1:1: @timestamp \"{time}\" is not a time"));
    }
}

#[test]
fn a_time_in_seconds_microseconds_or_nanoseconds_is_that_time_and_is_told() {
    let text = String::from_utf8(recording()).unwrap();
    let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let number = |time: &str| time.parse::<jiff::Timestamp>().unwrap().as_nanosecond() as f64 / 1e9;
    type Stated = fn(f64) -> serde_json::Value;
    let stated: [(Stated, bool); 5] = [
        (|seconds| json!(seconds), true),
        (|seconds| json!(seconds.to_string()), true),
        (|seconds| json!((seconds * 1e6) as i64), true),
        (|seconds| json!((seconds * 1e9) as i64), true),
        (|seconds| json!((seconds * 1e3) as i64), false),
    ];
    for (time, is_told) in stated {
        let restated = lines.iter().map(|line| {
            let mut line = line.clone();
            line["@timestamp"] = time(number(line["@timestamp"].as_str().unwrap()));
            line.to_string() + "\n"
        });
        let run = replayed(restated.collect::<String>().as_bytes()).exits(0).says("2026-01-15T09:30:00Z to ");
        assert_eq!(outline(&run.alerts()), ["osascript-network-connection exec connect"]);
        assert_eq!(run.stderr.contains("taken for seconds, microseconds or nanoseconds"), is_told, "{}", run.stderr);
    }
}

#[test]
fn a_circle_of_symbolic_links_in_a_directory_is_no_circle() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a.ndjson"), recording()).unwrap();
    std::os::unix::fs::symlink(folder.path(), folder.path().join("again")).unwrap();
    std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
    let run = osawatch(&["replay", "--output", "ndjson", &folder.path().display().to_string()]).exits(0);
    assert_eq!(run.alerts().len(), 1);
    let circle = folder.path().join("loop").display().to_string();
    osawatch(&["replay", &circle]).exits(66).says("cannot open");
}

#[test]
fn thousands_of_tiny_files_are_merged_with_few_open_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let good = String::from_utf8(recording()).unwrap();
    for (at, line) in good.lines().enumerate() {
        fs::write(folder.path().join(format!("{}.ndjson", at * 300)), line).unwrap();
    }
    for number in (0..1000).filter(|number| number % 300 != 0) {
        let line = good.lines().next().unwrap().replace("z1", &format!("z{number}"));
        fs::write(folder.path().join(format!("{number}.ndjson")), line).unwrap();
    }
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 256; exec \"$0\" replay --output ndjson \"$1\""]);
    command.args([Path::new(env!("CARGO_BIN_EXE_osawatch")), folder.path()]);
    let run = Run::of(&command.output().unwrap()).exits(0).says("999 events from 999 inputs");
    assert_eq!(outline(&run.alerts()), ["osascript-network-connection exec connect"]);
}

#[test]
fn each_file_that_there_is_no_room_to_open_is_named_with_the_remedy() {
    let folder = tempfile::tempdir().unwrap();
    let good = String::from_utf8(recording()).unwrap();
    let (first, rest) = good.split_once('\n').unwrap();
    let long = format!(
        r#"{{"@timestamp":"2026-01-15T09:30:01Z","event":{{"category":"process"}},"x":"{}"}}"#,
        "x".repeat(40_000)
    );
    for number in 0..80 {
        // All are of one time, and none is read whole before the others are opened.
        let text = format!("{first}\n{}{rest}", format!("{long}\n").repeat(45));
        fs::write(folder.path().join(format!("{number}.ndjson")), text).unwrap();
    }
    let mut command = Command::new("sh");
    command.args(["-c", "ulimit -n 24; exec \"$0\" replay --output none \"$1\""]);
    command.args([Path::new(env!("CARGO_BIN_EXE_osawatch")), folder.path()]);
    let run = Run::of(&command.output().unwrap()).exits(66).says("raise the limit with `ulimit -n");
    let named = (0..80).filter(|number| run.stderr.contains(&format!("/{number}.ndjson: Too many open files"))).count();
    assert!((40..80).contains(&named), "{named}");
    run.says(&format!("{} events from 80 inputs", 48 * (80 - named)));
}

/// The most memory that a process has used, in MiB.
#[cfg(target_os = "linux")]
fn peak(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() >> 10
}

#[test]
#[cfg(target_os = "linux")]
fn a_string_and_an_array_without_end_and_events_between_long_values_take_little_memory() {
    let good = recording();
    let event = |number: u64| {
        let (day, hour, minute, second) = (1 + number / 86_400, number / 3600 % 24, number / 60 % 60, number % 60);
        let time = format!("2026-01-{day:02}T{hour:02}:{minute:02}:{second:02}Z");
        let pad = "x".repeat(2000);
        format!(
            r#"{{"@timestamp":"{time}","event":{{"category":"process","type":"start"}},"process":{{"entity_id":"{number}","args":["{pad}"]}}}},"#
        )
    };
    let file = |number: u64| {
        let file = format!(
            r#"{{"@timestamp":"2026-01-01T00:00:00Z","event":{{"category":"file"}},"x":"{}"}}"#,
            "x".repeat(7 << 20)
        );
        if number < 20 { format!("{file}\n{}\n", event(0).trim_end_matches(',')) } else { String::new() }
    };
    let string = |number: u64| "x".repeat(if number < 2048 { 1 << 16 } else { 0 });
    let array = |number: u64| if number < 15_000 { event(number) } else { String::new() };
    for (before, piece, after, sentence) in [
        (&b"{\"a\":\""[..], &string as &dyn Fn(u64) -> String, &b"\"}\n"[..], "longer than 8 MiB; skipped"),
        (b"[\n", &array, b"{}]\n", "15003 events"),
        (b"", &file, b"", "23 events"),
    ] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
        command.args(["replay", "--output", "ndjson", "-"]);
        command
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(before).unwrap();
        for piece in (0..).map(piece).take_while(|piece| !piece.is_empty()) {
            stdin.write_all(piece.as_bytes()).unwrap();
        }
        stdin.write_all(after).unwrap();
        stdin.write_all(&good).unwrap();
        let most = peak(child.id());
        drop(stdin);
        let run = Run::of(&child.wait_with_output().unwrap()).says(sentence);
        assert_eq!(outline(&run.alerts()), ["osascript-network-connection exec connect"], "{}", run.stderr);
        assert!(most < 64, "{most} MiB");
    }
}

/// The handlers of a process for signals are known to Linux alone.
#[test]
#[cfg(target_os = "linux")]
fn a_signal_ends_a_replay_that_waits_for_a_pipe_to_be_opened() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for signal in ["TERM", "INT"] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
        let mut child = command.arg("replay").arg(&pipe).stderr(std::process::Stdio::null()).spawn().unwrap();
        let handles = |status: &str| {
            let mask = status.lines().find_map(|line| line.strip_prefix("SigCgt:"))?;
            Some(u64::from_str_radix(mask.trim(), 16).ok()? & 1 << 14 != 0)
        };
        let status = format!("/proc/{}/status", child.id());
        while fs::read_to_string(&status).ok().and_then(|status| handles(&status)) != Some(true) {
            std::thread::sleep(Duration::from_millis(10));
        }
        assert!(Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().unwrap().success());
        let ended = (0..2000).find_map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            child.try_wait().unwrap()
        });
        let _ = child.kill();
        assert_eq!(ended.and_then(|status| status.code()), Some(130), "{signal}");
    }
}

#[test]
fn lines_of_two_macs_that_their_times_tell_apart_are_told_of_once_and_those_of_one_are_not() {
    let case = fixtures().join("replay/eslogger-curl-child-by-fork-and-exec");
    let text = fs::read_to_string(case.join("exec.eslogger")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let day = 86_400_000_000_000_u64;
    let of = |line: &str, ticks: u64| line.replace("\"mach_time\":1,", &format!("\"mach_time\":{ticks},")) + "\n";
    // Each line of a Mac that runs for nine days, and then that of one that runs for twenty.
    let two: String = lines.iter().map(|line| of(line, 9 * day) + &of(line, 20 * day)).collect();
    let said = "this message is of another Mac than the one before it, or its clock was set";
    let run = replayed(two.as_bytes()).exits(0).says(&format!("standard input:2:1: {said}"));
    let run = run.says("8 events from 1 input");
    assert_eq!(run.stderr.matches(said).count(), 1, "{}", run.stderr);
    assert!(!run.stderr.contains("left out"), "{}", run.stderr);

    // Of two files each is of one Mac, and they have no name to tell them apart by.
    let folder = tempfile::tempdir().unwrap();
    let files = [9, 20].map(|days| {
        let path = folder.path().join(format!("{days}.eslogger"));
        fs::write(&path, lines.iter().map(|line| of(line, days * day)).collect::<String>()).unwrap();
        path.to_str().unwrap().to_owned()
    });
    osawatch(&["replay", &files[0], &files[1]]).exits(0).says(said);

    // A Mac that is started again between two of its lines, and one that a wrapper names.
    let started: String = lines.iter().enumerate().map(|(at, line)| of(line, 1_000_000_000 * at as u64)).collect();
    let named: String = lines
        .iter()
        .flat_map(|line| [(line, "a", 9), (line, "b", 20)])
        .map(|(line, host, days)| json!({"host": host, "message": of(line, days * day).trim_end()}).to_string() + "\n")
        .collect();
    for text in [&text, &started, &named] {
        let run = replayed(text.as_bytes()).exits(0);
        assert!(!run.stderr.contains(said), "{}", run.stderr);
    }
}
