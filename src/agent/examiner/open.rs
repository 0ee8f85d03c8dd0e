//! Opens a file as the user of a process could, though this program could open any.
//!
//! The path is walked folder by folder: in each the user must be allowed to search, and what is to be opened is looked
//! at before, so that opening a FIFO never wakes its writer. One folder is held open at a time: a thread that a file system
//! does not answer keeps two descriptors, however deep the path is.

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Component, Path};

use rustix::fs::{AtFlags, FileType, Mode, OFlags};

/// Symbolic links in a path, as many as the system follows.
const MAX_LINKS: usize = 32;
/// Folders that are opened on the way.
const MAX_FOLDERS: usize = 256;

/// Who must be allowed to read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: Option<u32>,
}

/// Whose rights count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reader {
    /// Those of this user.
    User(User),
    /// Those that everyone has: the user is not known.
    Anyone,
    /// Our own.
    Agent,
}

/// Why a file was not opened.
#[derive(Debug)]
pub(super) enum Refusal {
    Folder,
    NotAFile,
    NotReadable,
    TooDeep,
    Failed(io::Error),
}

impl From<rustix::io::Errno> for Refusal {
    fn from(error: rustix::io::Errno) -> Refusal {
        Refusal::Failed(error.into())
    }
}

impl From<io::Error> for Refusal {
    fn from(error: io::Error) -> Refusal {
        Refusal::Failed(error)
    }
}

const DIRECTORY: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
const READ: u32 = 4;
const SEARCH: u32 = 1;

impl Reader {
    /// By the mode alone. Only the first group of a user is known, and access lists are not read.
    fn may(self, access: u32, metadata: &Metadata) -> bool {
        let mode = metadata.mode();
        let user = match self {
            Reader::Agent => return true,
            Reader::Anyone => return mode & access != 0,
            Reader::User(User { uid: 0, .. }) => return true,
            Reader::User(user) => user,
        };
        let shift = match user {
            User { uid, .. } if uid == metadata.uid() => 6,
            User { gid: Some(gid), .. } if gid == metadata.gid() => 3,
            _ => 0,
        };
        mode >> shift & access != 0
    }
}

/// Opens a regular file that the reader could read.
pub(super) fn open(path: &Path, reader: Reader) -> Result<File, Refusal> {
    let mut folder = root()?;
    let mut rest: VecDeque<OsString> = names(path).collect();
    let (mut links, mut folders) = (0, 0);
    while let Some(name) = rest.pop_front() {
        if !reader.may(SEARCH, &folder.metadata()?) {
            return Err(Refusal::NotReadable);
        }
        let found = rustix::fs::statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW)?;
        match FileType::from_raw_mode(found.st_mode) {
            FileType::Symlink if links < MAX_LINKS => {
                links += 1;
                let target = rustix::fs::readlinkat(&folder, &name, Vec::new())?;
                let target = OsStr::from_bytes(target.as_bytes()).to_owned();
                if target.as_bytes().starts_with(b"/") {
                    folder = root()?;
                }
                names(Path::new(&target)).rev().for_each(|name| rest.push_front(name));
            }
            FileType::Directory if folders < MAX_FOLDERS => {
                folders += 1;
                folder = File::from(rustix::fs::openat(&folder, &name, DIRECTORY, Mode::empty())?);
            }
            FileType::Symlink | FileType::Directory => return Err(Refusal::TooDeep),
            FileType::RegularFile if rest.is_empty() => {
                // It may be another by now: a FIFO must not hold us up, a terminal must not become ours.
                let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
                let file = File::from(rustix::fs::openat(&folder, &name, flags, Mode::empty())?);
                return readable(file, reader);
            }
            _ => return Err(Refusal::NotAFile),
        }
    }
    Err(Refusal::Folder)
}

fn root() -> Result<File, Refusal> {
    Ok(File::from(rustix::fs::open("/", DIRECTORY, Mode::empty())?))
}

fn readable(file: File, reader: Reader) -> Result<File, Refusal> {
    let metadata = file.metadata()?;
    match (metadata.is_file(), reader.may(READ, &metadata)) {
        (false, _) => Err(Refusal::NotAFile),
        (_, false) => Err(Refusal::NotReadable),
        _ => Ok(file),
    }
}

fn names(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from_vec(b"..".to_vec())),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::*;

    #[test]
    fn a_file_deep_in_folders_is_read_and_a_path_of_more_than_are_opened_is_refused() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().canonicalize().unwrap();
        let deep = home.join("d/".repeat(200));
        fs::create_dir_all(&deep).unwrap();
        fs::write(deep.join("s"), "1").unwrap();
        assert!(open(&deep.join("s"), Reader::Agent).is_ok());
        fs::write(home.join("s"), "1").unwrap();
        let around = |times: usize| home.join("d/../".repeat(times)).join("s");
        assert!(open(&around(20), Reader::Agent).is_ok());
        assert!(matches!(open(&around(200), Reader::Agent), Err(Refusal::TooDeep)));
    }

    #[test]
    fn above_the_root_is_the_root() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().canonicalize().unwrap().join("s");
        fs::write(&path, "1").unwrap();
        let up = PathBuf::from(format!("/../..{}", path.display()));
        assert!(open(&up, Reader::Agent).is_ok());
    }
}
