//! What the host knows of a socket.
use super::layout;
use std::net::SocketAddr;

pub(crate) fn address(bytes: &[u8]) -> Option<SocketAddr> {
    let port = u16::from_be_bytes([*bytes.get(2)?, *bytes.get(3)?]);
    match i32::from(u16::from_ne_bytes([bytes[0], bytes[1]])) {
        libc::AF_INET => Some((<[u8; 4]>::try_from(bytes.get(4..8)?).ok()?, port).into()),
        libc::AF_INET6 => {
            let ip = <[u8; 16]>::try_from(bytes.get(8..24)?).ok()?;
            let scope = u32::from_ne_bytes(bytes.get(24..28)?.try_into().ok()?);
            Some(std::net::SocketAddrV6::new(ip.into(), port, 0, scope).into())
        }
        _ => None,
    }
}
pub(super) type NameFn = unsafe extern "C" fn(i32, *mut libc::sockaddr, *mut u32) -> i32;
pub(super) fn name_of(fd: i32, ask: NameFn) -> Option<SocketAddr> {
    let mut bytes = [0u8; 28];
    let mut length = bytes.len() as u32;
    // SAFETY: a buffer and its length.
    (unsafe { ask(fd, bytes.as_mut_ptr() as *mut _, &mut length) } == 0).then(|| address(&bytes))?
}
pub(crate) fn name(fd: i32) -> Option<SocketAddr> {
    name_of(fd, libc::getsockname)
}
/// TCPS_* of a socket of the host.
pub(crate) fn tcp_state(fd: i32) -> Option<u32> {
    let (mut state, mut length) = (0u8, 1u32);
    // SAFETY: one byte, the first of struct tcp_info, and its length.
    let result =
        unsafe { libc::getsockopt(fd, libc::IPPROTO_TCP, libc::TCP_INFO, &raw mut state as *mut _, &mut length) };
    (result == 0).then(|| darwin_state(state))
}
/// From Linux's numbers, which begin with TCP_ESTABLISHED 1.
pub(super) fn darwin_state(linux: u8) -> u32 {
    [0, 4, 2, 3, 6, 9, 10, 0, 5, 8, 1, 7].get(usize::from(linux)).copied().unwrap_or(layout::CLOSED)
}
#[cfg(test)]
mod tests {
    #[test]
    pub(super) fn states_have_darwins_numbers() {
        let states = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map(super::darwin_state);
        assert_eq!(states, [4, 2, 3, 6, 9, 10, 0, 5, 8, 1, 7, 0]);
    }
}
