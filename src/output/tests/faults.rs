//! Faults of the disk and of others, one by one.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::Path;
use std::sync::Arc;

use super::model::Bad;
use super::*;

fn bad(folder: &Path) -> (Arc<Bad>, Options) {
    fs::create_dir(folder.join("log")).unwrap();
    let medium = Arc::new(Bad::default());
    medium.make_room(1 << 30, 1 << 30);
    (medium, Options { rotation: None, reserve: 64 << 10, ..options(folder) })
}

fn start(medium: &Arc<Bad>, options: &Options) -> Writer {
    Writer::on(Arc::clone(medium) as Arc<dyn super::super::medium::Medium>, options.clone(), at(0)).unwrap()
}

/// A writer with so many lines that wait in the state directory, as the disk of the alerts is full.
fn start_with_lines_waiting(medium: &Arc<Bad>, options: &Options, count: u64) -> Writer {
    let mut writer = start(medium, options);
    medium.make_room(0, 1 << 30);
    for number in 0..count {
        writer.write(&line(number), at(0));
    }
    writer
}

/// A volume that ignores owners: whoever makes a file, it belongs to another or is for everyone.
#[derive(Debug)]
struct Ownerless;

impl super::super::medium::Medium for Ownerless {
    fn open(&self, options: &OpenOptions, path: &Path) -> std::io::Result<File> {
        let file = options.open(path)?;
        file.set_permissions(fs::Permissions::from_mode(0o777))?;
        Ok(file)
    }
}

#[test]
fn a_new_file_on_a_volume_that_ignores_owners_is_taken_and_one_that_was_there_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.ndjson");
    let new = Options { is_new: true, ..Options::new(&path) };
    let open = |options: &Options| Writer::on(Arc::new(Ownerless), options.clone(), at(0));
    let mut writer = open(&new).unwrap();
    writer.write(&line(0), at(0));
    // It is made again where it is gone; what another put in its place is not written to.
    fs::remove_file(&path).unwrap();
    writer.write(&line(1), at(1));
    assert_eq!(fs::read_to_string(&path).unwrap(), line(1) + "\n");
    fs::remove_file(&path).unwrap();
    fs::write(&path, "of another").unwrap();
    writer.write(&line(2), at(2));
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), writer.waiting()), ("of another", 1));
    assert!(open(&new).unwrap_err().to_string().contains("File exists"));
    assert!(open(&Options::new(&path)).unwrap_err().to_string().contains("writable by others"));
}

#[test]
fn a_restart_on_a_full_disk_runs_and_keeps_alerts() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start(&medium, &options);
    writer.write(&line(0), at(0));
    // The file took a part of the line that a kill ended, and the state directory has nothing but its reserve.
    OpenOptions::new().append(true).open(&options.path).unwrap().write_all(b"{\"@timestamp\":\"t").unwrap();
    medium.make_room(0, 0);
    drop(writer);
    let mut writer = start(&medium, &options);
    for number in 1..50 {
        writer.write(&line(number), at(0));
    }
    assert_eq!((writer.waiting(), writer.in_memory(), writer.counts().lost), (49, 0, 0));
    // And killed again.
    drop(writer);
    let mut writer = start(&medium, &options);
    assert_eq!((writer.waiting(), writer.next_sequence()), (49, 50));
    medium.make_room(1 << 30, 0);
    writer.tick(at(2));
    assert_eq!((writer.waiting(), writer.counts().torn), (0, 0), "the begun line went on");
    assert_eq!(lines(folder.path()), wanted(50));
}

#[test]
fn a_waiting_line_that_was_half_written_when_the_program_was_killed_goes_on_where_it_ends() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start_with_lines_waiting(&medium, &options, 20);
    medium.make_room(3 * (line(0).len() as u64 + 1) + 50, 1 << 30);
    writer.tick(at(2));
    assert_eq!(writer.waiting(), 17);
    drop(writer);
    medium.make_room(1 << 30, 1 << 30);
    let writer = start(&medium, &options);
    assert_eq!((writer.counts().torn, writer.next_sequence()), (0, 20));
    assert_eq!(lines(folder.path()), wanted(20));
}

#[test]
fn a_line_that_was_written_and_not_yet_marked_when_the_program_was_killed_is_not_written_again() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let writer = start_with_lines_waiting(&medium, &options, 5);
    drop(writer);
    fs::write(&options.path, wanted(3).join("\n") + "\n{\"piece").unwrap();
    medium.make_room(1 << 30, 1 << 30);
    let writer = start(&medium, &options);
    assert_eq!(writer.counts().torn, 1);
    let found: Vec<String> = lines(folder.path()).into_iter().filter(|line| !line.ends_with("piece")).collect();
    assert_eq!(found, wanted(5));
}

