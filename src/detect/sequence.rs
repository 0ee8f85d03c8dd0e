//! Sequences of events of one key.
//!
//! It gives the answer that Elasticsearch's `SequenceMatcher` gives over the complete log. There, an
//! event of stage *n* takes the latest partial sequence of its key that waits at stage *n − 1* and ends
//! strictly before the event, and drops that one and every older one, whether or not `maxspan` then
//! rejects the pair. So one waiting partial sequence per stage and key is all the state there is.
//!
//! An event that a stage compares with earlier ones (`as event0`) has to do only with the partial sequences that
//! its condition holds of: it takes the latest of them, and drops the older ones. Then older ones wait too.

mod awaited;
mod limits;
mod partial;

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::HashMap;

pub(super) use awaited::Tell;
use partial::{ORDER_BYTES, PARTIAL_BYTES, Partial, Slot, is_over, place_bytes};

use super::absence::{Absences, Undecided};
use super::held::{Match, Shared};
use super::reorder::Ordinal;
use crate::eql::{Query, Stage, values_of};
use crate::event::Event;

/// Sequences that one event may complete; more, from arrays of keys, are counted as evicted. Elastic's rules take
/// 100 in one run.
const MAX_COMPLETED: usize = 100;

/// Older partial sequences of one stage and key, for an event to be compared with.
const MAX_OLDER: usize = 64;

/// The state of a sequence.
#[derive(Debug)]
pub(super) struct Sequence {
    /// The stages of the events that must occur.
    stages: Vec<Stage>,
    until: Option<Stage>,
    maxspan_ms: Option<i64>,
    absences: Option<Absences>,
    /// Partial sequences by key, per stage that they have reached; the last stage has none.
    waiting: Vec<HashMap<Arc<str>, Slot>>,
    /// Keys in the order they began to wait, for expiry and eviction.
    order: VecDeque<(i64, usize, Arc<str>)>,
    /// Bytes of the order, and of how many on stale places are looked for.
    order_bytes: usize,
    order_limit: usize,
    limit: usize,
    /// The time before which no event is expected.
    watermark_ms: i64,
    evicted: u64,
}

impl Sequence {
    /// A matcher that holds at most `limit` partial sequences.
    pub(super) fn new(query: &Query, limit: usize) -> Sequence {
        let stages: Vec<Stage> = query.stages.iter().filter(|stage| !stage.missing).cloned().collect();
        Sequence {
            waiting: (1..stages.len()).map(|_| HashMap::default()).collect(),
            absences: (stages.len() < query.stages.len()).then(|| Absences::new(query, limit)),
            stages,
            until: query.until.clone(),
            maxspan_ms: query.maxspan_ms,
            order: VecDeque::new(),
            order_bytes: 0,
            order_limit: ORDER_BYTES,
            limit,
            watermark_ms: i64::MIN,
            evicted: 0,
        }
    }

