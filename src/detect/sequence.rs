//! The matcher: events in order in, completed sequences out. No clock, no I/O, no log.
//!
//! It gives the answer that Elasticsearch's `SequenceMatcher` gives over the complete log. There, an
//! event of stage *n* takes the latest partial sequence of its key that waits at stage *n − 1* and ends
//! strictly before the event, and drops that one and every older one, whether or not `maxspan` then
//! rejects the pair. So one waiting partial sequence per stage and key is all the state there is.

use std::cmp::Reverse;
use std::collections::VecDeque;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;

use ahash::HashMap;

use super::reorder::Ordinal;
use crate::eql::{JoinKey, Query};
use crate::event::{Charge, Event, FieldType, Fields, Ledger, Scalar, Timestamp};

/// An event may join under this many keys; more, from arrays in one document, are counted as evicted.
const MAX_KEYS_PER_EVENT: usize = 1024;

/// This many partial sequences may wait longer than `maxspan`.
const KEPT_PAST_MAXSPAN: usize = 1024;

/// What a partial sequence takes besides its key and its events.
const PARTIAL_BYTES: usize = 192;

/// The order of the keys is gone through for stale ones when they take this many bytes.
const ORDER_BYTES: usize = 256 << 10;

/// How long a partial sequence is: the bytes of its longest event, and its time; of those as long, the earliest is the
/// greatest.
pub(super) type Length = (usize, Reverse<Timestamp>);

/// A completed sequence, or the one event of an event query.
#[derive(Clone, Debug)]
pub struct Match {
    /// The contributing events, in stage order.
    pub events: Vec<Arc<Event>>,
    /// The values of the join keys, in query order; `None` for an optional key without a value.
    pub join: Vec<Option<String>>,
}

/// The events of one stage, kept once and shared by all rules that hold them.
pub(super) struct Shared<'e> {
    event: &'e Event,
    ledger: &'e Ledger,
    kept: Option<Arc<Held>>,
}

impl<'e> Shared<'e> {
    pub(super) fn new(event: &'e Event, ledger: &'e Ledger) -> Shared<'e> {
        Shared { event, ledger, kept: None }
    }

    fn keep(&mut self) -> Arc<Held> {
        let held = || {
            let event = Arc::new(self.event.detached());
            let charge = self.ledger.charge(event.bytes());
            Arc::new(Held { event, charge })
        };
        Arc::clone(self.kept.get_or_insert_with(held))
    }
}

/// An event that partial sequences hold, of any number of rules.
#[derive(Debug)]
struct Held {
    event: Arc<Event>,
    charge: Charge,
}

#[derive(Debug)]
struct Partial {
    events: Vec<Arc<Held>>,
    first_ms: i64,
    last: Ordinal,
    /// Of the key.
    _charge: Charge,
}

impl Partial {
    /// The events, with those of the last stage.
    fn complete(self, last: Arc<Event>, key: &str) -> Match {
        let earlier = self.events.iter().map(|held| Arc::clone(&held.event));
        Match { events: earlier.chain([last]).collect(), join: key_values(key) }
    }

    fn length(&self) -> Length {
        let lengths = self.events.iter().map(|held| (held.charge.bytes(), Reverse(held.event.time)));
        lengths.max().unwrap_or_default()
    }
}

/// The state of one query.
#[derive(Debug)]
pub(super) struct Matcher {
    query: Query,
    /// Whether `ignore_above` applies to each key of each stage.
    bounded_keys: Vec<Vec<bool>>,
    /// Partial sequences by key, per stage that they have reached; the last stage has none.
    waiting: Vec<HashMap<Arc<str>, Partial>>,
    /// Keys in the order they began to wait, for expiry and eviction.
    order: VecDeque<(i64, usize, Arc<str>)>,
    /// Bytes of the keys in the order, and when stale ones are looked for.
    order_bytes: usize,
    order_limit: usize,
    limit: usize,
    evicted: u64,
}

impl Matcher {
    /// A matcher that holds at most `limit` partial sequences.
    pub(super) fn new(query: Query, _fields: &Fields, limit: usize) -> Matcher {
        let bounded = |key: &JoinKey| key.kind == FieldType::Keyword;
        let bounded_keys = query.stages.iter().map(|stage| stage.join.iter().map(bounded).collect()).collect();
        let waiting = (1..query.stages.len()).map(|_| HashMap::default()).collect();
        let (order, order_bytes, order_limit) = (VecDeque::new(), 0, ORDER_BYTES);
        Matcher { query, bounded_keys, waiting, order, order_bytes, order_limit, limit, evicted: 0 }
    }

