//! The file itself: opened with care, appended to line by line, rotated.

mod rotation;

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::directory;
use super::error::{Error, ErrorKind};
use super::medium::{Medium, uninterrupted};
use super::options::{Counts, Fsync, Options, Rotation};
use super::retention::{Names, read_only};
use super::written::{Written, unended};
use crate::event::Timestamp;

/// What could not be forced to the disk is tried again this often.
const SYNC_AGAIN: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) struct AlertFile {
    path: PathBuf,
    is_new: bool,
    fsync: Fsync,
    fsync_interval: Duration,
    rotation: Option<Rotation>,
    names: Names,
    open: Option<Open>,
    /// What the file accepted of the current line before writing failed.
    begun: Vec<u8>,
    medium: Arc<dyn Medium>,
    /// When a rotation last failed.
    rotation_failed: Option<Timestamp>,
    /// The first write that is not on the disk yet.
    dirty: Option<Timestamp>,
    /// When it could not be forced to the disk last.
    sync_failed: Option<Timestamp>,
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
}

impl AlertFile {
    pub(super) fn new(options: &Options, medium: Arc<dyn Medium>) -> AlertFile {
        AlertFile {
            names: Names::of(&options.path),
            path: options.path.clone(),
            is_new: options.is_new,
            fsync: options.fsync,
            fsync_interval: options.fsync_interval,
            rotation: options.rotation,
            open: None,
            begun: Vec::new(),
            medium,
            rotation_failed: None,
            dirty: None,
            sync_failed: None,
            compressing: None,
        }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn medium(&self) -> Arc<dyn Medium> {
        Arc::clone(&self.medium)
    }

    /// The same file is kept in another way from now on.
    pub(super) fn keep_by(&mut self, options: &Options) {
        self.fsync = options.fsync;
        self.fsync_interval = options.fsync_interval;
        self.rotation = options.rotation;
        self.rotation_failed = None;
    }

    pub(super) fn error(&self, error: io::Error) -> Error {
        Error { path: self.path.clone(), kind: ErrorKind::Io(error) }
    }

    /// Opens or makes the file. What a crash left of a last line counts as the current line, which may be continued.
    pub(super) fn open(&mut self, now: Timestamp) -> Result<(), Error> {
        if self.rotation.is_some() {
            directory::ensure(self.names.directory(), directory::ALERTS)
                .map_err(|error| Error { path: self.names.directory().to_owned(), kind: ErrorKind::Io(error) })?;
        }
        // Opening a named pipe must not wait for a reader.
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let mut options = OpenOptions::new();
        options.read(true).append(true).create(true).create_new(self.is_new).mode(0o640).custom_flags(flags);
        let mut file = self.medium.open(&options, &self.path).map_err(|error| self.error(error))?;
        let metadata = file.metadata().map_err(|error| self.error(error))?;
        self.check(&file, &metadata)?;
        let is_regular = metadata.is_file();
        self.begun = if is_regular { unended(&mut file).map_err(|error| self.error(error))? } else { Vec::new() };
        let identity = (metadata.dev(), metadata.ino());
        self.open = Some(Open { file, identity, size: metadata.len(), created: created(&metadata, now), is_regular });
        Ok(())
    }

    /// Rejects what is not an alert file, or what others can write.
    fn check(&self, file: &File, metadata: &Metadata) -> Result<(), Error> {
        let refuse = |kind| Err(Error { path: self.path.clone(), kind });
        if metadata.file_type().is_char_device() {
            return Ok(());
        }
        if !metadata.is_file() {
            return refuse(ErrorKind::NotAFile);
        }
        if metadata.nlink() > 1 {
            return refuse(ErrorKind::HardLinked(metadata.nlink()));
        }
        let (uid, mode) = (metadata.uid(), metadata.mode() & 0o7777);
        let user = rustix::process::geteuid();
        let others = if user.is_root() { 0o022 } else { 0o002 };
        if !self.is_new && ((uid != 0 && uid != user.as_raw()) || mode & others != 0) {
            return refuse(ErrorKind::NotOurs { uid, mode, user: user.as_raw() });
        }
        // A reader may hold a shared lock, which does not matter; another osawatch holds an exclusive one. A volume may
        // have no locks.
        let is_held = |operation| rustix::fs::flock(file, operation) == Err(Errno::WOULDBLOCK);
        if is_held(FlockOperation::NonBlockingLockExclusive) && is_held(FlockOperation::NonBlockingLockShared) {
            return refuse(ErrorKind::Locked);
        }
        Ok(())
    }

    /// What a crash left of a last line is ended with a newline, unless it is the start of the line that comes next.
    pub(super) fn close_torn(&mut self, next: Option<&[u8]>, counts: &mut Counts) -> Result<(), Error> {
        if self.begun.is_empty() || next.is_some_and(|next| next.starts_with(&self.begun)) {
            return Ok(());
        }
        let Some(open) = &mut self.open else { return Ok(()) };
        let written = uninterrupted(|| self.medium.append(&open.file, b"\n"));
        if let Err(error) = written {
            return Err(Error { path: self.path.clone(), kind: ErrorKind::Io(error) });
        }
        open.size += 1;
        self.begun.clear();
        counts.torn += 1;
        log::warn!("{}: last line was truncated; newline added", self.path.display());
        Ok(())
    }

    /// Makes sure that there is a file to append to.
    pub(super) fn ready(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        if let Some(open) = self.open.as_mut().filter(|open| open.is_regular) {
            let found = fs::symlink_metadata(&self.path).ok();
            let same = found.filter(|found| (found.dev(), found.ino()) == open.identity);
            match same {
                Some(found) if found.len() == open.size => {}
                // Someone emptied it, or wrote to it: what was begun is gone, or is ended by another's line.
                Some(found) => {
                    open.size = found.len();
                    self.begun = unended(&mut open.file).map_err(|error| self.error(error))?;
                }
                None => {
                    log::warn!("{}: was moved or deleted; creating it again", self.path.display());
                    counts.reopened += 1;
                    let _ = self.medium.sync(&open.file);
                    // The file that was moved keeps its truncated line; the new one gets the whole line.
                    self.begun.clear();
                    self.open = None;
                }
            }
        }
        if self.open.is_none() {
            self.open(now)?;
        }
        Ok(())
    }

    /// Appends a line that ends with its newline. After an error, the same line must be given again.
    pub(super) fn append(&mut self, line: &[u8], now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        self.ready(now, counts)?;
        if self.is_rotated_for(line.len() as u64, now) {
            self.rotate(now, counts)?;
        }
        self.close_torn(Some(line), counts)?;
        let path = &self.path;
        let failed = |error| Error { path: path.clone(), kind: ErrorKind::Io(error) };
        let Some(open) = &mut self.open else { return Err(failed(io::ErrorKind::NotFound.into())) };
        while self.begun.len() < line.len() {
            let rest = &line[self.begun.len()..];
            match uninterrupted(|| self.medium.append(&open.file, rest)) {
                Ok(0) => return Err(failed(io::ErrorKind::WriteZero.into())),
                Ok(written) => {
                    self.begun.extend_from_slice(&rest[..written]);
                    open.size += written as u64;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        self.begun.clear();
        self.dirty = self.dirty.or(Some(now));
        Ok(())
    }

    /// Forces to the disk, all at once, what was appended, if that is not to wait.
    pub(super) fn commit(&mut self) {
        if self.fsync == Fsync::Always
            && self.dirty.is_some()
            && let Err(error) = self.sync()
        {
            // The file has the lines: to write them again would be to write them twice.
            log::warn!("{error}");
            self.dirty = None;
        }
    }

    /// `fsync(2)`: on macOS that is to the drive, as `F_FULLFSYNC` takes the time of a flush of the drive's cache.
    pub(super) fn sync(&mut self) -> Result<(), Error> {
        if let Some(open) = self.open.as_ref().filter(|open| open.is_regular) {
            uninterrupted(|| self.medium.sync(&open.file)).map_err(|error| self.error(error))?;
        }
        (self.dirty, self.sync_failed) = (None, None);
        Ok(())
    }

    /// When what was appended is to be forced to the disk; `None`: nothing waits for that.
    pub(super) fn sync_due(&self) -> Option<Timestamp> {
        let due = self.dirty.filter(|_| self.fsync == Fsync::Interval)?.saturating_add(self.fsync_interval);
        Some(self.sync_failed.map_or(due, |failed| due.max(failed.saturating_add(SYNC_AGAIN))))
    }

    /// The file has the lines even if that fails: the next ones need not wait.
    pub(super) fn sync_if_due(&mut self, now: Timestamp) {
        let is_set_back = self.dirty.max(self.sync_failed).is_some_and(|last| now < last);
        if self.sync_due().is_some_and(|due| now >= due || is_set_back)
            && let Err(error) = self.sync()
            && self.sync_failed.replace(now).is_none()
        {
            log::warn!("{error}; trying again every second");
        }
    }

    /// The end of what was written before: of the file and of the newest rotated ones.
    pub(super) fn written(&mut self) -> Written {
        let mut written = Written::default();
        if let Some(open) = self.open.as_mut().filter(|open| open.is_regular) {
            written.look_in(&mut open.file);
        }
        let rotated = self.rotation.is_some().then(|| self.names.list().unwrap_or_default());
        for older in rotated.into_iter().flatten().rev().filter(|older| !older.is_compressed).take(4) {
            if let Ok(mut file) = read_only(&older.path) {
                written.look_in(&mut file);
            }
        }
        written
    }
}

fn created(metadata: &Metadata, now: Timestamp) -> Timestamp {
    metadata.created().or_else(|_| metadata.modified()).map_or(now, Timestamp::from)
}
