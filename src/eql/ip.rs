//! Sets of addresses: merged ranges, looked up by halving.

use std::net::IpAddr;

use ipnet::IpNet;

/// Addresses as numbers, IPv4 and IPv6 apart; IPv4-mapped IPv6 is IPv4.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct IpSet {
    v4: Box<[(u128, u128)]>,
    v6: Box<[(u128, u128)]>,
}

impl IpSet {
    /// The set of these networks; a bare address is a network of one. The first that is neither is
    /// given back.
    pub(super) fn new<'t>(networks: &[&'t str]) -> Result<IpSet, &'t str> {
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for text in networks {
            match range(text).ok_or(*text)? {
                (IpAddr::V4(first), IpAddr::V4(last)) => {
                    v4.push((u128::from(u32::from(first)), u128::from(u32::from(last))))
                }
                (first, last) => v6.push((number(first), number(last))),
            }
        }
        Ok(IpSet { v4: merged(v4), v6: merged(v6) })
    }

    /// Whether the address is in the set.
    pub(super) fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let ranges = if address.is_ipv4() { &self.v4 } else { &self.v6 };
        let number = number(address);
        let after = ranges.partition_point(|(first, _)| *first <= number);
        after > 0 && ranges[after - 1].1 >= number
    }
}

/// An address as documents write it: a zone id is no part of it.
pub(super) fn address(text: &str) -> Option<IpAddr> {
    let bare = text.split_once('%').map_or(text, |(address, _)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

fn number(address: IpAddr) -> u128 {
    match address {
        IpAddr::V4(address) => u128::from(u32::from(address)),
        IpAddr::V6(address) => u128::from(address),
    }
}

fn range(text: &str) -> Option<(IpAddr, IpAddr)> {
    if let Some(address) = address(text) {
        return Some((address, address));
    }
    let network: IpNet = text.parse().ok()?;
    let (first, last) = (network.network().to_canonical(), network.broadcast().to_canonical());
    // A mapped network wider than ::ffff:0:0/96 is not a range of IPv4.
    if first.is_ipv4() != last.is_ipv4() {
        return Some((network.network(), network.broadcast()));
    }
    Some((first, last))
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
        assert!(!IpSet::new(&[]).unwrap().contains(address("8.8.8.8").unwrap()));
    }
}
