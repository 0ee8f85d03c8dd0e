//! The matcher of one query: events in order in, matches out. No clock, no I/O, no log.

use std::sync::Arc;

use super::held::{Eviction, Match, Shared, Weight};
use super::pipes::Pipes;
use super::reorder::Ordinal;
use super::sample::Sample;
use super::sequence::{Sequence, Tell};
use crate::eql::{Kind, Query, Stage};

/// The state of one query.
#[derive(Debug)]
pub(super) struct Matcher {
    state: State,
    pipes: Pipes,
}

#[derive(Debug)]
enum State {
    Event(Box<Stage>),
    Sequence(Box<Sequence>),
    Sample(Box<Sample>),
}

impl Matcher {
    /// A matcher that holds at most `limit` partial sequences.
    pub(super) fn new(query: &Query, limit: usize) -> Matcher {
        let state = match query.kind {
            Kind::Sequence => State::Sequence(Box::new(Sequence::new(query, limit))),
            Kind::Sample => State::Sample(Box::new(Sample::new(query, limit))),
            Kind::Event => State::Event(Box::new(query.stages[0].clone())),
        };
        Matcher { state, pipes: Pipes::new(&query.pipes) }
    }

    /// Partial sequences and keys evicted because a limit was reached.
    pub(super) fn evicted(&self) -> u64 {
        let evicted = match &self.state {
            State::Event(_) => 0,
            State::Sequence(sequence) => sequence.evicted(),
            State::Sample(sample) => sample.evicted(),
        };
        evicted + self.pipes.evicted()
    }

    /// Takes in the next event.
    pub(super) fn observe(&mut self, shared: &mut Shared<'_>, ordinal: Ordinal, watermark_ms: i64) -> Vec<Match> {
        let mut found = Vec::new();
        match &mut self.state {
            State::Event(stage) => {
                if stage.selects(shared.event) {
                    let events = vec![Arc::clone(&shared.keep().event)];
                    found.push(Match { events, join: Vec::new(), has_several_keys: false });
                }
            }
            State::Sequence(sequence) => sequence.observe(shared, ordinal, watermark_ms, &mut found),
            State::Sample(sample) => sample.observe(shared, ordinal, &mut found),
        }
        self.pipes.pass(found)
    }

    /// Time has passed: returns the sequences that waited for an event that did not occur.
    pub(super) fn elapse(&mut self, watermark_ms: i64) -> Vec<Match> {
        let mut found = Vec::new();
        if let State::Sequence(sequence) = &mut self.state {
            sequence.decide(watermark_ms, &mut found);
        }
        self.pipes.pass(found)
    }

    /// No event comes any more.
    pub(super) fn finish(&mut self) -> Vec<Match> {
        let mut found = self.elapse(i64::MAX);
        found.extend(self.pipes.finish());
        found
    }

    /// Tells by which values events are known that a sequence waits for.
    pub(super) fn tell_awaited(&self, tell: Tell<'_>) {
        if let State::Sequence(sequence) = &self.state {
            sequence.tell_awaited(tell);
        }
    }

    /// Whether something waits for a later stage of a sequence.
    pub(super) fn waits(&self) -> bool {
        matches!(&self.state, State::Sequence(sequence) if sequence.waits())
    }

    /// The time after which something is decided.
    pub(super) fn due_ms(&self) -> Option<i64> {
        match &self.state {
            State::Sequence(sequence) => sequence.due_ms(),
            _ => None,
        }
    }

    /// How long each thing is that is held.
    pub(super) fn weights(&self) -> Vec<Weight> {
        match &self.state {
            State::Event(_) => Vec::new(),
            State::Sequence(sequence) => sequence.weights().collect(),
            State::Sample(sample) => sample.weights().collect(),
        }
    }

    pub(super) fn evict(&mut self, eviction: Eviction, watermark_ms: i64) {
        match &mut self.state {
            State::Event(_) => {}
            State::Sequence(sequence) => sequence.evict(eviction, watermark_ms),
            State::Sample(sample) => sample.evict(eviction),
        }
    }
}
