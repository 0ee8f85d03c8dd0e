//! Messages of the control socket: what a datagram holds, and the requests.

use super::descriptor::Descriptor;
use super::provider::ADDRESSED;
use crate::event::Bytes;
use crate::source::bytes::{text, u16_at, u32_at, u64_at};

/// `NSTAT_SRC_REF_ALL`.
pub(super) const ALL: u64 = u64::MAX;

/// `NSTAT_MSG_HDR_FLAG_*`.
const SUPPORTS_AGGREGATE: u16 = 1;
pub(super) const CONTINUATION: u16 = 1 << 1;
const CLOSING: u16 = 1 << 2;
pub(super) const CLOSED_AFTER_DROP: u16 = 1 << 3;

/// `NSTAT_EVENT_SRC_FLOW_STATE_OUTBOUND`: a TCP socket has begun to connect, from macOS 14.
pub(super) const OUTBOUND: u64 = 0x2000;
/// With it `NSTAT_EVENT_SRC_FLOW_STATE_LISTEN` and `…_DID_CHANGE_OWNER`.
const EVENTS: u64 = OUTBOUND | 0x1000 | 0x80;

/// `NSTAT_EXTENSION_FILTER_DOMAIN_INFO`: the host name with each update of a source that has one. A kernel
/// that does not know it, or does not grant it, leaves it out.
const WITH_DOMAIN: u64 = 1 << 41;
/// `NSTAT_EXTENDED_UPDATE_TYPE_DOMAIN`.
const DOMAIN: u32 = 1;
/// Bytes of `nstat_msg_src_extended_item_hdr`.
const ITEM_HEADER: usize = 8;
/// Bytes of `nstat_domain_info`.
const DOMAIN_INFO: u32 = 1056;
/// Bytes of its `domain_name`, which comes first.
const DOMAIN_NAME: usize = 256;

const SUCCESS: u32 = 0;
const ERROR: u32 = 1;
const ADD_ALL_SRCS: u32 = 1002;
const GET_UPDATE: u32 = 1007;
const SRC_ADDED: u32 = 10001;
const SRC_REMOVED: u32 = 10002;
const SRC_DESC: u32 = 10003;
const SRC_UPDATE: u32 = 10006;
const SRC_EXTENDED_UPDATE: u32 = 10007;

/// Bytes of `nstat_msg_hdr`.
const HEADER: usize = 16;

/// One message from the kernel.
#[derive(Debug, PartialEq)]
pub(super) enum Message {
    Success { context: u64, flags: u16 },
    Error { context: u64, errno: u32 },
    Added { source: u64, provider: u32 },
    Removed { source: u64, flags: u16 },
    Described(Box<Described>),
    Other,
}

/// What the kernel reports about a source, in a description or an update.
#[derive(Debug, PartialEq)]
pub(super) struct Described {
    pub(super) source: u64,
    pub(super) provider: u32,
    /// It is the last report about the source.
    pub(super) closing: bool,
    /// The `NSTAT_EVENT_*` that the kernel reports unasked; 0 in an answer.
    pub(super) event: u64,
    pub(super) descriptor: Descriptor,
    /// The host name that was looked up for the remote address.
    pub(super) remote_name: Option<String>,
    /// What went over the flow.
    pub(super) bytes: Option<Bytes>,
}

/// The messages of a datagram; `Err` once for a part that is cut off or of no known layout, after which a
/// whole message may still follow.
pub(super) fn messages(datagram: &[u8]) -> impl Iterator<Item = Result<Message, ()>> + '_ {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let length = u16_at(rest, 12).map(usize::from).filter(|length| (HEADER..=rest.len()).contains(length));
        let Some(length) = length else {
            rest = &[];
            return Some(Err(()));
        };
        let (message, after) = rest.split_at(length);
        rest = after;
        Some(parse(message).ok_or(()))
    })
}

