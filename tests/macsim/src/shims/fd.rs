//! What a descriptor can be asked whatever it is of: fcntl, ioctl, dup.
use super::errno::{d, fail, r};
use super::file::{open_flags, open_flags_back};
use crate::ntstat::own;
use libc::{c_char, c_int};

fn duplicated(old: c_int, new: c_int) -> c_int {
    own::duplicated(old, new);
    new
}
pub unsafe extern "C" fn dup(fd: c_int) -> c_int {
    duplicated(fd, r(libc::dup(fd)))
}
pub unsafe extern "C" fn dup2(a: c_int, b: c_int) -> c_int {
    if a != b {
        own::closes(b);
    }
    duplicated(a, r(libc::dup2(a, b)))
}
pub unsafe extern "C" fn fcntl(fd: c_int, cmd: c_int, arg: usize) -> c_int {
    match cmd {
        0 => duplicated(fd, r(libc::fcntl(fd, libc::F_DUPFD, arg as c_int))),
        1 => r(libc::fcntl(fd, libc::F_GETFD)),
        2 => r(libc::fcntl(fd, libc::F_SETFD, arg as c_int)),
        3 => {
            let v = r(libc::fcntl(fd, libc::F_GETFL));
            if v < 0 {
                v
            } else {
                open_flags_back(v)
            }
        }
        4 => r(libc::fcntl(fd, libc::F_SETFL, open_flags(arg as c_int) & !3)),
        7..=9 => {
            // struct flock: start, len, pid, type, whence
            #[repr(C)]
            struct DFlock {
                start: i64,
                len: i64,
                pid: i32,
                ty: i16,
                whence: i16,
            }
            let g = arg as *mut DFlock;
            let mut l: libc::flock = std::mem::zeroed();
            l.l_start = (*g).start;
            l.l_len = (*g).len;
            l.l_whence = (*g).whence;
            l.l_type = match (*g).ty {
                1 => libc::F_RDLCK,
                3 => libc::F_WRLCK,
                _ => libc::F_UNLCK,
            } as i16;
            let v = r(libc::fcntl(fd, [libc::F_GETLK, libc::F_SETLK, libc::F_SETLKW][cmd as usize - 7], &mut l));
            if v >= 0 && cmd == 7 {
                (*g).ty = match l.l_type as i32 {
                    libc::F_RDLCK => 1,
                    libc::F_WRLCK => 3,
                    _ => 2,
                };
                (*g).start = l.l_start;
                (*g).len = l.l_len;
                (*g).pid = l.l_pid;
                (*g).whence = l.l_whence;
            }
            v
        }
        50 => {
            // F_GETPATH
            let n = libc::readlink(format!("/proc/self/fd/{fd}\0").as_ptr() as *const c_char, arg as *mut c_char, 1023);
            if r(n) < 0 {
                return -1;
            }
            *(arg as *mut u8).add(n as usize) = 0;
            0
        }
        51 | 85 => r(libc::fsync(fd)), // F_FULLFSYNC, F_BARRIERFSYNC
        44 | 45 | 48 | 73 => 0,        // read-ahead hints, F_NOCACHE, F_SETNOSIGPIPE
        67 => duplicated(fd, r(libc::fcntl(fd, libc::F_DUPFD_CLOEXEC, arg as c_int))),
        _ => {
            note!("fcntl command {cmd} is not known: EINVAL");
            fail(d::EINVAL)
        }
    }
}

pub unsafe extern "C" fn ioctl(fd: c_int, req: u64, arg: usize) -> c_int {
    match req & 0xffff_ffff {
        0x20006601 => r(libc::ioctl(fd, libc::FIOCLEX)),
        0x20006602 => r(libc::ioctl(fd, libc::FIONCLEX)),
        0x8004667e => r(libc::ioctl(fd, libc::FIONBIO, arg)),
        0x4004667f => r(libc::ioctl(fd, libc::FIONREAD, arg)),
        0x40087468 => r(libc::ioctl(fd, libc::TIOCGWINSZ, arg)),
        0x80087467 => r(libc::ioctl(fd, libc::TIOCSWINSZ, arg)),
        0x20007461 => r(libc::ioctl(fd, libc::TIOCSCTTY, 0)),
        0x20007452 | 0x20007454 => 0, // TIOCPTYUNLK, TIOCPTYGRANT: posix_openpt() has done it
        0x40807453 => super::terminal::name_of_slave(fd, arg as *mut c_char), // TIOCPTYGNAME
        0xc0644e03 => crate::ntstat::ctl_info(fd, arg as *mut u8), // CTLIOCGINFO
        q => {
            note!("ioctl {q:#x} is not known: ENOTTY");
            fail(d::ENOTTY)
        }
    }
}
