//! A source: what the kernel knows of one socket or flow, and its descriptor.
use super::domain::Domain;
use super::layout;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) provider: u32,
    pub(crate) pid: u32,
    pub(crate) epid: u32,
    pub(crate) upid: u64,
    pub(crate) eupid: u64,
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    /// TCPS_*; while `live` is there, the host knows better.
    pub(crate) state: u32,
    /// The guest's descriptor of its socket.
    pub(crate) live: Option<i32>,
    pub(crate) is_inbound: bool,
    /// A transparent proxy has it: the remote end is set, and TCP never does anything. FACT: flow-divert
    pub(crate) is_diverted: bool,
    pub(crate) pname: Vec<u8>,
    pub(crate) ifindex: u32,
    /// Of the interface; what the kernel adds from the state is not in it, unless a script gave all of it.
    pub(crate) props: u32,
    pub(crate) props_are_all: bool,
    pub(crate) rx: (u64, u64),
    pub(crate) tx: (u64, u64),
    pub(crate) uuid: [u8; 16],
    pub(crate) uid: u32,
    /// mach_continuous_time at its creation.
    pub(crate) start: u64,
    pub(crate) domain: Option<Box<Domain>>,
}

/// The providers of flows that a process runs itself.
pub(crate) const USER_SPACE: [u32; 3] = [layout::TCP_USERLAND, layout::UDP_USERLAND, layout::QUIC_USERLAND];

pub(crate) fn put(bytes: &mut [u8], offset: usize, value: &[u8]) {
    bytes[offset..offset + value.len()].copy_from_slice(value)
}
/// A text that is cut to fit with its NUL.
pub(crate) fn put_text(bytes: &mut [u8], offset: usize, room: usize, value: &[u8]) {
    put(bytes, offset, &value[..value.len().min(room - 1)])
}
/// struct sockaddr_in or sockaddr_in6.
pub(crate) fn put_address(bytes: &mut [u8], offset: usize, address: &SocketAddr) {
    match address {
        SocketAddr::V4(inner) => {
            put(bytes, offset, &[16, 2]);
            put(bytes, offset + 4, &inner.ip().octets());
        }
        SocketAddr::V6(inner) => {
            put(bytes, offset, &[28, 30]);
            put(bytes, offset + 8, &inner.ip().octets());
            put(bytes, offset + 24, &inner.scope_id().to_ne_bytes());
        }
    }
    put(bytes, offset + 2, &address.port().to_be_bytes());
}
pub(crate) fn unset(like: &SocketAddr) -> SocketAddr {
    if like.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse().expect("an address")
}

fn provider_of(step: &Value, tcp: bool) -> u32 {
    match (step["provider"].as_u64(), tcp, step["userland"] == true) {
        (Some(provider), ..) => provider as u32,
        (None, true, false) => layout::TCP_KERNEL,
        (None, true, true) => layout::TCP_USERLAND,
        (None, false, false) => layout::UDP_KERNEL,
        (None, false, true) => layout::UDP_USERLAND,
    }
}

impl Source {
    pub(crate) fn is_tcp(&self) -> bool {
        [layout::TCP_KERNEL, layout::TCP_USERLAND, layout::QUIC_USERLAND].contains(&self.provider)
    }
    fn state_now(&self) -> u32 {
        self.live.filter(|_| self.is_tcp()).and_then(super::host::tcp_state).unwrap_or(self.state)
    }
    fn local_now(&self) -> SocketAddr {
        self.live.and_then(super::host::name).unwrap_or(self.local)
    }

    /// nstat_tcp_copy_descriptor: who listens, accepted and connected is reported from macOS 14 on. A script may have a
    /// FACT: direction
    /// source that is established without a peer; no Mac has.
    fn properties(&self, major: u32, state: u32) -> u32 {
        let direction = match state {
            _ if self.props_are_all || major < 14 || self.provider != layout::TCP_KERNEL => 0,
            _ if self.is_inbound => layout::IS_INBOUND,
            layout::LISTEN => layout::IS_LISTENER,
            _ if self.remote.port() != 0 && !self.is_diverted => layout::IS_OUTBOUND,
            _ => 0,
        };
        self.props | direction
    }

