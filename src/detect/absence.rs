//! Events that must not occur: `![…]` in a sequence.
//!
//! The events that must occur are matched first, as if the query asked for nothing else. A sequence is then dropped
//! when an event that must not occur lies between two of its events, or before the first, or after the last, no
//! further than `maxspan` allows: before the first from the last less `maxspan` on, after the last up to the
//! first plus `maxspan`. When the query asks both for none before and for none after, it is dropped if there are
//! both, and `maxspan` spans them. So what comes after is decided when that time is over.
//!
//! Elasticsearch looks for such events by time alone, of another millisecond than that of the events beside them: one of
//! the same is neither before nor after.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use ahash::HashMap;

use super::held::{Eviction, Held, Match, Weight, weigh};
use super::reorder::Ordinal;
use crate::eql::{KeyValue, Keys, Query, Stage};
use crate::event::Event;

/// What an entry takes besides its key.
const ENTRY_BYTES: usize = 128;
/// The bytes of what was seen, of one rule.
const SEEN_BYTES: usize = 4 << 20;

/// The events of a query that must not occur.
#[derive(Debug)]
pub(super) struct Absences {
    stages: Vec<Absence>,
    /// How many events the sequence has.
    events: usize,
    maxspan_ms: i64,
    /// Matches are counted, from the first or the last on: they come in the order of their last events.
    in_order: bool,
    /// What was seen, in that order; removed when it is too old.
    order: VecDeque<(i64, usize, Arc<str>)>,
    order_bytes: usize,
    /// Sequences that wait for what comes after them, by the time until which they do, or else as they came.
    undecided: BTreeMap<(i64, u64), Undecided>,
    by_key: HashMap<Arc<str>, Vec<(i64, u64)>>,
    count: u64,
    limit: usize,
    evicted: u64,
}

#[derive(Debug)]
struct Absence {
    stage: Stage,
    /// How many events of the sequence come before it.
    place: usize,
    /// When such events of each key occurred last.
    seen: HashMap<Arc<str>, Seen>,
}

/// When something occurred last, in milliseconds.
#[derive(Clone, Copy, Debug)]
struct Seen {
    latest: i64,
    /// The last time before that.
    before: Option<i64>,
}

impl Seen {
    /// The last time before this one.
    fn before(self, time: i64) -> Option<i64> {
        [Some(self.latest), self.before].into_iter().flatten().find(|seen| *seen < time)
    }
}

/// A sequence whose events have all occurred.
#[derive(Debug)]
pub(super) struct Undecided {
    pub events: Vec<Arc<Held>>,
    pub key: Arc<str>,
    pub join: Vec<Option<KeyValue>>,
    pub has_several_keys: bool,
    pub first_ms: i64,
    pub last: Ordinal,
    /// When an event that must not occur came last before the first.
    pub before_ms: Option<i64>,
    /// Whatever comes, it is a match: it waits for those before it.
    pub is_decided: bool,
}

impl Undecided {
    pub(super) fn found(self) -> Match {
        let events = self.events.iter().map(|held| Arc::clone(&held.event)).collect();
        Match { events, join: self.join, has_several_keys: self.has_several_keys }
    }

    fn weight(&self) -> Weight {
        weigh(self.events.iter())
    }
}

