//! getaddrinfo(3).
use super::address::{addr_out, family_in, family_out};
use super::errno::take;
use libc::{c_char, c_int};

#[repr(C)]
pub(crate) struct DarwinAddrInfo {
    flags: i32,
    family: i32,
    socktype: i32,
    protocol: i32,
    addrlen: u32,
    canonname: *mut c_char,
    addr: *mut u8,
    next: *mut DarwinAddrInfo,
}
const EAI: &[(i32, i32)] =
    &[(-9, 1), (-3, 2), (-1, 3), (-4, 4), (-6, 5), (-10, 6), (-5, 7), (-2, 8), (-8, 9), (-7, 10), (-11, 11)];
pub(crate) unsafe extern "C" fn getaddrinfo(
    node: *const c_char,
    service: *const c_char,
    hints: *const DarwinAddrInfo,
    out: *mut *mut DarwinAddrInfo,
) -> c_int {
    let mut host_hints: libc::addrinfo = std::mem::zeroed();
    if !hints.is_null() {
        host_hints.ai_flags = (*hints).flags & 7;
        host_hints.ai_family = family_in((*hints).family);
        host_hints.ai_socktype = (*hints).socktype;
        host_hints.ai_protocol = (*hints).protocol;
    }
    let mut found = std::ptr::null_mut();
    let errno =
        libc::getaddrinfo(node, service, if hints.is_null() { std::ptr::null() } else { &host_hints }, &mut found);
    if errno != 0 {
        if errno == libc::EAI_SYSTEM {
            take();
        }
        return EAI.iter().find(|entry| entry.0 == errno).map(|entry| entry.1).unwrap_or(4);
    }
    let mut tail = out;
    *out = std::ptr::null_mut();
    let mut entry = found;
    while !entry.is_null() {
        let addr = libc::calloc(1, 128) as *mut u8;
        let mut length = 128;
        addr_out(
            std::slice::from_raw_parts((*entry).ai_addr as *const u8, (*entry).ai_addrlen as usize),
            (*entry).ai_addrlen,
            addr,
            &mut length,
        );
        let darwin_entry = Box::into_raw(Box::new(DarwinAddrInfo {
            flags: 0,
            family: family_out((*entry).ai_family),
            socktype: (*entry).ai_socktype,
            protocol: (*entry).ai_protocol,
            addrlen: length,
            canonname: std::ptr::null_mut(),
            addr,
            next: std::ptr::null_mut(),
        }));
        *tail = darwin_entry;
        tail = &raw mut (*darwin_entry).next;
        entry = (*entry).ai_next;
    }
    libc::freeaddrinfo(found);
    0
}
pub(crate) unsafe extern "C" fn freeaddrinfo(mut entry: *mut DarwinAddrInfo) {
    while !entry.is_null() {
        let owned = Box::from_raw(entry);
        libc::free(owned.addr as *mut _);
        entry = owned.next;
    }
}
pub(crate) extern "C" fn gai_strerror(_e: c_int) -> *const c_char {
    c"name resolution failed (macsim)".as_ptr()
}
