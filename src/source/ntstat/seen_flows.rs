//! The flows that were reported, so that each is reported once, on whichever socket and by whichever source.

use std::collections::VecDeque;
use std::net::SocketAddr;

use ahash::{HashMap, HashSet};

use crate::event::Flow;

/// Flows that are remembered.
const MAX_FLOWS: usize = 16_384;

/// A flow as the kernel's statistics name it on every socket: unique pid, remote address, and the ticks of its start.
/// Its local address and its state may be set later than its remote address.
type Identity = (Option<u64>, SocketAddr, u64);
/// What a scan of sockets has of the same flow.
type Ends = (Option<u64>, SocketAddr);

/// A bounded memory: what it evicts is old, and would at worst be reported again.
#[derive(Debug, Default)]
pub(super) struct SeenFlows {
    flows: HashSet<Identity>,
    order: VecDeque<(Identity, Option<SocketAddr>)>,
    /// The local addresses of the flows above.
    locals: HashMap<Ends, Vec<Option<SocketAddr>>>,
    /// Flows that only a scan has found.
    scanned: VecDeque<(Ends, Option<SocketAddr>)>,
}

impl SeenFlows {
    /// Remembers a flow that the kernel's statistics report. Returns whether it is news.
    pub(super) fn remember(
        &mut self,
        unique_pid: Option<u64>,
        (local, remote): (Option<SocketAddr>, SocketAddr),
        ticks: u64,
    ) -> bool {
        let identity = (unique_pid, remote, ticks);
        if !self.flows.insert(identity) {
            return false;
        }
        let ends = (unique_pid, remote);
        self.order.push_back((identity, local));
        self.locals.entry(ends).or_default().push(local);
        if self.order.len() > MAX_FLOWS {
            self.forget_oldest();
        }
        // Once: the next socket with these ends is another connection.
        let same = |known: &(Ends, Option<SocketAddr>)| known.0 == ends && may_be_same(known.1, local);
        match self.scanned.iter().position(same) {
            Some(at) => self.scanned.remove(at).is_none(),
            None => true,
        }
    }

    /// Remembers a flow that a scan of sockets found. Returns whether it is news.
    pub(super) fn remember_scanned(&mut self, flow: &Flow) -> bool {
        let (ends, local) = ((flow.owner.process().unique_pid, flow.remote), flow.local);
        let known = self.locals.get(&ends).into_iter().flatten();
        let mut known = known.copied().chain(self.scanned.iter().filter(|(other, _)| *other == ends).map(|(_, l)| *l));
        if known.any(|other| may_be_same(other, local)) {
            return false;
        }
        self.scanned.push_back((ends, local));
        if self.scanned.len() > MAX_FLOWS {
            self.scanned.pop_front();
        }
        true
    }

    fn forget_oldest(&mut self) {
        let Some((identity, local)) = self.order.pop_front() else { return };
        self.flows.remove(&identity);
        let ends = (identity.0, identity.1);
        if let Some(locals) = self.locals.get_mut(&ends) {
            if let Some(at) = locals.iter().position(|known| *known == local) {
                locals.swap_remove(at);
            }
            if locals.is_empty() {
                self.locals.remove(&ends);
            }
        }
    }
}

/// A local address that was not bound when it was reported can be any.
fn may_be_same(one: Option<SocketAddr>, other: Option<SocketAddr>) -> bool {
    one == other || one.is_none() || other.is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{FlowSource, Owner, ProcessRef, Timestamp, Transport};

    fn end(text: &str) -> SocketAddr {
        text.parse().unwrap()
    }

    fn scanned(local: Option<&str>) -> Flow {
        let owner = Owner::Process(ProcessRef { pid: 7, unique_pid: Some(7) });
        let time = Timestamp::default();
        Flow::connected(FlowSource::Libproc, time, Transport::Tcp, end("1.1.1.1:443"), owner).with_local(local.map(end))
    }

    #[test]
    fn a_flow_that_is_bound_after_it_was_reported_is_not_news() {
        let mut seen = SeenFlows::default();
        assert!(seen.remember(Some(7), (None, end("1.1.1.1:443")), 5));
        assert!(!seen.remember(Some(7), (Some(end("10.0.0.1:50000")), end("1.1.1.1:443")), 5));
        assert!(!seen.remember_scanned(&scanned(Some("10.0.0.1:50000"))));
        assert!(seen.remember(Some(7), (Some(end("10.0.0.1:50000")), end("1.1.1.1:443")), 6), "another socket");
    }

    #[test]
    fn a_flow_found_by_a_scan_is_reported_once_even_if_it_was_unbound() {
        let mut seen = SeenFlows::default();
        assert!(seen.remember_scanned(&scanned(Some("10.0.0.1:50000"))));
        assert!(!seen.remember_scanned(&scanned(Some("10.0.0.1:50000"))));
        assert!(!seen.remember(Some(7), (None, end("1.1.1.1:443")), 5));
        assert!(seen.remember(Some(7), (None, end("1.1.1.1:443")), 6), "the scanned one was matched");
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut seen = SeenFlows::default();
        let most = MAX_FLOWS as u64 + 10;
        assert!((0..most).all(|ticks| seen.remember(Some(ticks), (None, end("1.1.1.1:443")), ticks)));
        assert_eq!((seen.flows.len(), seen.order.len(), seen.locals.len()), (MAX_FLOWS, MAX_FLOWS, MAX_FLOWS));
        assert!(seen.remember(Some(3), (None, end("1.1.1.1:443")), 3), "forgotten");
    }
}
