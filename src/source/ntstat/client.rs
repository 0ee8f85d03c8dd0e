//! The conversation with the kernel: which sources there are, which have connected, and what was lost.

use std::collections::VecDeque;
use std::time::Duration;

use super::ContinuousClock;
use super::action::{Action, Failure};
use super::message::{self, Described, Message};
use super::provider;
use super::report::{Counters, flow, transport};
use super::schedule::Schedule;
use super::seen_flows::SeenFlows;
use super::self_test::{Ends, SelfTest, Sockets};
use super::sources::{Source, Sources};
use super::throttle::Throttle;
use crate::event::{Flow, ProcessRef, Timestamp};

/// Contexts of requests: of a subscription, with its provider added; of the request for all; of others.
const SUBSCRIBE: u64 = 0x1000;
const UPDATE_ALL: u64 = 0x2000;
const UPDATE_ONE: u64 = 0x3000;
/// Flows that are held until the first self-test is passed.
const MAX_FLOWS: usize = 65_536;
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
/// The driver's clock stands still while the Mac sleeps, the continuous ticks go on: a difference beyond this was
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

/// How far the self-test is. It is made on each new socket, and after sleep.
#[derive(Debug)]
enum Test {
    Due,
    /// The driver makes the sockets.
    Asked,
    Running(Box<SelfTest>),
    Done,
}

/// The state of a conversation.
#[derive(Debug)]
pub struct Client {
    own: ProcessRef,
    clock: ContinuousClock,
    clock_read: Duration,
    /// Ticks at which the agent began: flows from before are no news.
    since: u64,
    phase: Phase,
    /// When the socket was opened.
    opened: Duration,
    sources: Sources,
    schedule: Schedule,
    seen_flows: SeenFlows,
    actions: VecDeque<Action>,
    /// Flows that came before the first self-test was passed: until then nothing is believed.
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
    pub fn new(own: ProcessRef, clock: ContinuousClock, since: u64) -> Client {
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
    pub fn start(&mut self, now: Duration) {
        self.counters.evicted = self.counters.evicted.saturating_add(self.sources.take_evicted());
        self.sources = Sources::default();
        self.schedule.clear();
        // What was to be asked on the socket before; flows are still news.
        self.actions.retain(|action| matches!(action, Action::Flow(_)));
        self.resync.cancel();
        self.reopen.cancel();
        self.opened = now;
        // What an earlier socket showed proves nothing of this one.
        (self.test, self.sees_others) = (Test::Due, false);
        self.phase = Phase::Subscribing(provider::ADDRESSED.to_vec());
        for provider in provider::ADDRESSED {
            self.send(message::add_all(SUBSCRIBE + u64::from(provider), provider));
        }
    }

    /// Takes a new reading of the clocks. A test that was passed before sleep says nothing about what is now.
    pub fn set_clock(&mut self, clock: ContinuousClock, now: Duration) {
        let awake = now.saturating_sub(self.clock_read);
        if self.clock.elapsed(clock.ticks).saturating_sub(awake) > SLEPT {
            self.test = Test::Due;
        }
        (self.clock, self.clock_read) = (clock, now);
    }

    /// Takes in a datagram that came at `received`.
    pub fn receive(&mut self, datagram: &[u8], now: Duration, received: Timestamp) {
        for message in message::messages(datagram) {
            match message {
                Ok(message) => self.take(message, now, received),
                Err(()) => self.counters.malformed += 1,
            }
        }
    }

    /// Receiving or sending failed for want of room: something was lost.
    pub fn overflowed(&mut self) {
        self.counters.no_room += 1;
        self.resync.ask();
        self.scan.ask();
    }

    /// Does what is due: asks about sources of watched processes that have no remote address yet, and for all sources
    /// after a loss.
    pub fn tick(&mut self, now: Duration, watched: impl Fn(ProcessRef) -> bool) {
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
            let is_open = |source: &&Source| !source.connected && source.turn == entry.turn;
            let Some(source) = self.sources.get(entry.id).filter(is_open) else { continue };
            let is_tested = |process| matches!(&self.test, Test::Running(test) if test.is_about(process));
            let is_wanted = source.process.is_some_and(|process| watched(process) || is_tested(process));
            if is_wanted {
                self.send(message::get_update(UPDATE_ONE, entry.id));
            }
            // The exec may be reported later than the socket: others are looked at again for a while.
            self.schedule.add_again(entry, now, is_wanted);
        }
    }

    /// Asks at once about the sockets of processes that have become watched, and soon again.
    pub fn watch(&mut self, now: Duration, is_new: impl Fn(ProcessRef) -> bool) {
        for (id, turn) in self.sources.reschedule(is_new) {
            self.send(message::get_update(UPDATE_ONE, id));
            self.schedule.add_asked(id, turn, now);
        }
    }

