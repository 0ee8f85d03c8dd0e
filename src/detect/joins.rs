//! The join keys of the current event, written out once for all stages that join by the same fields, and the keys under
//! which something waits.

use ahash::{HashMap, RandomState};

use super::matchers::Matchers;
use crate::eql::{JoinKey, Keys, Written, each_value};
use crate::event::Event;

/// Keys that are remembered before those are looked for under which nothing waits any more.
const MIN_STALE: usize = 4096;

/// The keys of the current event by each list of fields that stages join by.
#[derive(Debug, Default)]
pub(super) struct Joins {
    /// The number of the current event.
    event: u64,
    known: Vec<Join>,
    hasher: RandomState,
    /// The keys that were remembered since the last look for stale ones, or then.
    remembered: usize,
    stale: usize,
}

#[derive(Debug)]
struct Join {
    fields: Box<[JoinKey]>,
    /// The number of the event that the keys are of.
    event: u64,
    keys: Keys,
    /// Which matchers wait for a value of this field, or did, by its hash: to find none tells that an event continues
    /// nothing.
    awaited: HashMap<u64, Matchers>,
    /// Those that wait for whatever value.
    awaited_any: Matchers,
}

impl Joins {
    /// Another event is the current one.
    pub(super) fn next_event(&mut self) {
        self.event += 1;
    }

    /// The position of a list of fields among those that are known.
    pub(super) fn position(&mut self, join: &[JoinKey]) -> usize {
        self.known.iter().position(|known| *known.fields == *join).unwrap_or_else(|| {
            let (keys, awaited, awaited_any) = Default::default();
            self.known.push(Join { fields: join.into(), event: 0, keys, awaited, awaited_any });
            self.known.len() - 1
        })
    }

    /// The keys of the current event, from the first on.
    pub(super) fn keys(&mut self, join: &[JoinKey], event: &Event) -> &mut Keys {
        let at = self.position(join);
        let join = &mut self.known[at];
        if join.event == self.event {
            join.keys.restart();
        } else {
            join.event = self.event;
            join.keys.read(&join.fields, event);
        }
        &mut join.keys
    }

    /// These matchers wait for an event with this value of a field that it is known by, or whatever value.
    pub(super) fn wait(&mut self, by: Option<JoinKey>, value: Option<Written<'_>>, matchers: Matchers) {
        let at = self.position(by.as_slice());
        let Some(value) = value else {
            self.known[at].awaited_any |= matchers;
            return;
        };
        let hash = self.hasher.hash_one(value);
        *self.known[at].awaited.entry(hash).or_insert_with(|| {
            self.remembered += 1;
            Matchers::default()
        }) |= matchers;
    }

    /// Which matchers can wait for the current event, of those that know theirs by the field at this position.
    pub(super) fn waiting(&self, at: usize, event: &Event) -> Matchers {
        let Join { fields, awaited, awaited_any, .. } = &self.known[at];
        let mut matchers = *awaited_any;
        if awaited.is_empty() {
            return matchers;
        }
        let see = |kind, value: &str| {
            matchers |= awaited.get(&self.hasher.hash_one((kind, value))).copied().unwrap_or_default();
        };
        if each_value(fields.last(), event, see) { matchers } else { Matchers::ALL }
    }

    /// Whether so many keys are remembered that most can be stale.
    pub(super) fn is_stale(&self) -> bool {
        self.remembered > self.stale + MIN_STALE
    }

    /// Forgets all keys under which something waited; what waits is to be told again, and then [`Joins::is_fresh`].
    pub(super) fn forget(&mut self) {
        self.known.iter_mut().for_each(|join| (join.awaited, join.awaited_any) = Default::default());
        self.remembered = 0;
    }

    /// All keys are remembered under which something waits, and no others.
    pub(super) fn is_fresh(&mut self) {
        self.stale = 2 * self.remembered;
    }
}
