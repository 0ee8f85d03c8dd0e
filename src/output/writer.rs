//! The alert file: one whole line per write, kept until the file has it.
//!
//! The writer asks no clock: whoever drives it says what time it is.

use std::time::Duration;

use super::backlog::Backlog;
use super::error::{Error, ErrorKind};
use super::file::AlertFile;
use super::options::{Counts, Options, is_past};
use crate::event::Timestamp;
use crate::report::plural;

/// While lines cannot be written, they are tried again this often.
const RETRY: Duration = Duration::from_secs(1);
/// A condition that lasts is told again this often.
const REMIND: Duration = Duration::from_secs(60);
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
pub struct Writer {
    file: AlertFile,
    backlog: Backlog,
    trouble: Option<Trouble>,
    next_sequence: u64,
    maintained: Timestamp,
    counts: Counts,
}

impl Writer {
    /// Opens the file, or makes it with mode 0640; a symbolic link is not followed. What an earlier run
    /// left behind is put right: a torn last line is closed off, lines that waited are written.
    pub fn open(options: Options, now: Timestamp) -> Result<Writer, Error> {
        let Options { path, fsync, fsync_interval, rotation, state_directory, memory } = options;
        let mut counts = Counts::default();
        let mut file = AlertFile::new(path, (fsync, fsync_interval), rotation);
        file.open(now, &mut counts)?;
        let last = file.last_lines();
        let backlog = Backlog::open(state_directory, memory, last.line.as_deref());
        let next_sequence = backlog.last_sequence().max(last.sequence).map_or(0, |last| last + 1);
        let mut writer = Writer { file, backlog, trouble: None, next_sequence, maintained: now, counts };
        writer.file.maintain(now, &mut writer.counts);
        writer.drain(now);
        Ok(writer)
    }

    /// The `event.sequence` after the last that the file holds.
    pub fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// Writes a line, given without its newline. What cannot be written now waits.
    pub fn write(&mut self, line: &str, now: Timestamp) {
        let whole = format!("{line}\n");
        if self.trouble.is_none() && self.backlog.is_empty() {
            match self.file.append(whole.as_bytes(), now, &mut self.counts) {
                Ok(()) => self.counts.written += 1,
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

    /// Does what is due: tries again, forces to the disk, deletes old files.
    pub fn tick(&mut self, now: Timestamp) {
        let due = self.trouble.as_ref().is_none_or(|trouble| is_past(trouble.tried, RETRY, now));
        if due && (self.trouble.is_some() || !self.backlog.is_empty()) {
            self.drain(now);
        }
        if let Err(error) = self.file.sync_if_due(now) {
            self.fail(error, now);
        }
        if is_past(self.maintained, MAINTAIN, now) {
            self.maintained = now;
            self.file.maintain(now, &mut self.counts);
        }
        if let Some(trouble) = self.trouble.as_mut().filter(|trouble| is_past(trouble.said, REMIND, now)) {
            trouble.said = now;
            log::warn!("{}; {} since {}", trouble.error, buffered(self.backlog.count()), trouble.began);
        }
    }

    /// When the next [`Writer::tick`] is due.
    pub fn due(&self) -> Timestamp {
        let retry = self.trouble.as_ref().map(|trouble| trouble.tried.saturating_add(RETRY));
        let maintain = self.maintained.saturating_add(MAINTAIN);
        [retry, self.file.sync_due()].into_iter().flatten().min().map_or(maintain, |due| due.min(maintain))
    }

    /// Why lines wait, when they do.
    pub fn trouble(&self) -> Option<&Error> {
        self.trouble.as_ref().map(|trouble| &trouble.error)
    }

    /// Lines that wait now.
    pub fn waiting(&self) -> u64 {
        self.backlog.count()
    }

    /// What the writer did so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// Writes what waits and forces all to the disk. What still cannot be written stays in the state
    /// directory for the next run; without one, it is an error.
    pub fn finish(&mut self, now: Timestamp) -> Result<(), Error> {
        self.drain(now);
        let synced = self.file.finish(now, &mut self.counts);
        let Some(trouble) = self.trouble.take() else {
            return synced;
        };
        let waiting = self.backlog.count();
        match self.backlog.keep() {
            Ok(()) if waiting > 0 => {
                log::warn!("{}; {} kept for the next run", trouble.error, plural(waiting, "alert"));
                Ok(())
            }
            Ok(()) => Err(trouble.error),
            Err(error) => {
                let why = match trouble.error.kind {
                    ErrorKind::Io(error) => error,
                    _ => error,
                };
                Err(Error { path: trouble.error.path, kind: ErrorKind::Remain(waiting, why) })
            }
        }
    }

    fn drain(&mut self, now: Timestamp) {
        while let Some(line) = self.backlog.front() {
            match self.file.append(line.as_bytes(), now, &mut self.counts) {
                Ok(()) => {
                    self.counts.written += 1;
                    self.backlog.pop();
                }
                Err(error) => return self.fail(error, now),
            }
        }
        if let Err(error) = self.file.ready(now, &mut self.counts) {
            return self.fail(error, now);
        }
        if let Some(trouble) = self.trouble.take() {
            log::info!("writing resumed; alerts were delayed since {}", trouble.began);
        }
    }

    fn wait(&mut self, line: String, now: Timestamp) {
        self.counts.delayed += 1;
        if let Err(error) = self.backlog.push(line) {
            self.counts.lost += 1;
            if self.counts.lost == 1 || self.trouble.as_ref().is_some_and(|trouble| trouble.said == now) {
                log::warn!("an alert is lost: the backlog is full ({error})");
            }
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

fn buffered(count: u64) -> String {
    format!("{} buffered", plural(count, "alert"))
}
