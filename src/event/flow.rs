//! A network flow, as a live source of the Mac reports it: not yet an event, for its process is named by
//! pid and unique pid alone.

use std::net::SocketAddr;

use super::Timestamp;

/// Which half of a flow's life a report is about; ECS `event.type` `start` and `end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The flow has a remote address for the first time.
    Connected,
    /// The flow has ended.
    Closed,
}

/// Which source reports a flow; ECS `event.provider`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowSource {
    /// The kernel control `com.apple.network.statistics`.
    NetworkStatistics,
    /// A look at the sockets of a process.
    Libproc,
    /// Endpoint Security's connect event.
    EndpointSecurity,
}

impl FlowSource {
    /// Its `event.provider`.
    pub fn provider(self) -> &'static str {
        match self {
            FlowSource::NetworkStatistics => "network_statistics",
            FlowSource::Libproc => "libproc",
            FlowSource::EndpointSecurity => "endpoint_security",
        }
    }
}

/// The transport of a flow; ECS `network.transport`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP, and what runs over it.
    Udp,
    /// QUIC by the system's own stack: UDP on the wire.
    Quic,
}

/// A process as `struct proc` of XNU names it: the unique pid is new at fork, stays at exec, and is never
/// used twice within a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProcessRef {
    /// Process id.
    pub pid: u32,
    /// `p_uniqueid`; `None` when the source does not know it.
    pub unique_pid: Option<u64>,
}

/// One report about one flow.
#[derive(Clone, Debug, PartialEq)]
pub struct Flow {
    /// Who reports it.
    pub source: FlowSource,
    /// Which half of its life this is about.
    pub phase: Phase,
    /// When the report was true. For a flow first seen as it closed, when its socket was made.
    pub time: Timestamp,
    /// When its socket was made, if the source knows.
    pub started: Option<Timestamp>,
    /// The transport.
    pub transport: Transport,
    /// The near end; `None` while it is not bound.
    pub local: Option<SocketAddr>,
    /// The far end.
    pub remote: SocketAddr,
    /// Whether the flow was accepted here; `None` when that is not known.
    pub inbound: Option<bool>,
    /// The process that last used the socket.
    pub process: ProcessRef,
    /// Which execution of it, when the source knows the audit token.
    pub pidversion: Option<u32>,
    /// The process on whose behalf that one uses it, when there is one (delegation).
    pub on_behalf_of: Option<ProcessRef>,
    /// The process's name as the kernel keeps it.
    pub process_name: Option<String>,
    /// Effective user id.
    pub user_id: Option<u32>,
    /// The host name that was looked up for the far end, when the kernel knows it.
    pub remote_name: Option<String>,
    /// Bytes sent so far.
    pub sent_bytes: Option<u64>,
    /// Bytes received so far.
    pub received_bytes: Option<u64>,
}
