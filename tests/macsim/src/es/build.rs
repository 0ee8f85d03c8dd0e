//! The bytes of one es_message_t.
use super::arena::Arena;
use super::event::{Connection, Event};
use super::{layout, message};
use crate::proc::Process;
use crate::script::text;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which message version a macOS release sends. 13.3 and 7 are from the header; the others are not verified.
/// FACT: message-version
pub(crate) fn default_version() -> u32 {
    match crate::shims::world::os() {
        (major, ..) if major <= 12 => 5,
        (13, 0..=2, _) => 6,
        (13 | 14, ..) => 7,
        (major, ..) if major < 26 => 8,
        _ => 10,
    }
}

/// When it happened: seconds since 1970, and nanoseconds. What the kernel delivers late has its own time.
pub(crate) fn event_time(step: &Value) -> (u64, u64) {
    let late = std::time::Duration::from_millis(step["late_ms"].as_u64().unwrap_or(0));
    let time = crate::shims::time::since_1970().saturating_sub(late);
    let (seconds, nanoseconds) = (time.as_secs(), u64::from(time.subsec_nanos()));
    (step["time_s"].as_u64().unwrap_or(seconds), step["time_ns"].as_u64().unwrap_or(nanoseconds))
}

/// "es_connect_layout_shift": how many bytes further back the members of a connect event are, all but the first. A
/// unknown layout.
static CONNECT_SHIFT: AtomicUsize = AtomicUsize::new(0);
pub(crate) fn set_connect_shift(bytes: usize) {
    CONNECT_SHIFT.store(bytes, Ordering::Relaxed)
}

/// What a step says of an exec and that is not of its process.
pub(crate) struct Exec {
    pub(crate) dyld_exec_path: Vec<u8>,
    pub(crate) script: Option<Vec<u8>>,
    pub(crate) cwd: Vec<u8>,
    pub(crate) fds: Vec<(u32, u32, u64)>,
    pub(crate) last_fd: u32,
}
impl Exec {
    pub(crate) fn of(step: &Value, target: &Process) -> Exec {
        let one = |descriptor: &Value| {
            (
                descriptor["fd"].as_i64().unwrap_or(0) as u32,
                descriptor["type"].as_u64().unwrap_or(1) as u32,
                descriptor["pipe_id"].as_u64().unwrap_or(0),
            )
        };
        let mut fds: Vec<_> = step["fds"].as_array().into_iter().flatten().map(one).collect();
        for _ in fds.len()..step["fds_count"].as_u64().unwrap_or(0) as usize {
            fds.push((fds.last().map_or(0, |descriptor| descriptor.0 + 1), 1, 0));
        }
        Exec {
            dyld_exec_path: step.get("dyld_exec_path").map_or_else(|| target.path.clone(), text::bytes),
            script: step.get("script").filter(|text| !text.is_null()).map(text::bytes),
            cwd: step.get("cwd").map_or_else(|| b"/".to_vec(), text::bytes),
            last_fd: step["last_fd"].as_i64().map_or_else(
                || fds.iter().map(|descriptor| descriptor.0).max().unwrap_or(2).max(2),
                |number| number as u32,
            ),
            fds,
        }
    }
}

/// What a string of this length takes, with its NUL and up to the next word.
fn text_room(len: usize) -> usize {
    len + 8
}
fn file_room(path: &[u8]) -> usize {
    layout::file::SIZE + text_room(path.len())
}
fn process_room(process: &Process) -> usize {
    let strings = text_room(process.signing_id.len()) + text_room(process.team_id.len());
    layout::process::SIZE + strings + file_room(&process.path) + process.tty.as_ref().map_or(0, |tty| file_room(tty))
}
fn exec_room(exec: &Exec, target: &Process) -> usize {
    let lists: usize = target.args.iter().chain(target.env.iter()).map(|text| text_room(text.len())).sum();
    let files = file_room(&exec.cwd)
        + exec.script.as_ref().map_or(0, |text| file_room(text))
        + text_room(exec.dyld_exec_path.len());
    process_room(target) + lists + files + exec.fds.len() * layout::fd::SIZE
}

