//! What only a Mac can show: `sudo cargo test -- --ignored live_mac`, in a terminal with Full Disk Access.
//! `live_macos.md` has the steps that need a person.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

/// A run of osawatch on this Mac.
struct Live {
    child: Child,
    alerts: Receiver<Json>,
}

impl Live {
    /// Starts it, and waits until it has said both sources.
    fn start(args: &[&str]) -> Live {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
        command.args(["run", "--output", "ndjson"]).args(args).stdout(Stdio::piped()).stderr(Stdio::piped());
        // eslogger leaves out what its own process group does, so nothing that is watched may be in it.
        command.process_group(0);
        let mut child = command.spawn().expect("osawatch starts");
        let (sender, alerts) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("stdout is a pipe"));
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(serde_json::from_str(&line).expect("an alert is JSON"));
            }
        });
        let mut stderr = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines().map_while(Result::ok);
        let mut wanted = vec!["process events come from", "connections come from the kernel's network statistics"];
        while !wanted.is_empty() {
            let line = stderr.next().expect("osawatch says its sources before it ends");
            wanted.retain(|text| !line.contains(text));
        }
        std::thread::spawn(move || stderr.for_each(drop));
        Live { child, alerts }
    }

    /// The first alert about a process of this name.
    #[allow(clippy::disallowed_methods, reason = "to wait no longer than some time")]
    fn alert(&self, name: &str) -> Json {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let alert = self.alerts.recv_timeout(left).unwrap_or_else(|_| panic!("no alert about {name}"));
            if alert["process"]["name"] == name {
                return alert;
            }
        }
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn osascript(args: &[&str]) {
    Command::new("/usr/bin/osascript").args(args).process_group(0).status().expect("osascript starts");
}

const CURL: [&str; 2] = ["-e", "do shell script \"/usr/bin/curl -s https://example.com >/dev/null\""];
const FOUNDATION: [&str; 4] = [
    "-l",
    "JavaScript",
    "-e",
    "ObjC.import('Foundation'); $.NSString.stringWithContentsOfURLEncodingError($.NSURL.URLWithString('https://example.com'), 4, null)",
];

#[test]
#[ignore = "needs a Mac, root, Full Disk Access and the network"]
fn curl_of_osascript_alerts_within_ten_seconds() {
    let live = Live::start(&[]);
    osascript(&CURL);
    let alert = live.alert("curl");
    assert_eq!(alert["osawatch"]["attribution"]["method"], "unique_pid");
    assert_eq!(alert["destination"]["port"], 443);
}

#[test]
#[ignore = "needs a Mac, root, Full Disk Access and the network"]
fn osascript_that_loads_an_address_itself_alerts() {
    let live = Live::start(&[]);
    osascript(&FOUNDATION);
    assert_eq!(live.alert("osascript")["rule"]["id"], "osascript-network-connection");
}

#[test]
#[ignore = "needs a Mac, root, Full Disk Access and the network"]
fn a_connection_is_told_as_it_begins_not_as_it_ends() {
    let live = Live::start(&[]);
    osascript(&["-e", "do shell script \"/usr/bin/curl -s --max-time 8 https://example.com:81 || true\""]);
    let alert = live.alert("curl");
    let time = |value: &Json| value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).expect("a time");
    let (connected, written) = (time(&alert["@timestamp"]), time(&alert["event"]["created"]));
    assert!(written.duration_since(connected).as_secs_f64() < 1.0, "curl was still trying to connect");
}

#[test]
#[ignore = "needs a Mac, root and Full Disk Access"]
fn eslogger_ends_with_osawatch() {
    let mut live = Live::start(&["--exec-source", "eslogger"]);
    let children = |parent: u32| {
        let output = Command::new("/usr/bin/pgrep").args(["-P", &parent.to_string(), "eslogger"]).output();
        String::from_utf8_lossy(&output.expect("pgrep starts").stdout).trim().to_owned()
    };
    let eslogger = children(live.child.id());
    assert!(!eslogger.is_empty(), "eslogger is a child of osawatch");
    live.child.kill().expect("osawatch can be killed");
    let _ = live.child.wait();
    std::thread::sleep(Duration::from_secs(2));
    let alive = Command::new("/bin/ps").args(["-p", &eslogger]).status().expect("ps starts").success();
    assert!(!alive, "it writes to a pipe that nobody reads");
}