    /// As macOS `major` lays it out, `shift` bytes further back.
    pub(crate) fn descriptor(&self, major: u32, shift: usize) -> Vec<u8> {
        let members = if self.is_tcp() { &layout::TCP } else { &layout::UDP };
        let mut all = vec![0; shift + members.size(major)];
        let bytes = &mut all[shift..];
        put(bytes, layout::UPID, &self.upid.to_ne_bytes());
        put(bytes, layout::EUPID, &self.eupid.to_ne_bytes());
        put(bytes, layout::START, &self.start.to_ne_bytes());
        put(bytes, layout::NOW, &crate::shims::time::kernel_continuous_ticks().to_ne_bytes());
        put(bytes, members.ifindex, &self.ifindex.to_ne_bytes());
        let state = self.state_now();
        if let Some(member) = members.state {
            put(bytes, member, &state.to_ne_bytes());
        }
        put(bytes, members.pid, &self.pid.to_ne_bytes());
        put(bytes, members.epid, &self.epid.to_ne_bytes());
        put_address(bytes, members.local, &self.local_now());
        put_address(bytes, members.remote, &self.remote);
        put_text(bytes, members.pname, 64, &self.pname);
        put(bytes, members.uuid, &self.uuid);
        put(bytes, members.euuid, &self.uuid);
        put(bytes, members.props(major), &self.properties(major, state).to_ne_bytes());
        if major >= 14 {
            put(bytes, members.uid(), &self.uid.to_ne_bytes());
        }
        all
    }

    /// nstat_counts, into a message.
    pub(crate) fn counts(&self, bytes: &mut [u8], offset: usize) {
        for (member, value) in [
            (layout::counter::RXPACKETS, self.rx.0),
            (layout::counter::RXBYTES, self.rx.1),
            (layout::counter::TXPACKETS, self.tx.0),
            (layout::counter::TXBYTES, self.tx.1),
        ] {
            put(bytes, offset + member, &value.to_ne_bytes());
        }
    }

    /// What an "add_tcp" or "add_udp" says.
    pub(crate) fn of_step(step: &Value, tcp: bool) -> Result<Source, String> {
        use crate::script::text;
        let number = |key: &str| step[key].as_u64();
        let address = |key: &str, dflt: SocketAddr| match step[key].as_str() {
            Some(text) => text.parse().map_err(|error| format!("{key}: {error}")),
            None => Ok(dflt),
        };
        let local = address("local", ([0; 4], 0).into())?;
        let remote = address("remote", unset(&local))?;
        let pid = number("pid").ok_or("source without pid")? as u32;
        let process = crate::proc::Table::with(|table| table.get(pid as i32).cloned());
        let upid = number("upid").or(process.as_ref().map(|process| process.upid));
        let upid =
            upid.unwrap_or_else(|| crate::proc::Table::with(|table| table.get_or_make(pid as i32, &Value::Null).upid));
        let provider = provider_of(step, tcp);
        let is_in_user_space = USER_SPACE.contains(&provider);
        let is_diverted = step["diverted"] == true;
        Ok(Source {
            provider,
            pid,
            epid: number("epid").unwrap_or(pid as u64) as u32,
            upid,
            // FACT: userland-eupid
            eupid: number("eupid").unwrap_or(if is_in_user_space { 0 } else { upid }),
            local,
            remote,
            // FACT: userland-state, userland-state-values
            state: number("state").map_or_else(
                || if is_diverted || is_in_user_space { layout::CLOSED } else { layout::ESTABLISHED },
                |number| number as u32,
            ),
            live: None,
            is_inbound: step["inbound"] == true,
            is_diverted,
            pname: step
                .get("pname")
                .map(text::bytes)
                .or(process.as_ref().map(|process| process.best_name().to_vec()))
                .unwrap_or_default(),
            ifindex: number("ifindex").unwrap_or(4) as u32,
            props: number("ifnet_properties").map_or(layout::IS_WIRED | layout::IS_NON_LOCAL, |number| number as u32),
            props_are_all: step["ifnet_properties"].is_u64(),
            rx: (number("rxpackets").unwrap_or(0), number("rxbytes").unwrap_or(0)),
            tx: (number("txpackets").unwrap_or(0), number("txbytes").unwrap_or(0)),
            uuid: process.map_or([pid as u8; 16], |process| process.uuid()),
            // FACT: uid-providers
            uid: number("uid").unwrap_or(if is_in_user_space || provider == layout::UDP_SUBFLOW { 0 } else { 501 })
                as u32,
            start: if step["old"] == true { 1 } else { crate::shims::time::kernel_continuous_ticks() },
            domain: Domain::of_step(step).map(Box::new),
        })
    }

