//! What the sources send, as they send it, in files of a directory.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `endpoint_security.ndjson` | what eslogger prints, byte for byte; or the messages of the client, as eslogger writes them |
//! | `network.hex` | lines of a time, of what was sent, and of its bytes in hexadecimal |

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, select};

use super::exit::Failure;
use crate::agent::Control;
use crate::event::hash::hex;
use crate::report::{plural, visible};
use crate::source::eslogger;
use crate::source::live::{Raw, RingingSender, Tapped};

const EVENTS: &str = "endpoint_security.ndjson";
const NETWORK: &str = "network.hex";
/// What was written is in the files after this long without more.
const FLUSH: Duration = Duration::from_secs(1);

/// A recording on a thread of its own.
pub(super) struct RawRecording {
    directory: PathBuf,
    stop: Sender<()>,
    done: Receiver<(u64, Option<String>)>,
}

impl RawRecording {
    /// Makes the directory, for its owner alone, and starts to write. Who has the control is told when that fails.
    pub(super) fn start(
        directory: &Path,
        tapped: Tapped<Raw>,
        control: RingingSender<Control>,
    ) -> Result<RawRecording, Failure> {
        let failed = |error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "exists already; name one that does not".to_owned(),
                _ => format!("cannot create: {error}"),
            };
            Failure::new(Failure::CANNOT_CREATE, format!("--raw {}: {why}", directory.display()))
        };
        DirBuilder::new().mode(0o700).create(directory).map_err(failed)?;
        let files = Files::create(directory).map_err(failed)?;
        let ((stop, stopped), (ended, done)) = (bounded(1), bounded(1));
        let shown = visible(&directory.display().to_string());
        let writing = Writing { files, shown, control, error: None, lost: 0, unflushed: 0 };
        let work = move || _ = ended.send(write(writing, &tapped, &stopped));
        std::thread::Builder::new().name("osawatch-raw".into()).spawn(work).map_err(failed)?;
        Ok(RawRecording { directory: directory.to_owned(), stop, done })
    }

    /// Ends the recording; the sources live on until the program ends. What is left may take this long to be written.
    /// Returns what it came to, for people.
    pub(super) fn finish(self, limit: Duration) -> Result<String, Failure> {
        let shown = visible(&self.directory.display().to_string());
        let failed = |why: String| Failure::new(Failure::IO, why);
        let _ = self.stop.send(());
        let late = |_| failed(cannot_write(&shown, &io::ErrorKind::TimedOut.into()));
        let (lost, error) = self.done.recv_timeout(limit).map_err(late)?;
        error.map_or(Ok(()), |why| Err(failed(why)))?;
        Ok(format!("what the sources sent is in {shown}, {} lost", plural(lost, "piece")))
    }
}

struct Files {
    events: BufWriter<File>,
    network: BufWriter<File>,
}

impl Files {
    fn create(directory: &Path) -> io::Result<Files> {
        let create = |name: &str| {
            let mut options = OpenOptions::new();
            options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
            options.open(directory.join(name)).map(BufWriter::new)
        };
        Ok(Files { events: create(EVENTS)?, network: create(NETWORK)? })
    }

    fn write(&mut self, raw: Raw) -> io::Result<()> {
        match raw {
            Raw::Message(received) => match received.message() {
                Some(message) => writeln!(self.events, "{}", eslogger::written(&message)),
                None => Ok(()),
            },
            Raw::Printed(bytes) => self.events.write_all(&bytes),
            Raw::Bytes { time, what, bytes } => writeln!(self.network, "{time} {what} {}", hex(&bytes)),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.events.flush().and(self.network.flush())
    }
}

fn cannot_write(shown: &str, error: &io::Error) -> String {
    format!("--raw {shown}: cannot write the recording: {error}")
}

/// Files that are written until one of them fails.
struct Writing {
    files: Files,
    /// Their directory, for people.
    shown: String,
    control: RingingSender<Control>,
    error: Option<String>,
    lost: u64,
    /// Pieces that the files may not have yet.
    unflushed: u64,
}

impl Writing {
    fn take(&mut self, raw: Raw) {
        self.unflushed += 1;
        self.attempt(|files| files.write(raw));
    }

