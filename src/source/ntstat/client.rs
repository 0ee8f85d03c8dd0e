//! The conversation with the kernel: which sources there are, which have connected, and what was lost.

use std::collections::VecDeque;
use std::time::Duration;

use super::ContinuousClock;
use super::message::{self, Described, Message};
use super::provider;
use super::schedule::Schedule;
use super::self_test::{Ends, Findings, SelfTest, Sockets};
use super::sources::Sources;
use super::told::Told;
use crate::event::{Flow, FlowSource, Owner, ProcessRef, Timestamp, Transport};

/// Contexts of requests: of a subscription, with its provider added; of the request for all; of others.
const SUBSCRIBE: u64 = 0x1000;
const UPDATE_ALL: u64 = 0x2000;
const UPDATE_ONE: u64 = 0x3000;
/// Flows that wait to be taken.
const MOST_FLOWS: usize = 65_536;
/// A socket is opened anew, and sockets are scanned, at most this often.
const REOPEN_AFTER: Duration = Duration::from_secs(10);
const SCAN_AFTER: Duration = Duration::from_secs(1);
/// While no process is watched nothing is so urgent that it would need a shorter timer.
const UNHURRIED: Duration = Duration::from_secs(1);
/// `ENOBUFS`: the kernel had no room for the answer.
const ENOBUFS: u32 = 55;

/// What was lost or not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages that are cut off or of no known layout.
    pub malformed: u64,
    /// Sources that the kernel could not tell of: gaps in their numbers.
    pub lost_sources: u64,
    /// Flows that ended with their last report dropped.
    pub closed_after_drop: u64,
    /// Answers for which there was no room.
    pub no_room: u64,
    /// Sources, and flows that nobody took, given up because too many were held.
    pub evicted: u64,
}

/// The state of a conversation.
#[derive(Debug)]
pub struct Client {
    own: ProcessRef,
    clock: ContinuousClock,
    /// Ticks at which the agent began: flows from before are no news.
    since: u64,
    sources: Sources,
    schedule: Schedule,
    requests: VecDeque<Vec<u8>>,
    flows: VecDeque<Flow>,
    told: Told,
    pending: Vec<u32>,
    refused: Vec<(u32, u32)>,
    second_connection: bool,
    ready: bool,
    reopened: Option<Duration>,
    reopen: bool,
    resync: bool,
    scanned: Option<Duration>,
    scan: bool,
    sees_others: bool,
    self_test: Option<SelfTest>,
    counters: Counters,
}

impl Client {
    /// A client that tells of flows that began at these ticks or later, and of the end of others; not of those of this
    /// process.
    pub fn new(own: ProcessRef, clock: ContinuousClock, since: u64) -> Client {
        Client {
            own,
            clock,
            since,
            sources: Sources::default(),
            schedule: Schedule::default(),
            requests: VecDeque::new(),
            flows: VecDeque::new(),
            told: Told::default(),
            pending: Vec::new(),
            refused: Vec::new(),
            second_connection: false,
            ready: false,
            reopened: None,
            reopen: false,
            resync: false,
            scanned: None,
            scan: false,
            sees_others: false,
            self_test: None,
            counters: Counters::default(),
        }
    }

    /// Begins on a new socket: subscribes to every provider.
    pub fn start(&mut self) {
        self.sources.clear();
        self.schedule.clear();
        self.requests.clear();
        self.refused.clear();
        (self.ready, self.reopen) = (false, false);
        // What an earlier socket showed proves nothing of this one.
        (self.sees_others, self.self_test) = (false, None);
        self.pending = provider::ADDRESSED.to_vec();
        for provider in provider::ADDRESSED {
            self.requests.push_back(message::add_all(SUBSCRIBE + u64::from(provider), provider));
        }
    }

    /// Takes a new reading of the clocks: the time of day is corrected now and then, the ticks are not.
    pub fn set_clock(&mut self, clock: ContinuousClock) {
        self.clock = clock;
    }

    /// Takes in a datagram that came at `received`; `now` is a clock that only goes forward.
    pub fn receive(&mut self, datagram: &[u8], now: Duration, received: Timestamp) {
        for message in message::messages(datagram) {
            match message {
                Ok(message) => self.take(message, now, received),
                Err(()) => self.counters.malformed += 1,
            }
        }
    }

