//! Puts events that arrive a little late back into the order they happened in.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use crate::event::{Event, Line, Timestamp};

/// A place in the order of events: by time, then by arrival.
pub(crate) type Ordinal = (Timestamp, u64);

/// How much disorder to expect.
#[derive(Clone, Copy, Debug)]
pub enum Lateness {
    /// An event may arrive this long after a later one; zero takes the input as it comes.
    UpTo(Duration),
    /// Any order: hold everything to the end.
    Unbounded,
}

/// So many events are looked at together for blocks of input that they keep alive.
const LOOKED_AT: usize = 256;

/// The events that came last, with the bytes of their lines and of the blocks that these are parts of.
#[derive(Debug, Default)]
struct Fresh {
    events: usize,
    lines: usize,
    blocks: usize,
    /// The block of the last one.
    block: usize,
}

impl Fresh {
    fn add(&mut self, event: &Event) {
        self.events += 1;
        let Some(line) = event.line() else { return };
        let (block, bytes) = line.block();
        self.lines += line.bytes();
        if block != self.block {
            (self.block, self.blocks) = (block, self.blocks + bytes);
        }
    }
}

/// Holds events until none that happened before them is expected.
#[derive(Debug)]
pub(crate) struct Reorder {
    lateness: Lateness,
    limit: usize,
    bytes_limit: usize,
    bytes: usize,
    /// Events that arrived in order; most do.
    queue: VecDeque<(Ordinal, Event)>,
    /// Those at its end that were not looked at yet.
    fresh: Fresh,
    stragglers: BTreeMap<Ordinal, Event>,
    arrivals: u64,
    latest: Option<Timestamp>,
    /// The latest of the events that were released before their time.
    let_go: Option<Timestamp>,
    late: u64,
    overtaken: u64,
}

impl Reorder {
    /// A buffer for at most `limit` events of at most `bytes`; beyond them the earliest is released before its time.
    /// Where the input is in order that changes nothing; what arrives before it is counted. `Lateness::Unbounded` has
    /// no limit.
    pub(crate) fn new(lateness: Lateness, limit: usize, bytes: usize) -> Reorder {
        Reorder {
            lateness,
            limit,
            bytes_limit: bytes,
            bytes: 0,
            queue: VecDeque::new(),
            fresh: Fresh::default(),
            stragglers: BTreeMap::new(),
            arrivals: 0,
            latest: None,
            let_go: None,
            late: 0,
            overtaken: 0,
        }
    }

    /// Events that arrived later than the lateness allows, and so out of order.
    pub(crate) fn late(&self) -> u64 {
        self.late
    }

    /// Events that arrived in time, but after a later one had been released because the buffer was full.
    pub(crate) fn overtaken(&self) -> u64 {
        self.overtaken
    }

    /// The bytes of the events that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Takes in an event.
    pub(crate) fn push(&mut self, event: Event) {
        let ordinal = (event.time, self.arrivals);
        self.arrivals += 1;
        if let (Lateness::UpTo(lateness), Some(latest)) = (self.lateness, self.latest)
            && !lateness.is_zero()
            && event.time < latest.saturating_sub(lateness)
        {
            self.late += 1;
        } else if self.let_go.is_some_and(|let_go| event.time < let_go) {
            self.overtaken += 1;
        }
        self.latest = self.latest.max(Some(event.time));
        let is_straggler = self.waits() && self.queue.back().is_some_and(|(last, _)| *last > ordinal);
        self.bytes += event.stated_bytes();
        if is_straggler {
            self.stragglers.insert(ordinal, event);
        } else {
            self.fresh.add(&event);
            self.queue.push_back((ordinal, event));
        }
        if self.fresh.events >= LOOKED_AT {
            self.leave_large_blocks();
        }
    }

    /// Holds nothing of blocks of which the events that came last use little.
    fn leave_large_blocks(&mut self) {
        let Fresh { events, lines, blocks, .. } = std::mem::take(&mut self.fresh);
        // Nearly always blocks are full of events. Of several inputs in turn each event appears to have one of its own.
        if blocks > Line::SPARSE * lines {
            let start = self.queue.len().saturating_sub(events);
            Event::leave_large_blocks(self.queue.range_mut(start..).map(|(_, event)| event));
        }
    }

    /// Whether the input is not taken as it comes.
    fn waits(&self) -> bool {
        !matches!(self.lateness, Lateness::UpTo(Duration::ZERO))
    }

    /// The next event whose turn has come.
    pub(crate) fn pop_due(&mut self) -> Option<(Ordinal, Event)> {
        let Lateness::UpTo(lateness) = self.lateness else { return None };
        let (time, _) = self.first()?;
        if time <= self.latest?.saturating_sub(lateness) || lateness.is_zero() {
            return self.pop();
        }
        if self.queue.len() + self.stragglers.len() > self.limit || self.bytes > self.bytes_limit {
            self.let_go = self.let_go.max(Some(time));
            return self.pop();
        }
        None
    }

