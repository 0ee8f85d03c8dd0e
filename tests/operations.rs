//! `osawatch status` as a user gives it, and the agent at work in the simulated Mac.

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};

use crate::live::simulator;
use crate::util::{Run, fixtures, osawatch};

fn status(state: &Path, args: &[&str]) -> Run {
    let state = state.display().to_string();
    osawatch(&[&["status", "--state", &state], args].concat())
}

/// A state directory with this status, and the lock of an agent, which is held as long as the file lives.
fn state(folder: &Path, status: &Json) -> fs::File {
    fs::write(folder.join("status.json"), status.to_string()).unwrap();
    let lock = fs::File::create(folder.join("osawatch.lock")).unwrap();
    rustix::fs::flock(&lock, rustix::fs::FlockOperation::NonBlockingLockExclusive).unwrap();
    lock
}

#[allow(clippy::disallowed_methods, reason = "a status is old or new by the clock")]
fn now() -> String {
    format!("{:.9}", jiff::Timestamp::now())
}

#[test]
fn the_status_of_an_agent_is_its_exit_code_and_its_first_line() {
    let folder = tempfile::tempdir().unwrap();
    let run = status(folder.path(), &[]).exits(69);
    let folder_shown = folder.path().display();
    assert_eq!(run.stdout, format!("osawatch is not running: {folder_shown} holds no status of an agent\n"));
    let lock = state(folder.path(), &json!({ "written": now(), "pid": 7 }));
    assert!(status(folder.path(), &[]).exits(0).stdout.starts_with("osawatch is healthy\n"));
    fs::write(folder.path().join("status.json"), json!({ "written": now(), "problems": ["blind: x"] }).to_string())
        .unwrap();
    assert!(status(folder.path(), &[]).exits(1).stdout.starts_with("osawatch is degraded: blind: x\n"));
    let run = status(folder.path(), &["--json"]).exits(1);
    let document: Json = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!((&document["state"], &document["problems"][0]), (&json!("degraded"), &json!("blind: x")));
    let old = json!({ "written": "2020-01-01T00:00:00Z", "pid": 7 });
    fs::write(folder.path().join("status.json"), old.to_string()).unwrap();
    assert!(status(folder.path(), &[]).exits(1).stdout.contains("the agent (pid 7) has not written its status for"));
    drop(lock);
    assert!(status(folder.path(), &[]).exits(69).stdout.contains("it was killed: it last wrote its status at 2020"));
    assert_eq!(status(folder.path(), &["--prometheus"]).exits(69).stdout.lines().last(), Some("osawatch_up 0"));
}

#[test]
fn a_configuration_that_is_refused_is_named_beside_the_status_of_the_agent_that_runs_on() {
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        let path = folder.path().join("config.toml");
        fs::write(&path, format!("{text}[alerts]\nstate_directory = \"{}\"\n", folder.path().display())).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        path.display().to_string()
    };
    let config = write("mistake = 1\nerror = 1\n");
    let of = |args: &[&str]| osawatch(&[&["status", "--config", &config], args].concat());
    let lock = state(folder.path(), &json!({ "written": now(), "pid": 7 }));
    let why = format!("the configuration is refused: {config}:1:1: unknown field `mistake`");
    let run = of(&[]).exits(1);
    assert!(run.stdout.starts_with(&format!("osawatch is degraded: {why}")), "{}", run.stdout);
    assert!(run.stdout.contains("(and 1 other mistake: `osawatch config check` has all)\n"), "{}", run.stdout);
    let run = of(&["--json"]).exits(1);
    let document: Json = serde_json::from_str(&run.stdout).unwrap();
    assert!(document["problems"][0].as_str().unwrap().starts_with(&why), "{document}");
    assert!(of(&["--prometheus"]).exits(1).stdout.contains("osawatch_up 1\n"));
    let checked = osawatch(&["config", "check", &config]).exits(78).stderr;
    let mistakes = checked.trim_start_matches("osawatch: ").trim_end();
    let said = format!("the configuration was refused, and the one before stays: {mistakes}");
    let status = json!({ "written": now(), "pid": 7, "problems": [said] }).to_string();
    fs::write(folder.path().join("status.json"), status).unwrap();
    let run = of(&[]).exits(1);
    assert!(
        !run.stdout.contains("the configuration is refused"),
        "what the agent said is not said again: {}",
        run.stdout
    );
    drop(lock);
    let first = of(&[]).exits(69).stdout.lines().next().unwrap().to_owned();
    assert!(first.starts_with("osawatch is not running: it was killed") && first.contains(&why), "{first}");
    osawatch(&["status", "--config", "/nowhere/config.toml"]).exits(78).says("/nowhere/config.toml: cannot read: ");
}

