//! The bytes of one es_message_t.
use super::arena::Arena;
use super::event::{Connection, Event};
use super::{layout as l, message};
use crate::proc::Process;
use crate::script::text;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Which message version a macOS release sends. 13.3 and 7 are from the header; the others are not verified.
fn default_version() -> u32 {
    match crate::shims::world::os() {
        (v, ..) if v <= 12 => 5,
        (13, 0..=2, _) => 6,
        (13 | 14, ..) => 7,
        (v, ..) if v < 26 => 8,
        _ => 10,
    }
}

/// "es_connect_layout_shift": how many bytes further back the members of a connect event are, all but the first. A
/// layout that nobody knows.
static CONNECT_SHIFT: AtomicUsize = AtomicUsize::new(0);
pub fn set_connect_shift(n: usize) {
    CONNECT_SHIFT.store(n, Ordering::Relaxed)
}

/// What a step says of an exec and that is not of its process.
struct Exec {
    dyld_exec_path: Vec<u8>,
    script: Option<Vec<u8>>,
    cwd: Vec<u8>,
    fds: Vec<(u32, u32, u64)>,
    last_fd: u32,
}
impl Exec {
    fn of(v: &Value, target: &Process) -> Exec {
        let one =
            |f: &Value| (f["fd"].as_i64().unwrap_or(0) as u32, f["type"].as_u64().unwrap_or(1) as u32, f["pipe_id"].as_u64().unwrap_or(0));
        let mut fds: Vec<_> = v["fds"].as_array().into_iter().flatten().map(one).collect();
        for _ in fds.len()..v["fds_count"].as_u64().unwrap_or(0) as usize {
            fds.push((fds.last().map_or(0, |f| f.0 + 1), 1, 0));
        }
        Exec {
            dyld_exec_path: v.get("dyld_exec_path").map_or_else(|| target.path.clone(), text::bytes),
            script: v.get("script").filter(|s| !s.is_null()).map(text::bytes),
            cwd: v.get("cwd").map_or_else(|| b"/".to_vec(), text::bytes),
            last_fd: v["last_fd"].as_i64().map_or_else(|| fds.iter().map(|f| f.0).max().unwrap_or(2).max(2), |n| n as u32),
            fds,
        }
    }
}

/// What a string of this length takes, with its NUL and up to the next word.
fn text_room(len: usize) -> usize {
    len + 8
}
fn file_room(path: &[u8]) -> usize {
    l::file::SIZE + text_room(path.len())
}
fn process_room(p: &Process) -> usize {
    let strings = text_room(p.signing_id.len()) + text_room(p.team_id.len());
    l::process::SIZE + strings + file_room(&p.path) + p.tty.as_ref().map_or(0, |t| file_room(t))
}
fn exec_room(e: &Exec, target: &Process) -> usize {
    let lists: usize = target.args.iter().chain(target.env.iter()).map(|s| text_room(s.len())).sum();
    let files = file_room(&e.cwd) + e.script.as_ref().map_or(0, |s| file_room(s)) + text_room(e.dyld_exec_path.len());
    process_room(target) + lists + files + e.fds.len() * l::fd::SIZE
}

