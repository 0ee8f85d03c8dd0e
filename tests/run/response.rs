//! What is done about an alert, from the event to the signal.

use super::*;

const TERMINATE: &str = "[response]\naction = \"terminate\"\ngrace = \"1s\"\n";

/// osascript runs, may be ended, and connects after these steps.
fn connects_after(mac: Mac, process: Json, steps: impl IntoIterator<Item = Json>) -> Mac {
    let mut exec = json!({"type": "exec", "pid": 501, "pidversion": 1002, "path": "/usr/bin/osascript",
        "args": ["osascript", "-e", "1"], "parent_pid": 400, "responsible_pid": 400,
        "signing_id": "com.apple.osascript", "platform": true, "uid": 501, "upid": 4501});
    exec.as_object_mut().unwrap().extend(process.as_object().unwrap().clone());
    mac.then([
        json!({"es": {"type": "fork", "pid": 400, "child_pid": 501, "child_pidversion": 1001, "child_upid": 4501}}),
        json!({"es": exec}),
        json!({"wait_idle": 5000}),
        json!({"after_ms": 300}),
    ])
    .then(steps)
    .then([
        json!({"ntstat": {"add_tcp": {"id": 1, "pid": 501, "upid": 4501, "local": "192.168.1.5:50001", "state": 0}}}),
        json!({"ntstat": {"update": {"id": 1, "remote": "93.184.216.34:443", "state": 2}}}),
        json!({"after_ms": 3000}),
        json!({"signal": "TERM"}),
    ])
}

/// The outcome in the alert and in the document, and the signals that the simulated kernel saw.
#[track_caller]
fn outcomes(mac: &Mac) -> (String, String, Vec<String>) {
    let run = Run::of(&loud(mac).output().unwrap()).exits(0);
    let documents = mac.documents("alerts.ndjson");
    let find = |kind: &str, action: Option<&str>| {
        let is_it = |document: &&Json| {
            document["event"]["kind"] == kind && action.is_none_or(|action| document["event"]["action"] == action)
        };
        let found = documents.iter().find(is_it).unwrap_or_else(|| panic!("{kind} is missing: {}", run.stderr));
        found["osawatch"]["response"]["outcome"].as_str().unwrap_or("none").to_owned()
    };
    let signals = run.stderr.lines().filter(|line| line.contains("of the script") && line.contains("signal "));
    let signals = signals.map(|line| line.split("signal ").nth(1).unwrap().to_owned()).collect();
    (find("alert", None), find("event", Some("response")), signals)
}

/// With the simulator's own notes.
fn loud(mac: &Mac) -> Command {
    let quiet = mac.command(&[]);
    let mut command = Command::new(quiet.get_program());
    command.args(quiet.get_args().filter(|arg| *arg != "--quiet")).stdin(Stdio::null());
    command
}

fn text(outcome: &str) -> String {
    outcome.to_owned()
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_dry_run_sends_nothing_and_alert_and_document_say_so() {
    let mac = connects_after(Mac::new(TERMINATE), json!({"mortal": true}), []);
    assert_eq!(outcomes(&mac), (text("dry_run"), text("dry_run"), Vec::new()));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_the_execution_of_an_alert_is_ended_and_the_alert_has_the_outcome() {
    let mac = connects_after(Mac::new(&format!("{TERMINATE}dry_run = false\n")), json!({"mortal": true}), []);
    assert_eq!(outcomes(&mac), (text("terminated"), text("terminated"), vec![text("15 to process 501 of the script")]));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_an_execution_that_stays_is_killed_after_the_grace_and_its_alert_says_pending() {
    let process = json!({"mortal": true, "ignores_term": true});
    let mac = connects_after(Mac::new(&format!("{TERMINATE}dry_run = false\n")), process, []);
    let signals = vec![text("15 to process 501 of the script"), text("9 to process 501 of the script")];
    assert_eq!(outcomes(&mac), (text("pending"), text("killed"), signals));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_pid_that_another_has_when_the_alert_comes_is_sent_nothing() {
    let other = json!({"pid": 501, "pidversion": 2000, "path": "/usr/bin/osascript", "ppid": 400, "platform": true,
        "signing_id": "com.apple.osascript", "uid": 501, "upid": 4999, "mortal": true});
    let mac = Mac::new(&format!("{TERMINATE}dry_run = false\n"));
    let mac = connects_after(mac, json!({"mortal": true}), [json!({"proc": other})]);
    assert_eq!(outcomes(&mac), (text("gone"), text("gone"), Vec::new()));
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_a_flood_of_responses_is_in_the_alert_file_and_not_in_the_log() {
    let mac =
        Mac::new(TERMINATE).then([osascripts(10_000, 60, 600), json!({"after_ms": 2000}), json!({"signal": "TERM"})]);
    let run = mac.run(&[]).exits(0).says("more messages like this within a minute: response: osascript (");
    let written = run.stderr.lines().filter(|line| line.contains(" warning: response: ")).count();
    assert_eq!(written, 20, "{}", run.stderr);
    assert_eq!(count(&mac.documents("alerts.ndjson"), "response"), 60);
    nothing_is_lost(&mac.documents("alerts.ndjson"));
}
