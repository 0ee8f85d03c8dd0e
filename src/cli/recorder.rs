//! Events into a recording: ECS lines, as `replay` reads them, compressed where the name says so.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded};
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Map, Value as Json};

use super::exit::Failure;
use crate::agent::{Tap, Tapped, tap};
use crate::alert::to_line;
use crate::event::document;

/// What was written is complete on the disk after this long, should osawatch be killed.
const FLUSH: Duration = Duration::from_secs(1);
/// How long what is left may take to be written.
const FINISH: Duration = Duration::from_secs(3);

/// What a recording came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Recorded {
    pub(super) events: u64,
    /// Events that found no room, as the disk was slow, or that could not be written.
    pub(super) lost: u64,
}

/// A recording on a thread of its own.
pub(super) struct Recorder {
    path: PathBuf,
    done: Receiver<(Stream, Recorded, io::Result<()>)>,
}

enum Stream {
    Plain(BufWriter<File>),
    Gzip(Box<GzEncoder<BufWriter<File>>>),
}

impl Stream {
    fn line(&mut self, document: &Map<String, Json>) -> io::Result<()> {
        let line = to_line(document);
        match self {
            Stream::Plain(file) => writeln!(file, "{line}"),
            Stream::Gzip(file) => writeln!(file, "{line}"),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Stream::Plain(file) => file.flush(),
            Stream::Gzip(file) => file.flush(),
        }
    }

    fn finish(self) -> io::Result<()> {
        let file = match self {
            Stream::Plain(file) => file,
            Stream::Gzip(file) => file.finish()?,
        };
        file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    }
}

impl Recorder {
    /// Makes the file, which must not exist, readable for its owner alone: command lines hold secrets.
    pub(super) fn start(path: &Path) -> Result<(Recorder, Tap), Failure> {
        let failed = |error: io::Error| {
            Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot create the recording: {error}", path.display()))
        };
        let extension = path.extension().and_then(|extension| extension.to_str());
        if matches!(extension, Some("zst" | "xz" | "bz2" | "zip")) {
            let why = "a recording is written plain or, with a name that ends with .gz, with gzip";
            return Err(Failure::new(Failure::USAGE, format!("{}: {why}", path.display())));
        }
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(libc::O_NOFOLLOW);
        let file = BufWriter::new(options.open(path).map_err(failed)?);
        let stream = match extension {
            Some("gz") => Stream::Gzip(Box::new(GzEncoder::new(file, Compression::default()))),
            _ => Stream::Plain(file),
        };
        let ((tap, tapped), (ended, done)) = (tap(), bounded(1));
        let work = move || _ = ended.send(write(stream, &tapped));
        std::thread::Builder::new().name("osawatch-record".into()).spawn(work).map_err(failed)?;
        Ok((Recorder { path: path.to_owned(), done }, tap))
    }

    /// Ends the recording with this document, once its tap is gone.
    pub(super) fn finish(self, last: &Map<String, Json>) -> Result<Recorded, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Failure::IO, format!("{}: cannot write the recording: {error}", self.path.display()))
        };
        let (mut stream, recorded, written) =
            self.done.recv_timeout(FINISH).map_err(|_| failed(io::ErrorKind::TimedOut.into()))?;
        written.map_err(failed)?;
        stream.line(last).and_then(|()| stream.finish()).map_err(failed)?;
        Ok(recorded)
    }
}

#[allow(clippy::disallowed_methods, reason = "a disk is written in real time")]
fn write(mut stream: Stream, tapped: &Tapped) -> (Stream, Recorded, io::Result<()>) {
    let (mut recorded, mut result, mut flushed) = (Recorded::default(), Ok(()), Instant::now());
    let mut is_flushed = true;
    loop {
        let received = match is_flushed {
            true => tapped.events.recv().map_err(|_| RecvTimeoutError::Disconnected),
            false => tapped.events.recv_timeout(FLUSH),
        };
        match received {
            Ok((event, _charge)) if result.is_ok() => {
                result = stream.line(&document::document(&event));
                recorded.events += u64::from(result.is_ok());
                recorded.lost += u64::from(result.is_err());
                is_flushed = false;
            }
            Ok(_) => recorded.lost += 1,
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if !is_flushed && flushed.elapsed() >= FLUSH {
            let done = stream.flush();
            result = result.and(done);
            (is_flushed, flushed) = (true, Instant::now());
        }
    }
    recorded.lost += tapped.lost.load(Ordering::Relaxed);
    (stream, recorded, result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn last() -> Map<String, Json> {
        Map::from_iter([("message".to_owned(), Json::from("end"))])
    }

    #[test]
    fn a_recording_ends_with_its_summary_and_is_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let (recorder, tap) = Recorder::start(&path).unwrap();
        drop(tap);
        assert_eq!(recorder.finish(&last()).unwrap(), Recorded::default());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{\"message\":\"end\"}\n");
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_name_that_ends_with_gz_is_compressed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson.gz");
        let (recorder, tap) = Recorder::start(&path).unwrap();
        drop(tap);
        recorder.finish(&last()).unwrap();
        let mut text = String::new();
        let mut file = flate2::read::GzDecoder::new(File::open(&path).unwrap());
        io::Read::read_to_string(&mut file, &mut text).unwrap();
        assert_eq!(text, "{\"message\":\"end\"}\n");
    }

    #[test]
    fn a_file_that_exists_is_never_written_to_and_zstd_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        std::fs::write(&path, "evidence").unwrap();
        assert!(Recorder::start(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "evidence");
        let error = Recorder::start(&folder.path().join("r.zst")).err().unwrap();
        assert!(error.to_string().contains("ends with .gz"), "{error}");
    }
}
