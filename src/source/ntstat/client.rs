//! The conversation with the kernel: which sources there are, which have connected, and what was lost.

use std::collections::VecDeque;
use std::time::Duration;

use ahash::{HashMap, HashSet};

use super::ContinuousClock;
use super::message::{self, Described, Message};
use crate::event::{Flow, Phase, ProcessRef, Timestamp, Transport};

/// The providers whose sources carry addresses, the required one first.
const PROVIDERS: [u32; 6] = [
    message::TCP_KERNEL,
    message::TCP_USERLAND,
    message::UDP_KERNEL,
    message::UDP_USERLAND,
    message::QUIC_USERLAND,
    message::UDP_SUBFLOW,
];
/// Contexts of requests: of a subscription, with its provider added; of the request for all; of others.
const SUBSCRIBE: u64 = 0x1000;
const UPDATE_ALL: u64 = 0x2000;
const DESCRIBE: u64 = 0x3000;
/// After these a source without a far end is asked again, while its process is watched; then every second.
const AGAIN_MS: [u64; 5] = [2, 10, 50, 250, 1000];
/// Sources that are held.
const MOST_SOURCES: usize = 65_536;
/// Flows that are remembered when the socket is opened anew.
const MOST_TOLD: usize = 16_384;
/// A socket is opened anew at most this often.
const REOPEN_AFTER: Duration = Duration::from_secs(10);
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
    /// Sources given up because too many were held.
    pub evicted: u64,
}

/// A flow in any enumeration: unique pid, near and far end, ticks of its start.
type Identity = (Option<u64>, Option<std::net::SocketAddr>, Option<std::net::SocketAddr>, u64);

#[derive(Debug, Default)]
struct Source {
    provider: u32,
    process: Option<ProcessRef>,
    connected: bool,
    asked: usize,
}

/// The state of a conversation.
#[derive(Debug)]
pub struct Client {
    clock: ContinuousClock,
    sources: HashMap<u64, Source>,
    order: VecDeque<u64>,
    due: VecDeque<(Duration, u64)>,
    requests: VecDeque<Vec<u8>>,
    flows: VecDeque<Flow>,
    told: HashSet<Identity>,
    told_order: VecDeque<Identity>,
    pending: Vec<u32>,
    refused: Vec<(u32, u32)>,
    next_source: u64,
    second_connection: bool,
    ready: bool,
    reopened: Option<Duration>,
    reopen: bool,
    resync: bool,
    counters: Counters,
}

impl Client {
    /// A client that tells of flows that began after the clock was read, and of the end of others.
    pub fn new(clock: ContinuousClock) -> Client {
        Client {
            clock,
            sources: HashMap::default(),
            order: VecDeque::new(),
            due: VecDeque::new(),
            requests: VecDeque::new(),
            flows: VecDeque::new(),
            told: HashSet::default(),
            told_order: VecDeque::new(),
            pending: Vec::new(),
            refused: Vec::new(),
            next_source: 1,
            second_connection: false,
            ready: false,
            reopened: None,
            reopen: false,
            resync: false,
            counters: Counters::default(),
        }
    }

    /// Begins on a new socket: subscribes to every provider.
    pub fn start(&mut self) {
        self.sources.clear();
        self.order.clear();
        self.due.clear();
        self.requests.clear();
        self.refused.clear();
        // The kernel numbers the sources of each socket from 1.
        (self.next_source, self.ready, self.reopen) = (1, false, false);
        self.pending = PROVIDERS.to_vec();
        for provider in PROVIDERS {
            self.requests.push_back(message::add_all(SUBSCRIBE + u64::from(provider), provider));
        }
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
        self.resync = true;
    }

    /// Queues the requests that are due: for sources of watched processes that have no far end yet, and for
    /// all sources after a loss.
    pub fn poll(&mut self, now: Duration, mut watched: impl FnMut(ProcessRef) -> bool) {
        if std::mem::take(&mut self.resync) && self.ready {
            self.requests.push_back(message::get_update(UPDATE_ALL, message::ALL));
        }
        // The steps are not in order among each other; those that are due are few.
        let waiting = self.due.len();
        for _ in 0..waiting {
            let Some((due, id)) = self.due.pop_front() else { break };
            if due > now {
                self.due.push_back((due, id));
                continue;
            }
            let Some(source) = self.sources.get_mut(&id).filter(|source| !source.connected) else { continue };
            let is_watched = source.process.is_some_and(&mut watched);
            if is_watched {
                self.requests.push_back(message::get_description(DESCRIBE, id));
            }
            source.asked += 1;
            let step = AGAIN_MS.get(source.asked).copied();
            // The exec may be told later than the socket: unwatched ones are looked at again for a while.
            if let Some(wait) = step.or(is_watched.then_some(1000)) {
                self.due.push_back((now + Duration::from_millis(wait), id));
            }
        }
    }

