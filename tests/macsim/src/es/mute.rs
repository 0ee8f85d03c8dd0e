//! Muting by path, by target path, and by audit token.
use super::{Client, ERROR, OK, layout, with};
use crate::proc::Process;
use serde_json::Value;
use std::collections::BTreeSet;
use std::ffi::CStr;
use std::sync::Mutex;

/// ES_MUTE_PATH_TYPE_*.
const PREFIX: u32 = 0;
const LITERAL: u32 = 1;
const TARGET_PREFIX: u32 = 2;
const TARGET_LITERAL: u32 = 3;

/// The events of a path, or of a process, that a client does not get.
#[derive(Clone, Debug)]
pub(super) struct Muted<T> {
    what: T,
    events: BTreeSet<u32>,
}
/// A path, and how it is compared with whose.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Path {
    kind: u32,
    path: Vec<u8>,
}
impl Path {
    fn matches(&self, actor: &Process, target: Option<&Process>) -> bool {
        let process = if self.kind <= LITERAL { Some(actor) } else { target };
        let is_prefix = [PREFIX, TARGET_PREFIX].contains(&self.kind);
        process.is_some_and(
            |process| {
                if is_prefix { process.path.starts_with(&self.path) } else { process.path == self.path }
            },
        )
    }
}

/// Whether the client does not want to know of this event of this process.
pub(super) fn is_muted(client: &Client, ty: u32, actor: &Process, target: Option<&Process>) -> bool {
    client.muted_paths.iter().any(|muted| muted.events.contains(&ty) && muted.what.matches(actor, target))
        || client.muted_procs.iter().any(|muted| muted.events.contains(&ty) && muted.what == actor.token())
}

/// The set that a new client begins with, unless "es_default_mutes" gives another. What it is in any release is not
/// known: two programs muted for what asks for an answer, and one for everything, represent it. FACT: default-mutes
static DEFAULT: Mutex<Option<Vec<Muted<Path>>>> = Mutex::new(None);
const STAND_INS: [(&str, bool); 3] = [
    ("/usr/sbin/cfprefsd", false),
    ("/usr/libexec/trustd", false),
    ("/System/Library/PrivateFrameworks/TCC.framework/Support/tccd", true),
];
/// ES_EVENT_TYPE_AUTH_EXEC to ES_EVENT_TYPE_AUTH_UNLINK.
const ASKING: std::ops::RangeInclusive<u32> = 0..=8;
pub(crate) fn set_default(value: &Value) -> Result<(), String> {
    let list = value.as_array().ok_or("es_default_mutes: not a list")?;
    let one = |value: &Value| {
        let events =
            value["events"].as_array().into_iter().flatten().filter_map(Value::as_u64).map(|event| event as u32);
        let path = crate::script::text::bytes(&value["path"]);
        let kind = if value["prefix"] == true { PREFIX } else { LITERAL };
        let events = if value["events"].is_array() { events.collect() } else { every_event() };
        Muted { what: Path { kind, path }, events }
    };
    *DEFAULT.lock().unwrap() = Some(list.iter().map(one).collect());
    Ok(())
}
pub(super) fn default_set() -> Vec<Muted<Path>> {
    let stand_in = |(path, is_whole): (&str, bool)| {
        let events = if is_whole { every_event() } else { ASKING.collect() };
        Muted { what: Path { kind: LITERAL, path: path.into() }, events }
    };
    DEFAULT.lock().unwrap().clone().unwrap_or_else(|| STAND_INS.map(stand_in).into())
}

/// The calls that fail: "mute", "unmute", "muted_paths" ("es_mute_refused").
static REFUSED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
pub(crate) fn set_refused(value: &Value) -> Result<(), String> {
    let list = value.as_array().ok_or("es_mute_refused: not a list")?;
    *REFUSED.lock().unwrap() = list.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    Ok(())
}
fn is_refused(call: &str) -> bool {
    REFUSED.lock().unwrap().contains(call)
}

fn every_event() -> BTreeSet<u32> {
    let os = crate::shims::world::os();
    (0..layout::events_known((os.0, os.1))).collect()
}
/// `None`: all there are.
unsafe fn listed(events: *const u32, count: usize) -> BTreeSet<u32> {
    std::slice::from_raw_parts(events, count).iter().copied().collect()
}

