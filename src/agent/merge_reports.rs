//! One connection reported by two sources is passed on once, with what both know.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ahash::HashMap;

use crate::event::{Flow, FlowSource, Owner, Phase, ProcessRef, Transport};

/// How long a report of Endpoint Security waits for that of the kernel's network statistics.
const WAIT: Duration = Duration::from_millis(250);
/// How long the report of one source is remembered for that of the other.
const REMEMBERED: Duration = Duration::from_secs(10);
/// Reports that are remembered, and reports that wait.
const MAX_FLOWS: usize = 16_384;

/// Process, transport and remote address.
type Key = (u32, bool, SocketAddr);

/// Joins the reports of Endpoint Security's connect event with those of other sources, one to one. Without the former
/// nothing is held here.
#[derive(Debug, Default)]
pub(super) struct MergedReports {
    is_used: bool,
    /// Reports that were passed on without one of the other source, in their order.
    seen_flows: HashMap<Key, VecDeque<Seen>>,
    order: VecDeque<(Duration, Key)>,
    waiting: VecDeque<(Duration, Flow)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    at: Duration,
    by_endpoint_security: bool,
}

impl MergedReports {
    /// Takes in a report; returns what to pass on now.
    pub(super) fn take(&mut self, mut flow: Flow, now: Duration) -> Option<Flow> {
        let by_endpoint_security = flow.source == FlowSource::EndpointSecurity;
        self.is_used |= by_endpoint_security;
        if !self.is_used || flow.phase == Phase::Closed {
            return Some(flow);
        }
        self.forget(now);
        let key = key(&flow);
        if self.take_seen(key, !by_endpoint_security) {
            // The other source has reported this connection, and that report was passed on.
            return None;
        }
        if by_endpoint_security {
            self.waiting.push_back((now, flow));
            return None;
        }
        match self.waiting.iter().position(|(_, waiting)| self::key(waiting) == key) {
            Some(at) => {
                if let Some((_, other)) = self.waiting.remove(at) {
                    add(&mut flow, other);
                }
            }
            None => self.remember(key, Seen { at: now, by_endpoint_security }),
        }
        Some(flow)
    }

    /// The next report whose wait is over: the other source has missed the connection.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Flow> {
        let is_due = |since: Duration| now.saturating_sub(since) >= WAIT || self.waiting.len() > MAX_FLOWS;
        self.waiting.front().filter(|(since, _)| is_due(*since))?;
        let (_, flow) = self.waiting.pop_front()?;
        self.remember(key(&flow), Seen { at: now, by_endpoint_security: true });
        Some(flow)
    }

    /// When the next report is due; `None` when none waits.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.waiting.front().map(|(since, _)| *since + WAIT)
    }

    /// Any report, at the end.
    pub(super) fn pop(&mut self) -> Option<Flow> {
        self.waiting.pop_front().map(|(_, flow)| flow)
    }

    fn remember(&mut self, key: Key, seen: Seen) {
        self.seen_flows.entry(key).or_default().push_back(seen);
        self.order.push_back((seen.at, key));
    }

    /// Takes out a report of this source.
    fn take_seen(&mut self, key: Key, by_endpoint_security: bool) -> bool {
        let Some(seen) = self.seen_flows.get_mut(&key) else { return false };
        let found = seen.iter().position(|seen| seen.by_endpoint_security == by_endpoint_security);
        let is_found = found.and_then(|at| seen.remove(at)).is_some();
        if seen.is_empty() {
            self.seen_flows.remove(&key);
        }
        is_found
    }

    fn forget(&mut self, now: Duration) {
        let is_old = |since: Duration| now.saturating_sub(since) >= REMEMBERED;
        while self.order.front().is_some_and(|(since, _)| is_old(*since) || self.order.len() > MAX_FLOWS) {
            let Some((since, key)) = self.order.pop_front() else { return };
            if let Some(seen) = self.seen_flows.get_mut(&key) {
                seen.retain(|seen| seen.at > since);
                if seen.is_empty() {
                    self.seen_flows.remove(&key);
                }
            }
        }
    }
}

