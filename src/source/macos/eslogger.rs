//! Apple's `eslogger` as a child process: it carries the entitlement that this program may not have.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};

use super::Feed;
use crate::event::{Line, field};
use crate::source::eslogger::{Decoded, Decoder};
use crate::source::live::{Backoff, Level, Losses, Numbering, Report};

const PROGRAM: &str = "/usr/bin/eslogger";
/// A line longer than this is not a message; the rest of it is passed over.
const MAX_LINE: u64 = 8 * 1024 * 1024;
/// What is kept of the last words of a child that ended.
const MAX_LAST_WORDS: u64 = 4096;

/// Ends the child when dropped. It ends by itself when this program is killed: its pipe has no reader.
#[derive(Clone, Default)]
pub(super) struct Guard(Arc<Mutex<Option<Child>>>);

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(mut child) = self.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// Runs `eslogger` for the rest of the program, again whenever it ends.
pub(super) fn run(feed: &Feed, decoder: &Decoder, guard: &Guard) -> ! {
    let mut backoff = Backoff::default();
    loop {
        match start(guard) {
            Ok((stdout, stderr)) => {
                feed.notice(Level::Info, "process events come from eslogger".to_owned());
                if read(feed, decoder, stdout) {
                    backoff = Backoff::default();
                }
                Losses::add(&feed.losses.eslogger_ended, 1);
                feed.notice(Level::Warning, format!("eslogger ended{}", last_words(stderr)));
            }
            Err(error) => feed.notice(Level::Warning, format!("cannot start {PROGRAM}: {error}")),
        }
        if let Some(mut child) = guard.0.lock().unwrap_or_else(PoisonError::into_inner).take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        std::thread::sleep(backoff.next_wait());
    }
}

type Pipes = (std::process::ChildStdout, std::process::ChildStderr);

fn start(guard: &Guard) -> std::io::Result<Pipes> {
    let mut command = Command::new(PROGRAM);
    command.args(["exec", "fork", "exit"]).env_clear();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn()?;
    let pipes = child.stdout.take().zip(child.stderr.take());
    *guard.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
    pipes.ok_or_else(|| std::io::Error::other("its output is not a pipe"))
}

/// Reads until the child closes its output. Gives back whether it told of any event.
fn read(feed: &Feed, decoder: &Decoder, stdout: impl Read) -> bool {
    let mut stdout = BufReader::with_capacity(256 * 1024, stdout);
    let (all, exec, fork, exit) =
        (Numbering::default(), Numbering::default(), Numbering::default(), Numbering::default());
    let (mut line, mut any) = (Vec::new(), false);
    loop {
        line.clear();
        match stdout.by_ref().take(MAX_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return any,
            Ok(_) => {}
        }
        if line.last() != Some(&b'\n') && line.len() as u64 == MAX_LINE {
            Losses::add(&feed.losses.malformed_lines, 1);
            if stdout.skip_until(b'\n').is_err() {
                return any;
            }
            continue;
        }
        let event = match decoder.decode(&Line::from(String::from_utf8_lossy(&line).trim().to_owned())) {
            Ok(Decoded::Event(event)) => event,
            Ok(Decoded::Skipped(_)) => continue,
            Err(_) => {
                Losses::add(&feed.losses.malformed_lines, 1);
                continue;
            }
        };
        any = true;
        let losses = &feed.losses;
        let (numbering, lost) = match event.str(field::EVENT_ACTION) {
            Some("exec") => (&exec, &losses.exec_gaps),
            Some("fork") => (&fork, &losses.fork_gaps),
            _ => (&exit, &losses.exit_gaps),
        };
        for (number, numbering, lost) in
            [(field::SEQ_NUM, numbering, lost), (field::GLOBAL_SEQ_NUM, &all, &losses.global_gaps)]
        {
            if let Some(number) = event.int(number).and_then(|number| u64::try_from(number).ok()) {
                Losses::add(lost, numbering.gap(number));
            }
        }
        // This thread may wait: the pipe and the kernel's queue before it hold what comes meanwhile.
        if feed.reports.send(Report::Event(Box::new(event))).is_err() {
            return any;
        }
    }
}

fn last_words(stderr: impl Read) -> String {
    let mut bytes = Vec::new();
    let _ = stderr.take(MAX_LAST_WORDS).read_to_end(&mut bytes);
    match String::from_utf8_lossy(&bytes).trim() {
        "" => String::new(),
        words => format!(": {words}"),
    }
}
