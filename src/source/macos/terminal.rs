//! A pseudo-terminal for a child that would buffer what it writes to a pipe.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use nix::pty::openpty;
use nix::sys::termios::{SetArg, cfmakeraw, tcgetattr, tcsetattr};
use rustix::io::{FdFlags, fcntl_setfd};

/// What is read from it, and the end for the child. Bytes pass as they are: no echo, no lines, no translation.
pub(super) fn raw_terminal() -> io::Result<(File, OwnedFd)> {
    let terminal = openpty(None, None)?;
    for end in [&terminal.master, &terminal.slave] {
        fcntl_setfd(end, FdFlags::CLOEXEC)?;
    }
    let mut settings = tcgetattr(&terminal.slave)?;
    cfmakeraw(&mut settings);
    tcsetattr(&terminal.slave, SetArg::TCSANOW, &settings)?;
    Ok((File::from(terminal.master), terminal.slave))
}
