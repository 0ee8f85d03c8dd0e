//! Flows that wait for the exec they belong to.
//!
//! The two streams of a live Mac are independent: a connection can be reported before the exec that made it. A flow
//! goes on when the stream of processes has passed its time, or when nothing of that stream is under way; one whose
//! process is unknown waits longer. What went on is remembered for a while: an exec that is reported later still, and
//! that changes whose flow it was, sends it on once more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;

use crate::event::{Charge, Event, Ledger, Timestamp, field};

/// For how long nothing of the stream of processes must be under way: sensors hand over at once.
const SETTLE: Duration = Duration::from_millis(10);
/// How long a flow that went on is remembered: how much later than a flow an exec may be reported.
const REMEMBERED: Duration = Duration::from_secs(5);
/// A flow goes on after this long, however busy the stream of processes is.
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// The key of the execution that a flow belongs to, and whether its start was reported; `None`: it is not known.
pub(crate) type Owner = Option<(Arc<str>, bool)>;

/// How far the stream of processes has come.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Progress {
    /// The latest time that it reported of.
    pub seen: Timestamp,
    /// Since when nothing of it is under way.
    pub quiet_since: Option<Duration>,
}

impl Progress {
    /// Whether a flow that waits since then would have seen its exec come.
    fn is_quiet(self, since: Duration, now: Duration) -> bool {
        self.quiet_since.is_some_and(|quiet| now >= quiet.max(since).saturating_add(SETTLE))
    }
}

/// A flow that goes on.
#[derive(Debug)]
pub(crate) struct Due {
    /// The flow.
    pub event: Event,
    /// Whose it was when it went on before.
    pub before: Option<Owner>,
    is_certain: bool,
    charge: Charge,
}

/// Flows held back, bounded.
#[derive(Debug)]
pub(crate) struct PendingFlows {
    lateness: Duration,
    capacity: usize,
    bytes: usize,
    ledger: Ledger,
    settling: VecDeque<Held>,
    unknown: ByPid,
    /// Flows that went on.
    remembered: ByPid,
    evicted: u64,
}

#[derive(Debug)]
struct Held {
    event: Event,
    since: Duration,
    /// Whose it was when it went on.
    before: Option<Owner>,
    /// The stream of processes had passed it when it went on.
    is_certain: bool,
    charge: Charge,
}

impl PendingFlows {
    /// Holds at most `capacity` flows of at most `bytes`, those of unknown processes for at least the lateness.
    pub(crate) fn new(lateness: Duration, capacity: usize, bytes: usize) -> PendingFlows {
        let (ledger, settling, unknown, remembered) = Default::default();
        PendingFlows { lateness, capacity, bytes, ledger, settling, unknown, remembered, evicted: 0 }
    }

    /// Flows that went on in doubt, or were forgotten in doubt: too many were held, or the stream of processes was
    /// busy for too long.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes in a flow. `now` is a clock that only goes forward.
    pub(crate) fn hold(&mut self, event: Event, is_known: bool, now: Duration) -> Option<Due> {
        let charge = self.ledger.charge(event.bytes());
        let held = Held { event, since: now, before: None, is_certain: false, charge };
        if is_known {
            self.settling.push_back(held);
        } else {
            self.unknown.push(held);
        }
        while self.is_full() {
            let Some(forgotten) = self.remembered.pop() else { break };
            self.evicted += u64::from(!forgotten.is_certain);
        }
        if !self.is_full() {
            return None;
        }
        self.evicted += 1;
        self.unknown.pop().or_else(|| self.settling.pop_front()).map(Due::from)
    }

    /// Flows of unknown processes wait for so long from now on.
    pub(crate) fn set_lateness(&mut self, lateness: Duration) {
        self.lateness = lateness;
    }

    /// An execution that began at `began` was reported: flows of its process, later than it, may be its own.
    pub(crate) fn started(&mut self, process: i64, began: Timestamp, now: Duration) {
        let again = self.remembered.take(process, |held| held.event.time >= began);
        let found = self.unknown.take(process, |_| true);
        self.settling.extend(again.into_iter().chain(found).map(|held| Held { since: now, ..held }));
    }

