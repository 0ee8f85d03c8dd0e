//! sysctl, and what else the kernel says of itself.
use super::errno::{d, fail};
use libc::{c_char, c_int, c_void};

unsafe fn give(v: &[u8], out: *mut c_void, len: *mut usize) -> c_int {
    if len.is_null() {
        return fail(d::EINVAL);
    }
    let short = !out.is_null() && *len < v.len();
    if !out.is_null() {
        std::ptr::copy_nonoverlapping(v.as_ptr(), out as *mut u8, v.len().min(*len));
        *len = v.len().min(*len);
    } else {
        *len = v.len();
    }
    if short {
        fail(d::ENOMEM)
    } else {
        0
    }
}
/// The release of the kernel: 22 of macOS 13, 24 of 15, 25 of 26.
fn darwin(macos: u32) -> u32 {
    match macos {
        ..=15 => macos + 9,
        26 => 25,
        later => later,
    }
}
fn sysctl_value(name: &str) -> Option<Vec<u8>> {
    if let Some(v) = super::world::with(|w| w.sysctl.get(name).cloned()) {
        return Some(v);
    }
    let os = super::world::os();
    let s = |x: String| {
        let mut v = x.into_bytes();
        v.push(0);
        Some(v)
    };
    let i = |x: i32| Some(x.to_ne_bytes().to_vec());
    match name {
        "kern.osproductversion" => s(if os.2 == 0 { format!("{}.{}", os.0, os.1) } else { format!("{}.{}.{}", os.0, os.1, os.2) }),
        "kern.osrelease" => s(format!("{}.{}.0", darwin(os.0), os.1 + 1)),
        "kern.osversion" => s("22E252".into()),
        "kern.ostype" => s("Darwin".into()),
        "kern.version" => s(format!("Darwin Kernel Version {}.{}.0 (macsim)", darwin(os.0), os.1 + 1)),
        "kern.hostname" => s(super::world::with(|w| w.hostname.clone()).unwrap_or("fake-mac.local".into())),
        "kern.uuid" | "kern.bootsessionuuid" => s("5F0E3C9B-0000-4000-8000-00000000C0DE".into()),
        "hw.model" => s("MacBookPro16,1".into()),
        "hw.machine" => s("x86_64".into()),
        "machdep.cpu.brand_string" => s("macsim virtual CPU".into()),
        "hw.ncpu" | "hw.logicalcpu" | "hw.activecpu" | "hw.physicalcpu" | "hw.logicalcpu_max" => {
            i(unsafe { libc::sysconf(libc::_SC_NPROCESSORS_ONLN) } as i32)
        }
        "hw.memsize" => Some((16u64 << 30).to_ne_bytes().to_vec()),
        "hw.pagesize" => i(4096),
        "sysctl.proc_translated" => i(0),
        "net.stats.stats" => Some(crate::ntstat::stats()),
        "kern.boottime" => {
            // struct timeval
            let mut t: libc::timespec = unsafe { std::mem::zeroed() };
            let mut u = t;
            unsafe {
                libc::clock_gettime(libc::CLOCK_REALTIME, &mut t);
                libc::clock_gettime(libc::CLOCK_MONOTONIC, &mut u)
            };
            let mut v = (t.tv_sec - u.tv_sec).to_ne_bytes().to_vec();
            v.extend([0u8; 8]);
            Some(v)
        }
        _ => None,
    }
}
pub unsafe extern "C" fn sysctlbyname(n: *const c_char, out: *mut c_void, len: *mut usize, new: *const c_void, _nl: usize) -> c_int {
    let name = std::ffi::CStr::from_ptr(n).to_string_lossy();
    if !new.is_null() {
        return fail(d::EPERM);
    }
    match sysctl_value(&name) {
        Some(v) => give(&v, out, len),
        None => {
            note!("sysctl {name} is not known: ENOENT (a \"sysctl\" step can set it)");
            fail(d::ENOENT)
        }
    }
}
pub unsafe extern "C" fn sysctl(mib: *const c_int, n: u32, out: *mut c_void, len: *mut usize, _new: *const c_void, _nl: usize) -> c_int {
    let m = std::slice::from_raw_parts(mib, n as usize);
    let name = match m {
        [1, 1] => "kern.ostype",
        [1, 2] => "kern.osrelease",
        [1, 4] => "kern.version",
        [1, 10] => "kern.hostname",
        [1, 21] => "kern.boottime",
        [1, 65] => "kern.osversion",
        [6, 1] => "hw.machine",
        [6, 2] => "hw.model",
        [6, 3] | [6, 25] => "hw.ncpu",
        [6, 7] => "hw.pagesize",
        [6, 24] => "hw.memsize",
        [1, 49, pid] => return crate::proc::procargs2(*pid, out as *mut u8, len), // KERN_PROCARGS2
        _ => {
            note!("sysctl mib {m:?} is not known: ENOENT");
            return fail(d::ENOENT);
        }
    };
    give(&sysctl_value(name).unwrap(), out, len)
}
pub unsafe extern "C" fn gethostname(b: *mut c_char, n: usize) -> c_int {
    let mut len = n;
    give(&sysctl_value("kern.hostname").unwrap(), b as *mut c_void, &mut len)
}
pub unsafe extern "C" fn gethostuuid(out: *mut [u8; 16], _t: *const c_void) -> c_int {
    *out = *b"\x5f\x0e\x3c\x9b\0\0\x40\0\x80\0\0\0\0\0\xc0\xde";
    0
}
/// struct utsname: five fields of 256 bytes.
pub unsafe extern "C" fn uname(out: *mut u8) -> c_int {
    std::ptr::write_bytes(out, 0, 256 * 5);
    for (i, k) in ["kern.ostype", "kern.hostname", "kern.osrelease", "kern.version", "hw.machine"].iter().enumerate() {
        let v = sysctl_value(k).unwrap();
        std::ptr::copy_nonoverlapping(v.as_ptr(), out.add(i * 256), v.len());
    }
    0
}
