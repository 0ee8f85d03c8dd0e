//! Every call into macOS that is not safe Rust. Each function gives owned values or bytes.
#![allow(unsafe_code)]
#![allow(clippy::cast_possible_truncation, reason = "constants and sizes of structures, as C types them")]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem::{MaybeUninit, zeroed};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

use endpoint_sec::sys::es_message_t;
use mach2::mach_time::{mach_continuous_time, mach_timebase_info};

/// `PROC_PIDUNIQIDENTIFIERINFO` of XNU's `bsd/sys/proc_info_private.h`.
pub(super) const UNIQUE_INFO: i32 = 17;
/// `PROC_PIDFDSOCKETINFO` of `<sys/proc_info.h>`.
const SOCKET_INFO: i32 = 3;

/// The effective user id.
pub(super) fn effective_user_id() -> u32 {
    // SAFETY: geteuid takes no arguments and cannot fail.
    unsafe { libc::geteuid() }
}

/// What sysctlbyname(3) gives for a name, at most 256 bytes.
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
    // PID_MAX of XNU is 99,999: no system has more processes than this buffer holds.
    let mut pids = vec![0_i32; 100_000];
    let size = i32::try_from(pids.len() * size_of::<i32>()).unwrap_or(i32::MAX);
    // SAFETY: `pids` is writable for `size` bytes; the call gives the number of pids written.
    let count = unsafe { libc::proc_listallpids(pids.as_mut_ptr().cast(), size) };
    pids.truncate(usize::try_from(count).unwrap_or(0));
    pids
}

/// What proc_pidinfo(2) gives for a flavor, at most `size` bytes; `None` for a process that is gone.
pub(super) fn process_info(pid: i32, flavor: i32, argument: u64, size: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0_u8; size];
    let room = i32::try_from(size).ok()?;
    // SAFETY: `bytes` is writable for `room` bytes; the call gives the number of bytes written.
    let written = unsafe { libc::proc_pidinfo(pid, flavor, argument, bytes.as_mut_ptr().cast(), room) };
    bytes.truncate(usize::try_from(written).ok().filter(|written| *written > 0)?);
    Some(bytes)
}

/// The descriptors of a process, `struct proc_fdinfo` after `struct proc_fdinfo`.
pub(super) fn descriptors(pid: i32) -> Vec<u8> {
    process_info(pid, libc::PROC_PIDLISTFDS, 0, 8 * 10_240).unwrap_or_default()
}

/// `struct socket_fdinfo` of a descriptor that is a socket.
pub(super) fn socket_info(pid: i32, fd: i32) -> Option<Vec<u8>> {
    let mut bytes = vec![0_u8; crate::source::process_info::SOCKET_INFO_SIZE];
    let room = i32::try_from(bytes.len()).ok()?;
    // SAFETY: `bytes` is writable for `room` bytes; the call gives the number of bytes written.
    let written = unsafe { libc::proc_pidfdinfo(pid, fd, SOCKET_INFO, bytes.as_mut_ptr().cast(), room) };
    (written == room).then_some(bytes)
}

