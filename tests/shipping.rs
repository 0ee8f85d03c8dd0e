//! The alert file as a shipper sees it: rsyslog and Filebeat follow it through rotations and kills.

use std::fmt::Write as _;
use std::fs;
use std::io::{BufRead as _, BufReader, Write};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value as Json;

mod filebeat;
mod schemas;

const ALERTS: usize = 3000;
/// Alerts given out in one go; rsyslog needs time between rotations, as on a Mac there is.
const BATCH: usize = 30;

/// An osascript that starts, and connects: two lines, one alert.
fn pair(number: usize) -> String {
    let mut text = String::new();
    let time = |milliseconds: usize| {
        format!("2026-01-15T{:02}:{:02}:{:02}.{milliseconds:03}Z", number / 3600, number / 60 % 60, number % 60)
    };
    let script = format!("do shell script \\\"echo {number} {}\\\"", "é".repeat(150));
    let process = format!(
        "\"name\":\"osascript\",\"entity_id\":\"e{number}\",\"pid\":{},\"args\":[\"osascript\",\"-e\",\"{script}\"]",
        500 + number
    );
    let host = "\"host\":{\"id\":\"h\",\"os\":{\"type\":\"macos\"}}";
    let _ = writeln!(
        text,
        "{{\"@timestamp\":\"{}\",\"event\":{{\"id\":\"x{number}\",\"category\":[\"process\"],\"type\":[\"start\"],\"action\":\"exec\"}},{host},\"process\":{{{process}}}}}",
        time(0)
    );
    let _ = writeln!(
        text,
        "{{\"@timestamp\":\"{}\",\"event\":{{\"id\":\"n{number}\",\"category\":[\"network\"],\"type\":[\"start\"],\"action\":\"connection_attempted\"}},{host},\"process\":{{{process}}},\"destination\":{{\"ip\":\"93.184.216.34\",\"port\":443}}}}",
        time(100)
    );
    text
}

fn rsyslog() -> &'static str {
    let programs = ["/usr/sbin/rsyslogd", "/sbin/rsyslogd"];
    programs.into_iter().find(|path| Path::new(path).exists()).expect("rsyslog is installed")
}

struct Site {
    folder: tempfile::TempDir,
    shipper: Option<Child>,
}

impl Site {
    /// A folder of alerts that nothing follows yet.
    fn empty() -> Site {
        let folder = tempfile::tempdir().unwrap();
        for name in ["log", "state", "shipper"] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        let text = format!(
            "[alerts]\nfile = {:?}\nstate_directory = {:?}\nrotate_size = \"512KiB\"\nkeep_files = 1000\nfsync = \"interval\"\n",
            folder.path().join("log/alerts.ndjson"),
            folder.path().join("state")
        );
        fs::write(folder.path().join("config.toml"), text).unwrap();
        Site { folder, shipper: None }
    }

    /// With an rsyslog that follows it into a file.
    fn new() -> Site {
        let site = Site::empty();
        let file = site.path("shipped.ndjson");
        site.followed(&format!("type=\"omfile\" file=\"{}\" flushOnTXEnd=\"on\"", file.display()))
    }