    /// When [`Client::poll`] has something to do; `None` when nothing waits.
    pub fn next_wakeup(&self) -> Option<Duration> {
        self.due.iter().map(|(due, _)| *due).min()
    }

    /// The next request, to be written as one datagram.
    pub fn next_request(&mut self) -> Option<Vec<u8>> {
        self.requests.pop_front()
    }

    /// The next flow.
    pub fn next_flow(&mut self) -> Option<Flow> {
        self.flows.pop_front()
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

    /// Whether all sources that there were have been told.
    pub fn is_ready(&self) -> bool {
        self.ready
    }

    /// The `errno` with which the kernel refused the sockets of its own TCP, without which this source is
    /// blind.
    pub fn failure(&self) -> Option<u32> {
        self.refused.iter().find(|(provider, _)| *provider == message::TCP_KERNEL).map(|(_, errno)| *errno)
    }

    /// What was lost or not understood.
    pub fn counters(&self) -> Counters {
        self.counters
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
                self.sources.remove(&source);
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
        // Sources are numbered one by one: what is missing between two was dropped, and is not tracked.
        if id > self.next_source {
            self.counters.lost_sources += id - self.next_source;
            self.reopen = true;
        }
        self.next_source = id.saturating_add(1).max(self.next_source);
        self.insert(id, provider);
        if self.ready {
            self.requests.push_back(message::get_description(DESCRIBE, id));
        }
        self.due.push_back((now + Duration::from_millis(AGAIN_MS[0]), id));
    }

    fn insert(&mut self, id: u64, provider: u32) {
        self.sources.insert(id, Source { provider, ..Source::default() });
        self.order.push_back(id);
        while self.sources.len() > MOST_SOURCES || self.order.len() > 2 * MOST_SOURCES {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.sources.len() > MOST_SOURCES && self.sources.remove(&oldest).is_some() {
                self.counters.evicted += 1;
            }
        }
    }

    fn described(&mut self, described: &Described, received: Timestamp) {
        let Described { source: id, provider, closing, ref descriptor, bytes } = *described;
        if !self.sources.contains_key(&id) {
            self.insert(id, provider);
        }
        let Some(source) = self.sources.get_mut(&id) else { return };
        source.process = Some(descriptor.on_behalf_of.unwrap_or(descriptor.process));
        let Some(remote) = descriptor.remote.filter(|_| descriptor.is_connected(closing)) else { return };
        let first = !std::mem::replace(&mut source.connected, true);
        let transport = match source.provider.max(provider) {
            message::QUIC_USERLAND => Transport::Quic,
            message::TCP_KERNEL | message::TCP_USERLAND => Transport::Tcp,
            _ => Transport::Udp,
        };
        let started = self.clock.timestamp(descriptor.started);
        let identity = (descriptor.process.unique_pid, descriptor.local, descriptor.remote, descriptor.started);
        // What began before the clock was read, or was told on an earlier socket, is no news.
        let is_news = first && descriptor.started >= self.clock.ticks && self.remember(identity);
        let flow = |phase, time| Flow {
            phase,
            time,
            started: Some(started),
            transport,
            local: descriptor.local,
            remote,
            inbound: descriptor.inbound,
            process: descriptor.process,
            on_behalf_of: descriptor.on_behalf_of,
            process_name: Some(descriptor.process_name.clone()).filter(|name| !name.is_empty()),
            user_id: descriptor.user_id,
            remote_name: None,
            sent_bytes: bytes.map(|(_, sent)| sent),
            received_bytes: bytes.map(|(received, _)| received),
        };
        if is_news {
            let at = if closing { started } else { self.clock.timestamp(descriptor.at) };
            // The kernel's own reading when it is between the socket's start and now; else now.
            let time = if (started..=received).contains(&at) { at } else { received };
            self.flows.push_back(flow(Phase::Connected, time));
        }
        if closing {
            self.flows.push_back(flow(Phase::Closed, received));
        }
    }

    fn remember(&mut self, identity: Identity) -> bool {
        if !self.told.insert(identity) {
            return false;
        }
        self.told_order.push_back(identity);
        if self.told_order.len() > MOST_TOLD
            && let Some(oldest) = self.told_order.pop_front()
        {
            self.told.remove(&oldest);
        }
        true
    }
}
