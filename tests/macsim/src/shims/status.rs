//! stat(2) and its structures, statvfs(3), and times that are set.
use super::errno::with_errno;
use super::path::{HostPath, at_flags, dirfd_in};
use libc::{c_char, c_int};

/// struct stat with 64-bit inodes (144 bytes).
#[repr(C)]
#[derive(Clone, Copy, Default)]
pub(crate) struct DarwinStat {
    pub(crate) dev: i32,
    pub(crate) mode: u16,
    pub(crate) nlink: u16,
    pub(crate) ino: u64,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) rdev: i32,
    pub(crate) pad: u32,
    pub(crate) atime: (i64, i64),
    pub(crate) mtime: (i64, i64),
    pub(crate) ctime: (i64, i64),
    pub(crate) btime: (i64, i64),
    pub(crate) size: i64,
    pub(crate) blocks: i64,
    pub(crate) blksize: i32,
    pub(crate) flags: u32,
    pub(crate) generation: u32,
    pub(crate) lspare: i32,
    pub(crate) qspare: [i64; 2],
}
const _: () = assert!(
    std::mem::size_of::<DarwinStat>() == 144
        && std::mem::offset_of!(DarwinStat, size) == 96
        && std::mem::offset_of!(DarwinStat, btime) == 80
);

unsafe fn stat_into(dir: c_int, path: *const c_char, flags: c_int, out: *mut DarwinStat) -> c_int {
    let mut status: libc::statx = std::mem::zeroed();
    if with_errno(libc::statx(dir, path, flags, libc::STATX_BASIC_STATS | libc::STATX_BTIME, &mut status)) < 0 {
        return -1;
    }
    let stamp = |stamp: libc::statx_timestamp| (stamp.tv_sec, stamp.tv_nsec as i64);
    let dev = |major: u32, minor: u32| ((major << 24) | (minor & 0xff_ffff)) as i32;
    *out = DarwinStat {
        dev: dev(status.stx_dev_major, status.stx_dev_minor),
        mode: status.stx_mode,
        nlink: status.stx_nlink as u16,
        ino: status.stx_ino,
        uid: status.stx_uid,
        gid: status.stx_gid,
        rdev: dev(status.stx_rdev_major, status.stx_rdev_minor),
        pad: 0,
        atime: stamp(status.stx_atime),
        mtime: stamp(status.stx_mtime),
        ctime: stamp(status.stx_ctime),
        btime: if status.stx_mask & libc::STATX_BTIME != 0 { stamp(status.stx_btime) } else { stamp(status.stx_mtime) },
        size: status.stx_size as i64,
        blocks: status.stx_blocks as i64,
        blksize: status.stx_blksize as i32,
        flags: 0,
        generation: 0,
        lspare: 0,
        qspare: [0; 2],
    };
    0
}
pub(crate) unsafe extern "C" fn stat(path: *const c_char, out: *mut DarwinStat) -> c_int {
    stat_into(libc::AT_FDCWD, HostPath::new(path).as_ptr(), 0, out)
}
pub(crate) unsafe extern "C" fn lstat(path: *const c_char, out: *mut DarwinStat) -> c_int {
    stat_into(libc::AT_FDCWD, HostPath::new(path).as_ptr(), libc::AT_SYMLINK_NOFOLLOW, out)
}
pub(crate) unsafe extern "C" fn fstat(fd: c_int, out: *mut DarwinStat) -> c_int {
    stat_into(fd, c"".as_ptr(), libc::AT_EMPTY_PATH, out)
}
pub(crate) unsafe extern "C" fn fstatat(dir: c_int, path: *const c_char, out: *mut DarwinStat, flags: c_int) -> c_int {
    stat_into(dirfd_in(dir), HostPath::new(path).as_ptr(), at_flags(flags) & libc::AT_SYMLINK_NOFOLLOW, out)
}
/// struct statfs / statvfs are only partly filled: block counts.
pub(crate) unsafe extern "C" fn statvfs(path: *const c_char, out: *mut u8) -> c_int {
    let mut status: libc::statvfs = std::mem::zeroed();
    if with_errno(libc::statvfs(HostPath::new(path).as_ptr(), &mut status)) < 0 {
        return -1;
    }
    // bsize, frsize: u64; blocks, bfree, bavail, files, ffree, favail: u32; fsid, flag, namemax: u64
    let write =
        |offset: usize, value: &[u8]| std::ptr::copy_nonoverlapping(value.as_ptr(), out.add(offset), value.len());
    write(0, &status.f_bsize.to_ne_bytes());
    write(8, &status.f_frsize.to_ne_bytes());
    for (index, value) in
        [status.f_blocks, status.f_bfree, status.f_bavail, status.f_files, status.f_ffree, status.f_favail]
            .iter()
            .enumerate()
    {
        write(16 + index * 4, &(*value as u32).to_ne_bytes());
    }
    write(40, &status.f_fsid.to_ne_bytes());
    write(48, &status.f_flag.to_ne_bytes());
    write(56, &status.f_namemax.to_ne_bytes());
    0
}
/// UTIME_NOW and UTIME_OMIT are -1 and -2 on Darwin.
unsafe fn times(requested: *const libc::timespec) -> Option<[libc::timespec; 2]> {
    if requested.is_null() {
        return None;
    }
    let translated = |mut time: libc::timespec| {
        match time.tv_nsec {
            -1 => time.tv_nsec = libc::UTIME_NOW,
            -2 => time.tv_nsec = libc::UTIME_OMIT,
            _ => {}
        }
        time
    };
    Some([translated(*requested), translated(*requested.add(1))])
}
fn times_ptr(times: &Option<[libc::timespec; 2]>) -> *const libc::timespec {
    times.as_ref().map(|times| times.as_ptr()).unwrap_or(std::ptr::null())
}
pub(crate) unsafe extern "C" fn utimensat(
    dir: c_int,
    path: *const c_char,
    requested: *const libc::timespec,
    flags: c_int,
) -> c_int {
    with_errno(libc::utimensat(
        dirfd_in(dir),
        HostPath::new(path).as_ptr(),
        times_ptr(&times(requested)),
        at_flags(flags) & libc::AT_SYMLINK_NOFOLLOW,
    ))
}
pub(crate) unsafe extern "C" fn futimens(fd: c_int, requested: *const libc::timespec) -> c_int {
    with_errno(libc::futimens(fd, times_ptr(&times(requested))))
}