    /// mDNSResponder's, which every Mac has from its start.
    pub(crate) fn mdns() -> Source {
        let step = serde_json::json!({"pid": crate::proc::MDNS_PID, "local": "0.0.0.0:5353", "uid": 65,
            "state": 0, "old": true,
            "ifindex": 0, "ifnet_properties": layout::IS_UNKNOWN_TYPE});
        Source::of_step(&step, false).expect("a source")
    }
}

/// All sources there are, each by a number of its own; those of a script have a name that several can share.
#[derive(Default)]
pub(crate) struct Sources {
    last: u64,
    by_number: BTreeMap<u64, Source>,
    by_name: HashMap<String, Vec<u64>>,
}
impl Sources {
    pub(crate) fn add(&mut self, name: Option<String>, source: Source) -> u64 {
        self.last += 1;
        self.by_number.insert(self.last, source);
        if let Some(name) = name {
            self.by_name.entry(name).or_default().push(self.last);
        }
        self.last
    }
    pub(crate) fn get(&self, number: u64) -> Option<&Source> {
        self.by_number.get(&number)
    }
    pub(crate) fn get_mut(&mut self, number: u64) -> Option<&mut Source> {
        self.by_number.get_mut(&number)
    }
    pub(crate) fn remove(&mut self, number: u64) -> Option<Source> {
        self.by_number.remove(&number)
    }
    pub(crate) fn named(&self, name: &str) -> Vec<u64> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }
    pub(crate) fn forget_name(&mut self, name: &str) -> Vec<u64> {
        self.by_name.remove(name).unwrap_or_default()
    }
    pub(crate) fn of_provider(&self, provider: u32) -> Vec<u64> {
        self.by_number.iter().filter(|(_, source)| source.provider == provider).map(|(number, _)| *number).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn u32_at(bytes: &[u8], offset: usize) -> u32 {
        u32::from_ne_bytes(bytes[offset..offset + 4].try_into().unwrap())
    }
    fn source(value: Value) -> Source {
        Source::of_step(&value, true).unwrap()
    }

    #[test]
    fn a_descriptor_grew_with_macos_14() {
        let source = source(
            json!({"pid": 7, "upid": 8, "epid": 9, "local": "10.0.0.1:1", "remote": "[2001:db8::1]:443", "uid": 65}),
        );
        let (old, new) = (source.descriptor(13, 0), source.descriptor(14, 0));
        assert_eq!((old.len(), new.len()), (336, 344));
        assert_eq!([u32_at(&new, 116), u32_at(&new, 120), u32_at(&new, 76), u32_at(&new, 328)], [7, 9, 4, 65]);
        assert_eq!(new[124..132], [16, 2, 0, 1, 10, 0, 0, 1]);
        assert_eq!((&new[152..156], &new[160..164]), (&[28, 30, 1, 187][..], &[0x20, 1, 0xd, 0xb8][..]));
        assert_eq!((u32_at(&old, 328), u32_at(&new, 336)), (0x1010, 0x0800_1010));
        let udp = Source { provider: layout::UDP_SUBFLOW, ..source };
        let (old, new) = (udp.descriptor(13, 0), udp.descriptor(14, 8));
        assert_eq!((old.len(), new.len()), (272, 288));
        assert_eq!(
            [u32_at(&old, 128), u32_at(&old, 196), u32_at(&new, 8 + 268), u32_at(&new, 8 + 272)],
            [7, 9, 65, 0x1010]
        );
        assert_eq!(new[..8], [0; 8]);
    }

    #[test]
    fn the_direction_follows_from_the_state() {
        let properties = |value: Value| {
            let source = source(value);
            source.properties(15, source.state) & 0x0e00_0000
        };
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 0})), 0);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 1})), layout::IS_LISTENER);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 2, "remote": "1.1.1.1:1"})), layout::IS_OUTBOUND);
        assert_eq!(
            properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "inbound": true})),
            layout::IS_INBOUND
        );
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "ifnet_properties": 2})), 0);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "userland": true})), 0);
        // At its end a connection is closed, and it is still known who began it.
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "state": 0})), layout::IS_OUTBOUND);
    }
}