    /// Receiving failed for want of room: something was lost.
    pub fn receive_overflowed(&mut self) {
        self.counters.no_room += 1;
        (self.resync, self.scan) = (true, true);
    }

    /// Queues the requests that are due: for sources of watched processes that have no far end yet, and for
    /// all sources after a loss.
    pub fn poll(&mut self, now: Duration, mut watched: impl FnMut(ProcessRef) -> bool) {
        if self.pending.is_empty() && std::mem::take(&mut self.resync) {
            self.requests.push_back(message::get_update(UPDATE_ALL, message::ALL));
        }
        while let Some((step, id)) = self.schedule.pop(now) {
            let Some(source) = self.sources.get(id).filter(|source| !source.connected) else { continue };
            let test = self.self_test.as_ref();
            let wanted = |process| watched(process) || test.is_some_and(|test| test.is_about(process));
            let is_wanted = source.process.is_some_and(wanted);
            if is_wanted {
                self.requests.push_back(message::get_update(UPDATE_ONE, id));
            }
            // The exec may be told later than the socket: others are looked at again for a while.
            self.schedule.add_again(step, id, now, is_wanted);
        }
    }

    /// When [`Client::poll`] has something to do; `None` when nothing waits.
    pub fn next_wakeup(&self, now: Duration, any_watched: bool) -> Option<Duration> {
        let test = self.self_test.as_ref().map(SelfTest::next_wakeup);
        let hurried = any_watched || test.is_some();
        let due = self.schedule.next().map(|due| if hurried { due } else { due.max(now + UNHURRIED) });
        due.into_iter().chain(test).min()
    }

    /// The next request, to be written as one datagram.
    pub fn next_request(&mut self) -> Option<Vec<u8>> {
        self.requests.pop_front()
    }

    /// The next flow.
    pub fn next_flow(&mut self) -> Option<Flow> {
        self.flows.pop_front()
    }

    /// Begins the self-test: these sockets of our own must appear.
    pub fn begin_self_test(&mut self, sockets: Sockets, now: Duration) {
        self.self_test = Some(SelfTest::new(self.own, sockets, self.sees_others, now));
    }

    /// Whether no connect event came so far, and the caller should connect once more and say so with
    /// [`Client::connected_again`].
    pub fn wants_another_connection(&mut self, now: Duration) -> bool {
        let wants = self.self_test.as_mut().is_some_and(|test| test.wants_nudge(now));
        self.second_connection |= wants;
        wants
    }

    /// Tells the self-test of another TCP socket.
    pub fn connected_again(&mut self, tcp: Ends) {
        if let Some(test) = &mut self.self_test {
            test.connected_again(tcp);
        }
    }

    /// What the self-test found, once it is over.
    pub fn self_test_result(&mut self, now: Duration) -> Option<Findings> {
        let findings = self.self_test.as_ref()?.result(now)?;
        self.self_test = None;
        Some(findings)
    }

    /// Whether the caller should now connect a second control socket and close it: the kernel (macOS 14 to
    /// 26) takes our choice of events into account only when some client connects or disconnects.
    pub fn wants_second_connection(&mut self) -> bool {
        std::mem::take(&mut self.second_connection)
    }

    /// Whether the caller should close the socket and begin anew: sources were lost for good on this one.
    pub fn wants_reopen(&mut self, now: Duration) -> bool {
        let recently = self.reopened.is_some_and(|last| now.saturating_sub(last) < REOPEN_AFTER);
        if !self.reopen || recently {
            return false;
        }
        (self.reopen, self.reopened) = (false, Some(now));
        true
    }

    /// Whether the caller should look at the sockets of watched processes, as some may have been lost, and give
    /// them to [`Client::scanned`].
    pub fn wants_scan(&mut self, now: Duration) -> bool {
        let recently = self.scanned.is_some_and(|last| now.saturating_sub(last) < SCAN_AFTER);
        if !self.scan || recently {
            return false;
        }
        (self.scan, self.scanned) = (false, Some(now));
        true
    }

    /// Takes in a flow that a scan found; it is told unless it was before.
    pub fn scanned(&mut self, flow: Flow) {
        if self.told.remember_scanned(&flow) {
            self.flows.push_back(flow);
        }
    }

