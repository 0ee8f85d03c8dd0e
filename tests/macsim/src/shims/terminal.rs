//! Pseudo-terminals. `struct termios` is four flag words of 64 bits, 20 control characters and two speeds on macOS.
use super::errno::{self, fail, with_errno};
use libc::{c_char, c_int};

/// Bits of a flag word that have another place on Linux: (macOS, Linux).
type Places = &'static [(u64, u32)];
const INPUT: Places = &[
    (0x1ff, 0x1ff), // IGNBRK to ICRNL are the same
    (0x200, libc::IXON),
    (0x400, libc::IXOFF),
    (0x800, libc::IXANY),
    (0x2000, libc::IMAXBEL),
    (0x4000, libc::IUTF8),
];
const OUTPUT: Places = &[
    (1, libc::OPOST),
    (2, libc::ONLCR),
    (4, libc::TAB3),
    (0x10, libc::OCRNL),
    (0x20, libc::ONOCR),
    (0x40, libc::ONLRET),
];
const LOCAL: Places = &[
    (0x1, libc::ECHOKE),
    (0x2, libc::ECHOE),
    (0x4, libc::ECHOK),
    (0x8, libc::ECHO),
    (0x10, libc::ECHONL),
    (0x20, libc::ECHOPRT),
    (0x40, libc::ECHOCTL),
    (0x80, libc::ISIG),
    (0x100, libc::ICANON),
    (0x400, libc::IEXTEN),
    (0x0040_0000, libc::TOSTOP),
    (0x8000_0000, libc::NOFLSH),
];
/// c_cflag is the same four bits further up.
const CONTROL_SHIFT: u32 = 4;
const CONTROL: u64 = 0xff00;

/// Where each of Linux's control characters is in macOS's `c_cc`.
const CHARACTERS: [(usize, usize); 15] = [
    (0, libc::VEOF),
    (1, libc::VEOL),
    (2, libc::VEOL2),
    (3, libc::VERASE),
    (4, libc::VWERASE),
    (5, libc::VKILL),
    (6, libc::VREPRINT),
    (8, libc::VINTR),
    (9, libc::VQUIT),
    (10, libc::VSUSP),
    (12, libc::VSTART),
    (13, libc::VSTOP),
    (14, libc::VLNEXT),
    (16, libc::VMIN),
    (17, libc::VTIME),
];

#[repr(C)]
pub(crate) struct DarwinTermios {
    input: u64,
    output: u64,
    control: u64,
    local: u64,
    characters: [u8; 20],
    speeds: [u64; 2],
}

fn to_linux(places: Places, flags: u64) -> u32 {
    places
        .iter()
        .map(|(darwin, linux)| {
            if *darwin == 0x1ff {
                (flags & 0x1ff) as u32
            } else if flags & darwin != 0 {
                *linux
            } else {
                0
            }
        })
        .sum()
}
fn to_darwin(places: Places, flags: u32) -> u64 {
    places
        .iter()
        .map(|(darwin, linux)| {
            if *darwin == 0x1ff {
                u64::from(flags & 0x1ff)
            } else if flags & linux != 0 {
                *darwin
            } else {
                0
            }
        })
        .sum()
}
fn darwin(linux: &libc::termios) -> DarwinTermios {
    let mut characters = [0xff; 20];
    for (to, from) in CHARACTERS {
        characters[to] = linux.c_cc[from];
    }
    DarwinTermios {
        input: to_darwin(INPUT, linux.c_iflag),
        output: to_darwin(OUTPUT, linux.c_oflag),
        control: (u64::from(linux.c_cflag) << CONTROL_SHIFT) & CONTROL,
        local: to_darwin(LOCAL, linux.c_lflag),
        characters,
        speeds: [9600; 2],
    }
}
fn linux(darwin: &DarwinTermios, like: &libc::termios) -> libc::termios {
    let mut linux = *like;
    linux.c_iflag = to_linux(INPUT, darwin.input);
    linux.c_oflag = to_linux(OUTPUT, darwin.output);
    let control = (CONTROL >> CONTROL_SHIFT) as u32;
    linux.c_cflag = linux.c_cflag & !control | (darwin.control >> CONTROL_SHIFT) as u32 & control;
    linux.c_lflag = to_linux(LOCAL, darwin.local);
    for (from, to) in CHARACTERS {
        linux.c_cc[to] = darwin.characters[from];
    }
    linux
}

pub(crate) unsafe extern "C" fn tcgetattr(fd: c_int, out: *mut DarwinTermios) -> c_int {
    let mut now: libc::termios = std::mem::zeroed();
    let result = with_errno(libc::tcgetattr(fd, &mut now));
    if result == 0 {
        out.write(darwin(&now));
    }
    result
}
pub(crate) unsafe extern "C" fn tcsetattr(fd: c_int, when: c_int, new: *const DarwinTermios) -> c_int {
    // TCSASOFT, 0x10, has no part on a terminal of no speed.
    let when = match when & !0x10 {
        0 => libc::TCSANOW,
        1 => libc::TCSADRAIN,
        2 => libc::TCSAFLUSH,
        _ => return fail(errno::darwin::EINVAL),
    };
    let mut now: libc::termios = std::mem::zeroed();
    if with_errno(libc::tcgetattr(fd, &mut now)) < 0 {
        return -1;
    }
    with_errno(libc::tcsetattr(fd, when, &linux(&*new, &now)))
}
/// cfmakeraw(3) of macOS: no echo, no lines, no translation, one character at a time.
pub(crate) unsafe extern "C" fn cfmakeraw(termios: *mut DarwinTermios) {
    const IMAXBEL_ISTRIP_AND_MAPPINGS: u64 = 0x2000 | 0x20 | 0x40 | 0x80 | 0x100 | 0x200 | 0x400 | 0x800 | 2 | 8;
    const IGNBRK: u64 = 1;
    const ECHO_ISIG_ICANON_IEXTEN: u64 = 0x8 | 0x2 | 0x4 | 0x10 | 0x80 | 0x100 | 0x400 | 0x0040_0000 | 0x8000_0000;
    const CSIZE_PARENB: u64 = 0x300 | 0x1000;
    const CS8_CREAD: u64 = 0x300 | 0x800;
    let termios = &mut *termios;
    termios.input = termios.input & !IMAXBEL_ISTRIP_AND_MAPPINGS | IGNBRK;
    termios.output &= !1;
    termios.local &= !ECHO_ISIG_ICANON_IEXTEN;
    termios.control = termios.control & !CSIZE_PARENB | CS8_CREAD;
    (termios.characters[16], termios.characters[17]) = (1, 0);
}

