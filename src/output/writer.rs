//! The alert file: lines in order, each once, kept until the file has them.
//!
//! The writer reads no clock: its driver passes the time. It is in one of these states:
//!
//! | state | what is on the disk | what a crash leaves |
//! | --- | --- | --- |
//! | **writing**: only the lines just received wait | whole lines in the alert file | the line at hand, perhaps begun; the lines in memory are lost |
//! | **held up**: a write or an fsync takes more than a second, or 1 MiB waits meanwhile | as before; the waiting lines, the one at hand too, in the state directory | as when draining |
//! | **buffering**: the alert file took no more (`trouble`), perhaps in the middle of a line (`begun`) | that part of the first waiting line at the end of the alert file; every waiting line, the begun one too, in the state directory | both; the next run goes on with the begun line where it ends |
//! | **buffering in memory**: nor does the state directory take lines; it is tried again every second | as before, without the newer lines | the lines in memory are lost |
//! | **draining**: the file takes lines again | lines are in the alert file and forced to the disk at once, then they are marked in the state directory | lines that are not marked yet; they are found in the alert file, unless someone empties it before |
//!
//! What was begun of a line that is lost, or that a crash left and no waiting line continues, is ended with a newline
//! and counted (`torn`). When someone empties or extends the file, the begun part is searched for again, and a line
//! whose begun part is missing is written whole. A file that is moved or deleted is created again. When a rotation fails,
//! writing continues in the old file, and the rotation is tried again after a minute.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::backlog::Backlog;
use super::error::{Error, ErrorKind};
use super::file::AlertFile;
use super::medium::{Disk, Medium};
use super::options::{Counts, Options, is_past};
use crate::event::Timestamp;
use crate::report::plural;

/// While lines cannot be written, they are tried again this often.
const RETRY: Duration = Duration::from_secs(1);
/// A condition that lasts is reported again this often.
const REMIND: Duration = Duration::from_secs(60);
/// Bytes that are forced to the disk at once. After a crash they are looked for at the end of the alert file, in more.
const BATCH: usize = 256 << 10;
/// Old files are looked for this often, also when nothing is written.
const MAINTAIN: Duration = Duration::from_secs(3600);

/// Why lines wait.
#[derive(Debug)]
struct Trouble {
    error: Error,
    began: Timestamp,
    tried: Timestamp,
    said: Timestamp,
}

/// Appends lines to the alert file, in order, each once.
#[derive(Debug)]
pub(crate) struct Writer {
    file: AlertFile,
    /// Held only while it is asked, never while the alert file is written: others hand lines over meanwhile.
    backlog: Arc<Mutex<Backlog>>,
    trouble: Option<Trouble>,
    next_sequence: u64,
    maintained: Timestamp,
    /// When a loss was last reported.
    loss_said: Option<Timestamp>,
    counts: Counts,
}

impl Writer {
    /// Opens the file, or makes it with mode 0640; a symbolic link is not followed. What an earlier run
    /// left behind is put right. A full disk does not prevent running: lines wait.
    pub(crate) fn open(options: Options, now: Timestamp) -> Result<Writer, Error> {
        Writer::on(Arc::new(Disk), options, now)
    }

    pub(super) fn on(medium: Arc<dyn Medium>, options: Options, now: Timestamp) -> Result<Writer, Error> {
        let mut file = AlertFile::new(&options, Arc::clone(&medium));
        let opened = file.open(now);
        let written = file.written();
        let next = written.next_sequence;
        let backlog = Backlog::open(&options, written, medium);
        let next_sequence = backlog.next_sequence().max(next).unwrap_or(0);
        let counts = Counts { lost: backlog.lost(), ..Counts::default() };
        let (trouble, maintained, backlog) = (None, now, Arc::new(Mutex::new(backlog)));
        let mut writer = Writer { file, backlog, trouble, next_sequence, maintained, loss_said: None, counts };
        match opened {
            Err(error) if !error.is_passing() => return Err(error),
            Err(error) => writer.fail(error, now),
            Ok(()) => {
                writer.file.maintain(now, &mut writer.counts);
                writer.drain(now);
            }
        }
        Ok(writer)
    }

