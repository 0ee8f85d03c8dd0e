//! Reads the scripts that osascript and automator run, on separate threads: a file can lie on a file system that
//! never answers, and then this one field of an alert is missing, and nothing else.

mod executable;
mod file;
mod open;
#[cfg(test)]
mod tests;

use std::io;
use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::panics;
use crate::event::{Event, Script, Timestamp, field};
use crate::script::{self, Capture};
use executable::Hashes;
use open::{Reader, User};

/// Scripts that may wait to be examined; further ones are skipped.
const MAX_QUEUED: usize = 256;
/// Scripts examined at a time: this many file systems that never answer leave no thread for another.
const THREADS: usize = 4;

/// Examines the scripts of executions.
#[derive(Clone, Debug)]
pub(super) struct Examiner {
    capture: Capture,
    jobs: Sender<Job>,
}

/// A script to be examined.
#[derive(Debug)]
pub(super) struct Job {
    script: Script,
    executable: Option<String>,
    reader: Reader,
    began: Timestamp,
    capture: Capture,
    result: Arc<OnceLock<Script>>,
}

impl Examiner {
    /// Starts the threads. A message is sent to `settled` for each script that is examined. Where no thread can be
    /// started, scripts are skipped, and detection goes on.
    pub(super) fn start(capture: Capture, settled: &Sender<()>) -> Examiner {
        let started = Examiner::start_with(capture, settled, |job, hashes| job.examine(hashes));
        started.unwrap_or_else(|error| {
            log::warn!("cannot start a thread to examine scripts: {error}; alerts do not show what scripts contain");
            Examiner::without_threads(capture)
        })
    }

    /// Skips every script.
    fn without_threads(capture: Capture) -> Examiner {
        Examiner { capture, jobs: bounded(0).0 }
    }

    fn start_with(
        capture: Capture,
        settled: &Sender<()>,
        examine: fn(&Job, &mut Hashes) -> Script,
    ) -> io::Result<Examiner> {
        let (jobs, queue) = bounded(MAX_QUEUED);
        for _ in 0..THREADS {
            let (queue, settled): (Receiver<Job>, _) = (queue.clone(), settled.clone());
            thread::Builder::new().name(panics::CONTAINED.to_owned()).spawn(move || {
                let mut hashes = Hashes::default();
                for job in queue {
                    let script = panics::contained(|| examine(&job, &mut hashes)).unwrap_or_else(|| {
                        hashes = Hashes::default();
                        log::warn!("a script could not be examined, because of a bug in osawatch");
                        Script { state: Some("unreadable"), ..job.script.clone() }
                    });
                    let _ = job.result.set(script);
                    let _ = settled.try_send(());
                }
            })?;
        }
        Ok(Examiner { capture, jobs })
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

    /// Adds to the start of an osascript or automator what its arguments show that it runs, and queues the file for
    /// reading. Never waits.
    pub(super) fn examine(&self, event: &mut Event) {
        // Without capture, the executable is still hashed.
        let hash_alone = || (self.capture == Capture::Off && script::runs_one(event)).then(Script::default);
        let Some(mut script) = script::of_arguments(event, self.capture).or_else(hash_alone) else { return };
        let result = Arc::new(OnceLock::new());
        let job = Job {
            script: script.clone(),
            executable: event.str(field::PROCESS_EXECUTABLE).map(str::to_owned),
            reader: reader_of(event),
            began: event.time,
            capture: self.capture,
            result: Arc::clone(&result),
        };
        if self.jobs.try_send(job).is_ok() {
            script.examined = Some(result);
        } else if script.path.is_some() {
            script.state = Some("skipped");
        }
        event.script = Some(Arc::new(script));
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

impl Job {
    fn examine(&self, hashes: &mut Hashes) -> Script {
        let mut script = self.script.clone();
        if let Some(path) = &self.script.path {
            file::read(Path::new(path), self.reader, self.began, self.capture, &mut script);
        }
        script.executable_sha256 = self.executable.as_deref().and_then(|path| hashes.of(Path::new(path)));
        script
    }
}