    /// Partial sequences and keys given up because a limit was reached.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes in the next event. At most one sequence ends in it: those that differ only in their key
    /// collapse into the first.
    pub(super) fn observe(&mut self, shared: &mut Shared<'_>, ordinal: Ordinal, watermark_ms: i64) -> Option<Match> {
        let event = shared.event;
        if !self.query.is_sequence() {
            let stage = &self.query.stages[0];
            let found = || Match { events: vec![Arc::clone(&shared.keep().event)], join: Vec::new() };
            return stage.selects(event).then(found);
        }
        self.expire(watermark_ms);
        let mut completed = None;
        for stage in (1..self.query.stages.len()).rev() {
            if !self.waiting[stage - 1].is_empty() && self.query.stages[stage].selects(event) {
                let found = self.advance(stage, shared, ordinal);
                completed = completed.or(found);
            }
        }
        if self.query.stages[0].selects(event) {
            self.start(shared, ordinal);
        }
        self.stop_at_until(event);
        completed
    }

    fn start(&mut self, shared: &mut Shared<'_>, ordinal: Ordinal) {
        let mut keys = Keys::new(&self.query.stages[0].join, &self.bounded_keys[0], shared.event);
        let mut fresh = Vec::new();
        while let Some(key) = keys.next() {
            fresh.push(Arc::from(key));
        }
        self.evicted += keys.cut;
        for key in fresh {
            let first_ms = shared.event.time.milliseconds();
            let charge = shared.ledger.charge(PARTIAL_BYTES + str::len(&key));
            self.wait(0, key, Partial { events: vec![shared.keep()], first_ms, last: ordinal, _charge: charge });
        }
    }

    fn advance(&mut self, stage: usize, shared: &mut Shared<'_>, ordinal: Ordinal) -> Option<Match> {
        let mut found = Vec::new();
        let mut keys = Keys::new(&self.query.stages[stage].join, &self.bounded_keys[stage], shared.event);
        while let Some(key) = keys.next() {
            let waits = self.waiting[stage - 1].get(key);
            if waits.is_some_and(|partial| partial.last < ordinal) {
                found.extend(self.waiting[stage - 1].remove_entry(key));
            }
        }
        self.evicted += keys.cut;
        let mut completed = None;
        for (key, mut partial) in found {
            let span = shared.event.time.milliseconds() - partial.first_ms;
            if self.query.maxspan_ms.is_some_and(|maxspan| span > maxspan) {
                continue;
            }
            if stage + 1 == self.query.stages.len() {
                completed.get_or_insert(partial.complete(Arc::clone(&shared.keep().event), &key));
            } else {
                partial.events.push(shared.keep());
                partial.last = ordinal;
                self.wait(stage, key, partial);
            }
        }
        completed
    }

    /// `until` ends the partial sequences of its key, also those that the same event began.
    fn stop_at_until(&mut self, event: &Event) {
        let Some(until) = &self.query.until else { return };
        if self.waiting.iter().all(HashMap::is_empty) || !until.selects(event) {
            return;
        }
        let mut keys = Keys::new(&until.join, &[], event);
        while let Some(key) = keys.next() {
            self.waiting.iter_mut().for_each(|waiting| drop(waiting.remove(key)));
        }
        self.evicted += keys.cut;
    }

    fn wait(&mut self, stage: usize, key: Arc<str>, partial: Partial) {
        let first_ms = partial.first_ms;
        match self.waiting[stage].get_mut(&key) {
            Some(waiting) if waiting.last > partial.last => {}
            Some(waiting) => *waiting = partial,
            None => drop(self.waiting[stage].insert(Arc::clone(&key), partial)),
        }
        self.order_bytes += key.len();
        self.order.push_back((first_ms, stage, key));
        self.bound();
    }

    fn bound(&mut self) {
        let live: usize = self.waiting.iter().map(HashMap::len).sum();
        if live > self.limit {
            while let Some((first_ms, stage, key)) = self.pop_order() {
                if self.drop_if_began(first_ms, stage, &key) {
                    self.evicted += 1;
                    break;
                }
            }
        }
        if self.order.len() > 2 * self.limit.min(live + 1024) + 1024 || self.order_bytes > self.order_limit {
            let waiting = &self.waiting;
            self.order.retain(|(first_ms, stage, key)| {
                waiting[*stage].get(key).is_some_and(|partial| partial.first_ms == *first_ms)
            });
            self.order_bytes = self.order.iter().map(|(_, _, key)| key.len()).sum();
            self.order_limit = ORDER_BYTES.max(2 * self.order_bytes);
        }
    }

    /// The longest event of each partial sequence.
    pub(super) fn lengths(&self) -> impl Iterator<Item = Length> {
        self.waiting.iter().flat_map(HashMap::values).map(Partial::length)
    }

