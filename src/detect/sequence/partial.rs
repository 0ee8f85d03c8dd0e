//! What waits: the partial sequences of a stage and key, and their places in the order in which they began.

use std::sync::Arc;

use crate::detect::held::{Held, Weight, weigh};
use crate::detect::reorder::Ordinal;
use crate::eql::Condition;
use crate::event::{Charge, Event};

/// What a partial sequence takes besides its key and its events.
pub(super) const PARTIAL_BYTES: usize = 192;

/// The order of the keys is searched for stale ones when it takes this many bytes, or twice as many as the last search
/// left.
pub(super) const ORDER_BYTES: usize = 256 << 10;

#[derive(Debug)]
pub(super) struct Partial {
    pub(super) events: Vec<Arc<Held>>,
    pub(super) first_ms: i64,
    pub(super) last: Ordinal,
    /// An event that must not occur lies between its events: it can only use up others.
    pub(super) is_spoiled: bool,
    /// When an event that must not occur came last before the first.
    pub(super) before_ms: Option<i64>,
    /// Of the key.
    pub(super) _charge: Charge,
}

impl Partial {
    pub(super) fn weight(&self) -> Weight {
        weigh(self.events.iter())
    }

    /// Whether the event, which is of the next stage, continues this sequence.
    pub(super) fn is_continued_by(&self, event: &Event, ordinal: Ordinal, joined: Option<&Condition>) -> bool {
        self.last < ordinal && joined.is_none_or(|condition| self.meets(condition, event))
    }

    /// Whether the event meets the condition together with those of this sequence.
    pub(super) fn meets(&self, condition: &Condition, event: &Event) -> bool {
        condition.joins(|at| self.events.get(at).map(|held| &*held.event), event)
    }
}

/// The partial sequences of one stage and key.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) latest: Partial,
    /// Only where the next stage compares events; the earliest first.
    pub(super) older: Vec<Partial>,
}

impl Slot {
    pub(super) fn partials(&self) -> impl Iterator<Item = &Partial> {
        self.older.iter().chain([&self.latest])
    }
}

/// The bytes that a key takes in the order.
pub(super) fn place_bytes(key: &str) -> usize {
    size_of::<(i64, usize, Arc<str>)>() + key.len()
}

/// Whether no event that is still expected can complete it: then it may go, and nothing is lost.
pub(super) fn is_over(partial: &Partial, maxspan_ms: Option<i64>, watermark_ms: i64) -> bool {
    maxspan_ms.is_some_and(|maxspan| partial.first_ms.saturating_add(maxspan) < watermark_ms)
}