/// Its address. `seq` are its numbers among those of its type and among all.
pub(super) fn message(step: &Value, ty: u32, actor: &Process, event: &Event, seq: (u64, u64)) -> usize {
    let version = step["version"].as_u64().map(|value| value as u32).unwrap_or_else(default_version);
    let exec = match event {
        Event::Exec { target } => Some(Exec::of(step, target)),
        _ => None,
    };
    let room = match event {
        Event::Exec { target } => exec_room(exec.as_ref().expect("an exec"), target),
        Event::Fork { child } => process_room(child),
        Event::Exit { .. } => 0,
        Event::Connect(connection) => {
            layout::connect::SIZE + CONNECT_SHIFT.load(Ordering::Relaxed) + 8 + text_room(connection.hostname.len())
        }
    };
    let mut arena = Arena::new(layout::message::SIZE + layout::thread::SIZE + process_room(actor) + room);
    let msg = head(&mut arena, step, actor, Envelope { ty, version, seq });
    let event_at = msg + layout::message::EVENT;
    let (mut args, mut env, mut fds) = (vec![], vec![], vec![]);
    match event {
        Event::Exec { target } => {
            let exec = exec.expect("an exec");
            write_exec(&mut arena, event_at, &exec, target, version);
            args = target.args.iter().map(|text| arena.string(0, text)).collect();
            env = target.env.iter().map(|text| arena.string(0, text)).collect();
            for (fd, ty, pipe) in exec.fds {
                let at = arena.alloc(layout::fd::SIZE);
                arena.u32(at + layout::fd::FD, fd);
                arena.u32(at + layout::fd::FDTYPE, ty);
                arena.u64(at + layout::fd::PIPE_ID, pipe);
                fds.push(at);
            }
        }
        Event::Fork { child } => {
            let at = process(&mut arena, child, version);
            arena.u64(event_at + layout::fork::CHILD, at as u64);
        }
        Event::Exit { stat } => arena.u32(event_at + layout::exit::STAT, *stat as u32),
        Event::Connect(connection) => {
            let at = write_connect(&mut arena, connection, CONNECT_SHIFT.load(Ordering::Relaxed));
            arena.u64(event_at, at as u64);
        }
    }
    message::publish(msg, arena.seal(), args, env, fds);
    msg
}

/// What is in every message, and not of its process.
struct Envelope {
    ty: u32,
    version: u32,
    /// Its numbers among those of its type and among all.
    seq: (u64, u64),
}

fn head(arena: &mut Arena, step: &Value, actor: &Process, envelope: Envelope) -> usize {
    let Envelope { ty, version, seq } = envelope;
    let msg = arena.alloc(layout::message::SIZE);
    let now = crate::shims::time::kernel_absolute_ticks();
    let (seconds, nanoseconds) = event_time(step);
    arena.u32(msg + layout::message::VERSION, version);
    arena.u64(msg + layout::message::TIME, seconds);
    arena.u64(msg + layout::message::TIME + 8, nanoseconds);
    arena.u64(msg + layout::message::MACH_TIME, now);
    arena.u64(msg + layout::message::DEADLINE, u64::MAX);
    let at = process(arena, actor, version);
    arena.u64(msg + layout::message::PROCESS, at as u64);
    arena.u64(msg + layout::message::SEQ_NUM, seq.0);
    arena.u32(msg + layout::message::ACTION_TYPE, layout::ACTION_NOTIFY);
    arena.u32(msg + layout::message::EVENT_TYPE, ty);
    if version >= 4 {
        let th = arena.alloc(layout::thread::SIZE);
        arena.u64(th + layout::thread::THREAD_ID, 0x5000 + actor.pid as u64);
        arena.u64(msg + layout::message::THREAD, th as u64);
        arena.u64(msg + layout::message::GLOBAL_SEQ_NUM, seq.1);
    } else {
        arena.unavailable(msg + layout::message::THREAD, 16);
    }
    msg
}

