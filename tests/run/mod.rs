//! `osawatch run` in the simulated Mac, with a configuration: signals, reloads, responses.

mod clock;
mod reload;
mod response;
mod scripts;
mod signals;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value as Json, json};

use crate::live::simulator;
use crate::util::Run;

/// A Mac of its own: a folder with a configuration, and what the script does.
struct Mac {
    folder: tempfile::TempDir,
    steps: Vec<Json>,
}

impl Mac {
    /// A Mac that runs a shell, with this configuration besides the alert file.
    fn new(configuration: &str) -> Mac {
        let mac = Mac { folder: tempfile::tempdir().unwrap(), steps: Vec::new() };
        mac.configure(configuration);
        let shell = json!({"pid": 400, "path": "/bin/zsh", "pidversion": 900, "signing_id": "com.apple.zsh",
            "platform": true, "uid": 501, "upid": 4400});
        // Time for the self-test.
        mac.then([
            json!({"proc": shell}),
            json!({"wait_es": 5000}),
            json!({"wait_ntstat": 5000}),
            json!({"after_ms": 1500}),
        ])
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration, whole, with an alert file of this name.
    fn configuration(&self, file: &str, rest: &str) -> String {
        let folder = self.folder.path().display();
        format!(
            "[alerts]\nfile = \"{folder}/{file}\"\nstate_directory = \"{folder}/state\"\n[volume]\nmax_alerts = 0\n{rest}"
        )
    }

    fn configure(&self, rest: &str) {
        fs::write(self.path("config.toml"), self.configuration("alerts.ndjson", rest)).unwrap();
    }

    fn then(mut self, steps: impl IntoIterator<Item = Json>) -> Mac {
        self.steps.extend(steps);
        self
    }

    /// `osawatch run` with its configuration and these options.
    fn command(&self, options: &[&str]) -> Command {
        let script = self.path("script.ndjson");
        fs::write(&script, self.steps.iter().map(|step| format!("{step}\n")).collect::<String>()).unwrap();
        let [macsim, executable] = simulator();
        let mut command = Command::new(macsim);
        command.args(["--quiet", "--os", "15.1", "--script"]).arg(script).arg(executable);
        command.args(["run", "--config"]).arg(self.path("config.toml")).args(options).stdin(Stdio::null());
        command
    }

    fn run(&self, options: &[&str]) -> Run {
        Run::of(&self.command(options).output().unwrap())
    }

    /// The documents of an alert file.
    fn documents(&self, file: &str) -> Vec<Json> {
        documents(&self.path(file))
    }
}

fn documents(path: &Path) -> Vec<Json> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// osascript starts, connects at once, and ends, so many times within so many milliseconds.
fn osascripts(pid: u32, count: u32, over_ms: u32) -> Json {
    let upid = u64::from(pid) + 10_000_000;
    let steps = json!([
        {"es": {"type": "fork", "pid": 400, "child_pid": pid, "child_pidversion": pid + 1, "child_upid": upid}},
        {"es": {"type": "exec", "pid": pid, "pidversion": pid + 5_000_001, "path": "/usr/bin/osascript",
            "args": ["osascript", "-e", "1"], "parent_pid": 400, "responsible_pid": 400,
            "signing_id": "com.apple.osascript", "platform": true, "uid": 501, "upid": upid}},
        {"ntstat": {"add_tcp": {"id": pid, "pid": pid, "upid": upid, "local": "192.168.1.5:40000", "state": 0}}},
        {"ntstat": {"update": {"id": pid, "remote": "93.184.216.34:443", "state": 2}}},
        {"ntstat": {"remove": {"id": pid}}},
        {"after_ms": 2, "es": {"type": "exit", "pid": pid, "code": 0}},
    ]);
    json!({"repeat": count, "over_ms": over_ms, "steps": steps})
}

/// The processes of the alerts, each once.
fn alerted<'a>(documents: impl IntoIterator<Item = &'a Json>) -> std::collections::BTreeSet<u64> {
    let alerts = documents.into_iter().filter(|document| document["event"]["kind"] == "alert");
    alerts.map(|alert| alert["process"]["pid"].as_u64().unwrap()).collect()
}

fn count(documents: &[Json], action: &str) -> usize {
    documents.iter().filter(|document| document["event"]["action"] == action).count()
}

/// That nothing was lost, by the documents and by the last status.
#[track_caller]
fn nothing_is_lost(documents: &[Json]) {
    let last = &documents[documents.len() - 1];
    assert_eq!(last["event"]["action"], "agent_stopped");
    let losses = last["osawatch"]["status"]["losses"].as_array().unwrap();
    // Of more than 128 cases the oldest is no longer followed up; its events were examined.
    let lost: Vec<_> = losses.iter().filter(|loss| loss["name"] != "table.cases").collect();
    assert!(lost.is_empty(), "{lost:?}");
}
