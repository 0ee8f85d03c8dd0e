//! The alert file on a thread of its own: whoever has an alert hands it over and waits for no disk.
//!
//! Lines are passed in memory. One thread writes them and then forces all of them to the disk at once. Should it
//! be held up, another moves what waits to the state directory: what waited for a second, and all of it when it is
//! large. A line is lost only when neither disk takes it and the memory is full.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use super::backlog::Backlog;
use super::error::{Error, ErrorKind};
use super::gauge::{Gauge, Latencies, lock};
use super::inbox::Inbox;
use super::options::{Counts, Options};
use super::writer::Writer;
use crate::event::Timestamp;
use crate::report::plural;

/// Bytes of lines beyond which those that wait are moved to the state directory at once.
const LARGE: usize = 1 << 20;
/// A line is in memory alone at most for so long, while the state directory takes it.
const KEEP: Duration = Duration::from_secs(1);

/// A writer at work.
#[derive(Debug)]
pub(crate) struct WriterThread {
    inbox: Arc<Inbox>,
    backlog: Arc<Mutex<Backlog>>,
    latencies: Arc<Mutex<Latencies>>,
    /// How the file is to be kept from now on, until the thread takes it.
    next: Arc<Mutex<Option<Options>>>,
    max_bytes: usize,
    path: PathBuf,
    next_sequence: u64,
    wake: Sender<()>,
    spill: Sender<()>,
    large: Sender<()>,
    done: Receiver<(Result<(), Error>, Counts)>,
}

impl WriterThread {
    /// Starts the threads.
    pub(crate) fn start(writer: Writer, clock: fn() -> Timestamp) -> io::Result<WriterThread> {
        let ((wake, woken), (spill, to_spill), (large, is_large), (ended, done)) =
            (bounded(1), bounded(1), bounded(1), bounded(1));
        let (backlog, next_sequence, path) = (writer.backlog(), writer.next_sequence(), writer.path().to_owned());
        let (inbox, max_bytes) = {
            let backlog = backlog.lock().unwrap_or_else(PoisonError::into_inner);
            (backlog.inbox(), backlog.max_bytes())
        };
        let spiller = Spiller { inbox: Arc::clone(&inbox), backlog: Arc::clone(&backlog), to_spill, is_large };
        thread::Builder::new().name("osawatch-spill".to_owned()).spawn(move || spiller.run())?;
        let latencies = Arc::<Mutex<Latencies>>::default();
        let next = Arc::<Mutex<Option<Options>>>::default();
        let (measured, asked) = (Arc::clone(&latencies), Arc::clone(&next));
        thread::Builder::new().name("osawatch-file".to_owned()).spawn(move || {
            let _ = ended.send(write(writer, &woken, (&measured, &asked), clock));
        })?;
        Ok(WriterThread { inbox, backlog, latencies, next, max_bytes, path, next_sequence, wake, spill, large, done })
    }

    /// Continues in another file, or keeps the same one in another way, between two lines.
    pub(crate) fn exchange(&mut self, options: Options) {
        self.path.clone_from(&options.path);
        *lock(&self.next) = Some(options);
        let _ = self.wake.try_send(());
    }

    /// The `event.sequence` of the first alert.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Adds a line, given without its newline. Returns `false` when no disk accepts it and the memory is full.
    pub(crate) fn push(&self, line: &str) -> bool {
        self.push_alert(line, None)
    }

    /// The same, of an alert whose last event is of this time.
    pub(crate) fn push_alert(&self, line: &str, time: Option<Timestamp>) -> bool {
        let Some(bytes) = self.inbox.push(format!("{line}\n"), self.max_bytes) else { return false };
        time.into_iter().for_each(|time| lock(&self.latencies).push(time));
        // One message is enough.
        let _ = self.wake.try_send(());
        let _ = self.spill.try_send(());
        if bytes > LARGE {
            let _ = self.large.try_send(());
        }
        true
    }

