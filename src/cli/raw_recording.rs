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
use crate::event::hash::hex;
use crate::report::{plural, visible};
use crate::source::eslogger;
use crate::source::live::{Raw, Tapped};

const EVENTS: &str = "endpoint_security.ndjson";
const NETWORK: &str = "network.hex";
/// What was written is in the files after this long without more.
const FLUSH: Duration = Duration::from_secs(1);
/// How long what is left may take to be written.
const FINISH: Duration = Duration::from_secs(3);

/// A recording on a thread of its own.
pub(super) struct RawRecording {
    directory: PathBuf,
    stop: Sender<()>,
    done: Receiver<(u64, io::Result<()>)>,
}

impl RawRecording {
    /// Makes the directory, for its owner alone, and starts to write.
    pub(super) fn start(directory: &Path, tapped: Tapped<Raw>) -> Result<RawRecording, Failure> {
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
        let work = move || _ = ended.send(write(files, &tapped, &stopped));
        std::thread::Builder::new().name("osawatch-raw".into()).spawn(work).map_err(failed)?;
        Ok(RawRecording { directory: directory.to_owned(), stop, done })
    }

    /// Ends the recording; the sources live on until the program ends. Returns what it came to, for people.
    pub(super) fn finish(self) -> Result<String, Failure> {
        let shown = visible(&self.directory.display().to_string());
        let failed =
            |error: io::Error| Failure::new(Failure::IO, format!("--raw {shown}: cannot write the recording: {error}"));
        let _ = self.stop.send(());
        let (lost, result) = self.done.recv_timeout(FINISH).map_err(|_| failed(io::ErrorKind::TimedOut.into()))?;
        result.map_err(failed)?;
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

/// Files that are written until one of them fails.
struct Writing {
    files: Files,
    result: io::Result<()>,
    lost: u64,
}

impl Writing {
    fn take(&mut self, raw: Raw) {
        if self.result.is_ok() {
            self.result = self.files.write(raw);
        }
        self.lost += u64::from(self.result.is_err());
    }

    fn flush(&mut self) {
        if self.result.is_ok() {
            self.result = self.files.flush();
        }
    }
}

/// Writes what comes until it is to end, and what waits then. Returns how many pieces were lost.
fn write(files: Files, tapped: &Tapped<Raw>, stopped: &Receiver<()>) -> (u64, io::Result<()>) {
    let mut writing = Writing { files, result: Ok(()), lost: 0 };
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
    (tapped.lost.load(Ordering::Relaxed) + writing.lost, writing.result)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::event::Timestamp;
    use crate::source::live::tap;

    #[test]
    fn what_is_printed_stays_as_it_is_and_bytes_are_written_in_hexadecimal() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("raw");
        let (tap, tapped) = tap();
        let recording = RawRecording::start(&directory, tapped).unwrap();
        tap.take(3, || Raw::Printed(b"{\"a\"".to_vec()));
        tap.take(3, || Raw::Printed(b"\xff}\n".to_vec()));
        tap.take(3, || Raw::Bytes { time: Timestamp::default(), what: "sent".into(), bytes: vec![0, 0xab, 7] });
        // As the sources do, the tap outlives the recording.
        let said = recording.finish().unwrap();
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
        let error = RawRecording::start(folder.path(), tap().1).err().unwrap();
        assert!(error.to_string().ends_with("exists already; name one that does not"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