/// The name that a slave has here is shown to the guest: it opens it by that name again.
pub(crate) unsafe extern "C" fn openpty(
    master: *mut c_int,
    slave: *mut c_int,
    name: *mut c_char,
    termios: *const DarwinTermios,
    size: *const libc::winsize,
) -> c_int {
    let result = with_errno(libc::openpty(master, slave, name, std::ptr::null(), size));
    if result == 0 && !termios.is_null() && tcsetattr(*slave, 0, termios) < 0 {
        libc::close(*master);
        libc::close(*slave);
        return -1;
    }
    result
}
pub(crate) unsafe extern "C" fn posix_openpt(flags: c_int) -> c_int {
    with_errno(libc::posix_openpt(super::path::open_flags(flags)))
}
pub(crate) unsafe extern "C" fn grantpt(fd: c_int) -> c_int {
    with_errno(libc::grantpt(fd))
}
pub(crate) unsafe extern "C" fn unlockpt(fd: c_int) -> c_int {
    with_errno(libc::unlockpt(fd))
}
pub(crate) unsafe extern "C" fn ptsname_r(fd: c_int, out: *mut c_char, size: usize) -> c_int {
    match libc::ptsname_r(fd, out, size) {
        0 => 0,
        errno => fail(errno::to_darwin(errno)),
    }
}
pub(crate) unsafe extern "C" fn ptsname(fd: c_int) -> *mut c_char {
    with_errno(libc::ptsname(fd))
}
/// TIOCPTYGNAME: the name, in 128 bytes.
pub(crate) unsafe fn name_of_slave(fd: c_int, out: *mut c_char) -> c_int {
    ptsname_r(fd, out, 128)
}

/// Whether this is the master of a pseudo-terminal: at the end, when the slave is not open, the host says EIO where
/// ptcread() of XNU says the end of the file. FACT: terminal-end
pub(crate) fn is_master(fd: c_int) -> bool {
    let mut number: c_int = 0;
    // SAFETY: TIOCGPTN writes one number.
    unsafe { libc::ioctl(fd, libc::TIOCGPTN, &raw mut number) == 0 }
}
/// A read's result as macOS has it.
pub(crate) fn read_result(fd: c_int, read: isize) -> isize {
    // SAFETY: the errno of this thread.
    let is_end = read < 0 && unsafe { *libc::__errno_location() } == libc::EIO && is_master(fd);
    if is_end { 0 } else { with_errno(read) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_terminal_passes_bytes_as_they_are_and_ends_with_its_last_writer() {
        let (mut master, mut slave) = (0, 0);
        // SAFETY: descriptors and structures of this test.
        unsafe {
            let null = std::ptr::null_mut();
            assert_eq!(openpty(&raw mut master, &raw mut slave, null, std::ptr::null(), std::ptr::null()), 0);
            let mut termios = std::mem::zeroed();
            assert_eq!(tcgetattr(slave, &raw mut termios), 0);
            assert_ne!((termios.output & 1, termios.local & 0x108), (0, 0), "a new terminal is cooked");
            cfmakeraw(&raw mut termios);
            assert_eq!(tcsetattr(slave, 0, &raw const termios), 0);
            assert_eq!(libc::write(slave, b"a\r\n\x03\x04".as_ptr().cast(), 5), 5);
            let mut bytes = [0_u8; 16];
            assert_eq!(libc::read(master, bytes.as_mut_ptr().cast(), 16), 5);
            assert_eq!(&bytes[..5], b"a\r\n\x03\x04");
            libc::close(slave);
            assert_eq!(read_result(master, libc::read(master, bytes.as_mut_ptr().cast(), 16)), 0);
            libc::close(master);
        }
    }

    #[test]
    fn flags_come_back_as_they_were_set() {
        // SAFETY: zero is a valid value of every member.
        let like: libc::termios = unsafe { std::mem::zeroed() };
        let set = DarwinTermios {
            input: 0x2b02,
            output: 3,
            control: 0x4b00,
            local: 0x5cb,
            characters: [7; 20],
            speeds: [9600; 2],
        };
        let got = darwin(&linux(&set, &like));
        assert_eq!((got.input, got.output, got.control, got.local), (0x2b02, 3, 0x4b00, 0x5cb));
        assert_eq!((got.characters[0], got.characters[7], got.characters[17]), (7, 0xff, 7));
        assert_eq!(size_of::<DarwinTermios>(), 72);
    }
}
