//! A client and a few sockets, through the guest's system calls.
use super::message::{u32_at, u64_at};
use super::source::put;
use super::*;
use crate::shims::net;
use serde_json::json;

/// macOS's sockaddr_in of 127.0.0.1.
fn loopback(port: u16) -> [u8; 16] {
    let mut bytes = [0; 16];
    put(&mut bytes, 0, &[16, 2]);
    put(&mut bytes, 2, &port.to_be_bytes());
    put(&mut bytes, 4, &[127, 0, 0, 1]);
    bytes
}
fn port_of(fd: i32) -> u16 {
    host::name(fd).unwrap().port()
}

struct Control(i32);
impl Control {
    fn open() -> Control {
        let fd = socket(libc::SOCK_DGRAM, 2);
        let mut address = [0u8; 32];
        put(&mut address, 0, &[32, 32, 2, 0, CTL_ID as u8]);
        // SAFETY: a sockaddr_ctl and its length.
        assert!(fd >= 0 && unsafe { super::connect(fd, address.as_ptr(), 32) } == 0);
        Control(fd)
    }
    fn ask(&self, ty: u32, body: &[u8]) {
        let mut bytes = message::head(ty, 9, 0, layout::hdr::SIZE + body.len());
        put(&mut bytes, layout::hdr::SIZE, body);
        // SAFETY: a slice.
        unsafe { libc::send(self.0, bytes.as_ptr() as *const _, bytes.len(), 0) };
    }
    fn watch(&self, provider: u32, events: u64) {
        let mut bytes = [0; layout::add_all::SIZE - layout::hdr::SIZE];
        put(&mut bytes, layout::add_all::EVENTS - layout::hdr::SIZE, &events.to_ne_bytes());
        put(&mut bytes, layout::add_all::PROVIDER - layout::hdr::SIZE, &provider.to_ne_bytes());
        self.ask(layout::ADD_ALL_SRCS, &bytes);
        while self.next().is_some_and(|message| u32_at(&message, layout::hdr::TYPE) != layout::SUCCESS) {}
    }
    /// The next message; none of these are told in one datagram with others.
    fn next(&self) -> Option<Vec<u8>> {
        let mut bytes = vec![0; 65536];
        let mut readable = libc::pollfd { fd: self.0, events: libc::POLLIN, revents: 0 };
        // SAFETY: one pollfd; a buffer and its length.
        let length = unsafe {
            if libc::poll(&mut readable, 1, 1000) != 1 {
                return None;
            }
            libc::recv(self.0, bytes.as_mut_ptr() as *mut _, bytes.len(), 0)
        };
        received(self.0);
        bytes.truncate(length as usize);
        Some(bytes)
    }
    fn expect(&self, ty: u32) -> Vec<u8> {
        let message = self.next().expect("a message");
        assert_eq!(u32_at(&message, layout::hdr::TYPE), ty);
        message
    }
    /// Event, header flags, state, direction and remote port of an update of TCP.
    fn expect_update(&self) -> (u64, u8, u32, u32, u16) {
        let message = self.expect(layout::SRC_UPDATE);
        let descriptor = &message[layout::update::DATA..];
        assert_eq!(u32_at(descriptor, layout::TCP.pid), std::process::id());
        let direction = u32_at(descriptor, layout::TCP.props(15))
            & (layout::IS_LISTENER | layout::IS_INBOUND | layout::IS_OUTBOUND);
        let port = u16::from_be_bytes([descriptor[layout::TCP.remote + 2], descriptor[layout::TCP.remote + 3]]);
        (
            u64_at(&message, layout::update::EVENTS),
            message[layout::hdr::FLAGS],
            u32_at(descriptor, layout::TCP.state.unwrap()),
            direction,
            port,
        )
    }
}

#[test]
fn the_guests_own_connection_is_told_from_its_beginning_to_its_end() {
    crate::shims::world::set_os("15.1");
    let control = Control::open();
    control.watch(layout::TCP_KERNEL, layout::EVENT_LISTEN | layout::EVENT_OUTBOUND);
    control.ask(layout::GET_UPDATE, &layout::ALL.to_ne_bytes());
    control.expect(layout::SUCCESS);
    let second = Control::open();
    closed(second.0); // now the kernel knows which events are wanted

    // SAFETY: the guest's calls, with addresses of the length that is given.
    unsafe {
        let listener = net::socket(2, 1, 0);
        control.expect(layout::SRC_ADDED);
        assert_eq!(net::bind(listener, loopback(0).as_ptr(), 16), 0);
        assert_eq!(net::listen(listener, 5), 0);
        assert_eq!(control.expect_update(), (layout::EVENT_LISTEN, 0, layout::LISTEN, layout::IS_LISTENER, 0));

        let client = net::socket(2, 1, 0);
        control.expect(layout::SRC_ADDED);
        let port = port_of(listener);
        assert_eq!(net::connect(client, loopback(port).as_ptr(), 16), 0);
        assert_eq!(control.expect_update(), (layout::EVENT_OUTBOUND, 0, layout::SYN_SENT, layout::IS_OUTBOUND, port));

        let accepted = net::accept(listener, std::ptr::null_mut(), std::ptr::null_mut());
        let srcref = u64_at(&control.expect(layout::SRC_ADDED), layout::added::SRCREF);
        control.ask(layout::GET_UPDATE, &srcref.to_ne_bytes());
        assert_eq!(control.expect_update(), (0, 0, layout::ESTABLISHED, layout::IS_INBOUND, port_of(client)));

        let closing = layout::FLAG_CLOSING as u8;
        crate::shims::file::close(client);
        assert_eq!(control.expect_update(), (0, closing, layout::ESTABLISHED, layout::IS_OUTBOUND, port));
        control.expect(layout::SRC_REMOVED);
        crate::shims::file::close(accepted);
        crate::shims::file::close(listener);
    }
    for _ in 0..2 {
        control.expect(layout::SRC_UPDATE);
        control.expect(layout::SRC_REMOVED);
    }

    let failures = |bytes: Vec<u8>| u32_at(&bytes, layout::stats::SRC_ADDED * 4);
    let before = failures(stats());
    step(&json!({"drop": 1})).unwrap();
    step(&json!({"add_tcp": {"id": "lost", "pid": 77, "upid": 77}})).unwrap();
    assert_eq!(failures(stats()), before + 1);
    // The number of the lost source stays a gap.
    step(&json!({"add_tcp": {"id": "told", "pid": 77, "upid": 77}})).unwrap();
    assert_eq!(u64_at(&control.expect(layout::SRC_ADDED), layout::added::SRCREF), 5);
}