fn parse(bytes: &[u8]) -> Option<Message> {
    let (context, kind, flags) = (u64_at(bytes, 0)?, u32_at(bytes, 8)?, u16_at(bytes, 14)?);
    let source = || u64_at(bytes, 16);
    Some(match kind {
        SUCCESS => Message::Success { context, flags },
        ERROR => Message::Error { context, errno: u32_at(bytes, 16)? },
        SRC_ADDED => Message::Added { source: source()?, provider: u32_at(bytes, 24)? },
        SRC_REMOVED => Message::Removed { source: source()?, flags },
        SRC_DESC => described(bytes, u32_at(bytes, 32)?, (bytes.get(40..)?, None), None)?,
        SRC_UPDATE => described(bytes, u32_at(bytes, 144)?, (bytes.get(152..)?, None), counts(bytes))?,
        SRC_EXTENDED_UPDATE => described(bytes, u32_at(bytes, 144)?, split_domain(bytes.get(152..)?), counts(bytes))?,
        _ => Message::Other,
    })
}

/// What went over the flow, of the `nstat_counts` in an update.
fn counts(bytes: &[u8]) -> Option<Bytes> {
    Some(Bytes { received: u64_at(bytes, 40)?, sent: u64_at(bytes, 56)? })
}

/// The descriptor, whose length only the rest shows, and the host name. One extension is asked for, so one item
/// of a known size is at the end; an unknown end is left to the descriptor, which reads what it knows.
fn split_domain(bytes: &[u8]) -> (&[u8], Option<String>) {
    let at = bytes.len().checked_sub(ITEM_HEADER + DOMAIN_INFO as usize);
    let Some(at) = at.filter(|at| u32_at(bytes, at + 4) == Some(DOMAIN_INFO)) else { return (bytes, None) };
    let name = text(&bytes[at + ITEM_HEADER..at + ITEM_HEADER + DOMAIN_NAME]);
    let is_domain = u32_at(bytes, at) == Some(DOMAIN);
    (&bytes[..at], Some(name).filter(|name| is_domain && !name.is_empty()))
}

fn described(
    message: &[u8],
    provider: u32,
    (descriptor, remote_name): (&[u8], Option<String>),
    bytes: Option<Bytes>,
) -> Option<Message> {
    if !ADDRESSED.contains(&provider) {
        return Some(Message::Other);
    }
    Some(Message::Described(Box::new(Described {
        source: u64_at(message, 16)?,
        provider,
        closing: u16_at(message, 14)? & CLOSING != 0,
        event: u64_at(message, 24)?,
        descriptor: Descriptor::parse(provider, descriptor)?,
        remote_name,
        bytes,
    })))
}

fn header(context: u64, kind: u32, length: usize, flags: u16) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length);
    bytes.extend(context.to_le_bytes());
    bytes.extend(kind.to_le_bytes());
    bytes.extend(u16::try_from(length).unwrap_or(u16::MAX).to_le_bytes());
    bytes.extend(flags.to_le_bytes());
    bytes
}

/// `nstat_msg_add_all_srcs`: report every source of a provider, now and later.
pub(super) fn add_all(context: u64, provider: u32) -> Vec<u8> {
    let mut bytes = header(context, ADD_ALL_SRCS, 56, 0);
    bytes.extend(WITH_DOMAIN.to_le_bytes());
    bytes.extend(EVENTS.to_le_bytes());
    bytes.extend(provider.to_le_bytes());
    bytes.resize(56, 0);
    bytes
}

/// `nstat_msg_get_update` for one source or [`ALL`]. The first one also has the kernel send updates. For one
/// source it reports more than `GET_SRC_DESC`: the counts and the host name.
pub(super) fn get_update(context: u64, source: u64) -> Vec<u8> {
    let flags = if source == ALL { SUPPORTS_AGGREGATE | CONTINUATION } else { 0 };
    let mut bytes = header(context, GET_UPDATE, 24, flags);
    bytes.extend(source.to_le_bytes());
    bytes
}
