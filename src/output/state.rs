//! The state directory of a running agent: one agent at a time, its status, and why an earlier one panicked.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use rustix::fs::FlockOperation;
use rustix::io::Errno;

use super::directory;

/// Who holds a lock on this file runs; it holds the pid.
const LOCK: &str = "osawatch.lock";
/// More than a pid has digits.
const MAX_PID: u64 = 16;
/// A reader of the lock holds it for a moment; an agent that starts then tries again.
const TRIES: u32 = 5;
const TRY_AGAIN: Duration = Duration::from_millis(50);
/// A longer file is not one of ours.
const MAX_BYTES: u64 = 1 << 20;

/// Why there is no state directory.
#[derive(Debug)]
pub(crate) enum StateError {
    /// Another osawatch works with it.
    Held {
        /// The directory.
        path: PathBuf,
        /// The process, if its file names one.
        pid: Option<u32>,
    },
    /// It cannot be used.
    Io {
        /// The directory, or a file in it.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
}

impl fmt::Display for StateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StateError::Held { path, pid: Some(pid) } => {
                write!(f, "another osawatch (pid {pid}) runs with the state directory {}", path.display())
            }
            StateError::Held { path, pid: None } => {
                write!(f, "another osawatch runs with the state directory {}", path.display())
            }
            StateError::Io { path, error } => write!(f, "{}: {error}", path.display()),
        }
    }
}

impl std::error::Error for StateError {}

/// The state directory, which is ours as long as this lives.
#[derive(Debug)]
pub(crate) struct StateDirectory {
    path: PathBuf,
    _lock: File,
}

impl StateDirectory {
    /// Opens the directory, or makes it with mode 0700, for this process alone.
    pub(crate) fn open(path: &Path) -> Result<StateDirectory, StateError> {
        let failed = |error| StateError::Io { path: path.to_owned(), error };
        directory::ensure(path, directory::STATE).map_err(failed)?;
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false).mode(0o640);
        let mut lock = open_own(&mut options, &path.join(LOCK)).map_err(failed)?;
        for _ in 0..TRIES {
            let locked = rustix::fs::flock(&lock, FlockOperation::NonBlockingLockExclusive);
            if !is_refused(locked).map_err(failed)? {
                let pid = std::process::id().to_string();
                lock.set_len(0).and_then(|()| lock.write_all(pid.as_bytes())).map_err(failed)?;
                return Ok(StateDirectory { path: path.to_owned(), _lock: lock });
            }
            thread::sleep(TRY_AGAIN);
        }
        Err(StateError::Held { path: path.to_owned(), pid: pid(&mut lock) })
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a file whole: a reader sees the one before or this one. Its mode is 0640.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let next = self.path.join(format!("{name}.next"));
        match fs::remove_file(&next) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o640).custom_flags(libc::O_NOFOLLOW);
        options.open(&next)?.write_all(bytes)?;
        fs::rename(&next, self.path.join(name))
    }

    /// Reads a file that is ours; `None`: there is none.
    pub(crate) fn read(&self, name: &str) -> io::Result<Option<String>> {
        read(&self.path, name)
    }

    /// The file to which a panic is added.
    pub(crate) fn panics(path: &Path) -> PathBuf {
        path.join(PANICS)
    }
}

/// What panics left: a line of JSON each.
pub(crate) const PANICS: &str = "panics.ndjson";

/// Adds a line to a file of the state directory, which is made if it is not there. For a program that is about to end.
pub(crate) fn add_line(path: &Path, line: &str) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = open_own(options.read(true).append(true).create(true).mode(0o640), path)?;
    let length = file.metadata()?.len();
    let mut last = *b"\n";
    if length > MAX_BYTES / 2 {
        file.set_len(0)?;
    } else if let Some(at) = length.checked_sub(1) {
        file.read_exact_at(&mut last, at)?;
    }
    // A full disk can have cut off the line before.
    let end = if last == *b"\n" { "" } else { "\n" };
    file.write_all(format!("{end}{line}\n").as_bytes())
}

/// The agent that runs with this state directory: its pid, as it wrote it; `None`: there is none.
pub(crate) fn holder(path: &Path) -> io::Result<Option<String>> {
    let lock = match open_own(OpenOptions::new().read(true), &path.join(LOCK)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    if !is_refused(rustix::fs::flock(&lock, FlockOperation::NonBlockingLockShared))? {
        return Ok(None);
    }
    let mut pid = String::new();
    lock.take(MAX_PID).read_to_string(&mut pid)?;
    Ok(Some(pid))
}

/// Whether another program has the lock. A volume without locks refuses it too, and then nobody has it.
fn is_refused(locked: rustix::io::Result<()>) -> io::Result<bool> {
    match locked {
        Ok(()) => Ok(false),
        Err(Errno::WOULDBLOCK) => Ok(true),
        Err(error) => Err(io::Error::other(format!("cannot be locked: {}", io::Error::from(error)))),
    }
}

/// Reads a file of a state directory; `None`: there is none. What is not UTF-8 is replaced: a character that was cut off
/// costs its line, not the others.
pub(crate) fn read(path: &Path, name: &str) -> io::Result<Option<String>> {
    let file = match open_own(OpenOptions::new().read(true), &path.join(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened?,
    };
    let mut bytes = Vec::new();
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(io::Error::other(format!("{name} is longer than {MAX_BYTES} bytes")));
    }
    Ok(Some(String::from_utf8_lossy(&bytes).into_owned()))
}

/// Opens a regular file with a single link that belongs to root or to this user; no link is followed.
fn open_own(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let file = options.custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path)?;
    let found = file.metadata()?;
    let user = rustix::process::geteuid().as_raw();
    if !found.is_file() || found.nlink() != 1 || (found.uid() != 0 && found.uid() != user) {
        return Err(io::Error::other(format!(
            "{}: not a regular file with a single link that belongs to root or to the user osawatch runs as",
            path.display()
        )));
    }
    Ok(file)
}

