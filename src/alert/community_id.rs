//! The Community ID of a flow, version 1: both directions have one id, and so have the sensors of other makers.
//! <https://github.com/corelight/community-id-spec>

use std::net::{IpAddr, SocketAddr};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

/// The id with seed 0, for the protocols with ports: TCP, UDP, SCTP.
pub(super) fn community_id(one: SocketAddr, other: SocketAddr, protocol: u8) -> String {
    let ends = |end: SocketAddr| (octets(end.ip()), end.port());
    let (first, second) = if ends(one) <= ends(other) { (one, other) } else { (other, one) };
    let mut hash = Sha1::new();
    hash.update(0_u16.to_be_bytes());
    hash.update(octets(first.ip()));
    hash.update(octets(second.ip()));
    hash.update([protocol, 0]);
    hash.update(first.port().to_be_bytes());
    hash.update(second.port().to_be_bytes());
    format!("1:{}", STANDARD.encode(hash.finalize()))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_of_a_flow_have_the_id_of_the_specification() {
        let end = |text: &str| text.parse().unwrap();
        let (one, other) = (end("128.232.110.120:34855"), end("66.35.250.204:80"));
        assert_eq!(community_id(one, other, 6), "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
        assert_eq!(community_id(other, one, 6), community_id(one, other, 6));
        assert_ne!(community_id(one, other, 17), community_id(one, other, 6));
        let (one, other) = (end("[fe80::1]:1"), end("[fe80::1]:2"));
        assert_eq!(community_id(one, other, 17), community_id(other, one, 17));
    }
}
