//! The documents that stand in an alert file before a replay: those that it gives again are not written again.

use std::collections::HashSet;
use std::path::Path;

use serde_json::{Map, Value as Json};
use sha2::{Digest, Sha256};

use super::alert_lines::Lines;
use super::exit::Failure;
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

/// A hash of a document without its number in the file.
fn content(mut document: Map<String, Json>) -> [u8; 32] {
    if let Some(Json::Object(event)) = document.get_mut("event") {
        event.shift_remove("sequence");
    }
    Sha256::digest(Json::Object(document).to_string()).into()
}
