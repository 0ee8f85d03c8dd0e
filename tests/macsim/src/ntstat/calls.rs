//! What the guest's system calls see.
use super::client::{Client, RECVSPACE};
use super::faults::Faults;
use super::{ANY, CTL_ID, client, is_ours, merge, serve, with};
use crate::shims::errno::{darwin, fail, set};
use std::sync::atomic::Ordering;

/// socket() of PF_SYSTEM. FACT: control-socket
pub(crate) fn socket(ty: i32, proto: i32) -> i32 {
    if proto != 2 {
        note!("PF_SYSTEM socket with protocol {proto}: only SYSPROTO_CONTROL is faked");
        return fail(darwin::EPROTONOSUPPORT);
    }
    let errno = with(|state| state.faults.socket);
    if errno != 0 {
        return fail(errno);
    }
    if ty != libc::SOCK_DGRAM {
        note!("ntstat sockets are SOCK_DGRAM");
        return fail(darwin::EPROTOTYPE);
    }
    let mut ends = [0; 2];
    // SAFETY: room for two descriptors.
    if crate::shims::errno::with_errno(unsafe {
        libc::socketpair(libc::AF_UNIX, libc::SOCK_SEQPACKET, 0, ends.as_mut_ptr())
    }) < 0
    {
        return -1;
    }
    // The limit on what waits is kept by enqueue(); the host's must be above it.
    let big = 16i32 << 20;
    // SAFETY: descriptors just made, and a number with its length.
    unsafe {
        libc::fcntl(ends[1], libc::F_SETFD, libc::FD_CLOEXEC);
        libc::setsockopt(ends[1], libc::SOL_SOCKET, libc::SO_SNDBUFFORCE, &big as *const _ as *const _, 4)
    };
    ANY.store(true, Ordering::Release);
    with(|state| {
        let recvspace = state.faults.recvspace.unwrap_or(RECVSPACE);
        state.clients.push(Client::new(ends[0], ends[1], recvspace));
    });
    ends[0]
}
pub(crate) unsafe fn ctl_info(fd: i32, info: *mut u8) -> i32 {
    if !is_ours(fd) {
        return fail(darwin::ENOTTY);
    }
    let errno = with(|state| state.faults.control);
    if errno != 0 {
        return fail(errno);
    }
    let name = std::slice::from_raw_parts(info.add(4), 96);
    if name.split(|client| *client == 0).next() != Some(b"com.apple.network.statistics") {
        return fail(darwin::ENOENT);
    }
    *(info as *mut u32) = CTL_ID;
    0
}
/// struct sockaddr_ctl: len 32, family 32, sysaddr 2, id at 4, unit at 8.
pub(crate) unsafe fn connect(fd: i32, address: *const u8, length: u32) -> i32 {
    let bytes = std::slice::from_raw_parts(address, length.min(32) as usize);
    with(|state| {
        if state.faults.connect != 0 {
            return fail(state.faults.connect);
        }
        let Some(client) = state.clients.iter_mut().find(|client| client.guest == fd) else {
            return fail(darwin::EBADF);
        };
        if length != 32 || bytes[0] != 32 || bytes[1] != 32 || bytes[2..4] != [2, 0] {
            note!("sockaddr_ctl is not {{len 32, AF_SYSTEM 32, AF_SYS_CONTROL 2}}: {bytes:?}");
            return fail(darwin::EINVAL);
        }
        if bytes[4..8] != CTL_ID.to_ne_bytes() {
            return fail(darwin::ENOENT);
        }
        if client.connected {
            return fail(darwin::EISCONN);
        }
        client.connected = true;
        let (kernel, guest) = (client.kernel, client.guest);
        merge(state);
        std::thread::Builder::new().name("ntstat".into()).spawn(move || serve(kernel, guest)).expect("thread");
        0
    })
}
pub(crate) fn closed(fd: i32) {
    if !ANY.load(Ordering::Acquire) || !crate::shims::process::in_guest() {
        return;
    }
    with(|state| {
        if let Some(index) = state.clients.iter().position(|client| client.guest == fd) {
            let client = state.clients.remove(index);
            merge(state);
            // SAFETY: the kernel's end, which serve() closes after this.
            unsafe { libc::shutdown(client.kernel, libc::SHUT_RDWR) };
        }
    });
}
/// A scripted ENOBUFS from recv ("ntstat_enobufs").
pub(crate) fn recv_fault(fd: i32) -> bool {
    fault(fd, |faults| faults.recv.pop_front())
}
/// The same of a send.
pub(crate) fn send_fault(fd: i32) -> bool {
    fault(fd, |faults| faults.send.pop_front())
}
fn fault(fd: i32, next: impl Fn(&mut Faults) -> Option<i32>) -> bool {
    let errno = if is_ours(fd) { with(|state| next(&mut state.faults)) } else { None };
    if let Some(errno) = errno {
        set(errno);
    }
    errno.is_some()
}
/// One message was received (not peeked at) on the guest's fd.
pub(crate) fn received(fd: i32) {
    client(fd, Client::received);
}
/// SO_RCVBUF of the control socket; None if the fd is not one.
pub(crate) fn rcvbuf(fd: i32, new: Option<usize>) -> Option<usize> {
    client(fd, |client| client.rcvbuf(new))
}
/// The sysctl net.stats.stats.
pub(crate) fn stats() -> Vec<u8> {
    with(|state| state.kernel.stats.iter().flat_map(|number| number.to_ne_bytes()).collect())
}
/// Whether a receive buffer of this size is refused. FACT: receive-buffer-limit
pub(crate) fn refuses_rcvbuf(fd: i32, size: usize) -> bool {
    // sb_max of 8 MiB, less what the headers of the clusters take.
    const MOST_BEFORE_14_4: usize = 8 * 1024 * 1024 * 2048 / (2048 + 256);
    let most = (!crate::shims::world::at_least(14, 4)).then_some(MOST_BEFORE_14_4);
    is_ours(fd) && with(|state| state.faults.rcvbuf_most.or(most).is_some_and(|most| size > most))
}