#[test]
fn a_watched_status_is_shown_again_as_it_changes_with_the_programs_that_cost_most_until_nobody_reads() {
    let folder = tempfile::tempdir().unwrap();
    let programs = json!([{ "name": "/usr/bin/make", "count": 70, "per_second": 3.5 }]);
    let _lock = state(folder.path(), &json!({ "written": now(), "pid": 7, "executables": programs }));
    let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
    command.args(["status", "--watch", "--state"]).arg(folder.path()).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.next().unwrap().ends_with("osawatch is healthy"));
    let program = lines.find(|line| line.contains("/usr/bin/make")).unwrap();
    assert_eq!(program.split_whitespace().collect::<Vec<_>>(), ["3.5", "70", "/usr/bin/make"]);
    let problem = json!({ "written": now(), "pid": 7, "problems": ["blind: x"] }).to_string();
    fs::write(folder.path().join("new"), problem).unwrap();
    fs::rename(folder.path().join("new"), folder.path().join("status.json")).unwrap();
    assert!(lines.any(|line| line.ends_with("osawatch is degraded: blind: x")));
    drop(lines);
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn a_status_that_is_none_or_a_link_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let _lock = state(folder.path(), &json!("healthy"));
    status(folder.path(), &[]).exits(65).says("status.json");
    for text in ["{\"written\": \"2026".to_owned(), "\0".repeat(1000), "[".repeat(1 << 20)] {
        fs::write(folder.path().join("status.json"), text).unwrap();
        status(folder.path(), &[]).exits(65).says("status.json");
    }
    fs::write(folder.path().join("status.json"), vec![b' '; 10 << 20]).unwrap();
    status(folder.path(), &[]).exits(74).says("is longer than 1048576 bytes");
    fs::remove_file(folder.path().join("status.json")).unwrap();
    std::os::unix::fs::symlink("/etc/hostname", folder.path().join("status.json")).unwrap();
    status(folder.path(), &[]).exits(74).says("cannot read the status");
}

#[test]
fn a_status_says_what_it_has_as_text_alone_and_its_numbers_may_be_the_largest() {
    let folder = tempfile::tempdir().unwrap();
    let (odd, most) = ("\u{1b}[2J\n\u{202e}\u{0}", u64::MAX);
    let document = json!({
        "written": now(), "version": odd, "build": odd, "since": odd, "problems": [odd], "left_out": [odd],
        "sources": [{ "kind": odd, "name": odd, "finding": odd, "latency_ms": most, "events": most }],
        "rules": [{ "id": odd, "alerts": most }, { "id": "b", "alerts": most }], "losses": [{ "name": odd, "count": most }, { "name": "b", "count": most }],
        "exceptions": [{ "name": odd, "count": most }], "executables": [{ "name": odd, "count": most, "per_second": 1e308 }],
        "last_alert": { "time": odd, "what": odd }, "last_error": { "time": odd, "what": odd },
        "latency": { "alerts": most, "p50_ms": most }, "uptime_seconds": most, "memory_bytes": most, "held_bytes": most,
        "pid": u32::MAX, "cpu_percent_now": -1e308,
    });
    let _lock = state(folder.path(), &document);
    for args in [&[][..], &["--prometheus"], &["--json"]] {
        let shown = status(folder.path(), args).exits(1).stdout;
        assert!(!shown.contains(['\u{1b}', '\u{0}']), "{shown:?}");
        assert!(args == ["--json"] || args == ["--prometheus"] || !shown.contains('\u{202e}'), "{shown:?}");
    }
}

