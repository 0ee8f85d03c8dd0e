//! Host names: nstat_domain_info, which extends the updates of a client that asked for it.
use super::layout;
use super::source::{Source, put, put_address, put_text};
use crate::script::text;
use serde_json::Value;

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Domain {
    name: Vec<u8>,
    owner: Vec<u8>,
    context: Vec<u8>,
    bundle_id: Vec<u8>,
    is_tracker: bool,
}
impl Domain {
    /// What a step says of it; None if it says nothing.
    pub(crate) fn of_step(step: &Value) -> Option<Domain> {
        let all = ["domain", "domain_owner", "tracker_context", "bundle_id"].map(|key| step.get(key).map(text::bytes));
        if all.iter().all(Option::is_none) && step["tracker"].is_null() {
            return None;
        }
        let [name, owner, context, bundle_id] = all.map(Option::unwrap_or_default);
        Some(Domain { name, owner, context, bundle_id, is_tracker: step["tracker"] == true })
    }
}

/// The item behind the descriptor of an extended update: what it is, how long, and nstat_domain_info.
///
/// The kernel has one for every source, and leaves empty what it does not know. It is in the last update too: the
/// socket is not gone yet while nstat_pcb_detach reports it, or its descriptor could not be reported either. Only of
/// flows in user space it knows the remote end here.
pub(crate) fn extension(source: &Source) -> Vec<u8> {
    use layout::domain as offset;
    let mut bytes = vec![0; layout::item::SIZE + offset::SIZE.next_multiple_of(8)];
    put(&mut bytes, layout::item::TYPE, &layout::EXTENSION_DOMAIN.to_ne_bytes());
    put(&mut bytes, layout::item::LENGTH, &(offset::SIZE as u32).to_ne_bytes());
    let info = &mut bytes[layout::item::SIZE..];
    if super::source::USER_SPACE.contains(&source.provider) {
        put_address(info, offset::REMOTE, &source.remote);
    }
    if let Some(domain) = &source.domain {
        for (at, text) in [
            (offset::NAME, &domain.name),
            (offset::OWNER, &domain.owner),
            (offset::CONTEXT, &domain.context),
            (offset::BUNDLE_ID, &domain.bundle_id),
        ] {
            put_text(info, at, offset::TEXT, text);
        }
        info[offset::IS_TRACKER] = domain.is_tracker.into();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::super::message::{self, Form};
    use super::*;
    use serde_json::json;

    fn extended(step: Value, tcp: bool) -> Vec<u8> {
        let source = Source::of_step(&step, tcp).unwrap();
        message::update(
            Form { major: 15, shift: 0 },
            &source,
            message::About { srcref: 5, context: 6, ..Default::default() },
            true,
        )
    }
    fn u32_at(bytes: &[u8], offset: usize) -> u32 {
        message::u32_at(bytes, offset)
    }

    #[test]
    fn an_extended_update_has_the_name_behind_the_descriptor() {
        let step = json!({"pid": 1, "upid": 1, "remote": "1.2.3.4:443", "domain": {"text": "a", "times": 300},
            "domain_owner": "Example, Inc.",
            "tracker": true, "tracker_context": "c", "bundle_id": {"hex": "ff"}});
        let bytes = extended(step, true);
        assert_eq!((u32_at(&bytes, 8), bytes.len(), u16::from_ne_bytes([bytes[12], bytes[13]])), (10007, 1560, 1560));
        let item = 152 + 344;
        assert_eq!((u32_at(&bytes, item), u32_at(&bytes, item + 4)), (1, 1056));
        let info = &bytes[item + 8..];
        assert_eq!((&info[..255], info[255]), (&[b'a'; 255][..], 0));
        assert_eq!((&info[256..270], info[512], info[768], info[1052]), (&b"Example, Inc.\0"[..], b'c', 0xff, 1));
        assert_eq!(info[1024..1052], [0; 28]);
    }

    #[test]
    fn without_a_name_the_update_is_as_long() {
        let bytes = extended(json!({"pid": 1, "upid": 1, "userland": true, "remote": "1.2.3.4:443"}), false);
        assert_eq!((u32_at(&bytes, 8), bytes.len()), (10007, 1496));
        let info = &bytes[152 + 280 + 8..];
        assert_eq!((&info[..1024], &info[1024..1032]), (&[0; 1024][..], &[16, 2, 1, 187, 1, 2, 3, 4][..]));
    }
}
