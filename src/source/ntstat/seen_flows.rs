//! The flows that were reported, so that each is reported once, on whichever socket and by whichever source.

use std::collections::{BTreeMap, VecDeque};
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
/// The local address, when bound.
type Local = Option<SocketAddr>;

/// A bounded memory: what it evicts is old, and would at worst be reported again.
#[derive(Debug, Default)]
pub(super) struct SeenFlows {
    flows: HashSet<Identity>,
    order: VecDeque<(Identity, Local)>,
    /// The local addresses of the flows above.
    reported: Locals,
    /// Flows that only a scan has found.
    scanned: Locals,
    /// These in their order, and those that have been reported since.
    scanned_order: VecDeque<(Ends, Local)>,
}

impl SeenFlows {
    /// Remembers a flow that the kernel's statistics report. Returns whether it is news.
    pub(super) fn remember(
        &mut self,
        unique_pid: Option<u64>,
        (local, remote): (Local, SocketAddr),
        ticks: u64,
    ) -> bool {
        let identity = (unique_pid, remote, ticks);
        if !self.flows.insert(identity) {
            return false;
        }
        let ends = (unique_pid, remote);
        self.order.push_back((identity, local));
        self.reported.add(ends, local);
        if self.order.len() > MAX_FLOWS {
            self.forget_oldest();
        }
        // Once: the next socket with these ends is another connection.
        match self.scanned.like(ends, local) {
            Some(scanned) => !self.scanned.remove(ends, scanned),
            None => true,
        }
    }

    /// Remembers a flow that a scan of sockets found. Returns whether it is news.
    pub(super) fn remember_scanned(&mut self, flow: &Flow) -> bool {
        let (ends, local) = ((flow.owner.process().unique_pid, flow.remote), flow.local);
        if self.reported.like(ends, local).or_else(|| self.scanned.like(ends, local)).is_some() {
            return false;
        }
        self.scanned.add(ends, local);
        self.scanned_order.push_back((ends, local));
        if self.scanned_order.len() > MAX_FLOWS
            && let Some((ends, local)) = self.scanned_order.pop_front()
        {
            self.scanned.remove(ends, local);
        }
        true
    }

    fn forget_oldest(&mut self) {
        let Some((identity, local)) = self.order.pop_front() else { return };
        self.flows.remove(&identity);
        self.reported.remove((identity.0, identity.1), local);
    }
}

/// How many flows between the same ends have each local address. A process can have ten thousand to one address: none
/// is looked for among the others.
#[derive(Debug, Default)]
struct Locals(HashMap<Ends, BTreeMap<Local, u32>>);

impl Locals {
    fn add(&mut self, ends: Ends, local: Local) {
        *self.0.entry(ends).or_default().entry(local).or_default() += 1;
    }

    /// A local address that may be the same as this one: one that was not bound when it was reported can be any.
    fn like(&self, ends: Ends, local: Local) -> Option<Local> {
        let known = self.0.get(&ends)?;
        let same = [local, None].into_iter().find(|same| known.contains_key(same));
        same.or_else(|| known.keys().next().copied().filter(|_| local.is_none()))
    }

    /// Takes one of these away. Returns whether there was one.
    fn remove(&mut self, ends: Ends, local: Local) -> bool {
        let Some(known) = self.0.get_mut(&ends) else { return false };
        let Some(count) = known.get_mut(&local) else { return false };
        *count -= 1;
        if *count == 0 {
            known.remove(&local);
        }
        if known.is_empty() {
            self.0.remove(&ends);
        }
        true
    }
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
        assert_eq!((seen.flows.len(), seen.order.len(), seen.reported.0.len()), (MAX_FLOWS, MAX_FLOWS, MAX_FLOWS));
        assert!(seen.remember(Some(3), (None, end("1.1.1.1:443")), 3), "forgotten");
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the bound is a time")]
    fn ten_thousand_connections_of_a_process_to_one_address_are_scanned_without_a_search_for_each() {
        let (mut seen, ends) = (SeenFlows::default(), |host: u8, port: usize| format!("10.0.0.{host}:{port}"));
        let began = std::time::Instant::now();
        for round in 0..20 {
            for port in 10_000..10_000 + MAX_FLOWS / 2 {
                let of_scan = seen.remember_scanned(&scanned(Some(&ends(2, port))));
                let local = Some(end(&ends(1, port)));
                let of_kernel = seen.remember(Some(7), (local, end("1.1.1.1:443")), port as u64);
                assert_eq!((of_scan, of_kernel), (round == 0, round == 0), "{round} {port}");
            }
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(5), "{:?}", began.elapsed());
    }
}