    /// The next event, due or not: at the end of the input.
    pub(crate) fn pop(&mut self) -> Option<(Ordinal, Event)> {
        let straggler = self.stragglers.first_key_value().map(|(ordinal, _)| *ordinal);
        let queued = self.queue.front().map(|(ordinal, _)| *ordinal);
        let next = match straggler {
            Some(straggler) if queued.is_none_or(|queued| straggler < queued) => self.stragglers.pop_first(),
            _ => self.queue.pop_front(),
        };
        self.bytes = self.bytes.saturating_sub(next.as_ref().map_or(0, |(_, event)| event.stated_bytes()));
        next
    }

    /// Which event is next, due or not.
    pub(crate) fn first(&self) -> Option<Ordinal> {
        let straggler = self.stragglers.first_key_value().map(|(ordinal, _)| *ordinal);
        let queued = self.queue.front().map(|(ordinal, _)| *ordinal);
        straggler.into_iter().chain(queued).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, field};

    fn run(lateness: Lateness, limit: usize, times: &[i64]) -> (Vec<(i64, u64)>, u64, u64) {
        let mut reorder = Reorder::new(lateness, limit, usize::MAX);
        let mut out = Vec::new();
        for time in times {
            reorder.push(Event::new(Timestamp::from_nanoseconds(*time), Categories::NETWORK));
            out.extend(std::iter::from_fn(|| reorder.pop_due()));
        }
        out.extend(std::iter::from_fn(|| reorder.pop()));
        let order = out.into_iter().map(|((time, arrival), _)| (time.nanoseconds(), arrival)).collect();
        (order, reorder.late(), reorder.overtaken())
    }

    #[test]
    fn events_within_the_lateness_come_out_sorted_and_ties_stay_in_arrival_order() {
        let lateness = Lateness::UpTo(Duration::from_nanos(5));
        let (order, late, _) = run(lateness, 100, &[10, 12, 10, 7, 12, 20, 15]);
        assert_eq!(order, [(7, 3), (10, 0), (10, 2), (12, 1), (12, 4), (15, 6), (20, 5)]);
        assert_eq!(late, 0);
    }

    #[test]
    fn an_event_beyond_the_lateness_is_counted_and_still_comes_out() {
        let (order, late, _) = run(Lateness::UpTo(Duration::from_nanos(5)), 100, &[10, 20, 14]);
        assert_eq!(order.len(), 3);
        assert_eq!(late, 1);
    }

    #[test]
    fn lateness_zero_takes_the_input_as_it_comes() {
        let (order, late, _) = run(Lateness::UpTo(Duration::ZERO), 100, &[3, 1, 2]);
        assert_eq!(order, [(3, 0), (1, 1), (2, 2)]);
        assert_eq!(late, 0);
    }

    #[test]
    fn a_full_buffer_releases_the_earliest_and_counts_what_then_comes_before_it() {
        let lateness = Lateness::UpTo(Duration::from_secs(1));
        let (order, _, overtaken) = run(lateness, 2, &[1, 2, 3, 4]);
        assert_eq!((order, overtaken), (vec![(1, 0), (2, 1), (3, 2), (4, 3)], 0), "in order, it costs nothing");
        let (order, late, overtaken) = run(lateness, 2, &[1, 3, 4, 5, 2, 6]);
        assert_eq!(order.iter().map(|(time, _)| *time).collect::<Vec<_>>(), [1, 3, 2, 4, 5, 6]);
        assert_eq!((late, overtaken), (0, 1));
    }

    #[test]
    fn a_buffer_full_by_bytes_releases_the_earliest_too() {
        let event = |ns| {
            let mut event = Event::new(Timestamp::from_nanoseconds(ns), Categories::NETWORK);
            event.push_str(field::PROCESS_ARGS, &"x".repeat(10_000));
            event
        };
        let mut reorder = Reorder::new(Lateness::UpTo(Duration::from_secs(1)), 100, 25_000);
        let mut released = Vec::new();
        for ns in [2, 1, 3, 4, 1] {
            reorder.push(event(ns));
            released.extend(std::iter::from_fn(|| reorder.pop_due()).map(|((time, _), _)| time.nanoseconds()));
        }
        assert_eq!((released, reorder.overtaken()), (vec![1, 2, 1], 1));
    }

    #[test]
    fn unbounded_sorts_everything() {
        let (order, ..) = run(Lateness::Unbounded, 1, &[9, 1, 5]);
        assert_eq!(order, [(1, 1), (5, 2), (9, 0)]);
    }
}
