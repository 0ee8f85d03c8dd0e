//! What a client asks, and the answers.
use super::Kernel;
use super::client::Client;
use super::layout;
use super::message::{self, About, head, u32_at, u64_at};
use super::source::Sources;
use crate::shims::errno::darwin;

/// Descriptions or updates in one answer before the client has to ask again.
const FRAGMENT: usize = 100;
const MAX_MSG: usize = 4096;

pub(crate) fn handle(client: &mut Client, sources: &Sources, kernel: &mut Kernel, bytes: &[u8]) {
    if bytes.len() < layout::hdr::SIZE {
        note!("ntstat: a request shorter than its header");
        return;
    }
    let mut request = Request {
        bytes,
        context: u64_at(bytes, layout::hdr::CONTEXT),
        ty: u32_at(bytes, layout::hdr::TYPE),
        flags: u16::from_ne_bytes([bytes[14], bytes[15]]),
    };
    let len = u16::from_ne_bytes([bytes[12], bytes[13]]) as usize;
    if len != bytes.len() {
        note!("ntstat: request type {} says length {len} but has {}: its flags do not count", request.ty, bytes.len());
        request.flags = 0;
    }
    let errno = if kernel.fail_next.is_empty() {
        answer(client, sources, kernel, &request)
    } else {
        kernel.fail_next.remove(0)
    };
    if errno != 0 {
        kernel.stats[layout::stats::HANDLE_MSG] += 1;
        if !client.enqueue(kernel, true, &message::error(request.context, errno, bytes)) {
            kernel.stats[layout::stats::MSG_ERROR] += 1;
        }
    }
}

struct Request<'a> {
    bytes: &'a [u8],
    context: u64,
    ty: u32,
    flags: u16,
}

fn succeed(client: &mut Client, kernel: &mut Kernel, context: u64, flags: u16) -> i32 {
    if !client.enqueue(kernel, true, &head(layout::SUCCESS, context, flags, layout::hdr::SIZE)) {
        kernel.stats[layout::stats::SUCCESS_MSG] += 1;
    }
    0
}

fn answer(client: &mut Client, sources: &Sources, kernel: &mut Kernel, request: &Request) -> i32 {
    match request.ty {
        layout::ADD_ALL_SRCS => watch(client, sources, kernel, request),
        layout::GET_SRC_DESC | layout::GET_UPDATE | layout::QUERY_SRC => {
            if request.bytes.len() < layout::query::SIZE {
                return darwin::EINVAL;
            }
            client.updates |= request.ty == layout::GET_UPDATE;
            match u64_at(request.bytes, layout::query::SRCREF) {
                layout::ALL => all(client, sources, kernel, request),
                srcref => one(client, sources, kernel, request, srcref),
            }
        }
        layout::REM_SRC => {
            if request.bytes.len() < layout::query::SIZE {
                return darwin::EINVAL;
            }
            let srcref = u64_at(request.bytes, layout::query::SRCREF);
            let Some(reference) = client.refs.remove(&srcref) else { return darwin::ENOENT };
            client.srcrefs.remove(&reference.source);
            if !client.enqueue(kernel, true, &message::removed(srcref, 0)) {
                kernel.stats[layout::stats::CLEANUP_SOURCE] += 1;
            }
            0
        }
        layout::ADD_SRC => darwin::ENOTSUP,
        other => {
            note!("ntstat: request type {other} is not known: EINVAL");
            darwin::EINVAL
        }
    }
}

