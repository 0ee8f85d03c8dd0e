//! Scripts that cannot be read.

use super::*;

/// Threads of the examiner, and how long they are waited for.
const THREADS: u32 = 4;
const PATIENCE_MS: u64 = 10_000;

/// An osascript runs this file and connects.
fn runs(pid: u32, file: &Path) -> Json {
    let upid = u64::from(pid) + 10_000_000;
    json!({"repeat": 1, "over_ms": 1, "steps": [
        {"es": {"type": "fork", "pid": 400, "child_pid": pid, "child_pidversion": pid + 1, "child_upid": upid}},
        {"es": {"type": "exec", "pid": pid, "pidversion": pid + 5_000_001, "path": "/usr/bin/osascript",
            "args": ["osascript", file], "parent_pid": 400, "responsible_pid": 400,
            "signing_id": "com.apple.osascript", "platform": true, "uid": 0, "gid": 0, "upid": upid}},
        {"ntstat": {"add_tcp": {"id": pid, "pid": pid, "upid": upid, "local": "192.168.1.5:40000", "state": 0}}},
        {"ntstat": {"update": {"id": pid, "remote": "93.184.216.34:443", "state": 2}}},
    ]})
}

#[test]
#[ignore = "needs the simulated Mac: see tests/macsim/README.md"]
fn in_the_simulated_mac_scripts_that_never_answer_cost_their_own_fields_and_later_ones_are_read() {
    let mac = Mac::new("");
    let (silent, readable) = (mac.path("silent.applescript"), mac.path("readable.applescript"));
    for file in [&silent, &readable] {
        fs::write(file, "do shell script \"true\"").unwrap();
    }
    let mac = mac.then([json!({"silent_files": ["silent.applescript"]})]);
    let mac = mac.then((0..THREADS).map(|number| runs(10_000 + number, &silent)));
    let mac = mac.then([json!({"after_ms": 2 * PATIENCE_MS + 1500}), runs(20_000, &readable)]);
    let mac = mac.then([json!({"after_ms": 1500, "silent_files": []}), json!({"after_ms": 500, "signal": "TERM"})]);
    let run = mac.run(&[]).exits(0).says("4 scripts are on file systems that do not answer");
    let documents = mac.documents("alerts.ndjson");
    let script = |pid: u32| {
        let of_pid = |document: &&Json| document["event"]["kind"] == "alert" && document["process"]["pid"] == pid;
        let alert = documents.iter().find(of_pid);
        alert.unwrap_or_else(|| panic!("no alert of {pid}: {}", run.stderr))["osawatch"]["script"].clone()
    };
    for pid in 10_000..10_000 + THREADS {
        assert_eq!((&script(pid)["state"], &script(pid)["text"]), (&json!("timed_out"), &Json::Null), "{pid}");
    }
    assert_eq!((&script(20_000)["state"], &script(20_000)["text"]), (&Json::Null, &json!("do shell script \"true\"")));
    nothing_is_lost(&documents);
}
