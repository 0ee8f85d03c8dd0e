//! Running the built program.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// What a run of osawatch did.
pub(crate) struct Run {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

/// Runs osawatch with these arguments.
pub(crate) fn osawatch<A: AsRef<std::ffi::OsStr>>(args: &[A]) -> Run {
    osawatch_with_input(args, b"")
}

/// Runs osawatch with these arguments and this standard input.
pub(crate) fn osawatch_with_input<A: AsRef<std::ffi::OsStr>>(args: &[A], input: &[u8]) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
    command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("osawatch starts");
    let mut stdin = child.stdin.take().expect("stdin is piped");
    let input = input.to_vec();
    let feeder = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("osawatch ends");
    feeder.join().expect("the input was fed");
    Run::of(&output)
}

impl Run {
    pub(crate) fn of(output: &Output) -> Run {
        Run {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// The alerts on standard output.
    pub(crate) fn alerts(&self) -> Vec<serde_json::Value> {
        self.documents().into_iter().filter(|document| document["event"]["action"] != "follow_up").collect()
    }

    /// The alerts, and the follow-ups of their cases.
    pub(crate) fn documents(&self) -> Vec<serde_json::Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).expect("a document is a JSON line")).collect()
    }

    /// Fails the test, showing what the run printed, unless it exited with this code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Run {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// Fails the test unless standard error contains the text.
    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Run {
        assert!(self.stderr.contains(text), "no {text:?} in stderr:\n{}", self.stderr);
        self
    }
}

/// The folder of fixtures.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// `<rule id> <event id>…` for each alert: which rule found which events.
pub(crate) fn outline(alerts: &[serde_json::Value]) -> Vec<String> {
    let line = |alert: &serde_json::Value| {
        let events = alert["osawatch"]["sequence"]["events"].as_array().cloned().unwrap_or_default();
        let ids = events.iter().map(|event| event["event"]["id"].as_str().unwrap_or("?").to_owned());
        let rule = alert["rule"]["id"].as_str().unwrap_or("?").to_owned();
        std::iter::once(rule).chain(ids).collect::<Vec<_>>().join(" ")
    };
    alerts.iter().map(line).collect()
}
