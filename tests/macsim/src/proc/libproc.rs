//! libproc and KERN_PROCARGS2.
use super::{Process, Sock, Table};
use crate::shims::errno::{d, set};
use std::sync::Arc;

fn find(pid: i32) -> Option<Arc<Process>> {
    let p = Table::with(|t| t.p.get(&pid).cloned());
    match p {
        Some(p) if p.errno != 0 => {
            set(p.errno);
            None
        }
        Some(p) if !p.hidden => Some(p),
        _ => {
            set(d::ESRCH);
            None
        }
    }
}

struct Out {
    b: Vec<u8>,
}
impl Out {
    fn new(n: usize) -> Out {
        Out { b: vec![0; n] }
    }
    fn u16(&mut self, o: usize, v: u16) -> &mut Self {
        self.b[o..o + 2].copy_from_slice(&v.to_ne_bytes());
        self
    }
    fn u32(&mut self, o: usize, v: u32) -> &mut Self {
        self.b[o..o + 4].copy_from_slice(&v.to_ne_bytes());
        self
    }
    fn u64(&mut self, o: usize, v: u64) -> &mut Self {
        self.b[o..o + 8].copy_from_slice(&v.to_ne_bytes());
        self
    }
    fn put(&mut self, o: usize, v: &[u8]) -> &mut Self {
        self.b[o..o + v.len()].copy_from_slice(v);
        self
    }
    fn text(&mut self, o: usize, room: usize, s: &[u8]) -> &mut Self {
        self.put(o, &s[..s.len().min(room - 1)])
    }
}

/// struct proc_bsdinfo: 136 bytes.
fn bsdinfo(p: &Process) -> Vec<u8> {
    let mut o = Out::new(136);
    o.u32(0, if p.tty.is_some() { 2 } else { 0 })
        .u32(4, 2)
        .u32(12, p.pid as u32)
        .u32(16, p.ppid as u32)
        .u32(20, p.uid)
        .u32(24, p.gid)
        .u32(28, p.uid)
        .u32(32, p.gid)
        .u32(36, p.uid)
        .u32(40, p.gid);
    o.text(48, 16, p.comm.as_deref().unwrap_or(p.base())).text(64, 32, p.best_name());
    o.u32(96, p.fds.len() as u32)
        .u32(100, p.group_id as u32)
        .u32(108, if p.tty.is_some() { 0x1000_0000 } else { u32::MAX })
        .u64(120, p.start.0)
        .u64(128, p.start.1 as u64);
    o.b
}
/// struct proc_uniqidentifierinfo: 56 bytes.
fn uniq(p: &Process) -> Vec<u8> {
    let mut o = Out::new(56);
    o.put(0, &p.uuid()).u64(16, p.upid).u64(24, p.pupid).u32(32, p.pidversion as u32).u32(36, p.parent[7]);
    o.b
}

unsafe fn give(v: &[u8], buf: *mut u8, size: i32) -> i32 {
    if (size as usize) < v.len() || size < 0 {
        set(d::ENOMEM);
        return 0;
    }
    std::ptr::copy_nonoverlapping(v.as_ptr(), buf, v.len());
    v.len() as i32
}

