//! A source: what the kernel knows of one socket or flow, and its descriptor.
use super::domain::Domain;
use super::layout as l;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

#[derive(Clone, Debug)]
pub struct Source {
    pub provider: u32,
    pub pid: u32,
    pub epid: u32,
    pub upid: u64,
    pub eupid: u64,
    pub local: SocketAddr,
    pub remote: SocketAddr,
    /// TCPS_*; while `live` is there, the host knows better.
    pub state: u32,
    /// The guest's descriptor of its socket.
    pub live: Option<i32>,
    pub is_inbound: bool,
    pub pname: Vec<u8>,
    pub ifindex: u32,
    /// Of the interface; what the kernel adds from the state is not in it, unless a script gave all of it.
    pub props: u32,
    pub props_are_all: bool,
    pub rx: (u64, u64),
    pub tx: (u64, u64),
    pub uuid: [u8; 16],
    pub uid: u32,
    /// mach_continuous_time at its creation.
    pub start: u64,
    pub domain: Option<Box<Domain>>,
}

pub fn put(b: &mut [u8], o: usize, v: &[u8]) {
    b[o..o + v.len()].copy_from_slice(v)
}
/// A text that is cut to fit with its NUL.
pub fn put_text(b: &mut [u8], o: usize, room: usize, v: &[u8]) {
    put(b, o, &v[..v.len().min(room - 1)])
}
/// struct sockaddr_in or sockaddr_in6.
pub fn put_address(b: &mut [u8], o: usize, a: &SocketAddr) {
    match a {
        SocketAddr::V4(x) => {
            put(b, o, &[16, 2]);
            put(b, o + 4, &x.ip().octets());
        }
        SocketAddr::V6(x) => {
            put(b, o, &[28, 30]);
            put(b, o + 8, &x.ip().octets());
            put(b, o + 24, &x.scope_id().to_ne_bytes());
        }
    }
    put(b, o + 2, &a.port().to_be_bytes());
}
pub fn unset(like: &SocketAddr) -> SocketAddr {
    if like.is_ipv6() { "[::]:0" } else { "0.0.0.0:0" }.parse().expect("an address")
}

impl Source {
    pub fn is_tcp(&self) -> bool {
        [l::TCP_KERNEL, l::TCP_USERLAND, l::QUIC_USERLAND].contains(&self.provider)
    }
    fn state_now(&self) -> u32 {
        self.live.filter(|_| self.is_tcp()).and_then(super::own::tcp_state).unwrap_or(self.state)
    }
    fn local_now(&self) -> SocketAddr {
        self.live.and_then(super::own::name).unwrap_or(self.local)
    }

    /// nstat_tcp_copy_descriptor: who listens, accepted and connected is told from macOS 14 on. A script may have a
    /// source that is established with nobody; no Mac has.
    fn properties(&self, major: u32, state: u32) -> u32 {
        let direction = match state {
            _ if self.props_are_all || major < 14 || self.provider != l::TCP_KERNEL => 0,
            _ if self.is_inbound => l::IS_INBOUND,
            l::LISTEN => l::IS_LISTENER,
            _ if self.remote.port() != 0 => l::IS_OUTBOUND,
            _ => 0,
        };
        self.props | direction
    }

    /// As macOS `major` lays it out, `shift` bytes further back.
    pub fn descriptor(&self, major: u32, shift: usize) -> Vec<u8> {
        let k = if self.is_tcp() { &l::TCP } else { &l::UDP };
        let mut all = vec![0; shift + k.size(major)];
        let b = &mut all[shift..];
        put(b, l::UPID, &self.upid.to_ne_bytes());
        put(b, l::EUPID, &self.eupid.to_ne_bytes());
        put(b, l::START, &self.start.to_ne_bytes());
        put(b, l::NOW, &crate::shims::time::mach_continuous_time().to_ne_bytes());
        put(b, k.ifindex, &self.ifindex.to_ne_bytes());
        let state = self.state_now();
        if let Some(o) = k.state {
            put(b, o, &state.to_ne_bytes());
        }
        put(b, k.pid, &self.pid.to_ne_bytes());
        put(b, k.epid, &self.epid.to_ne_bytes());
        put_address(b, k.local, &self.local_now());
        put_address(b, k.remote, &self.remote);
        put_text(b, k.pname, 64, &self.pname);
        put(b, k.uuid, &self.uuid);
        put(b, k.euuid, &self.uuid);
        put(b, k.props(major), &self.properties(major, state).to_ne_bytes());
        if major >= 14 {
            put(b, k.uid(), &self.uid.to_ne_bytes());
        }
        all
    }

    /// nstat_counts, into a message.
    pub fn counts(&self, b: &mut [u8], o: usize) {
        for (k, v) in [(l::c::RXPACKETS, self.rx.0), (l::c::RXBYTES, self.rx.1), (l::c::TXPACKETS, self.tx.0), (l::c::TXBYTES, self.tx.1)] {
            put(b, o + k, &v.to_ne_bytes());
        }
    }

