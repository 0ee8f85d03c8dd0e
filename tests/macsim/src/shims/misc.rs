//! malloc, mmap, dyld, Objective-C and unwinder entry points.
use super::errno::{fail, r};
use libc::{c_char, c_int, c_void};

pub unsafe extern "C" fn bzero(p: *mut u8, n: usize) {
    std::ptr::write_bytes(p, 0, n)
}
pub unsafe extern "C" fn mmap(a: *mut c_void, n: usize, prot: c_int, f: c_int, fd: c_int, o: i64) -> *mut c_void {
    let g =
        (f & 0x13) | [(0x40, libc::MAP_NORESERVE), (0x1000, libc::MAP_ANONYMOUS)].iter().filter(|p| f & p.0 != 0).fold(0, |x, p| x | p.1);
    let p = libc::mmap(a, n, prot, g, fd, o);
    if p == libc::MAP_FAILED {
        super::errno::take();
    }
    p
}
pub unsafe extern "C" fn munmap(a: *mut c_void, n: usize) -> c_int {
    r(libc::munmap(a, n))
}
pub unsafe extern "C" fn mprotect(a: *mut c_void, n: usize, p: c_int) -> c_int {
    r(libc::mprotect(a, n, p))
}
pub unsafe extern "C" fn madvise(_a: *mut c_void, _n: usize, _p: c_int) -> c_int {
    0
}
pub unsafe extern "C" fn arc4random_buf(p: *mut c_void, n: usize) {
    let mut o = 0;
    while o < n {
        let k = libc::getrandom(p.add(o), n - o, 0);
        if k > 0 {
            o += k as usize
        }
    }
}
pub unsafe extern "C" fn cc_random(p: *mut c_void, n: usize) -> c_int {
    arc4random_buf(p, n);
    0
}
pub unsafe extern "C" fn getentropy(p: *mut c_void, n: usize) -> c_int {
    if n > 256 {
        return fail(5);
    }
    arc4random_buf(p, n);
    0
}
pub unsafe extern "C" fn arc4random() -> u32 {
    let mut v = 0u32;
    arc4random_buf(&mut v as *mut _ as *mut _, 4);
    v
}

// One image: the guest.
pub extern "C" fn dyld_image_count() -> u32 {
    1
}
pub extern "C" fn dyld_header(i: u32) -> usize {
    if i == 0 {
        crate::loader::image().map(|i| i.base).unwrap_or(0)
    } else {
        0
    }
}
pub extern "C" fn dyld_slide(i: u32) -> isize {
    if i == 0 {
        crate::loader::image().map(|i| i.slide).unwrap_or(0)
    } else {
        0
    }
}
pub extern "C" fn dyld_name(i: u32) -> *const c_char {
    if i == 0 {
        super::process::exe().as_ptr()
    } else {
        std::ptr::null()
    }
}
pub unsafe extern "C" fn dlsym(_h: *mut c_void, n: *const c_char) -> usize {
    let name = std::ffi::CStr::from_ptr(n).to_string_lossy();
    super::lookup(&format!("_{name}")).map(|x| x.0).unwrap_or(0)
}
pub extern "C" fn dlopen(_p: *const c_char, _f: c_int) -> *mut c_void {
    std::ptr::null_mut()
}
pub extern "C" fn dlclose(_p: *mut c_void) -> c_int {
    0
}
pub extern "C" fn dlerror() -> *const c_char {
    c"no dynamic libraries in macsim".as_ptr()
}
pub extern "C" fn dladdr() -> c_int {
    0
}
pub extern "C" fn mach_task_self() -> u32 {
    0x103
}
pub static MACH_TASK_SELF: u32 = 0x103;
pub extern "C" fn mach_error_string(_e: c_int) -> *const c_char {
    c"(macsim) mach error".as_ptr()
}

/// There is no Objective-C runtime here.
pub unsafe extern "C" fn objc_msg_send(_o: usize, _s: usize) -> usize {
    fatal!("the guest called objc_msgSend: there is no Objective-C here (endpoint-sec asks NSProcessInfo for the version unless version::set_runtime_version was called)")
}
/// Also for os_log: a null log object, no level enabled.
pub extern "C" fn objc_none() -> usize {
    0
}

// Unwinding: the host's libgcc, which was given the guest's tables (loader/unwind.rs).
// Only calls are bound through here, so declared without their types.
pub mod unwind {
    extern "C" {
        pub fn _Unwind_RaiseException(e: *mut u8) -> i32;
        pub fn _Unwind_Resume(e: *mut u8);
        pub fn _Unwind_DeleteException(e: *mut u8);
        pub fn _Unwind_Backtrace(f: *const u8, arg: *mut u8) -> i32;
        pub fn _Unwind_GetCFA(c: *mut u8) -> usize;
        pub fn _Unwind_GetIP(c: *mut u8) -> usize;
        pub fn _Unwind_GetIPInfo(c: *mut u8, before: *mut i32) -> usize;
        pub fn _Unwind_GetLanguageSpecificData(c: *mut u8) -> usize;
        pub fn _Unwind_GetRegionStart(c: *mut u8) -> usize;
        pub fn _Unwind_GetTextRelBase(c: *mut u8) -> usize;
        pub fn _Unwind_GetDataRelBase(c: *mut u8) -> usize;
        pub fn _Unwind_SetGR(c: *mut u8, r: i32, v: usize);
        pub fn _Unwind_SetIP(c: *mut u8, v: usize);
        pub fn _Unwind_FindEnclosingFunction(pc: *mut u8) -> *mut u8;
    }
}

pub static STACK_CHK_GUARD: u64 = 0x5bd1_e995_0bad_f00d;
pub extern "C" fn stack_chk_fail() {
    fatal!("__stack_chk_fail: the guest overran a stack buffer")
}

// libbsm: audit_token_t is eight 32-bit words: auid, euid, egid, ruid, rgid, pid, asid, pidversion.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Tok(pub [u32; 8]);
macro_rules! tok { ($($f:ident $i:expr),*) => { $(pub extern "C" fn $f(t: Tok) -> u32 { t.0[$i] })* } }
tok!(tok_auid 0, tok_euid 1, tok_egid 2, tok_ruid 3, tok_rgid 4, tok_pid 5, tok_asid 6, tok_pidversion 7);

pub extern "C" fn udivti3(a: u128, b: u128) -> u128 {
    a.checked_div(b).unwrap_or(0)
}
pub extern "C" fn umodti3(a: u128, b: u128) -> u128 {
    a.checked_rem(b).unwrap_or(0)
}
pub extern "C" fn pow(a: f64, b: f64) -> f64 {
    a.powf(b)
}
pub unsafe extern "C" fn memset_pattern16(to: *mut u8, pattern: *const [u8; 16], n: usize) {
    for i in 0..n {
        *to.add(i) = (*pattern)[i % 16];
    }
}
pub extern "C" fn divti3(a: i128, b: i128) -> i128 {
    a.checked_div(b).unwrap_or(0)
}
pub extern "C" fn modti3(a: i128, b: i128) -> i128 {
    a.checked_rem(b).unwrap_or(0)
}
