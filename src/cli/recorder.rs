//! Events into a recording: ECS lines, as `replay` reads them, compressed where the name says so.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use serde_json::{Map, Value as Json};

use super::exit::Failure;
use super::recording_file::RecordingFile;
use crate::agent::Control;
use crate::event::{Event, document};
use crate::script::Pseudonyms;
use crate::source::live::{RingingSender, Tap, Tapped, tap};

/// What was written is complete on the disk after this long, should osawatch be killed.
const FLUSH: Duration = Duration::from_secs(1);
/// Nothing has to be done for as long as nothing comes.
const NOTHING_TO_FLUSH: Duration = Duration::from_secs(3600);
/// Documents about losses that may wait.
const MAX_DOCUMENTS: usize = 64;

/// What a recording came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) events: u64,
    /// Events that found no room, as the disk was slow, or that could not be written.
    pub(super) lost: u64,
    /// Why it ended before the run did, or not as it should.
    pub(super) error: Option<String>,
}

impl Recorded {
    /// What a command that records ends with.
    pub(super) fn result(&self) -> Result<(), Failure> {
        self.error.as_ref().map_or(Ok(()), |error| Err(Failure::new(Failure::IO, error)))
    }
}

/// How a recording is made.
pub(super) struct Wanted {
    /// Personal data is left out with these.
    pub(super) pseudonyms: Option<Pseudonyms>,
    /// The recording ends when its volume has fewer bytes left, which something else needs.
    pub(super) room: u64,
    /// Who is told when it ends early.
    pub(super) control: RingingSender<Control>,
}

/// A recording on a thread of its own.
pub(super) struct Recorder {
    path: PathBuf,
    documents: Sender<Map<String, Json>>,
    events: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    done: Receiver<Writing>,
}

impl Recorder {
    /// Makes the file, and starts to write.
    pub(super) fn start(path: &Path, wanted: Wanted) -> Result<(Recorder, Tap<Event>), Failure> {
        let failed = |error| cannot_create(path, &error);
        let Some(file) = RecordingFile::create(path).map_err(failed)? else {
            let why = "a recording is written plain or, with a name that ends with .gz or .zst, compressed";
            return Err(Failure::new(Failure::USAGE, format!("{}: {why}", path.display())));
        };
        Recorder::start_on(file, path, wanted)
    }

    fn start_on(file: RecordingFile, path: &Path, wanted: Wanted) -> Result<(Recorder, Tap<Event>), Failure> {
        let ((tap, tapped), (ended, done)) = (tap(), bounded(1));
        let (documents, documents_receiver) = bounded(MAX_DOCUMENTS);
        let (path, events, lost) = (path.to_owned(), Arc::<AtomicU64>::default(), Arc::clone(&tapped.lost));
        let writing = Writing {
            file,
            path: path.clone(),
            wanted,
            events: Arc::clone(&events),
            lost: Arc::clone(&lost),
            unflushed: 0,
            is_flushed: true,
            is_torn: false,
            error: None,
        };
        let work = move || _ = ended.send(write(writing, &tapped, documents_receiver));
        let thread = std::thread::Builder::new().name("osawatch-record".into()).spawn(work);
        thread.map_err(|error| cannot_create(&path, &error))?;
        Ok((Recorder { path, documents, events, lost, done }, tap))
    }

    /// Where documents about losses go, to be recorded among the events.
    pub(super) fn documents(&self) -> Sender<Map<String, Json>> {
        self.documents.clone()
    }

    /// Ends the recording with this document, once its tap is gone. What is left may take this long to be written.
    pub(super) fn finish(self, last: &Map<String, Json>, limit: Duration) -> Recorded {
        let error = match self.done.recv_timeout(limit) {
            Ok(writing) => writing.finish(last),
            Err(_) => Some(cannot_write(&self.path, io::Error::from(io::ErrorKind::TimedOut))),
        };
        Recorded { events: self.events.load(Ordering::Relaxed), lost: self.lost.load(Ordering::Relaxed), error }
    }
}

fn cannot_create(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot create the recording: {error}", path.display()))
}

