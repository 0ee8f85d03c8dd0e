//! Apple's `eslogger` as a child process: it carries the entitlement that this program may not have.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::retry_on_intr;

use super::feed::Feed;
use super::host::now;
use super::terminal::raw_terminal;
use crate::source::eslogger::Decoder;
use crate::source::eslogger::probe::{self, Finding, Probe};
use crate::source::eslogger::stream::Stream;
use crate::source::live::{Backoff, Health, Level, Losses, Notice, Raw, Report, SourceKind};

const PROGRAM: &str = "/usr/bin/eslogger";
/// What this source is called.
const NAME: &str = "eslogger";
/// How late it may report an exec: it buffers, and no document states when it writes.
const LATENESS: Duration = Duration::from_secs(30);
/// What is kept of the standard error of a child: the beginning, which says why it ended.
const MAX_STDERR: usize = 4096;
/// How long the rest of a record may take.
const RECORD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a child whose output has ended may take to end itself, and its standard error with it.
const END_PATIENCE: Duration = Duration::from_millis(500);

/// Ends the child when dropped. It ends by itself when this program is killed: its terminal has no reader.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<Mutex<Option<Child>>>);

impl Guard {
    /// Ends the child, if it has not ended. Returns how it ended, unless it had to be ended.
    fn end(&self) -> Option<ExitStatus> {
        let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        let _ = child.kill();
        let _ = child.wait();
        None
    }

