//! Flows that wait for the exec they belong to.
//!
//! The two streams of a live Mac are independent: a connection can be told before the exec that made it.
//! A flow whose process is known waits until the stream of processes has passed its time, or 10 ms; one
//! whose process is unknown waits for it up to the lateness. One that went on after 10 ms goes on once more when an
//! exec of its process from before it is told within the lateness: the program that it was given to had been
//! replaced by then.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::HashMap;

use crate::event::{Charge, Event, Ledger, Timestamp, field};

/// How long a flow of a known process waits for an exec that may have replaced the program.
const SETTLE: Duration = Duration::from_millis(10);

/// Flows held back, bounded.
#[derive(Debug)]
pub struct Waiting {
    lateness: Duration,
    capacity: usize,
    bytes: usize,
    ledger: Ledger,
    settling: VecDeque<Held>,
    unknown: ByPid,
    /// Flows that went on before the stream of processes had come to their time.
    presumed: ByPid,
    overflowed: u64,
}

#[derive(Debug)]
struct Held {
    event: Event,
    since: Duration,
    charge: Charge,
}

impl Waiting {
    /// Holds at most `capacity` flows of at most `bytes`, those of unknown processes for at most the lateness.
    pub fn new(lateness: Duration, capacity: usize, bytes: usize) -> Waiting {
        let (ledger, settling, unknown, presumed) = Default::default();
        Waiting { lateness, capacity, bytes, ledger, settling, unknown, presumed, overflowed: 0 }
    }

    /// Flows let go before their time because too many waited.
    pub fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// Takes in a flow. `now` is a clock that only goes forward.
    pub fn hold(&mut self, event: Event, is_known: bool, now: Duration) -> Option<Event> {
        let charge = self.ledger.charge(event.bytes());
        let held = Held { event, since: now, charge };
        if is_known {
            self.settling.push_back(held);
        } else {
            self.unknown.push(held);
        }
        while self.is_full() && self.presumed.pop().is_some() {
            self.overflowed += 1;
        }
        if !self.is_full() {
            return None;
        }
        self.overflowed += 1;
        self.unknown.pop().or_else(|| self.settling.pop_front()).map(|held| held.event)
    }

    /// Flows of unknown processes wait for so long from now on.
    pub fn set_lateness(&mut self, lateness: Duration) {
        self.lateness = lateness;
    }

    /// An execution was told of that began at `began`: flows of its process need not wait any longer, and those
    /// that went on too early, and are later than it, go on again.
    pub fn started(&mut self, process: i64, began: Timestamp, now: Duration) {
        let again = self.presumed.take(process, |held| held.event.time >= began);
        let found = self.unknown.take(process, |_| true);
        self.settling.extend(again.into_iter().chain(found).map(|held| Held { since: now, ..held }));
    }

    /// The next flow that need not wait: the stream of processes has come to `seen`.
    pub fn pop_due(&mut self, seen: Timestamp, now: Duration) -> Option<Event> {
        let has_waited = |held: Option<&Held>| held.is_some_and(|held| now.saturating_sub(held.since) >= self.lateness);
        while has_waited(self.presumed.queue.front()) {
            self.presumed.pop();
        }
        let is_passed = |held: &Held| held.event.time <= seen;
        if self.settling.front().is_some_and(|held| is_passed(held) || now.saturating_sub(held.since) >= SETTLE) {
            let held = self.settling.pop_front()?;
            if !is_passed(&held) {
                self.presumed.push(Held { event: held.event.clone(), since: now, charge: held.charge });
            }
            return Some(held.event);
        }
        if has_waited(self.unknown.queue.front()) { self.unknown.pop().map(|held| held.event) } else { None }
    }

    /// Any flow, at the end.
    pub fn pop(&mut self) -> Option<Event> {
        self.settling.pop_front().or_else(|| self.unknown.pop()).map(|held| held.event)
    }

    /// When the next flow is due; `None` when none waits.
    pub fn deadline(&self) -> Option<Duration> {
        let settled = self.settling.front().map(|held| held.since + SETTLE);
        let given_up = self.unknown.queue.front().map(|held| held.since + self.lateness);
        settled.into_iter().chain(given_up).min()
    }

    fn is_full(&self) -> bool {
        let number = self.settling.len() + self.unknown.queue.len() + self.presumed.queue.len();
        number > self.capacity || self.ledger.bytes() > self.bytes
    }
}

/// Flows in their order, and how many of each pid: most processes that start have none.
#[derive(Debug, Default)]
struct ByPid {
    queue: VecDeque<Held>,
    counts: HashMap<i64, usize>,
}

impl ByPid {
    fn push(&mut self, held: Held) {
        *self.counts.entry(pid(&held.event)).or_default() += 1;
        self.queue.push_back(held);
    }

