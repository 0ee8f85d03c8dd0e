//! What matchers hold: events, each once for all rules, and what they make of them.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use super::joins::Joins;
use super::matchers::Matchers;
use super::reorder::Ordinal;
use crate::eql::{JoinKey, KeyValue, Keys, Written};
use crate::event::{Charge, Event, Ledger, Timestamp};

/// How long something held is: the bytes of its longest event, and that event's place in the order of all, by which it is
/// told from others; of those as long, the earliest is the greatest.
pub(super) type Length = (usize, Reverse<Ordinal>);

/// How long something held is, and the bytes of all its events.
pub(super) type Weight = (Length, usize);

/// What has been open for longer than this is evicted first: most sequences are over by then, and what is left waits for
/// what may never come.
const AGES: [Duration; 2] = [Duration::from_secs(300), Duration::from_secs(60)];

/// What is evicted: what is so long or longer, but not what is as long as this.
#[derive(Clone, Copy, Debug)]
pub(super) struct Eviction {
    length: Length,
    spared: Length,
    /// Of what was before this alone, if that is enough.
    before: Option<Timestamp>,
}

impl Eviction {
    /// Removes bytes until no more than this are left, of so many: of what is old by `now`, where that is enough, for what
    /// has just begun can be an attack, and else of all. Of these the longest go first, and of those as long the earliest,
    /// for large decoys must not push out what is small. Of what would go, the latest stays, whatever its size, for else an
    /// event that is larger than all room could never be in a sequence. Returns its bytes too.
    pub(super) fn plan(
        mut weights: Vec<Weight>,
        bytes: usize,
        left: usize,
        now: Option<Timestamp>,
    ) -> Option<(Eviction, usize)> {
        weights.sort_unstable_by(|one, other| other.cmp(one));
        // The rules share the events that they hold.
        weights.dedup_by_key(|(length, _)| *length);
        for before in AGES.into_iter().filter_map(|age| Some(now?.saturating_sub(age))) {
            let old: Vec<Weight> = weights.iter().filter(|(length, _)| is_before(*length, before)).copied().collect();
            let freed = old.iter().map(|((length, _), _)| length).sum();
            if bytes.saturating_sub(freed) <= left {
                return Eviction::of(&old, bytes, left, Some(before));
            }
        }
        Eviction::of(&weights, bytes, left, None)
    }

    /// Of these, in order of their length.
    fn of(weights: &[Weight], bytes: usize, left: usize, before: Option<Timestamp>) -> Option<(Eviction, usize)> {
        let mut freed = 0;
        let enough = |((length, _), _): &Weight| {
            freed += length;
            bytes.saturating_sub(freed) <= left
        };
        let end = weights.iter().position(enough).map_or(weights.len(), |last| last + 1);
        let going = &weights[..end];
        let (length, _) = *going.last()?;
        let (spared, bytes) = *going.iter().min_by_key(|((_, ordinal), _)| *ordinal)?;
        Some((Eviction { length, spared, before }, bytes))
    }

    /// Whether something so long stays.
    pub(super) fn keeps(&self, length: Length) -> bool {
        let is_late = self.before.is_some_and(|time| !is_before(length, time));
        is_late || length < self.length || length == self.spared
    }
}

/// Whether the event was before this time.
fn is_before((_, Reverse((time, _))): Length, limit: Timestamp) -> bool {
    time < limit
}

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

/// The bytes of the events of a match.
pub(super) fn bytes(found: &Match) -> usize {
    found.events.iter().map(|event| event.bytes()).sum()
}

/// An event, kept once and shared by all rules that hold them.
pub(super) struct Shared<'e> {
    pub event: &'e Event,
    ordinal: Ordinal,
    ledger: &'e Ledger,
    joins: &'e mut Joins,
    kept: Option<Arc<Held>>,
    /// The matcher that sees the event now.
    matcher: Matchers,
}

impl<'e> Shared<'e> {
    pub(super) fn new(event: &'e Event, ordinal: Ordinal, ledger: &'e Ledger, joins: &'e mut Joins) -> Shared<'e> {
        Shared { event, ordinal, ledger, joins, kept: None, matcher: Matchers::default() }
    }

    /// Another matcher sees the event now.
    pub(super) fn pass_to(&mut self, matcher: Matchers) {
        self.matcher = matcher;
    }

    pub(super) fn keep(&mut self) -> Arc<Held> {
        let held = || {
            let event = Arc::new(self.event.detached());
            let charge = self.ledger.charge(event.bytes());
            Arc::new(Held { event, ordinal: self.ordinal, charge })
        };
        Arc::clone(self.kept.get_or_insert_with(held))
    }

    /// The keys that the event joins under.
    pub(super) fn keys(&mut self, join: &[JoinKey]) -> &mut Keys {
        self.joins.keys(join, self.event)
    }

    /// The matcher waits for an event with this value of a field that it is known by, or whatever value.
    pub(super) fn wait(&mut self, by: Option<JoinKey>, value: Option<Written<'_>>) {
        self.joins.wait(by, value, self.matcher);
    }

    pub(super) fn charge(&self, bytes: usize) -> Charge {
        self.ledger.charge(bytes)
    }
}

/// An event that matchers hold, of any number of rules.
#[derive(Debug)]
pub(super) struct Held {
    pub event: Arc<Event>,
    ordinal: Ordinal,
    pub charge: Charge,
}

/// The longest of held events.
pub(super) fn longest<'h>(held: impl Iterator<Item = &'h Arc<Held>>) -> Length {
    let length = |held: &Arc<Held>| (held.charge.bytes(), Reverse(held.ordinal));
    held.map(length).max().unwrap_or_default()
}

/// The longest of held events, and the bytes of all.
pub(super) fn weigh<'h>(held: impl Iterator<Item = &'h Arc<Held>> + Clone) -> Weight {
    (longest(held.clone()), held.map(|held| held.charge.bytes()).sum())
}