/// Adds to the set of the client, as often as the same thing is muted.
fn mute<T: PartialEq>(set: &mut Vec<Muted<T>>, what: T, events: BTreeSet<u32>) -> u32 {
    match set.iter_mut().find(|muted| muted.what == what) {
        Some(muted) => muted.events.extend(events),
        None => set.push(Muted { what, events }),
    }
    OK
}
/// What was not muted cannot be unmuted.
fn unmute<T: PartialEq>(set: &mut Vec<Muted<T>>, what: &T, events: &BTreeSet<u32>) -> u32 {
    let Some(muted) = set.iter_mut().find(|muted| muted.what == *what) else { return ERROR };
    muted.events.retain(|event| !events.contains(event));
    set.retain(|muted| !muted.events.is_empty());
    OK
}

unsafe fn mute_one(id: usize, path: *const libc::c_char, kind: u32, events: BTreeSet<u32>) -> u32 {
    let path = CStr::from_ptr(path).to_bytes().to_vec();
    if is_refused("mute") || kind > TARGET_LITERAL || !path.starts_with(b"/") {
        return ERROR;
    }
    with(id, "es_mute_path", |client| mute(&mut client.muted_paths, Path { kind, path }, events))
}
unsafe fn unmute_one(id: usize, path: *const libc::c_char, kind: u32, events: BTreeSet<u32>) -> u32 {
    let path = CStr::from_ptr(path).to_bytes().to_vec();
    if is_refused("unmute") {
        return ERROR;
    }
    with(id, "es_unmute_path", |client| unmute(&mut client.muted_paths, &Path { kind, path }, &events))
}
pub(super) unsafe extern "C" fn mute_path(id: usize, path: *const libc::c_char, kind: u32) -> u32 {
    mute_one(id, path, kind, every_event())
}
pub(super) unsafe extern "C" fn mute_path_prefix(id: usize, path: *const libc::c_char) -> u32 {
    mute_one(id, path, PREFIX, every_event())
}
pub(super) unsafe extern "C" fn mute_path_literal(id: usize, path: *const libc::c_char) -> u32 {
    mute_one(id, path, LITERAL, every_event())
}
pub(super) unsafe extern "C" fn mute_path_events(
    id: usize,
    path: *const libc::c_char,
    kind: u32,
    events: *const u32,
    count: usize,
) -> u32 {
    mute_one(id, path, kind, listed(events, count))
}
pub(super) unsafe extern "C" fn unmute_path(id: usize, path: *const libc::c_char, kind: u32) -> u32 {
    unmute_one(id, path, kind, every_event())
}
pub(super) unsafe extern "C" fn unmute_path_events(
    id: usize,
    path: *const libc::c_char,
    kind: u32,
    events: *const u32,
    count: usize,
) -> u32 {
    unmute_one(id, path, kind, listed(events, count))
}
pub(super) extern "C" fn unmute_all_paths(id: usize) -> u32 {
    with(id, "es_unmute_all_paths", |client| {
        client.muted_paths.retain(|muted| muted.what.kind > LITERAL);
        OK
    })
}
pub(super) extern "C" fn unmute_all_target_paths(id: usize) -> u32 {
    with(id, "es_unmute_all_target_paths", |client| {
        client.muted_paths.retain(|muted| muted.what.kind <= LITERAL);
        OK
    })
}
pub(super) unsafe extern "C" fn mute_process(id: usize, token: *const [u32; 8]) -> u32 {
    with(id, "es_mute_process", |client| mute(&mut client.muted_procs, *token, every_event()))
}
pub(super) unsafe extern "C" fn mute_process_events(
    id: usize,
    token: *const [u32; 8],
    events: *const u32,
    count: usize,
) -> u32 {
    with(id, "es_mute_process_events", |client| mute(&mut client.muted_procs, *token, listed(events, count)))
}
pub(super) unsafe extern "C" fn unmute_process(id: usize, token: *const [u32; 8]) -> u32 {
    with(id, "es_unmute_process", |client| unmute(&mut client.muted_procs, &*token, &every_event()))
}
pub(super) unsafe extern "C" fn unmute_process_events(
    id: usize,
    token: *const [u32; 8],
    events: *const u32,
    count: usize,
) -> u32 {
    with(id, "es_unmute_process_events", |client| unmute(&mut client.muted_procs, &*token, &listed(events, count)))
}

