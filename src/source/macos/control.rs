//! A kernel control socket.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use nix::sys::socket::{AddressFamily, SockFlag, SockProtocol, SockType, SysControlAddr, connect, socket};
use rustix::io::{FdFlags, fcntl_setfd};
use rustix::net::sockopt::set_socket_recv_buffer_size;

/// A connected control socket by its name, `SYSPROTO_CONTROL`. No child inherits it.
pub(super) fn control_socket(name: &str) -> io::Result<File> {
    let protocol = SockProtocol::KextControl;
    let control: OwnedFd = socket(AddressFamily::System, SockType::Datagram, SockFlag::empty(), protocol)?;
    fcntl_setfd(&control, FdFlags::CLOEXEC)?;
    let address = SysControlAddr::from_name(control.as_raw_fd(), name, 0)?;
    connect(control.as_raw_fd(), &address)?;
    Ok(File::from(control))
}

/// Asks for a receive buffer, half as much whenever the system refuses. Returns what it granted; `None` when it is less
/// than `least`. To be called after connecting, which resets the size.
pub(super) fn grow_receive_buffer(socket: &File, most: usize, least: usize) -> Option<usize> {
    let sizes = std::iter::successors(Some(most), |size| Some(size / 2)).take_while(|size| *size >= least);
    sizes.into_iter().find(|size| set_socket_recv_buffer_size(socket, *size).is_ok())
}