/// nstat_client_handle_add_all.
fn watch(client: &mut Client, sources: &Sources, kernel: &mut Kernel, request: &Request) -> i32 {
    if request.bytes.len() < layout::add_all::SIZE {
        return darwin::EINVAL;
    }
    let (filter, provider) =
        (u64_at(request.bytes, layout::add_all::FILTER), u32_at(request.bytes, layout::add_all::PROVIDER));
    if let Some(errno) = kernel.switches.refused.get(&provider).filter(|errno| **errno != 0) {
        return *errno;
    }
    match provider {
        0 | layout::SYSINFO | 11.. => return darwin::ENOENT,
        layout::CONN_USERLAND | layout::UDP_SUBFLOW if !crate::shims::world::at_least(12, 3) => return darwin::ENOENT,
        layout::IFNET => return darwin::ENOTSUP,
        _ => {}
    }
    client.updates |= filter & layout::FILTER_SUPPRESS_SRC_ADDED != 0;
    if client.watching.contains_key(&provider) {
        return darwin::EALREADY;
    }
    client.watching.insert(provider, (filter, u64_at(request.bytes, layout::add_all::EVENTS)));
    for number in sources.of_provider(provider) {
        let Some(source) = sources.get(number).filter(|source| kernel.switches.tells(source)) else { continue };
        // The rest of what there is already is not reported either: a client sees the gap only at the next new source.
        if !client.add(kernel, number, source.provider) {
            if ![layout::TCP_KERNEL, layout::UDP_KERNEL].contains(&provider) {
                return darwin::ENOBUFS;
            }
            break;
        }
    }
    succeed(client, kernel, request.context, 0)
}

fn make(client: &Client, sources: &Sources, kernel: &Kernel, ty: u32, about: About) -> Option<Vec<u8>> {
    let source = sources.get(client.refs.get(&about.srcref)?.source)?;
    Some(match ty {
        layout::GET_SRC_DESC => message::description(kernel.form(), source, about),
        layout::GET_UPDATE => kernel.update(client, source, about),
        _ => message::counts(source, about),
    })
}

fn one(client: &mut Client, sources: &Sources, kernel: &mut Kernel, request: &Request, srcref: u64) -> i32 {
    let about = About { srcref, context: request.context, ..About::default() };
    let Some(bytes) = make(client, sources, kernel, request.ty, about) else { return darwin::ENOENT };
    if client.enqueue(kernel, false, &bytes) {
        return 0;
    }
    kernel.stats[match request.ty {
        layout::GET_SRC_DESC => layout::stats::DESCRIPTION,
        layout::GET_UPDATE => layout::stats::SRC_UPDATE,
        _ => layout::stats::SEND_COUNTS,
    }] += 1;
    darwin::ENOBUFS
}

/// All, newest first, several messages in one datagram. A request with the CONTINUATION flag is answered in fragments:
/// the flag in SUCCESS asks for it again. FACT: continuation
fn all(client: &mut Client, sources: &Sources, kernel: &mut Kernel, request: &Request) -> i32 {
    let partial = request.flags & layout::FLAG_CONTINUATION != 0;
    if partial && client.context != request.context {
        if client.context != 0 && !client.enqueue(kernel, true, &message::error(client.context, darwin::EAGAIN, &[])) {
            kernel.stats[layout::stats::MSG_ERROR] += 1;
        }
        client.context = request.context;
        client.seq += 1;
    }
    let seq = client.seq;
    let waiting =
        client.refs.iter().rev().filter(|(_, reference)| !partial || reference.seq != seq).map(|(srcref, _)| *srcref);
    let now: Vec<u64> = if partial { waiting.take(FRAGMENT).collect() } else { waiting.collect() };
    let mut batches: Vec<Vec<u8>> = vec![Vec::new()];
    let mut errno = 0;
    let most = kernel.no_memory_after.take();
    for (number, srcref) in (0..).zip(&now) {
        if Some(number) == most {
            errno = darwin::ENOMEM;
            break;
        }
        let about = About { srcref: *srcref, ..About::default() };
        let Some(bytes) = make(client, sources, kernel, request.ty, about) else { continue };
        if batches.last().is_some_and(|batch| batch.len() + bytes.len() > MAX_MSG) {
            batches.push(Vec::new());
        }
        batches.last_mut().expect("one at least").extend(bytes);
        if partial {
            client.refs.get_mut(srcref).expect("just made").seq = seq;
        }
    }
    for bytes in batches.iter().filter(|bytes| !bytes.is_empty()) {
        // A lost batch is not reported, as in nstat_flush_accumulated_msgs. FACT: lost-batch
        if !client.enqueue(kernel, false, bytes) {
            kernel.stats[layout::stats::FLUSH_ACCUMULATED] += 1;
        }
    }
    // Where to continue is kept, and the error takes the place of the success.
    if errno != 0 {
        return errno;
    }
    let early = partial && now.len() == FRAGMENT;
    if !early {
        client.context = 0;
    }
    succeed(client, kernel, request.context, if early { layout::FLAG_CONTINUATION } else { 0 })
}
