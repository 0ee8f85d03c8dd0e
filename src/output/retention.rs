//! Rotated files: their names, which are never used twice, and how long they are kept.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::medium::Medium;
use super::options::Rotation;
use crate::event::Timestamp;

/// The names of an alert file and its rotations: of `alerts.ndjson`, `alerts-20261122T110000-000001.ndjson`.
#[derive(Clone, Debug)]
pub(super) struct Names {
    directory: PathBuf,
    stem: String,
    /// With its dot; may be empty.
    extension: String,
}

/// A rotated file.
#[derive(Clone, Debug)]
pub(super) struct Rotated {
    pub(super) path: PathBuf,
    name: OsString,
    /// The part of the name that determines the order.
    order: (String, u64),
    size: u64,
    modified: Timestamp,
    pub(super) is_compressed: bool,
}

/// Opens for reading without following a link.
pub(super) fn read_only(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)
}

/// The rotated files of an alert file, oldest first.
pub(crate) fn rotations(path: &Path) -> Vec<PathBuf> {
    let files = Names::of(path).list().unwrap_or_default();
    files.into_iter().map(|file| file.path).collect()
}

impl Names {
    pub(super) fn of(path: &Path) -> Names {
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        };
        let stem = path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
        let extension = path.extension().map_or_else(String::new, |end| format!(".{}", end.to_string_lossy()));
        Names { directory, stem, extension }
    }

    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// A name that no rotated file has or had: the time, and a number above all that are there.
    pub(super) fn free(&self, now: Timestamp) -> io::Result<PathBuf> {
        let mut number = self.list()?.iter().map(|file| file.order.1).max().unwrap_or(0) + 1;
        let time: String = now.to_string().chars().take(19).filter(|c| !matches!(c, '-' | ':')).collect();
        loop {
            let path = self.directory.join(format!("{}-{time}-{number:06}{}", self.stem, self.extension));
            if fs::symlink_metadata(&path).is_err() {
                return Ok(path);
            }
            number += 1;
        }
    }

    /// The time and the number in the name of a rotated file, and whether it is compressed.
    fn parse(&self, name: &str) -> Option<((String, u64), bool)> {
        let rest = name.strip_prefix(&self.stem)?.strip_prefix('-')?;
        let (rest, is_compressed) = rest.strip_suffix(".gz").map_or((rest, false), |rest| (rest, true));
        let (time, number) = rest.strip_suffix(&self.extension)?.split_once('-')?;
        let (day, clock) = time.split_once('T')?;
        let digits = |text: &str, count| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
        let is_ours = digits(day, 8) && digits(clock, 6) && number.len() >= 6 && digits(number, number.len());
        is_ours.then_some(())?;
        Some(((time.to_owned(), number.parse().ok()?), is_compressed))
    }

    /// The rotated files, oldest first: by number, as clocks are set back.
    pub(super) fn list(&self) -> io::Result<Vec<Rotated>> {
        let mut files = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let name = entry.file_name();
            let Some((order, is_compressed)) = name.to_str().and_then(|name| self.parse(name)) else { continue };
            let Ok(metadata) = fs::symlink_metadata(entry.path()) else { continue };
            if !metadata.is_file() {
                continue;
            }
            let modified = Timestamp::from(metadata.modified()?);
            files.push(Rotated { path: entry.path(), name, order, size: metadata.len(), modified, is_compressed });
        }
        files.sort_by(|one, other| (one.order.1, &one.order.0).cmp(&(other.order.1, &other.order.0)));
        // Both are there while one is compressed, and after a crash at that time: the plain one is whole.
        files.dedup_by(|later, earlier| {
            let twice = later.order == earlier.order;
            if twice && earlier.is_compressed {
                std::mem::swap(later, earlier);
            }
            twice
        });
        Ok(files)
    }

    /// Deletes rotated files beyond any of the limits. Returns the names of those that it deleted, and why the first of
    /// the others could not be: each is tried. `live` is the size of the current file.
    pub(super) fn delete_old(
        &self,
        medium: &dyn Medium,
        rotation: &Rotation,
        (live, now): (u64, Timestamp),
    ) -> (Vec<OsString>, io::Result<()>) {
        let files = match self.list() {
            Ok(files) => files,
            Err(error) => return (Vec::new(), Err(error)),
        };
        let (mut deleted, mut failed) = (Vec::new(), Ok(()));
        let (mut kept, mut total, mut ends) = (0, live, false);
        for file in files.iter().rev() {
            total = total.saturating_add(file.size);
            let is_old = now > file.modified.saturating_add(rotation.keep_age);
            // The limits are of the newest files: what is older than a deleted one goes too.
            ends |= kept >= rotation.keep_files || total > rotation.keep_size || is_old;
            if !ends {
                kept += 1;
                continue;
            }
            match medium.remove(&file.path) {
                Ok(()) => deleted.push(file.name.clone()),
                // Whoever collects the alerts can be first.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => failed = failed.and(Err(file.error(error))),
            }
        }
        (deleted, failed)
    }

    /// Compresses all rotated files but the newest, each that it can, and says why the first of the others could not be.
    pub(super) fn compress(&self, keep: usize) -> io::Result<()> {
        let files = self.list()?;
        let older = files.len().saturating_sub(keep);
        let plain = files[..older].iter().filter(|file| !file.is_compressed);
        let results: Vec<io::Result<()>> = plain.map(Rotated::compress).collect();
        results.into_iter().collect()
    }
}

impl Rotated {
    fn error(&self, error: io::Error) -> io::Error {
        io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
    }

    /// Puts a compressed file in its place, with the same mode.
    fn compress(&self) -> io::Result<()> {
        let with = |path: &Path, end: &str| {
            PathBuf::from([path.as_os_str(), OsStr::new(end)].into_iter().collect::<OsString>())
        };
        let target = with(&self.path, ".gz");
        let temporary = with(&target, ".tmp");
        // A run that was ended in the middle leaves it.
        let _ = fs::remove_file(&temporary);
        let compressed = self.compress_to(&temporary).and_then(|()| fs::rename(&temporary, &target));
        let replaced = compressed.and_then(|()| fs::remove_file(&self.path));
        match replaced {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            Err(error) => {
                let _ = fs::remove_file(&temporary);
                Err(self.error(error))
            }
            Ok(()) => Ok(()),
        }
    }

    fn compress_to(&self, path: &Path) -> io::Result<()> {
        let mut from = read_only(&self.path)?;
        let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        to.set_permissions(from.metadata()?.permissions())?;
        let mut encoder = GzEncoder::new(to, Compression::default());
        io::copy(&mut from, &mut encoder)?;
        Ok(rustix::fs::fsync(encoder.finish()?)?)
    }
}
