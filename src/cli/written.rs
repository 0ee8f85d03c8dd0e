//! The alerts that stand in an alert file before a replay: found again, they are not written again.

use std::borrow::Cow;
use std::collections::HashSet;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Map, Value as Json};

use super::alert_lines::Lines;
use super::exit::Failure;
use crate::report::plural;

/// More ids are not kept: some 100 MB.
const MAX_IDS: usize = 1_000_000;

/// The ids of alerts that a file holds.
#[derive(Debug, Default)]
pub(super) struct Written(HashSet<Box<str>>);

#[derive(Deserialize)]
struct Line<'l> {
    #[serde(borrow)]
    event: Event<'l>,
}

#[derive(Deserialize)]
struct Event<'l> {
    #[serde(borrow)]
    id: Cow<'l, str>,
}

impl Written {
    /// Reads them; a file that is not there holds none. What is no alert is left alone: the writer closes off a torn line.
    pub(super) fn read(path: &Path) -> Result<Written, Failure> {
        // Whether a file can be written is for its writer to say.
        let Ok(mut lines) = Lines::open(path) else { return Ok(Written::default()) };
        let (mut ids, mut left_out) = (HashSet::new(), 0);
        lines.read(&mut |_, _, line| {
            if let Ok(Line { event }) = serde_json::from_slice(line) {
                if ids.len() < MAX_IDS {
                    ids.insert(event.id.into());
                } else {
                    left_out += 1;
                }
            }
            Ok(())
        })?;
        if left_out > 0 {
            let left_out = plural(left_out, "alert");
            log::warn!("{}: {left_out} of it were not looked at, and can be written again", path.display());
        }
        Ok(Written(ids))
    }

    /// Whether the alert stands there.
    pub(super) fn holds(&self, document: &Map<String, Json>) -> bool {
        let id = document.get("event").and_then(|event| event.get("id")).and_then(Json::as_str);
        id.is_some_and(|id| self.0.contains(id))
    }
}
