//! A client and a few sockets, through the guest's system calls.
use super::message::{u32_at, u64_at};
use super::source::put;
use super::*;
use crate::shims::net;
use serde_json::json;

/// macOS's sockaddr_in of 127.0.0.1.
fn loopback(port: u16) -> [u8; 16] {
    let mut b = [0; 16];
    put(&mut b, 0, &[16, 2]);
    put(&mut b, 2, &port.to_be_bytes());
    put(&mut b, 4, &[127, 0, 0, 1]);
    b
}
fn port_of(fd: i32) -> u16 {
    own::name(fd).unwrap().port()
}

struct Control(i32);
impl Control {
    fn open() -> Control {
        let fd = socket(libc::SOCK_DGRAM, 2);
        let mut a = [0u8; 32];
        put(&mut a, 0, &[32, 32, 2, 0, CTL_ID as u8]);
        // SAFETY: a sockaddr_ctl and its length.
        assert!(fd >= 0 && unsafe { super::connect(fd, a.as_ptr(), 32) } == 0);
        Control(fd)
    }
    fn ask(&self, ty: u32, body: &[u8]) {
        let mut b = message::head(ty, 9, 0, l::hdr::SIZE + body.len());
        put(&mut b, l::hdr::SIZE, body);
        // SAFETY: a slice.
        unsafe { libc::send(self.0, b.as_ptr() as *const _, b.len(), 0) };
    }
    fn watch(&self, provider: u32, events: u64) {
        let mut b = [0; l::add_all::SIZE - l::hdr::SIZE];
        put(&mut b, l::add_all::EVENTS - l::hdr::SIZE, &events.to_ne_bytes());
        put(&mut b, l::add_all::PROVIDER - l::hdr::SIZE, &provider.to_ne_bytes());
        self.ask(l::ADD_ALL_SRCS, &b);
        while self.next().is_some_and(|m| u32_at(&m, l::hdr::TYPE) != l::SUCCESS) {}
    }
    /// The next message; none of these are told in one datagram with others.
    fn next(&self) -> Option<Vec<u8>> {
        let mut b = vec![0; 65536];
        let mut p = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd; a buffer and its length.
        let n = unsafe {
            if libc::poll(&mut p, 1, 1000) != 1 {
                return None;
            }
            libc::recv(self.0, b.as_mut_ptr() as *mut _, b.len(), 0)
        };
        received(self.0);
        b.truncate(n as usize);
        Some(b)
    }
    fn expect(&self, ty: u32) -> Vec<u8> {
        let m = self.next().expect("a message");
        assert_eq!(u32_at(&m, l::hdr::TYPE), ty);
        m
    }
    /// Event, header flags, state, direction and remote port of an update of TCP.
    fn expect_update(&self) -> (u64, u8, u32, u32, u16) {
        let m = self.expect(l::SRC_UPDATE);
        let d = &m[l::update::DATA..];
        assert_eq!(u32_at(d, l::TCP.pid), std::process::id());
        let direction = u32_at(d, l::TCP.props(15)) & (l::IS_LISTENER | l::IS_INBOUND | l::IS_OUTBOUND);
        let port = u16::from_be_bytes([d[l::TCP.remote + 2], d[l::TCP.remote + 3]]);
        (u64_at(&m, l::update::EVENTS), m[l::hdr::FLAGS], u32_at(d, l::TCP.state.unwrap()), direction, port)
    }
}

#[test]
fn the_guests_own_connection_is_told_from_its_beginning_to_its_end() {
    crate::shims::world::set_os("15.1");
    let control = Control::open();
    control.watch(l::TCP_KERNEL, l::EVENT_LISTEN | l::EVENT_OUTBOUND);
    control.ask(l::GET_UPDATE, &l::ALL.to_ne_bytes());
    control.expect(l::SUCCESS);
    let second = Control::open();
    closed(second.0); // now the kernel knows which events are wanted

    // SAFETY: the guest's calls, with addresses of the length that is given.
    unsafe {
        let listener = net::socket(2, 1, 0);
        control.expect(l::SRC_ADDED);
        assert_eq!(net::bind(listener, loopback(0).as_ptr(), 16), 0);
        assert_eq!(net::listen(listener, 5), 0);
        assert_eq!(control.expect_update(), (l::EVENT_LISTEN, 0, l::LISTEN, l::IS_LISTENER, 0));

        let client = net::socket(2, 1, 0);
        control.expect(l::SRC_ADDED);
        let port = port_of(listener);
        assert_eq!(net::connect(client, loopback(port).as_ptr(), 16), 0);
        assert_eq!(control.expect_update(), (l::EVENT_OUTBOUND, 0, l::SYN_SENT, l::IS_OUTBOUND, port));

        let accepted = net::accept(listener, std::ptr::null_mut(), std::ptr::null_mut());
        let srcref = u64_at(&control.expect(l::SRC_ADDED), l::added::SRCREF);
        control.ask(l::GET_UPDATE, &srcref.to_ne_bytes());
        assert_eq!(control.expect_update(), (0, 0, l::ESTABLISHED, l::IS_INBOUND, port_of(client)));

        let closing = l::FLAG_CLOSING as u8;
        crate::shims::file::close(client);
        assert_eq!(control.expect_update(), (0, closing, l::ESTABLISHED, l::IS_OUTBOUND, port));
        control.expect(l::SRC_REMOVED);
        crate::shims::file::close(accepted);
        crate::shims::file::close(listener);
    }
    for _ in 0..2 {
        control.expect(l::SRC_UPDATE);
        control.expect(l::SRC_REMOVED);
    }

    let failures = |b: Vec<u8>| u32_at(&b, l::stats::SRC_ADDED * 4);
    let before = failures(stats());
    step(&json!({"drop": 1})).unwrap();
    step(&json!({"add_tcp": {"id": "lost", "pid": 77, "upid": 77}})).unwrap();
    assert_eq!(failures(stats()), before + 1);
    // The number of the lost source stays a gap.
    step(&json!({"add_tcp": {"id": "told", "pid": 77, "upid": 77}})).unwrap();
    assert_eq!(u64_at(&control.expect(l::SRC_ADDED), l::added::SRCREF), 5);
}
