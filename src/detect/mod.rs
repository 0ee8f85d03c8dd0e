//! What it means: rules over events, and the sequences they find.

mod absence;
pub(crate) mod cases;
mod error;
pub(crate) mod exception;
pub(crate) mod lint;
mod held;
mod index;
mod joins;
mod keys;
mod matcher;
mod pipes;
pub(crate) mod reorder;
pub(crate) mod rule;
mod rule_file;
mod sample;
mod sequence;
mod set;
pub(crate) mod suppress;

use std::collections::HashSet;

pub(crate) use crate::eql::KeyValue;
pub use error::Error;
pub use exception::Exception;
pub use held::Match;
pub use reorder::Lateness;
pub(crate) use reorder::Ordinal;
pub use rule::Rule;
pub use set::RuleSet;
pub(crate) use suppress::Volume;

use crate::eql::Lineages;
use crate::event::{Event, Ledger};
use held::{Eviction, Shared};
use index::Index;
use joins::Joins;
use matcher::Matcher;

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
    index: Index,
    /// For each rule, whether of several matches that end in one event only the first goes out.
    once: Vec<bool>,
    /// For each rule, the rules that take precedence on an event both find.
    yields_to: Vec<HashSet<usize>>,
    lineages: Lineages,
    ledger: Ledger,
    joins: Joins,
    bytes: usize,
    /// The bytes of what was spared when others were evicted: so many are held beyond the limit.
    spared: usize,
    /// What matchers evicted that are no more.
    evicted_before: u64,
}

impl Detector {
    /// A detector for the runnable rules of a set; `limit` bounds the partial sequences of each rule, and `bytes` what
    /// all hold together.
    pub fn new(rules: &[Rule], lineages: Lineages, limit: usize, bytes: usize) -> Detector {
        let (mut matchers, mut index) = (Vec::new(), Index::default());
        for (at, query) in rules.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.query()?))) {
            index.add(matchers.len(), query);
            matchers.push((at, Matcher::new(query, limit)));
        }
        let position = |id: &String| rules.iter().position(|rule| rule.id == *id);
        let yields_to = rules.iter().map(|rule| rule.yields_to.iter().filter_map(position).collect()).collect();
        let once = rules.iter().map(|rule| rule.once_per_event).collect();
        Detector {
            matchers,
            index,
            once,
            yields_to,
            lineages,
            ledger: Ledger::default(),
            joins: Joins::default(),
            bytes,
            spared: 0,
            evicted_before: 0,
        }
    }

    /// Asks every rule about every event from now on, also where none of its stages can match.
    pub(crate) fn ask_every_rule(&mut self) {
        self.index.set_always(self.matchers.len());
        self.lineages.ask_every_query();
    }

    /// Goes on where another detector was: `of` names the rule there that a rule here is the same as. Its partial
    /// sequences stay; those of rules that are no more are gone.
    pub(crate) fn take_over(&mut self, mut old: Detector, of: impl Fn(usize) -> Option<usize>) {
        for (at, (rule, matcher)) in self.matchers.iter_mut().enumerate() {
            let same = of(*rule).and_then(|rule| old.matchers.iter_mut().find(|(old, _)| *old == rule));
            if let Some((_, before)) = same {
                std::mem::swap(matcher, before);
            }
            self.index.set_waiting(at, matcher.waits());
        }
        self.evicted_before = old.evicted();
        self.ledger = old.ledger;
    }

    /// The partial sequences that are open.
    pub(crate) fn open(&self) -> usize {
        self.matchers.iter().map(|(_, matcher)| matcher.weights().len()).sum()
    }

    /// Which `descendant of […]` queries the event matches.
    pub fn lineage_marks(&self, event: &Event) -> u128 {
        self.lineages.marks(event)
    }

    /// Takes in the next event. `watermark_ms` is the time before which no event is expected.
    pub fn observe(&mut self, event: &Event, ordinal: Ordinal, watermark_ms: i64) -> Vec<Detection> {
        let mut shared = Shared::new(event, &self.ledger, &mut self.joins);
        let mut found = Vec::new();
        self.index.look_up(event);
        while let Some(at) = self.index.next() {
            let (rule, matcher) = &mut self.matchers[at];
            let mut matches = matcher.observe(&mut shared, ordinal, watermark_ms);
            self.index.set_waiting(at, matcher.waits());
            if self.once[*rule] {
                matches.truncate(1);
            }
            found.extend(matches.into_iter().map(|found| Detection { rule: *rule, found }));
        }
        drop(shared);
        self.bound();
        if found.len() > 1 {
            let firing: HashSet<usize> = found.iter().map(|detection| detection.rule).collect();
            found.retain(|detection| self.yields_to[detection.rule].is_disjoint(&firing));
        }
        found
    }

    /// Time has passed: returns what waited for an event that did not occur.
    pub fn elapse(&mut self, watermark_ms: i64) -> Vec<Detection> {
        self.each(|matcher| matcher.elapse(watermark_ms))
    }

    /// There are no more events: returns what waited for the end.
    pub fn finish(&mut self) -> Vec<Detection> {
        self.each(Matcher::finish)
    }

    fn each(&mut self, mut ask: impl FnMut(&mut Matcher) -> Vec<Match>) -> Vec<Detection> {
        let mut found = Vec::new();
        for (rule, matcher) in &mut self.matchers {
            found.extend(ask(matcher).into_iter().map(|found| Detection { rule: *rule, found }));
        }
        found
    }

    /// The time after which something is decided, in milliseconds.
    pub fn due_ms(&self) -> Option<i64> {
        self.matchers.iter().filter_map(|(_, matcher)| matcher.due_ms()).min()
    }

    /// Evicts partial sequences until an eighth is free.
    fn bound(&mut self) {
        let bytes = self.ledger.bytes();
        if bytes <= self.bytes {
            self.spared = 0;
        }
        if bytes <= self.bytes + self.spared {
            return;
        }
        let weights: Vec<_> = self.matchers.iter().flat_map(|(_, matcher)| matcher.weights()).collect();
        if let Some((eviction, spared)) = Eviction::plan(weights, bytes, self.bytes / 8 * 7) {
            self.spared = spared;
            self.matchers.iter_mut().for_each(|(_, matcher)| matcher.evict(eviction));
        }
    }

    /// The bytes that are held.
    pub fn bytes(&self) -> usize {
        self.ledger.bytes()
    }

    /// Partial sequences evicted because a limit was reached.
    pub fn evicted(&self) -> u64 {
        self.evicted_before + self.matchers.iter().map(|(_, matcher)| matcher.evicted()).sum::<u64>()
    }
}