    /// When [`Client::tick`] has something to do; `None` when nothing waits.
    pub fn next_wakeup(&self, now: Duration, any_watched: bool) -> Option<Duration> {
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
    pub fn next_action(&mut self) -> Option<Action> {
        self.actions.pop_front()
    }

    /// Begins the self-test: these sockets of our own must appear.
    pub fn begin_self_test(&mut self, sockets: Sockets, now: Duration) {
        self.test = Test::Running(Box::new(SelfTest::new(self.own, sockets, self.sees_others, now)));
    }

    /// No sockets could be made: the kernel is believed untested.
    pub fn skip_self_test(&mut self) {
        self.test = Test::Done;
        self.prove();
    }

    /// Another TCP socket for the self-test.
    pub fn connected_again(&mut self, tcp: Ends) {
        if let Test::Running(test) = &mut self.test {
            test.connected_again(tcp);
        }
    }

    /// Takes in a flow that a scan found; it is reported unless it was before.
    pub fn scanned(&mut self, flow: Flow) {
        if self.seen_flows.remember_scanned(&flow) {
            self.report(flow);
        }
    }

    /// What was lost or not understood since the last call.
    pub fn take_counters(&mut self) -> Counters {
        let counters = std::mem::take(&mut self.counters);
        Counters { evicted: counters.evicted.saturating_add(self.sources.take_evicted()), ..counters }
    }

    fn send(&mut self, request: Vec<u8>) {
        self.actions.push_back(Action::Send(request));
    }

    fn take(&mut self, message: Message, now: Duration, received: Timestamp) {
        match message {
            Message::Success { context, flags } => self.answered(context, flags, None),
            Message::Error { context, errno } => self.answered(context, 0, Some(errno)),
            Message::Added { source, provider } => self.added(source, provider, now),
            Message::Removed { source, flags } => {
                if flags & message::CLOSED_AFTER_DROP != 0 {
                    self.counters.closed_after_drop += 1;
                }
                self.sources.removed(source);
            }
            Message::Described(described) => self.described(&described, now, received),
            Message::Other => {}
        }
    }

    fn answered(&mut self, context: u64, flags: u16, errno: Option<u32>) {
        if context == UPDATE_ALL {
            return match errno {
                None if flags & message::CONTINUATION != 0 => {
                    self.send(message::get_update(UPDATE_ALL, message::ALL));
                }
                None => self.phase = Phase::Ready,
                // Whatever the reason, it is not asked again at once: the kernel could answer the same forever.
                Some(_) => self.overflowed(),
            };
        }
        if errno == Some(ENOBUFS) {
            self.overflowed();
        }
        let provider = context.checked_sub(SUBSCRIBE).and_then(|provider| u32::try_from(provider).ok());
        let (Phase::Subscribing(pending), Some(provider)) = (&mut self.phase, provider) else { return };
        let Some(at) = pending.iter().position(|pending| *pending == provider) else { return };
        pending.swap_remove(at);
        let is_last = pending.is_empty();
        if let (provider::TCP_KERNEL, Some(errno)) = (provider, errno) {
            return self.actions.push_back(Action::Fail(Failure::Refused(errno)));
        }
        if is_last {
            self.phase = Phase::Enumerating;
            self.actions.push_back(Action::ConnectSecondSocket);
            self.send(message::get_update(UPDATE_ALL, message::ALL));
        }
    }

    fn added(&mut self, id: u64, provider: u32, now: Duration) {
        let lost = self.sources.added(id, provider);
        if lost > 0 {
            self.counters.lost_sources = self.counters.lost_sources.saturating_add(lost);
            self.reopen.ask();
            self.scan.ask();
        }
        if matches!(self.phase, Phase::Ready) {
            self.send(message::get_update(UPDATE_ONE, id));
        }
        self.schedule.add(id, 0, now);
    }

    /// Makes the self-test when it is due, and takes in what it found.
    fn examine(&mut self, now: Duration) {
        match &mut self.test {
            Test::Due if matches!(self.phase, Phase::Ready) => {
                self.test = Test::Asked;
                self.actions.push_back(Action::MakeSockets);
            }
            Test::Running(test) => {
                if test.wants_nudge(now) {
                    self.actions.extend([Action::ConnectSecondSocket, Action::ConnectAgain]);
                }
                if let Some(findings) = test.result(now) {
                    self.test = Test::Done;
                    if !findings.is_usable() {
                        return self.actions.push_back(Action::Fail(Failure::SelfTest(findings)));
                    }
                    self.actions.push_back(Action::SelfTested(findings));
                    self.prove();
                }
            }
            Test::Due | Test::Asked | Test::Done => {}
        }
    }

    fn prove(&mut self) {
        self.is_proven = true;
        self.actions.extend(self.held.drain(..).map(Action::Flow));
    }

    fn report(&mut self, flow: Flow) {
        if self.is_proven {
            return self.actions.push_back(Action::Flow(flow));
        }
        self.held.push_back(flow);
        if self.held.len() > MAX_FLOWS {
            self.held.pop_front();
            self.counters.evicted += 1;
        }
    }

    fn described(&mut self, described: &Described, now: Duration, received: Timestamp) {
        let Described { source: id, provider, closing, ref descriptor, .. } = *described;
        if let Test::Running(test) = &mut self.test {
            let latest = self.clock.ticks.saturating_add(self.clock.ticks_in(now.saturating_sub(self.clock_read)));
            test.observe(described, latest.saturating_add(self.clock.ticks_in(SLEPT)));
        }
        self.sees_others |= descriptor.process.pid != self.own.pid;
        let inbound = self.sources.is_inbound(descriptor);
        let Some(source) = self.sources.described(id, provider, descriptor) else { return };
        let Some(remote) = descriptor.remote.filter(|_| !descriptor.is_listening()) else { return };
        let is_first = !std::mem::replace(&mut source.connected, true);
        let transport = transport(source.provider.max(provider));
        if descriptor.process == self.own {
            return;
        }
        // What began before the agent, or was reported on an earlier socket, is no news.
        let is_news = is_first
            && descriptor.started >= self.since
            && self.seen_flows.remember(descriptor.process.unique_pid, (descriptor.local, remote), descriptor.started);
        let started = self.clock.timestamp(descriptor.started);
        let flow = |time| flow(described, (transport, remote, inbound), time, started);
        if is_news {
            let at = if closing { started } else { self.clock.timestamp(descriptor.at) };
            // The kernel's own reading when it is between the socket's start and now; else now.
            let time = if (started..=received).contains(&at) { at } else { received };
            self.report(flow(time));
        }
        if closing {
            self.report(flow(received).closed(received));
        }
    }
}
