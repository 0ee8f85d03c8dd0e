//! The `descendant of […]` queries of all rules.

use std::ops::Range;

use super::by_text::ByText;
use super::error::Error;
use super::limits::LINEAGES;
use super::stage::{Stage, StageCategory};
use crate::event::{Categories, Event, Field, field};

/// The fields of which a text is looked up.
const INDEXED: [Field; 2] = [field::PROCESS_NAME, field::PROCESS_SIGNING_ID];
const ALL: Categories = Categories::PROCESS.with(Categories::NETWORK);

/// The `descendant of […]` queries of all rules: each has a bit, and an event's context says which of
/// them its ancestors' events match. Queries of the same text share a bit.
#[derive(Clone, Debug, Default)]
pub struct Lineages {
    queries: Vec<(Box<str>, Stage)>,
    /// Those of processes that have one of some texts, by the field.
    by_text: [ByText<u128>; INDEXED.len()],
    /// Those of any process.
    of_any: u128,
    /// What kinds of event any of them is about.
    categories: Categories,
}

impl Lineages {
    /// The bits of the queries that the event matches.
    pub fn marks(&self, event: &Event) -> u128 {
        if !event.categories.intersects(self.categories) {
            return 0;
        }
        let mut candidates = self.of_any;
        for (field, texts) in INDEXED.into_iter().zip(&self.by_text) {
            event.any(field, |text| {
                candidates |= texts.get(text).copied().unwrap_or(0);
                false
            });
        }
        if candidates == 0 {
            return 0;
        }
        let marks = self.queries.iter().enumerate().map(|(bit, (_, stage))| (1 << bit, stage));
        let marks = marks.filter(|(mark, stage)| candidates & mark != 0 && stage.selects(event));
        marks.fold(0, |marks, (mark, _)| marks | mark)
    }

    /// Asks every query about every event from now on, also about processes that have none of its texts.
    pub(crate) fn ask_every_query(&mut self) {
        self.of_any = u128::MAX;
        self.categories = ALL;
    }

    fn index(&mut self, bit: usize) {
        self.categories = self.categories.with(match &self.queries[bit].1.category {
            StageCategory::Any => ALL,
            StageCategory::Seen(categories) => *categories,
            StageCategory::Unseen(_) => Categories::default(),
        });
        let Some(wanted) = self.queries[bit].1.filter.wanted(&INDEXED) else {
            self.of_any |= 1 << bit;
            return;
        };
        for (field, text) in wanted {
            let texts = INDEXED.iter().zip(&mut self.by_text).filter(|(indexed, _)| **indexed == field);
            texts.for_each(|(_, texts)| *texts.of(text) |= 1 << bit);
        }
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
        self.index(bit);
        Ok(1 << bit)
    }

    pub(super) fn len(&self) -> usize {
        self.queries.len()
    }

    /// Removes the queries added since there were this many.
    pub(super) fn truncate(&mut self, length: usize) {
        self.queries.truncate(length);
        self.by_text = Default::default();
        self.of_any = 0;
        self.categories = Categories::default();
        (0..self.queries.len()).for_each(|bit| self.index(bit));
    }
}
