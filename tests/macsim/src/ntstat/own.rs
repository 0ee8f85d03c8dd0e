//! The guest's own sockets, which are sources like those of every process. The traffic is the host's; the books are
//! kept here.
use super::host::{name, name_of};
use super::layout;
use super::source::{Source, unset};
use super::{State, event, goodbye, tell, with};
use crate::proc::Table;
use crate::shims::errno::darwin;
use serde_json::Value;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};

#[derive(Default)]
pub(crate) struct Sockets {
    /// By descriptor, of which a socket can have several: the number of its source.
    fds: HashMap<i32, u64>,
    by_number: HashMap<u64, Socket>,
}
struct Socket {
    fds: usize,
    is_connected: bool,
    /// Of a UDP socket that is not connected: the source for each peer.
    peers: HashMap<SocketAddr, u64>,
}
/// Descriptors in the books: without any, nothing needs a lock.
static COUNT: AtomicUsize = AtomicUsize::new(0);

fn none() -> bool {
    COUNT.load(Ordering::Acquire) == 0 || !crate::shims::process::in_guest()
}

fn is_loopback(address: &SocketAddr) -> bool {
    address.ip().to_canonical().is_loopback()
}
/// A source of the guest, for a socket that is not bound.
fn source(provider: u32, like: SocketAddr) -> Source {
    let pid = std::process::id() as i32;
    let process = Table::with(|table| table.get_or_make(pid, &Value::Null));
    Source {
        provider,
        pid: pid as u32,
        epid: pid as u32,
        upid: process.upid,
        eupid: process.upid,
        local: unset(&like),
        remote: unset(&like),
        state: layout::CLOSED,
        live: None,
        is_inbound: false,
        is_diverted: false,
        pname: process.best_name().to_vec(),
        ifindex: 0,
        props: layout::IS_UNKNOWN_TYPE,
        props_are_all: false,
        rx: (0, 0),
        tx: (0, 0),
        uuid: process.uuid(),
        uid: if provider == layout::UDP_SUBFLOW { 0 } else { process.uid },
        start: crate::shims::time::kernel_continuous_ticks(),
        domain: None,
    }
}
impl Source {
    fn reaches(&mut self, remote: SocketAddr) {
        self.remote = remote;
        (self.ifindex, self.props) = if is_loopback(&remote) {
            (1, layout::IS_LOOPBACK | layout::IS_LOCAL)
        } else {
            (4, layout::IS_WIRED | layout::IS_NON_LOCAL)
        };
    }
}

impl Sockets {
    fn insert(&mut self, fd: i32, number: u64, is_connected: bool) {
        self.fds.insert(fd, number);
        self.by_number.insert(number, Socket { fds: 1, is_connected, peers: HashMap::new() });
        COUNT.fetch_add(1, Ordering::Release);
    }
    /// The descriptor is gone: its socket's number, and the socket if this was the last one.
    fn remove(&mut self, fd: i32) -> Option<(u64, Option<Socket>)> {
        let number = self.fds.remove(&fd)?;
        COUNT.fetch_sub(1, Ordering::Release);
        let socket = self.by_number.get_mut(&number)?;
        socket.fds -= 1;
        let gone = socket.fds == 0;
        Some((number, if gone { self.by_number.remove(&number) } else { None }))
    }
}

/// socket(): AF_* and SOCK_* as the host has them.
pub(crate) fn made(fd: i32, family: i32, ty: i32, proto: i32) {
    let provider = match (ty, proto) {
        (libc::SOCK_STREAM, 0 | libc::IPPROTO_TCP) => layout::TCP_KERNEL,
        (libc::SOCK_DGRAM, 0 | libc::IPPROTO_UDP) => layout::UDP_KERNEL,
        _ => return,
    };
    let like: SocketAddr = match family {
        libc::AF_INET => ([0; 4], 0).into(),
        libc::AF_INET6 => ([0; 16], 0).into(),
        _ => return,
    };
    if crate::shims::process::in_guest() {
        let source = Source { live: Some(fd), ..source(provider, like) };
        with(|st| {
            let number = tell(st, None, source);
            st.own.insert(fd, number, false);
        });
    }
}

pub(crate) fn accepted(fd: i32) {
    let (Some(local), Some(remote)) = (name(fd), name_of(fd, libc::getpeername)) else { return };
    if none() {
        return;
    }
    let mut source = Source { live: Some(fd), local, is_inbound: true, ..source(layout::TCP_KERNEL, local) };
    source.reaches(remote);
    with(|st| {
        let number = tell(st, None, source);
        st.own.insert(fd, number, true);
    });
}

pub(crate) fn listens(fd: i32) {
    if !none() {
        with(|st| {
            if let Some(number) = st.own.fds.get(&fd).copied() {
                event(st, number, layout::EVENT_LISTEN);
            }
        });
    }
}

