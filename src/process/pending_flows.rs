//! Flows that wait for the exec they belong to.
//!
//! The two streams of a live Mac are independent: a connection can be reported before the exec that made it. A flow
//! is released when the stream of processes has passed its time, or when nothing of that stream is in flight; one whose
//! process is unknown, or was only found running while its exec may be in flight, waits longer. What was released is
//! remembered for a while: an exec that is reported later still, and that changes whose flow it was, releases it once
//! more.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use crate::event::{Charge, Event, Ledger, Timestamp, field};

/// For how long nothing of the stream of processes must be in flight: sensors deliver immediately.
const SETTLE: Duration = Duration::from_millis(10);
/// How long a flow that was released is remembered: how much later than a flow an exec may be reported.
const REMEMBERED: Duration = Duration::from_secs(5);
/// A flow is released after this long, however busy the stream of processes is.
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

/// A flow that is released.
#[derive(Debug)]
pub(crate) struct Due {
    /// The flow.
    pub event: Event,
    /// Whose it was when it was released before.
    pub before: Option<Owner>,
    arrived: Duration,
    has_waited: bool,
    release: Release,
    charge: Charge,
}

/// Why a flow need not wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Release {
    /// The stream of processes has passed it.
    Passed,
    /// Nothing of that stream is in flight.
    Quiet,
    /// It has waited for too long: an earlier exec could still be reported.
    Doubtful,
}

impl Due {
    /// How long it has waited for its exec, in milliseconds; `None`: its process was known when it was reported.
    pub(crate) fn waited_ms(&self, now: Duration) -> Option<i64> {
        let waited = i64::try_from(now.saturating_sub(self.arrived).as_millis()).unwrap_or(i64::MAX);
        (self.has_waited && waited > 0).then_some(waited)
    }
}

/// Waiting flows, bounded.
#[derive(Debug)]
pub(crate) struct PendingFlows {
    lateness: Duration,
    capacity: usize,
    bytes: usize,
    ledger: Ledger,
    settling: VecDeque<Held>,
    unknown: ByPid,
    /// Flows that were released.
    remembered: ByPid,
    evicted: u64,
}

#[derive(Debug)]
struct Held {
    event: Event,
    /// When it was reported.
    arrived: Duration,
    since: Duration,
    /// Its exec was not reported by then.
    has_waited: bool,
    /// Whose it was when it was released.
    before: Option<Owner>,
    /// The stream of processes had passed it when it was released.
    is_certain: bool,
    charge: Charge,
}

impl PendingFlows {
    /// Holds at most `capacity` flows of at most `bytes`, those of unknown processes for at least the lateness.
    pub(crate) fn new(lateness: Duration, capacity: usize, bytes: usize) -> PendingFlows {
        let (ledger, settling, unknown, remembered) = Default::default();
        PendingFlows { lateness, capacity, bytes, ledger, settling, unknown, remembered, evicted: 0 }
    }

    /// Flows that were processed or evicted although an earlier exec could still be reported: too many were held, or
    /// the stream of processes was busy for too long.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Takes in a flow. `now` is a clock that only goes forward.
    pub(crate) fn hold(&mut self, event: Event, is_known: bool, now: Duration) -> Option<Due> {
        let charge = self.ledger.charge(event.bytes());
        let (arrived, has_waited) = (now, !is_known);
        let held = Held { event, arrived, since: now, has_waited, before: None, is_certain: false, charge };
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
        let again = self.remembered.take(process, began);
        let found = self.unknown.take(process, Timestamp::from_nanoseconds(i64::MIN));
        self.settling.extend(again.into_iter().chain(found).map(|held| Held { since: now, has_waited: true, ..held }));
    }

    /// The exec of a flow that would be released is expected: it waits like one of an unknown process. Returns it when
    /// it has waited for so long.
    pub(crate) fn wait(&mut self, due: Due, now: Duration) -> Option<Due> {
        if now.saturating_sub(due.arrived) >= self.lateness {
            return Some(due);
        }
        let Due { event, before, arrived, charge, .. } = due;
        let held = Held { event, arrived, since: arrived, has_waited: true, before, is_certain: false, charge };
        self.unknown.push(held);
        None
    }