    /// With an rsyslog that follows it, and sends what it reads by this action in the place of the one that is shipped.
    fn followed(mut self, action: &str) -> Site {
        let folder = self.folder.path();
        let shown = |name: &str| folder.join(name).display().to_string();
        let shipped = include_str!("../packaging/shippers/rsyslog.conf");
        let (before, rest) = shipped.split_once("type=\"omfwd\"").unwrap();
        let (_, after) = rest.split_once("template=").unwrap();
        let config = format!("{before}{action} template={after}")
            .replace("/var/db/osawatch/shipper", &shown("shipper"))
            .replace("/var/log/osawatch", &shown("log"));
        fs::write(folder.join("rsyslog.conf"), config).unwrap();
        let mut command = Command::new(rsyslog());
        command.args(["-n", "-f", &shown("rsyslog.conf"), "-i", &shown("rsyslog.pid")]);
        self.shipper = Some(command.stdout(Stdio::null()).stderr(Stdio::inherit()).spawn().unwrap());
        self
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The program at work, and where it reads events.
    fn osawatch(&self) -> (Child, ChildStdin) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_osawatch"));
        command.args(["replay", "--lateness", "0", "--output", "ndjson", "--config"]).arg(self.path("config.toml"));
        command.arg("--alerts").arg(self.path("log/alerts.ndjson")).arg("-");
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let stdin = child.stdin.take().unwrap();
        (child, stdin)
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<_> = fs::read_dir(self.path("log")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files
    }

    /// All that was written, the rotated files first.
    fn written(&self) -> Vec<u8> {
        self.files().iter().flat_map(|file| fs::read(file).unwrap()).collect()
    }

    /// What arrived, once all that was written has had time to.
    fn shipped(&mut self, written: &[u8]) -> Vec<u8> {
        #[allow(clippy::disallowed_methods, reason = "a shipper gets a minute")]
        let began = Instant::now();
        loop {
            let shipped = fs::read(self.path("shipped.ndjson")).unwrap_or_default();
            if shipped.len() >= written.len() || began.elapsed() > Duration::from_secs(60) {
                // What would be sent twice comes now.
                std::thread::sleep(Duration::from_secs(1));
                return fs::read(self.path("shipped.ndjson")).unwrap_or_default();
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if let Some(shipper) = &mut self.shipper {
            let _ = shipper.kill();
            let _ = shipper.wait();
        }
    }
}

fn feed(stdin: &mut ChildStdin, numbers: std::ops::Range<usize>) {
    for number in numbers {
        // A program that was killed reads no more.
        let _ = stdin.write_all(pair(number).as_bytes());
        if number % BATCH == BATCH - 1 {
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

/// The alerts of the file, each whole and in its place.
#[track_caller]
fn in_order(written: &[u8]) -> usize {
    let text = std::str::from_utf8(written).unwrap();
    for (at, line) in text.lines().enumerate() {
        let alert: Json = serde_json::from_str(line).unwrap_or_else(|error| panic!("line {at} is torn: {error}"));
        assert_eq!(alert["event"]["sequence"], at, "alerts are numbered without a gap");
        assert_eq!(alert["process"]["entity_id"], format!("e{at}"), "no alert is missing or twice");
    }
    text.lines().count()
}

#[test]
#[ignore = "needs rsyslog: apt-get install rsyslog"]
fn rsyslog_gets_every_alert_once_and_in_order_through_fourteen_rotations() {
    let mut site = Site::new();
    let (mut child, mut stdin) = site.osawatch();
    feed(&mut stdin, 0..ALERTS);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    assert!(site.files().len() > 14, "{} files", site.files().len());
    let written = site.written();
    assert_eq!(in_order(&written), ALERTS);
    let shipped = site.shipped(&written);
    assert!(shipped == written, "{} bytes were written, {} arrived, or others", written.len(), shipped.len());
}

#[test]
#[ignore = "needs rsyslog: apt-get install rsyslog"]
fn no_alert_is_lost_or_torn_when_the_program_is_killed_twice() {
    let mut site = Site::new();
    let mut from = 0;
    for until in [1000, 2000] {
        let (mut child, mut stdin) = site.osawatch();
        feed(&mut stdin, from..until);
        child.kill().unwrap();
        child.wait().unwrap();
        // It is fed again from the first event whose alert it did not write.
        from = in_order(&site.written());
        assert!(from > 0 && from <= until);
    }
    let (mut child, mut stdin) = site.osawatch();
    feed(&mut stdin, from..ALERTS);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    let written = site.written();
    assert_eq!(in_order(&written), ALERTS);
    let shipped = site.shipped(&written);
    assert!(shipped == written, "{} bytes were written, {} arrived, or others", written.len(), shipped.len());
}

#[test]
#[ignore = "needs rsyslog: apt-get install rsyslog"]
fn rsyslog_sends_what_was_written_while_its_collector_was_away() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let action = format!("type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" protocol=\"tcp\"");
    let site = Site::empty().followed(&action);
    let (mut child, mut stdin) = site.osawatch();
    feed(&mut stdin, 0..BATCH);
    drop(stdin);
    assert!(child.wait().unwrap().success());
    // Long enough that rsyslog has tried to send them.
    std::thread::sleep(Duration::from_secs(3));
    let (collector, _) = TcpListener::bind(("127.0.0.1", port)).unwrap().accept().unwrap();
    collector.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let lines = BufReader::new(collector).lines().take(BATCH).map(|line| line.unwrap() + "\n");
    assert_eq!(in_order(lines.collect::<String>().as_bytes()), BATCH);
}

#[test]
#[ignore = "needs rsyslog: apt-get install rsyslog"]
fn rsyslog_knows_every_key_and_sends_nothing_in_clear() {
    let shipped = include_str!("../packaging/shippers/rsyslog.conf");
    for key in ["StreamDriverMode=\"1\"", "StreamDriverAuthMode=\"x509/name\"", "StreamDriver.CAFile=\"/"] {
        assert!(shipped.contains(key), "{key}");
    }
    let collector = "\"collector.example.com\"";
    assert!(shipped.contains(&format!("target={collector} port=\"6514\"")));
    assert!(shipped.contains(&format!("StreamDriverPermittedPeers={collector}")));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("rsyslog.conf");
    fs::write(&file, shipped.replace("/var/db/osawatch/shipper", &folder.path().display().to_string())).unwrap();
    let output = Command::new(rsyslog()).args(["-N1", "-f"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn every_shipper_follows_the_file_of_the_shipped_configuration_and_no_packed_one() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("packaging/shippers");
    let config: toml::Table = include_str!("../packaging/config.toml").parse().unwrap();
    let file = config["alerts"]["file"].as_str().unwrap();
    let stem = file.strip_suffix(".ndjson").unwrap();
    for name in ["rsyslog.conf", "filebeat.yml", "elastic-agent.yml", "otelcol.yaml", "vector.yaml", "fluent-bit.yaml"]
    {
        let text = fs::read_to_string(folder.join(name)).unwrap();
        let follows_all = text.contains(&format!("\"{stem}*.ndjson\""));
        let follows_live = text.contains(file);
        assert!(follows_all != follows_live, "{name}");
        assert!(!text.contains('\t'), "{name}");
        // A folder that every Mac with osawatch has; Elastic Agent has one of its own.
        let remembers = text.contains("/var/db/osawatch/shipper");
        assert_eq!(remembers, name != "elastic-agent.yml", "{name}");
        assert!(!text.contains("/var/lib") && !text.contains("/var/spool"), "{name}: no Mac has that folder");
    }
    let postinstall = fs::read_to_string(folder.join("../package/postinstall")).unwrap();
    assert!(postinstall.contains("folder \"$state/shipper\" 0700"));
    for name in ["component-template.json", "index-template.json", "ingest-pipeline.json"] {
        let text = fs::read_to_string(folder.join("elasticsearch").join(name)).unwrap();
        serde_json::from_str::<Json>(&text).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn the_data_stream_that_vector_writes_to_is_the_one_of_its_sink() {
    // With the fields in the document the sink would take those: https://vector.dev, `auto_routing` of its data_stream.
    let text = include_str!("../packaging/shippers/vector.yaml");
    assert!(text.contains("      del(.data_stream)\n") && text.contains("namespace: default}"), "{text}");
}

#[test]
fn the_launchd_job_runs_osawatch_as_a_daemon_that_comes_back() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("launchd/io.osawatch.agent.plist");
    let job = plist::Value::from_file(&path).unwrap();
    let job = job.as_dictionary().unwrap();
    let text = |key: &str| job.get(key).and_then(plist::Value::as_string);
    assert_eq!(text("Label"), path.file_stem().and_then(|stem| stem.to_str()));
    let arguments: Vec<_> =
        job["ProgramArguments"].as_array().unwrap().iter().map(|arg| arg.as_string().unwrap()).collect();
    assert_eq!(arguments[0], "/Library/Osawatch/Osawatch.app/Contents/MacOS/osawatch");
    assert_eq!(arguments[1..], ["run", "--config", "/Library/Application Support/osawatch/config.toml"]);
    for (key, wanted) in [("RunAtLoad", true), ("KeepAlive", true), ("MaterializeDatalessFiles", false)] {
        assert_eq!(job[key].as_boolean(), Some(wanted), "{key}");
    }
    assert_eq!(job["ThrottleInterval"].as_signed_integer(), Some(10));
    assert_eq!(job["ExitTimeOut"].as_signed_integer(), Some(20));
    assert_eq!((text("ProcessType"), text("Umask")), (Some("Interactive"), Some("027")));
    assert!(text("StandardErrorPath").unwrap().starts_with("/var/log/osawatch/"));
    for key in [
        "EnableTransactions",
        "EnablePressuredExit",
        "SessionCreate",
        "AbandonProcessGroup",
        "UserName",
        "BundleProgram",
        "SoftResourceLimits",
        "HardResourceLimits",
    ] {
        assert!(!job.contains_key(key), "{key} must not be set");
    }
}