/// Adds what only Endpoint Security knows.
fn add(flow: &mut Flow, other: Flow) {
    if let Some(pidversion) = other.owner.pidversion() {
        flow.owner = Owner::Execution { process: flow.owner.process(), pidversion };
    }
    flow.remote_name = flow.remote_name.take().or(other.remote_name);
}

fn key(flow: &Flow) -> Key {
    let ProcessRef { pid, .. } = flow.owner.process();
    (pid, flow.transport == Transport::Tcp, flow.remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn flow(source: FlowSource, port: u16) -> Flow {
        let remote = SocketAddr::from(([1, 1, 1, 1], port));
        let is_second = source == FlowSource::EndpointSecurity;
        let process = ProcessRef { pid: 7, unique_pid: (!is_second).then_some(1007) };
        let owner = if is_second { Owner::Execution { process, pidversion: 9 } } else { Owner::Process(process) };
        let flow = Flow::connected(source, Timestamp::default(), Transport::Tcp, remote, owner);
        flow.with_remote_name(is_second.then(|| "one.one".to_owned()))
    }

    const SECOND: FlowSource = FlowSource::EndpointSecurity;
    const FIRST: FlowSource = FlowSource::NetworkStatistics;

    fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_the_connect_event_every_report_goes_on() {
        let mut reports = MergedReports::default();
        assert!((0..3).all(|_| reports.take(flow(FIRST, 1), ms(0)).is_some()));
    }

    #[test]
    fn a_report_that_came_first_lends_its_audit_token_and_host_name() {
        let mut reports = MergedReports::default();
        assert_eq!(reports.take(flow(SECOND, 1), ms(0)), None);
        let both = reports.take(flow(FIRST, 1), ms(5)).unwrap();
        assert_eq!((both.owner.pidversion(), both.remote_name.as_deref()), (Some(9), Some("one.one")));
        assert_eq!((both.owner.process().unique_pid, both.source), (Some(1007), FIRST));
        assert_eq!(reports.deadline(), None);
    }

    #[test]
    fn every_connection_to_one_endpoint_goes_on_once_in_whichever_order_its_reports_come() {
        for order in [[FIRST, SECOND, FIRST, SECOND], [SECOND, FIRST, SECOND, FIRST], [FIRST, FIRST, SECOND, SECOND]] {
            let mut reports = MergedReports::default();
            reports.take(flow(SECOND, 9), ms(0));
            reports.pop();
            let at_once = order.into_iter().zip(0..).filter_map(|(source, n)| reports.take(flow(source, 1), ms(n)));
            assert_eq!(at_once.count(), 2, "{order:?}");
            assert_eq!(reports.pop_due(ms(1000)), None, "{order:?}");
        }
    }

    #[test]
    fn a_connection_that_only_endpoint_security_saw_goes_on_alone_and_once() {
        let mut reports = MergedReports::default();
        reports.take(flow(SECOND, 1), ms(0));
        assert_eq!(reports.deadline(), Some(ms(250)));
        assert_eq!(reports.pop_due(ms(249)), None);
        assert_eq!(reports.pop_due(ms(250)).map(|flow| flow.source), Some(SECOND));
        assert_eq!(reports.take(flow(FIRST, 1), ms(300)), None, "reported before");
        assert!(reports.take(flow(FIRST, 1), ms(301)).is_some(), "the next connection to there");
        assert!(reports.take(flow(FIRST, 2), ms(301)).is_some());
    }

    #[test]
    fn the_report_of_one_source_is_remembered_for_ten_seconds() {
        for (later, waits) in [(9_999, false), (10_000, true)] {
            let mut reports = MergedReports::default();
            reports.take(flow(SECOND, 2), ms(0));
            reports.take(flow(FIRST, 1), ms(0));
            reports.pop();
            assert_eq!(reports.take(flow(SECOND, 1), ms(later)), None);
            assert_eq!(reports.deadline().is_some(), waits);
        }
    }
}