unsafe extern "C" fn pidinfo(pid: i32, flavor: i32, _arg: u64, buf: *mut u8, size: i32) -> i32 {
    let Some(p) = find(pid) else { return 0 };
    match flavor {
        1 => {
            // PROC_PIDLISTFDS
            if buf.is_null() {
                return (p.fds.len() as i32 + 20) * 8;
            }
            let n = (size as usize / 8).min(p.fds.len());
            for (i, f) in p.fds.iter().take(n).enumerate() {
                *(buf.add(i * 8) as *mut i32) = f.fd;
                *(buf.add(i * 8 + 4) as *mut u32) = f.ty;
            }
            (n * 8) as i32
        }
        3 => give(&bsdinfo(&p), buf, size),
        9 => {
            // PROC_PIDVNODEPATHINFO: two vnode_info_path of 1176 bytes, the path at 152
            let mut o = Out::new(2352);
            let n = p.cwd.len().min(1023);
            o.put(152, &p.cwd[..n]).put(1176 + 152, b"/");
            give(&o.b, buf, size)
        }
        13 => {
            // PROC_PIDT_SHORTBSDINFO: 64 bytes
            let mut o = Out::new(64);
            o.u32(0, p.pid as u32)
                .u32(4, p.ppid as u32)
                .u32(8, p.group_id as u32)
                .u32(12, 2)
                .text(16, 16, p.comm.as_deref().unwrap_or(p.base()))
                .u32(36, p.uid)
                .u32(40, p.gid)
                .u32(44, p.uid)
                .u32(48, p.gid)
                .u32(52, p.uid)
                .u32(56, p.gid);
            give(&o.b, buf, size)
        }
        17 => give(&uniq(&p), buf, size),
        18 => {
            let mut v = bsdinfo(&p);
            v.extend(uniq(&p));
            give(&v, buf, size)
        }
        f => {
            note!("proc_pidinfo flavor {f} is not known: EINVAL");
            set(d::EINVAL);
            0
        }
    }
}

