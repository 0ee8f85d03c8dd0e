//! What the writer needs of a disk. Tests simulate a faulty one.

use std::fmt::Debug;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

pub(super) trait Medium: Debug + Send + Sync {
    fn open(&self, options: &OpenOptions, path: &Path) -> io::Result<File> {
        options.open(path)
    }

    /// Writes at the end of a file that is open for appending; perhaps not all of it.
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        file.write(bytes)
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        file.write_at(bytes, offset)
    }

    fn read_at(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        file.read_at(bytes, offset)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        Ok(rustix::fs::fsync(file)?)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        file.set_len(length)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }
}

/// The disk itself.
#[derive(Debug)]
pub(super) struct Disk;

impl Medium for Disk {}

/// Does it again when a signal interrupted it.
pub(super) fn uninterrupted<T>(mut call: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    loop {
        match call() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

/// Writes all of it; returns how much was written before an error.
pub(super) fn write_all_at(
    medium: &dyn Medium,
    file: &File,
    bytes: &[u8],
    offset: u64,
) -> Result<(), (u64, io::Error)> {
    let mut done = 0;
    while done < bytes.len() {
        match uninterrupted(|| medium.write_at(file, &bytes[done..], offset + done as u64)) {
            Ok(0) => return Err((done as u64, ErrorKind::WriteZero.into())),
            Ok(written) => done += written,
            Err(error) => return Err((done as u64, error)),
        }
    }
    Ok(())
}
