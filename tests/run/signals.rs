//! What the signals of a running agent do.

use std::process::Child;

use super::*;

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_sigterm_and_sigint_drain_what_was_reported_and_exit_with_0() {
    for signal in ["TERM", "INT"] {
        let mac = Mac::new("").then([osascripts(10_000, 300, 300), json!({"signal": signal})]);
        let run = mac.run(&[]).exits(0);
        let documents = mac.documents("alerts.ndjson");
        assert_eq!(alerted(&documents).len(), 300, "{signal}: {}", run.stderr);
        nothing_is_lost(&documents);
    }
}

/// Waits for an agent whose standard output nobody reads.
fn wait_unread(mut child: Child) -> Option<i32> {
    child.wait().unwrap().code()
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_second_sigint_ends_an_agent_at_once_that_a_full_pipe_holds_up() {
    let flood = osascripts(10_000, 300, 300);
    let mac = Mac::new("").then([flood.clone(), json!({"signal": "INT"}), json!({"after_ms": 200, "signal": "INT"})]);
    let start =
        |mac: &Mac| mac.command(&["--output", "ndjson"]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(wait_unread(start(&mac)), Some(130));
    // Without it, the first one ends the agent when its 5 s are over, and says that alerts are missing there.
    let mac = Mac::new("").then([flood, json!({"signal": "INT"})]);
    assert_eq!(wait_unread(start(&mac)), Some(74));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_sigusr1_and_siginfo_print_the_status() {
    for signal in ["USR1", "INFO"] {
        let mac = Mac::new("").then([osascripts(10_000, 3, 30), json!({"after_ms": 1000, "signal": signal})]);
        let mac = mac.then([json!({"after_ms": 500, "signal": "TERM"})]);
        let run = mac.run(&[]).exits(0).says("info: osawatch is healthy");
        let said = run.stderr.lines().any(|line| line.ends_with("3  osascript-network-connection"));
        assert!(said, "{signal}: {}", run.stderr);
        let memory = run.stderr.lines().find_map(|line| line.split_once("memory    ")?.1.split_once(" MiB, at most"));
        assert!(memory.is_some_and(|(now, _)| now.parse::<u32>().is_ok_and(|now| now > 0)), "{}", run.stderr);
    }
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_storms_of_sighup_and_sigusr1_lose_no_event() {
    let storm = |signal: &str| json!({"repeat": 500, "over_ms": 1000, "signal": signal});
    let mac = Mac::new("").then([
        osascripts(10_000, 100, 500),
        storm("HUP"),
        osascripts(20_000, 100, 500),
        storm("USR1"),
        osascripts(30_000, 100, 500),
        json!({"after_ms": 2000, "signal": "TERM"}),
    ]);
    let run = mac.run(&[]).exits(0);
    let documents = mac.documents("alerts.ndjson");
    assert_eq!(alerted(&documents).len(), 300, "{}", run.stderr);
    assert!(count(&documents, "configuration_reloaded") > 0);
    nothing_is_lost(&documents);
    assert!(run.stderr.lines().count() < 2000, "the log is limited: {} lines", run.stderr.lines().count());
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_after_sigkill_the_next_start_says_that_and_has_the_alerts_once() {
    let mac = Mac::new("").then([osascripts(10_000, 50, 100), json!({"after_ms": 3000, "signal": "KILL"})]);
    assert_eq!(mac.command(&[]).output().unwrap().status.code(), None, "a signal ended it");
    let next = Mac { folder: mac.folder, steps: Vec::new() };
    let next = next.then([json!({"wait_es": 5000}), json!({"after_ms": 500}), json!({"signal": "TERM"})]);
    next.run(&[]).exits(0).says("an earlier osawatch did not stop in order (it was killed)");
    let documents = next.documents("alerts.ndjson");
    assert_eq!((alerted(&documents).len(), count(&documents, "agent_stopped_uncleanly")), (50, 1));
    let alerts = documents.iter().filter(|document| document["event"]["kind"] == "alert").count();
    assert_eq!(alerts, 50, "none is written twice");
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
#[allow(clippy::disallowed_methods, reason = "panics are recent by the clock")]
fn in_the_simulated_mac_after_three_panics_within_ten_minutes_no_script_is_read_and_that_is_said_and_it_alerts() {
    for (panics, is_careful) in [(2, false), (3, true)] {
        let mac = Mac::new("").then([osascripts(10_000, 1, 1), json!({"after_ms": 2000, "signal": "TERM"})]);
        fs::create_dir(mac.path("state")).unwrap();
        fs::set_permissions(mac.path("state"), std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let panic = json!({"time": jiff::Timestamp::now().to_string(), "panic": "index out of bounds"});
        fs::write(mac.path("state/panics.ndjson"), format!("{panic}\n").repeat(panics)).unwrap();
        let run = mac.run(&[]).exits(0);
        let documents = mac.documents("alerts.ndjson");
        let find =
            |kind: &str, value: &str| documents.iter().find(|document| document["event"][kind] == value).unwrap();
        let said = "scripts are not read and the connect event is not used until the next start";
        assert_eq!(run.stderr.contains(said), is_careful, "{}", run.stderr);
        let started = find("action", "agent_started").to_string();
        assert_eq!(started.contains(said), is_careful, "{started}");
        let script = &find("kind", "alert")["osawatch"]["script"];
        assert_eq!(script["sha256"].is_null(), is_careful, "{script}");
    }
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_sighup_without_a_configuration_ends_the_agent_in_order() {
    let mac = Mac::new("").then([json!({"signal": "HUP"})]);
    let command = mac.command(&[]);
    let mut without = Command::new(command.get_program());
    let args: Vec<_> = command.get_args().map(std::ffi::OsStr::to_owned).collect();
    let end = args.iter().position(|arg| arg == "--config").unwrap();
    without.args(&args[..end]).args(["--output", "none"]).stdin(Stdio::null());
    let nothing = mac.path("nothing").display().to_string();
    without.args(["--state", &nothing]);
    Run::of(&without.output().unwrap()).exits(0).says("stopped: ");
}