    /// What an "add_tcp" or "add_udp" says.
    pub fn of_step(v: &Value, tcp: bool) -> Result<Source, String> {
        use crate::script::text;
        let n = |k: &str| v[k].as_u64();
        let a = |k: &str, dflt: SocketAddr| match v[k].as_str() {
            Some(s) => s.parse().map_err(|e| format!("{k}: {e}")),
            None => Ok(dflt),
        };
        let local = a("local", ([0; 4], 0).into())?;
        let remote = a("remote", unset(&local))?;
        let pid = n("pid").ok_or("source without pid")? as u32;
        let p = crate::proc::Table::with(|t| t.get(pid as i32).cloned());
        let upid = n("upid").or(p.as_ref().map(|p| p.upid));
        let upid = upid.unwrap_or_else(|| crate::proc::Table::with(|t| t.get_or_make(pid as i32, &Value::Null).upid));
        Ok(Source {
            provider: n("provider").map(|p| p as u32).unwrap_or(match (tcp, v["userland"] == true) {
                (true, false) => l::TCP_KERNEL,
                (true, true) => l::TCP_USERLAND,
                (false, false) => l::UDP_KERNEL,
                (false, true) => l::UDP_USERLAND,
            }),
            pid,
            epid: n("epid").unwrap_or(pid as u64) as u32,
            upid,
            eupid: n("eupid").unwrap_or(upid),
            local,
            remote,
            state: n("state").map_or(l::ESTABLISHED, |n| n as u32),
            live: None,
            is_inbound: v["inbound"] == true,
            pname: v.get("pname").map(text::bytes).or(p.as_ref().map(|p| p.best_name().to_vec())).unwrap_or_default(),
            ifindex: n("ifindex").unwrap_or(4) as u32,
            props: n("ifnet_properties").map_or(l::IS_WIRED | l::IS_NON_LOCAL, |n| n as u32),
            props_are_all: v["ifnet_properties"].is_u64(),
            rx: (n("rxpackets").unwrap_or(0), n("rxbytes").unwrap_or(0)),
            tx: (n("txpackets").unwrap_or(0), n("txbytes").unwrap_or(0)),
            uuid: p.map_or([pid as u8; 16], |p| p.uuid()),
            uid: n("uid").unwrap_or(501) as u32,
            start: if v["old"] == true { 1 } else { crate::shims::time::mach_continuous_time() },
            domain: Domain::of_step(v).map(Box::new),
        })
    }

    /// mDNSResponder's, which every Mac has from its start.
    pub fn mdns() -> Source {
        let v = serde_json::json!({"pid": crate::proc::MDNS_PID, "local": "0.0.0.0:5353", "uid": 65, "state": 0, "old": true,
            "ifindex": 0, "ifnet_properties": l::IS_UNKNOWN_TYPE});
        Source::of_step(&v, false).expect("a source")
    }
}

/// All sources there are, each by a number of its own; those of a script have a name that several can share.
#[derive(Default)]
pub struct Sources {
    last: u64,
    by_number: BTreeMap<u64, Source>,
    by_name: HashMap<String, Vec<u64>>,
}
impl Sources {
    pub fn add(&mut self, name: Option<String>, source: Source) -> u64 {
        self.last += 1;
        self.by_number.insert(self.last, source);
        if let Some(name) = name {
            self.by_name.entry(name).or_default().push(self.last);
        }
        self.last
    }
    pub fn get(&self, number: u64) -> Option<&Source> {
        self.by_number.get(&number)
    }
    pub fn get_mut(&mut self, number: u64) -> Option<&mut Source> {
        self.by_number.get_mut(&number)
    }
    pub fn remove(&mut self, number: u64) -> Option<Source> {
        self.by_number.remove(&number)
    }
    pub fn named(&self, name: &str) -> Vec<u64> {
        self.by_name.get(name).cloned().unwrap_or_default()
    }
    pub fn forget_name(&mut self, name: &str) -> Vec<u64> {
        self.by_name.remove(name).unwrap_or_default()
    }
    pub fn of_provider(&self, provider: u32) -> Vec<u64> {
        self.by_number.iter().filter(|(_, s)| s.provider == provider).map(|(n, _)| *n).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn u32_at(b: &[u8], o: usize) -> u32 {
        u32::from_ne_bytes(b[o..o + 4].try_into().unwrap())
    }
    fn source(v: Value) -> Source {
        Source::of_step(&v, true).unwrap()
    }

    #[test]
    fn a_descriptor_grew_with_macos_14() {
        let s = source(json!({"pid": 7, "upid": 8, "epid": 9, "local": "10.0.0.1:1", "remote": "[2001:db8::1]:443", "uid": 65}));
        let (old, new) = (s.descriptor(13, 0), s.descriptor(14, 0));
        assert_eq!((old.len(), new.len()), (336, 344));
        assert_eq!([u32_at(&new, 116), u32_at(&new, 120), u32_at(&new, 76), u32_at(&new, 328)], [7, 9, 4, 65]);
        assert_eq!(new[124..132], [16, 2, 0, 1, 10, 0, 0, 1]);
        assert_eq!((&new[152..156], &new[160..164]), (&[28, 30, 1, 187][..], &[0x20, 1, 0xd, 0xb8][..]));
        assert_eq!((u32_at(&old, 328), u32_at(&new, 336)), (0x1010, 0x0800_1010));
        let udp = Source { provider: l::UDP_SUBFLOW, ..s };
        let (old, new) = (udp.descriptor(13, 0), udp.descriptor(14, 8));
        assert_eq!((old.len(), new.len()), (272, 288));
        assert_eq!([u32_at(&old, 128), u32_at(&old, 196), u32_at(&new, 8 + 268), u32_at(&new, 8 + 272)], [7, 9, 65, 0x1010]);
        assert_eq!(new[..8], [0; 8]);
    }

    #[test]
    fn the_direction_follows_from_the_state() {
        let properties = |v: Value| {
            let s = source(v);
            s.properties(15, s.state) & 0x0e00_0000
        };
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 0})), 0);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 1})), l::IS_LISTENER);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "state": 2, "remote": "1.1.1.1:1"})), l::IS_OUTBOUND);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "inbound": true})), l::IS_INBOUND);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "ifnet_properties": 2})), 0);
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "userland": true})), 0);
        // At its end a connection is closed, and it is still known who began it.
        assert_eq!(properties(json!({"pid": 1, "upid": 1, "remote": "1.1.1.1:1", "state": 0})), l::IS_OUTBOUND);
    }
}
