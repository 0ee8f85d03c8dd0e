//! `nstat_tcp_descriptor` (QUIC has the same) and `nstat_udp_descriptor`, by one table of offsets.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::provider::{IN_USER_SPACE, KERNEL, UDP_KERNEL, UDP_SUBFLOW, UDP_USERLAND};
use crate::event::ProcessRef;
use crate::source::bytes::{text, u32_at, u64_at};

/// Where the members lie. Everything up to `fuuid` is the same from macOS 11 to 26; the tail moved in 14,
/// which only the length shows. FACT: descriptor-layout
struct Layout {
    state: Option<usize>,
    pid: usize,
    epid: usize,
    local: usize,
    remote: usize,
    name: usize,
    /// Bytes before and from macOS 14.
    sizes: [usize; 2],
    /// `uid` from macOS 14.
    user: usize,
    /// `ifnet_properties` before and from macOS 14.
    properties: [usize; 2],
}

const TCP: Layout = Layout {
    state: Some(76),
    pid: 116,
    epid: 120,
    local: 124,
    remote: 152,
    name: 196,
    sizes: [336, 344],
    user: 328,
    properties: [328, 336],
};

const UDP: Layout = Layout {
    state: None,
    pid: 128,
    epid: 196,
    local: 56,
    remote: 84,
    name: 132,
    sizes: [272, 280],
    user: 268,
    properties: [264, 272],
};

/// `NSTAT_SOURCE_IS_LISTENER`, `…_INBOUND`, `…_OUTBOUND`, from macOS 14. FACT: direction
const IS_LISTENER: u32 = 0x0200_0000;
const IS_INBOUND: u32 = 0x0400_0000;
const IS_OUTBOUND: u32 = 0x0800_0000;

/// What the kernel reports about a source.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Descriptor {
    /// When the socket was made, in ticks.
    pub started: u64,
    /// When this was true, in ticks; 0 when the kernel does not report it.
    pub at: u64,
    /// `TCPS_*`; `None` for UDP.
    pub tcp_state: Option<u32>,
    /// The process that last used the socket.
    pub process: ProcessRef,
    /// The process on whose behalf it is used, when that is another.
    pub on_behalf_of: Option<ProcessRef>,
    /// The local address, when bound.
    pub local: Option<SocketAddr>,
    /// The remote address, when there is one. With one, and not listening, a socket connects or has connected.
    pub remote: Option<SocketAddr>,
    /// `pname`.
    pub process_name: String,
    /// `uid`, from macOS 14, of the kernel's own sockets: elsewhere it is not set. FACT: uid-providers
    pub user_id: Option<u32>,
    /// The socket listens.
    pub listens: bool,
    /// Whether it was accepted here, from macOS 14.
    pub inbound: Option<bool>,
}

impl Descriptor {
    /// Reads a descriptor of a provider; `None` when it is shorter than macOS 12 writes it.
    pub(super) fn parse(provider: u32, bytes: &[u8]) -> Option<Descriptor> {
        let is_udp = [UDP_KERNEL, UDP_USERLAND, UDP_SUBFLOW].contains(&provider);
        let layout = if is_udp { &UDP } else { &TCP };
        let newer = bytes.len() >= layout.sizes[1];
        let bytes = bytes.get(..layout.sizes[usize::from(newer)])?;
        let process = ProcessRef { pid: u32_at(bytes, layout.pid)?, unique_pid: Some(u64_at(bytes, 0)?) };
        let on_behalf_of = delegator(provider, process, u32_at(bytes, layout.epid)?, u64_at(bytes, 8)?);
        let properties = u32_at(bytes, layout.properties[usize::from(newer)])?;
        let inbound = match (newer, properties & IS_INBOUND != 0, properties & IS_OUTBOUND != 0) {
            (true, true, false) => Some(true),
            (true, false, true) => Some(false),
            _ => None,
        };
        Some(Descriptor {
            started: u64_at(bytes, 16)?,
            at: u64_at(bytes, 24)?,
            tcp_state: layout.state.and_then(|at| u32_at(bytes, at)),
            process,
            on_behalf_of,
            local: socket_address(bytes, layout.local),
            remote: socket_address(bytes, layout.remote),
            process_name: text(bytes.get(layout.name..layout.name + 64)?),
            user_id: u32_at(bytes, layout.user).filter(|_| newer && KERNEL.contains(&provider)),
            listens: newer && properties & IS_LISTENER != 0,
            inbound,
        })
    }

    /// Whether the socket waits for connections: `TCPS_LISTEN` is 1. Of the other states none says whether there is
    /// a connection: they stay at `TCPS_CLOSED` (0) where a flow is diverted to a proxy (`flow_divert.c`), and in the
    /// system's own QUIC and TCP they are what user space wrote last.
    pub(super) fn is_listening(&self) -> bool {
        self.listens || self.tcp_state == Some(1)
    }
}

/// The process on whose behalf another acts. An effective unique pid of 0 means that there is none for the kernel's own
/// sockets (a responsible program is known only by UUID), while for flows in user space it is not set: there the
/// effective pid alone shows it (XNU `necp_client.c`, `nstat_userland_tu_copy_descriptor`).
fn delegator(provider: u32, process: ProcessRef, pid: u32, unique_pid: u64) -> Option<ProcessRef> {
    match unique_pid {
        0 if IN_USER_SPACE.contains(&provider) && pid != 0 && pid != process.pid => {
            Some(ProcessRef { pid, unique_pid: None })
        }
        0 => None,
        unique_pid if Some(unique_pid) == process.unique_pid => None,
        unique_pid => Some(ProcessRef { pid, unique_pid: Some(unique_pid) }),
    }
}

/// `struct sockaddr_in` or `struct sockaddr_in6`; `None` when unset or without a port.
fn socket_address(bytes: &[u8], at: usize) -> Option<SocketAddr> {
    let bytes = bytes.get(at..at + 28)?;
    let port = u16::from_be_bytes([bytes[2], bytes[3]]);
    let ip = match bytes[1] {
        2 => IpAddr::V4(Ipv4Addr::new(bytes[4], bytes[5], bytes[6], bytes[7])),
        30 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(&bytes[8..24]).ok()?)),
        _ => return None,
    };
    (port != 0).then(|| SocketAddr::new(ip.to_canonical(), port))
}
