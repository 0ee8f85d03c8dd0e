//! The file itself: opened with care, appended to line by line, rotated.

use std::ffi::OsString;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::PathBuf;
use std::thread::JoinHandle;
use std::time::{Duration, UNIX_EPOCH};

use rustix::fs::FlockOperation;

use super::error::{Error, ErrorKind};
use super::options::{Counts, Fsync, Rotation, is_past};
use super::retention::{Names, read_only};
use crate::event::Timestamp;
use crate::report::plural;

/// The last lines of a file are looked for in this many bytes at its end: 32 lines of the greatest length.
const TAIL: u64 = 1 << 20;

#[derive(Debug)]
pub(super) struct AlertFile {
    path: PathBuf,
    fsync: Fsync,
    fsync_interval: Duration,
    rotation: Option<Rotation>,
    names: Names,
    open: Option<Open>,
    /// Bytes of the line at hand that the file took before it took no more.
    begun: usize,
    /// The first write that is not on the disk yet.
    dirty: Option<Timestamp>,
    compressing: Option<JoinHandle<io::Result<()>>>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// Device and inode: whether the path still leads here.
    identity: (u64, u64),
    size: u64,
    created: Timestamp,
    /// A device can neither be rotated nor be replaced by someone else.
    is_regular: bool,
    /// The last line has no newline.
    is_torn: bool,
}

/// The end of what was written before.
#[derive(Debug, Default)]
pub(super) struct Last {
    /// The last whole line.
    pub(super) line: Option<String>,
    /// The last `event.sequence`.
    pub(super) sequence: Option<u64>,
}

impl AlertFile {
    pub(super) fn new(
        path: PathBuf,
        (fsync, fsync_interval): (Fsync, Duration),
        rotation: Option<Rotation>,
    ) -> AlertFile {
        let names = Names::of(&path);
        AlertFile { path, fsync, fsync_interval, rotation, names, open: None, begun: 0, dirty: None, compressing: None }
    }

    fn error(&self, error: io::Error) -> Error {
        Error { path: self.path.clone(), kind: ErrorKind::Io(error) }
    }

    /// Opens or makes the file; closes off a torn last line.
    pub(super) fn open(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        if self.rotation.is_some() {
            let made = DirBuilder::new().mode(0o750).create(self.names.directory());
            if let Err(error) = made
                && error.kind() != io::ErrorKind::AlreadyExists
            {
                return Err(Error { path: self.names.directory().to_owned(), kind: ErrorKind::Io(error) });
            }
        }
        // Opening a named pipe must not wait for a reader.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).mode(0o640).custom_flags(flags);
        let mut file = options.open(&self.path).map_err(|error| self.error(error))?;
        let metadata = file.metadata().map_err(|error| self.error(error))?;
        let refuse = |kind| Err(Error { path: self.path.clone(), kind });
        let is_regular = metadata.is_file();
        if !is_regular && !metadata.file_type().is_char_device() {
            return refuse(ErrorKind::NotAFile);
        }
        if is_regular && metadata.nlink() > 1 {
            return refuse(ErrorKind::HardLinked(metadata.nlink()));
        }
        if is_regular && rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err() {
            return refuse(ErrorKind::Locked);
        }
        let is_torn = is_regular && ends_torn(&mut file, metadata.len()).map_err(|error| self.error(error))?;
        let created = metadata.created().or_else(|_| metadata.modified()).ok();
        let created = created.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let created = created.and_then(|age| i64::try_from(age.as_nanos()).ok());
        let created = created.map_or(now, Timestamp::from_nanoseconds);
        let identity = (metadata.dev(), metadata.ino());
        self.open = Some(Open { file, identity, size: metadata.len(), created, is_regular, is_torn });
        if is_torn {
            log::warn!("{}: last line was truncated; newline added", self.path.display());
            counts.torn += 1;
            self.close_torn()?;
        }
        Ok(())
    }

