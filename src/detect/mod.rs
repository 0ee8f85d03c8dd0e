//! What it means: rules over events, and the sequences they find.

mod absence;
pub(crate) mod case;
pub(crate) mod cases;
mod error;
pub(crate) mod exception;
mod export;
pub(crate) mod lint;
mod held;
mod index;
mod joins;
mod keys;
mod kibana;
mod kinds;
mod matcher;
mod matchers;
mod needs;
mod pipes;
pub(crate) mod reorder;
mod repeat;
mod reported;
pub(crate) mod rule;
mod rule_file;
mod rule_query;
mod rule_toml;
mod sample;
mod sequence;
mod set;
mod string_literal;
pub(crate) mod suppress;
pub(crate) mod volume;
mod written;

use std::collections::HashSet;

pub(crate) use crate::eql::KeyValue;
pub use error::Error;
pub use exception::Exception;
pub use held::Match;
pub(crate) use needs::Needs;
pub use reorder::Lateness;
pub(crate) use reorder::Ordinal;
pub use rule::Rule;
pub use set::RuleSet;
pub(crate) use volume::Volume;

use crate::eql::Lineages;
use crate::event::{Event, Ledger, Timestamp};
use held::{Eviction, Shared};
use index::Index;
use joins::Joins;
use matcher::Matcher;
use matchers::Matchers;

/// What a rule found.
#[derive(Clone, Debug)]
pub(crate) struct Detection {
    /// The position of the rule in the set.
    pub rule: usize,
    /// The events.
    pub found: Match,
}

/// Rules at work on a stream of events.
#[derive(Debug)]
pub(crate) struct Detector {
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
    /// What matchers evicted, also those that are no more.
    evicted: u64,
    /// The matchers in which something can be decided by time alone.
    timed: Vec<usize>,
}

impl Detector {
    /// A detector for the runnable rules of a set; `limit` bounds the partial sequences of each rule, and `bytes` what
    /// all hold together.
    pub(crate) fn new(rules: &[Rule], lineages: Lineages, limit: usize, bytes: usize) -> Detector {
        let (mut matchers, mut timed) = (Vec::new(), Vec::new());
        let (mut index, mut joins) = (Index::default(), Joins::default());
        for (at, query) in rules.iter().enumerate().filter_map(|(at, rule)| Some((at, rule.query()?))) {
            index.add(query, &mut joins);
            if query.stages.iter().any(|stage| stage.missing) {
                timed.push(matchers.len());
            }
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
            joins,
            bytes,
            spared: 0,
            evicted: 0,
            timed,
        }
    }

    /// Asks every rule about every event from now on, also where none of its stages can match.
    pub(crate) fn ask_every_rule(&mut self) {
        self.index.set_always();
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
        self.evicted = old.evicted;
        self.ledger = old.ledger;
        self.refresh();
    }

    /// Remembers under which keys something waits, and no others.
    fn refresh(&mut self) {
        self.joins.forget();
        for (at, (_, matcher)) in self.matchers.iter().enumerate() {
            matcher.tell_awaited(&mut |by, value| self.joins.wait(by, value, Matchers::at(at)));
        }
        self.joins.is_fresh();
    }

    /// The partial sequences that are open.
    pub(crate) fn open(&self) -> usize {
        self.matchers.iter().map(|(_, matcher)| matcher.weights().len()).sum()
    }

    /// Which `descendant of […]` queries the event matches.
    pub(crate) fn lineage_marks(&self, event: &Event) -> u128 {
        self.lineages.marks(event)
    }

    /// Takes in the next event. `watermark_ms` is the time before which no event is expected.
    pub(crate) fn observe(&mut self, event: &Event, ordinal: Ordinal, watermark_ms: i64) -> Vec<Detection> {
        self.joins.next_event();
        self.index.look_up(event, &mut self.joins);
        let mut shared = Shared::new(event, ordinal, &self.ledger, &mut self.joins);
        let mut found = Vec::new();
        while let Some(at) = self.index.next() {
            let (rule, matcher) = &mut self.matchers[at];
            shared.pass_to(Matchers::at(at));
            let evicted = matcher.evicted();
            let mut matches = matcher.observe(&mut shared, ordinal, watermark_ms);
            self.evicted += matcher.evicted() - evicted;
            self.index.set_waiting(at, matcher.waits());
            if self.once[*rule] {
                matches.truncate(1);
            }
            found.extend(matches.into_iter().map(|found| Detection { rule: *rule, found }));
        }
        drop(shared);
        if self.joins.is_stale() {
            self.refresh();
        }
        self.bound(watermark_ms);
        if found.len() > 1 {
            let firing: HashSet<usize> = found.iter().map(|detection| detection.rule).collect();
            found.retain(|detection| self.yields_to[detection.rule].is_disjoint(&firing));
        }
        found
    }

    /// Time has passed: returns what waited for an event that did not occur.
    pub(crate) fn elapse(&mut self, watermark_ms: i64) -> Vec<Detection> {
        self.each(|matcher| matcher.elapse(watermark_ms))
    }

    /// There are no more events: returns what waited for the end.
    pub(crate) fn finish(&mut self) -> Vec<Detection> {
        self.each(Matcher::finish)
    }

    fn each(&mut self, mut ask: impl FnMut(&mut Matcher) -> Vec<Match>) -> Vec<Detection> {
        let mut found = Vec::new();
        for (rule, matcher) in &mut self.matchers {
            let evicted = matcher.evicted();
            found.extend(ask(matcher).into_iter().map(|found| Detection { rule: *rule, found }));
            self.evicted += matcher.evicted() - evicted;
        }
        found
    }