#[test]
fn a_full_file_that_someone_empties_gets_the_begun_line_whole() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start(&medium, &options);
    medium.make_room(100, 1 << 30);
    writer.write(&line(0), at(0));
    assert_eq!(fs::metadata(&options.path).unwrap().len(), 100);
    OpenOptions::new().write(true).open(&options.path).unwrap().set_len(0).unwrap();
    medium.make_room(1 << 30, 1 << 30);
    writer.tick(at(2));
    assert_eq!(lines(folder.path()), wanted(1));
    assert_eq!(writer.counts().torn, 0);
}

#[test]
fn a_rotation_that_fails_goes_on_in_the_old_file_and_is_tried_again_after_a_minute() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, mut options) = bad(folder.path());
    options.rotation = Some(rotation());
    let mut writer = start(&medium, &options);
    medium.refuse_renames(true);
    for number in 0..10 {
        writer.write(&line(number), at(0));
    }
    assert!(writer.trouble().is_none());
    assert_eq!((files(folder.path()).len(), writer.counts().rotated), (1, 0));
    let said = messages().iter().filter(|text| text.starts_with("cannot rotate the alert file; continuing")).count();
    assert_eq!(said, 1);
    medium.refuse_renames(false);
    writer.write(&line(10), at(61));
    assert_eq!((lines(folder.path()), writer.counts().rotated), (wanted(11), 1));
}

#[test]
fn with_no_room_anywhere_the_reserve_keeps_what_waits_through_a_stop_and_a_kill() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start(&medium, &options);
    medium.make_room(0, 0);
    for number in 0..100 {
        writer.write(&line(number), at(0));
    }
    assert_eq!((writer.waiting(), writer.in_memory()), (100, 0));
    writer.finish(at(1)).unwrap();
    drop(writer);
    let mut writer = start(&medium, &options);
    // The reserve is full now: what is in memory alone is said to be lost at the end.
    for number in 100..200 {
        writer.write(&line(number), at(1));
    }
    let in_memory = writer.in_memory();
    assert!(in_memory > 0 && in_memory < 100, "{in_memory}");
    let error = writer.finish(at(1)).unwrap_err().to_string();
    assert!(error.contains(&format!("{in_memory} alerts could not be written")), "{error}");
    drop(writer);
    medium.make_room(1 << 30, 1 << 30);
    drop(start(&medium, &options));
    assert_eq!(lines(folder.path()), wanted(200 - in_memory));
}

#[test]
fn what_is_in_memory_moves_to_the_state_directory_within_a_second_of_room() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, mut options) = bad(folder.path());
    options.reserve = 0;
    let mut writer = start(&medium, &options);
    medium.make_room(0, 0);
    for number in 0..5 {
        writer.write(&line(number), at(0));
    }
    assert_eq!(writer.in_memory(), 5);
    medium.make_room(0, 1 << 20);
    assert!(writer.due() <= at(1));
    writer.tick(at(1));
    assert_eq!((writer.in_memory(), buffered(folder.path())), (0, wanted(5)));
}

#[test]
fn a_waiting_line_with_bytes_that_are_no_text_loses_neither_itself_nor_the_others() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start(&medium, &options);
    medium.make_room(0, 1 << 20);
    for number in 0..5 {
        writer.write(&line(number), at(0));
    }
    drop(writer);
    let spill = OpenOptions::new().write(true).open(folder.path().join("state/alerts-waiting.ndjson")).unwrap();
    spill.write_at(b"\xff", line(0).len() as u64 - 3).unwrap();
    medium.make_room(1 << 30, 1 << 30);
    drop(start(&medium, &options));
    let bytes = fs::read(&options.path).unwrap();
    let found: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    assert_eq!(found.len(), 6);
    assert_eq!(found[0][line(0).len() - 3], 0xff);
    assert_eq!(String::from_utf8_lossy(&found[1..5].join(&b'\n')), wanted(5)[1..].join("\n"));
}

