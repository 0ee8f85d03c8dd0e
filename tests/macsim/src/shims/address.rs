//! Address families, and sockaddr with its length in front.

pub(super) fn family_in(family: i32) -> i32 {
    if family == 30 { libc::AF_INET6 } else { family }
}
pub(super) fn family_out(family: i32) -> i32 {
    if family == libc::AF_INET6 { 30 } else { family }
}
pub(super) struct HostAddress {
    pub(super) bytes: [u8; 128],
    pub(super) length: u32,
}
pub(super) unsafe fn addr_in(from: *const u8, length: u32) -> HostAddress {
    let mut to = HostAddress { bytes: [0; 128], length: length.min(128) };
    if from.is_null() {
        to.length = 0;
        return to;
    }
    std::ptr::copy_nonoverlapping(from, to.bytes.as_mut_ptr(), to.length as usize);
    let family = family_in(to.bytes[1] as i32) as u16;
    to.bytes[..2].copy_from_slice(&family.to_ne_bytes());
    if family == libc::AF_UNIX as u16
        && to.length > 2
        && let Some(path) =
            super::world::host_path(to.bytes[2..to.length as usize].split(|byte| *byte == 0).next().unwrap())
        && path.len() < 107
    {
        to.bytes[2..].fill(0);
        to.bytes[2..2 + path.len()].copy_from_slice(&path);
        to.length = path.len() as u32 + 3;
    }
    to
}
pub(super) unsafe fn addr_out(from: &[u8], from_length: u32, out: *mut u8, len: *mut u32) {
    if out.is_null() || len.is_null() {
        return;
    }
    let mut bytes = from.to_vec();
    if from_length >= 2 {
        let family = family_out(u16::from_ne_bytes([bytes[0], bytes[1]]) as i32);
        bytes[0] = from_length as u8;
        bytes[1] = family as u8;
    }
    std::ptr::copy_nonoverlapping(bytes.as_ptr(), out, (from_length.min(*len)) as usize);
    *len = from_length;
}