    fn pop(&mut self) -> Option<Held> {
        let held = self.queue.pop_front()?;
        self.forget(pid(&held.event), 1);
        Some(held)
    }

    /// Those of a process that pass the test.
    fn take(&mut self, process: i64, test: impl Fn(&Held) -> bool) -> VecDeque<Held> {
        if !self.counts.contains_key(&process) {
            return VecDeque::new();
        }
        let (taken, rest): (VecDeque<Held>, _) =
            self.queue.drain(..).partition(|held| pid(&held.event) == process && test(held));
        self.queue = rest;
        self.forget(process, taken.len());
        taken
    }

    fn forget(&mut self, process: i64, number: usize) {
        if let Some(count) = self.counts.get_mut(&process) {
            *count = count.saturating_sub(number);
            if *count == 0 {
                self.counts.remove(&process);
            }
        }
    }
}

fn pid(event: &Event) -> i64 {
    event.int(field::PROCESS_PID).unwrap_or(-1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Categories;

    fn flow(pid: i64, ms: i64) -> Event {
        let mut event = Event::new(Timestamp::from_milliseconds(ms).unwrap(), Categories::NETWORK);
        event.push_int(field::PROCESS_PID, pid);
        event
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_milliseconds(ms).unwrap()
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn due(waiting: &mut Waiting, seen: i64, now: u64) -> Vec<i64> {
        std::iter::from_fn(|| waiting.pop_due(at(seen), ms(now))).map(|event| pid(&event)).collect()
    }

    #[test]
    fn a_flow_of_a_known_process_waits_until_the_execs_have_passed_it_or_10_ms() {
        let mut waiting = Waiting::new(ms(2000), 10, usize::MAX);
        assert!(waiting.hold(flow(1, 100), true, ms(0)).is_none());
        assert!(waiting.hold(flow(2, 200), true, ms(1)).is_none());
        assert_eq!(due(&mut waiting, 99, 5), [0; 0]);
        assert_eq!(due(&mut waiting, 100, 5), [1]);
        assert_eq!(waiting.deadline(), Some(ms(11)));
        assert_eq!(due(&mut waiting, 100, 11), [2]);
        assert_eq!(waiting.deadline(), None, "nothing waits, so no timer runs");
    }

    #[test]
    fn a_flow_before_its_exec_goes_on_when_the_exec_is_told() {
        let mut waiting = Waiting::new(ms(2000), 10, usize::MAX);
        waiting.hold(flow(7, 100), false, ms(0));
        waiting.hold(flow(8, 100), false, ms(0));
        assert_eq!(due(&mut waiting, 500, 1000), [0; 0]);
        waiting.started(7, at(50), ms(1000));
        assert_eq!(due(&mut waiting, 500, 1000), [7]);
        assert_eq!(due(&mut waiting, 500, 1999), [0; 0]);
        assert_eq!(due(&mut waiting, 500, 2000), [8], "at the lateness it goes on without its process");
    }

    #[test]
    fn a_flow_that_went_on_too_early_goes_on_again_for_an_exec_before_it_and_once() {
        let mut waiting = Waiting::new(ms(2000), 10, usize::MAX);
        waiting.hold(flow(7, 100), true, ms(0));
        waiting.hold(flow(8, 100), true, ms(0));
        assert_eq!(due(&mut waiting, 50, 10), [7, 8]);
        waiting.started(7, at(101), ms(500));
        assert_eq!(due(&mut waiting, 50, 500), [0; 0], "an exec after it has no part in it");
        waiting.started(7, at(90), ms(600));
        assert_eq!(due(&mut waiting, 100, 600), [7]);
        waiting.started(7, at(95), ms(700));
        assert_eq!(due(&mut waiting, 100, 700), [0; 0]);
        assert_eq!(due(&mut waiting, 100, 2010), [0; 0]);
        waiting.started(8, at(90), ms(2010));
        assert_eq!(due(&mut waiting, 100, 2010), [0; 0], "beyond the lateness it is forgotten");
    }

    #[test]
    fn too_many_waiting_flows_let_the_oldest_go_and_are_counted() {
        let mut waiting = Waiting::new(ms(2000), 2, usize::MAX);
        assert!(waiting.hold(flow(1, 0), false, ms(0)).is_none());
        assert!(waiting.hold(flow(2, 0), false, ms(0)).is_none());
        assert_eq!(waiting.hold(flow(3, 0), false, ms(0)).map(|event| pid(&event)), Some(1));
        assert_eq!(waiting.overflowed(), 1);
        waiting.started(1, at(0), ms(0));
        let rest: Vec<i64> = std::iter::from_fn(|| waiting.pop()).map(|event| pid(&event)).collect();
        assert_eq!(rest, [2, 3]);
    }
}
