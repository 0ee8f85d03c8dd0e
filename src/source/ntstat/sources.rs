//! The sources that the kernel has reported on a socket.

use std::collections::VecDeque;

use ahash::HashMap;

use super::descriptor::Descriptor;
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
    /// Its remote address was reported.
    pub(super) connected: bool,
}

/// Sources by their number, bounded.
#[derive(Debug)]
pub(super) struct Sources {
    by_id: HashMap<u64, Source>,
    /// The port of each source that listens.
    listening: HashMap<u64, u16>,
    order: VecDeque<u64>,
    /// The number of the next source.
    next: u64,
    evicted: u64,
}

impl Default for Sources {
    fn default() -> Sources {
        let (by_id, listening, order) = Default::default();
        Sources { by_id, listening, order, next: FIRST, evicted: 0 }
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

    /// The source that a descriptor is about; it is new if it was there before this socket.
    pub(super) fn described(&mut self, id: u64, provider: u32, descriptor: &Descriptor) -> Option<&mut Source> {
        if !self.by_id.contains_key(&id) {
            self.insert(id, provider);
        }
        if let Some(local) = descriptor.local.filter(|_| descriptor.is_listening()) {
            self.listening.insert(id, local.port());
        }
        let source = self.by_id.get_mut(&id)?;
        source.process = Some(descriptor.on_behalf_of.unwrap_or(descriptor.process));
        Some(source)
    }

    /// The sources of some processes that have no remote address yet, each with its new turn in the schedule.
    pub(super) fn reschedule(&mut self, is_wanted: impl Fn(ProcessRef) -> bool) -> Vec<(u64, u32)> {
        let wanted = self.by_id.iter_mut().filter(|(_, source)| !source.connected);
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
        let port = descriptor.local.map(|local| local.port());
        let by_port = || port.map(|port| self.listening.values().any(|listening| *listening == port));
        descriptor.inbound.or_else(|| descriptor.tcp_state.and_then(|_| by_port()))
    }

    /// A source is gone. Returns whether it was held.
    pub(super) fn removed(&mut self, id: u64) -> bool {
        self.listening.remove(&id);
        self.by_id.remove(&id).is_some()
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
