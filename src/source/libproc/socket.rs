//! The sockets of a process, read from the structures of `<sys/proc_info.h>`: offsets of 64-bit systems.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::event::Transport;
use crate::source::bytes::{u32_at, u64_at};

/// Bytes of `struct socket_fdinfo`.
pub(crate) const SOCKET_INFO_SIZE: usize = 792;

/// A socket of a process, as `PROC_PIDFDSOCKETINFO` reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Socket {
    /// The transport.
    pub transport: Transport,
    /// `TCPS_*` of `<netinet/tcp_fsm.h>`; `None` for UDP.
    pub tcp_state: Option<i32>,
    /// The local address.
    pub local: SocketAddr,
    /// The remote address; port 0 when there is none.
    pub remote: SocketAddr,
    /// The kernel's handle of the socket, the same for all processes that share it.
    pub handle: u64,
    /// `insi_gencnt`: which use of a reused control block this is.
    pub generation: u64,
}

/// Descriptors of a process that are looked at.
const MAX_DESCRIPTORS: usize = 65_536;
/// Bytes of `struct proc_fdinfo`.
const DESCRIPTOR_SIZE: usize = 8;
/// Descriptors that a process may open between the question how many it has and the list.
const TO_SPARE: usize = 256;

/// Bytes for a list of the descriptors that `PROC_PIDLISTFDS` without a buffer says to take so many. One that is full is
/// cut off, which the kernel does not say. FACT: descriptor-list
pub(crate) fn room_for_descriptors(needed: i32) -> usize {
    let needed = usize::try_from(needed).unwrap_or(0) / DESCRIPTOR_SIZE;
    needed.saturating_add(TO_SPARE).min(MAX_DESCRIPTORS) * DESCRIPTOR_SIZE
}

/// The sockets among the descriptors that `PROC_PIDLISTFDS` lists.
pub(crate) fn socket_descriptors(bytes: &[u8]) -> impl Iterator<Item = i32> + '_ {
    // `PROX_FDTYPE_SOCKET`
    let entries = bytes.chunks_exact(DESCRIPTOR_SIZE).filter(|entry| u32_at(entry, 4) == Some(2));
    entries.filter_map(|entry| u32_at(entry, 0).map(|fd| fd as i32))
}

/// Reads `struct socket_fdinfo`; `None` for a socket that is not TCP or UDP, and for too few bytes.
pub(crate) fn socket(bytes: &[u8]) -> Option<Socket> {
    let bytes = bytes.get(..SOCKET_INFO_SIZE)?;
    // `soi_kind`: `SOCKINFO_IN` 1, `SOCKINFO_TCP` 2; `soi_protocol`: `IPPROTO_UDP` 17.
    let (transport, tcp_state) = match (u32_at(bytes, 256)?, u32_at(bytes, 24 + 156)?) {
        (2, _) => (Transport::Tcp, Some(u32_at(bytes, 344)? as i32)),
        (1, 17) => (Transport::Udp, None),
        _ => return None,
    };
    let info = &bytes[264..344];
    let is_v4 = info[24] & 1 != 0;
    let end = |port: usize, address: usize| -> Option<SocketAddr> {
        let port = u16::from_be_bytes([info[port], info[port + 1]]);
        let address: [u8; 16] = info.get(address..address + 16)?.try_into().ok()?;
        let [.., a, b, c, d] = address;
        let ip = if is_v4 { IpAddr::V4(Ipv4Addr::new(a, b, c, d)) } else { IpAddr::V6(Ipv6Addr::from(address)) };
        Some(SocketAddr::new(ip.to_canonical(), port))
    };
    Some(Socket {
        transport,
        tcp_state,
        remote: end(0, 32)?,
        local: end(4, 48)?,
        handle: u64_at(bytes, 24 + 136)?,
        generation: u64_at(info, 8)?,
    })
}

/// `TCPS_LISTEN` of `<netinet/tcp_fsm.h>`. Of the other states none says whether there is a connection: that of a flow
/// diverted to a proxy stays at `TCPS_CLOSED`.
const LISTEN: i32 = 1;

