//! Host names: nstat_domain_info, which extends the updates of a client that asked for it.
use super::layout as l;
use super::source::{put, put_address, put_text, Source};
use crate::script::text;
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Domain {
    name: Vec<u8>,
    owner: Vec<u8>,
    context: Vec<u8>,
    bundle_id: Vec<u8>,
    is_tracker: bool,
}
impl Domain {
    /// What a step says of it; None if it says nothing.
    pub fn of_step(v: &Value) -> Option<Domain> {
        let all = ["domain", "domain_owner", "tracker_context", "bundle_id"].map(|k| v.get(k).map(text::bytes));
        if all.iter().all(Option::is_none) && v["tracker"].is_null() {
            return None;
        }
        let [name, owner, context, bundle_id] = all.map(Option::unwrap_or_default);
        Some(Domain { name, owner, context, bundle_id, is_tracker: v["tracker"] == true })
    }
}

/// The item behind the descriptor of an extended update: what it is, how long, and nstat_domain_info.
///
/// The kernel has one for every source, and leaves empty what it does not know. It is in the last update too: the
/// socket is not gone yet while nstat_pcb_detach tells of it, or its descriptor could not be told either. Only of flows
/// in user space it knows the remote end here.
pub fn extension(s: &Source) -> Vec<u8> {
    use l::domain as o;
    let mut b = vec![0; l::item::SIZE + o::SIZE.next_multiple_of(8)];
    put(&mut b, l::item::TYPE, &l::EXTENSION_DOMAIN.to_ne_bytes());
    put(&mut b, l::item::LENGTH, &(o::SIZE as u32).to_ne_bytes());
    let info = &mut b[l::item::SIZE..];
    if [l::TCP_USERLAND, l::UDP_USERLAND, l::QUIC_USERLAND].contains(&s.provider) {
        put_address(info, o::REMOTE, &s.remote);
    }
    if let Some(d) = &s.domain {
        for (at, v) in [(o::NAME, &d.name), (o::OWNER, &d.owner), (o::CONTEXT, &d.context), (o::BUNDLE_ID, &d.bundle_id)] {
            put_text(info, at, o::TEXT, v);
        }
        info[o::IS_TRACKER] = d.is_tracker.into();
    }
    b
}

#[cfg(test)]
mod tests {
    use super::super::message::{self, Form};
    use super::*;
    use serde_json::json;

    fn extended(v: Value, tcp: bool) -> Vec<u8> {
        let s = Source::of_step(&v, tcp).unwrap();
        message::update(Form { major: 15, shift: 0 }, &s, 5, 6, 0, 0, true)
    }
    fn u32_at(b: &[u8], o: usize) -> u32 {
        message::u32_at(b, o)
    }

    #[test]
    fn an_extended_update_has_the_name_behind_the_descriptor() {
        let v = json!({"pid": 1, "upid": 1, "remote": "1.2.3.4:443", "domain": {"text": "a", "times": 300}, "domain_owner": "Example, Inc.",
            "tracker": true, "tracker_context": "c", "bundle_id": {"hex": "ff"}});
        let b = extended(v, true);
        assert_eq!((u32_at(&b, 8), b.len(), u16::from_ne_bytes([b[12], b[13]])), (10007, 1560, 1560));
        let item = 152 + 344;
        assert_eq!((u32_at(&b, item), u32_at(&b, item + 4)), (1, 1056));
        let info = &b[item + 8..];
        assert_eq!((&info[..255], info[255]), (&[b'a'; 255][..], 0));
        assert_eq!((&info[256..270], info[512], info[768], info[1052]), (&b"Example, Inc.\0"[..], b'c', 0xff, 1));
        assert_eq!(info[1024..1052], [0; 28]);
    }

    #[test]
    fn without_a_name_the_update_is_as_long() {
        let b = extended(json!({"pid": 1, "upid": 1, "userland": true, "remote": "1.2.3.4:443"}), false);
        assert_eq!((u32_at(&b, 8), b.len()), (10007, 1496));
        let info = &b[152 + 280 + 8..];
        assert_eq!((&info[..1024], &info[1024..1032]), (&[0; 1024][..], &[16, 2, 1, 187, 1, 2, 3, 4][..]));
    }
}
