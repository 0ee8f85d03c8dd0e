//! The join keys of the current event, written out once for all stages that join by the same fields.

use crate::eql::{JoinKey, Keys};
use crate::event::Event;

/// The keys of the current event by each list of fields that stages join by.
#[derive(Debug, Default)]
pub(super) struct Joins {
    /// The number of the current event.
    event: u64,
    known: Vec<Join>,
}

#[derive(Debug)]
struct Join {
    fields: Box<[JoinKey]>,
    /// The number of the event that the keys are of.
    event: u64,
    keys: Keys,
}

impl Joins {
    /// Another event is the current one.
    pub(super) fn next_event(&mut self) {
        self.event += 1;
    }

    /// The keys of the current event, from the first on.
    pub(super) fn keys(&mut self, join: &[JoinKey], event: &Event) -> &mut Keys {
        let known = self.known.iter().position(|known| *known.fields == *join);
        let at = known.unwrap_or_else(|| {
            self.known.push(Join { fields: join.into(), event: 0, keys: Keys::default() });
            self.known.len() - 1
        });
        let join = &mut self.known[at];
        if join.event == self.event {
            join.keys.restart();
        } else {
            join.event = self.event;
            join.keys.read(&join.fields, event);
        }
        &mut join.keys
    }
}
