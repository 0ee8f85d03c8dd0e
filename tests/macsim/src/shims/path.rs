//! Paths of the guest, and the flags that go with them.
use libc::c_char;
use std::ffi::{CStr, CString};

/// A guest path as a host path; keeps the mapped copy alive.
pub(crate) struct HostPath(Option<CString>, *const c_char);
impl HostPath {
    pub(crate) fn new(path: *const c_char) -> HostPath {
        if path.is_null() {
            return HostPath(None, path);
        }
        // SAFETY: the guest passes a C string.
        let bytes = unsafe { CStr::from_ptr(path) };
        HostPath(super::world::host_path(bytes.to_bytes()).and_then(|mapped| CString::new(mapped).ok()), path)
    }
    pub(crate) fn as_ptr(&self) -> *const c_char {
        self.0.as_ref().map(|owned| owned.as_ptr()).unwrap_or(self.1)
    }
}
pub(crate) fn open_flags(flags: i32) -> i32 {
    let mut linux = flags & 3;
    for (darwin_bit, linux_bit) in [
        (4, libc::O_NONBLOCK),
        (8, libc::O_APPEND),
        (0x80, libc::O_SYNC),
        (0x100, libc::O_NOFOLLOW),
        (0x200, libc::O_CREAT),
        (0x400, libc::O_TRUNC),
        (0x800, libc::O_EXCL),
        (0x20000, libc::O_NOCTTY),
        (0x100000, libc::O_DIRECTORY),
        (0x200000, libc::O_PATH | libc::O_NOFOLLOW),
        (0x400000, libc::O_DSYNC),
        (0x1000000, libc::O_CLOEXEC),
    ] {
        if flags & darwin_bit != 0 {
            linux |= linux_bit;
        }
    }
    linux
}
pub(crate) fn open_flags_back(flags: i32) -> i32 {
    (flags & 3) | if flags & libc::O_NONBLOCK != 0 { 4 } else { 0 } | if flags & libc::O_APPEND != 0 { 8 } else { 0 }
}
pub(crate) fn dirfd_in(directory: i32) -> i32 {
    if directory == -2 { libc::AT_FDCWD } else { directory }
}
pub(super) fn at_flags(flags: i32) -> i32 {
    (if flags & 0x20 != 0 { libc::AT_SYMLINK_NOFOLLOW } else { 0 })
        | (if flags & 0x40 != 0 { libc::AT_SYMLINK_FOLLOW } else { 0 })
        | (if flags & 0x80 != 0 { libc::AT_REMOVEDIR } else { 0 })
        | (if flags & 0x10 != 0 { libc::AT_EACCESS } else { 0 })
}
