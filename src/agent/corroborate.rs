//! One connection told by two sources goes on once, with what both know.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use ahash::HashMap;

use crate::event::{Flow, FlowSource, Owner, Phase, Transport};

/// How long a report of Endpoint Security waits for that of the kernel's network statistics.
const WAIT: Duration = Duration::from_millis(250);
/// How long a connection is known to have been told.
const KNOWN: Duration = Duration::from_secs(10);
/// Connections that are known, and reports that wait.
const MOST: usize = 16_384;

/// Process, transport and far end.
type Key = (u32, bool, SocketAddr);

/// Joins the reports of Endpoint Security's connect event with those of other sources. Without the former nothing
/// is held here.
#[derive(Debug, Default)]
pub(super) struct Corroboration {
    is_used: bool,
    told: HashMap<Key, Duration>,
    order: VecDeque<(Duration, Key)>,
    waiting: VecDeque<(Duration, Flow)>,
}

impl Corroboration {
    /// Takes in a report; gives back what goes on now.
    pub(super) fn take(&mut self, mut flow: Flow, now: Duration) -> Option<Flow> {
        let is_second = flow.source == FlowSource::EndpointSecurity;
        self.is_used |= is_second;
        if !self.is_used || flow.phase == Phase::Closed {
            return Some(flow);
        }
        self.forget(now);
        let key = key(&flow);
        if is_second {
            let is_told = self.told.contains_key(&key);
            if !is_told {
                self.waiting.push_back((now, flow));
            }
            return None;
        }
        if let Some(at) = self.waiting.iter().position(|(_, waiting)| self::key(waiting) == key)
            && let Some((_, second)) = self.waiting.remove(at)
        {
            if let Some(pidversion) = second.owner.pidversion() {
                flow.owner = Owner::Execution { process: flow.owner.process(), pidversion };
            }
            flow.remote_name = flow.remote_name.or(second.remote_name);
        } else if self.told.remove(&key).is_some() {
            // Endpoint Security's report has gone on alone, as this one was late.
            return None;
        }
        self.remember(key, now);
        Some(flow)
    }

    /// The next report that has waited in vain: the other source has missed the connection.
    pub(super) fn pop_due(&mut self, now: Duration) -> Option<Flow> {
        let is_due = |since: Duration| now.saturating_sub(since) >= WAIT || self.waiting.len() > MOST;
        self.waiting.front().filter(|(since, _)| is_due(*since))?;
        let (_, flow) = self.waiting.pop_front()?;
        self.remember(key(&flow), now);
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

    fn remember(&mut self, key: Key, now: Duration) {
        self.told.insert(key, now);
        self.order.push_back((now, key));
    }

    fn forget(&mut self, now: Duration) {
        let is_old = |since: Duration| now.saturating_sub(since) >= KNOWN;
        while self.order.front().is_some_and(|(since, _)| is_old(*since) || self.order.len() > MOST) {
            let Some((since, key)) = self.order.pop_front() else { return };
            if self.told.get(&key) == Some(&since) {
                self.told.remove(&key);
            }
        }
    }
}

fn key(flow: &Flow) -> Key {
    (flow.owner.process().pid, flow.transport == Transport::Tcp, flow.remote)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{ProcessRef, Timestamp};

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
        let mut corroboration = Corroboration::default();
        assert!((0..3).all(|_| corroboration.take(flow(FIRST, 1), ms(0)).is_some()));
    }

    #[test]
    fn a_report_that_came_first_lends_its_audit_token_and_host_name() {
        let mut corroboration = Corroboration::default();
        assert_eq!(corroboration.take(flow(SECOND, 1), ms(0)), None);
        let both = corroboration.take(flow(FIRST, 1), ms(5)).unwrap();
        assert_eq!((both.owner.pidversion(), both.remote_name.as_deref()), (Some(9), Some("one.one")));
        assert_eq!((both.owner.process().unique_pid, both.source), (Some(1007), FIRST));
        assert_eq!((corroboration.take(flow(SECOND, 1), ms(6)), corroboration.deadline()), (None, None));
    }

    #[test]
    fn a_connection_that_only_endpoint_security_saw_goes_on_alone_and_once() {
        let mut corroboration = Corroboration::default();
        corroboration.take(flow(SECOND, 1), ms(0));
        assert_eq!(corroboration.deadline(), Some(ms(250)));
        assert_eq!(corroboration.pop_due(ms(249)), None);
        assert_eq!(corroboration.pop_due(ms(250)).map(|flow| flow.source), Some(SECOND));
        assert_eq!(corroboration.take(flow(FIRST, 1), ms(300)), None, "told before");
        assert!(corroboration.take(flow(FIRST, 1), ms(301)).is_some(), "the next connection to there");
        assert!(corroboration.take(flow(FIRST, 2), ms(301)).is_some());
    }

    #[test]
    fn what_is_known_is_forgotten() {
        let mut corroboration = Corroboration::default();
        corroboration.take(flow(SECOND, 1), ms(0));
        corroboration.take(flow(FIRST, 1), ms(0));
        assert_eq!(corroboration.take(flow(SECOND, 1), ms(9_999)), None);
        assert_eq!(corroboration.deadline(), None, "known for ten seconds");
        corroboration.take(flow(SECOND, 1), ms(10_000));
        assert_eq!(corroboration.deadline(), Some(ms(10_250)));
    }
}