/// struct socket_fdinfo: 792 bytes; proc_fileinfo 24, then socket_info.
fn socket_fdinfo(s: &Sock) -> Vec<u8> {
    let mut o = Out::new(792);
    let si = 24;
    let v6 = s.local.is_ipv6();
    o.u32(si + 152, if s.tcp { 1 } else { 2 })
        .u32(si + 156, if s.tcp { 6 } else { 17 })
        .u32(si + 160, if v6 { 30 } else { 2 })
        .u32(si + 232, if s.tcp { 2 } else { 1 });
    let ini = si + 240; // in_sockinfo, first in tcp_sockinfo too
    let addr = |o: &mut Out, port_at: usize, at: usize, a: &std::net::SocketAddr| {
        o.u32(port_at, a.port().to_be() as u32);
        match a.ip() {
            std::net::IpAddr::V4(x) => o.put(at + 12, &x.octets()),
            std::net::IpAddr::V6(x) => o.put(at, &x.octets()),
        };
    };
    addr(&mut o, ini + 4, ini + 48, &s.local);
    if let Some(r) = &s.remote {
        addr(&mut o, ini, ini + 32, r);
    }
    o.b[ini + 24] = if v6 { 2 } else { 1 };
    o.b[ini + 25] = 64;
    if s.tcp {
        o.u32(ini + 80, s.state as u32);
    }
    o.u16(si + 168, 0);
    o.b
}
unsafe extern "C" fn pidfdinfo(pid: i32, fd: i32, flavor: i32, buf: *mut u8, size: i32) -> i32 {
    let Some(p) = find(pid) else { return 0 };
    let Some(f) = p.fds.iter().find(|f| f.fd == fd) else {
        set(d::EBADF);
        return 0;
    };
    match (flavor, &f.sock) {
        (3, Some(s)) => give(&socket_fdinfo(s), buf, size),
        (3, None) => {
            set(d::ENOTSUP);
            0
        }
        (f, _) => {
            note!("proc_pidfdinfo flavor {f} is not known: EINVAL");
            set(d::EINVAL);
            0
        }
    }
}
unsafe extern "C" fn pidpath(pid: i32, buf: *mut u8, size: u32) -> i32 {
    if size < 1024 {
        set(d::ENOMEM);
        return 0;
    }
    if size > 4096 {
        set(84);
        return 0;
    } // EOVERFLOW
    let Some(p) = find(pid) else { return 0 };
    let n = p.path.len().min(size as usize - 1);
    std::ptr::copy_nonoverlapping(p.path.as_ptr(), buf, n);
    *buf.add(n) = 0;
    n as i32
}
unsafe extern "C" fn pidpath_audittoken(t: *const [u32; 8], buf: *mut u8, size: u32) -> i32 {
    let pid = (*t)[5] as i32;
    match find(pid) {
        Some(p) if p.pidversion as u32 == (*t)[7] => pidpath(pid, buf, size),
        _ => {
            set(d::ESRCH);
            0
        }
    }
}
unsafe extern "C" fn name(pid: i32, buf: *mut u8, size: u32) -> i32 {
    if size < 32 {
        set(d::ENOMEM);
        return 0;
    }
    let Some(p) = find(pid) else { return 0 };
    let b = bsdinfo(&p);
    let s = &b[64..96];
    let n = s.iter().position(|c| *c == 0).unwrap_or(32);
    std::ptr::copy_nonoverlapping(s.as_ptr(), buf, n);
    *buf.add(n) = 0;
    n as i32
}
unsafe extern "C" fn listpids(ty: u32, arg: u32, buf: *mut i32, size: i32) -> i32 {
    let mut v: Vec<i32> = Table::with(|t| {
        t.p.values()
            .filter(|p| {
                !p.hidden
                    && match ty {
                        6 => p.ppid as u32 == arg,
                        4 => p.uid == arg,
                        2 => p.group_id as u32 == arg,
                        _ => true,
                    }
            })
            .map(|p| p.pid)
            .collect()
    });
    v.sort_by(|a, b| b.cmp(a));
    if buf.is_null() {
        return (v.len() as i32 + 20) * 4;
    }
    let n = (size.max(0) as usize / 4).min(v.len());
    std::ptr::copy_nonoverlapping(v.as_ptr(), buf, n);
    n as i32 * 4
}
unsafe extern "C" fn listallpids(buf: *mut i32, size: i32) -> i32 {
    listpids(1, 0, buf, size) / 4
}
unsafe extern "C" fn listchildpids(pid: i32, buf: *mut i32, size: i32) -> i32 {
    listpids(6, pid as u32, buf, size) / 4
}
unsafe extern "C" fn pid_rusage(pid: i32, flavor: i32, out: *mut u8) -> i32 {
    if find(pid).is_none() {
        return -1;
    }
    let n = [96, 144, 160, 232, 296, 304, 464].get(flavor as usize).copied().unwrap_or(96);
    std::ptr::write_bytes(out, 0, n);
    0
}
/// sysctl KERN_PROCARGS2: argc, the path, NULs up to a word, the arguments, the environment.
pub unsafe fn procargs2(pid: i32, out: *mut u8, len: *mut usize) -> i32 {
    let Some(p) = find(pid) else {
        set(d::EINVAL);
        return -1;
    };
    let mut v = (p.args.len() as u32).to_ne_bytes().to_vec();
    v.extend(&p.path);
    v.push(0);
    while !v.len().is_multiple_of(8) {
        v.push(0);
    }
    for a in p.args.iter().chain(p.env.iter()) {
        v.extend(a);
        v.push(0);
    }
    if out.is_null() {
        *len = v.len();
        return 0;
    }
    if *len < v.len() {
        set(d::ENOMEM);
        return -1;
    }
    std::ptr::copy_nonoverlapping(v.as_ptr(), out, v.len());
    *len = v.len();
    0
}

pub fn table(v: &mut Vec<(&'static str, (usize, bool))>) {
    macro_rules! f { ($($n:literal = $f:expr),* $(,)?) => { $( v.push(($n, ($f as *const () as usize, false))); )* } }
    f!(
        "_proc_pidinfo" = pidinfo,
        "_proc_pidfdinfo" = pidfdinfo,
        "_proc_pidpath" = pidpath,
        "_proc_pidpath_audittoken" = pidpath_audittoken,
        "_proc_name" = name,
        "_proc_listpids" = listpids,
        "_proc_listallpids" = listallpids,
        "_proc_listchildpids" = listchildpids,
        "_proc_pid_rusage" = pid_rusage
    );
}
