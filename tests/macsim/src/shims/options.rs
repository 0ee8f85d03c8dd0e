//! Socket options.
use super::errno::{darwin, fail, to_darwin, with_errno};
use libc::{c_int, c_void};

const SO: &[(c_int, c_int)] = &[
    (4, libc::SO_REUSEADDR),
    (8, libc::SO_KEEPALIVE),
    (0x20, libc::SO_BROADCAST),
    (0x200, libc::SO_REUSEPORT),
    (0x1001, libc::SO_SNDBUF),
    (0x1002, libc::SO_RCVBUF),
    (0x1007, libc::SO_ERROR),
    (0x1008, libc::SO_TYPE),
    (2, libc::SO_ACCEPTCONN),
];
fn opt(level: c_int, option: c_int) -> Option<(c_int, c_int)> {
    match level {
        0xffff => SO.iter().find(|pair| pair.0 == option).map(|pair| (libc::SOL_SOCKET, pair.1)),
        6 => match option {
            1 => Some((6, libc::TCP_NODELAY)),
            0x10 => Some((6, libc::TCP_KEEPIDLE)),
            0x101 => Some((6, libc::TCP_KEEPINTVL)),
            0x102 => Some((6, libc::TCP_KEEPCNT)),
            _ => None,
        },
        41 if option == 27 => Some((41, libc::IPV6_V6ONLY)),
        0 if option == 4 => Some((0, libc::IP_TTL)),
        _ => None,
    }
}
pub(crate) unsafe extern "C" fn setsockopt(
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *const c_void,
    size: u32,
) -> c_int {
    match (level, option) {
        (0xffff, 0x1022) => return 0, // SO_NOSIGPIPE: the guest's SIGPIPE is ignored by Rust's runtime
        (0xffff, 0x1005) | (0xffff, 0x1006) => {
            let words = value as *const i64;
            let time = libc::timeval { tv_sec: *words, tv_usec: *(words.add(1) as *const i32) as i64 };
            return with_errno(libc::setsockopt(
                fd,
                libc::SOL_SOCKET,
                if option == 0x1005 { libc::SO_SNDTIMEO } else { libc::SO_RCVTIMEO },
                &time as *const _ as *const _,
                16,
            ));
        }
        (0xffff, 0x1002) if size == 4 && crate::ntstat::refuses_rcvbuf(fd, *(value as *const i32) as usize) => {
            return fail(darwin::ENOBUFS);
        }
        (0xffff, 0x1002) if size == 4 && crate::ntstat::rcvbuf(fd, Some(*(value as *const i32) as usize)).is_some() => {
            return 0;
        }
        (0xffff, 0x80) | (0xffff, 0x1080) => {
            return with_errno(libc::setsockopt(fd, libc::SOL_SOCKET, libc::SO_LINGER, value, size));
        }
        _ => {}
    }
    match opt(level, option) {
        Some((host_level, option)) => with_errno(libc::setsockopt(fd, host_level, option, value, size)),
        None => {
            note!("setsockopt {level:#x} {option:#x} is not known: ENOPROTOOPT");
            fail(darwin::ENOPROTOOPT)
        }
    }
}
pub(crate) unsafe extern "C" fn getsockopt(
    fd: c_int,
    level: c_int,
    option: c_int,
    value: *mut c_void,
    size: *mut u32,
) -> c_int {
    if level == 0xffff && (option == 0x1005 || option == 0x1006) {
        let mut time: libc::timeval = std::mem::zeroed();
        let mut size_of_time = 16;
        if with_errno(libc::getsockopt(
            fd,
            libc::SOL_SOCKET,
            if option == 0x1005 { libc::SO_SNDTIMEO } else { libc::SO_RCVTIMEO },
            &mut time as *mut _ as *mut _,
            &mut size_of_time,
        )) < 0
        {
            return -1;
        }
        *(value as *mut i64) = time.tv_sec;
        *(value as *mut i64).add(1) = time.tv_usec;
        *size = 16;
        return 0;
    }
    if (level, option) == (0xffff, 0x1002)
        && let Some(result) = crate::ntstat::rcvbuf(fd, None)
    {
        *(value as *mut i32) = result as i32;
        *size = 4;
        return 0;
    }
    match opt(level, option) {
        Some((host_level, host_option)) => {
            let result = with_errno(libc::getsockopt(fd, host_level, host_option, value, size));
            if result == 0 && host_level == libc::SOL_SOCKET && host_option == libc::SO_ERROR {
                *(value as *mut i32) = to_darwin(*(value as *mut i32));
            }
            result
        }
        None => {
            note!("getsockopt {level:#x} {option:#x} is not known: ENOPROTOOPT");
            fail(darwin::ENOPROTOOPT)
        }
    }
}
