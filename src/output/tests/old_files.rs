//! Rotated files that others take away, keep, or protect.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::super::medium::Medium;
use super::super::retention::Names;
use super::super::thread::WriterThread;
use super::*;

/// A rotated file of an alert file in this folder.
fn rotated(folder: &Path, number: u32) -> std::path::PathBuf {
    folder.join(format!("alerts-20300101T000000-{number:06}.ndjson"))
}

/// Files 1 to 5.
fn make_five(folder: &Path) {
    (1..=5).for_each(|number| fs::write(rotated(folder, number), "{}\n").unwrap());
}

/// A disk that keeps the second file, and from which another program takes the fourth.
#[derive(Debug)]
struct Shared;

impl Medium for Shared {
    fn remove(&self, path: &Path) -> io::Result<()> {
        match path.to_string_lossy() {
            name if name.ends_with("-000002.ndjson") => Err(io::ErrorKind::PermissionDenied.into()),
            name if name.ends_with("-000004.ndjson") => fs::remove_file(path).and(Err(io::ErrorKind::NotFound.into())),
            _ => fs::remove_file(path),
        }
    }
}

#[test]
fn an_old_file_that_cannot_be_deleted_or_that_another_program_deleted_keeps_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    make_five(&log);
    messages();
    let keep_one = Some(Rotation { keep_files: 1, ..rotation() });
    let writer = Writer::on(Arc::new(Shared), Options { rotation: keep_one, ..options }, at(0)).unwrap();
    let left = ["alerts-20300101T000000-000002.ndjson", "alerts-20300101T000000-000005.ndjson", "alerts.ndjson"];
    assert_eq!((files(folder.path()), writer.counts().deleted), (left.map(str::to_owned).to_vec(), 2));
    let said = messages();
    assert!(said[0].starts_with("deleted 2 rotated alert files, as configured: "), "{said:?}");
    assert!(said[1].starts_with("cannot delete old alert files: ") && said[1].contains("-000002.ndjson: "), "{said:?}");
}

#[test]
fn a_compressed_file_has_the_mode_that_it_had_before() {
    let folder = tempfile::tempdir().unwrap();
    make_five(folder.path());
    for (number, mode) in [(1, 0o600), (2, 0o644)] {
        fs::set_permissions(rotated(folder.path(), number), fs::Permissions::from_mode(mode)).unwrap();
    }
    Names::of(&folder.path().join("alerts.ndjson")).compress(1).unwrap();
    for (number, mode) in [(1, 0o600), (2, 0o644)] {
        let packed = rotated(folder.path(), number).with_extension("ndjson.gz");
        assert_eq!(fs::metadata(packed).unwrap().mode() & 0o7777, mode, "{number}");
    }
}

#[test]
fn a_stop_does_not_wait_for_rotated_files_to_be_compressed_and_does_not_call_that_a_disk_that_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let options =
        Options { rotation: Some(Rotation { compress_after: Some(1), keep_size: u64::MAX, ..rotation() }), ..options };
    fs::create_dir(folder.path().join("log")).unwrap();
    for number in [1, 2] {
        fs::File::create(rotated(&folder.path().join("log"), number)).unwrap().set_len(1 << 30).unwrap();
    }
    let thread = WriterThread::start(Writer::open(options, at(0)).unwrap(), || at(0)).unwrap();
    assert!(thread.push(&line(0)));
    messages();
    let (finished, counts) = thread.finish(Duration::from_secs(2));
    finished.unwrap();
    assert_eq!((counts.written, messages()), (1, Vec::<String>::new()));
}