    /// Whether a file could be written in this way. It is made if it is missing, and otherwise left as it is.
    pub(crate) fn check(options: &Options, now: Timestamp) -> Result<(), Error> {
        match AlertFile::new(options, Arc::new(Disk)).open(now) {
            Err(error) if !error.is_passing() => Err(error),
            _ => Ok(()),
        }
    }

    /// Continues in another file, or keeps the same one in another way. What waits goes to the file before if it takes
    /// it at once, and else to the new one; lines go on waiting where they do.
    pub(crate) fn exchange(&mut self, options: &Options, now: Timestamp) {
        self.drain(now);
        if let Err(error) = self.file.sync() {
            log::warn!("{error}");
        }
        if options.path == self.file.path() {
            self.file.keep_by(options);
            return self.file.maintain(now, &mut self.counts);
        }
        self.file.end_maintenance(now, &mut self.counts);
        // A line that the file before has in part is written whole to the new one.
        if let Err(error) = self.file.close_torn(None, &mut self.counts) {
            log::warn!("{error}");
        }
        self.file = AlertFile::new(options, self.file.medium());
        self.trouble = None;
        match self.file.open(now) {
            Ok(()) => self.file.maintain(now, &mut self.counts),
            Err(error) => self.fail(error, now),
        }
        self.drain(now);
    }

    /// The `event.sequence` of the next alert: that after the last that the file or the state directory holds.
    pub(crate) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Where lines wait: whoever has it can add more, or move those in memory to the state directory.
    pub(super) fn backlog(&self) -> Arc<Mutex<Backlog>> {
        Arc::clone(&self.backlog)
    }

    fn waiting_lines(&self) -> MutexGuard<'_, Backlog> {
        self.backlog.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn path(&self) -> &Path {
        self.file.path()
    }

    /// Writes a line, given without its newline, and has it on the disk. What cannot be written now waits.
    pub(crate) fn write(&mut self, line: &str, now: Timestamp) {
        let whole = format!("{line}\n");
        if self.trouble.is_none() && self.waiting_lines().is_empty() {
            match self.file.append(whole.as_bytes(), now, &mut self.counts) {
                Ok(()) => {
                    self.counts.written += 1;
                    self.file.commit();
                }
                Err(error) => {
                    self.fail(error, now);
                    self.wait(whole, now);
                }
            }
            return;
        }
        self.wait(whole, now);
        self.tick(now);
    }

    /// Does what is due: writes the lines received, tries again, forces to the disk, deletes old files.
    pub(crate) fn tick(&mut self, now: Timestamp) {
        let due = self.trouble.as_ref().is_none_or(|trouble| is_past(trouble.tried, RETRY, now));
        if due && (self.trouble.is_some() || !self.waiting_lines().is_empty()) {
            self.drain(now);
        }
        if self.trouble.is_some() {
            // What still waits is in memory no longer than it must.
            let _ = self.waiting_lines().settle();
        }
        self.file.sync_if_due(now);
        if is_past(self.maintained, MAINTAIN, now) {
            self.maintained = now;
            self.file.maintain(now, &mut self.counts);
        }
        let waiting = self.waiting();
        if let Some(trouble) = self.trouble.as_mut().filter(|trouble| is_past(trouble.said, REMIND, now)) {
            trouble.said = now;
            let waiting = plural(waiting, "alert");
            log::warn!("{}; {waiting} buffered since {}", trouble.error, trouble.began);
        }
    }

    /// When the next [`Writer::tick`] is due.
    pub(crate) fn due(&self) -> Timestamp {
        let retry = self.trouble.as_ref().map(|trouble| trouble.tried.saturating_add(RETRY));
        let maintain = self.maintained.saturating_add(MAINTAIN);
        [retry, self.file.sync_due()].into_iter().flatten().min().map_or(maintain, |due| due.min(maintain))
    }

    /// Why lines wait, when they do.
    pub(crate) fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// Lines that wait now.
    pub(crate) fn waiting(&self) -> u64 {
        self.waiting_lines().count()
    }