    /// Partial sequences and keys evicted because a limit was reached.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted + self.absences.as_ref().map_or(0, Absences::evicted)
    }

    /// Takes in the next event. A sequence ends in it for each of its keys.
    pub(super) fn observe(
        &mut self,
        shared: &mut Shared<'_>,
        ordinal: Ordinal,
        watermark_ms: i64,
        found: &mut Vec<Match>,
    ) {
        self.watermark_ms = watermark_ms;
        self.expire(watermark_ms);
        let mut absent = Vec::new();
        if let Some(absences) = &mut self.absences {
            absences.decide(watermark_ms, found);
            absent = absences.keys_of(shared.event);
            absences.refute(&absent, ordinal.0.milliseconds());
        }
        for stage in (1..self.stages.len()).rev() {
            if self.may_advance(stage, shared) && self.stages[stage].selects(shared.event) {
                self.advance(stage, shared, ordinal, found);
            }
        }
        if self.stages[0].selects(shared.event) {
            self.start(shared, ordinal, found);
        }
        if let Some(absences) = &mut self.absences {
            absences.record(absent, ordinal.0.milliseconds());
        }
        self.stop_at_until(shared);
        self.evicted += found.len().saturating_sub(MAX_COMPLETED) as u64;
        found.truncate(MAX_COMPLETED);
    }

    /// Whether something waits for an event with a key of this one: nearly always nothing does, and to find that costs
    /// less than the condition.
    fn may_advance(&self, stage: usize, shared: &mut Shared<'_>) -> bool {
        let (waiting, stage) = (&self.waiting[stage - 1], &self.stages[stage]);
        if waiting.is_empty() || !stage.is_of(shared.event) {
            return false;
        }
        let keys = shared.keys(&stage.join);
        let mut waits = keys.left_out() > 0;
        while let Some(key) = keys.next().filter(|_| !waits) {
            waits = waiting.contains_key(key);
        }
        waits
    }

    fn start(&mut self, shared: &mut Shared<'_>, ordinal: Ordinal, found: &mut Vec<Match>) {
        let keys = shared.keys(&self.stages[0].join);
        let has_several_keys = keys.count() > 1;
        let mut fresh: Vec<Arc<str>> = Vec::new();
        while let Some(key) = keys.next() {
            fresh.push(Arc::from(key));
        }
        self.evicted += keys.left_out();
        for key in fresh {
            let first_ms = shared.event.time.milliseconds();
            let partial = Partial {
                events: vec![shared.keep()],
                first_ms,
                last: ordinal,
                is_spoiled: false,
                before_ms: self.absences.as_ref().and_then(|absences| absences.latest(0, &key, first_ms)),
                _charge: shared.charge(PARTIAL_BYTES + key.len()),
            };
            if self.stages.len() == 1 {
                self.complete(partial, key, has_several_keys, found);
            } else {
                self.wait(0, key, partial, shared);
            }
        }
    }

    fn advance(&mut self, stage: usize, shared: &mut Shared<'_>, ordinal: Ordinal, found: &mut Vec<Match>) {
        let mut continued = Vec::new();
        let event = shared.event;
        let keys = shared.keys(&self.stages[stage].join);
        let has_several_keys = keys.count() > 1;
        while let Some(key) = keys.next() {
            continued.extend(self.take(stage, key, event, ordinal));
        }
        self.evicted += keys.left_out();
        for (key, mut partial) in continued {
            let time = shared.event.time.milliseconds();
            if self.maxspan_ms.is_some_and(|maxspan| time - partial.first_ms > maxspan) {
                continue;
            }
            let absent = self.absences.as_ref().and_then(|absences| absences.latest(stage, &key, time));
            partial.is_spoiled |= absent.is_some_and(|absent| absent > partial.last.0.milliseconds());
            partial.events.push(shared.keep());
            partial.last = ordinal;
            if stage + 1 == self.stages.len() {
                self.complete(partial, key, has_several_keys, found);
            } else {
                self.wait(stage, key, partial, shared);
            }
        }
    }

    /// Takes the latest partial sequence that the event continues, and drops the older ones.
    fn take(&mut self, stage: usize, key: &str, event: &Event, ordinal: Ordinal) -> Option<(Arc<str>, Partial)> {
        let waiting = &mut self.waiting[stage - 1];
        let slot = waiting.get_mut(key)?;
        let joined = self.stages[stage].joined.as_ref();
        let continues = |partial: &Partial| partial.is_continued_by(event, ordinal, joined);
        let is_latest = continues(&slot.latest);
        if slot.older.is_empty() {
            return if is_latest { remove(waiting, key) } else { None };
        }
        let at = if is_latest { slot.older.len() } else { slot.older.iter().rposition(continues)? };
        let mut taken = if is_latest { None } else { Some(slot.older.remove(at)) };
        let mut place = 0;
        slot.older.retain(|partial| {
            place += 1;
            place > at || !continues(partial)
        });
        if is_latest {
            let Some(next) = slot.older.pop() else { return remove(waiting, key) };
            taken = Some(std::mem::replace(&mut slot.latest, next));
        }
        waiting.get_key_value(key).map(|(key, _)| Arc::clone(key)).zip(taken)
    }

    fn complete(&mut self, partial: Partial, key: Arc<str>, has_several_keys: bool, found: &mut Vec<Match>) {
        if partial.is_spoiled {
            return;
        }
        let Partial { events, first_ms, last, before_ms, .. } = partial;
        let join = values_of(&key);
        let is_decided = false;
        let sequence = Undecided { events, key, join, has_several_keys, first_ms, last, before_ms, is_decided };
        let decided = match &mut self.absences {
            Some(absences) => absences.judge(sequence),
            None => Some(sequence),
        };
        found.extend(decided.map(Undecided::found));
    }

    /// Returns the sequences whose time is over: what must not occur after them did not.
    pub(super) fn decide(&mut self, watermark_ms: i64, found: &mut Vec<Match>) {
        if let Some(absences) = &mut self.absences {
            absences.decide(watermark_ms, found);
        }
    }

    /// Whether a partial sequence waits for a further event.
    pub(super) fn waits(&self) -> bool {
        self.waiting.iter().any(|waiting| !waiting.is_empty())
    }

    pub(super) fn due_ms(&self) -> Option<i64> {
        self.absences.as_ref()?.due_ms()
    }

    /// `until` ends the partial sequences of its key, also those that the same event began.
    fn stop_at_until(&mut self, shared: &mut Shared<'_>) {
        let (Some(until), event) = (&self.until, shared.event) else { return };
        if !self.waits() || !until.selects(event) {
            return;
        }
        let keys = shared.keys(&until.join);
        while let Some(key) = keys.next() {
            for waiting in &mut self.waiting {
                let Some(mut slot) = waiting.remove(key) else { continue };
                let Some(joined) = &until.joined else { continue };
                let stops = |partial: &Partial| partial.meets(joined, event);
                slot.older.retain(|partial| !stops(partial));
                if !stops(&slot.latest) {
                    waiting.insert(key.into(), slot);
                } else if let Some(latest) = slot.older.pop() {
                    waiting.insert(key.into(), Slot { latest, older: slot.older });
                }
            }
        }
        self.evicted += keys.left_out();
    }

    fn wait(&mut self, stage: usize, key: Arc<str>, partial: Partial, shared: &mut Shared<'_>) {
        self.tell(stage, &key, &partial, &mut |by, value| shared.wait(by, value));
        let first_ms = partial.first_ms;
        let keeps_older = self.stages[stage + 1].joined.is_some();
        // What began at the same time has its place in the order.
        let is_placed = match self.waiting[stage].get_mut(&key) {
            Some(slot) if slot.latest.last > partial.last => return,
            Some(slot) => {
                let before = std::mem::replace(&mut slot.latest, partial);
                let is_placed = before.first_ms == first_ms;
                let is_over = |partial: &Partial| is_over(partial, self.maxspan_ms, self.watermark_ms);
                if slot.older.first().is_some_and(is_over) {
                    slot.older.retain(|partial| !is_over(partial));
                }
                if keeps_older && !is_over(&before) {
                    slot.older.push(before);
                }
                if slot.older.len() > MAX_OLDER {
                    slot.older.remove(0);
                    self.evicted += 1;
                }
                is_placed
            }
            None => {
                self.waiting[stage].insert(Arc::clone(&key), Slot { latest: partial, older: Vec::new() });
                false
            }
        };
        if !is_placed {
            self.order_bytes += place_bytes(&key);
            self.order.push_back((first_ms, stage, key));
        }
        self.bound();
    }
}

fn remove(waiting: &mut HashMap<Arc<str>, Slot>, key: &str) -> Option<(Arc<str>, Partial)> {
    waiting.remove_entry(key).map(|(key, slot)| (key, slot.latest))
}
