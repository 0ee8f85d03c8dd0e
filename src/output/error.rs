//! Why the alert file cannot be opened or written.

use std::fmt;
use std::io;
use std::path::PathBuf;

use super::directory::not_ours;
use crate::report::plural;

/// An alert file that cannot be opened or written.
#[derive(Debug)]
pub(crate) struct Error {
    pub(super) path: PathBuf,
    pub(super) kind: ErrorKind,
}

#[derive(Debug)]
pub(super) enum ErrorKind {
    Io(io::Error),
    /// It is not a file that can be appended to.
    NotAFile,
    /// It has other names, so that it may be another program's file.
    HardLinked(u64),
    /// Others may write it: its owner, its mode, and who should own it.
    NotOurs {
        uid: u32,
        mode: u32,
        user: u32,
    },
    /// Another process holds its lock.
    Locked,
    /// At the end, alerts remained that no file took.
    Remain(u64, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match &self.kind {
            ErrorKind::Io(error) if error.raw_os_error() == Some(libc::ELOOP) => {
                write!(f, "{path}: is a symbolic link; refusing to follow it; name the file itself")
            }
            ErrorKind::Io(error) => write!(f, "{path}: cannot write alerts: {error}"),
            ErrorKind::NotAFile => write!(f, "{path}: cannot write alerts: not a regular file"),
            ErrorKind::HardLinked(names) => {
                write!(f, "{path}: has {names} hard links; refusing to write; move it away")
            }
            ErrorKind::NotOurs { uid, mode, user } => {
                write!(f, "{path}: {}", not_ours(&self.path, (*uid, *mode), *user))
            }
            ErrorKind::Locked => {
                write!(f, "{path}: another osawatch is writing to it; stop that one or choose another file")
            }
            ErrorKind::Remain(count, error) => {
                write!(f, "{path}: {} could not be written: {error}", plural(*count, "alert"))
            }
        }
    }
}

impl Error {
    /// Whether it may pass by itself: the disk is full, or a quota, or it failed.
    pub(super) fn is_passing(&self) -> bool {
        let code = |error: &io::Error| matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::EDQUOT | libc::EIO));
        matches!(&self.kind, ErrorKind::Io(error) if code(error))
    }
}

impl std::error::Error for Error {}