    /// The next flow that need not wait.
    pub(crate) fn pop_due(&mut self, progress: Progress, now: Duration) -> Option<Due> {
        let remembered = REMEMBERED.max(self.lateness);
        while self.remembered.queue.front().is_some_and(|held| now.saturating_sub(held.since) >= remembered) {
            self.remembered.pop();
        }
        if let Some(is_certain) = self.settling.front().and_then(|held| fate(held, Duration::ZERO, progress, now)) {
            return self.settling.pop_front().map(|held| self.go_on(held, is_certain));
        }
        let is_certain = fate(self.unknown.queue.front()?, self.lateness, progress, now)?;
        self.unknown.pop().map(|held| self.go_on(held, is_certain))
    }

    /// Any flow, at the end.
    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.settling.pop_front().or_else(|| self.unknown.pop()).map(Due::from)
    }

    /// The flow went on as the flow of this execution.
    pub(crate) fn remember(&mut self, due: Due, owner: Owner, now: Duration) {
        let Due { event, is_certain, charge, .. } = due;
        self.remembered.push(Held { event, since: now, before: Some(owner), is_certain, charge });
    }

    /// When the next flow is due; `None` when none waits.
    pub(crate) fn deadline(&self, progress: Progress) -> Option<Duration> {
        let due = |held: &Held, wait: Duration| {
            let quiet = progress.quiet_since.map(|quiet| quiet.max(held.since).saturating_add(SETTLE));
            let quiet = quiet.map(|quiet| quiet.max(held.since.saturating_add(wait)));
            quiet.unwrap_or(Duration::MAX).min(held.since.saturating_add(LONGEST_WAIT.max(wait)))
        };
        let settled = self.settling.front().map(|held| due(held, Duration::ZERO));
        let given_up = self.unknown.queue.front().map(|held| due(held, self.lateness));
        settled.into_iter().chain(given_up).min()
    }

    fn go_on(&mut self, held: Held, is_certain: Option<bool>) -> Due {
        self.evicted += u64::from(is_certain.is_none());
        Due::from(Held { is_certain: is_certain.unwrap_or(false), ..held })
    }

    fn is_full(&self) -> bool {
        let number = self.settling.len() + self.unknown.queue.len() + self.remembered.queue.len();
        number > self.capacity || self.ledger.bytes() > self.bytes
    }
}

/// Whether the flow goes on, and then how: the stream of processes has passed it, or nothing of it is under way; or in
/// doubt, as it has waited for too long.
fn fate(held: &Held, wait: Duration, progress: Progress, now: Duration) -> Option<Option<bool>> {
    let waited = now.saturating_sub(held.since);
    if waited < wait {
        return None;
    }
    if held.event.time <= progress.seen {
        return Some(Some(true));
    }
    if progress.is_quiet(held.since, now) {
        return Some(Some(false));
    }
    (waited >= LONGEST_WAIT).then_some(None)
}

