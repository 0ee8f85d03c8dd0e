//! Every call into macOS that is not safe Rust. Each function returns owned values or bytes.
#![allow(unsafe_code)]
#![allow(clippy::cast_possible_truncation, reason = "constants and sizes of structures, as C types them")]

use std::ffi::CString;
use std::io;

use endpoint_sec::sys::es_message_t;
use mach2::mach_time::{mach_continuous_time, mach_timebase_info};

use crate::source::libproc::socket::{SOCKET_INFO_SIZE, room_for_descriptors};

/// `PROC_PIDUNIQIDENTIFIERINFO` of XNU's `bsd/sys/proc_info_private.h`. FACT: unique-info
pub(super) const UNIQUE_INFO: i32 = 17;
/// `PROC_PIDFDSOCKETINFO` of `<sys/proc_info.h>`.
const SOCKET_INFO: i32 = 3;
/// Arguments and environment of a process; `ARG_MAX` is 1 MiB, and the path precedes them.
const MAX_PROCESS_ARGUMENTS: usize = 2 * 1024 * 1024;

/// What sysctlbyname(3) returns for a name, at most 256 bytes.
pub(super) fn sysctl_bytes(name: &str) -> Option<Vec<u8>> {
    let name = CString::new(name).ok()?;
    let mut bytes = vec![0_u8; 256];
    let mut length = bytes.len();
    // SAFETY: `name` ends with a zero; `bytes` is writable for `length` bytes; nothing is set; the result is checked.
    let result =
        unsafe { libc::sysctlbyname(name.as_ptr(), bytes.as_mut_ptr().cast(), &mut length, std::ptr::null_mut(), 0) };
    bytes.truncate(length);
    (result == 0).then_some(bytes)
}

/// A text that sysctlbyname(3) knows.
pub(super) fn sysctl_text(name: &str) -> Option<String> {
    let bytes = sysctl_bytes(name)?;
    let end = bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len());
    String::from_utf8(bytes[..end].to_vec()).ok().filter(|text| !text.is_empty())
}

/// Asks for the true version of macOS: `kern.osproductversion` is 16.0 on 26 for an executable that was built with an
/// older SDK, until the process says that it does not want that. FACT: version-compat
pub(super) fn end_version_compat() {
    let off: libc::c_int = 0;
    let name = c"kern.system_version_compat";
    // SAFETY: `name` ends with a zero; `off` is readable for its size and lives through the call. It fails only where
    // the kernel knows no such name, and there every process is told the true version.
    unsafe {
        let new = std::ptr::from_ref(&off).cast_mut().cast();
        libc::sysctlbyname(name.as_ptr(), std::ptr::null_mut(), std::ptr::null_mut(), new, size_of_val(&off))
    };
}

/// The hardware's UUID, gethostuuid(2), in the usual form.
pub(super) fn host_uuid() -> Option<String> {
    let mut uuid = [0_u8; 16];
    let wait = libc::timespec { tv_sec: 1, tv_nsec: 0 };
    // SAFETY: `uuid` has the 16 bytes of a `uuid_t`, `wait` lives through the call; the result is checked.
    if unsafe { libc::gethostuuid(uuid.as_mut_ptr(), &wait) } != 0 {
        return None;
    }
    let hex: String = uuid.iter().map(|byte| format!("{byte:02X}")).collect();
    Some([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-"))
}

/// The pids of all processes.
pub(super) fn all_pids() -> Vec<i32> {
    // No system has more processes than this buffer holds. FACT: pid-max
    let mut pids = vec![0_i32; 100_000];
    let size = i32::try_from(pids.len() * size_of::<i32>()).unwrap_or(i32::MAX);
    // SAFETY: `pids` is writable for `size` bytes; the call returns the number of pids written.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids
}

/// What proc_pidinfo(2) returns for a flavor, at most `size` bytes; `None` for a process that is gone.
pub(super) fn process_info(pid: i32, flavor: i32, argument: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0_u8; size];
    let room = i32::try_from(size).ok()?;
    // SAFETY: `bytes` is writable for `room` bytes; the call returns the number of bytes written.
    let written = unsafe { libc::proc_pidinfo(pid, flavor, argument, bytes.as_mut_ptr().cast(), room) };
    bytes.truncate(usize::try_from(written).ok().filter(|written| *written > 0)?);
    Some(bytes)
}

/// The descriptors of a process, `struct proc_fdinfo` after `struct proc_fdinfo`, and how much there was room for.
pub(super) fn descriptors(pid: i32) -> (Vec<u8>, usize) {
    // SAFETY: without a buffer nothing is written; the call returns the number of bytes that it would need.
    let needed = unsafe { libc::proc_pidinfo(pid, libc::PROC_PIDLISTFDS, 0, std::ptr::null_mut(), 0) };
    let room = room_for_descriptors(needed);
    (process_info(pid, libc::PROC_PIDLISTFDS, 0, room).unwrap_or_default(), room)
}

/// `struct socket_fdinfo` of a descriptor that is a socket. The kernel writes another length, or refuses the room, where
/// it knows a larger structure.
pub(super) fn socket_info(pid: i32, fd: i32) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0_u8; SOCKET_INFO_SIZE];
    let room = i32::try_from(bytes.len()).unwrap_or(i32::MAX);
    // SAFETY: `bytes` is writable for `room` bytes; the call returns the number of bytes written.
    let written = unsafe { libc::proc_pidfdinfo(pid, fd, SOCKET_INFO, bytes.as_mut_ptr().cast(), room) };
    match written {
        written if written == room => Ok(bytes),
        ..=0 => Err(io::Error::last_os_error()),
        _ => Err(io::ErrorKind::InvalidData.into()),
    }
}