    fn close_torn(&mut self) -> Result<(), Error> {
        if let Some(open) = self.open.as_mut().filter(|open| open.is_torn) {
            let path = &self.path;
            let failed = |error| Error { path: path.clone(), kind: ErrorKind::Io(error) };
            open.file.write_all(b"\n").map_err(failed)?;
            open.size += 1;
            open.is_torn = false;
        }
        Ok(())
    }

    /// Makes sure that there is a file to append to.
    pub(super) fn ready(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_regular) {
            let identity = fs::symlink_metadata(&self.path).map(|found| (found.dev(), found.ino()));
            if identity.ok() != Some(open.identity) {
                log::warn!("{}: was moved or deleted; creating it again", self.path.display());
                counts.reopened += 1;
                let _ = rustix::fs::fsync(&open.file);
                // The file that was moved keeps its torn line; the new one gets the line whole.
                self.begun = 0;
                self.open = None;
            }
        }
        if self.open.is_none() {
            self.open(now, counts)?;
        }
        self.close_torn()
    }

    /// Appends a line that ends with its newline. After an error, the same line must be given again.
    pub(super) fn append(&mut self, line: &[u8], now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        self.ready(now, counts)?;
        if self.begun == 0 && self.wants_rotation(line.len() as u64, now) {
            self.rotate(now, counts)?;
        }
        let path = &self.path;
        let failed = |error| Error { path: path.clone(), kind: ErrorKind::Io(error) };
        let Some(open) = &mut self.open else { return Err(failed(io::ErrorKind::NotFound.into())) };
        while self.begun < line.len() {
            match open.file.write(&line[self.begun..]) {
                Ok(0) => return Err(failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.begun += written;
                    open.size += written as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(failed(error)),
            }
        }
        self.begun = 0;
        self.dirty = self.dirty.or(Some(now));
        if self.fsync == Fsync::Always
            && let Err(error) = self.sync()
        {
            // The file has the line: to write it again would be to write it twice.
            log::warn!("{error}");
        }
        Ok(())
    }

    /// `fsync(2)`: on macOS that is to the drive, as `F_FULLFSYNC` for every alert would hold up the
    /// engine for the time of a flush of the drive's cache.
    fn sync(&mut self) -> Result<(), Error> {
        let Some(open) = self.open.as_ref().filter(|open| open.is_regular) else {
            self.dirty = None;
            return Ok(());
        };
        rustix::fs::fsync(&open.file).map_err(|error| self.error(error.into()))?;
        self.dirty = None;
        Ok(())
    }

    pub(super) fn sync_due(&self) -> Option<Timestamp> {
        match self.fsync {
            Fsync::Always => None,
            Fsync::Interval => Some(self.dirty?.saturating_add(self.fsync_interval)),
        }
    }

    pub(super) fn sync_if_due(&mut self, now: Timestamp) -> Result<(), Error> {
        match (self.fsync, self.dirty) {
            (Fsync::Interval, Some(since)) if is_past(since, self.fsync_interval, now) => self.sync(),
            _ => Ok(()),
        }
    }

    fn wants_rotation(&self, more: u64, now: Timestamp) -> bool {
        let (Some(rotation), Some(open)) = (&self.rotation, &self.open) else { return false };
        let is_old = now >= open.created.saturating_add(rotation.age);
        open.is_regular && open.size > 0 && (open.size + more > rotation.size || is_old)
    }

    fn rotate(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        self.sync()?;
        let name = self.names.free(now).map_err(|error| self.error(error))?;
        fs::rename(&self.path, &name).map_err(|error| self.error(error))?;
        counts.rotated += 1;
        self.open = None;
        self.open(now, counts)?;
        let synced = File::open(self.names.directory()).and_then(|directory| Ok(rustix::fs::fsync(directory)?));
        if let Err(error) = synced {
            log::warn!("{}: {error}", self.names.directory().display());
        }
        self.maintain(now, counts);
        Ok(())
    }

    /// Deletes and compresses rotated files.
    pub(super) fn maintain(&mut self, now: Timestamp, counts: &mut Counts) {
        // A file that is being compressed is there twice: it is left alone until that is done.
        if self.compressing.as_ref().is_some_and(|compressing| !compressing.is_finished()) {
            return;
        }
        self.end_compressing();
        self.delete_old(now, counts);
        if let Some(keep) = self.rotation.as_ref().and_then(|rotation| rotation.compress_after) {
            let names = self.names.clone();
            // Beside the engine: a file takes a good part of a second.
            let work = move || names.compress(keep);
            self.compressing = std::thread::Builder::new().name("osawatch-compress".into()).spawn(work).ok();
        }
    }

    fn end_compressing(&mut self) {
        if let Some(Ok(Err(error))) = self.compressing.take().map(JoinHandle::join) {
            log::warn!("cannot compress rotated alert files: {error}");
        }
    }

    fn delete_old(&mut self, now: Timestamp, counts: &mut Counts) {
        let Some(rotation) = &self.rotation else { return };
        let live = self.open.as_ref().map_or(0, |open| open.size);
        match self.names.delete_old(rotation, live, now) {
            Ok(deleted) if deleted.is_empty() => {}
            Ok(deleted) => {
                counts.deleted += deleted.len() as u64;
                log::info!(
                    "deleted {}, as configured: {}",
                    plural(deleted.len() as u64, "rotated alert file"),
                    list(&deleted)
                );
            }
            Err(error) => {
                log::warn!("cannot delete old alert files: {error}");
            }
        }
    }

    pub(super) fn finish(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        if self.compressing.is_some() {
            self.end_compressing();
            self.delete_old(now, counts);
        }
        self.sync()
    }

    /// The end of what was written before: of the file, or of the newest rotated one when it is empty.
    pub(super) fn last_lines(&mut self) -> Last {
        let mut last = Last::default();
        if let Some(open) = self.open.as_mut().filter(|open| open.is_regular) {
            last.look_in(&mut open.file);
        }
        let rotated = self.rotation.is_some().then(|| self.names.list().unwrap_or_default());
        for older in rotated.into_iter().flatten().rev().filter(|older| !older.is_compressed).take(4) {
            if last.line.is_some() && last.sequence.is_some() {
                break;
            }
            if let Ok(mut file) = read_only(&older.path) {
                last.look_in(&mut file);
            }
        }
        last
    }
}

