use super::*;
use crate::event::{Categories, Timestamp};
use crate::source::live::Bell;
use std::fs::File;
use std::os::unix::fs::PermissionsExt;

const LIMIT: Duration = Duration::from_secs(20);

fn last() -> Map<String, Json> {
    Map::from_iter([("message".to_owned(), Json::from("end"))])
}

/// How a recording is made, and where its failure is reported.
fn wanted() -> (Wanted, Receiver<Control>) {
    let (control, controls) = Bell::default().channel(1);
    (Wanted { pseudonyms: None, room: 0, control }, controls)
}

fn event() -> Event {
    Event::new(Timestamp::default(), Categories::PROCESS)
}

/// What is told when the recording ends early.
fn told(controls: &Receiver<Control>) -> String {
    match controls.recv_timeout(Duration::from_secs(20)) {
        Ok(Control::Unrecorded(why)) => why,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_recording_that_cannot_be_written_says_so_while_it_runs_and_counts_what_it_lost() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    std::fs::write(&path, "").unwrap();
    let file = RecordingFile::Plain(io::BufWriter::new(File::open(&path).unwrap()));
    let (wanted, controls) = wanted();
    let (recorder, tap) = Recorder::start_on(file, &path, wanted).unwrap();
    tap.take(1, event);
    let why = told(&controls);
    assert!(why.starts_with(&format!("{}: cannot write the recording: Bad file", path.display())), "{why}");
    tap.take(1, event);
    drop(tap);
    let recorded = recorder.finish(&last(), LIMIT);
    assert_eq!(recorded, Recorded { events: 0, lost: 2, error: Some(why.clone()) });
    assert_eq!(recorded.result().unwrap_err().to_string(), why);
}

#[test]
fn a_recording_that_leaves_room_on_its_volume_ends_early_with_its_last_document() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let (wanted, controls) = wanted();
    let (recorder, tap) = Recorder::start(&path, Wanted { room: u64::MAX, ..wanted }).unwrap();
    tap.take(1, event);
    let why = told(&controls);
    assert!(why.ends_with("its volume has less than 17592186044415 MiB left"), "{why}");
    tap.take(1, event);
    drop(tap);
    assert_eq!(recorder.finish(&last(), LIMIT), Recorded { events: 1, lost: 1, error: Some(why) });
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.lines().count() == 2 && text.ends_with("{\"message\":\"end\"}\n"), "{text}");
}

#[test]
fn a_recording_ends_with_its_summary_and_is_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let (recorder, tap) = Recorder::start(&path, wanted().0).unwrap();
    tap.take(1, event);
    drop(tap);
    assert_eq!(recorder.finish(&last(), LIMIT), Recorded { events: 1, ..Recorded::default() });
    assert!(std::fs::read_to_string(&path).unwrap().ends_with("{\"message\":\"end\"}\n"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_name_that_ends_with_gz_is_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson.gz");
    let (recorder, tap) = Recorder::start(&path, wanted().0).unwrap();
    drop(tap);
    recorder.finish(&last(), LIMIT).result().unwrap();
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
    assert!(Recorder::start(&path, wanted().0).is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "evidence");
    let error = Recorder::start(&folder.path().join("r.xz"), wanted().0).err().unwrap();
    assert!(error.to_string().contains("ends with .gz or .zst"), "{error}");
}

#[test]
fn a_loss_is_recorded_among_the_events_and_personal_data_is_left_out_of_all_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.ndjson");
    let mut pseudonyms = Pseudonyms::new(crate::script::Redactor::new(&[], true).unwrap());
    pseudonyms.add_host("alices-mac.local");
    let wanted = Wanted { pseudonyms: Some(pseudonyms), ..wanted().0 };
    let (recorder, tap) = Recorder::start(&path, wanted).unwrap();
    let about = |text: &str| Map::from_iter([("message".to_owned(), Json::from(text))]);
    recorder.documents().send(about("lost on alices-mac")).unwrap();
    drop(tap);
    recorder.finish(&about("/Users/alice ended"), LIMIT).result().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert_eq!(text, "{\"message\":\"lost on host-1\"}\n{\"message\":\"/Users/user-1 ended\"}\n");
}