    /// The same, after it had some time to end itself.
    fn wait(&self) -> Option<ExitStatus> {
        for _ in 0..END_PATIENCE.as_millis() / 10 {
            let mut child = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if child.as_mut().is_none_or(|child| matches!(child.try_wait(), Ok(Some(_)))) {
                break;
            }
            drop(child);
            thread::sleep(Duration::from_millis(10));
        }
        self.end()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// How the output of a child ended.
enum Ending {
    Closed,
    Stalled,
}

/// Runs `eslogger` for the rest of the program, again whenever it ends.
pub(super) fn run(feed: &Feed, decoder: &Decoder, guard: &Guard) -> ! {
    let mut backoff = Backoff::default();
    loop {
        feed.lateness.begin(LATENESS, now());
        match start(guard) {
            Ok((mut output, stderr)) => {
                feed.say(Notice::of_source(SourceKind::Exec, NAME, String::new()));
                let complaint = Complaint::read(feed, stderr);
                // It does not report when it begins to watch, so what runs is looked up twice: now, and when the first
                // event shows that it has.
                feed.scan();
                let (any, ending) = read(feed, decoder, &mut output);
                if any {
                    backoff = Backoff::default();
                }
                Losses::add(&feed.losses.eslogger_ended, 1);
                let status = match ending {
                    Ending::Closed => guard.wait(),
                    Ending::Stalled => guard.end(),
                };
                let text = sentence(&ending, status, &complaint.finish());
                feed.notice(Level::Warning, text.clone());
                feed.fails(SourceKind::Exec, NAME, text);
            }
            Err(error) => {
                let text = format!("cannot start {PROGRAM}: {error}");
                feed.notice(Level::Warning, text.clone());
                feed.fails(SourceKind::Exec, NAME, text);
            }
        }
        guard.end();
        thread::sleep(backoff.next_wait());
    }
}

fn sentence(ending: &Ending, status: Option<ExitStatus>, complaint: &str) -> String {
    let what = match (ending, status) {
        (Ending::Stalled, _) => "stopped in the middle of a record".to_owned(),
        (Ending::Closed, Some(_)) if !complaint.is_empty() => "exited".to_owned(),
        (Ending::Closed, Some(status)) => format!("exited ({status})"),
        (Ending::Closed, None) => "closed its output".to_owned(),
    };
    let colon = if complaint.is_empty() { "" } else { ": " };
    format!("eslogger {what}{colon}{complaint}")
}

/// Reads until the output ends. Returns whether there was any message, and how it ended.
#[allow(clippy::disallowed_methods, reason = "how long a record takes is measured")]
fn read(feed: &Feed, decoder: &Decoder, output: &mut File) -> (bool, Ending) {
    let (began, probe) = (Instant::now(), Arc::<Mutex<Probe>>::default());
    let findings = test(feed, began, &probe);
    let (mut stream, mut buffer, mut begun) = (Stream::default(), vec![0; 64 * 1024], false);
    let mut take = |event| {
        let is_first = !std::mem::replace(&mut begun, true);
        if is_first {
            feed.works(SourceKind::Exec, NAME, String::new(), None);
        }
        if is_first || feed.scans.try_recv().is_ok() {
            feed.scan();
        }
        if let Some(finding) = lock(&probe).observe(&event, began.elapsed()) {
            let _ = findings.try_send(finding);
        }
        // This thread may wait: the terminal and the kernel's queue before it hold what comes meanwhile.
        feed.reports.send(Report::Event(Box::new(event)));
    };
    let ending = loop {
        let patience = stream.is_mid_line().then_some(RECORD_PATIENCE);
        if wait_readable(output, patience).is_ok_and(|is_readable| !is_readable) {
            break Ending::Stalled;
        }
        match retry_on_intr(|| rustix::io::read(&*output, &mut buffer)) {
            Ok(length @ 1..) => {
                record(feed, &buffer[..length]);
                stream.push(&buffer[..length], decoder, &feed.losses, &mut take);
            }
            Ok(_) | Err(_) => break Ending::Closed,
        }
    };
    if stream.is_mid_line() {
        // What the next child prints begins a line.
        record(feed, b"\n");
    }
    stream.end(decoder, &feed.losses, &mut take);
    (stream.any(), ending)
}

fn record(feed: &Feed, printed: &[u8]) {
    feed.raw.iter().for_each(|raw| raw.take(printed.len(), || Raw::Printed(printed.to_vec())));
}

/// Whether there is something to read, or the end; `false` when there is not for so long.
fn wait_readable(output: &File, patience: Option<Duration>) -> io::Result<bool> {
    let timeout = patience.and_then(|patience| Timespec::try_from(patience).ok());
    let mut entries = [PollFd::new(output, PollFlags::IN)];
    Ok(retry_on_intr(|| poll(&mut entries, timeout.as_ref()))? > 0)
}

/// Starts the self-test: what it returns takes the finding. Dropped without one, the test ends without a finding.
fn test(feed: &Feed, began: Instant, probe: &Arc<Mutex<Probe>>) -> Sender<Finding> {
    let (sender, findings) = bounded(1);
    let (reports, probe) = (feed.reports.clone(), Arc::clone(probe));
    let body = move || {
        let say = |level, finding: Finding| {
            let text = finding.to_string();
            reports.send(Report::notice(level, text.clone()));
            let (works, latency) = match finding {
                Finding::Delay(delay) => (true, Some(delay)),
                Finding::Silence => (false, None),
            };
            let health = Health { kind: SourceKind::Exec, name: NAME, works, finding: text, latency };
            reports.send(Report::Health(health));
        };
        match children(began, &probe, &findings) {
            Some(Finding::Silence) => {
                say(Level::Warning, Finding::Silence);
                // It may be late, and not silent.
                findings.iter().for_each(|finding| say(Level::Info, finding));
            }
            Some(delay) => say(Level::Info, delay),
            None => {}
        }
    };
    let _ = thread::Builder::new().name("osawatch-probe".to_owned()).spawn(body);
    sender
}

/// Starts one child after another until one is reported; `None` when the output ended before.
fn children(began: Instant, probe: &Mutex<Probe>, findings: &Receiver<Finding>) -> Option<Finding> {
    for _ in 0..probe::MAX_CHILDREN {
        let mut command = Command::new(probe::PROGRAM);
        command.env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Locked, so that its event is not taken in before its pid is known.
        let mut locked = lock(probe);
        let started = began.elapsed();
        let child = command.spawn();
        if let Ok(child) = &child {
            locked.started(child.id(), started);
        }
        drop(locked);
        let _ = child.and_then(|mut child| child.wait());
        match findings.recv_timeout(probe::PERIOD) {
            Ok(finding) => return Some(finding),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return None,
        }
    }
    Some(Finding::Silence)
}

fn lock(probe: &Mutex<Probe>) -> std::sync::MutexGuard<'_, Probe> {
    probe.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Starts the child on a terminal, because it buffers what it writes to a pipe: records would come when there are many,
/// on a quiet Mac never. It suppresses the events of its process group, so it gets its own.
fn start(guard: &Guard) -> io::Result<(File, ChildStderr)> {
    let (output, terminal) = raw_terminal()?;
    let mut command = Command::new(PROGRAM);
    command.args(["exec", "fork", "exit"]).env_clear().env("NSUnbufferedIO", "YES").process_group(0);
    command.stdin(Stdio::null()).stdout(terminal).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let stderr = child.stderr.take();
    *guard.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    stderr.map(|stderr| (output, stderr)).ok_or_else(|| io::Error::other("its standard error is not a pipe"))
}

/// What the child prints to standard error: all is read, so that it never waits for us, and the beginning is kept.
struct Complaint {
    kept: Arc<Mutex<Vec<u8>>>,
    end: Receiver<()>,
}

impl Complaint {
    fn read(feed: &Feed, mut stderr: ChildStderr) -> Complaint {
        let (kept, (done, end)) = (Arc::<Mutex<Vec<u8>>>::default(), bounded(1));
        let (to, reports) = (Arc::clone(&kept), feed.reports.clone());
        let body = move || {
            let (mut buffer, mut is_said) = ([0; 4096], false);
            while let Ok(length @ 1..) = stderr.read(&mut buffer) {
                let mut kept = to.lock().unwrap_or_else(PoisonError::into_inner);
                let room = MAX_STDERR - kept.len();
                kept.extend_from_slice(&buffer[..length.min(room)]);
                if length > room && !std::mem::replace(&mut is_said, true) {
                    let text = String::from_utf8_lossy(&kept).lines().next().unwrap_or_default().to_owned();
                    drop(kept);
                    let text = format!("eslogger is flooding its standard error, which begins: {text}");
                    reports.send(Report::notice(Level::Warning, text));
                }
            }
            drop(done);
        };
        let _ = thread::Builder::new().name("osawatch-stderr".to_owned()).spawn(body);
        Complaint { kept, end }
    }

    /// All of it, or what came within some time: a child of the child may hold its standard error open.
    fn finish(&self) -> String {
        let _ = self.end.recv_timeout(END_PATIENCE);
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).trim().to_owned()
    }
}
