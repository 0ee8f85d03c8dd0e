//! The documents that stand in an alert file before a replay: those that it gives again are not written again. And those
//! of several alert files, each of which is shown once.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::alert_lines::Lines;
use super::exit::Failure;
use crate::alert::to_line;
use crate::report::plural;

/// More of them are not kept: some 50 MB.
const MAX_DOCUMENTS: usize = 1_000_000;

/// The documents that a file holds, by what is in them.
///
/// Not by their ids: the follow-up of a replay that was interrupted has the id of the whole one, and says less.
#[derive(Debug, Default)]
pub(super) struct Written(HashSet<[u8; 32]>);

impl Written {
    /// Reads them; a file that is not there holds none. What is no document is left alone: the writer closes off a torn
    /// line.
    pub(super) fn read(path: &Path) -> Result<Written, Failure> {
        // Whether a file can be written is for its writer to say.
        let Ok(mut lines) = Lines::open(path) else { return Ok(Written::default()) };
        let (mut documents, mut left_out) = (HashSet::new(), 0);
        lines.read(&mut |_, _, line| {
            if let Ok(document) = serde_json::from_slice(line) {
                if documents.len() < MAX_DOCUMENTS {
                    documents.insert(content(document));
                } else {
                    left_out += 1;
                }
            }
            Ok(())
        })?;
        if left_out > 0 {
            let left_out = plural(left_out, "document");
            log::warn!("{}: {left_out} of this file were not looked at, and can be written again", path.display());
        }
        Ok(Written(documents))
    }

    /// Whether the document stands there, under whatever number.
    pub(super) fn holds(&self, document: &Map<String, Json>) -> bool {
        !self.0.is_empty() && self.0.contains(&content(document.clone()))
    }
}

/// The documents of the inputs that were read: what a copy of a file holds once more is no further alert.
#[derive(Debug, Default)]
pub(super) struct Known {
    before: HashSet<[u8; 32]>,
    /// Those of the input that is being read.
    now: Vec<[u8; 32]>,
    copies: u64,
}

impl Known {
    /// Whether an input that was read before holds the document too, under the same number; it is counted then.
    pub(super) fn holds(&mut self, document: &Map<String, Json>) -> bool {
        let content = Sha256::digest(to_line(document)).into();
        let is_copy = self.before.contains(&content);
        self.copies += u64::from(is_copy);
        if !is_copy && self.before.len() + self.now.len() < MAX_DOCUMENTS {
            self.now.push(content);
        }
        is_copy
    }

    /// Another input begins.
    pub(super) fn begin(&mut self) {
        self.before.extend(self.now.drain(..));
    }

    /// How many copies there were.
    pub(super) fn copies(&self) -> u64 {
        self.copies
    }
}

/// A hash of a document without its number in the file.
fn content(mut document: Map<String, Json>) -> [u8; 32] {
    if let Some(Json::Object(event)) = document.get_mut("event") {
        event.shift_remove("sequence");
    }
    Sha256::digest(Json::Object(document).to_string()).into()
}
