//! Files that decide what this program does are taken only where no one else could have written them: the file and
//! every folder above it belong to root (or to the user of this process), and no one else may write there.
//!
//! Each folder is checked before the next name is looked up in it. As only root can change a folder that passed,
//! no one can exchange what was checked; the file itself is checked again when it is open.

use std::ffi::OsString;
use std::fmt;
use std::fs::{self, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};

use crate::visible::quoted;

/// Links to folders that are followed on one path.
const MAX_LINKS: usize = 32;

/// Whose files are trusted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trust {
    /// What only root, or the user of this process, could have written.
    OwnerOnly,
    /// Any regular file, as a command takes it that only reads.
    Anyone,
}

/// Why a file is not taken.
#[derive(Debug)]
pub(crate) enum Error {
    /// It cannot be read.
    Io(io::Error),
    /// It is a folder, a pipe, a device or something similar.
    NotAFile,
    /// It is a symbolic link.
    Link(PathBuf),
    /// Someone else owns it.
    Owner {
        /// The file, or a folder above it.
        path: PathBuf,
        /// Its owner.
        uid: u32,
        /// Who has to own it.
        wanted: u32,
    },
    /// Others may write it.
    Writable {
        /// The file, or a folder above it.
        path: PathBuf,
        /// Its mode.
        mode: u32,
        /// The argument of the chmod(1) that mends it.
        chmod: &'static str,
    },
    /// It is longer than this.
    TooLong(u64),
    /// It is not UTF-8 from this byte on; the text before it.
    NotUtf8(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Io(error) => write!(f, "cannot read: {error}"),
            Error::NotAFile => f.write_str("not a regular file"),
            Error::Link(target) => write!(f, "a symbolic link; name the file itself: {}", target.display()),
            Error::Owner { path, uid, wanted } => {
                let path = path.display().to_string();
                let word = quoted(&path);
                write!(f, "{path} belongs to user {uid}, who can change it; run: chown {wanted} {word}")
            }
            Error::Writable { path, mode, chmod } => {
                let path = path.display().to_string();
                let word = quoted(&path);
                write!(f, "{path} is writable by group or others (mode {mode:04o}); run: chmod {chmod} {word}")
            }
            Error::TooLong(bytes) => write!(f, "longer than {bytes} bytes"),
            Error::NotUtf8(_) => f.write_str("not UTF-8 text"),
        }
    }
}

impl From<io::Error> for Error {
    fn from(error: io::Error) -> Error {
        Error::Io(error)
    }
}

/// Reads a text file of limited length.
pub(crate) fn read(path: &Path, trust: Trust, max_bytes: u64) -> Result<String, Error> {
    String::from_utf8(read_bytes(path, trust, max_bytes)?).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        Error::NotUtf8(String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned())
    })
}

/// Reads a file of limited length.
pub(crate) fn read_bytes(path: &Path, trust: Trust, max_bytes: u64) -> Result<Vec<u8>, Error> {
    let path = match trust {
        Trust::OwnerOnly => trusted(path)?,
        Trust::Anyone => path.to_owned(),
    };
    let mut options = OpenOptions::new();
    // Opening a named pipe must not wait for a writer that never comes.
    let flags = if trust == Trust::OwnerOnly { libc::O_NONBLOCK | libc::O_NOFOLLOW } else { libc::O_NONBLOCK };
    let file = options.read(true).custom_flags(flags).open(&path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(Error::NotAFile);
    }
    if trust == Trust::OwnerOnly {
        judge(&path, &metadata)?;
    }
    let mut bytes = Vec::new();
    file.take(max_bytes + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > max_bytes {
        return Err(Error::TooLong(max_bytes));
    }
    Ok(bytes)
}

/// The path without links, when no other user could have written the file.
pub(crate) fn trusted(path: &Path) -> Result<PathBuf, Error> {
    let absolute = std::path::absolute(path)?;
    let mut ahead: Vec<OsString> = names(&absolute).collect();
    ahead.reverse();
    let mut resolved = PathBuf::from("/");
    judge(&resolved, &fs::symlink_metadata(&resolved)?)?;
    let mut links = 0;
    while let Some(name) = ahead.pop() {
        if name == ".." {
            resolved.pop();
            continue;
        }
        let next = resolved.join(&name);
        let metadata = fs::symlink_metadata(&next)?;
        if !metadata.is_symlink() {
            judge(&next, &metadata)?;
            resolved = next;
            continue;
        }
        let target = fs::read_link(&next)?;
        if ahead.is_empty() {
            return Err(Error::Link(resolved.join(target)));
        }
        links += 1;
        owner(&next, &metadata)?;
        if links > MAX_LINKS {
            return Err(Error::Io(io::Error::from_raw_os_error(libc::ELOOP)));
        }
        if target.is_absolute() {
            resolved = PathBuf::from("/");
        }
        ahead.extend(names(&target).collect::<Vec<_>>().into_iter().rev());
    }
    Ok(resolved)
}

fn names(path: &Path) -> impl Iterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}

fn owner(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    let user = rustix::process::geteuid().as_raw();
    match metadata.uid() {
        0 => Ok(()),
        uid if uid == user => Ok(()),
        uid => Err(Error::Owner { path: path.to_owned(), uid, wanted: user }),
    }
}

fn judge(path: &Path, metadata: &Metadata) -> Result<(), Error> {
    owner(path, metadata)?;
    let mode = metadata.mode() & 0o7777;
    // Where the sticky bit is set, as in /tmp, no one can exchange what belongs to another.
    let is_sticky = metadata.is_dir() && mode & 0o1000 != 0;
    // Groups of users, unlike those of root, often hold their user alone.
    let is_root = rustix::process::geteuid().is_root();
    let (bits, chmod) = if is_root { (0o022, "go-w") } else { (0o002, "o-w") };
    if mode & bits != 0 && !is_sticky {
        return Err(Error::Writable { path: path.to_owned(), mode, chmod });
    }
    Ok(())
}