    /// Whether a line of this many bytes would be taken.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.inbox.bytes() + bytes < self.max_bytes
    }

    /// What others see of it.
    pub(crate) fn gauge(&self) -> Gauge {
        let (inbox, backlog) = (Arc::clone(&self.inbox), Arc::clone(&self.backlog));
        Gauge { inbox, backlog, latencies: Arc::clone(&self.latencies) }
    }

    /// Lines that found no room.
    pub(crate) fn lost(&self) -> u64 {
        self.inbox.lost()
    }

    /// Has every line written that was received. What the file does not take in time stays in the state directory, where
    /// it is within this limit as well.
    pub(crate) fn finish(self, limit: Duration) -> (Result<(), Error>, Counts) {
        let WriterThread { inbox, backlog, path, wake, done, .. } = self;
        let to_settle = KEEP.min(limit / 2);
        drop(wake);
        if let Ok(ended) = done.recv_timeout(limit - to_settle) {
            return ended;
        }
        let (settled, is_settled) = bounded(1);
        let settle = move || {
            let mut backlog = backlog.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = settled.send((backlog.settle(), backlog.count()));
        };
        let counts = Counts { lost: inbox.lost(), ..Counts::default() };
        let spawned = thread::Builder::new().name("osawatch-settle".to_owned()).spawn(settle);
        match spawned.ok().and_then(|_| is_settled.recv_timeout(to_settle).ok()) {
            Some((Ok(()), count)) => {
                let kept = plural(count, "alert");
                log::warn!("{}: the disk does not answer; {kept} kept for the next run", path.display());
                (Ok(()), counts)
            }
            found => {
                let why = found.and_then(|(settled, _)| settled.err()).unwrap_or(io::ErrorKind::TimedOut.into());
                (Err(Error { path, kind: ErrorKind::Remain(inbox.count(), why) }), counts)
            }
        }
    }
}

/// Writes lines as they come, until the other end is gone.
fn write(
    mut writer: Writer,
    woken: &Receiver<()>,
    (latencies, next): (&Mutex<Latencies>, &Mutex<Option<Options>>),
    clock: fn() -> Timestamp,
) -> (Result<(), Error>, Counts) {
    let exchange = |writer: &mut Writer| {
        let options = lock(next).take();
        options.iter().for_each(|options| writer.exchange(options, clock()));
    };
    loop {
        let wait = writer.due().nanoseconds().saturating_sub(clock().nanoseconds()).max(0);
        match woken.recv_timeout(Duration::from_nanos(wait.unsigned_abs())) {
            Ok(()) | Err(RecvTimeoutError::Timeout) => {
                // A line is handed over before its time.
                let handed_over = lock(latencies).waiting();
                writer.tick(clock());
                exchange(&mut writer);
                if handed_over > 0 && writer.trouble().is_none() {
                    lock(latencies).wrote(handed_over, clock());
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    exchange(&mut writer);
    let finished = writer.finish(clock());
    (finished, writer.counts())
}

/// Moves what waits too long to the state directory.
struct Spiller {
    inbox: Arc<Inbox>,
    backlog: Arc<Mutex<Backlog>>,
    to_spill: Receiver<()>,
    is_large: Receiver<()>,
}

impl Spiller {
    fn run(self) {
        for () in &self.to_spill {
            while self.inbox.count() > 0 {
                let pushed = self.inbox.pushed();
                if self.inbox.bytes() <= LARGE
                    && let Err(RecvTimeoutError::Disconnected) = self.is_large.recv_timeout(KEEP)
                {
                    return;
                }
                if (self.inbox.bytes() > LARGE || self.inbox.waits_since(pushed)) && !self.settle() {
                    // It is tried again, not at once.
                    thread::sleep(KEEP);
                }
            }
        }
    }

    fn settle(&self) -> bool {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner).settle().is_ok()
    }
}
