//! malloc, mmap, dyld, Objective-C and unwinder entry points.
use super::errno::{fail, with_errno};
use libc::{c_char, c_int, c_void};

pub(crate) unsafe extern "C" fn bzero(bytes: *mut u8, size: usize) {
    std::ptr::write_bytes(bytes, 0, size)
}
pub(crate) unsafe extern "C" fn mmap(
    address: *mut c_void,
    size: usize,
    prot: c_int,
    flags: c_int,
    fd: c_int,
    offset: i64,
) -> *mut c_void {
    let host_flags = (flags & 0x13)
        | [(0x40, libc::MAP_NORESERVE), (0x1000, libc::MAP_ANONYMOUS)]
            .iter()
            .filter(|mapped| flags & mapped.0 != 0)
            .fold(0, |all, mapped| all | mapped.1);
    let mapped = libc::mmap(address, size, prot, host_flags, fd, offset);
    if mapped == libc::MAP_FAILED {
        super::errno::take();
    }
    mapped
}
pub(crate) unsafe extern "C" fn munmap(address: *mut c_void, size: usize) -> c_int {
    with_errno(libc::munmap(address, size))
}
pub(crate) unsafe extern "C" fn mprotect(address: *mut c_void, size: usize, protection: c_int) -> c_int {
    with_errno(libc::mprotect(address, size, protection))
}
pub(crate) unsafe extern "C" fn madvise(_a: *mut c_void, _n: usize, _p: c_int) -> c_int {
    0
}
pub(crate) unsafe extern "C" fn arc4random_buf(buffer: *mut c_void, size: usize) {
    let mut filled = 0;
    while filled < size {
        let got = libc::getrandom(buffer.add(filled), size - filled, 0);
        if got > 0 {
            filled += got as usize
        }
    }
}
pub(crate) unsafe extern "C" fn cc_random(buffer: *mut c_void, size: usize) -> c_int {
    arc4random_buf(buffer, size);
    0
}
pub(crate) unsafe extern "C" fn getentropy(buffer: *mut c_void, size: usize) -> c_int {
    if size > 256 {
        return fail(5);
    }
    arc4random_buf(buffer, size);
    0
}
pub(crate) unsafe extern "C" fn arc4random() -> u32 {
    let mut number = 0u32;
    arc4random_buf(&mut number as *mut _ as *mut _, 4);
    number
}

// One image: the guest.
pub(crate) extern "C" fn dyld_image_count() -> u32 {
    1
}
pub(crate) extern "C" fn dyld_header(number: u32) -> usize {
    if number == 0 { crate::loader::image().map(|number| number.base).unwrap_or(0) } else { 0 }
}
pub(crate) extern "C" fn dyld_slide(number: u32) -> isize {
    if number == 0 { crate::loader::image().map(|number| number.slide).unwrap_or(0) } else { 0 }
}
pub(crate) extern "C" fn dyld_name(number: u32) -> *const c_char {
    if number == 0 { super::process::exe().as_ptr() } else { std::ptr::null() }
}
pub(crate) unsafe extern "C" fn dlsym(_h: *mut c_void, symbol: *const c_char) -> usize {
    let name = std::ffi::CStr::from_ptr(symbol).to_string_lossy();
    super::lookup(&format!("_{name}")).map(|found| found.0).unwrap_or(0)
}
pub(crate) extern "C" fn dlopen(_p: *const c_char, _f: c_int) -> *mut c_void {
    std::ptr::null_mut()
}
pub(crate) extern "C" fn dlclose(_p: *mut c_void) -> c_int {
    0
}
pub(crate) extern "C" fn dlerror() -> *const c_char {
    c"no dynamic libraries in macsim".as_ptr()
}
pub(crate) extern "C" fn dladdr() -> c_int {
    0
}
pub(crate) extern "C" fn mach_task_self() -> u32 {
    0x103
}
pub(crate) static MACH_TASK_SELF: u32 = 0x103;
pub(crate) extern "C" fn mach_error_string(_e: c_int) -> *const c_char {
    c"(macsim) mach error".as_ptr()
}

