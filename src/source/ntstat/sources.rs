//! The sources that the kernel has told of on a socket.

use std::collections::VecDeque;

use ahash::HashMap;

use super::descriptor::Descriptor;
use crate::event::ProcessRef;

/// Sources that are held.
const MOST: usize = 65_536;

/// One source.
#[derive(Debug, Default)]
pub(super) struct Source {
    pub(super) provider: u32,
    /// Whose it is, once that is told.
    pub(super) process: Option<ProcessRef>,
    /// A far end was told.
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
    /// Begins anew on another socket.
    pub(super) fn clear(&mut self) {
        *self = Sources { evicted: self.evicted, ..Sources::default() };
    }

    /// Sources given up because too many were held.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// A new source. Gives back how many were lost before it: they are numbered one by one, and what is missing
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

    /// The source of which a descriptor tells; it is new if it was there before this socket.
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

    /// Whether a flow was accepted here. Before macOS 14 the kernel does not say: it was if something listens on its
    /// near port.
    pub(super) fn is_inbound(&self, descriptor: &Descriptor) -> Option<bool> {
        let port = descriptor.local.map(|local| local.port());
        let by_port = || port.map(|port| self.listening.values().any(|listening| *listening == port));
        descriptor.inbound.or_else(|| descriptor.tcp_state.and_then(|_| by_port()))
    }

    /// A source is gone.
    pub(super) fn removed(&mut self, id: u64) -> bool {
        self.listening.remove(&id);
        self.by_id.remove(&id).is_some()
    }

    fn insert(&mut self, id: u64, provider: u32) {
        self.by_id.insert(id, Source { provider, ..Source::default() });
        self.order.push_back(id);
        while self.by_id.len() > MOST || self.order.len() > 2 * MOST {
            let Some(oldest) = self.order.pop_front() else { break };
            if self.by_id.len() > MOST && self.removed(oldest) {
                self.evicted += 1;
            }
        }
    }
}
