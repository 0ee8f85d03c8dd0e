//! Muting by path, by target path, and by audit token.
use super::{with, Client, ERROR, OK};
use crate::proc::Process;

/// Whether the client does not want to know of this event of this process.
pub(super) fn is_muted(c: &Client, ty: u32, actor: &Process, target: Option<&Process>) -> bool {
    let of_type = |events: &Option<Vec<u32>>| events.as_ref().is_none_or(|e| e.contains(&ty));
    let matches = |kind: u32, muted: &[u8], path: &[u8]| if kind.is_multiple_of(2) { path.starts_with(muted) } else { path == muted };
    let by_path = |(kind, muted, events): &(u32, Vec<u8>, Option<Vec<u32>>)| {
        let path = if *kind < 2 { Some(&actor.path) } else { target.map(|t| &t.path) };
        of_type(events) && path.is_some_and(|path| matches(*kind, muted, path))
    };
    c.muted_paths.iter().any(by_path) || c.muted_procs.iter().any(|(t, events)| of_type(events) && *t == actor.token())
}

unsafe fn bytes(p: *const libc::c_char) -> Vec<u8> {
    std::ffi::CStr::from_ptr(p).to_bytes().to_vec()
}
unsafe fn mute(c: usize, p: *const libc::c_char, ty: u32, ev: Option<Vec<u32>>) -> u32 {
    let p = bytes(p);
    if ty > 3 || !p.starts_with(b"/") {
        return ERROR;
    }
    with(c, "es_mute_path", |x| {
        x.muted_paths.push((ty, p, ev));
        OK
    })
}
pub(super) unsafe extern "C" fn mute_path(c: usize, p: *const libc::c_char, ty: u32) -> u32 {
    mute(c, p, ty, None)
}
pub(super) unsafe extern "C" fn mute_path_prefix(c: usize, p: *const libc::c_char) -> u32 {
    mute(c, p, 0, None)
}
pub(super) unsafe extern "C" fn mute_path_literal(c: usize, p: *const libc::c_char) -> u32 {
    mute(c, p, 1, None)
}
pub(super) unsafe extern "C" fn mute_path_events(c: usize, p: *const libc::c_char, ty: u32, ev: *const u32, n: usize) -> u32 {
    mute(c, p, ty, Some(std::slice::from_raw_parts(ev, n).to_vec()))
}
pub(super) unsafe extern "C" fn unmute_path(c: usize, p: *const libc::c_char, ty: u32) -> u32 {
    let p = bytes(p);
    with(c, "es_unmute_path", |x| {
        x.muted_paths.retain(|m| !(m.0 == ty && m.1 == p));
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_path_events(c: usize, p: *const libc::c_char, ty: u32, _e: *const u32, _n: usize) -> u32 {
    unmute_path(c, p, ty)
}
pub(super) extern "C" fn unmute_all_paths(c: usize) -> u32 {
    with(c, "es_unmute_all_paths", |x| {
        x.muted_paths.retain(|m| m.0 > 1);
        OK
    })
}
pub(super) extern "C" fn unmute_all_target_paths(c: usize) -> u32 {
    with(c, "es_unmute_all_target_paths", |x| {
        x.muted_paths.retain(|m| m.0 < 2);
        OK
    })
}
pub(super) unsafe extern "C" fn mute_process(c: usize, t: *const [u32; 8]) -> u32 {
    with(c, "es_mute_process", |x| {
        x.muted_procs.push((*t, None));
        OK
    })
}
pub(super) unsafe extern "C" fn mute_process_events(c: usize, t: *const [u32; 8], ev: *const u32, n: usize) -> u32 {
    with(c, "es_mute_process_events", |x| {
        x.muted_procs.push((*t, Some(std::slice::from_raw_parts(ev, n).to_vec())));
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_process(c: usize, t: *const [u32; 8]) -> u32 {
    with(c, "es_unmute_process", |x| {
        x.muted_procs.retain(|m| m.0 != *t);
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_process_events(c: usize, t: *const [u32; 8], _e: *const u32, _n: usize) -> u32 {
    unmute_process(c, t)
}
/// {count, paths} and {count, processes}: an empty set is answered.
pub(super) unsafe extern "C" fn muted_set(c: usize, out: *mut *mut [usize; 2]) -> u32 {
    with(c, "es_muted_*", |_| {
        *out = Box::into_raw(Box::new([0; 2]));
        OK
    })
}
pub(super) unsafe extern "C" fn release_muted_set(p: *mut [usize; 2]) {
    drop(Box::from_raw(p))
}
pub(super) unsafe extern "C" fn muted_processes(c: usize, n: *mut usize, out: *mut *mut [u32; 8]) -> u32 {
    with(c, "es_muted_processes", |x| {
        *n = x.muted_procs.len();
        *out = libc::malloc((*n).max(1) * 32) as *mut _;
        for (i, m) in x.muted_procs.iter().enumerate() {
            *(*out).add(i) = m.0;
        }
        OK
    })
}
