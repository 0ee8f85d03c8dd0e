//! What a process may have, and what it has used.
use super::errno::{darwin, fail, with_errno};
use libc::{c_char, c_int};

pub(crate) unsafe extern "C" fn sysconf(name: c_int) -> i64 {
    let linux = match name {
        3 => libc::_SC_CLK_TCK,
        5 => libc::_SC_OPEN_MAX,
        29 => libc::_SC_PAGESIZE,
        56 => libc::_SC_IOV_MAX,
        57 => libc::_SC_NPROCESSORS_CONF,
        58 => libc::_SC_NPROCESSORS_ONLN,
        70 => libc::_SC_GETGR_R_SIZE_MAX,
        71 => libc::_SC_GETPW_R_SIZE_MAX,
        72 => libc::_SC_HOST_NAME_MAX,
        200 => libc::_SC_PHYS_PAGES,
        _ => {
            note!("sysconf name {name} is not known: EINVAL");
            return fail(darwin::EINVAL) as i64;
        }
    };
    with_errno(libc::sysconf(linux))
}
pub(crate) unsafe extern "C" fn confstr(name: c_int, buffer: *mut c_char, size: usize) -> usize {
    if !(65536..=65538).contains(&name) {
        fail(darwin::EINVAL);
        return 0;
    }
    let text = b"/tmp/\0";
    if !buffer.is_null() && size > 0 {
        let length = size.min(text.len());
        std::ptr::copy_nonoverlapping(text.as_ptr() as *const c_char, buffer, length);
        *buffer.add(length - 1) = 0;
    }
    text.len()
}
fn rlimit_res(resource: c_int) -> c_int {
    match resource & 0xff {
        7 => libc::RLIMIT_NPROC as c_int,
        8 => libc::RLIMIT_NOFILE as c_int,
        5 => libc::RLIMIT_AS as c_int,
        6 => libc::RLIMIT_MEMLOCK as c_int,
        other => other,
    }
}
const RLIM_INF: u64 = (1 << 63) - 1;
pub(crate) unsafe extern "C" fn getrlimit(resource: c_int, out: *mut [u64; 2]) -> c_int {
    let mut limits: libc::rlimit = std::mem::zeroed();
    if with_errno(libc::getrlimit(rlimit_res(resource) as u32, &mut limits)) < 0 {
        return -1;
    }
    *out = [limits.rlim_cur.min(RLIM_INF), limits.rlim_max.min(RLIM_INF)];
    0
}
pub(crate) unsafe extern "C" fn setrlimit(resource: c_int, wanted: *const [u64; 2]) -> c_int {
    let limit = |value: u64| if value >= RLIM_INF { libc::RLIM_INFINITY } else { value };
    with_errno(libc::setrlimit(
        rlimit_res(resource) as u32,
        &libc::rlimit { rlim_cur: limit((*wanted)[0]), rlim_max: limit((*wanted)[1]) },
    ))
}
pub(crate) unsafe extern "C" fn getrusage(who: c_int, out: *mut [i64; 18]) -> c_int {
    let mut usage: libc::rusage = std::mem::zeroed();
    if with_errno(libc::getrusage(who, &mut usage)) < 0 {
        return -1;
    }
    *out = [
        usage.ru_utime.tv_sec,
        usage.ru_utime.tv_usec,
        usage.ru_stime.tv_sec,
        usage.ru_stime.tv_usec,
        usage.ru_maxrss * 1024,
        0,
        0,
        0,
        usage.ru_minflt,
        usage.ru_majflt,
        0,
        usage.ru_inblock,
        usage.ru_oublock,
        0,
        0,
        0,
        usage.ru_nvcsw,
        usage.ru_nivcsw,
    ];
    0
}
