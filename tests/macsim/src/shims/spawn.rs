//! posix_spawn and what is said to it beforehand.
use super::errno::to_darwin;
use super::path::{HostPath, open_flags};
use super::{inherit, process, signal};
use libc::{c_char, c_int};
use std::ffi::CStr;

// posix_spawn: both opaque types are one pointer on Darwin.
pub(crate) unsafe extern "C" fn fa_init(out: *mut *mut libc::posix_spawn_file_actions_t) -> c_int {
    *out = Box::into_raw(Box::new(std::mem::zeroed()));
    to_darwin(libc::posix_spawn_file_actions_init(*out))
}
pub(crate) unsafe extern "C" fn fa_destroy(out: *mut *mut libc::posix_spawn_file_actions_t) -> c_int {
    libc::posix_spawn_file_actions_destroy(*out);
    drop(Box::from_raw(*out));
    *out = std::ptr::null_mut();
    0
}
pub(crate) unsafe extern "C" fn fa_dup2(
    actions: *mut *mut libc::posix_spawn_file_actions_t,
    from: c_int,
    to: c_int,
) -> c_int {
    to_darwin(libc::posix_spawn_file_actions_adddup2(*actions, from, to))
}
pub(crate) unsafe extern "C" fn fa_close(actions: *mut *mut libc::posix_spawn_file_actions_t, fd: c_int) -> c_int {
    to_darwin(libc::posix_spawn_file_actions_addclose(*actions, fd))
}
pub(crate) unsafe extern "C" fn fa_inherit(actions: *mut *mut libc::posix_spawn_file_actions_t, fd: c_int) -> c_int {
    fa_dup2(actions, fd, fd)
}
pub(crate) unsafe extern "C" fn fa_open(
    actions: *mut *mut libc::posix_spawn_file_actions_t,
    fd: c_int,
    path: *const c_char,
    flags: c_int,
    mode: u32,
) -> c_int {
    to_darwin(libc::posix_spawn_file_actions_addopen(
        *actions,
        fd,
        HostPath::new(path).as_ptr(),
        open_flags(flags),
        mode & 0xffff,
    ))
}
pub(crate) unsafe extern "C" fn fa_chdir(
    actions: *mut *mut libc::posix_spawn_file_actions_t,
    path: *const c_char,
) -> c_int {
    to_darwin(libc::posix_spawn_file_actions_addchdir_np(*actions, HostPath::new(path).as_ptr()))
}
pub(crate) unsafe extern "C" fn at_init(out: *mut *mut libc::posix_spawnattr_t) -> c_int {
    *out = Box::into_raw(Box::new(std::mem::zeroed()));
    to_darwin(libc::posix_spawnattr_init(*out))
}
pub(crate) unsafe extern "C" fn at_destroy(out: *mut *mut libc::posix_spawnattr_t) -> c_int {
    libc::posix_spawnattr_destroy(*out);
    drop(Box::from_raw(*out));
    *out = std::ptr::null_mut();
    0
}
pub(crate) unsafe extern "C" fn at_flags(attributes: *mut *mut libc::posix_spawnattr_t, flags: i16) -> c_int {
    let host_flags = (flags & 0xf) | if flags & 0x400 != 0 { libc::POSIX_SPAWN_SETSID } else { 0 };
    if flags & 0x40c0 != 0 {
        note!("posix_spawn flags {flags:#x}: SETEXEC, START_SUSPENDED and CLOEXEC_DEFAULT are not done");
    }
    to_darwin(libc::posix_spawnattr_setflags(*attributes, host_flags))
}
pub(crate) unsafe extern "C" fn at_pgroup(attributes: *mut *mut libc::posix_spawnattr_t, group: c_int) -> c_int {
    to_darwin(libc::posix_spawnattr_setpgroup(*attributes, group))
}
pub(crate) unsafe extern "C" fn at_sigdefault(
    attributes: *mut *mut libc::posix_spawnattr_t,
    signals: *const u32,
) -> c_int {
    to_darwin(libc::posix_spawnattr_setsigdefault(*attributes, &signal::set_to_linux(*signals)))
}
pub(crate) unsafe extern "C" fn at_sigmask(
    attributes: *mut *mut libc::posix_spawnattr_t,
    signals: *const u32,
) -> c_int {
    to_darwin(libc::posix_spawnattr_setsigmask(*attributes, &signal::set_to_linux(*signals)))
}
type Spawn = unsafe extern "C" fn(
    *mut c_int,
    *const c_char,
    *const libc::posix_spawn_file_actions_t,
    *const libc::posix_spawnattr_t,
    *const *mut c_char,
    *const *mut c_char,
) -> c_int;
#[allow(clippy::too_many_arguments, reason = "those of posix_spawn, and which of the two it is")]
unsafe fn spawn_with(
    spawn: Spawn,
    pid: *mut c_int,
    path: *const c_char,
    file_actions: *const *mut libc::posix_spawn_file_actions_t,
    attributes: *const *mut libc::posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    let mut own = 0;
    let file_actions = if file_actions.is_null() { std::ptr::null() } else { *file_actions as *const _ };
    let attributes = if attributes.is_null() { std::ptr::null() } else { *attributes as *const _ };
    let pid = if pid.is_null() { &mut own } else { pid };
    inherit::refuse_leaks(&String::from_utf8_lossy(CStr::from_ptr(path).to_bytes()));
    let result = spawn(
        pid,
        HostPath::new(path).as_ptr(),
        file_actions,
        attributes,
        arguments,
        if environment.is_null() { process::environ() as *const _ } else { environment },
    );
    if result == 0 {
        let path = CStr::from_ptr(path).to_bytes();
        let list = (0..).map(|index| *arguments.add(index)).take_while(|text| !text.is_null());
        let list: Vec<_> = list.map(|text| CStr::from_ptr(text).to_bytes().to_vec()).collect();
        crate::es::spawned(*pid, libc::getpgid(*pid), path, &list);
    }
    to_darwin(result)
}
pub(crate) unsafe extern "C" fn spawnp(
    pid: *mut c_int,
    path: *const c_char,
    file_actions: *const *mut libc::posix_spawn_file_actions_t,
    attributes: *const *mut libc::posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    spawn_with(libc::posix_spawnp, pid, path, file_actions, attributes, arguments, environment)
}
pub(crate) unsafe extern "C" fn spawn(
    pid: *mut c_int,
    path: *const c_char,
    file_actions: *const *mut libc::posix_spawn_file_actions_t,
    attributes: *const *mut libc::posix_spawnattr_t,
    arguments: *const *mut c_char,
    environment: *const *mut c_char,
) -> c_int {
    spawn_with(libc::posix_spawn, pid, path, file_actions, attributes, arguments, environment)
}
