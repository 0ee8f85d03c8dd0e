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

/// Whose flow it is, as far as the source knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Owner {
    /// One execution, by its audit token.
    Execution {
        /// The process.
        process: ProcessRef,
        /// `p_idversion`: new at every exec.
        pidversion: u32,
    },
    /// A process, whichever program it ran at the time.
    Process(ProcessRef),
}

impl Owner {
    /// The process.
    pub fn process(self) -> ProcessRef {
        match self {
            Owner::Execution { process, .. } | Owner::Process(process) => process,
        }
    }

    /// Which execution of it, when that is known.
    pub fn pidversion(self) -> Option<u32> {
        match self {
            Owner::Execution { pidversion, .. } => Some(pidversion),
            Owner::Process(_) => None,
        }
    }
}

/// What went over a flow so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bytes {
    /// Sent from here.
    pub sent: u64,
    /// Received here.
    pub received: u64,
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
    /// The local address; `None` while it is not bound.
    pub local: Option<SocketAddr>,
    /// The remote address.
    pub remote: SocketAddr,
    /// Whether the flow was accepted here; `None` when that is not known.
    pub inbound: Option<bool>,
    /// Whose it is: the process that last used the socket, or the one on whose behalf it does (delegation).
    pub owner: Owner,
    /// The process that uses the socket on the owner's behalf, when there is one.
    pub via: Option<ProcessRef>,
    /// The name, as the kernel keeps it, of the process that uses the socket.
    pub process_name: Option<String>,
    /// Effective user id.
    pub user_id: Option<u32>,
    /// The host name that was looked up for the remote address, when the kernel knows it.
    pub remote_name: Option<String>,
    /// What went over it, when the source counts.
    pub bytes: Option<Bytes>,
}

impl Flow {
    /// A flow that has a remote address for the first time.
    pub fn connected(
        source: FlowSource,
        time: Timestamp,
        transport: Transport,
        remote: SocketAddr,
        owner: Owner,
    ) -> Flow {
        Flow {
            source,
            phase: Phase::Connected,
            time,
            started: None,
            transport,
            local: None,
            remote,
            inbound: None,
            owner,
            via: None,
            process_name: None,
            user_id: None,
            remote_name: None,
            bytes: None,
        }
    }

    /// The same flow as it ended.
    pub fn closed(self, time: Timestamp) -> Flow {
        Flow { phase: Phase::Closed, time, ..self }
    }

    /// With its local address.
    pub fn with_local(self, local: Option<SocketAddr>) -> Flow {
        Flow { local, ..self }
    }

    /// With when its socket was made.
    pub fn with_start(self, started: Timestamp) -> Flow {
        Flow { started: Some(started), ..self }
    }

    /// With whether it was accepted here.
    pub fn with_inbound(self, inbound: Option<bool>) -> Flow {
        Flow { inbound, ..self }
    }

    /// With the process on whose behalf its owner acts.
    pub fn on_behalf_of(self, owner: Owner) -> Flow {
        Flow { via: Some(self.owner.process()), owner, ..self }
    }

    /// With the host name that was looked up for its remote address.
    pub fn with_remote_name(self, remote_name: Option<String>) -> Flow {
        Flow { remote_name, ..self }
    }
}
