//! Endpoint Security's connect event of macOS 26.4, which Apple's header names `RESERVED_6` and does not describe.
//! FACT: connect-layout
//!
//! The layout is what others have read in memory; no document states it. So nothing is taken from it before an
//! event about a connection that osawatch makes itself has shown that it holds, and the byte order of a port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::event::Transport;
use crate::source::bytes::{u32_at, u64_at};

/// `es_event_type_t` of the notification. The number before it asks for permission instead.
pub(crate) const EVENT_TYPE: u32 = 154;
/// The first release whose kernel knows the event: an older one panics when asked for a number it does not know.
/// FACT: unknown-event
pub(crate) const FIRST_RELEASE: (u64, u64) = (26, 4);
/// Bytes of the structure that the event points to.
pub(crate) const SIZE: usize = 80;
/// A host name is not longer (RFC 1035, 2.3.4).
pub(crate) const MAX_NAME: usize = 255;

/// The order of a port's two bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PortOrder {
    /// As on the wire.
    Network,
    /// As the processor has them.
    Host,
}

/// A connection that a process has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connect {
    /// The local end, when bound.
    pub local: Option<SocketAddr>,
    /// The remote end.
    pub remote: SocketAddr,
    /// The transport.
    pub transport: Transport,
}

/// The order of a port's bytes, if these bytes describe this TCP connection.
pub(crate) fn detect(bytes: &[u8], local: SocketAddr, remote: SocketAddr) -> Option<PortOrder> {
    let wanted = Connect { local: Some(local), remote, transport: Transport::Tcp };
    [PortOrder::Network, PortOrder::Host].into_iter().find(|order| parse(bytes, *order) == Some(wanted))
}

/// Reads the structure; `None` for too few bytes, for another transport than TCP and UDP, and without a remote end.
pub(crate) fn parse(bytes: &[u8], order: PortOrder) -> Option<Connect> {
    let transport = match u32_at(bytes, 0x34)? {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        _ => return None,
    };
    Some(Connect { local: end(bytes, 0, order), remote: end(bytes, 0x18, order)?, transport })
}

/// Length and address of the host name that was looked up; `None` when there is none of a possible length.
pub(crate) fn name_token(bytes: &[u8]) -> Option<(u64, usize)> {
    let length = usize::try_from(u64_at(bytes, 0x40)?).ok()?;
    let address = u64_at(bytes, 0x48)?;
    (address != 0 && (1..=MAX_NAME).contains(&length)).then_some((address, length))
}

/// Family, address and port.
fn end(bytes: &[u8], at: usize, order: PortOrder) -> Option<SocketAddr> {
    let address = bytes.get(at + 4..at + 20)?;
    let ip = match u32_at(bytes, at)? {
        2 => IpAddr::V4(Ipv4Addr::from(<[u8; 4]>::try_from(&address[..4]).ok()?)),
        30 => IpAddr::V6(Ipv6Addr::from(<[u8; 16]>::try_from(address).ok()?)),
        _ => return None,
    };
    let port = <[u8; 2]>::try_from(bytes.get(at + 20..at + 22)?).ok()?;
    let port = match order {
        PortOrder::Network => u16::from_be_bytes(port),
        PortOrder::Host => u16::from_le_bytes(port),
    };
    (port != 0).then(|| SocketAddr::new(ip.to_canonical(), port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loopback(order: PortOrder) -> [u8; SIZE] {
        let mut bytes = [0; SIZE];
        for (at, port) in [(0, 50_001_u16), (0x18, 4000)] {
            bytes[at] = 2;
            bytes[at + 4..at + 8].copy_from_slice(&[127, 0, 0, 1]);
            let port = if order == PortOrder::Network { port.to_be_bytes() } else { port.to_le_bytes() };
            bytes[at + 20..at + 22].copy_from_slice(&port);
        }
        bytes[0x34] = 6;
        bytes
    }

    fn ends() -> (SocketAddr, SocketAddr) {
        ("127.0.0.1:50001".parse().unwrap(), "127.0.0.1:4000".parse().unwrap())
    }

    #[test]
    fn our_own_connection_shows_the_layout_and_the_order_of_ports() {
        let (local, remote) = ends();
        for order in [PortOrder::Network, PortOrder::Host] {
            assert_eq!(detect(&loopback(order), local, remote), Some(order));
        }
        assert_eq!(detect(&loopback(PortOrder::Host), remote, local), None);
    }

    #[test]
    fn a_structure_that_is_shifted_or_cut_shows_nothing() {
        let (local, remote) = ends();
        let whole = loopback(PortOrder::Host);
        for by in 1..SIZE {
            let shifted: Vec<u8> = std::iter::repeat_n(0, by).chain(whole).take(SIZE).collect();
            assert_eq!(detect(&shifted, local, remote), None, "shifted by {by}");
            if by < 0x38 {
                assert_eq!(detect(&whole[..by], local, remote), None, "cut to {by}");
            }
        }
    }

    #[test]
    fn any_bytes_of_any_length_are_read_or_refused() {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        for length in (0..=SIZE + 8).cycle().take(20_000) {
            let mut bytes: Vec<u8> = (0..length)
                .map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    (state >> 56) as u8
                })
                .collect();
            if let (Some(family), true) = (bytes.get_mut(0x18), state.is_multiple_of(2)) {
                *family = 2;
            }
            let _ = (parse(&bytes, PortOrder::Host), parse(&bytes, PortOrder::Network));
            assert!(name_token(&bytes).is_none_or(|(_, length)| length <= MAX_NAME));
        }
    }

    #[test]
    fn ipv6_udp_and_a_name_are_read_and_impossible_names_are_not() {
        let mut bytes = loopback(PortOrder::Host);
        bytes[0x18] = 30;
        bytes[0x1c..0x2c].copy_from_slice(&[0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        (bytes[0], bytes[0x34], bytes[0x40], bytes[0x48]) = (0, 17, 11, 0x90);
        let connect = parse(&bytes, PortOrder::Host).unwrap();
        assert_eq!((connect.local, connect.transport), (None, Transport::Udp));
        assert_eq!(connect.remote, "[2001:db8::1]:4000".parse().unwrap());
        assert_eq!(name_token(&bytes), Some((0x90, 11)));
        bytes[0x42] = 1;
        assert_eq!(name_token(&bytes), None, "longer than a name can be");
        assert_eq!(name_token(&loopback(PortOrder::Host)), None);
    }
}