fn pid(lock: &mut File) -> Option<u32> {
    let mut text = String::new();
    lock.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("state");
        (folder, state)
    }

    #[test]
    fn a_second_agent_is_refused_with_the_pid_of_the_first_and_taken_when_that_has_ended() {
        let (_folder, path) = folder();
        assert_eq!(holder(&path).unwrap(), None);
        let first = StateDirectory::open(&path).unwrap();
        assert_eq!(holder(&path).unwrap(), Some(std::process::id().to_string()));
        let error = StateDirectory::open(&path).unwrap_err().to_string();
        assert!(error.contains(&format!("(pid {})", std::process::id())), "{error}");
        drop(first);
        assert_eq!(holder(&path).unwrap(), None);
        StateDirectory::open(&path).unwrap();
    }

    #[test]
    fn a_volume_without_locks_is_not_said_to_be_in_use_by_another_osawatch() {
        assert!(!is_refused(Ok(())).unwrap() && is_refused(Err(Errno::WOULDBLOCK)).unwrap());
        let error = is_refused(Err(Errno::NOTSUP)).unwrap_err().to_string();
        assert!(error.starts_with("cannot be locked: "), "{error}");
    }

    #[test]
    fn a_file_is_written_whole_for_the_group_to_read_and_no_link_is_followed() {
        let (folder, path) = folder();
        let state = StateDirectory::open(&path).unwrap();
        assert_eq!(state.read("status.json").unwrap(), None);
        let victim = folder.path().join("victim");
        fs::write(&victim, "kept").unwrap();
        std::os::unix::fs::symlink(&victim, path.join("status.json.next")).unwrap();
        state.write("status.json", b"one").unwrap();
        state.write("status.json", b"two").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "kept");
        assert_eq!(state.read("status.json").unwrap().as_deref(), Some("two"));
        let mode = fs::metadata(path.join("status.json")).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode & !0o640, 0, "{mode:o}");
        fs::remove_file(path.join("status.json")).unwrap();
        std::os::unix::fs::symlink(&victim, path.join("status.json")).unwrap();
        assert!(read(&path, "status.json").is_err());
    }

    #[test]
    fn a_directory_that_others_may_write_is_not_used() {
        let (_folder, path) = folder();
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert!(matches!(StateDirectory::open(&path), Err(StateError::Io { .. })));
    }

    #[test]
    fn a_line_that_was_cut_off_costs_no_other() {
        let (_folder, path) = folder();
        let state = StateDirectory::open(&path).unwrap();
        let file = StateDirectory::panics(&path);
        fs::write(&file, b"{\"panic\": \"\xc3").unwrap();
        add_line(&file, "a").unwrap();
        add_line(&file, "b").unwrap();
        assert_eq!(state.read(PANICS).unwrap().as_deref(), Some("{\"panic\": \"\u{fffd}\na\nb\n"));
    }

    #[test]
    fn whatever_else_has_the_name_of_a_file_is_refused_at_once() {
        let (_folder, path) = folder();
        let state = StateDirectory::open(&path).unwrap();
        let file = path.join("status.json");
        assert!(std::process::Command::new("mkfifo").arg(&file).status().unwrap().success());
        assert!(state.read("status.json").unwrap_err().to_string().contains("not a regular file"));
        state.write("status.json", b"one").unwrap();
        assert_eq!(state.read("status.json").unwrap().as_deref(), Some("one"), "a pipe is replaced");
        fs::remove_file(&file).unwrap();
        fs::create_dir(&file).unwrap();
        assert!(state.read("status.json").is_err() && state.write("status.json", b"two").is_err());
        fs::remove_dir(&file).unwrap();
        fs::write(&file, vec![0; 10 << 20]).unwrap();
        assert!(state.read("status.json").unwrap_err().to_string().contains("is longer than"));
    }

    #[test]
    fn lines_are_added_and_a_long_file_begins_anew() {
        let (_folder, path) = folder();
        let state = StateDirectory::open(&path).unwrap();
        let file = StateDirectory::panics(&path);
        add_line(&file, "a").unwrap();
        add_line(&file, "b").unwrap();
        assert_eq!(state.read(PANICS).unwrap().as_deref(), Some("a\nb\n"));
        add_line(&file, &"x".repeat(600_000)).unwrap();
        add_line(&file, "c").unwrap();
        assert_eq!(state.read(PANICS).unwrap().as_deref(), Some("c\n"));
    }
}