    /// Evicts every partial sequence that is so long or longer.
    pub(super) fn evict(&mut self, length: Length) {
        for waiting in &mut self.waiting {
            let before = waiting.len();
            waiting.retain(|_, partial| partial.length() < length);
            self.evicted += (before - waiting.len()) as u64;
        }
    }

    /// Gives up what has waited longer than `maxspan`. Few are let wait longer than that: then an event
    /// whose clock ran ahead does not end the sequences of all others.
    fn expire(&mut self, watermark_ms: i64) {
        let Some(maxspan) = self.query.maxspan_ms.filter(|_| self.order.len() > KEPT_PAST_MAXSPAN) else { return };
        while let Some((first_ms, ..)) = self.order.front()
            && first_ms.saturating_add(maxspan) < watermark_ms
        {
            if let Some((first_ms, stage, key)) = self.pop_order() {
                self.drop_if_began(first_ms, stage, &key);
            }
        }
    }

    fn pop_order(&mut self) -> Option<(i64, usize, Arc<str>)> {
        let first = self.order.pop_front()?;
        self.order_bytes = self.order_bytes.saturating_sub(first.2.len());
        Some(first)
    }

    fn drop_if_began(&mut self, first_ms: i64, stage: usize, key: &Arc<str>) -> bool {
        let began = self.waiting[stage].get(key).is_some_and(|partial| partial.first_ms == first_ms);
        if began {
            self.waiting[stage].remove(key);
        }
        began
    }
}

/// The keys an event joins under: the product of its values for each join field, none when a
/// mandatory one has no value. Each value is written with its length, so that keys do not run together.
///
/// Nearly every event has one key and starts nothing, so all is written into one buffer.
struct Keys {
    /// The values of all fields, written out.
    text: String,
    /// Where each value is in the text.
    values: Vec<Range<usize>>,
    /// Where the values of each field are among the values.
    fields: Vec<Range<usize>>,
    /// How many keys were given.
    given: usize,
    key: String,
    /// Keys left out.
    cut: u64,
}

impl Keys {
    fn new(join: &[JoinKey], bounded: &[bool], event: &Event) -> Keys {
        let (mut text, mut values) = (String::with_capacity(256), Vec::with_capacity(8));
        let mut fields = Vec::with_capacity(join.len());
        for (at, part) in join.iter().enumerate() {
            let first = values.len();
            let write_value = |value: Scalar<'_>| {
                if !bounded.get(at).copied().unwrap_or(true) || !is_ignored(value) {
                    let (start, value) = (text.len(), value.text());
                    let _ = write!(text, "{}:{value}", value.len());
                    values.push(start..text.len());
                }
                values.len() - first > MAX_KEYS_PER_EVENT
            };
            if let Some(field) = part.field {
                event.any(field, write_value);
            }
            if values.len() == first && part.optional {
                text.push('-');
                values.push(text.len() - 1..text.len());
            }
            fields.push(first..values.len());
        }
        Keys { text, values, fields, given: 0, key: String::with_capacity(128), cut: 0 }
    }

    /// The next key: the values of the last field change fastest.
    fn next(&mut self) -> Option<&str> {
        // More keys than a number can count are more than are given: which they are, the last fields say.
        let count = self.fields.iter().map(Range::len).fold(1_usize, usize::saturating_mul);
        if self.fields.iter().any(Range::is_empty) || self.given >= count {
            return None;
        }
        if self.given == MAX_KEYS_PER_EVENT {
            self.cut += 1;
            return None;
        }
        self.key.clear();
        for (at, values) in self.fields.iter().enumerate() {
            let stride = self.fields[at + 1..].iter().map(Range::len).fold(1_usize, usize::saturating_mul);
            let value = values.start + self.given / stride % values.len();
            self.key.push_str(&self.text[self.values[value].clone()]);
        }
        self.given += 1;
        Some(&self.key)
    }
}

/// `ignore_above`: a keyword of more than 1,024 characters is not indexed.
fn is_ignored(value: Scalar<'_>) -> bool {
    matches!(value, Scalar::Str(text) if text.len() > 1024 && text.chars().count() > 1024)
}

fn key_values(key: &str) -> Vec<Option<String>> {
    let (mut rest, mut values) = (key, Vec::new());
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('-') {
            values.push(None);
            rest = after;
            continue;
        }
        let Some((length, text)) = rest.split_once(':') else { break };
        let end = length.parse().unwrap_or(text.len()).min(text.len());
        values.push(Some(text[..end].to_owned()));
        rest = &text[end..];
    }
    values
}