    /// Whether all sources that there were have been told.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The `errno` with which the kernel refused the sockets of its own TCP, without which this source is
    /// blind.
    pub fn failure(&self) -> Option<u32> {
        self.refused.iter().find(|(provider, _)| *provider == provider::TCP_KERNEL).map(|(_, errno)| *errno)
    }

    /// What was lost or not understood.
    pub fn counters(&self) -> Counters {
        Counters { evicted: self.counters.evicted + self.sources.evicted(), ..self.counters }
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
            Message::Described(described) => self.described(&described, received),
            Message::Other => {}
        }
    }

    fn answered(&mut self, context: u64, flags: u16, errno: Option<u32>) {
        if context == UPDATE_ALL {
            match errno {
                None if flags & message::CONTINUATION != 0 => {
                    self.requests.push_back(message::get_update(UPDATE_ALL, message::ALL));
                }
                None => self.ready = true,
                Some(_) => self.receive_overflowed(),
            }
            return;
        }
        if errno == Some(ENOBUFS) {
            self.receive_overflowed();
        }
        let provider = context.checked_sub(SUBSCRIBE).and_then(|provider| u32::try_from(provider).ok());
        let Some(at) = provider.and_then(|provider| self.pending.iter().position(|pending| *pending == provider))
        else {
            return;
        };
        let provider = self.pending.swap_remove(at);
        if let Some(errno) = errno {
            self.refused.push((provider, errno));
        }
        if self.pending.is_empty() {
            self.second_connection = true;
            self.requests.push_back(message::get_update(UPDATE_ALL, message::ALL));
        }
    }

    fn added(&mut self, id: u64, provider: u32, now: Duration) {
        let lost = self.sources.added(id, provider);
        if lost > 0 {
            self.counters.lost_sources += lost;
            (self.reopen, self.scan) = (true, true);
        }
        if self.ready {
            self.requests.push_back(message::get_update(UPDATE_ONE, id));
        }
        self.schedule.add(id, now);
    }

    fn described(&mut self, described: &Described, received: Timestamp) {
        let Described { source: id, provider, closing, ref descriptor, .. } = *described;
        if let Some(test) = &mut self.self_test {
            test.observe(described);
        }
        self.sees_others |= descriptor.process.pid != self.own.pid;
        let inbound = self.sources.is_inbound(descriptor);
        let Some(source) = self.sources.described(id, provider, descriptor) else { return };
        let Some(remote) = descriptor.remote.filter(|_| descriptor.is_connected(closing)) else { return };
        let first = !std::mem::replace(&mut source.connected, true);
        if descriptor.process == self.own {
            return;
        }
        let transport = transport(source.provider.max(provider));
        let started = self.clock.timestamp(descriptor.started);
        // What began before the agent, or was told on an earlier socket, is no news.
        let is_news = first
            && descriptor.started >= self.since
            && self.told.remember(descriptor.process.unique_pid, (descriptor.local, remote), descriptor.started);
        let flow = |time| {
            let own = Owner::Process(descriptor.process);
            let flow = Flow::connected(FlowSource::NetworkStatistics, time, transport, remote, own);
            let flow = match descriptor.on_behalf_of {
                Some(other) => flow.on_behalf_of(Owner::Process(other)),
                None => flow,
            };
            Flow {
                process_name: Some(descriptor.process_name.clone()).filter(|name| !name.is_empty()),
                user_id: descriptor.user_id,
                bytes: described.bytes,
                ..flow
            }
            .with_local(descriptor.local)
            .with_start(started)
            .with_inbound(inbound)
            .with_remote_name(described.remote_name.clone())
        };
        if is_news {
            let at = if closing { started } else { self.clock.timestamp(descriptor.at) };
            // The kernel's own reading when it is between the socket's start and now; else now.
            let time = if (started..=received).contains(&at) { at } else { received };
            self.flows.push_back(flow(time));
        }
        if closing {
            self.flows.push_back(flow(received).closed(received));
        }
        while self.flows.len() > MOST_FLOWS && self.flows.pop_front().is_some() {
            self.counters.evicted += 1;
        }
    }
}

fn transport(provider: u32) -> Transport {
    match provider {
        provider::QUIC_USERLAND => Transport::Quic,
        provider::TCP_KERNEL | provider::TCP_USERLAND => Transport::Tcp,
        _ => Transport::Udp,
    }
}