/// Its address. `seq` are its numbers among those of its type and among all.
pub(super) fn message(v: &Value, ty: u32, actor: &Process, event: &Event, seq: (u64, u64)) -> usize {
    let version = v["version"].as_u64().map(|x| x as u32).unwrap_or_else(default_version);
    let exec = match event {
        Event::Exec { target } => Some(Exec::of(v, target)),
        _ => None,
    };
    let room = match event {
        Event::Exec { target } => exec_room(exec.as_ref().expect("an exec"), target),
        Event::Fork { child } => process_room(child),
        Event::Exit { .. } => 0,
        Event::Connect(c) => l::connect::SIZE + CONNECT_SHIFT.load(Ordering::Relaxed) + 8 + text_room(c.hostname.len()),
    };
    let mut a = Arena::new(l::message::SIZE + l::thread::SIZE + process_room(actor) + room);
    let msg = head(&mut a, v, ty, actor, version, seq);
    let e = msg + l::message::EVENT;
    let (mut args, mut env, mut fds) = (vec![], vec![], vec![]);
    match event {
        Event::Exec { target } => {
            let exec = exec.expect("an exec");
            write_exec(&mut a, e, &exec, target, version);
            args = target.args.iter().map(|s| a.string(0, s)).collect();
            env = target.env.iter().map(|s| a.string(0, s)).collect();
            for (fd, ty, pipe) in exec.fds {
                let p = a.alloc(l::fd::SIZE);
                a.u32(p + l::fd::FD, fd);
                a.u32(p + l::fd::FDTYPE, ty);
                a.u64(p + l::fd::PIPE_ID, pipe);
                fds.push(p);
            }
        }
        Event::Fork { child } => {
            let p = process(&mut a, child, version);
            a.u64(e + l::fork::CHILD, p as u64);
        }
        Event::Exit { stat } => a.u32(e + l::exit::STAT, *stat as u32),
        Event::Connect(c) => {
            let p = write_connect(&mut a, c, CONNECT_SHIFT.load(Ordering::Relaxed));
            a.u64(e, p as u64);
        }
    }
    message::publish(msg, a.seal(), args, env, fds);
    msg
}

fn head(a: &mut Arena, v: &Value, ty: u32, actor: &Process, version: u32, seq: (u64, u64)) -> usize {
    let msg = a.alloc(l::message::SIZE);
    let now = crate::shims::time::mach_now();
    let t = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    // An event that the kernel delivers late has its own time.
    let t = t.saturating_sub(std::time::Duration::from_millis(v["late_ms"].as_u64().unwrap_or(0)));
    a.u32(msg + l::message::VERSION, version);
    a.u64(msg + l::message::TIME, v["time_s"].as_u64().unwrap_or(t.as_secs()));
    a.u64(msg + l::message::TIME + 8, v["time_ns"].as_u64().unwrap_or(t.subsec_nanos() as u64));
    a.u64(msg + l::message::MACH_TIME, now);
    a.u64(msg + l::message::DEADLINE, u64::MAX);
    let p = process(a, actor, version);
    a.u64(msg + l::message::PROCESS, p as u64);
    a.u64(msg + l::message::SEQ_NUM, seq.0);
    a.u32(msg + l::message::ACTION_TYPE, l::ACTION_NOTIFY);
    a.u32(msg + l::message::EVENT_TYPE, ty);
    if version >= 4 {
        let th = a.alloc(l::thread::SIZE);
        a.u64(th + l::thread::THREAD_ID, 0x5000 + actor.pid as u64);
        a.u64(msg + l::message::THREAD, th as u64);
        a.u64(msg + l::message::GLOBAL_SEQ_NUM, seq.1);
    } else {
        a.unavailable(msg + l::message::THREAD, 16);
    }
    msg
}

fn write_exec(a: &mut Arena, e: usize, exec: &Exec, target: &Process, version: u32) {
    let p = process(a, target, version);
    a.u64(e + l::exec::TARGET, p as u64);
    if version >= 7 {
        a.string(e + l::exec::DYLD_EXEC_PATH, &exec.dyld_exec_path);
    } else {
        a.unavailable(e + l::exec::DYLD_EXEC_PATH, 16);
    }
    if let Some(s) = &exec.script {
        let f = a.file(s, 0o100755);
        a.u64(e + l::exec::SCRIPT, f as u64);
    }
    let cwd = a.file(&exec.cwd, 0o40755);
    a.u64(e + l::exec::CWD, cwd as u64);
    a.u32(e + l::exec::LAST_FD, exec.last_fd);
    if version >= 6 {
        a.u32(e + l::exec::CPUTYPE, 0x0100_0007);
        a.u32(e + l::exec::CPUSUBTYPE, 3);
    } else {
        a.unavailable(e + l::exec::CPUTYPE, 8);
    }
}

