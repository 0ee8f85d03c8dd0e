//! The flows that were told, so that each is told once, on whichever socket and by whichever source.

use std::collections::VecDeque;
use std::net::SocketAddr;

use ahash::HashSet;

use crate::event::Flow;

/// Flows that are remembered.
const MOST: usize = 16_384;

/// A flow in any enumeration: unique pid and both ends, and the ticks of its start where the source has them.
type Identity = (Option<u64>, Option<SocketAddr>, SocketAddr, Option<u64>);

/// A bounded memory: what it forgets is old, and would at worst be told again.
#[derive(Debug, Default)]
pub(super) struct Told {
    flows: HashSet<Identity>,
    order: VecDeque<Identity>,
}

impl Told {
    /// Remembers a flow that the kernel's statistics tell of. Gives back whether it is news.
    pub(super) fn remember(
        &mut self,
        unique_pid: Option<u64>,
        ends: (Option<SocketAddr>, SocketAddr),
        ticks: u64,
    ) -> bool {
        let (local, remote) = ends;
        // Once: the next socket with these ends is another connection.
        let is_scanned = self.flows.remove(&(unique_pid, local, remote, None));
        self.insert((unique_pid, local, remote, Some(ticks))) && !is_scanned
    }

    /// Remembers a flow that a scan of sockets found. Gives back whether it is news.
    pub(super) fn remember_scanned(&mut self, flow: &Flow) -> bool {
        let key = (flow.owner.process().unique_pid, flow.local, flow.remote);
        let is_told = self.flows.iter().any(|(unique, local, remote, _)| (*unique, *local, *remote) == key);
        !is_told && self.insert((key.0, key.1, key.2, None))
    }

    fn insert(&mut self, identity: Identity) -> bool {
        if !self.flows.insert(identity) {
            return false;
        }
        self.order.push_back(identity);
        if self.order.len() > MOST
            && let Some(oldest) = self.order.pop_front()
        {
            self.flows.remove(&oldest);
        }
        true
    }
}
