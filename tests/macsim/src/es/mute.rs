//! Muting by path, by target path, and by audit token.
use super::{Client, ERROR, OK, with};
use crate::proc::Process;

/// Whether the client does not want to know of this event of this process.
pub(super) fn is_muted(client: &Client, ty: u32, actor: &Process, target: Option<&Process>) -> bool {
    let of_type = |events: &Option<Vec<u32>>| events.as_ref().is_none_or(|events| events.contains(&ty));
    let matches = |kind: u32, muted: &[u8], path: &[u8]| {
        if kind.is_multiple_of(2) { path.starts_with(muted) } else { path == muted }
    };
    let by_path = |(kind, muted, events): &(u32, Vec<u8>, Option<Vec<u32>>)| {
        let path = if *kind < 2 { Some(&actor.path) } else { target.map(|token| &token.path) };
        of_type(events) && path.is_some_and(|path| matches(*kind, muted, path))
    };
    client.muted_paths.iter().any(by_path)
        || client.muted_procs.iter().any(|(token, events)| of_type(events) && *token == actor.token())
}

unsafe fn bytes(text: *const libc::c_char) -> Vec<u8> {
    std::ffi::CStr::from_ptr(text).to_bytes().to_vec()
}
unsafe fn mute(id: usize, path: *const libc::c_char, ty: u32, events: Option<Vec<u32>>) -> u32 {
    let path = bytes(path);
    if ty > 3 || !path.starts_with(b"/") {
        return ERROR;
    }
    with(id, "es_mute_path", |client| {
        client.muted_paths.push((ty, path, events));
        OK
    })
}
pub(super) unsafe extern "C" fn mute_path(id: usize, path: *const libc::c_char, ty: u32) -> u32 {
    mute(id, path, ty, None)
}
pub(super) unsafe extern "C" fn mute_path_prefix(id: usize, path: *const libc::c_char) -> u32 {
    mute(id, path, 0, None)
}
pub(super) unsafe extern "C" fn mute_path_literal(id: usize, path: *const libc::c_char) -> u32 {
    mute(id, path, 1, None)
}
pub(super) unsafe extern "C" fn mute_path_events(
    id: usize,
    path: *const libc::c_char,
    ty: u32,
    events: *const u32,
    count: usize,
) -> u32 {
    mute(id, path, ty, Some(std::slice::from_raw_parts(events, count).to_vec()))
}
pub(super) unsafe extern "C" fn unmute_path(id: usize, path: *const libc::c_char, ty: u32) -> u32 {
    let path = bytes(path);
    with(id, "es_unmute_path", |client| {
        client.muted_paths.retain(|muted| !(muted.0 == ty && muted.1 == path));
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_path_events(
    id: usize,
    path: *const libc::c_char,
    ty: u32,
    _e: *const u32,
    _n: usize,
) -> u32 {
    unmute_path(id, path, ty)
}
pub(super) extern "C" fn unmute_all_paths(id: usize) -> u32 {
    with(id, "es_unmute_all_paths", |client| {
        client.muted_paths.retain(|muted| muted.0 > 1);
        OK
    })
}
pub(super) extern "C" fn unmute_all_target_paths(id: usize) -> u32 {
    with(id, "es_unmute_all_target_paths", |client| {
        client.muted_paths.retain(|muted| muted.0 < 2);
        OK
    })
}
pub(super) unsafe extern "C" fn mute_process(id: usize, token: *const [u32; 8]) -> u32 {
    with(id, "es_mute_process", |client| {
        client.muted_procs.push((*token, None));
        OK
    })
}
pub(super) unsafe extern "C" fn mute_process_events(
    id: usize,
    token: *const [u32; 8],
    events: *const u32,
    count: usize,
) -> u32 {
    with(id, "es_mute_process_events", |client| {
        client.muted_procs.push((*token, Some(std::slice::from_raw_parts(events, count).to_vec())));
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_process(id: usize, token: *const [u32; 8]) -> u32 {
    with(id, "es_unmute_process", |client| {
        client.muted_procs.retain(|muted| muted.0 != *token);
        OK
    })
}
pub(super) unsafe extern "C" fn unmute_process_events(
    id: usize,
    token: *const [u32; 8],
    _e: *const u32,
    _n: usize,
) -> u32 {
    unmute_process(id, token)
}
/// {count, paths} and {count, processes}: an empty set is answered.
pub(super) unsafe extern "C" fn muted_set(id: usize, out: *mut *mut [usize; 2]) -> u32 {
    with(id, "es_muted_*", |_| {
        *out = Box::into_raw(Box::new([0; 2]));
        OK
    })
}
pub(super) unsafe extern "C" fn release_muted_set(path: *mut [usize; 2]) {
    drop(Box::from_raw(path))
}
pub(super) unsafe extern "C" fn muted_processes(id: usize, count: *mut usize, out: *mut *mut [u32; 8]) -> u32 {
    with(id, "es_muted_processes", |client| {
        *count = client.muted_procs.len();
        *out = libc::malloc((*count).max(1) * 32) as *mut _;
        for (index, muted) in client.muted_procs.iter().enumerate() {
            *(*out).add(index) = muted.0;
        }
        OK
    })
}
