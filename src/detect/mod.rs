//! What it means: rules over events, and the sequences they find.

pub mod exception;
pub mod lint;
pub mod reorder;
pub mod rule;
mod set;
mod sequence;
pub mod suppress;

use std::collections::HashSet;

pub use exception::Exception;
pub use reorder::{Lateness, Ordinal};
pub use rule::Rule;
pub use sequence::Match;
pub use set::RuleSet;
pub use suppress::Volume;

use crate::eql::Lineages;
use crate::event::{Event, Fields};
use sequence::{Matcher, Shared};

/// What a rule found.
#[derive(Clone, Debug)]
pub struct Detection {
    /// The position of the rule in the set.
    pub rule: usize,
    /// The events.
    pub found: Match,
}

/// Rules at work on a stream of events.
#[derive(Debug)]
pub struct Detector {
    matchers: Vec<(usize, Matcher)>,
    /// For each rule, the rules that take precedence on an event both find.
    yields_to: Vec<HashSet<usize>>,
    lineages: Lineages,
}

impl Detector {
    /// A detector for the runnable rules of a set; `limit` bounds the partial sequences of each rule.
    pub fn new(rules: &[Rule], fields: &Fields, lineages: Lineages, limit: usize) -> Detector {
        let runnable = rules.iter().enumerate().filter_map(|(i, rule)| Some((i, rule.query()?)));
        let matchers = runnable.map(|(i, query)| (i, Matcher::new(query.clone(), fields, limit))).collect();
        let position = |id: &String| rules.iter().position(|rule| rule.id == *id);
        let yields_to = rules.iter().map(|rule| rule.yields_to.iter().filter_map(position).collect()).collect();
        Detector { matchers, yields_to, lineages }
    }

    /// Which `descendant of […]` queries the event matches.
    pub fn lineage_marks(&self, event: &Event) -> u128 {
        self.lineages.marks(event)
    }

    /// Takes in the next event. `watermark_ms` is the time before which no event is expected.
    pub fn observe(&mut self, event: &Event, ordinal: Ordinal, watermark_ms: i64) -> Vec<Detection> {
        let mut shared = Shared::new(event);
        let mut found = Vec::new();
        for (rule, matcher) in &mut self.matchers {
            if let Some(matched) = matcher.observe(&mut shared, ordinal, watermark_ms) {
                found.push(Detection { rule: *rule, found: matched });
            }
        }
        if found.len() > 1 {
            let firing: HashSet<usize> = found.iter().map(|detection| detection.rule).collect();
            found.retain(|detection| self.yields_to[detection.rule].is_disjoint(&firing));
        }
        found
    }

    /// Partial sequences given up because a limit was reached.
    pub fn evicted(&self) -> u64 {
        self.matchers.iter().map(|(_, matcher)| matcher.evicted()).sum()
    }
}
