//! Sets of addresses: merged ranges, looked up by halving.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses as numbers of 128 bits: Elasticsearch keeps IPv4 as IPv4-mapped IPv6, so `::/0` holds both.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IpSet(Box<[(u128, u128)]>);

impl IpSet {
    /// The set of these networks; a bare address is a network of one. The first that is neither is
    /// returned.
    pub(super) fn new<'t>(networks: &[&'t str]) -> Result<IpSet, &'t str> {
        let ranges = networks.iter().map(|text| range(text).ok_or(*text)).collect::<Result<_, _>>()?;
        Ok(IpSet(merged(ranges)))
    }

    /// Whether the address is in the set.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let number = number(address);
        let after = self.0.partition_point(|(first, _)| *first <= number);
        after > 0 && self.0[after - 1].1 >= number
    }
}

/// An address as documents write it: a zone id is not part of it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bare = text.split_once('%').map_or(text, |(address, _)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// The place of an address in the order of all, IPv4 where IPv6 maps it.
pub(super) fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(address.to_ipv6_mapped()),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn range(text: &str) -> Option<(u128, u128)> {
    if let Ok(network) = text.parse::<IpNet>() {
        return Some((number(network.network()), number(network.broadcast())));
    }
    // Not `fe80::%en0/10`, of which `address` would take the part before the zone.
    let address = number(address(text).filter(|_| !text.contains('/'))?);
    Some((address, address))
}

fn merged(mut ranges: Vec<(u128, u128)>) -> Box<[(u128, u128)]> {
    ranges.sort_unstable();
    let mut merged: Vec<(u128, u128)> = Vec::new();
    for (first, last) in ranges {
        match merged.last_mut() {
            Some(previous) if first <= previous.1.saturating_add(1) => previous.1 = previous.1.max(last),
            _ => merged.push((first, last)),
        }
    }
    merged.into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_holds_its_networks_to_their_first_and_last_address() {
        let set =
            IpSet::new(&["10.0.0.0/8", "192.0.0.8/32", "192.0.0.0/29", "::1", "FE80::/10", "::ffff:172.16.0.0/108"]);
        let set = set.unwrap();
        for (text, inside) in [
            ("9.255.255.255", false),
            ("10.0.0.0", true),
            ("10.255.255.255", true),
            ("11.0.0.0", false),
            ("::ffff:10.1.2.3", true),
            ("::10.1.2.3", false),
            ("192.0.0.7", true),
            ("192.0.0.8", true),
            ("192.0.0.9", false),
            ("0:0:0:0:0:0:0:1", true),
            ("::2", false),
            ("fe80::1%en0", true),
            ("febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff", true),
            ("fec0::", false),
            ("172.31.255.255", true),
            ("172.32.0.0", false),
        ] {
            assert_eq!(set.contains(address(text).unwrap()), inside, "{text}");
        }
        assert_eq!(IpSet::new(&["10.0.0.0/8", "10.0.0.0/33"]), Err("10.0.0.0/33"));
        assert_eq!(IpSet::new(&["fe80::%en0/10"]), Err("fe80::%en0/10"));
        assert!(!IpSet::new(&[]).unwrap().contains(address("8.8.8.8").unwrap()));
    }

    #[test]
    fn networks_of_ipv6_that_hold_the_mapped_addresses_hold_ipv4() {
        for (network, inside) in [("::/0", true), ("::ffff:0:0/95", true), ("::ffff:0:0/96", true), ("::/96", false)] {
            let set = IpSet::new(&[network]).unwrap();
            assert_eq!(set.contains(address("8.8.8.8").unwrap()), inside, "{network}");
        }
    }
}
