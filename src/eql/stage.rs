//! The stages of a query.

use super::ast;
use super::filter::{Condition, Filter};
use super::join::{JoinKey, Link};
use super::node::Node;
use crate::event::{Categories, Event};

/// One stage: which events, and what they join by.
#[derive(Clone, Debug)]
pub struct Stage {
    /// The category of the events.
    pub category: StageCategory,
    /// What the events must meet.
    pub filter: Filter,
    /// What they must meet together with the earlier events of the sequence.
    pub joined: Option<Condition>,
    /// What they join by.
    pub join: Vec<JoinKey>,
    /// No such event may occur.
    pub missing: bool,
}

/// Which events a stage looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StageCategory {
    /// `any`
    Any,
    /// `process` or `network`.
    Seen(Categories),
    /// A category that osawatch has no events of.
    Unseen(String),
}

impl Stage {
    /// The text of an earlier event that its own events must have, if there is one.
    pub fn link(&self) -> Option<Link> {
        self.joined.as_ref()?.link()
    }

    /// The field that tells most events from those that continue or end a sequence with this stage: that of its link,
    /// else the last that it joins by.
    pub fn known_by(&self) -> Option<JoinKey> {
        self.link().map(|link| link.own).or(self.join.last().copied())
    }

    /// Whether the event is of the category and meets the condition, as far as it is about this event alone.
    pub fn selects(&self, event: &Event) -> bool {
        self.is_of(event) && self.filter.matches(event)
    }

    /// Whether the event is of the category.
    pub fn is_of(&self, event: &Event) -> bool {
        match &self.category {
            StageCategory::Any => true,
            StageCategory::Seen(categories) => event.categories.intersects(*categories),
            StageCategory::Unseen(_) => false,
        }
    }

    pub(super) fn new(stage: &ast::Stage, filter: Node) -> Stage {
        let seen = Categories::named(&stage.category);
        let category = match stage.category.as_str() {
            "any" => StageCategory::Any,
            name if seen.is_empty() => StageCategory::Unseen(name.to_owned()),
            _ => StageCategory::Seen(seen),
        };
        Stage { category, filter: Filter(filter), joined: None, join: Vec::new(), missing: stage.missing }
    }
}
