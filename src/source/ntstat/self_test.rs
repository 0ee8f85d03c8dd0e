//! The start-up self-test: sockets of our own on the loopback interface must appear as they are. It proves the
//! layout of descriptors on this kernel, and shows what can be seen.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use super::message::{self, Described};
use super::provider;
use crate::event::ProcessRef;

/// After this long without a connect event the caller connects a second control socket once more.
const NUDGE: Duration = Duration::from_millis(100);
/// How long the kernel may take for what can be done without: a connect event, subflows.
const ENOUGH: Duration = Duration::from_millis(400);
/// How long it may take for the rest: a busy Mac must not be taken for one that reports nothing.
const PATIENCE: Duration = Duration::from_secs(5);

/// A local and a remote end.
pub(super) type Ends = (SocketAddr, SocketAddr);

/// The sockets that the caller made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sockets {
    /// The continuous ticks before they were made.
    pub made: u64,
    /// A TCP socket that connected to a listener of our own.
    pub tcp: Ends,
    /// A UDP socket that connected.
    pub udp: Ends,
    /// The peer that an unconnected UDP socket sent to.
    pub sent_to: SocketAddr,
}

/// What the kernel shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Findings {
    /// Our TCP socket, with our pid, our unique pid and both ends where they are expected.
    pub tcp: bool,
    /// It began while the test ran, by the clock of this program.
    pub clock: bool,
    /// Our UDP socket likewise.
    pub udp: bool,
    /// The peer of our unconnected UDP socket.
    pub subflow: bool,
    /// A TCP connection is reported as it begins, unasked.
    pub connect_event: bool,
    /// Sockets of other processes: mDNSResponder of every Mac has some.
    pub others: bool,
}

impl Findings {
    /// Whether connections of all processes can be read.
    pub(crate) fn is_usable(self) -> bool {
        self.tcp && self.clock && self.udp && self.others
    }
}

impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.tcp && self.udp, self.others) {
            (false, _) => return f.write_str("the records of the self-test's sockets have an unknown layout"),
            (true, _) if !self.clock => {
                return f.write_str("the kernel's timestamps do not match this program's clock");
            }
            (true, false) => return f.write_str("only our own sockets are visible"),
            (true, true) => {}
        }
        f.write_str(if self.connect_event {
            "TCP connections are reported at connect"
        } else {
            "there are no connect events, so the sockets of watched processes are polled"
        })?;
        f.write_str(if self.subflow { "; unconnected UDP is seen" } else { "; unconnected UDP is not seen" })
    }
}

/// How far the self-test is. It is made on each new socket, and after sleep.
#[derive(Debug)]
pub(super) enum Test {
    Due,
    /// The driver makes the sockets.
    Asked,
    Running(Box<SelfTest>),
    Done,
}

/// A test under way.
#[derive(Debug)]
pub(super) struct SelfTest {
    process: ProcessRef,
    sockets: Sockets,
    began: Duration,
    nudged: bool,
    findings: Findings,
}

impl SelfTest {
    pub(super) fn new(process: ProcessRef, sockets: Sockets, others: bool, now: Duration) -> SelfTest {
        let findings = Findings { others, ..Findings::default() };
        SelfTest { process, sockets, began: now, nudged: false, findings }
    }

    /// Whether the process is asked about although no rule is about it.
    pub(super) fn is_about(&self, process: ProcessRef) -> bool {
        process == self.process
    }

    /// Takes in a report; no socket can have been made after `latest`, in ticks.
    pub(super) fn observe(&mut self, described: &Described, latest: u64) {
        let Described { provider, event, ref descriptor, .. } = *described;
        if descriptor.process != self.process {
            self.findings.others |= descriptor.process.pid != self.process.pid;
            return;
        }
        let ends = descriptor.local.zip(descriptor.remote);
        match provider {
            provider::TCP_KERNEL | provider::TCP_USERLAND if ends == Some(self.sockets.tcp) => {
                self.findings.tcp = true;
                self.findings.clock |= (self.sockets.made..=latest).contains(&descriptor.started);
                self.findings.connect_event |= event & message::OUTBOUND != 0;
            }
            provider::UDP_KERNEL | provider::UDP_USERLAND if ends == Some(self.sockets.udp) => self.findings.udp = true,
            provider::UDP_SUBFLOW if descriptor.remote == Some(self.sockets.sent_to) => self.findings.subflow = true,
            _ => {}
        }
    }

    /// Whether the kernel should be reminded of the events we want, and our socket should connect again.
    pub(super) fn wants_nudge(&mut self, now: Duration) -> bool {
        let wants = !self.nudged && !self.findings.connect_event && now.saturating_sub(self.began) >= NUDGE;
        self.nudged |= wants;
        wants
    }

    pub(super) fn connected_again(&mut self, tcp: Ends) {
        self.sockets.tcp = tcp;
    }

    /// What was found, once there is no more to wait for.
    pub(super) fn result(&self, now: Duration) -> Option<Findings> {
        let is_whole = self.findings.subflow && self.findings.connect_event;
        let enough = if is_whole { Duration::ZERO } else { ENOUGH };
        let patience = if self.findings.is_usable() { enough } else { PATIENCE };
        (now.saturating_sub(self.began) >= patience).then_some(self.findings)
    }

    /// When to look again at the latest.
    pub(super) fn next_wakeup(&self) -> Duration {
        let nudge = if self.nudged || self.findings.connect_event { ENOUGH } else { NUDGE };
        self.began + if self.findings.is_usable() { nudge } else { PATIENCE }
    }
}
