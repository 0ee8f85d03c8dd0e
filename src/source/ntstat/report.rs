//! What the conversation reports: flows, and what was lost.

use std::net::SocketAddr;

use super::message::Described;
use super::provider;
use crate::event::{Flow, FlowSource, Owner, Timestamp, Transport};

/// What was lost or not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Messages that are cut off or of no known layout.
    pub malformed: u64,
    /// Sources that the kernel could not report: gaps in their numbers.
    pub lost_sources: u64,
    /// Flows whose last report was lost (`NSTAT_MSG_HDR_FLAG_CLOSED_AFTER_DROP`).
    pub closed_after_drop: u64,
    /// Answers for which there was no room.
    pub no_room: u64,
    /// Sources and flows that were evicted because too many were held.
    pub evicted: u64,
}

/// The flow that the kernel describes.
pub(super) fn flow(
    described: &Described,
    (transport, remote, inbound): (Transport, SocketAddr, Option<bool>),
    time: Timestamp,
    started: Timestamp,
) -> Flow {
    let descriptor = &described.descriptor;
    let owner = Owner::Process(descriptor.process);
    let mut flow = Flow::connected(FlowSource::NetworkStatistics, time, transport, remote, owner)
        .with_local(descriptor.local)
        .with_start(started)
        .with_inbound(inbound)
        .with_remote_name(described.remote_name.clone());
    if let Some(other) = descriptor.on_behalf_of {
        flow = flow.on_behalf_of(Owner::Process(other));
    }
    let process_name = Some(descriptor.process_name.clone()).filter(|name| !name.is_empty());
    Flow { process_name, user_id: descriptor.user_id, bytes: described.bytes, ..flow }
}

/// The transport of a provider's flows.
pub(super) fn transport(provider: u32) -> Transport {
    match provider {
        provider::QUIC_USERLAND => Transport::Quic,
        provider::TCP_KERNEL | provider::TCP_USERLAND => Transport::Tcp,
        _ => Transport::Udp,
    }
}
