//! A file that is full or old makes way for a new one; the old ones are compressed, and deleted in the end.

use std::ffi::OsString;
use std::fs::File;
use std::thread::JoinHandle;
use std::time::Duration;

use super::AlertFile;
use crate::event::Timestamp;
use crate::output::error::Error;
use crate::output::options::{Counts, is_past};
use crate::report::plural;

/// A rotation that failed is tried again after this long.
const ROTATE_AGAIN: Duration = Duration::from_secs(60);
const CANNOT_COMPRESS: &str = "cannot compress rotated alert files";

impl AlertFile {
    /// Whether a line of this length goes to a new file.
    pub(in crate::output) fn is_rotated_for(&self, more: u64, now: Timestamp) -> bool {
        self.begun.is_empty() && self.wants_rotation(more, now)
    }

    pub(super) fn wants_rotation(&self, more: u64, now: Timestamp) -> bool {
        let (Some(rotation), Some(open)) = (&self.rotation, &self.open) else { return false };
        let is_old = now >= open.created.saturating_add(rotation.age);
        if self.rotation_failed.is_some_and(|failed| !is_past(failed, ROTATE_AGAIN, now)) {
            return false;
        }
        open.is_regular && open.size > 0 && (open.size + more > rotation.size || is_old)
    }

    /// Continues in a new file; in the old one when that cannot be renamed.
    pub(super) fn rotate(&mut self, now: Timestamp, counts: &mut Counts) -> Result<(), Error> {
        let renamed = self.sync().map_err(|error| error.to_string()).and_then(|()| {
            let name = self.names.free(now).map_err(|error| error.to_string())?;
            self.medium.rename(&self.path, &name).map_err(|error| format!("{}: {error}", name.display()))
        });
        if let Err(error) = renamed {
            log::warn!("cannot rotate the alert file; continuing with the old one: {error}");
            self.rotation_failed = Some(now);
            return Ok(());
        }
        self.rotation_failed = None;
        counts.rotated += 1;
        self.open = None;
        self.open(now)?;
        let synced = File::open(self.names.directory()).and_then(|directory| self.medium.sync(&directory));
        if let Err(error) = synced {
            log::warn!("{}: {error}", self.names.directory().display());
        }
        self.maintain(now, counts);
        Ok(())
    }

    /// Deletes and compresses rotated files.
    pub(in crate::output) fn maintain(&mut self, now: Timestamp, counts: &mut Counts) {
        // A file that is being compressed is there twice: it is left alone until that is done.
        if self.compressing.as_ref().is_some_and(|compressing| !compressing.is_finished()) {
            return;
        }
        self.end_compressing();
        self.delete_old(now, counts);
        if let Some(keep) = self.rotation.as_ref().and_then(|rotation| rotation.compress_after) {
            let names = self.names.clone();
            // Beside the writer: a file takes a good part of a second.
            let work = move || names.compress(keep);
            match std::thread::Builder::new().name("osawatch-compress".into()).spawn(work) {
                Ok(thread) => self.compressing = Some(thread),
                Err(error) => log::warn!("{CANNOT_COMPRESS}: cannot start a thread: {error}"),
            }
        }
    }

    /// Waits for the thread that compresses rotated files, and deletes those beyond the limits.
    pub(in crate::output) fn end_maintenance(&mut self, now: Timestamp, counts: &mut Counts) {
        if self.compressing.is_some() {
            self.end_compressing();
            self.delete_old(now, counts);
        }
    }

    fn end_compressing(&mut self) {
        match self.compressing.take().map(JoinHandle::join) {
            Some(Ok(Err(error))) => log::warn!("{CANNOT_COMPRESS}: {error}"),
            Some(Err(_)) => log::warn!("{CANNOT_COMPRESS}: the thread panicked"),
            Some(Ok(Ok(()))) | None => {}
        }
    }

    fn delete_old(&mut self, now: Timestamp, counts: &mut Counts) {
        let Some(rotation) = &self.rotation else { return };
        let live = self.open.as_ref().map_or(0, |open| open.size);
        let (deleted, failed) = self.names.delete_old(&*self.medium, rotation, (live, now));
        if !deleted.is_empty() {
            let count = deleted.len() as u64;
            counts.deleted += count;
            log::info!("deleted {}, as configured: {}", plural(count, "rotated alert file"), list(&deleted));
        }
        if let Err(error) = failed {
            log::warn!("cannot delete old alert files: {error}");
        }
    }
}

fn list(paths: &[OsString]) -> String {
    paths.iter().map(|path| path.to_string_lossy()).collect::<Vec<_>>().join(", ")
}