/// There is no Objective-C runtime here.
pub(crate) unsafe extern "C" fn objc_msg_send(_o: usize, _s: usize) -> usize {
    fatal!(
        "the guest called objc_msgSend: there is no Objective-C here (endpoint-sec asks NSProcessInfo for the version \
         unless version::set_runtime_version was called)"
    )
}
/// Also for os_log: a null log object, no level enabled.
pub(crate) extern "C" fn objc_none() -> usize {
    0
}

// Unwinding: the host's libgcc, which was given the guest's tables (loader/unwind.rs).
// Only calls are bound through here, so declared without their types.
pub(crate) mod unwind {
    unsafe extern "C" {
        pub(crate) fn _Unwind_RaiseException(exception: *mut u8) -> i32;
        pub(crate) fn _Unwind_Resume(exception: *mut u8);
        pub(crate) fn _Unwind_DeleteException(exception: *mut u8);
        pub(crate) fn _Unwind_Backtrace(flags: *const u8, arg: *mut u8) -> i32;
        pub(crate) fn _Unwind_GetCFA(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_GetIP(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_GetIPInfo(context: *mut u8, before: *mut i32) -> usize;
        pub(crate) fn _Unwind_GetLanguageSpecificData(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_GetRegionStart(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_GetTextRelBase(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_GetDataRelBase(context: *mut u8) -> usize;
        pub(crate) fn _Unwind_SetGR(context: *mut u8, with_errno: i32, number: usize);
        pub(crate) fn _Unwind_SetIP(context: *mut u8, number: usize);
        pub(crate) fn _Unwind_FindEnclosingFunction(pc: *mut u8) -> *mut u8;
    }
}

pub(crate) static STACK_CHK_GUARD: u64 = 0x5bd1_e995_0bad_f00d;
pub(crate) extern "C" fn stack_chk_fail() {
    fatal!("__stack_chk_fail: the guest overran a stack buffer")
}

// libbsm: audit_token_t is eight 32-bit words: auid, euid, egid, ruid, rgid, pid, asid, pidversion.
#[repr(C)]
#[derive(Clone, Copy)]
pub(crate) struct AuditToken(pub(crate) [u32; 8]);
macro_rules! token_words {
    ($($name:ident $word:expr),*) => { $(
        pub(crate) extern "C" fn $name(token: AuditToken) -> u32 {
            token.0[$word]
        }
    )* };
}
token_words!(tok_auid 0, tok_euid 1, tok_egid 2, tok_ruid 3, tok_rgid 4, tok_pid 5, tok_asid 6, tok_pidversion 7);

pub(crate) extern "C" fn udivti3(dividend: u128, divisor: u128) -> u128 {
    dividend.checked_div(divisor).unwrap_or(0)
}
pub(crate) extern "C" fn umodti3(dividend: u128, divisor: u128) -> u128 {
    dividend.checked_rem(divisor).unwrap_or(0)
}
pub(crate) extern "C" fn pow(base: f64, exponent: f64) -> f64 {
    base.powf(exponent)
}
pub(crate) extern "C" fn fmod(dividend: f64, divisor: f64) -> f64 {
    dividend % divisor
}
pub(crate) unsafe extern "C" fn memset_pattern16(to: *mut u8, pattern: *const [u8; 16], size: usize) {
    for index in 0..size {
        *to.add(index) = (*pattern)[index % 16];
    }
}
pub(crate) extern "C" fn divti3(dividend: i128, divisor: i128) -> i128 {
    dividend.checked_div(divisor).unwrap_or(0)
}
pub(crate) extern "C" fn modti3(dividend: i128, divisor: i128) -> i128 {
    dividend.checked_rem(divisor).unwrap_or(0)
}