    /// The time after which something is decided, in milliseconds.
    pub(crate) fn due_ms(&self) -> Option<i64> {
        self.timed.iter().filter_map(|at| self.matchers[*at].1.due_ms()).min()
    }

    /// Evicts partial sequences until an eighth is free.
    fn bound(&mut self, watermark_ms: i64) {
        let bytes = self.ledger.bytes();
        if bytes <= self.bytes {
            self.spared = 0;
        }
        if bytes <= self.bytes + self.spared {
            return;
        }
        let weights: Vec<_> = self.matchers.iter().flat_map(|(_, matcher)| matcher.weights()).collect();
        let now = Timestamp::from_milliseconds(watermark_ms);
        if let Some((eviction, spared)) = Eviction::plan(weights, bytes, self.bytes / 8 * 7, now) {
            self.spared = spared;
            for (_, matcher) in &mut self.matchers {
                let evicted = matcher.evicted();
                matcher.evict(eviction, watermark_ms);
                self.evicted += matcher.evicted() - evicted;
            }
        }
    }

    /// The bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.ledger.bytes()
    }

    /// Partial sequences evicted because a limit was reached.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, field};

    fn detector(limit: usize, bytes: usize) -> Detector {
        let mut set = RuleSet::default();
        for query in [
            "sequence by process.pid [process where true] [network where true]",
            "sequence by process.pid with maxspan=1s [process where true] ![network where true]",
            "sample by process.pid [process where true] [network where true]",
            "process where process.pid == 1",
        ] {
            let id = set.rules.len();
            set.add("r", &format!("[rule]\nrule_id = \"{id}\"\nname = \"r\"\nquery = '{query}'\n")).unwrap();
        }
        Detector::new(&set.rules, set.lineages, limit, bytes)
    }

    #[test]
    fn large_decoys_of_one_time_are_evicted_one_by_one_and_what_is_small_stays() {
        let mut detector = detector(1000, 1 << 20);
        let mut observe = |pid: u64, milliseconds: i64, text: usize| {
            let mut event = Event::new(Timestamp::from_milliseconds(milliseconds).unwrap(), Categories::PROCESS);
            event.push_int(field::PROCESS_PID, pid as i64);
            event.push_str(field::PROCESS_ARGS, &"A".repeat(text));
            detector.observe(&event, (event.time, pid), 0);
            (detector.bytes(), detector.evicted())
        };
        observe(100, 0, 100);
        for pid in 101..300 {
            let (bytes, _) = observe(pid, 1000, 100_000);
            assert!(bytes <= (1 << 20) + 150_000, "{bytes} after {pid}");
        }
        let mut network = Event::new(Timestamp::from_milliseconds(2000).unwrap(), Categories::NETWORK);
        network.push_int(field::PROCESS_PID, 100);
        let found = detector.observe(&network, (network.time, 300), 0);
        assert!(found.iter().any(|detection| detection.rule == 0), "the small one goes on");
    }

    /// Whether the first of two as long, by which others have to go, goes on after the room was filled so long before.
    fn goes_on(after: i64) -> bool {
        let mut detector = detector(65_536, 1 << 20);
        let mut start = |pid: i64, second: i64, text: usize| {
            let mut event = Event::new(Timestamp::from_milliseconds(1000 * second).unwrap(), Categories::PROCESS);
            event.push_int(field::PROCESS_PID, pid);
            event.push_str(field::PROCESS_ARGS, &"A".repeat(text));
            detector.observe(&event, (event.time, pid as u64), 1000 * second);
            detector.evicted()
        };
        let mut pid = 1000;
        while start(pid, 0, 500) == 0 {
            pid += 1;
        }
        start(7, after, 50_000);
        let before = start(8, after, 50_000);
        assert!((0..500).any(|number| start(20_000 + number, after + 1, 500) > before), "others had to go");
        let time = Timestamp::from_milliseconds(1000 * (after + 2)).unwrap();
        let mut network = Event::new(time, Categories::NETWORK);
        network.push_int(field::PROCESS_PID, 7);
        let found = detector.observe(&network, (network.time, 1), 1000 * (after + 2));
        found.iter().any(|detection| detection.rule == 0)
    }

    #[test]
    fn what_has_just_begun_stays_whatever_its_size_while_what_began_long_ago_fills_the_room() {
        assert_eq!([10, 70, 310, 86_400].map(goes_on), [false, true, true, true]);
    }

    #[test]
    fn evictions_of_every_matcher_are_counted_and_the_first_decision_is_due_first() {
        for (limit, bytes) in [(2, 1 << 20), (1000, 16 << 10), (1000, 1 << 20)] {
            let mut detector = detector(limit, bytes);
            for second in 0..100 {
                let mut event = Event::new(Timestamp::from_milliseconds(1000 * second).unwrap(), Categories::PROCESS);
                event.push_int(field::PROCESS_PID, second);
                event.push_str(field::PROCESS_ARGS, &"A".repeat(500));
                detector.observe(&event, (event.time, second as u64), 0);
                let due = detector.matchers.iter().filter_map(|(_, matcher)| matcher.due_ms());
                assert_eq!(detector.due_ms(), due.min());
            }
            detector.elapse(50_000);
            let evicted: u64 = detector.matchers.iter().map(|(_, matcher)| matcher.evicted()).sum();
            assert_eq!((detector.evicted(), evicted > 0), (evicted, limit == 2 || bytes < 1 << 20));
        }
    }
}
