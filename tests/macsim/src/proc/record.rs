//! The structures of libproc, as bytes.
use super::{Process, Sock};

pub(super) struct Out {
    pub(super) bytes: Vec<u8>,
}
impl Out {
    pub(super) fn new(size: usize) -> Out {
        Out { bytes: vec![0; size] }
    }
    pub(super) fn u16(&mut self, offset: usize, value: u16) -> &mut Self {
        self.bytes[offset..offset + 2].copy_from_slice(&value.to_ne_bytes());
        self
    }
    pub(super) fn u32(&mut self, offset: usize, value: u32) -> &mut Self {
        self.bytes[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        self
    }
    pub(super) fn u64(&mut self, offset: usize, value: u64) -> &mut Self {
        self.bytes[offset..offset + 8].copy_from_slice(&value.to_ne_bytes());
        self
    }
    pub(super) fn put(&mut self, offset: usize, value: &[u8]) -> &mut Self {
        self.bytes[offset..offset + value.len()].copy_from_slice(value);
        self
    }
    pub(super) fn text(&mut self, offset: usize, room: usize, text: &[u8]) -> &mut Self {
        self.put(offset, &text[..text.len().min(room - 1)])
    }
}
/// struct proc_bsdinfo: 136 bytes.
pub(super) fn bsdinfo(process: &Process) -> Vec<u8> {
    let mut out = Out::new(136);
    out.u32(0, if process.tty.is_some() { 2 } else { 0 })
        .u32(4, 2)
        .u32(12, process.pid as u32)
        .u32(16, process.ppid as u32)
        .u32(20, process.uid)
        .u32(24, process.gid)
        .u32(28, process.uid)
        .u32(32, process.gid)
        .u32(36, process.uid)
        .u32(40, process.gid);
    out.text(48, 16, process.comm.as_deref().unwrap_or(process.base())).text(64, 32, process.best_name());
    out.u32(96, process.fds.len() as u32)
        .u32(100, process.group_id as u32)
        .u32(108, if process.tty.is_some() { 0x1000_0000 } else { u32::MAX })
        .u64(120, process.start.0)
        .u64(128, process.start.1 as u64);
    out.bytes
}
/// struct proc_uniqidentifierinfo: 56 bytes.
pub(super) fn uniq(process: &Process) -> Vec<u8> {
    let mut out = Out::new(56);
    out.put(0, &process.uuid())
        .u64(16, process.upid)
        .u64(24, process.pupid)
        .u32(32, process.pidversion as u32)
        .u32(36, process.parent[7]);
    out.bytes
}
/// Bytes of struct socket_fdinfo up to macOS 15.
pub(super) const SOCKET_INFO_SIZE: usize = 792;
/// struct socket_fdinfo: proc_fileinfo 24, then socket_info. FACT: socket-info
pub(super) fn socket_fdinfo(socket: &Sock) -> Vec<u8> {
    let mut out = Out::new(SOCKET_INFO_SIZE);
    let info = 24;
    let v6 = socket.local.is_ipv6();
    out.u32(info + 152, if socket.tcp { 1 } else { 2 })
        .u32(info + 156, if socket.tcp { 6 } else { 17 })
        .u32(info + 160, if v6 { 30 } else { 2 })
        .u32(info + 232, if socket.tcp { 2 } else { 1 });
    let ends = info + 240; // in_sockinfo, first in tcp_sockinfo too
    let addr = |out: &mut Out, port_at: usize, at: usize, address: &std::net::SocketAddr| {
        out.u32(port_at, address.port().to_be() as u32);
        match address.ip() {
            std::net::IpAddr::V4(octets) => out.put(at + 12, &octets.octets()),
            std::net::IpAddr::V6(octets) => out.put(at, &octets.octets()),
        };
    };
    addr(&mut out, ends + 4, ends + 48, &socket.local);
    if let Some(remote) = &socket.remote {
        addr(&mut out, ends, ends + 32, remote);
    }
    out.bytes[ends + 24] = if v6 { 2 } else { 1 };
    out.bytes[ends + 25] = 64;
    if socket.tcp {
        out.u32(ends + 80, socket.state as u32);
    }
    out.u16(info + 168, 0);
    out.bytes.resize(socket.size, 0);
    out.bytes
}
