//! The alert file: one whole line per write.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::Alert;

/// An alert file that cannot be opened or written.
#[derive(Debug)]
pub struct Error {
    path: PathBuf,
    error: io::Error,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let path = self.path.display();
        match self.error.raw_os_error() {
            Some(libc::ELOOP) => write!(f, "{path}: is a symbolic link, which is not followed; give the file itself"),
            _ => write!(f, "{path}: cannot write alerts: {}", self.error),
        }
    }
}

impl std::error::Error for Error {}

/// Appends alerts to a file.
#[derive(Debug)]
pub struct Writer {
    path: PathBuf,
    file: File,
}

impl Writer {
    /// Opens the file, or makes it with mode 0640. A symbolic link is not followed.
    pub fn open(path: &Path) -> Result<Writer, Error> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o640).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        match options.open(path) {
            Ok(file) => Ok(Writer { path: path.to_owned(), file }),
            Err(error) => Err(Error { path: path.to_owned(), error }),
        }
    }

    /// Writes one alert as one line.
    pub fn write(&mut self, alert: &Alert) -> Result<(), Error> {
        self.write_line(&alert.to_line())
    }

    /// Writes one line, given without its newline.
    pub fn write_line(&mut self, line: &str) -> Result<(), Error> {
        let line = format!("{line}\n");
        self.file.write_all(line.as_bytes()).map_err(|error| Error { path: self.path.clone(), error })
    }
}