/// The agent in the simulated Mac, in which osascript connects.
fn agent(args: &[&str]) -> Command {
    let [macsim, executable] = simulator();
    let case = fixtures().join("live/osascript-connects");
    let mut command = Command::new(macsim);
    command.current_dir(&case).args(["--quiet", "--os", "15.1", "--script", "script.ndjson", &executable, "run"]);
    command.args(args).stdin(Stdio::null());
    command
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_case_is_one_directory_and_its_recording_gives_the_alerts_again() {
    let folder = tempfile::tempdir().unwrap();
    let case = folder.path().join("case");
    let path = case.display().to_string();
    Run::of(&agent(&["--output", "none", "--case", &path]).output().unwrap()).exits(0);
    let read = |name: &str| fs::read_to_string(case.join(name)).unwrap();
    let alerts = |text: &str| -> Vec<String> {
        let documents = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        let alerts = documents.filter(|document| document["event"]["kind"] == "alert");
        alerts.map(|alert| format!("{} {}", alert["rule"]["id"], alert["event"]["id"])).collect()
    };
    let live = alerts(&read("alerts.ndjson"));
    assert!(!live.is_empty());
    let recording = case.join("recording.ndjson.gz").display().to_string();
    let replayed = osawatch(&["replay", "--lateness", "0", "--output", "ndjson", &recording]).exits(0);
    assert_eq!(alerts(&replayed.stdout), live);
    let summary: Json = serde_json::from_str(&read("summary.json")).unwrap();
    assert_eq!(summary["files"].as_array().unwrap().len(), 3);
    let again = Run::of(&agent(&["--output", "none", "--case", &path]).output().unwrap()).exits(73);
    again.says("exists already");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left elsewhere");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_an_agent_tells_its_status_keeps_a_second_one_out_and_a_kill_is_told_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state");
    let path = state.display().to_string();
    let waiting = folder.path().join("waiting.ndjson");
    // The script ends only when the agent is ended.
    fs::write(&waiting, "{\"wait_es\":5000}\n{\"after_ms\":600000,\"exit\":0}\n").unwrap();
    let [macsim, executable] = simulator();
    let run = |script: &Path| {
        let mut command = Command::new(&macsim);
        command.args(["--quiet", "--os", "15.1", "--script"]).arg(script).arg(&executable);
        command.args(["run", "--output", "ndjson", "--state", &path]).stdin(Stdio::null());
        command
    };
    let mut first = run(&waiting).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let is_running = (0..600).any(|_| {
        std::thread::sleep(Duration::from_millis(100));
        status(&state, &[]).code != 69
    });
    assert!(is_running, "the agent never wrote its status");
    Run::of(&run(&waiting).output().unwrap()).exits(75).says("another osawatch (pid ");
    first.kill().unwrap();
    first.wait().unwrap();
    let killed = status(&state, &[]).exits(69);
    assert!(killed.stdout.contains("it was killed"), "{}", killed.stdout);
    let script = fixtures().join("live/osascript-connects/script.ndjson");
    let next = Run::of(&run(&script).output().unwrap()).exits(0);
    let actions: Vec<String> =
        next.documents().iter().map(|document| document["event"]["action"].as_str().unwrap().to_owned()).collect();
    assert_eq!(actions[..2], ["agent_stopped_uncleanly", "agent_started"], "{actions:?}");
    assert_eq!(actions.last().map(String::as_str), Some("agent_stopped"), "{actions:?}");
    assert!(status(&state, &[]).exits(69).stdout.contains("it stopped at"));
}

/// osawatch with a command of its own, among these processes of the simulated Mac.
fn in_the_mac(folder: &Path, processes: &str, args: &[&str]) -> Run {
    in_the_mac_with(folder, processes, args, &["--quiet"])
}