/// struct es_muted_path_t.
#[repr(C)]
struct MutedPath {
    kind: u32,
    event_count: usize,
    events: *const u32,
    path: [usize; 2],
}
/// struct es_muted_paths_t, and behind it what it points to.
#[repr(C)]
pub(super) struct MutedPaths {
    count: usize,
    paths: *const MutedPath,
    listed: Vec<MutedPath>,
    _events: Vec<Vec<u32>>,
    _texts: Vec<Vec<u8>>,
}
pub(super) unsafe extern "C" fn muted_paths_events(id: usize, out: *mut *mut MutedPaths) -> u32 {
    if is_refused("muted_paths") {
        return ERROR;
    }
    with(id, "es_muted_paths_events", |client| {
        let of = |muted: &Muted<Path>| muted.events.iter().copied().collect::<Vec<u32>>();
        let events: Vec<_> = client.muted_paths.iter().map(of).collect();
        let texts: Vec<_> = client.muted_paths.iter().map(|muted| [&muted.what.path[..], b"\0"].concat()).collect();
        let members = client.muted_paths.iter().zip(&events).zip(&texts);
        let listed: Vec<_> = members
            .map(|((muted, events), text)| MutedPath {
                kind: muted.what.kind,
                event_count: events.len(),
                events: events.as_ptr(),
                path: [text.len() - 1, text.as_ptr() as usize],
            })
            .collect();
        let (count, paths) = (listed.len(), listed.as_ptr());
        *out = Box::into_raw(Box::new(MutedPaths { count, paths, listed, _events: events, _texts: texts }));
        OK
    })
}
pub(super) unsafe extern "C" fn release_muted_paths(set: *mut MutedPaths) {
    let set = Box::from_raw(set);
    assert_eq!(set.count, set.listed.len(), "the guest changed what it may only read");
}
/// {count, processes}: an empty set is answered.
pub(super) unsafe extern "C" fn muted_processes_events(id: usize, out: *mut *mut [usize; 2]) -> u32 {
    with(id, "es_muted_processes_events", |_| {
        *out = Box::into_raw(Box::new([0; 2]));
        OK
    })
}
pub(super) unsafe extern "C" fn release_muted_processes(set: *mut [usize; 2]) {
    drop(Box::from_raw(set))
}
pub(super) unsafe extern "C" fn muted_processes(id: usize, count: *mut usize, out: *mut *mut [u32; 8]) -> u32 {
    with(id, "es_muted_processes", |client| {
        *count = client.muted_procs.len();
        *out = libc::malloc((*count).max(1) * 32) as *mut _;
        for (index, muted) in client.muted_procs.iter().enumerate() {
            *(*out).add(index) = muted.what;
        }
        OK
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_muted_and_unmuted_one_by_one() {
        let mut set = Vec::new();
        let path = |text: &str| Path { kind: LITERAL, path: text.into() };
        mute(&mut set, path("/a"), [9, 11].into());
        mute(&mut set, path("/a"), [15].into());
        assert_eq!((set.len(), set[0].events.len()), (1, 3));
        assert_eq!(unmute(&mut set, &path("/a"), &[9, 11].into()), OK);
        assert_eq!(set[0].events, [15].into());
        assert_eq!(unmute(&mut set, &path("/a"), &[15].into()), OK);
        assert_eq!((set.len(), unmute(&mut set, &path("/a"), &[15].into())), (0, ERROR));
    }

    #[test]
    fn the_structures_have_the_sizes_of_the_header() {
        assert_eq!((size_of::<MutedPath>(), std::mem::offset_of!(MutedPath, path)), (40, 24));
        assert_eq!(std::mem::offset_of!(MutedPaths, paths), 8);
    }
}
