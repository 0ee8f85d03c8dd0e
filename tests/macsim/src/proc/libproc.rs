//! libproc and KERN_PROCARGS2.
use super::record::{Out, bsdinfo, socket_fdinfo, uniq};
use super::{Process, Table};
use crate::shims::errno::{darwin, set};
use std::sync::Arc;

pub(super) fn find(pid: i32) -> Option<Arc<Process>> {
    let process = Table::with(|table| table.processes.get(&pid).cloned());
    match process {
        Some(process) if process.errno != 0 => {
            set(process.errno);
            None
        }
        Some(process) if !process.hidden => Some(process),
        _ => {
            set(darwin::ESRCH);
            None
        }
    }
}

unsafe fn give(bytes: &[u8], buf: *mut u8, size: i32) -> i32 {
    if (size as usize) < bytes.len() || size < 0 {
        set(darwin::ENOMEM);
        return 0;
    }
    std::ptr::copy_nonoverlapping(bytes.as_ptr(), buf, bytes.len());
    bytes.len() as i32
}

/// PROC_PIDTASKINFO: 96 bytes, of which the resident memory is of interest, the simulator's own counted in. FACT: task-info
fn task_info() -> Vec<u8> {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:")?.trim().strip_suffix(" kB")?.parse().ok());
    let resident: u64 = kib.unwrap_or(0) * 1024;
    let mut out = Out::new(96);
    out.u64(0, resident * 4).u64(8, resident);
    out.bytes
}

unsafe extern "C" fn pidinfo(pid: i32, flavor: i32, _arg: u64, buf: *mut u8, size: i32) -> i32 {
    let Some(process) = find(pid) else { return 0 };
    match flavor {
        1 => {
            // PROC_PIDLISTFDS
            if buf.is_null() {
                return (process.fds.len() as i32 + 20) * 8;
            }
            let count = (size as usize / 8).min(process.fds.len());
            for (index, descriptor) in process.fds.iter().take(count).enumerate() {
                *(buf.add(index * 8) as *mut i32) = descriptor.fd;
                *(buf.add(index * 8 + 4) as *mut u32) = descriptor.ty;
            }
            (count * 8) as i32
        }
        3 => give(&bsdinfo(&process), buf, size),
        9 => {
            // PROC_PIDVNODEPATHINFO: two vnode_info_path of 1176 bytes, the path at 152
            let mut out = Out::new(2352);
            let count = process.cwd.len().min(1023);
            out.put(152, &process.cwd[..count]).put(1176 + 152, b"/");
            give(&out.bytes, buf, size)
        }
        13 => {
            // PROC_PIDT_SHORTBSDINFO: 64 bytes
            let mut out = Out::new(64);
            out.u32(0, process.pid as u32)
                .u32(4, process.ppid as u32)
                .u32(8, process.group_id as u32)
                .u32(12, 2)
                .text(16, 16, process.comm.as_deref().unwrap_or(process.base()))
                .u32(36, process.uid)
                .u32(40, process.gid)
                .u32(44, process.uid)
                .u32(48, process.gid)
                .u32(52, process.uid)
                .u32(56, process.gid);
            give(&out.bytes, buf, size)
        }
        4 => give(&task_info(), buf, size),
        17 => give(&uniq(&process), buf, size),
        18 => {
            let mut value = bsdinfo(&process);
            value.extend(uniq(&process));
            give(&value, buf, size)
        }
        descriptor => {
            note!("proc_pidinfo flavor {descriptor} is not known: EINVAL");
            set(darwin::EINVAL);
            0
        }
    }
}

unsafe extern "C" fn pidfdinfo(pid: i32, fd: i32, flavor: i32, buf: *mut u8, size: i32) -> i32 {
    let Some(process) = find(pid) else { return 0 };
    let Some(descriptor) = process.fds.iter().find(|descriptor| descriptor.fd == fd) else {
        set(darwin::EBADF);
        return 0;
    };
    match (flavor, &descriptor.sock) {
        (3, Some(socket)) if socket.errno != 0 => {
            set(socket.errno);
            0
        }
        (3, Some(socket)) => give(&socket_fdinfo(socket), buf, size),
        (3, None) => {
            set(darwin::ENOTSUP);
            0
        }
        (descriptor, _) => {
            note!("proc_pidfdinfo flavor {descriptor} is not known: EINVAL");
            set(darwin::EINVAL);
            0
        }
    }
}
unsafe extern "C" fn pidpath(pid: i32, buf: *mut u8, size: u32) -> i32 {
    if size < 1024 {
        set(darwin::ENOMEM);
        return 0;
    }
    if size > 4096 {
        set(84);
        return 0;
    } // EOVERFLOW
    let Some(process) = find(pid) else { return 0 };
    let length = process.path.len().min(size as usize - 1);
    std::ptr::copy_nonoverlapping(process.path.as_ptr(), buf, length);
    *buf.add(length) = 0;
    length as i32
}
unsafe extern "C" fn pidpath_audittoken(token: *const [u32; 8], buf: *mut u8, size: u32) -> i32 {
    let pid = (*token)[5] as i32;
    match find(pid) {
        Some(process) if process.pidversion as u32 == (*token)[7] => pidpath(pid, buf, size),
        _ => {
            set(darwin::ESRCH);
            0
        }
    }
}
unsafe extern "C" fn name(pid: i32, buf: *mut u8, size: u32) -> i32 {
    if size < 32 {
        set(darwin::ENOMEM);
        return 0;
    }
    let Some(process) = find(pid) else { return 0 };
    let bytes = bsdinfo(&process);
    let name = &bytes[64..96];
    let length = name.iter().position(|byte| *byte == 0).unwrap_or(32);
    std::ptr::copy_nonoverlapping(name.as_ptr(), buf, length);
    *buf.add(length) = 0;
    length as i32
}
unsafe extern "C" fn listpids(ty: u32, arg: u32, buf: *mut i32, size: i32) -> i32 {
    let mut pids: Vec<i32> = Table::with(|table| {
        table
            .processes
            .values()
            .filter(|process| {
                !process.hidden
                    && match ty {
                        6 => process.ppid as u32 == arg,
                        4 => process.uid == arg,
                        2 => process.group_id as u32 == arg,
                        _ => true,
                    }
            })
            .map(|process| process.pid)
            .collect()
    });
    pids.sort_by(|left, right| right.cmp(left));
    if buf.is_null() {
        return (pids.len() as i32 + 20) * 4;
    }
    let count = (size.max(0) as usize / 4).min(pids.len());
    std::ptr::copy_nonoverlapping(pids.as_ptr(), buf, count);
    count as i32 * 4
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
    let size = [96, 144, 160, 232, 296, 304, 464].get(flavor as usize).copied().unwrap_or(96);
    std::ptr::write_bytes(out, 0, size);
    0
}

pub(crate) fn imports(table: &mut Vec<crate::shims::Import>) {
    crate::shims::functions!(table:
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
