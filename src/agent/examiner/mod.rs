//! Reads the scripts that osascript and automator run, on separate threads: a file can lie on a file system that
//! never answers, and then this one field of an alert is missing, and nothing else.

mod executable;
mod file;
mod job;
mod open;
#[cfg(test)]
mod tests;
mod threads;
mod unchanged;

use std::io;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Sender, bounded};

use crate::event::{Event, Ledger, Script, field};
use crate::script::{self, Capture};
use executable::Hashes;
use job::Job;
use open::{Reader, User};
use threads::Threads;

pub(super) use threads::HeldUp;

/// Scripts that may wait to be examined; further ones are skipped.
const MAX_QUEUED: usize = 256;

/// A text in the arguments is looked at on the spot up to this many bytes; a longer one would hold up the events behind
/// it. Few scripts that people write are longer.
const AT_ONCE: usize = 8 << 10;

/// Examines the scripts of executions.
#[derive(Debug)]
pub(super) struct Examiner {
    capture: Capture,
    /// How many bytes of long texts may wait, and how many do.
    share: usize,
    texts: Ledger,
    jobs: Sender<Job>,
    threads: Option<Threads>,
}

impl Examiner {
    /// Starts the threads. A message is sent to `settled` for each script that is examined. Where no thread can be
    /// started, scripts are skipped, and detection goes on.
    /// At most `share` bytes of long texts wait.
    pub(super) fn start(capture: Capture, share: usize, settled: &Sender<()>) -> Examiner {
        let started = Examiner::start_with(capture, share, settled, |job, hashes| job.examine(hashes));
        started.unwrap_or_else(|error| {
            log::warn!("cannot start a thread to examine scripts: {error}; alerts do not show what scripts contain");
            Examiner::without_threads(capture)
        })
    }

    /// Skips every script.
    pub(super) fn without_threads(capture: Capture) -> Examiner {
        Examiner { capture, share: 0, texts: Ledger::default(), jobs: bounded(0).0, threads: None }
    }

    fn start_with(
        capture: Capture,
        share: usize,
        settled: &Sender<()>,
        examine: fn(&Job, &mut Hashes) -> Script,
    ) -> io::Result<Examiner> {
        let (jobs, queue) = bounded(MAX_QUEUED);
        let threads = Threads::start(queue, settled.clone(), examine)?;
        Ok(Examiner { capture, share, texts: Ledger::default(), jobs, threads: Some(threads) })
    }

    /// Leaves threads behind that a file holds up, and starts others for them. How many are left behind, and whether
    /// that is all that may be, if either is another than before.
    pub(super) fn replace_held_up(&mut self, now: Duration) -> Option<HeldUp> {
        self.threads.as_mut()?.replace_held_up(now)
    }

    /// Takes so much of scripts from now on.
    pub(super) fn set_capture(&mut self, capture: Capture) {
        self.capture = capture;
    }

    /// How much is taken.
    #[cfg(test)]
    pub(super) fn capture(&self) -> Capture {
        self.capture
    }

    /// Adds to the start of an osascript or automator what its arguments show that it runs, and queues the file, or a
    /// long text, for reading. Never waits.
    pub(super) fn examine(&self, event: &mut Event) {
        // Without capture, the executable is still hashed.
        let hash_alone = || (self.capture == Capture::Off && script::runs_one(event)).then(Default::default);
        let named = script::named_by_arguments(event, self.capture).or_else(hash_alone);
        let Some((mut script, mut text)) = named else { return };
        if let Some(text) = text.take_if(|text| text.len() <= AT_ONCE) {
            script::describe_statements(&text, self.capture, &mut script);
        }
        let is_unread = text.is_some() || script.path.is_some();
        match self.queue(event, &script, text) {
            Some(result) => script.examined = Some(result),
            None if is_unread => script.state = Some("skipped"),
            None => {}
        }
        event.script = Some(Arc::new(script));
    }

    /// Where the result will be; `None` when too much waits.
    fn queue(&self, event: &Event, script: &Script, text: Option<String>) -> Option<Arc<OnceLock<Script>>> {
        let text = match text {
            Some(text) if self.texts.bytes() + text.len() > self.share => return None,
            text => text.map(|text| {
                let charge = self.texts.charge(text.len());
                (text, charge)
            }),
        };
        let result = Arc::new(OnceLock::new());
        let job = Job {
            script: script.clone(),
            text,
            executable: event.str(field::PROCESS_EXECUTABLE).map(str::to_owned),
            reader: reader_of(event),
            began: event.time,
            capture: self.capture,
            result: Arc::clone(&result),
        };
        self.jobs.try_send(job).ok()?;
        Some(result)
    }
}

/// Who ran the program: the agent reads as root what that user may not have been able to.
fn reader_of(event: &Event) -> Reader {
    let number = |field| event.str(field).and_then(|number| number.parse().ok());
    match number(field::PROCESS_USER_ID).or_else(|| number(field::USER_ID)) {
        Some(uid) => Reader::User(User { uid, gid: number(field::GROUP_ID) }),
        None => Reader::Anyone,
    }
}
