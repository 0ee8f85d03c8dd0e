//! What a condition is asked of.

use std::cell::Cell;
use std::sync::Arc;

use super::limits::COMBINATIONS;
use super::value::TypedField;
use crate::event::{Event, Scalar};

/// What a condition is asked of: an event, or the events of a sequence.
pub(super) trait Subject {
    /// Whether any value of the field passes.
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool;
    /// The `descendant of […]` queries that are met.
    fn lineage(&self) -> u128;
}

impl Subject for Event {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        self.any(field.field, test)
    }

    fn lineage(&self) -> u128 {
        self.context.as_ref().map_or(0, |context| context.lineage)
    }
}

impl Subject for [Arc<Event>] {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        let event = field.at.map_or_else(|| self.last(), |at| self.get(at));
        event.is_some_and(|event| event.any(field.field, test))
    }

    fn lineage(&self) -> u128 {
        self.last().map_or(0, |event| event.lineage())
    }
}

/// An event and the events of the sequence that it would continue.
pub(super) struct Joined<'e, E> {
    /// The earlier event at a position.
    pub earlier: E,
    pub event: &'e Event,
}

impl<'e, E: Fn(usize) -> Option<&'e Event>> Subject for Joined<'e, E> {
    fn any(&self, field: TypedField, test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        match field.at {
            None => self.event.any(field.field, test),
            Some(at) => (self.earlier)(at).is_some_and(|event| event.any(field.field, test)),
        }
    }

    fn lineage(&self) -> u128 {
        self.event.lineage()
    }
}

/// The combinations of values that a comparison may still look at.
pub(super) struct Budget(Cell<u32>);

impl Budget {
    pub(super) fn new() -> Budget {
        Budget(Cell::new(COMBINATIONS))
    }

    /// Whether nothing is left; one is spent.
    pub(super) fn is_spent(&self) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(1));
        left == 0
    }

    /// What is found after the budget is spent is not an answer.
    pub(super) fn answer(&self, found: bool) -> bool {
        found && self.0.get() > 0
    }
}