/// struct at the address that is returned.
fn write_connect(a: &mut Arena, c: &Connection, shift: usize) -> usize {
    use l::connect as o;
    let base = a.alloc(o::SIZE + shift);
    let at = base + shift;
    let ends = [
        (base + o::LOCAL_FAMILY, o::LOCAL_ADDRESS, o::LOCAL_PORT, &c.local),
        (at + o::REMOTE_FAMILY, o::REMOTE_ADDRESS, o::REMOTE_PORT, &c.remote),
    ];
    for (family, address, port, end) in ends {
        match end.ip() {
            std::net::IpAddr::V4(ip) => {
                a.u32(family, 2);
                a.put(at + address, ip.octets());
            }
            std::net::IpAddr::V6(ip) => {
                a.u32(family, 30);
                a.put(at + address, ip.octets());
            }
        }
        a.put(at + port, end.port().to_ne_bytes());
    }
    let is_udp = c.protocol == libc::IPPROTO_UDP as u32;
    a.u32(at + o::UNKNOWN, is_udp.into());
    a.u32(at + o::PROTOCOL, c.protocol);
    a.u32(at + o::UNKNOWN_TOO, (!is_udp).into());
    if !c.hostname.is_empty() {
        a.string(at + o::HOSTNAME, &c.hostname);
    }
    base
}

