//! sysctl, and what else the kernel says of itself.
use super::errno::{darwin, fail};
use libc::{c_char, c_int, c_void};

unsafe fn give(value: &[u8], out: *mut c_void, len: *mut usize) -> c_int {
    if len.is_null() {
        return fail(darwin::EINVAL);
    }
    let short = !out.is_null() && *len < value.len();
    if !out.is_null() {
        std::ptr::copy_nonoverlapping(value.as_ptr(), out as *mut u8, value.len().min(*len));
        *len = value.len().min(*len);
    } else {
        *len = value.len();
    }
    if short { fail(darwin::ENOMEM) } else { 0 }
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
    if let Some(value) = super::world::with(|world| world.sysctl.get(name).cloned()) {
        return Some(value);
    }
    let os = super::world::os();
    let text = |inner: String| {
        let mut value = inner.into_bytes();
        value.push(0);
        Some(value)
    };
    let number = |inner: i32| Some(inner.to_ne_bytes().to_vec());
    match name {
        "kern.osproductversion" if os.0 >= 26 && super::world::with(|world| world.version_compat) => {
            text("16.0".into())
        }
        "kern.osproductversion" => {
            text(if os.2 == 0 { format!("{}.{}", os.0, os.1) } else { format!("{}.{}.{}", os.0, os.1, os.2) })
        }
        "kern.osrelease" => text(format!("{}.{}.0", darwin(os.0), os.1 + 1)),
        "kern.osversion" => text("22E252".into()),
        "kern.ostype" => text("Darwin".into()),
        "kern.version" => text(format!("Darwin Kernel Version {}.{}.0 (macsim)", darwin(os.0), os.1 + 1)),
        "kern.hostname" => text(super::world::with(|world| world.hostname.clone()).unwrap_or("fake-mac.local".into())),
        "kern.uuid" | "kern.bootsessionuuid" => text("5F0E3C9B-0000-4000-8000-00000000C0DE".into()),
        "hw.model" => text("MacBookPro16,1".into()),
        "hw.machine" => text("x86_64".into()),
        "machdep.cpu.brand_string" => text("macsim virtual CPU".into()),
        "hw.ncpu" | "hw.logicalcpu" | "hw.activecpu" | "hw.physicalcpu" | "hw.logicalcpu_max" => {
            number(std::thread::available_parallelism().map_or(1, |count| count.get() as i32))
        }
        "hw.memsize" => Some((16u64 << 30).to_ne_bytes().to_vec()),
        "hw.pagesize" => number(4096),
        "sysctl.proc_translated" => number(super::time::is_translated().into()),
        "net.stats.stats" => Some(crate::ntstat::stats()),
        "kern.boottime" => {
            // struct timeval
            let uptime = std::time::Duration::from_nanos(super::time::nanoseconds());
            let booted = super::time::since_1970().saturating_sub(uptime);
            Some([booted.as_secs().to_ne_bytes(), [0; 8]].concat())
        }
        _ => None,
    }
}
/// The only value that a process may set, and only its own.
unsafe fn set(name: &str, new: *const c_void, new_len: usize) -> c_int {
    if name != "kern.system_version_compat" {
        return fail(darwin::EPERM);
    }
    if new_len != size_of::<c_int>() {
        return fail(darwin::EINVAL);
    }
    let enabled = *(new as *const c_int) != 0;
    super::world::with(|world| world.version_compat = enabled);
    0
}
pub(crate) unsafe extern "C" fn sysctlbyname(
    name: *const c_char,
    out: *mut c_void,
    len: *mut usize,
    new: *const c_void,
    new_len: usize,
) -> c_int {
    let name = std::ffi::CStr::from_ptr(name).to_string_lossy();
    if !new.is_null() {
        return set(&name, new, new_len);
    }
    match sysctl_value(&name) {
        Some(value) => give(&value, out, len),
        None => {
            note!("sysctl {name} is not known: ENOENT (a \"sysctl\" step can set it)");
            fail(darwin::ENOENT)
        }
    }
}
pub(crate) unsafe extern "C" fn sysctl(
    mib: *const c_int,
    count: u32,
    out: *mut c_void,
    len: *mut usize,
    _new: *const c_void,
    _nl: usize,
) -> c_int {
    let mib = std::slice::from_raw_parts(mib, count as usize);
    let name = match mib {
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
            note!("sysctl mib {mib:?} is not known: ENOENT");
            return fail(darwin::ENOENT);
        }
    };
    give(&sysctl_value(name).unwrap(), out, len)
}
pub(crate) unsafe extern "C" fn gethostname(buffer: *mut c_char, size: usize) -> c_int {
    let mut len = size;
    give(&sysctl_value("kern.hostname").unwrap(), buffer as *mut c_void, &mut len)
}
pub(crate) unsafe extern "C" fn gethostuuid(out: *mut [u8; 16], _t: *const c_void) -> c_int {
    if let Some(errno) = super::world::with(|world| world.host_uuid_errno) {
        return fail(errno);
    }
    *out = *b"\x5f\x0e\x3c\x9b\0\0\x40\0\x80\0\0\0\0\0\xc0\xde";
    0
}
/// struct utsname: five fields of 256 bytes.
pub(crate) unsafe extern "C" fn uname(out: *mut u8) -> c_int {
    std::ptr::write_bytes(out, 0, 256 * 5);
    for (index, key) in
        ["kern.ostype", "kern.hostname", "kern.osrelease", "kern.version", "hw.machine"].iter().enumerate()
    {
        let value = sysctl_value(key).unwrap();
        std::ptr::copy_nonoverlapping(value.as_ptr(), out.add(index * 256), value.len());
    }
    0
}