    /// Lines that are in memory alone: a crash would lose them.
    #[cfg(test)]
    pub(crate) fn in_memory(&self) -> u64 {
        self.waiting_lines().in_memory()
    }

    /// What the writer did so far.
    pub(crate) fn counts(&self) -> Counts {
        let backlog = self.waiting_lines();
        let (delayed, lost) = (backlog.delayed(), backlog.inbox().lost());
        Counts { delayed, lost: self.counts.lost + lost, ..self.counts }
    }

    /// Writes what waits and forces all to the disk. What still cannot be written stays in the state
    /// directory for the next run; without one, it is an error.
    pub(crate) fn finish(&mut self, now: Timestamp) -> Result<(), Error> {
        self.drain(now);
        let synced = self.file.sync();
        let Some(trouble) = self.trouble.take() else {
            return synced;
        };
        let (settled, waiting, in_memory) = {
            let mut backlog = self.waiting_lines();
            (backlog.settle(), backlog.count(), backlog.in_memory())
        };
        if in_memory == 0 && waiting > 0 {
            log::warn!("{}; {} kept for the next run", trouble.error, plural(waiting, "alert"));
            return Ok(());
        }
        match (settled, trouble.error.kind) {
            (Err(_), ErrorKind::Io(why)) | (Err(why), _) if in_memory > 0 => {
                Err(Error { path: trouble.error.path, kind: ErrorKind::Remain(in_memory, why) })
            }
            (_, kind) => Err(Error { path: trouble.error.path, kind }),
        }
    }

    /// Waits for what is done to rotated files. Whoever has to end soon need not: the next run does the rest.
    pub(crate) fn end_maintenance(&mut self, now: Timestamp) {
        self.file.end_maintenance(now, &mut self.counts);
    }

    /// Writes what waits, and forces it to the disk in batches.
    fn drain(&mut self, now: Timestamp) {
        let _ = self.waiting_lines().open_spill();
        let mut batch = 0;
        let written = loop {
            if batch >= BATCH {
                batch = 0;
                self.commit();
            }
            let front = self.waiting_lines().front();
            let line = match front {
                Ok(Some(line)) => line,
                Ok(None) => break Ok(()),
                Err(error) => break Err(self.file.error(error)),
            };
            // After a crash, lines without a mark are looked for in this file.
            if self.file.is_rotated_for(line.len() as u64, now) {
                self.commit();
            }
            let reopened = self.counts.reopened;
            let appended = self.file.append(&line, now, &mut self.counts);
            if self.counts.reopened > reopened {
                self.waiting_lines().mark();
            }
            if let Err(error) = appended {
                break Err(error);
            }
            self.counts.written += 1;
            self.waiting_lines().take(line.len() as u64);
            batch += line.len();
        };
        self.commit();
        if let Err(error) = written {
            return self.fail(error, now);
        }
        let ready = self.file.ready(now, &mut self.counts);
        if let Err(error) = ready.and_then(|()| self.file.close_torn(None, &mut self.counts)) {
            return self.fail(error, now);
        }
        if let Some(trouble) = self.trouble.take() {
            log::info!("writing resumed; alerts were delayed since {}", trouble.began);
        }
    }

    /// A line is marked as written only when it is on the disk.
    fn commit(&mut self) {
        self.file.commit();
        self.waiting_lines().mark();
    }

    fn wait(&mut self, line: String, now: Timestamp) {
        let pushed = self.waiting_lines().push(line);
        if let Err(error) = pushed
            && self.loss_said.is_none_or(|said| is_past(said, REMIND, now))
        {
            self.loss_said = Some(now);
            let lost = plural(self.counts().lost, "alert");
            log::warn!("{lost} lost so far: the backlog is full ({error})");
        }
    }

    fn fail(&mut self, error: Error, now: Timestamp) {
        match &mut self.trouble {
            Some(trouble) => {
                trouble.error = error;
                trouble.tried = now;
            }
            None => {
                log::warn!("{error}; buffering alerts");
                self.trouble = Some(Trouble { error, began: now, tried: now, said: now });
            }
        }
    }
}
