//! Apple's `eslogger` as a child process: it carries the entitlement that this program may not have.

use std::io::{self, Read};
use std::process::{Child, ChildStderr, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use super::Feed;
use crate::source::eslogger::Decoder;
use crate::source::eslogger::stream::Stream;
use crate::source::live::{Backoff, Level, Losses, Report};

const PROGRAM: &str = "/usr/bin/eslogger";
/// What is kept of the standard error of a child: the beginning, which says why it ended.
const MAX_STDERR: u64 = 4096;

/// Ends the child when dropped. It ends by itself when this program is killed: its pipe has no reader.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<Mutex<Option<Child>>>);

impl Guard {
    fn end(&self) {
        if let Some(mut child) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        self.end();
    }
}

/// Runs `eslogger` for the rest of the program, again whenever it ends.
pub(super) fn run(feed: &Feed, decoder: &Decoder, guard: &Guard) -> ! {
    let mut backoff = Backoff::default();
    loop {
        match start(guard) {
            Ok((stdout, stderr)) => {
                feed.notice(Level::Info, "process events come from eslogger".to_owned());
                let stderr = thread::Builder::new().name("osawatch-stderr".to_owned()).spawn(|| read_stderr(stderr));
                // It says nothing when it has begun to watch, so what runs is looked at twice: now, and when the
                // first event shows that it has.
                feed.scan();
                let any = read(feed, decoder, stdout);
                if any {
                    backoff = Backoff::default();
                }
                Losses::add(&feed.losses.eslogger_ended, 1);
                let complaint = complaint(stderr);
                feed.notice(Level::Warning, format!("eslogger exited{complaint}"));
            }
            Err(error) => feed.notice(Level::Warning, format!("cannot start {PROGRAM}: {error}")),
        }
        guard.end();
        thread::sleep(backoff.next_wait());
    }
}

/// Reads until the child ends. Gives back whether it told of anything.
fn read(feed: &Feed, decoder: &Decoder, mut output: impl Read) -> bool {
    let (mut stream, mut buffer) = (Stream::default(), vec![0; 64 * 1024]);
    let mut begun = false;
    let mut take = |event| {
        if !std::mem::replace(&mut begun, true) || feed.scans.try_recv().is_ok() {
            feed.scan();
        }
        // This thread may wait: the pipe and the kernel's queue before it hold what comes meanwhile.
        let _ = feed.reports.send(Report::Event(Box::new(event)));
    };
    while let Ok(length @ 1..) = output.read(&mut buffer) {
        stream.push(&buffer[..length], decoder, &feed.losses, &mut take);
    }
    stream.end(decoder, &feed.losses, &mut take);
    stream.any()
}

fn start(guard: &Guard) -> io::Result<(ChildStdout, ChildStderr)> {
    let mut command = Command::new(PROGRAM);
    command.args(["exec", "fork", "exit"]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let pipes = child.stdout.take().zip(child.stderr.take());
    *guard.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    pipes.ok_or_else(|| io::Error::other("its output is not a pipe"))
}

/// Reads all that the child complains of, so that it never waits for us, and keeps the beginning.
fn read_stderr(mut stderr: ChildStderr) -> Vec<u8> {
    let mut bytes = Vec::new();
    let _ = stderr.by_ref().take(MAX_STDERR).read_to_end(&mut bytes);
    let _ = io::copy(&mut stderr, &mut io::sink());
    bytes
}

fn complaint(thread: io::Result<thread::JoinHandle<Vec<u8>>>) -> String {
    let bytes = thread.ok().and_then(|thread| thread.join().ok()).unwrap_or_default();
    match String::from_utf8_lossy(&bytes).trim() {
        "" => String::new(),
        text => format!(": {text}"),
    }
}
