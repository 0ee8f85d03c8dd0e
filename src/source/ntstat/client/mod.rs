//! The conversation with the kernel: which sources there are, which have connected, and what was lost.

mod answers;
mod testing;

use std::collections::VecDeque;
use std::time::Duration;

use super::action::{Action, Failure};
use super::report::Counters;
use super::schedule::Schedule;
use super::seen_flows::SeenFlows;
use super::self_test::Test;
use super::sources::{Source, Sources};
use super::throttle::Throttle;
use super::{ContinuousClock, message, provider};
use crate::event::{Flow, ProcessRef};

/// Contexts of requests: of a subscription, with its provider added; of the request for all; of others.
const SUBSCRIBE: u64 = 0x1000;
const UPDATE_ALL: u64 = 0x2000;
const UPDATE_ONE: u64 = 0x3000;
/// A socket is reopened, sockets are scanned, and all sources are asked for again at most this often.
const REOPEN_PERIOD: Duration = Duration::from_secs(10);
const SCAN_PERIOD: Duration = Duration::from_secs(1);
const RESYNC_PERIOD: Duration = Duration::from_millis(250);
/// While no process is watched nothing is so urgent that it would need a shorter timer.
const UNHURRIED: Duration = Duration::from_secs(1);
/// How long the kernel may take to report all sources there are.
const PATIENCE: Duration = Duration::from_secs(5);
/// The clocks are compared this often: the time of day is corrected now and then, the ticks are not. Nothing wakes up
/// for it.
const CLOCK_PERIOD: Duration = Duration::from_secs(10);
/// A time of day that is off by more was set; less is the clock being slewed, and what two readings differ by.
const SET: Duration = Duration::from_millis(100);
/// The driver's clock stops while the Mac sleeps, the continuous ticks advance: a difference beyond this was
/// sleep.
const SLEPT: Duration = Duration::from_secs(2);
/// `ENOBUFS`: the kernel had no room for the answer.
const ENOBUFS: u32 = 55;

/// How far the conversation on a socket is.
#[derive(Debug)]
enum Phase {
    /// These providers have not answered yet.
    Subscribing(Vec<u32>),
    /// The sources there are have been asked for.
    Enumerating,
    /// All sources that there were have been reported.
    Ready,
}

/// The state of a conversation.
#[derive(Debug)]
pub(crate) struct Client {
    own: ProcessRef,
    clock: ContinuousClock,
    clock_read: Duration,
    /// Ticks at which the agent began: flows from before are not new.
    since: u64,
    phase: Phase,
    /// When the socket was opened.
    opened: Duration,
    sources: Sources,
    schedule: Schedule,
    seen_flows: SeenFlows,
    actions: VecDeque<Action>,
    /// Flows that came before the first self-test was passed: until then nothing is trusted.
    held: VecDeque<Flow>,
    is_proven: bool,
    test: Test,
    sees_others: bool,
    resync: Throttle,
    reopen: Throttle,
    scan: Throttle,
    counters: Counters,
}

impl Client {
    /// A client that reports flows that began at these ticks or later, and the end of others; not those of this
    /// process.
    pub(crate) fn new(own: ProcessRef, clock: ContinuousClock, since: u64) -> Client {
        Client {
            own,
            clock,
            clock_read: Duration::ZERO,
            since,
            phase: Phase::Enumerating,
            opened: Duration::ZERO,
            sources: Sources::default(),
            schedule: Schedule::default(),
            seen_flows: SeenFlows::default(),
            actions: VecDeque::new(),
            held: VecDeque::new(),
            is_proven: false,
            test: Test::Due,
            sees_others: false,
            resync: Throttle::new(RESYNC_PERIOD),
            reopen: Throttle::new(REOPEN_PERIOD),
            scan: Throttle::new(SCAN_PERIOD),
            counters: Counters::default(),
        }
    }

    /// Begins on a new socket: subscribes to every provider. `now` is a clock that only goes forward.
    pub(crate) fn start(&mut self, now: Duration) {
        self.counters.evicted = self.counters.evicted.saturating_add(self.sources.take_evicted());
        self.sources = Sources::default();
        self.schedule.clear();
        // What was to be asked on the socket before; flows are still new.
        self.actions.retain(|action| matches!(action, Action::Flow(_)));
        self.resync.cancel();
        self.reopen.cancel();
        self.opened = now;
        // What an earlier socket showed proves nothing about this one.
        (self.test, self.sees_others) = (Test::Due, false);
        self.phase = Phase::Subscribing(provider::ADDRESSED.to_vec());
        for provider in provider::ADDRESSED {
            self.send(message::add_all(SUBSCRIBE + u64::from(provider), provider));
        }
    }

