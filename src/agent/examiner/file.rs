//! The script file, read once, by descriptor, bounded. Whoever ran the script may have put anything there.

use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::open::{Reader, Refusal, open};
use crate::event::{Script, Timestamp};
use crate::script::{self, Capture};

/// A larger file is not read.
const MAX_BYTES: u64 = 16 << 20;
/// What a bundle runs.
const IN_BUNDLE: [&str; 2] = ["Contents/document.wflow", "Contents/Resources/Scripts/main.scpt"];

/// Fills in what the file shows. `began` is when the program that runs it started.
pub(super) fn read(path: &Path, reader: Reader, began: Timestamp, capture: Capture, script: &mut Script) {
    let file = match open(path, reader) {
        Err(Refusal::Folder) => {
            let inner = IN_BUNDLE.iter().find_map(|inner| match open(&path.join(inner), reader) {
                Err(Refusal::Failed(error)) if error.kind() == io::ErrorKind::NotFound => None,
                found => Some(found),
            });
            inner.unwrap_or(Err(Refusal::NotAFile))
        }
        found => found,
    };
    let state = match file {
        Ok(file) => take(file, began, capture, script).unwrap_or_else(|error| Some(state_of(&error))),
        Err(Refusal::Failed(error)) => Some(state_of(&error)),
        Err(Refusal::NotReadable) => Some("not_readable_by_user"),
        Err(Refusal::Folder | Refusal::NotAFile) => Some("not_a_file"),
        Err(Refusal::TooDeep) => Some("unreadable"),
    };
    script.state = state.or(script.state);
}

fn state_of(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => "gone",
        _ => "unreadable",
    }
}

fn take(mut file: File, began: Timestamp, capture: Capture, script: &mut Script) -> io::Result<Option<&'static str>> {
    let before = file.metadata()?;
    script.size = Some(before.len());
    if before.len() > MAX_BYTES {
        return Ok(Some("too_large"));
    }
    let mut bytes = Vec::new();
    file.by_ref().take(MAX_BYTES).read_to_end(&mut bytes)?;
    script::describe_file(&bytes, capture, script);
    let after = file.metadata()?;
    let is_same = identity(&before) == identity(&after) && bytes.len() as u64 == before.len();
    // The time of the contents can be set to any, that of the change of the file only by the clock: a file moved over
    // another gets a new one.
    let changed = [(after.ctime(), after.ctime_nsec()), (after.mtime(), after.mtime_nsec())].into_iter().max();
    let changed = changed.map_or(0, |(s, ns)| s.saturating_mul(1_000_000_000).saturating_add(ns));
    Ok((!is_same || changed > began.nanoseconds()).then_some("changed"))
}

fn identity(metadata: &Metadata) -> (u64, u64, (i64, i64), u64) {
    (metadata.dev(), metadata.ino(), (metadata.ctime(), metadata.ctime_nsec()), metadata.len())
}