/// The path of a process's program.
pub(super) fn process_path(pid: i32) -> Option<String> {
    let mut bytes = vec![0_u8; 4096];
    // SAFETY: `bytes` is writable for 4096 bytes (`PROC_PIDPATHINFO_MAXSIZE`); the call gives the length.
    let length = unsafe { libc::proc_pidpath(pid, bytes.as_mut_ptr().cast(), 4096) };
    bytes.truncate(usize::try_from(length).ok().filter(|length| *length > 0)?);
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// What `sysctl KERN_PROCARGS2` gives: see [`crate::source::process_info::arguments`].
pub(super) fn process_arguments(pid: i32) -> Option<Vec<u8>> {
    // The system gives the first bytes when there are more.
    let mut bytes = vec![0_u8; 64 * 1024];
    let mut length = bytes.len();
    let mut name = [libc::CTL_KERN, libc::KERN_PROCARGS2, pid];
    // SAFETY: `name` has three words; `bytes` is writable for `length` bytes; nothing is set; the result is checked.
    let result =
        unsafe { libc::sysctl(name.as_mut_ptr(), 3, bytes.as_mut_ptr().cast(), &mut length, std::ptr::null_mut(), 0) };
    bytes.truncate(if result == 0 { length } else { return None });
    Some(bytes)
}

/// The name of a user, getpwuid_r(3).
pub(super) fn user_name(uid: u32) -> Option<String> {
    let mut entry = MaybeUninit::<libc::passwd>::uninit();
    let mut text = vec![0_u8; 4096];
    let mut found = std::ptr::null_mut();
    // SAFETY: `entry` and `found` are writable, `text` for its length; all outlive the use of the entry below.
    let result = unsafe { libc::getpwuid_r(uid, entry.as_mut_ptr(), text.as_mut_ptr().cast(), text.len(), &mut found) };
    if result != 0 || found.is_null() {
        return None;
    }
    // SAFETY: the call succeeded and found a user, so `found` points to `entry`, which it filled; its name is
    // a text in `text` that ends with a zero.
    let name = unsafe { CStr::from_ptr((*found).pw_name) };
    Some(name.to_string_lossy().into_owned())
}

/// Ticks of mach_continuous_time(3), and what a nanosecond is in them: (ticks, numer, denom).
pub(super) fn continuous_ticks() -> (u64, u32, u32) {
    let mut base = mach_timebase_info { numer: 1, denom: 1 };
    // SAFETY: `base` is writable; the call cannot fail on a Mac, and else leaves 1/1.
    unsafe { mach2::mach_time::mach_timebase_info(&mut base) };
    // SAFETY: no arguments, and it cannot fail.
    (unsafe { mach_continuous_time() }, base.numer, base.denom)
}

/// A connected control socket of the kernel by its name, `SYSPROTO_CONTROL`.
pub(super) fn control_socket(name: &str) -> io::Result<File> {
    // SAFETY: no pointers; the result is checked.
    let descriptor = unsafe { libc::socket(libc::PF_SYSTEM, libc::SOCK_DGRAM, libc::SYSPROTO_CONTROL) };
    if descriptor < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and ours alone.
    let socket = unsafe { OwnedFd::from_raw_fd(descriptor) };
    // SAFETY: zero is a valid value of every member of both structures.
    let (mut info, mut address) = unsafe { zeroed::<(libc::ctl_info, libc::sockaddr_ctl)>() };
    for (to, from) in info.ctl_name.iter_mut().zip(name.bytes().take(95)) {
        *to = from as libc::c_char;
    }
    // SAFETY: the descriptor is open; `info` is the structure that CTLIOCGINFO reads and writes.
    if unsafe { libc::ioctl(descriptor, libc::CTLIOCGINFO, &mut info) } != 0 {
        return Err(io::Error::last_os_error());
    }
    address.sc_len = size_of::<libc::sockaddr_ctl>() as u8;
    address.sc_family = libc::AF_SYSTEM as u8;
    address.ss_sysaddr = libc::AF_SYS_CONTROL as u16;
    address.sc_id = info.ctl_id;
    let length = size_of::<libc::sockaddr_ctl>() as libc::socklen_t;
    // SAFETY: `address` is a `sockaddr_ctl` of `length` bytes; the result is checked.
    if unsafe { libc::connect(descriptor, (&raw const address).cast(), length) } != 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(File::from(socket))
}

/// Asks for a receive buffer, half as much whenever the system refuses; gives what it granted. To be called
/// after connecting, which sets the size anew.
pub(super) fn grow_receive_buffer(socket: &File, most: i32, least: i32) -> i32 {
    let mut size = most;
    while size >= least {
        // SAFETY: the descriptor is open; the option is a C int, and `size` lives through the call.
        let result = unsafe {
            libc::setsockopt(
                socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_RCVBUF,
                (&raw const size).cast(),
                size_of::<i32>() as libc::socklen_t,
            )
        };
        if result == 0 {
            return size;
        }
        size /= 2;
    }
    0
}

/// The first bytes of the structure that a message's event points to; `None` when that is not memory of ours. For
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

/// Waits until the file can be read, at most for some milliseconds; for ever when that is negative.
pub(super) fn wait_readable(file: &File, milliseconds: i32) -> bool {
    let mut entry = libc::pollfd { fd: file.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one entry, writable.
    unsafe { libc::poll(&mut entry, 1, milliseconds) > 0 }
}