    /// Takes a new reading of the clocks. A test that was passed before sleep proves nothing about the present.
    pub(crate) fn set_clock(&mut self, clock: ContinuousClock, now: Duration) {
        let awake = now.saturating_sub(self.clock_read);
        if self.clock.elapsed(clock.ticks).saturating_sub(awake) > SLEPT {
            self.test = Test::Due;
        }
        (self.clock, self.clock_read) = (clock, now);
    }

    /// Whether the time of day was set since the clocks were last read: by this reading it is not what it was to be.
    pub(crate) fn is_clock_set(&self, clock: &ContinuousClock) -> bool {
        let expected = self.clock.timestamp(clock.ticks).nanoseconds();
        Duration::from_nanos(expected.abs_diff(clock.time.nanoseconds())) > SET
    }

    /// Receiving or sending failed because there was no room: something was lost.
    pub(crate) fn no_room(&mut self) {
        self.counters.no_room += 1;
        self.resync.ask();
        self.scan.ask();
    }

    /// Does what is due: asks about sources of watched processes that may still connect, and for all sources
    /// after a loss.
    pub(crate) fn tick(&mut self, now: Duration, watched: impl Fn(ProcessRef) -> bool) {
        let is_subscribed = !matches!(self.phase, Phase::Subscribing(_));
        if !matches!(self.phase, Phase::Ready) && now.saturating_sub(self.opened) > PATIENCE {
            return self.actions.push_back(Action::Fail(Failure::Silent));
        }
        if now.saturating_sub(self.clock_read) >= CLOCK_PERIOD {
            self.actions.push_back(Action::ReadClock);
        }
        if self.reopen.take(now) {
            return self.actions.push_back(Action::Reopen);
        }
        if is_subscribed && self.resync.take(now) {
            self.send(message::get_update(UPDATE_ALL, message::ALL));
        }
        if self.scan.take(now) {
            self.actions.push_back(Action::Scan);
        }
        self.examine(now);
        while let Some(entry) = self.schedule.pop(now) {
            let is_open = |source: &&Source| source.may_connect() && source.turn == entry.turn;
            let Some(source) = self.sources.get(entry.id).filter(is_open) else { continue };
            let is_tested = |process| matches!(&self.test, Test::Running(test) if test.is_about(process));
            let is_wanted = source.process.is_some_and(|process| watched(process) || is_tested(process));
            let has_connected = source.remote.is_some();
            if is_wanted {
                self.send(message::get_update(UPDATE_ONE, entry.id));
            }
            // The exec may be reported later than the socket: others are looked at again for a while.
            if is_wanted || !has_connected {
                self.schedule.add_again(entry, now, is_wanted);
            }
        }
    }

    /// Asks at once about the sockets of processes that have become watched, and soon again.
    pub(crate) fn watch(&mut self, now: Duration, is_new: impl Fn(ProcessRef) -> bool) {
        for (id, turn) in self.sources.reschedule(is_new) {
            self.send(message::get_update(UPDATE_ONE, id));
            self.schedule.add_asked(id, turn, now);
        }
    }

    /// When [`Client::tick`] has something to do; `None` when nothing waits.
    pub(crate) fn next_wakeup(&self, now: Duration, any_watched: bool) -> Option<Duration> {
        let test = match &self.test {
            Test::Running(test) => Some(test.next_wakeup()),
            _ => None,
        };
        let hurried = any_watched || test.is_some();
        let asked = self.schedule.next().map(|due| if hurried { due } else { due.max(now + UNHURRIED) });
        let patience = (!matches!(self.phase, Phase::Ready)).then_some(self.opened + PATIENCE);
        let throttled = [&self.resync, &self.reopen, &self.scan].into_iter().filter_map(Throttle::due);
        asked.into_iter().chain(test).chain(patience).chain(throttled).min()
    }

    /// The next thing to do.
    pub(crate) fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Takes in a flow that a scan found; it is reported unless it was before.
    pub(crate) fn scanned(&mut self, flow: Flow) {
        if self.seen_flows.remember_scanned(&flow) {
            self.report(flow);
        }
    }

    /// What was lost or not understood since the last call.
    pub(crate) fn take_counters(&mut self) -> Counters {
        let counters = std::mem::take(&mut self.counters);
        Counters { evicted: counters.evicted.saturating_add(self.sources.take_evicted()), ..counters }
    }

    fn send(&mut self, request: Vec<u8>) {
        self.actions.push_back(Action::Send(request));
    }
}
