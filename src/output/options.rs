//! How the alert file is kept, and what was done with it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::event::Timestamp;

/// Lines that wait in memory, in bytes, when the state directory takes none, unless the configuration says otherwise.
pub(crate) const MAX_WAITING_BYTES: usize = 16 << 20;
/// Bytes kept in the state directory: 33 alerts of the greatest length, some hundreds of common ones.
const RESERVE: u64 = 1 << 20;

/// Where and how alerts are written.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The file.
    pub path: PathBuf,
    /// The file must not exist. It is taken as its volume makes it: one that ignores owners, as USB sticks do, says that
    /// it belongs to another. FACT: ignored-owners, ignored-owners-exfat
    pub is_new: bool,
    /// When lines are forced to the disk.
    pub fsync: Fsync,
    /// How often, when `fsync` is [`Fsync::Interval`].
    pub fsync_interval: Duration,
    /// When the file is rotated; `None`: never.
    pub rotation: Option<Rotation>,
    /// Where lines wait that cannot be written; without it they wait in memory.
    pub state_directory: Option<PathBuf>,
    /// Bytes of the state directory that are kept for lines that wait, against the day the disk is full.
    pub reserve: u64,
    /// How many bytes of lines may wait in memory.
    pub memory: usize,
}

impl Options {
    /// One file that only grows, forced to the disk after each line.
    pub(crate) fn new(path: &Path) -> Options {
        Options {
            path: path.to_owned(),
            is_new: false,
            fsync: Fsync::Always,
            fsync_interval: Duration::from_secs(1),
            rotation: None,
            state_directory: None,
            reserve: RESERVE,
            memory: MAX_WAITING_BYTES,
        }
    }
}

/// When lines are forced to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Fsync {
    /// After each.
    Always,
    /// An interval after the first that is not on the disk yet.
    Interval,
}

/// When the file is rotated, and how many rotated files are kept.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rotation {
    /// Bytes that the file must not pass.
    pub size: u64,
    /// Age of the file, from its creation.
    pub age: Duration,
    /// Rotated files to keep.
    pub keep_files: usize,
    /// Age of rotated files to keep, from their last line.
    pub keep_age: Duration,
    /// Bytes of all files to keep, the current one included.
    pub keep_size: u64,
    /// The newest rotated files that stay uncompressed; `None`: all of them.
    pub compress_after: Option<usize>,
}

/// What the writer did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Lines in the file.
    pub written: u64,
    /// Lines that had to wait, in total.
    pub delayed: u64,
    /// Lines lost: the state directory and memory were full, or a crash tore them there.
    pub lost: u64,
    /// Rotations.
    pub rotated: u64,
    /// Times that the file was found moved or deleted.
    pub reopened: u64,
    /// Lines that were begun and could not be ended; they were closed off with a newline.
    pub torn: u64,
    /// Rotated files deleted because they were too many, too old or too large.
    pub deleted: u64,
}

/// Whether this long has passed; a clock set back does not make it wait.
pub(super) fn is_past(since: Timestamp, span: Duration, now: Timestamp) -> bool {
    now < since || now >= since.saturating_add(span)
}
