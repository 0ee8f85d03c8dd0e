//! The sources that the kernel has reported on a socket.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::net::SocketAddr;

use ahash::HashMap;

use super::descriptor::Descriptor;
use super::provider::UDP_KERNEL;
use crate::event::ProcessRef;

/// Sources that are held.
const MAX_SOURCES: usize = 65_536;

/// One source.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) provider: u32,
    /// Whose it is, once that is known.
    pub(super) process: Option<ProcessRef>,
    /// Counts how often it was scheduled again.
    pub(super) turn: u32,
    /// The remote address that it was last described with.
    pub(super) remote: Option<SocketAddr>,
}

impl Source {
    /// Whether it may have another remote address the next time. A UDP socket can connect again, which the kernel does
    /// not report unasked; any other connects once. FACT: udp-connects-again
    pub(super) fn may_connect(&self) -> bool {
        self.remote.is_none() || self.provider == UDP_KERNEL
    }
}

/// Sources by their number, bounded.
#[derive(Debug)]
pub(super) struct Sources {
    by_id: HashMap<u64, Source>,
    /// The port of each source that listens, and how many listen on each port: one process can listen on all.
    listening: HashMap<u64, u16>,
    ports: HashMap<u16, u32>,
    order: VecDeque<u64>,
    /// The number of the next source.
    next: u64,
    evicted: u64,
}

impl Default for Sources {
    fn default() -> Sources {
        let (by_id, listening, ports, order) = Default::default();
        Sources { by_id, listening, ports, order, next: FIRST, evicted: 0 }
    }
}

/// The kernel numbers the sources of each socket from here.
const FIRST: u64 = 1;

impl Sources {
    /// Sources that were evicted because too many were held, since the last call.
    pub(super) fn take_evicted(&mut self) -> u64 {
        std::mem::take(&mut self.evicted)
    }

    /// A new source. Returns how many were lost before it: they are numbered one by one, and what is missing
    /// between two was dropped, and is not tracked.
    pub(super) fn added(&mut self, id: u64, provider: u32) -> u64 {
        let lost = id.saturating_sub(self.next);
        self.next = id.saturating_add(1).max(self.next);
        self.insert(id, provider);
        lost
    }

    /// A source by its number.
    pub(super) fn get(&self, id: u64) -> Option<&Source> {
        self.by_id.get(&id)
    }

    /// Whether a source was described on this socket.
    pub(super) fn is_described(&self, id: u64) -> bool {
        self.get(id).is_some_and(|source| source.process.is_some())
    }

    /// The source that a descriptor is about; it is new if it was there before this socket.
    pub(super) fn described(&mut self, id: u64, provider: u32, descriptor: &Descriptor) -> Option<&mut Source> {
        if !self.by_id.contains_key(&id) {
            self.insert(id, provider);
        }
        if let Some(local) = descriptor.local.filter(|_| descriptor.is_listening()) {
            self.listens(id, Some(local.port()));
        }
        let source = self.by_id.get_mut(&id)?;
        source.process = Some(descriptor.on_behalf_of.unwrap_or(descriptor.process));
        Some(source)
    }

    /// The sources of some processes that may still connect, each with its new turn in the schedule.
    pub(super) fn reschedule(&mut self, is_wanted: impl Fn(ProcessRef) -> bool) -> Vec<(u64, u32)> {
        let wanted = self.by_id.iter_mut().filter(|(_, source)| source.may_connect());
        let wanted = wanted.filter(|(_, source)| source.process.is_some_and(&is_wanted));
        let next_turn = |(id, source): (&u64, &mut Source)| {
            source.turn = source.turn.wrapping_add(1);
            (*id, source.turn)
        };
        wanted.map(next_turn).collect()
    }

    /// Whether a flow was accepted here. Before macOS 14 the kernel does not report it: yes if something listens on its
    /// local port.
    pub(super) fn is_inbound(&self, descriptor: &Descriptor) -> Option<bool> {
        let by_port = || descriptor.local.map(|local| self.ports.contains_key(&local.port()));
        descriptor.inbound.or_else(|| descriptor.tcp_state.and_then(|_| by_port()))
    }

    /// A source is gone. Returns whether it was held.
    pub(super) fn removed(&mut self, id: u64) -> bool {
        self.listens(id, None);
        self.by_id.remove(&id).is_some()
    }

    /// A source listens on this port from now on, or on none.
    fn listens(&mut self, id: u64, port: Option<u16>) {
        let before = match port {
            Some(port) => self.listening.insert(id, port),
            None => self.listening.remove(&id),
        };
        if let Some(port) = port {
            *self.ports.entry(port).or_default() += 1;
        }
        if let Some(before) = before
            && let Entry::Occupied(mut listeners) = self.ports.entry(before)
        {
            *listeners.get_mut() -= 1;
            if *listeners.get() == 0 {
                listeners.remove();
            }
        }
    }

    fn insert(&mut self, id: u64, provider: u32) {
        self.by_id.insert(id, Source { provider, ..Source::default() });
        self.order.push_back(id);
        while self.by_id.len() > MAX_SOURCES || self.order.len() > 2 * MAX_SOURCES {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.by_id.len() > MAX_SOURCES && self.removed(oldest) {
                self.evicted += 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::ntstat::provider::TCP_KERNEL;

    fn tcp(port: u16, state: u32) -> Descriptor {
        let mut bytes = [0; 344];
        bytes[76..80].copy_from_slice(&state.to_le_bytes());
        bytes[124..126].copy_from_slice(&[16, 2]);
        bytes[126..128].copy_from_slice(&port.to_be_bytes());
        Descriptor::parse(TCP_KERNEL, &bytes).unwrap()
    }

    #[test]
    fn a_port_is_listened_on_until_the_last_that_does_is_gone_or_has_another() {
        let mut sources = Sources::default();
        for (id, port) in [(1, 80), (1, 80), (2, 80), (3, 81)] {
            sources.described(id, TCP_KERNEL, &tcp(port, 1));
        }
        let inbound = |sources: &Sources, port| sources.is_inbound(&tcp(port, 4));
        sources.removed(1);
        assert_eq!((inbound(&sources, 80), inbound(&sources, 81)), (Some(true), Some(true)));
        sources.described(3, TCP_KERNEL, &tcp(82, 1));
        sources.removed(2);
        let of_ports = [80, 81, 82].map(|port| inbound(&sources, port));
        assert_eq!(of_ports, [Some(false), Some(false), Some(true)]);
        sources.removed(3);
        assert_eq!((sources.listening.len(), sources.ports.len()), (0, 0));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the bound is a time")]
    fn a_process_that_listens_on_every_port_does_not_slow_the_reports_of_others() {
        let (mut sources, began) = (Sources::default(), std::time::Instant::now());
        for port in 1..=60_000 {
            sources.described(port.into(), TCP_KERNEL, &tcp(port, 1));
        }
        let connected = tcp(61_000, 4);
        assert!((0..60_000).all(|_| sources.is_inbound(&connected) == Some(false)));
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
