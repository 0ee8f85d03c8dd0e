//! The `descendant of […]` queries of all rules.

use std::ops::Range;

use super::error::Error;
use super::limits::LINEAGES;
use super::stage::Stage;
use crate::event::Event;

/// The `descendant of […]` queries of all rules: each has a bit, and an event's context says which of
/// them its ancestors' events match. Queries of the same text share a bit.
#[derive(Clone, Debug, Default)]
pub struct Lineages {
    queries: Vec<(Box<str>, Stage)>,
}

impl Lineages {
    /// The bits of the queries that the event matches.
    pub fn marks(&self, event: &Event) -> u128 {
        let marks = self.queries.iter().enumerate().filter(|(_, (_, stage))| stage.selects(event));
        marks.fold(0, |marks, (bit, _)| marks | 1 << bit)
    }

    /// The bit of a query, as a mask; a new one for a text not seen before.
    pub(super) fn mark(&mut self, text: &str, stage: Stage, span: &Range<usize>) -> Result<u128, Error> {
        if let Some(bit) = self.queries.iter().position(|(known, _)| **known == *text) {
            return Ok(1 << bit);
        }
        let bit = self.queries.len();
        if bit >= LINEAGES {
            return Err(Error::new(
                format!("the loaded rules have more than {LINEAGES} `descendant of` queries"),
                span.clone(),
            ));
        }
        self.queries.push((text.into(), stage));
        Ok(1 << bit)
    }

    pub(super) fn len(&self) -> usize {
        self.queries.len()
    }

    /// Removes the queries added since there were this many.
    pub(super) fn truncate(&mut self, length: usize) {
        self.queries.truncate(length);
    }
}