/// The path of a process's program.
pub(super) fn process_path(pid: i32) -> Option<String> {
    let mut bytes = vec![0_u8; 4096];
    // SAFETY: `bytes` is writable for 4096 bytes (`PROC_PIDPATHINFO_MAXSIZE`); the call returns the length.
    let length = unsafe { libc::proc_pidpath(pid, bytes.as_mut_ptr().cast(), 4096) };
    bytes.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What `sysctl KERN_PROCARGS2` gives, and how much there was room for: see
/// [`crate::source::libproc::process::arguments`].
pub(super) fn process_arguments(pid: i32) -> Option<(Vec<u8>, usize)> {
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    let mut length = 0;
    // SAFETY: `name` has three words; without a buffer only the size is written; nothing is set; the result is checked.
    let sized =
        unsafe { libc::sysctl(name.as_mut_ptr(), 3, std::ptr::null_mut(), &mut length, std::ptr::null_mut(), 0) };
    // `ARG_MAX` is 1 MiB. One byte more shows whether that was all: the process can have changed its program meanwhile.
    let room = length.min(MAX_PROCESS_ARGUMENTS) + 1;
    let mut bytes = vec![0_u8; if sized == 0 { room } else { return None }];
    length = room;
    // SAFETY: `name` has three words; `bytes` is writable for `length` bytes; nothing is set; the result is checked.
    let result =
        unsafe { libc::sysctl(name.as_mut_ptr(), 3, bytes.as_mut_ptr().cast(), &mut length, std::ptr::null_mut(), 0) };
    bytes.truncate(if result == 0 { length } else { return None });
    Some((bytes, room))
}

/// Ticks of mach_continuous_time(3), and what a nanosecond is in them: (ticks, numer, denom).
pub(super) fn continuous_ticks() -> (u64, u32, u32) {
    let mut base = mach_timebase_info { numer: 1, denom: 1 };
    // SAFETY: `base` is writable; the call cannot fail on a Mac, and else leaves 1/1.
    unsafe { mach2::mach_time::mach_timebase_info(&mut base) };
    // SAFETY: no arguments, and it cannot fail.
    (unsafe { mach_continuous_time() }, base.numer, base.denom)
}

/// The first bytes of the structure that a message's event points to; `None` when that is not our memory. For
/// events whose structure the `endpoint-sec` crate does not know.
pub(super) fn event_structure(message: &endpoint_sec::Message, length: usize) -> Option<Vec<u8>> {
    // SAFETY: `Message` is a transparent wrapper of the pointer to its `es_message_t` (endpoint-sec 0.6), which is
    // alive for as long as the message is borrowed.
    let raw: &es_message_t = unsafe { (*(&raw const *message).cast::<std::ptr::NonNull<es_message_t>>()).as_ref() };
    // SAFETY: the union is initialized for its whole size, and its first eight bytes are read as a number.
    let address = unsafe { (&raw const raw.event).cast::<u64>().read_unaligned() };
    read_memory(address, length)
}

/// Copies memory of this process, through the kernel: `None` instead of a crash where there is none.
pub(super) fn read_memory(address: u64, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0_u8; length];
    let mut copied = 0;
    // SAFETY: `bytes` is writable for `length` bytes and `copied` is writable; the kernel checks `address`; the
    // result is checked.
    let result = unsafe {
        mach2::vm::mach_vm_read_overwrite(
            mach2::traps::mach_task_self(),
            address,
            length as u64,
            bytes.as_mut_ptr() as u64,
            &mut copied,
        )
    };
    (result == 0 && copied == length as u64).then_some(bytes)
}
