//! An event that is recorded more than once, as where exports overlap, is one event: its copies would be detected again.

use std::collections::HashSet;
use std::fmt::Write;
use std::time::Duration;

use crate::event::{Event, Field, Timestamp, field};

/// Events of one millisecond that are known again.
const MAX_EVENTS: usize = 65_536;

const MILLISECOND: Duration = Duration::from_millis(1);

/// What an event is known by besides its time, where its document states an id.
const KNOWN_BY: [Field; 4] = [field::HOST_ID, field::PROCESS_ENTITY_ID, field::EVENT_ACTION, field::EVENT_CATEGORY];

/// The events of the millisecond that is at hand: copies are of one time, so in order they come one after the other. A
/// search can give out milliseconds of a time that the document has in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Copies {
    milliseconds: Option<i64>,
    names: HashSet<String>,
    left_out: u64,
}

impl Copies {
    /// Whether the event is a copy of one that was before; it is counted then. `next`: the time of the one that follows.
    pub(super) fn has(&mut self, event: &Event, next: Option<Timestamp>) -> bool {
        let is_near = |other: Timestamp| other.saturating_sub(MILLISECOND) < event.time;
        if self.names.is_empty() && !next.is_some_and(is_near) {
            return false;
        }
        let milliseconds = Some(event.time.milliseconds());
        if self.milliseconds != milliseconds {
            self.milliseconds = milliseconds;
            self.names.clear();
        }
        if self.names.is_empty() && next.map(Timestamp::milliseconds) != milliseconds {
            return false;
        }
        let Some(name) = name(event) else { return false };
        if self.names.contains(&name) {
            self.left_out += 1;
            return true;
        }
        if self.names.len() < MAX_EVENTS {
            self.names.insert(name);
        }
        false
    }

    /// How many copies there were.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// What the event shares with its copies alone; `None` where nothing tells it from another of the same time.
fn name(event: &Event) -> Option<String> {
    let stated = [field::EVENT_ID, field::DOCUMENT_ID].into_iter().find_map(|field| event.stated(field).next());
    let id = match stated {
        Some(id) => id.text().into_owned(),
        // The sensor numbers its messages.
        None if event.line().is_none() && event.int(field::GLOBAL_SEQ_NUM).is_some() => event.id(),
        None => return None,
    };
    let known_by = KNOWN_BY.into_iter().map(|field| event.str(field).unwrap_or_default());
    let mut name = String::new();
    for part in known_by.chain([id.as_str()]) {
        // Text takes whatever is written.
        let _ = write!(name, "{}:{part}", part.len());
    }
    Some(name)
}