fn process(a: &mut Arena, p: &Process, version: u32) -> usize {
    use l::process as o;
    let at = a.alloc(o::SIZE);
    let token = |a: &Arena, k: usize, t: [u32; 8]| {
        for (i, w) in t.iter().enumerate() {
            a.u32(at + k + i * 4, *w);
        }
    };
    token(a, o::AUDIT_TOKEN, p.token());
    for (k, x) in [(o::PPID, p.ppid), (o::ORIGINAL_PPID, p.original_ppid), (o::GROUP_ID, p.group_id), (o::SESSION_ID, p.session_id)] {
        a.u32(at + k, x as u32);
    }
    a.u32(at + o::CODESIGNING_FLAGS, p.cs_flags);
    a.put(at + o::IS_PLATFORM_BINARY, [p.platform as u8]);
    a.put(at + o::IS_ES_CLIENT, [p.es_client as u8]);
    a.put(at + o::CDHASH, p.cdhash);
    a.string(at + o::SIGNING_ID, &p.signing_id);
    a.string(at + o::TEAM_ID, &p.team_id);
    let f = a.file(&p.path, 0o100755);
    a.put(f + l::file::PATH_TRUNCATED, [p.path_truncated as u8]);
    a.u64(at + o::EXECUTABLE, f as u64);
    if let Some(t) = &p.tty {
        let f = a.file(t, 0o20620);
        a.u64(at + o::TTY, f as u64);
    }
    a.u64(at + o::START_TIME, p.start.0);
    a.u32(at + o::START_TIME + 8, p.start.1);
    if version >= 4 {
        token(a, o::RESPONSIBLE, p.responsible);
        token(a, o::PARENT, p.parent);
    } else {
        a.unavailable(at + o::RESPONSIBLE, 64);
    }
    if version >= 10 {
        a.u32(at + o::CS_VALIDATION_CATEGORY, p.cs_validation_category());
    } else {
        a.unavailable(at + o::CS_VALIDATION_CATEGORY, 8);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Table;
    use serde_json::json;

    fn u64_at(at: usize) -> u64 {
        // SAFETY: the tests read only within live messages.
        unsafe { (at as *const u64).read_unaligned() }
    }
    fn text_at(at: usize) -> &'static [u8] {
        // SAFETY: as above; an es_string_token_t.
        unsafe { std::slice::from_raw_parts(u64_at(at + l::string::DATA) as *const u8, u64_at(at + l::string::LENGTH) as usize) }
    }

    #[test]
    fn a_hostile_exec_fits() {
        let v = json!({"path": "", "args": ["a"], "args_repeat": {"text": "A", "times": 10 << 20}, "fds": [{"fd": 7}], "fds_count": 5000,
            "cwd": {"hex": "00ff"}, "script": "", "tty": {"hex": "fe", "times": 9}, "signing_id": {"hex": "ff"}, "team_id": "",
            "path_truncated": true, "zero_token": true});
        let (before, target) = Table::with(|t| {
            let before = t.before_exec(77, &v);
            (before.clone(), t.exec(77, &before, &v))
        });
        let msg = message(&v, l::NOTIFY_EXEC, &before, &Event::Exec { target }, (3, 4));
        let e = msg + l::message::EVENT;
        let p = u64_at(e + l::exec::TARGET) as usize;
        let exe = u64_at(p + l::process::EXECUTABLE) as usize;
        assert_eq!((text_at(exe), u64_at(exe + l::file::PATH_TRUNCATED) & 0xff), (&b""[..], 1));
        assert_eq!((u64_at(p), u64_at(p + 24), text_at(p + l::process::SIGNING_ID)), (0, 0, &b"\xff"[..]));
        assert_eq!((text_at(u64_at(e + l::exec::CWD) as usize), u64_at(msg + l::message::SEQ_NUM)), (&b"\0\xff"[..], 3));
        assert_eq!((message::arg_count(e), message::fd_count(e), u64_at(e + l::exec::LAST_FD) as u32), (2, 5000, 5006));
        assert_eq!(u64_at(message::fd(e, 4999)) as u32, 5006);
        message::release(msg);
    }

    #[test]
    fn a_connection_is_laid_out_as_on_26_4() {
        let c = Connection {
            local: "[::1]:50001".parse().unwrap(),
            remote: "93.184.216.34:443".parse().unwrap(),
            hostname: b"example.com".to_vec(),
            protocol: 6,
        };
        let mut a = Arena::new(4096);
        let (at, shifted) = (write_connect(&mut a, &c, 0), write_connect(&mut a, &c, 8));
        let pages = a.seal();
        // SAFETY: the pages live.
        let bytes = |at: usize, n: usize| unsafe { std::slice::from_raw_parts(at as *const u8, n) };
        let b = bytes(at, l::connect::SIZE);
        assert_eq!(
            (&b[..4], &b[4..0x14], &b[0x14..0x16]),
            (&[30, 0, 0, 0][..], &std::net::Ipv6Addr::LOCALHOST.octets()[..], &[0x51, 0xc3][..])
        );
        assert_eq!((&b[0x18..0x20], &b[0x2c..0x2e], b[0x34]), (&[2, 0, 0, 0, 93, 184, 216, 34][..], &[0xbb, 1][..], 6));
        assert_eq!(text_at(at + l::connect::HOSTNAME), b"example.com");
        let s = bytes(shifted, l::connect::SIZE + 8);
        assert_eq!((&s[..4], &s[0x0c..0x40], &s[4..0x0c]), (&b[..4], &b[4..0x38], &[0; 8][..]));
        pages.release();
    }

    #[test]
    fn an_older_message_has_no_newer_fields() {
        let v = json!({"path": "/bin/ls", "version": 3});
        let p = Table::with(|t| {
            let before = t.get_or_make(78, &v);
            t.exec(78, &before, &v)
        });
        let msg = message(&v, l::NOTIFY_EXEC, &p, &Event::Exec { target: p.clone() }, (0, 0));
        let of_process = u64_at(msg + l::message::PROCESS) as usize;
        let none = u64::from_ne_bytes([0xa5; 8]);
        assert_eq!([u64_at(of_process + l::process::PARENT), u64_at(msg + l::message::GLOBAL_SEQ_NUM)], [none; 2]);
        assert_eq!(u64_at(of_process + l::process::CS_VALIDATION_CATEGORY), none);
        assert_eq!(
            [u64_at(msg + l::message::EVENT + l::exec::DYLD_EXEC_PATH), u64_at(msg + l::message::EVENT + l::exec::CPUTYPE)],
            [none; 2]
        );
        message::release(msg);
    }
}