/// The same, with options of the simulator.
fn in_the_mac_with(folder: &Path, processes: &str, args: &[&str], options: &[&str]) -> Run {
    let script = folder.join("script.ndjson");
    fs::write(&script, processes).unwrap();
    let [macsim, executable] = simulator();
    let mut command = Command::new(macsim);
    command.args(options).args(["--os", "15.1", "--script"]).arg(script).arg(executable).args(args);
    Run::of(&command.stdin(Stdio::null()).output().unwrap())
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_terminate_takes_only_the_execution_of_the_alert_and_what_descends_from_it() {
    let folder = tempfile::tempdir().unwrap();
    let processes = concat!(
        r#"{"proc": {"pid": 501, "path": "/usr/bin/osascript", "ppid": 400, "pidversion": 1002, "platform": true, "#,
        r#""signing_id": "com.apple.osascript", "uid": 501, "upid": 4501}}"#,
        "\n",
        r#"{"proc": {"pid": 502, "path": "/usr/bin/curl", "name": "curl", "ppid": 501, "pidversion": 1003, "uid": 501, "#,
        r#""upid": 4502, "pupid": 4501}}"#,
        "\n"
    );
    let alert = |id: &str, pidversion: u32, unique_pid: u32| {
        json!({
            "@timestamp": "2026-01-01T00:00:00Z", "event": { "id": id, "kind": "alert" },
            "process": {
                "pid": 501, "name": "osascript", "entity_id": "e",
                "code_signature": { "signing_id": "com.apple.osascript" },
            },
            "osawatch": { "process": { "pidversion": pidversion, "unique_pid": unique_pid, "is_platform_binary": true } },
        })
    };
    let alerts = folder.path().join("alerts.ndjson");
    fs::write(&alerts, format!("{}\n{}\n", alert("now", 1002, 4501), alert("before", 1002, 7))).unwrap();
    let alerts = alerts.display().to_string();
    let terminate =
        |args: &[&str]| in_the_mac(folder.path(), processes, &[&["terminate", &alerts, "--alert"], args].concat());
    let run = terminate(&["now", "--tree", "--dry-run"]).exits(0);
    let would = "would have been terminated; `dry_run` is on";
    assert_eq!(run.stdout, format!("osascript (501) {would}\ncurl (502) {would}\n"));
    let run = terminate(&["before"]).exits(1);
    assert_eq!(run.stdout, "osascript (501) was not running any more\n", "another process has the pid");
    // The simulated kernel lets nobody signal its processes.
    let run = terminate(&["now"]).exits(1);
    assert!(run.stdout.contains("could not be terminated: SIGTERM: Operation not permitted"), "{}", run.stdout);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_terminate_ends_a_tree_kills_what_stays_and_leaves_every_other_process_alone() {
    let folder = tempfile::tempdir().unwrap();
    let process = |pid: u32, parent: u32, name: &str| {
        json!({"pid": pid, "path": format!("/usr/bin/{name}"), "name": name, "ppid": parent, "pidversion": pid + 1000,
            "uid": 501, "upid": pid + 4000, "pupid": parent + 4000, "mortal": true})
    };
    let mut script = process(501, 400, "osascript");
    (script["platform"], script["signing_id"]) = (json!(true), json!("com.apple.osascript"));
    let mut stubborn = process(503, 502, "payload");
    stubborn["ignores_term"] = json!(true);
    let others = [process(600, 400, "osascript"), process(601, 600, "curl")];
    let all = [process(400, 1, "zsh"), script, process(502, 501, "sh"), stubborn].into_iter().chain(others);
    let alert = json!({
        "@timestamp": "2026-01-01T00:00:00Z", "event": { "id": "a", "kind": "alert" },
        "process": { "pid": 501, "name": "osascript", "code_signature": { "signing_id": "com.apple.osascript" } },
        "osawatch": { "process": { "pidversion": 1501, "is_platform_binary": true } },
    });
    let alerts = folder.path().join("alerts.ndjson");
    fs::write(&alerts, format!("{alert}\n")).unwrap();
    let steps: String = all.map(|process| json!({ "proc": process }).to_string() + "\n").collect();
    let alerts = alerts.display().to_string();
    let args = ["terminate", "--tree", "--json", "--grace", "500ms", "--alert", "a", &alerts];
    let run = in_the_mac_with(folder.path(), &steps, &args, &[]).exits(0);
    let outcomes: Json = serde_json::from_str(&run.stdout).unwrap();
    let ended = |(pid, outcome): (u64, &str)| {
        let found = outcomes.as_array().unwrap().iter().find(|found| found["pid"] == pid);
        assert_eq!(found.unwrap()["outcome"], outcome, "{outcomes:#}");
    };
    [(501, "terminated"), (502, "terminated"), (503, "killed")].into_iter().for_each(ended);
    assert_eq!(outcomes.as_array().unwrap().len(), 3, "{outcomes:#}");
    let sent = run.stderr.lines().filter_map(|line| line.split_once("signal ").map(|(_, signal)| signal));
    let mut sent: Vec<&str> = sent.filter(|signal| signal.contains(" of the script")).collect();
    sent.sort_unstable();
    let of = |number: u32, pid: u32| format!("{number} to process {pid} of the script");
    assert_eq!(sent, [of(15, 501), of(15, 502), of(15, 503), of(9, 503)], "{}", run.stderr);
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_doctor_tries_the_sensors_and_names_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let run = in_the_mac(folder.path(), "", &["doctor"]);
    assert!([1, 2].contains(&run.code), "{}{}", run.stdout, run.stderr);
    let said: Vec<String> =
        run.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    for line in [
        "pass macOS 15.1, x86_64",
        "pass Rosetta does not translate this program",
        "pass root yes",
        "pass process events Endpoint Security; a program that was started was reported after",
        "pass connections the kernel's network statistics: TCP connections are reported at connect",
        "warn running agent no agent runs",
        "warn eslogger /usr/bin/eslogger is missing",
    ] {
        assert!(said.iter().any(|said| said.starts_with(line)), "{line} is missing:\n{}", run.stdout);
    }
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_doctor_tries_eslogger_where_endpoint_security_works_too_and_reads_processes() {
    let folder = tempfile::tempdir().unwrap();
    let steps =
        concat!(r#"{"eslogger": {}}"#, "\n", r#"{"proc": {"pid": 400, "path": "/bin/zsh", "ppid": 1, "upid": 4400}}"#);
    let run = in_the_mac(folder.path(), steps, &["doctor"]);
    let says = |start: &str| {
        let mut lines = run.stdout.lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "));
        assert!(lines.any(|line| line.starts_with(start)), "{start} is missing:\n{}", run.stdout);
    };
    says("pass process events Endpoint Security; a program that was started was reported after");
    says("pass eslogger permitted; a record comes after");
    says("pass libproc");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_recording_of_every_source_has_the_connection_that_the_statistics_miss() {
    let folder = tempfile::tempdir().unwrap();
    let script = fs::read_to_string(fixtures().join("live/connect-event-alone/script.ndjson")).unwrap();
    let os = fs::read_to_string(fixtures().join("live/connect-event-alone/os")).unwrap();
    let [macsim, executable] = simulator();
    let record = |name: &str, options: &[&str]| -> usize {
        let (steps, recording) = (folder.path().join("script.ndjson"), folder.path().join(name));
        fs::write(&steps, &script).unwrap();
        let mut command = Command::new(&macsim);
        command.args(["--quiet", "--os", os.trim(), "--script"]).arg(&steps).arg(&executable).arg("record");
        command.args(options).arg("--output").arg(&recording).stdin(Stdio::null());
        Run::of(&command.output().unwrap()).exits(0);
        let text = fs::read_to_string(&recording).unwrap();
        let documents = text.lines().map(|line| serde_json::from_str::<Json>(line).unwrap());
        documents.filter(|document| document["destination"]["domain"] == "payload.example.com").count()
    };
    assert_eq!((record("some.ndjson", &[]), record("all.ndjson", &["--all"])), (0, 1));
}