/// The sockets of a process that have a remote address, and whether they were accepted here: TCP sockets are if their local
/// port is one that the process listens on. Of UDP that is not known.
pub(crate) fn connections(sockets: Vec<Socket>) -> Vec<(Socket, Option<bool>)> {
    let listening = sockets.iter().filter(|socket| socket.tcp_state == Some(LISTEN));
    let ports: HashSet<u16> = listening.map(|socket| socket.local.port()).collect();
    let is_open = |socket: &Socket| socket.remote.port() != 0 && socket.tcp_state != Some(LISTEN);
    let open = sockets.into_iter().filter(is_open);
    open.map(|socket| {
        let inbound = socket.tcp_state.map(|_| ports.contains(&socket.local.port()));
        (socket, inbound)
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
        bytes[at..at + value.len()].copy_from_slice(value);
    }

    fn tcp_socket() -> [u8; SOCKET_INFO_SIZE] {
        let mut bytes = [0; SOCKET_INFO_SIZE];
        put(&mut bytes, 24 + 136, &77u64.to_le_bytes());
        put(&mut bytes, 256, &2u32.to_le_bytes());
        put(&mut bytes, 264, &443u16.to_be_bytes());
        put(&mut bytes, 268, &50_000u16.to_be_bytes());
        put(&mut bytes, 272, &9u64.to_le_bytes());
        put(&mut bytes, 264 + 24, &[1]);
        put(&mut bytes, 264 + 32 + 12, &[93, 184, 216, 34]);
        put(&mut bytes, 264 + 48 + 12, &[192, 168, 1, 5]);
        put(&mut bytes, 344, &4u32.to_le_bytes());
        bytes
    }

    #[test]
    fn a_tcp_socket_has_both_ends_its_state_and_its_handle() {
        let socket = socket(&tcp_socket()).unwrap();
        assert_eq!(socket.remote, "93.184.216.34:443".parse().unwrap());
        assert_eq!(socket.local, "192.168.1.5:50000".parse().unwrap());
        assert_eq!((socket.tcp_state, socket.handle, socket.generation), (Some(4), 77, 9));
    }

    #[test]
    fn a_socket_is_a_connection_with_a_remote_address_and_accepted_where_its_process_listens() {
        let socket = |state: Option<i32>, local: &str, remote: &str| Socket {
            transport: if state.is_some() { Transport::Tcp } else { Transport::Udp },
            tcp_state: state,
            local: local.parse().unwrap(),
            remote: remote.parse().unwrap(),
            handle: 1,
            generation: 1,
        };
        let sockets = vec![
            socket(Some(1), "0.0.0.0:8000", "0.0.0.0:0"),
            socket(Some(4), "10.0.0.1:8000", "10.0.0.2:50000"),
            socket(Some(2), "10.0.0.1:50000", "1.1.1.1:8000"),
            socket(Some(0), "10.0.0.1:50001", "1.1.1.1:443"),
            socket(Some(0), "0.0.0.0:0", "0.0.0.0:0"),
            socket(None, "10.0.0.1:8000", "1.1.1.1:53"),
            socket(None, "10.0.0.1:8000", "0.0.0.0:0"),
        ];
        let found: Vec<_> =
            connections(sockets).into_iter().map(|(socket, inbound)| (socket.remote, inbound)).collect();
        let end = |text: &str| text.parse::<SocketAddr>().unwrap();
        let wanted = [
            ("10.0.0.2:50000", Some(true)),
            ("1.1.1.1:8000", Some(false)),
            ("1.1.1.1:443", Some(false)),
            ("1.1.1.1:53", None),
        ];
        assert_eq!(found, wanted.map(|(remote, inbound)| (end(remote), inbound)));
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "the bound is a time")]
    fn a_process_with_every_port_open_is_read_in_the_time_of_its_sockets() {
        let socket = |state, port, remote_port| Socket {
            transport: Transport::Tcp,
            tcp_state: Some(state),
            local: SocketAddr::from(([10, 0, 0, 1], port)),
            remote: SocketAddr::from(([10, 0, 0, 2], remote_port)),
            handle: 1,
            generation: 1,
        };
        let listening = (1..=u16::MAX).map(|port| socket(LISTEN, port, 0));
        let sockets = listening.chain((0..u16::MAX).map(|_| socket(4, u16::MAX, 443))).collect();
        let began = std::time::Instant::now();
        assert_eq!(connections(sockets).len(), usize::from(u16::MAX));
        assert!(began.elapsed() < std::time::Duration::from_secs(2), "{:?}", began.elapsed());
    }

    #[test]
    fn every_descriptor_of_a_process_has_room_up_to_a_bound() {
        for (needed, room) in [(20 * 8, 276 * 8), (20_020 * 8, 20_276 * 8), (250_000 * 8, 65_536 * 8), (-1, 256 * 8)] {
            assert_eq!(room_for_descriptors(needed), room, "{needed}");
        }
    }

    #[test]
    fn only_sockets_are_listed_and_a_cut_entry_is_left_out() {
        let bytes = [3, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 5, 0, 0, 0, 2];
        assert_eq!(socket_descriptors(&bytes).collect::<Vec<_>>(), [3]);
    }

    #[test]
    fn any_bytes_of_any_length_are_read_or_refused() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for length in (0..=SOCKET_INFO_SIZE + 8).cycle().take(20_000) {
            let bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            let _ = socket(&bytes);
            assert!(socket_descriptors(&bytes).count() <= length / 8);
        }
    }
}