fn cannot_write(path: &Path, why: impl fmt::Display) -> String {
    format!("{}: cannot write the recording: {why}", path.display())
}

/// A recording that is written.
struct Writing {
    file: RecordingFile,
    path: PathBuf,
    wanted: Wanted,
    events: Arc<AtomicU64>,
    lost: Arc<AtomicU64>,
    /// Events that the file may not have yet.
    unflushed: u64,
    is_flushed: bool,
    /// It may end with a part of a line.
    is_torn: bool,
    /// Why it ended early.
    error: Option<String>,
}

impl Writing {
    fn event(&mut self, event: &Event) {
        self.line(document::document(event));
        match self.error {
            None => self.unflushed += 1,
            Some(_) => _ = self.lost.fetch_add(1, Ordering::Relaxed),
        }
    }

    fn line(&mut self, document: Map<String, Json>) {
        if self.error.is_none() {
            let line = self.without_names(document);
            let written = self.file.line(&line);
            self.is_flushed = false;
            self.take(written);
        }
    }

    /// What was written is complete in the file.
    fn flush(&mut self) {
        if self.error.is_none() {
            let flushed = self.file.flush();
            let is_flushed = flushed.is_ok();
            self.take(flushed);
            if is_flushed {
                self.events.fetch_add(std::mem::take(&mut self.unflushed), Ordering::Relaxed);
                self.leave_room();
            }
        }
        self.is_flushed = true;
    }

    fn leave_room(&mut self) {
        let room = self.wanted.room;
        let free = rustix::fs::statvfs(&self.path).map(|volume| volume.f_bavail.saturating_mul(volume.f_frsize));
        if free.is_ok_and(|free| free < room) {
            self.end_early(format_args!("its volume has less than {} MiB left", room >> 20));
        }
    }

    /// Takes in how a write ended.
    fn take(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.is_torn = true;
            self.lost.fetch_add(std::mem::take(&mut self.unflushed), Ordering::Relaxed);
            self.end_early(error);
        }
    }

    fn end_early(&mut self, why: impl fmt::Display) {
        let why = cannot_write(&self.path, why);
        // The agent can have ended.
        let _ = self.wanted.control.send(Control::Unrecorded(why.clone()));
        self.error = Some(why);
    }

    fn without_names(&mut self, mut document: Map<String, Json>) -> Map<String, Json> {
        if let Some(pseudonyms) = &mut self.wanted.pseudonyms {
            pseudonyms.apply(&mut document);
        }
        document
    }

    /// Ends the file with this document, unless it would stand behind a part of a line. Returns what went wrong.
    fn finish(mut self, last: &Map<String, Json>) -> Option<String> {
        if self.is_torn {
            return self.error;
        }
        let last = self.without_names(last.clone());
        let Writing { mut file, path, events, lost, unflushed, error, .. } = self;
        let ended = file.line(&last).and_then(|()| file.finish());
        if ended.is_ok() { events } else { lost }.fetch_add(unflushed, Ordering::Relaxed);
        error.or_else(|| ended.err().map(|error| cannot_write(&path, error)))
    }
}

/// Writes what comes until the tap is gone, and what waits then.
#[allow(clippy::disallowed_methods, reason = "a disk is written in real time")]
fn write(mut writing: Writing, tapped: &Tapped<Event>, mut documents: Receiver<Map<String, Json>>) -> Writing {
    let mut flushed = Instant::now();
    loop {
        let patience = if writing.is_flushed { NOTHING_TO_FLUSH } else { FLUSH };
        select! {
            recv(tapped.copies) -> event => match event {
                Ok((event, _charge)) => writing.event(&event),
                Err(_) => break,
            },
            recv(documents) -> document => match document {
                Ok(document) => writing.line(document),
                Err(_) => documents = never(),
            },
            default(patience) => {}
        }
        if !writing.is_flushed && flushed.elapsed() >= FLUSH {
            writing.flush();
            flushed = Instant::now();
        }
    }
    documents.try_iter().for_each(|document| writing.line(document));
    writing
}

#[cfg(test)]
mod tests;