/// Before the host's connect(), so that it is reported before it has succeeded. Without a remote a UDP socket is
/// disconnected. True if a TCP socket begins to connect.
pub(crate) fn connects(fd: i32, remote: Option<SocketAddr>) -> bool {
    if none() {
        return false;
    }
    with(|st| {
        let Some(number) = st.own.fds.get(&fd).copied() else { return false };
        let Some(source) = st.sources.get_mut(number) else { return false };
        match remote {
            Some(remote) if source.is_tcp() => {
                let begins = source.remote.port() == 0;
                if begins && has_route(fd, &remote) {
                    source.reaches(remote);
                    (source.state, source.live, source.local) =
                        (layout::SYN_SENT, None, name(fd).unwrap_or(source.local));
                    event(st, number, layout::EVENT_OUTBOUND);
                }
                return begins;
            }
            Some(remote) => {
                source.reaches(remote);
                st.own.by_number.get_mut(&number).expect("in the books").is_connected = true;
            }
            None if source.is_tcp() => {}
            None => {
                source.remote = unset(&source.remote);
                st.own.by_number.get_mut(&number).expect("in the books").is_connected = false;
            }
        }
        false
    })
}
/// After it: with Darwin's errno if it failed.
pub(crate) fn connected(fd: i32, errno: i32) {
    const EINTR: i32 = 4;
    if none() {
        return;
    }
    with(|st| {
        let Some(number) = st.own.fds.get(&fd).copied() else { return };
        let Some(source) = st.sources.get_mut(number).filter(|socket| socket.is_tcp() && socket.live.is_none()) else {
            return;
        };
        match errno {
            0 | darwin::EINPROGRESS | EINTR => {
                source.live = Some(fd);
                st.own.by_number.get_mut(&number).expect("in the books").is_connected = true;
            }
            // tcp_drop: the kernel forgets the connection, though the descriptor is still there.
            darwin::ECONNREFUSED | darwin::ETIMEDOUT | darwin::ECONNRESET => {
                source.state = layout::CLOSED;
                goodbye(st, number);
            }
            _ => {
                (source.state, source.live, source.remote) = (layout::CLOSED, Some(fd), unset(&source.remote));
            }
        }
    });
}
/// Binds a socket to the address from which it will reach the remote: the event names it, and the host chooses it only
/// while it connects. False if it cannot be reached, and then macOS's connect() fails before anything happens.
fn has_route(fd: i32, remote: &SocketAddr) -> bool {
    let Ok(probe) = std::net::UdpSocket::bind(unset(remote)) else { return false };
    if probe.connect(remote).is_err() {
        return false;
    }
    let (Some(bound), Ok(from)) = (name(fd), probe.local_addr()) else { return false };
    if bound.port() == 0 {
        let from = SocketAddr::new(from.ip(), 0);
        crate::shims::net::bind_host(fd, &from);
    }
    true
}

/// A datagram to or from somebody: the first one on a socket that is not connected makes a flow of its own.
pub(crate) fn exchanged(fd: i32, peer: Option<SocketAddr>) {
    let Some(peer) = peer.filter(|_| !none()) else { return };
    // soflow: the flow knows its own end only as far as the socket is bound by then, and learns the rest later.
    let local = name(fd);
    let known = with(|st| {
        let socket = st.own.fds.get(&fd).and_then(|number| Some((*number, st.own.by_number.get(number)?)));
        let Some((number, socket)) = socket.filter(|socket| !socket.1.is_connected) else { return true };
        if let Some(flow) = socket.peers.get(&peer) {
            let flow = st.sources.get_mut(*flow).filter(|socket| socket.local.port() == 0);
            flow.into_iter().for_each(|socket| socket.local = local.unwrap_or(socket.local));
            return true;
        }
        st.sources.get(number).is_none_or(|socket| socket.is_tcp())
    });
    if known || !crate::shims::world::at_least(12, 3) {
        return;
    }
    let mut source = source(layout::UDP_SUBFLOW, peer);
    source.local = local.unwrap_or(source.local);
    source.reaches(peer);
    with(|st| {
        let socket = st.own.fds.get(&fd).copied().filter(|number| !st.own.by_number[number].peers.contains_key(&peer));
        let Some(number) = socket else { return };
        let flow = tell(st, None, source);
        st.own.by_number.get_mut(&number).expect("in the books").peers.insert(peer, flow);
    });
}

pub(crate) fn duplicated(old: i32, new: i32) {
    if new < 0 || old == new || none() {
        return;
    }
    with(|st| {
        if let Some(number) = st.own.fds.get(&old).copied() {
            st.own.fds.insert(new, number);
            st.own.by_number.get_mut(&number).expect("in the books").fds += 1;
            COUNT.fetch_add(1, Ordering::Release);
        }
    });
}

/// Before the host's close().
pub(crate) fn closes(fd: i32) {
    if !none() {
        with(|st| closed(st, fd));
    }
}
fn closed(st: &mut State, fd: i32) {
    let Some((number, gone)) = st.own.remove(fd) else { return };
    if let Some(socket) = gone {
        socket.peers.into_values().chain([number]).for_each(|source_number| goodbye(st, source_number));
        return;
    }
    // What the host knows of the socket is asked through another of its descriptors from now on.
    let other = st.own.fds.iter().find(|(_, source_number)| **source_number == number).map(|(fd, _)| *fd);
    if let Some(source) = st.sources.get_mut(number) {
        source.live = source.live.and(other);
    }
}