fn write_exec(arena: &mut Arena, event_at: usize, exec: &Exec, target: &Process, version: u32) {
    let at = process(arena, target, version);
    arena.u64(event_at + layout::exec::TARGET, at as u64);
    if version >= 7 {
        arena.string(event_at + layout::exec::DYLD_EXEC_PATH, &exec.dyld_exec_path);
    } else {
        arena.unavailable(event_at + layout::exec::DYLD_EXEC_PATH, 16);
    }
    if let Some(script) = &exec.script {
        let file = arena.file(script, 0o100755);
        arena.u64(event_at + layout::exec::SCRIPT, file as u64);
    }
    let cwd = arena.file(&exec.cwd, 0o40755);
    arena.u64(event_at + layout::exec::CWD, cwd as u64);
    arena.u32(event_at + layout::exec::LAST_FD, exec.last_fd);
    if version >= 6 {
        arena.u32(event_at + layout::exec::CPUTYPE, 0x0100_0007);
        arena.u32(event_at + layout::exec::CPUSUBTYPE, 3);
    } else {
        arena.unavailable(event_at + layout::exec::CPUTYPE, 8);
    }
}

/// struct at the address that is returned.
fn write_connect(arena: &mut Arena, connection: &Connection, shift: usize) -> usize {
    use layout::connect as offset;
    let base = arena.alloc(offset::SIZE + shift);
    let at = base + shift;
    let ends = [
        (base + offset::LOCAL_FAMILY, offset::LOCAL_ADDRESS, offset::LOCAL_PORT, &connection.local),
        (at + offset::REMOTE_FAMILY, offset::REMOTE_ADDRESS, offset::REMOTE_PORT, &connection.remote),
    ];
    for (family, address, port, end) in ends {
        match end.ip() {
            std::net::IpAddr::V4(ip) => {
                arena.u32(family, 2);
                arena.put(at + address, ip.octets());
            }
            std::net::IpAddr::V6(ip) => {
                arena.u32(family, 30);
                arena.put(at + address, ip.octets());
            }
        }
        arena.put(at + port, end.port().to_ne_bytes());
    }
    let is_udp = connection.protocol == libc::IPPROTO_UDP as u32;
    arena.u32(at + offset::UNKNOWN, is_udp.into());
    arena.u32(at + offset::PROTOCOL, connection.protocol);
    arena.u32(at + offset::UNKNOWN_TOO, (!is_udp).into());
    if !connection.hostname.is_empty() {
        arena.string(at + offset::HOSTNAME, &connection.hostname);
    }
    base
}

fn process(arena: &mut Arena, of: &Process, version: u32) -> usize {
    use layout::process as offset;
    let at = arena.alloc(offset::SIZE);
    let token = |arena: &Arena, member: usize, token: [u32; 8]| {
        for (index, word) in token.iter().enumerate() {
            arena.u32(at + member + index * 4, *word);
        }
    };
    token(arena, offset::AUDIT_TOKEN, of.token());
    for (member, value) in [
        (offset::PPID, of.ppid),
        (offset::ORIGINAL_PPID, of.original_ppid),
        (offset::GROUP_ID, of.group_id),
        (offset::SESSION_ID, of.session_id),
    ] {
        arena.u32(at + member, value as u32);
    }
    arena.u32(at + offset::CODESIGNING_FLAGS, of.cs_flags);
    arena.put(at + offset::IS_PLATFORM_BINARY, [of.platform as u8]);
    arena.put(at + offset::IS_ES_CLIENT, [of.es_client as u8]);
    arena.put(at + offset::CDHASH, of.cdhash);
    arena.string(at + offset::SIGNING_ID, &of.signing_id);
    arena.string(at + offset::TEAM_ID, &of.team_id);
    let file = arena.file(&of.path, 0o100755);
    arena.put(file + layout::file::PATH_TRUNCATED, [of.path_truncated as u8]);
    arena.u64(at + offset::EXECUTABLE, file as u64);
    if let Some(token) = &of.tty {
        let file = arena.file(token, 0o20620);
        arena.u64(at + offset::TTY, file as u64);
    }
    arena.u64(at + offset::START_TIME, of.start.0);
    arena.u32(at + offset::START_TIME + 8, of.start.1);
    if version >= 4 {
        token(arena, offset::RESPONSIBLE, of.responsible);
        token(arena, offset::PARENT, of.parent);
    } else {
        arena.unavailable(at + offset::RESPONSIBLE, 64);
    }
    if version >= 10 {
        arena.u32(at + offset::CS_VALIDATION_CATEGORY, of.cs_validation_category());
    } else {
        arena.unavailable(at + offset::CS_VALIDATION_CATEGORY, 8);
    }
    at
}

#[cfg(test)]
mod tests;