#[test]
fn while_what_waits_cannot_be_read_nothing_of_it_is_deleted_and_newer_lines_wait_behind_it() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let mut writer = start_with_lines_waiting(&medium, &options, 20);
    medium.make_room(1 << 30, 1 << 30);
    medium.refuse_reads(true);
    for number in 20..25 {
        writer.write(&line(number), at(2 + number.cast_signed()));
    }
    assert_eq!((writer.waiting(), writer.counts().written, lines(folder.path()).len()), (25, 0, 0));
    assert_eq!(buffered(folder.path()), wanted(25));
    // Stopped meanwhile, and started again: they are still there.
    writer.finish(at(60)).unwrap();
    drop(writer);
    assert_eq!(buffered(folder.path()), wanted(25));
    let mut writer = start(&medium, &options);
    assert_eq!((writer.waiting(), writer.next_sequence()), (25, 25));
    medium.refuse_reads(false);
    writer.tick(at(90));
    assert_eq!((writer.waiting(), writer.counts().lost), (0, 0));
    assert_eq!(lines(folder.path()), wanted(25));
}

#[test]
fn a_state_directory_or_an_alert_file_that_others_may_write_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let state = folder.path().join("state");
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o777)).unwrap();
    let mut writer = start(&medium, &options);
    assert!(messages().iter().any(|text| text.contains("writable by others") && text.contains("chmod go-w")));
    medium.make_room(0, 1 << 20);
    writer.write(&line(0), at(0));
    assert_eq!((writer.in_memory(), fs::read_dir(&state).unwrap().count()), (1, 0));
    drop(writer);
    fs::set_permissions(&options.path, fs::Permissions::from_mode(0o666)).unwrap();
    let error = Writer::open(options, at(0)).unwrap_err().to_string();
    assert!(error.contains("writable by others (owner ") && error.contains("mode 0666"), "{error}");
}

#[test]
fn a_hard_link_in_place_of_the_buffer_is_not_touched() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    let (state, victim) = (folder.path().join("state"), folder.path().join("victim"));
    fs::create_dir(&state).unwrap();
    fs::set_permissions(&state, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(&victim, "secret\nlast").unwrap();
    fs::hard_link(&victim, state.join("alerts-waiting.ndjson")).unwrap();
    start(&medium, &options).write(&line(0), at(0));
    assert_eq!(fs::read_to_string(&victim).unwrap(), "secret\nlast");
    assert_eq!(lines(folder.path()), wanted(1));
}

#[test]
fn a_reader_that_locks_the_file_does_not_stop_a_start() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(&folder.path().join("alerts.ndjson"));
    fs::write(&options.path, "").unwrap();
    let reader = File::open(&options.path).unwrap();
    reader.lock_shared().unwrap();
    Writer::open(options, at(0)).unwrap().write(&line(0), at(0));
}

/// The lines that reach the alert file when these bytes wait, how many are lost, and what is logged.
fn taken_up(bytes: &[u8]) -> (Vec<String>, u64, String) {
    let folder = tempfile::tempdir().unwrap();
    let (medium, options) = bad(folder.path());
    drop(start(&medium, &options));
    fs::write(folder.path().join("state/alerts-waiting.ndjson"), bytes).unwrap();
    messages();
    let writer = start(&medium, &options);
    let lost = writer.counts().lost;
    assert_eq!(writer.waiting(), 0);
    drop(writer);
    (lines(folder.path()), lost, messages().join("\n"))
}

#[test]
fn a_line_longer_than_any_alert_among_those_that_wait_costs_none_of_the_others() {
    let long = "x".repeat(10 << 20);
    let (found, lost, said) = taken_up(format!("{}\n{long}\n{}\n", line(0), line(1)).as_bytes());
    assert_eq!((found, lost), (wanted(2), 0));
    assert!(said.contains("1 line longer than any alert, left out"), "{said}");
    let (found, lost, _) = taken_up(format!("{long}\n{}\n{}\n{long}", line(0), line(1)).as_bytes());
    assert_eq!((found, lost), (wanted(2), 0));
}

#[test]
fn lines_behind_a_part_that_a_crash_left_empty_are_counted_as_lost() {
    let hole = "\0".repeat(700);
    let (found, lost, _) = taken_up(format!("{}\n{hole}\"}}\n{}\n {}\n", line(0), line(2), line(3)).as_bytes());
    assert_eq!((found, lost), (wanted(1), 1), "one of them is done");
}

#[test]
fn a_document_about_the_agent_that_waited_is_nothing_to_warn_of() {
    let document = "{\"event\":{\"kind\":\"state\"}}";
    let (found, lost, said) = taken_up(format!("{document}\n").as_bytes());
    assert_eq!((found, lost, &*said), (vec![document.to_owned()], 0, ""));
}
