//! What a descriptor can be asked whatever it is of: fcntl, ioctl, dup.
use super::errno::{darwin, fail, with_errno};
use super::path::{open_flags, open_flags_back};
use crate::ntstat::own;
use libc::{c_char, c_int};

fn duplicated(old: c_int, new: c_int) -> c_int {
    own::duplicated(old, new);
    new
}
pub(crate) unsafe extern "C" fn dup(fd: c_int) -> c_int {
    duplicated(fd, with_errno(libc::dup(fd)))
}
pub(crate) unsafe extern "C" fn dup2(old: c_int, new: c_int) -> c_int {
    if old != new {
        own::closes(new);
    }
    duplicated(old, with_errno(libc::dup2(old, new)))
}
pub(crate) unsafe extern "C" fn fcntl(fd: c_int, command: c_int, arg: usize) -> c_int {
    match command {
        0 => duplicated(fd, with_errno(libc::fcntl(fd, libc::F_DUPFD, arg as c_int))),
        1 => with_errno(libc::fcntl(fd, libc::F_GETFD)),
        2 => with_errno(libc::fcntl(fd, libc::F_SETFD, arg as c_int)),
        3 => {
            let result = with_errno(libc::fcntl(fd, libc::F_GETFL));
            if result < 0 { result } else { open_flags_back(result) }
        }
        4 => with_errno(libc::fcntl(fd, libc::F_SETFL, open_flags(arg as c_int) & !3)),
        7..=9 => lock(fd, command, arg as *mut DarwinFlock),
        50 => path_of(fd, arg as *mut u8),
        51 | 85 => with_errno(libc::fsync(fd)), // F_FULLFSYNC, F_BARRIERFSYNC
        44 | 45 | 48 | 73 => 0,                 // read-ahead hints, F_NOCACHE, F_SETNOSIGPIPE
        67 => duplicated(fd, with_errno(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, arg as c_int))),
        _ => {
            note!("fcntl command {command} is not known: EINVAL");
            fail(darwin::EINVAL)
        }
    }
}

/// `struct flock`: start, len, pid, type, whence.
#[repr(C)]
struct DarwinFlock {
    start: i64,
    len: i64,
    pid: i32,
    ty: i16,
    whence: i16,
}

/// F_GETLK, F_SETLK, F_SETLKW.
unsafe fn lock(fd: c_int, command: c_int, guest: *mut DarwinFlock) -> c_int {
    let mut linux: libc::flock = std::mem::zeroed();
    linux.l_start = (*guest).start;
    linux.l_len = (*guest).len;
    linux.l_whence = (*guest).whence;
    linux.l_type = match (*guest).ty {
        1 => libc::F_RDLCK,
        3 => libc::F_WRLCK,
        _ => libc::F_UNLCK,
    } as i16;
    let commands = [libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW];
    let result = with_errno(libc::fcntl(fd, commands[command as usize - 7], &mut linux));
    if result >= 0 && command == 7 {
        (*guest).ty = match linux.l_type as i32 {
            libc::F_RDLCK => 1,
            libc::F_WRLCK => 3,
            _ => 2,
        };
        (*guest).start = linux.l_start;
        (*guest).len = linux.l_len;
        (*guest).pid = linux.l_pid;
        (*guest).whence = linux.l_whence;
    }
    result
}

/// F_GETPATH.
unsafe fn path_of(fd: c_int, out: *mut u8) -> c_int {
    let length = libc::readlink(format!("/proc/self/fd/{fd}\0").as_ptr() as *const c_char, out as *mut c_char, 1023);
    if with_errno(length) < 0 {
        return -1;
    }
    *out.add(length as usize) = 0;
    0
}

pub(crate) unsafe extern "C" fn ioctl(fd: c_int, request: u64, arg: usize) -> c_int {
    match request & 0xffff_ffff {
        0x20006601 => with_errno(libc::ioctl(fd, libc::FIOCLEX)),
        0x20006602 => with_errno(libc::ioctl(fd, libc::FIONCLEX)),
        0x8004667e => with_errno(libc::ioctl(fd, libc::FIONBIO, arg)),
        0x4004667f => with_errno(libc::ioctl(fd, libc::FIONREAD, arg)),
        0x40087468 => with_errno(libc::ioctl(fd, libc::TIOCGWINSZ, arg)),
        0x80087467 => with_errno(libc::ioctl(fd, libc::TIOCSWINSZ, arg)),
        0x20007461 => with_errno(libc::ioctl(fd, libc::TIOCSCTTY, 0)),
        0x20007452 | 0x20007454 => 0, // TIOCPTYUNLK, TIOCPTYGRANT: posix_openpt() has done it
        0x40807453 => super::terminal::name_of_slave(fd, arg as *mut c_char), // TIOCPTYGNAME
        0xc0644e03 => crate::ntstat::ctl_info(fd, arg as *mut u8), // CTLIOCGINFO
        other => {
            note!("ioctl {other:#x} is not known: ENOTTY");
            fail(darwin::ENOTTY)
        }
    }
}