impl Absences {
    pub(super) fn new(query: &Query, limit: usize) -> Absences {
        let (mut stages, mut place) = (Vec::new(), 0);
        for stage in &query.stages {
            if stage.missing {
                stages.push(Absence { stage: stage.clone(), place, seen: HashMap::default() });
            } else {
                place += 1;
            }
        }
        Absences {
            stages,
            events: place,
            maxspan_ms: query.maxspan_ms.unwrap_or(i64::MAX),
            in_order: !query.pipes.is_empty(),
            order: VecDeque::new(),
            order_bytes: 0,
            undecided: BTreeMap::new(),
            by_key: HashMap::default(),
            count: 0,
            limit,
            evicted: 0,
        }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Which stages the event is of, and under which keys.
    pub(super) fn keys_of(&mut self, event: &Event) -> Vec<(usize, Arc<str>)> {
        let mut found = Vec::new();
        for (at, absence) in self.stages.iter().enumerate().filter(|(_, absence)| absence.stage.selects(event)) {
            let mut keys = Keys::new(&absence.stage.join, event);
            while let Some(key) = keys.next() {
                found.push((at, Arc::from(key)));
            }
            self.evicted += keys.left_out();
        }
        found
    }

    /// Drops the sequences that waited for the event not to occur.
    pub(super) fn refute(&mut self, keys: &[(usize, Arc<str>)], time: i64) {
        let needs_both = self.stages.iter().any(|absence| absence.place == 0);
        for (at, key) in keys {
            if self.stages[*at].place < self.events {
                continue;
            }
            let Some(waiting) = self.by_key.get_mut(key) else { continue };
            let (undecided, maxspan) = (&mut self.undecided, self.maxspan_ms);
            waiting.retain(|id| {
                let Some(sequence) = undecided.get(id) else { return false };
                let from = if needs_both { sequence.before_ms } else { Some(sequence.first_ms) };
                let is_after = sequence.last.0.milliseconds() < time;
                let refuted = is_after && from.is_some_and(|from| time.saturating_sub(from) <= maxspan);
                if refuted {
                    undecided.remove(id);
                }
                !refuted
            });
            if waiting.is_empty() {
                self.by_key.remove(key);
            }
        }
    }

    /// Remembers that the event occurred.
    pub(super) fn record(&mut self, keys: Vec<(usize, Arc<str>)>, time: i64) {
        for (at, key) in keys {
            if self.stages[at].place == self.events {
                continue;
            }
            let known = self.stages[at].seen.get(&key).copied();
            if known.is_none_or(|known| known.latest < time) {
                let seen = Seen { latest: time, before: known.map(|known| known.latest) };
                self.stages[at].seen.insert(Arc::clone(&key), seen);
                self.order_bytes += ENTRY_BYTES + key.len();
                self.order.push_back((time, at, key));
            }
            while self.order.len() > 2 * self.limit || (self.order_bytes > SEEN_BYTES && self.order.len() > 1) {
                self.forget_first(true);
            }
        }
    }

    /// Removes what was seen too long ago to matter.
    pub(super) fn expire(&mut self, watermark_ms: i64) {
        let horizon = watermark_ms.saturating_sub(self.maxspan_ms);
        while self.order.front().is_some_and(|(time, ..)| *time < horizon) {
            self.forget_first(false);
        }
    }

    fn forget_first(&mut self, full: bool) {
        let Some((time, at, key)) = self.order.pop_front() else { return };
        self.order_bytes = self.order_bytes.saturating_sub(ENTRY_BYTES + key.len());
        let seen = &mut self.stages[at].seen;
        let Some(known) = seen.get_mut(&key) else { return };
        if known.latest == time {
            seen.remove(&key);
        } else if known.before.take_if(|before| *before == time).is_none() {
            return;
        }
        self.evicted += u64::from(full);
    }

    /// When an event that must not come at this place of the sequence came last, before this time.
    pub(super) fn latest(&self, place: usize, key: &str, time: i64) -> Option<i64> {
        let stages = self.stages.iter().filter(|absence| absence.place == place);
        stages.filter_map(|absence| absence.seen.get(key)?.before(time)).max()
    }

    /// Takes a sequence whose events have all occurred; returns it when it is decided already.
    pub(super) fn judge(&mut self, sequence: Undecided) -> Option<Undecided> {
        let (leads, trails) = (
            self.stages.iter().any(|absence| absence.place == 0),
            self.stages.iter().any(|absence| absence.place == self.events),
        );
        let last_ms = sequence.last.0.milliseconds();
        let too_old = |before: &i64| last_ms.saturating_sub(*before) > self.maxspan_ms;
        let has_before = sequence.before_ms.is_some_and(|before| !too_old(&before));
        if !trails {
            return (!leads || !has_before).then_some(sequence);
        }
        let is_decided = leads && !has_before;
        if is_decided && !self.in_order {
            return Some(sequence);
        }
        self.count += 1;
        let sequence = Undecided { is_decided, ..sequence };
        let id = (if self.in_order { 0 } else { self.deadline(&sequence) }, self.count);
        self.by_key.entry(Arc::clone(&sequence.key)).or_default().push(id);
        self.undecided.insert(id, sequence);
        if self.undecided.len() > self.limit
            && let Some((id, oldest)) = self.undecided.pop_first()
        {
            forget(&mut self.by_key, &oldest.key, id);
            self.evicted += 1;
        }
        None
    }

    /// Until when what must not occur after a sequence may.
    fn deadline(&self, sequence: &Undecided) -> i64 {
        if sequence.is_decided { i64::MIN } else { sequence.first_ms.saturating_add(self.maxspan_ms) }
    }

    /// The sequences whose time is over.
    pub(super) fn decide(&mut self, watermark_ms: i64, found: &mut Vec<Match>) {
        while self.due_ms().is_some_and(|due| due < watermark_ms)
            && let Some((id, sequence)) = self.undecided.pop_first()
        {
            forget(&mut self.by_key, &sequence.key, id);
            found.push(sequence.found());
        }
    }

    pub(super) fn due_ms(&self) -> Option<i64> {
        self.undecided.first_key_value().map(|(_, sequence)| self.deadline(sequence))
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = Weight> {
        self.undecided.values().map(Undecided::weight)
    }

    pub(super) fn evict(&mut self, eviction: Eviction) {
        let (by_key, evicted) = (&mut self.by_key, &mut self.evicted);
        self.undecided.retain(|id, sequence| {
            let stays = eviction.keeps(sequence.weight().0);
            if !stays {
                forget(by_key, &sequence.key, *id);
                *evicted += 1;
            }
            stays
        });
    }
}

/// A sequence of this key waits no more.
fn forget(by_key: &mut HashMap<Arc<str>, Vec<(i64, u64)>>, key: &Arc<str>, id: (i64, u64)) {
    if let Some(waiting) = by_key.get_mut(key) {
        waiting.retain(|other| *other != id);
        if waiting.is_empty() {
            by_key.remove(key);
        }
    }
}
