//! What a client asks, and the answers.
use super::client::Client;
use super::layout as l;
use super::message::{self, head, u32_at, u64_at};
use super::source::Sources;
use super::Kernel;
use crate::shims::errno::d;

/// Descriptions or updates in one answer before the client has to ask again.
const FRAGMENT: usize = 100;
const MAX_MSG: usize = 4096;

pub fn handle(c: &mut Client, sources: &Sources, k: &mut Kernel, m: &[u8]) {
    if m.len() < l::hdr::SIZE {
        note!("ntstat: a request shorter than its header");
        return;
    }
    let mut q = Request { m, ctx: u64_at(m, l::hdr::CONTEXT), ty: u32_at(m, l::hdr::TYPE), flags: u16::from_ne_bytes([m[14], m[15]]) };
    let len = u16::from_ne_bytes([m[12], m[13]]) as usize;
    if len != m.len() {
        note!("ntstat: request type {} says length {len} but has {}: its flags do not count", q.ty, m.len());
        q.flags = 0;
    }
    let e = if k.fail_next.is_empty() { answer(c, sources, k, &q) } else { k.fail_next.remove(0) };
    if e != 0 {
        k.stats[l::stats::HANDLE_MSG] += 1;
        if !c.enqueue(k, true, &message::error(q.ctx, e, m)) {
            k.stats[l::stats::MSG_ERROR] += 1;
        }
    }
}

struct Request<'a> {
    m: &'a [u8],
    ctx: u64,
    ty: u32,
    flags: u16,
}

fn succeed(c: &mut Client, k: &mut Kernel, ctx: u64, flags: u16) -> i32 {
    if !c.enqueue(k, true, &head(l::SUCCESS, ctx, flags, l::hdr::SIZE)) {
        k.stats[l::stats::SUCCESS_MSG] += 1;
    }
    0
}

fn answer(c: &mut Client, sources: &Sources, k: &mut Kernel, q: &Request) -> i32 {
    match q.ty {
        l::ADD_ALL_SRCS => watch(c, sources, k, q),
        l::GET_SRC_DESC | l::GET_UPDATE | l::QUERY_SRC => {
            if q.m.len() < l::query::SIZE {
                return d::EINVAL;
            }
            c.updates |= q.ty == l::GET_UPDATE;
            match u64_at(q.m, l::query::SRCREF) {
                l::ALL => all(c, sources, k, q),
                srcref => one(c, sources, k, q, srcref),
            }
        }
        l::REM_SRC => {
            if q.m.len() < l::query::SIZE {
                return d::EINVAL;
            }
            let srcref = u64_at(q.m, l::query::SRCREF);
            let Some(r) = c.refs.remove(&srcref) else { return d::ENOENT };
            c.srcrefs.remove(&r.source);
            if !c.enqueue(k, true, &message::removed(srcref, 0)) {
                k.stats[l::stats::CLEANUP_SOURCE] += 1;
            }
            0
        }
        l::ADD_SRC => d::ENOTSUP,
        t => {
            note!("ntstat: request type {t} is not known: EINVAL");
            d::EINVAL
        }
    }
}

/// nstat_client_handle_add_all.
fn watch(c: &mut Client, sources: &Sources, k: &mut Kernel, q: &Request) -> i32 {
    if q.m.len() < l::add_all::SIZE {
        return d::EINVAL;
    }
    let (filter, provider) = (u64_at(q.m, l::add_all::FILTER), u32_at(q.m, l::add_all::PROVIDER));
    if let Some(e) = k.switches.refused.get(&provider).filter(|e| **e != 0) {
        return *e;
    }
    match provider {
        0 | l::SYSINFO | 11.. => return d::ENOENT,
        l::CONN_USERLAND | l::UDP_SUBFLOW if !crate::shims::world::at_least(12, 3) => return d::ENOENT,
        l::IFNET => return d::ENOTSUP,
        _ => {}
    }
    c.updates |= filter & l::FILTER_SUPPRESS_SRC_ADDED != 0;
    if c.watching.contains_key(&provider) {
        return d::EALREADY;
    }
    c.watching.insert(provider, (filter, u64_at(q.m, l::add_all::EVENTS)));
    for number in sources.of_provider(provider) {
        let Some(source) = sources.get(number).filter(|s| k.switches.tells(s)) else { continue };
        // The rest of what there is already is not told either: a client sees the gap only at the next new source.
        if !c.add(k, number, source.provider) {
            if ![l::TCP_KERNEL, l::UDP_KERNEL].contains(&provider) {
                return d::ENOBUFS;
            }
            break;
        }
    }
    succeed(c, k, q.ctx, 0)
}

fn make(c: &Client, sources: &Sources, k: &Kernel, q: &Request, srcref: u64, ctx: u64) -> Option<Vec<u8>> {
    let s = sources.get(c.refs.get(&srcref)?.source)?;
    Some(match q.ty {
        l::GET_SRC_DESC => message::description(k.form(), s, srcref, ctx, 0),
        l::GET_UPDATE => k.update(c, s, srcref, ctx, 0, 0),
        _ => message::counts(s, srcref, ctx, 0),
    })
}

fn one(c: &mut Client, sources: &Sources, k: &mut Kernel, q: &Request, srcref: u64) -> i32 {
    let Some(b) = make(c, sources, k, q, srcref, q.ctx) else { return d::ENOENT };
    if c.enqueue(k, false, &b) {
        return 0;
    }
    k.stats[match q.ty {
        l::GET_SRC_DESC => l::stats::DESCRIPTION,
        l::GET_UPDATE => l::stats::SRC_UPDATE,
        _ => l::stats::SEND_COUNTS,
    }] += 1;
    d::ENOBUFS
}

/// All, newest first, several messages in one datagram. A request with the CONTINUATION flag is answered in fragments:
/// the flag in SUCCESS asks for it again.
fn all(c: &mut Client, sources: &Sources, k: &mut Kernel, q: &Request) -> i32 {
    let partial = q.flags & l::FLAG_CONTINUATION != 0;
    if partial && c.context != q.ctx {
        if c.context != 0 && !c.enqueue(k, true, &message::error(c.context, d::EAGAIN, &[])) {
            k.stats[l::stats::MSG_ERROR] += 1;
        }
        c.context = q.ctx;
        c.seq += 1;
    }
    let seq = c.seq;
    let waiting = c.refs.iter().rev().filter(|(_, r)| !partial || r.seq != seq).map(|(srcref, _)| *srcref);
    let now: Vec<u64> = if partial { waiting.take(FRAGMENT).collect() } else { waiting.collect() };
    let mut batches: Vec<Vec<u8>> = vec![Vec::new()];
    for srcref in &now {
        let Some(b) = make(c, sources, k, q, *srcref, 0) else { continue };
        if batches.last().is_some_and(|batch| batch.len() + b.len() > MAX_MSG) {
            batches.push(Vec::new());
        }
        batches.last_mut().expect("one at least").extend(b);
        if partial {
            c.refs.get_mut(srcref).expect("just made").seq = seq;
        }
    }
    for b in batches.iter().filter(|b| !b.is_empty()) {
        // A lost batch is not reported, as in nstat_flush_accumulated_msgs.
        if !c.enqueue(k, false, b) {
            k.stats[l::stats::FLUSH_ACCUMULATED] += 1;
        }
    }
    let early = partial && now.len() == FRAGMENT;
    if !early {
        c.context = 0;
    }
    succeed(c, k, q.ctx, if early { l::FLAG_CONTINUATION } else { 0 })
}