impl From<Held> for Due {
    fn from(held: Held) -> Due {
        let Held { event, before, is_certain, charge, .. } = held;
        Due { event, before, is_certain, charge }
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
        let mut event = Event::new(at(ms), Categories::NETWORK);
        event.push_int(field::PROCESS_PID, pid);
        event
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_milliseconds(ms).unwrap()
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    fn busy(seen: i64) -> Progress {
        Progress { seen: at(seen), quiet_since: None }
    }

    fn quiet(seen: i64, since: u64) -> Progress {
        Progress { seen: at(seen), quiet_since: Some(ms(since)) }
    }

    fn pending(capacity: usize) -> PendingFlows {
        PendingFlows::new(ms(2000), capacity, usize::MAX)
    }

    fn due(pending: &mut PendingFlows, progress: Progress, now: u64) -> Vec<i64> {
        let mut pids = Vec::new();
        while let Some(due) = pending.pop_due(progress, ms(now)) {
            pids.push(pid(&due.event));
            pending.remember(due, Some(("owner".into(), true)), ms(now));
        }
        pids
    }

    #[test]
    fn a_flow_of_a_known_process_waits_until_the_execs_have_passed_it_or_none_is_under_way() {
        let mut pending = pending(10);
        assert!(pending.hold(flow(1, 100), true, ms(0)).is_none());
        assert!(pending.hold(flow(2, 200), true, ms(1)).is_none());
        assert_eq!(due(&mut pending, busy(99), 50), [0; 0]);
        assert_eq!(due(&mut pending, busy(100), 50), [1]);
        assert_eq!(pending.deadline(quiet(100, 60)), Some(ms(70)));
        assert_eq!(due(&mut pending, quiet(100, 60), 69), [0; 0], "an exec may still be on its way");
        assert_eq!(due(&mut pending, quiet(100, 60), 70), [2]);
        assert_eq!(pending.deadline(quiet(100, 60)), None, "nothing waits, so no timer runs");
        assert_eq!(pending.evicted(), 0);
    }

    #[test]
    fn a_flow_waits_while_execs_keep_coming_from_before_it_and_goes_on_in_doubt_after_five_seconds() {
        let mut pending = pending(10);
        pending.hold(flow(1, 100), true, ms(0));
        assert_eq!(due(&mut pending, busy(99), 4999), [0; 0]);
        assert_eq!(pending.deadline(busy(99)), Some(ms(5000)));
        assert_eq!((due(&mut pending, busy(99), 5000), pending.evicted()), (vec![1], 1));
    }

    #[test]
    fn a_flow_before_its_exec_goes_on_when_the_exec_is_reported() {
        let mut pending = pending(10);
        pending.hold(flow(7, 100), false, ms(0));
        pending.hold(flow(8, 100), false, ms(0));
        assert_eq!(due(&mut pending, busy(500), 1000), [0; 0]);
        pending.started(7, at(50), ms(1000));
        assert_eq!(due(&mut pending, busy(500), 1000), [7]);
        assert_eq!(due(&mut pending, busy(500), 1999), [0; 0]);
        assert_eq!(due(&mut pending, busy(500), 2000), [8], "at the lateness it goes on without its process");
    }

    #[test]
    fn a_flow_that_went_on_goes_on_again_for_an_exec_before_it_for_five_seconds() {
        let mut pending = pending(10);
        pending.hold(flow(7, 100), true, ms(0));
        pending.hold(flow(8, 100), true, ms(0));
        assert_eq!(due(&mut pending, quiet(50, 0), 10), [7, 8]);
        pending.started(7, at(101), ms(500));
        assert_eq!(due(&mut pending, busy(200), 500), [0; 0], "an exec after it has no part in it");
        pending.started(7, at(90), ms(600));
        let again = pending.pop_due(busy(100), ms(600)).unwrap();
        assert_eq!((pid(&again.event), again.before), (7, Some(Some(("owner".into(), true)))));
        assert_eq!(due(&mut pending, busy(100), 5010), [0; 0]);
        pending.started(8, at(90), ms(5010));
        assert_eq!(due(&mut pending, busy(100), 5010), [0; 0], "beyond that it is forgotten");
    }

    #[test]
    fn too_many_waiting_flows_let_the_oldest_go_and_are_counted() {
        let mut pending = pending(2);
        assert!(pending.hold(flow(1, 0), false, ms(0)).is_none());
        assert!(pending.hold(flow(2, 0), false, ms(0)).is_none());
        assert_eq!(pending.hold(flow(3, 0), false, ms(0)).map(|due| pid(&due.event)), Some(1));
        assert_eq!(pending.evicted(), 1);
        pending.started(1, at(0), ms(0));
        let rest: Vec<i64> = std::iter::from_fn(|| pending.pop()).map(|due| pid(&due.event)).collect();
        assert_eq!(rest, [2, 3]);
    }
}
