//! What matchers hold: events, each once for all rules, and what they make of them.

use std::cmp::Reverse;
use std::sync::Arc;

use super::joins::Joins;
use crate::eql::{JoinKey, KeyValue, Keys};
use crate::event::{Charge, Event, Ledger, Timestamp};

/// How long something held is: the bytes of its longest event, and its time; of those as long, the earliest is the
/// greatest.
pub(super) type Length = (usize, Reverse<Timestamp>);

/// A completed sequence or sample, or the one event of an event query.
#[derive(Clone, Debug)]
pub struct Match {
    /// The contributing events, in stage order.
    pub events: Vec<Arc<Event>>,
    /// The values of the join keys, in query order; `None` for an optional key without a value.
    pub join: Vec<Option<KeyValue>>,
    /// The completing event has several keys, so the same events may match again under another.
    pub has_several_keys: bool,
}

/// An event, kept once and shared by all rules that hold them.
pub(super) struct Shared<'e> {
    pub event: &'e Event,
    ledger: &'e Ledger,
    joins: &'e mut Joins,
    kept: Option<Arc<Held>>,
}

impl<'e> Shared<'e> {
    pub(super) fn new(event: &'e Event, ledger: &'e Ledger, joins: &'e mut Joins) -> Shared<'e> {
        joins.next_event();
        Shared { event, ledger, joins, kept: None }
    }

    pub(super) fn keep(&mut self) -> Arc<Held> {
        let held = || {
            let event = Arc::new(self.event.detached());
            let charge = self.ledger.charge(event.bytes());
            Arc::new(Held { event, charge })
        };
        Arc::clone(self.kept.get_or_insert_with(held))
    }

    /// The keys that the event joins under.
    pub(super) fn keys(&mut self, join: &[JoinKey]) -> &mut Keys {
        self.joins.keys(join, self.event)
    }

    pub(super) fn charge(&self, bytes: usize) -> Charge {
        self.ledger.charge(bytes)
    }
}

/// An event that matchers hold, of any number of rules.
#[derive(Debug)]
pub(super) struct Held {
    pub event: Arc<Event>,
    pub charge: Charge,
}

/// The longest of held events.
pub(super) fn longest<'h>(held: impl Iterator<Item = &'h Arc<Held>>) -> Length {
    held.map(|held| (held.charge.bytes(), Reverse(held.event.time))).max().unwrap_or_default()
}
