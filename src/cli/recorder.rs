//! Events into a recording: ECS lines, as `replay` reads them, compressed where the name says so.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded, never, select};
use serde_json::{Map, Value as Json};

use super::exit::Failure;
use super::recording_file::RecordingFile;
use crate::event::{Event, document};
use crate::script::Pseudonyms;
use crate::source::live::{Tap, Tapped, tap};

/// What was written is complete on the disk after this long, should osawatch be killed.
const FLUSH: Duration = Duration::from_secs(1);
/// Nothing has to be done for as long as nothing comes.
const NOTHING_TO_FLUSH: Duration = Duration::from_secs(3600);
/// How long what is left may take to be written.
const FINISH: Duration = Duration::from_secs(3);
/// Documents about losses that may wait.
const MAX_DOCUMENTS: usize = 64;

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
    documents: Sender<Map<String, Json>>,
    done: Receiver<(Written, io::Result<()>)>,
}

/// A recording so far.
struct Written {
    file: RecordingFile,
    pseudonyms: Option<Pseudonyms>,
    recorded: Recorded,
}

impl Written {
    fn line(&mut self, mut document: Map<String, Json>) -> io::Result<()> {
        if let Some(pseudonyms) = &mut self.pseudonyms {
            pseudonyms.apply(&mut document);
        }
        self.file.line(&document)
    }
}

impl Recorder {
    /// Makes the file, and starts to write.
    pub(super) fn start(path: &Path) -> Result<(Recorder, Tap<Event>), Failure> {
        Recorder::start_with(path, None)
    }

    /// The same, with personal data left out.
    pub(super) fn start_with(path: &Path, pseudonyms: Option<Pseudonyms>) -> Result<(Recorder, Tap<Event>), Failure> {
        let failed = |error: io::Error| {
            Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot create the recording: {error}", path.display()))
        };
        let Some(file) = RecordingFile::create(path).map_err(failed)? else {
            let why = "a recording is written plain or, with a name that ends with .gz or .zst, compressed";
            return Err(Failure::new(Failure::USAGE, format!("{}: {why}", path.display())));
        };
        let ((tap, tapped), (ended, done)) = (tap(), bounded(1));
        let (documents, documents_receiver) = bounded(MAX_DOCUMENTS);
        let written = Written { file, pseudonyms, recorded: Recorded::default() };
        let work = move || _ = ended.send(write(written, &tapped, documents_receiver));
        std::thread::Builder::new().name("osawatch-record".into()).spawn(work).map_err(failed)?;
        Ok((Recorder { path: path.to_owned(), documents, done }, tap))
    }

    /// Where documents about losses go, to be recorded among the events.
    pub(super) fn documents(&self) -> Sender<Map<String, Json>> {
        self.documents.clone()
    }

    /// Ends the recording with this document, once its tap is gone.
    pub(super) fn finish(self, last: &Map<String, Json>) -> Result<Recorded, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Failure::IO, format!("{}: cannot write the recording: {error}", self.path.display()))
        };
        let (mut written, result) =
            self.done.recv_timeout(FINISH).map_err(|_| failed(io::ErrorKind::TimedOut.into()))?;
        result.map_err(failed)?;
        written.line(last.clone()).and_then(|()| written.file.finish()).map_err(failed)?;
        Ok(written.recorded)
    }
}

/// Writes what comes until the tap is gone, and what waits then.
#[allow(clippy::disallowed_methods, reason = "a disk is written in real time")]
fn write(
    mut written: Written,
    tapped: &Tapped<Event>,
    mut documents: Receiver<Map<String, Json>>,
) -> (Written, io::Result<()>) {
    let (mut result, mut flushed) = (Ok(()), Instant::now());
    let mut is_flushed = true;
    loop {
        let patience = if is_flushed { NOTHING_TO_FLUSH } else { FLUSH };
        select! {
            recv(tapped.copies) -> event => match event {
                Ok((event, _charge)) if result.is_ok() => {
                    result = written.line(document::document(&event));
                    written.recorded.events += u64::from(result.is_ok());
                    written.recorded.lost += u64::from(result.is_err());
                    is_flushed = false;
                }
                Ok(_) => written.recorded.lost += 1,
                Err(_) => break,
            },
            recv(documents) -> document => match document {
                Ok(document) => {
                    result = result.and_then(|()| written.line(document));
                    is_flushed = false;
                }
                Err(_) => documents = never(),
            },
            default(patience) => {}
        }
        if !is_flushed && flushed.elapsed() >= FLUSH {
            let done = written.file.flush();
            result = result.and(done);
            (is_flushed, flushed) = (true, Instant::now());
        }
    }
    for document in documents.try_iter() {
        result = result.and_then(|()| written.line(document));
    }
    written.recorded.lost += tapped.lost.load(Ordering::Relaxed);
    (written, result)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
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
    fn a_file_that_exists_is_never_written_to_and_what_nothing_writes_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        std::fs::write(&path, "evidence").unwrap();
        assert!(Recorder::start(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "evidence");
        let error = Recorder::start(&folder.path().join("r.xz")).err().unwrap();
        assert!(error.to_string().contains("ends with .gz or .zst"), "{error}");
    }

    #[test]
    fn a_loss_is_recorded_among_the_events_and_personal_data_is_left_out_of_all_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("r.ndjson");
        let mut pseudonyms = Pseudonyms::new(crate::script::Redactor::new(&[], true).unwrap());
        pseudonyms.add_host("alices-mac.local");
        let (recorder, tap) = Recorder::start_with(&path, Some(pseudonyms)).unwrap();
        let about = |text: &str| Map::from_iter([("message".to_owned(), Json::from(text))]);
        recorder.documents().send(about("lost on alices-mac")).unwrap();
        drop(tap);
        recorder.finish(&about("/Users/alice ended")).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, "{\"message\":\"lost on host-1\"}\n{\"message\":\"/Users/user-1 ended\"}\n");
    }
}