    /// The next flow that need not wait.
    pub(crate) fn pop_due(&mut self, progress: Progress, now: Duration) -> Option<Due> {
        let remembered = REMEMBERED.max(self.lateness);
        while self.remembered.front().is_some_and(|held| now.saturating_sub(held.since) >= remembered) {
            self.remembered.pop();
        }
        if let Some(release) = self.settling.front().and_then(|held| release(held, Duration::ZERO, progress, now)) {
            return self.settling.pop_front().map(|held| Due { release, ..Due::from(held) });
        }
        let release = release(self.unknown.front()?, self.lateness, progress, now)?;
        self.unknown.pop().map(|held| Due { release, ..Due::from(held) })
    }

    /// Any flow, at the end.
    pub(crate) fn pop(&mut self) -> Option<Due> {
        self.settling.pop_front().or_else(|| self.unknown.pop()).map(Due::from)
    }

    /// The flow was released as the flow of this execution.
    pub(crate) fn remember(&mut self, due: Due, owner: Owner, now: Duration) {
        let Due { event, arrived, has_waited, release, charge, .. } = due;
        self.evicted += u64::from(release == Release::Doubtful);
        let (before, is_certain) = (Some(owner), release == Release::Passed);
        self.remembered.push(Held { event, arrived, since: now, has_waited, before, is_certain, charge });
    }

    /// When the next flow is due; `None` when none waits.
    pub(crate) fn deadline(&self, progress: Progress) -> Option<Duration> {
        let due = |held: &Held, wait: Duration| {
            let quiet = progress.quiet_since.map(|quiet| quiet.max(held.since).saturating_add(SETTLE));
            let quiet = quiet.map(|quiet| quiet.max(held.since.saturating_add(wait)));
            quiet.unwrap_or(Duration::MAX).min(held.since.saturating_add(LONGEST_WAIT.max(wait)))
        };
        let settled = self.settling.front().map(|held| due(held, Duration::ZERO));
        let given_up = self.unknown.front().map(|held| due(held, self.lateness));
        settled.into_iter().chain(given_up).min()
    }

    fn is_full(&self) -> bool {
        let number = self.settling.len() + self.unknown.len() + self.remembered.len();
        number > self.capacity || self.ledger.bytes() > self.bytes
    }
}

/// Why a flow is released, if it is.
fn release(held: &Held, wait: Duration, progress: Progress, now: Duration) -> Option<Release> {
    let waited = now.saturating_sub(held.since);
    if waited < wait {
        return None;
    }
    if held.event.time <= progress.seen {
        return Some(Release::Passed);
    }
    if progress.is_quiet(held.since, now) {
        return Some(Release::Quiet);
    }
    (waited >= LONGEST_WAIT).then_some(Release::Doubtful)
}

impl From<Held> for Due {
    fn from(held: Held) -> Due {
        let Held { event, arrived, has_waited, before, is_certain, charge, .. } = held;
        let release = if is_certain { Release::Passed } else { Release::Quiet };
        Due { event, before, arrived, has_waited, release, charge }
    }
}

/// Flows in their order, and where those of each pid are: a process can run one program after the other while many wait.
#[derive(Debug, Default)]
struct ByPid {
    /// The one that has waited longest comes first.
    queue: BTreeMap<Place, Held>,
    /// By pid and time.
    places: BTreeMap<(i64, Timestamp, u64), Place>,
    number: u64,
}

/// Since when a flow waits, and the how many-th it is.
type Place = (Duration, u64);

impl ByPid {
    fn push(&mut self, held: Held) {
        self.number += 1;
        let place = (held.since, self.number);
        self.places.insert((pid(&held.event), held.event.time, self.number), place);
        self.queue.insert(place, held);
    }

    fn front(&self) -> Option<&Held> {
        self.queue.first_key_value().map(|(_, held)| held)
    }

    fn pop(&mut self) -> Option<Held> {
        let ((_, number), held) = self.queue.pop_first()?;
        self.places.remove(&(pid(&held.event), held.event.time, number));
        Some(held)
    }

    /// Those of a process from this time on.
    fn take(&mut self, process: i64, from: Timestamp) -> Vec<Held> {
        let later = (process, from, 0)..=(process, Timestamp::from_nanoseconds(i64::MAX), u64::MAX);
        let mut found: Vec<_> = self.places.range(later).map(|(key, place)| (*place, *key)).collect();
        found.sort_unstable();
        let take = |(place, key)| {
            self.places.remove(&key);
            self.queue.remove(&place)
        };
        found.into_iter().filter_map(take).collect()
    }

    fn len(&self) -> usize {
        self.queue.len()
    }
}

fn pid(event: &Event) -> i64 {
    event.int(field::PROCESS_PID).unwrap_or(-1)
}