    fn flush(&mut self) {
        self.attempt(Files::flush);
        self.unflushed = 0;
    }

    fn attempt(&mut self, write: impl FnOnce(&mut Files) -> io::Result<()>) {
        if self.error.is_none()
            && let Err(error) = write(&mut self.files)
        {
            let why = cannot_write(&self.shown, &error);
            // The agent can have ended.
            let _ = self.control.send(Control::Unrecorded(why.clone()));
            self.error = Some(why);
        }
        if self.error.is_some() {
            self.lost += std::mem::take(&mut self.unflushed);
        }
    }
}

/// Writes what comes until it is to end, and what waits then. Returns how many pieces were lost.
fn write(mut writing: Writing, tapped: &Tapped<Raw>, stopped: &Receiver<()>) -> (u64, Option<String>) {
    loop {
        select! {
            recv(tapped.copies) -> copy => match copy {
                Ok((raw, _charge)) => writing.take(raw),
                Err(_) => break,
            },
            recv(stopped) -> _ => break,
            default(FLUSH) => writing.flush(),
        }
    }
    tapped.copies.try_iter().for_each(|(raw, _charge)| writing.take(raw));
    writing.flush();
    (tapped.lost.load(Ordering::Relaxed) + writing.lost, writing.error)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::event::Timestamp;
    use crate::source::live::{Bell, tap};

    #[test]
    fn what_is_printed_stays_as_it_is_and_bytes_are_written_in_hexadecimal() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("raw");
        let (tap, tapped) = tap();
        let recording = RawRecording::start(&directory, tapped, Bell::default().channel(1).0).unwrap();
        tap.take(3, || Raw::Printed(b"{\"a\"".to_vec()));
        tap.take(3, || Raw::Printed(b"\xff}\n".to_vec()));
        tap.take(3, || Raw::Bytes { time: Timestamp::default(), what: "sent".into(), bytes: vec![0, 0xab, 7] });
        // As the sources do, the tap outlives the recording.
        let said = recording.finish(Duration::from_secs(20)).unwrap();
        assert!(said.ends_with("raw, 0 pieces lost"), "{said}");
        assert_eq!(fs::read(directory.join(EVENTS)).unwrap(), b"{\"a\"\xff}\n");
        let network = fs::read_to_string(directory.join(NETWORK)).unwrap();
        assert_eq!(network, "1970-01-01T00:00:00.000000000Z sent 00ab07\n");
        for (path, mode) in [(directory.clone(), 0o700), (directory.join(EVENTS), 0o600)] {
            assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, mode, "{}", path.display());
        }
        drop(tap);
    }

    #[test]
    fn a_directory_that_exists_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let control = Bell::default().channel(1).0;
        let error = RawRecording::start(folder.path(), tap().1, control).err().unwrap();
        assert!(error.to_string().ends_with("exists already; name one that does not"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn pieces_that_a_failed_flush_leaves_behind_are_lost_with_those_that_come_later() {
        let folder = tempfile::tempdir().unwrap();
        let full = || BufWriter::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let files = Files { events: full(), network: full() };
        let control = Bell::default().channel(1).0;
        let mut writing =
            Writing { files, shown: folder.path().display().to_string(), control, error: None, lost: 0, unflushed: 0 };
        (0..3).for_each(|_| writing.take(Raw::Printed(b"{}\n".to_vec())));
        assert_eq!((writing.lost, writing.error.is_some()), (0, false));
        writing.flush();
        assert_eq!((writing.lost, writing.error.is_some()), (3, true));
        writing.take(Raw::Printed(b"{}\n".to_vec()));
        assert_eq!(writing.lost, 4);
    }
}