fn list(paths: &[OsString]) -> String {
    paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(", ")
}

fn ends_torn(file: &mut File, len: u64) -> io::Result<bool> {
    if len == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::Start(len - 1))?;
    file.read_exact(&mut last)?;
    Ok(last[0] != b'\n')
}

impl Last {
    fn look_in(&mut self, file: &mut File) {
        let Ok(text) = tail(file) else { return };
        for line in text.lines().rev().filter(|line| !line.is_empty()) {
            if self.line.is_none() {
                self.line = Some(line.to_owned());
            }
            self.sequence = self.sequence.or_else(|| sequence(line));
            if self.sequence.is_some() {
                return;
            }
        }
    }
}

/// The whole lines in the last [`TAIL`] bytes.
fn tail(file: &mut File) -> io::Result<String> {
    let len = file.seek(SeekFrom::End(0))?;
    let from = len.saturating_sub(TAIL);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    let begins =
        if from == 0 { 0 } else { bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1) };
    Ok(String::from_utf8_lossy(&bytes[begins..]).into_owned())
}

/// The `event.sequence` of an alert line.
pub(super) fn sequence(line: &str) -> Option<u64> {
    #[derive(serde::Deserialize)]
    struct Line {
        event: Event,
    }
    #[derive(serde::Deserialize)]
    struct Event {
        sequence: u64,
    }
    serde_json::from_str::<Line>(line).ok().map(|line| line.event.sequence)
}
