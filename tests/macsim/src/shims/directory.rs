//! Directories.
use super::errno::{set, to_darwin, with_errno};
use super::path::HostPath;
use libc::{c_char, c_int};
use std::ffi::CStr;

/// struct dirent with 64-bit inodes (1048 bytes).
#[repr(C)]
pub(crate) struct DarwinDirent {
    ino: u64,
    seekoff: u64,
    reclen: u16,
    namlen: u16,
    ty: u8,
    name: [u8; 1024],
}
const _: () = assert!(std::mem::size_of::<DarwinDirent>() == 1048 && std::mem::offset_of!(DarwinDirent, name) == 21);

pub(crate) unsafe extern "C" fn opendir(path: *const c_char) -> *mut libc::DIR {
    with_errno(libc::opendir(HostPath::new(path).as_ptr()))
}
pub(crate) unsafe extern "C" fn fdopendir(fd: c_int) -> *mut libc::DIR {
    with_errno(libc::fdopendir(fd))
}
pub(crate) unsafe extern "C" fn closedir(directory: *mut libc::DIR) -> c_int {
    with_errno(libc::closedir(directory))
}
pub(crate) unsafe extern "C" fn dirfd(directory: *mut libc::DIR) -> c_int {
    with_errno(libc::dirfd(directory))
}
pub(crate) unsafe extern "C" fn readdir_r(
    directory: *mut libc::DIR,
    out: *mut DarwinDirent,
    result: *mut *mut DarwinDirent,
) -> c_int {
    *libc::__errno_location() = 0;
    let entry = libc::readdir(directory);
    *result = std::ptr::null_mut();
    if entry.is_null() {
        return to_darwin(*libc::__errno_location());
    }
    let name = CStr::from_ptr((*entry).d_name.as_ptr()).to_bytes_with_nul();
    (*out).ino = (*entry).d_ino;
    (*out).seekoff = (*entry).d_off as u64;
    (*out).namlen = name.len() as u16 - 1;
    (*out).ty = (*entry).d_type;
    (*out).reclen = ((21 + name.len() + 7) & !7) as u16;
    std::ptr::copy_nonoverlapping(name.as_ptr(), (*out).name.as_mut_ptr(), name.len());
    *result = out;
    0
}
pub(crate) unsafe extern "C" fn readdir(directory: *mut libc::DIR) -> *mut DarwinDirent {
    const EMPTY: DarwinDirent = DarwinDirent { ino: 0, seekoff: 0, reclen: 0, namlen: 0, ty: 0, name: [0; 1024] };
    thread_local! {
        static ENT: std::cell::UnsafeCell<DarwinDirent> = const { std::cell::UnsafeCell::new(EMPTY) };
    }
    let mut result = std::ptr::null_mut();
    let entry = ENT.with(|entry| readdir_r(directory, entry.get(), &mut result));
    if entry != 0 {
        set(entry);
    }
    result
}
