//! The script file. Whoever ran the script may have put anything there.

use std::fs::File;
use std::io;
use std::path::Path;

use super::open::{Reader, Refusal, open};
use super::unchanged::{self, Reading};
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

fn take(file: File, began: Timestamp, capture: Capture, script: &mut Script) -> io::Result<Option<&'static str>> {
    script.size = Some(file.metadata()?.len());
    let mut bytes = Vec::new();
    let reading = unchanged::read(&file, MAX_BYTES, began, |piece| bytes.extend_from_slice(piece))?;
    if reading == Reading::TooLarge {
        return Ok(Some("too_large"));
    }
    script::describe_file(&bytes, capture, script);
    Ok((reading == Reading::Changed).then_some("changed"))
}
