use std::fs;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::Path;
use std::time::Duration;

use super::options::{Options, Rotation};
use super::writer::Writer;
use captured::messages;

mod captured;
mod directories;
mod faults;
mod fsync;
mod model;
mod old_files;
mod thread;
use crate::event::Timestamp;

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_milliseconds(1_900_000_000_000 + seconds * 1000).unwrap()
}

fn line(number: u64) -> String {
    format!(
        "{{\"@timestamp\":\"t\",\"event\":{{\"id\":\"e{number}\",\"sequence\":{number}}},\"x\":\"{}\"}}",
        "y".repeat(400)
    )
}

fn rotation() -> Rotation {
    Rotation {
        size: 1500,
        age: Duration::from_secs(1 << 30),
        keep_files: 100,
        keep_age: Duration::from_secs(1 << 32),
        keep_size: 1 << 30,
        compress_after: None,
    }
}

fn options(folder: &Path) -> Options {
    captured::capture();
    let path = folder.join("log/alerts.ndjson");
    let state_directory = Some(folder.join("state"));
    Options { rotation: Some(rotation()), state_directory, ..Options::new(&path) }
}

/// All lines, the rotated files' first.
fn lines(folder: &Path) -> Vec<String> {
    let directory = folder.join("log");
    let mut names: Vec<_> = fs::read_dir(&directory).unwrap().map(|entry| entry.unwrap().path()).collect();
    // `alerts-…` sorts before `alerts.ndjson`.
    names.sort();
    names
        .iter()
        .flat_map(|name| fs::read_to_string(name).unwrap().lines().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

fn files(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder.join("log")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn wanted(count: u64) -> Vec<String> {
    (0..count).map(line).collect()
}

/// The lines that wait in the state directory.
fn buffered(folder: &Path) -> Vec<String> {
    let bytes = fs::read(folder.join("state/alerts-waiting.ndjson")).unwrap();
    let text = String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned();
    text.lines().filter(|line| !line.starts_with(' ')).map(str::to_owned).collect()
}

#[test]
fn rotated_files_have_names_of_their_own_and_hold_every_line_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(options(folder.path()), at(0)).unwrap();
    for number in 0..10 {
        writer.write(&line(number), at(0));
    }
    writer.finish(at(0)).unwrap();
    assert_eq!(lines(folder.path()), wanted(10));
    let (first, last) = ("alerts-20300317T174640-000001.ndjson", "alerts.ndjson");
    assert_eq!(files(folder.path())[0], first);
    assert_eq!(files(folder.path()).last().unwrap(), last);
    assert_eq!(writer.counts().rotated, 3);
    let metadata = |name: &str| fs::metadata(folder.path().join("log").join(name)).unwrap();
    assert!(files(folder.path()).iter().all(|name| metadata(name).len() <= 1500));
    assert_eq!(metadata("alerts.ndjson").mode() & 0o7777 & !0o640, 0);
    assert_eq!(metadata("").mode() & 0o777 & !0o750, 0);
}

#[test]
fn a_file_that_is_too_old_is_rotated_before_the_next_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.rotation = Some(Rotation { size: 1 << 20, ..rotation() });
    let mut writer = Writer::open(options, at(0)).unwrap();
    writer.write(&line(0), at(0));
    writer.write(&line(1), at(1 << 30));
    writer.finish(at(0)).unwrap();
    assert_eq!(files(folder.path()).len(), 2);
    assert_eq!(lines(folder.path()), wanted(2));
}

#[test]
fn rotated_files_beyond_the_limits_are_deleted_oldest_first_and_older_ones_compressed() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = options(folder.path());
    options.rotation = Some(Rotation { keep_files: 3, compress_after: Some(1), ..rotation() });
    let mut writer = Writer::open(options.clone(), at(0)).unwrap();
    for number in 0..24 {
        writer.write(&line(number), at(0));
    }
    writer.finish(at(0)).unwrap();
    writer.end_maintenance(at(0));
    assert_eq!((writer.counts().rotated, writer.counts().deleted), (7, 4));
    drop(writer);
    // The next run finishes what compression was not begun for.
    let mut writer = Writer::open(options, at(0)).unwrap();
    writer.end_maintenance(at(0));
    assert_eq!(writer.next_sequence(), 24);
    let names = files(folder.path());
    assert_eq!(names.len(), 4);
    assert!(names[0].ends_with("-000005.ndjson.gz") && names[1].ends_with("-000006.ndjson.gz"), "{names:?}");
    assert!(names[2].ends_with("-000007.ndjson"), "{names:?}");
    let mut text = String::new();
    let packed = fs::File::open(folder.path().join("log").join(&names[0])).unwrap();
    flate2::read::GzDecoder::new(packed).read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().collect::<Vec<_>>(), wanted(15)[12..]);
}

#[test]
fn keep_size_counts_the_current_file_and_keep_age_the_last_line() {
    for (rotation, deleted) in [
        (Rotation { keep_size: 3100, ..rotation() }, 1),
        (Rotation { keep_age: Duration::from_secs(60), ..rotation() }, 3),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut options = options(folder.path());
        options.rotation = Some(rotation);
        // The files' own times are of today, which is more than a minute before these.
        let mut writer = Writer::open(options, at(0)).unwrap();
        for number in 0..12 {
            writer.write(&line(number), at(0));
        }
        assert_eq!(writer.counts().deleted, deleted, "{rotation:?}");
        assert!(messages().iter().any(|text| text.starts_with("deleted 1 rotated alert file,")));
    }
}

#[test]
fn a_torn_last_line_is_closed_off_and_numbering_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options::new(&folder.path().join("alerts.ndjson"));
    fs::write(&options.path, format!("{}\n{{\"@timestamp\":\"t\",\"event\":{{\"id", line(6))).unwrap();
    let mut writer = Writer::open(options.clone(), at(0)).unwrap();
    assert_eq!(writer.counts().torn, 1);
    assert!(messages()[0].ends_with("last line was truncated; newline added"));
    assert_eq!(writer.next_sequence(), 7);
    writer.write(&line(7), at(0));
    let text = fs::read_to_string(&options.path).unwrap();
    assert_eq!(text, format!("{}\n{{\"@timestamp\":\"t\",\"event\":{{\"id\n{}\n", line(6), line(7)));
}

#[test]
fn numbering_goes_on_after_a_rotation_and_past_lines_without_a_number() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = Writer::open(options(folder.path()), at(0)).unwrap();
    for number in 0..3 {
        writer.write(&line(number), at(0));
    }
    writer.write("{\"event\":{\"kind\":\"pipeline_error\"}}", at(0));
    writer.finish(at(0)).unwrap();
    drop(writer);
    fs::rename(folder.path().join("log/alerts.ndjson"), folder.path().join("log/alerts-20300101T000000-000009.ndjson"))
        .unwrap();
    assert_eq!(Writer::open(options(folder.path()), at(0)).unwrap().next_sequence(), 3);
}

#[test]
fn a_file_that_was_moved_or_deleted_is_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("alerts.ndjson");
    let mut writer = Writer::open(Options::new(&path), at(0)).unwrap();
    writer.write(&line(0), at(0));
    fs::rename(&path, folder.path().join("moved")).unwrap();
    writer.write(&line(1), at(0));
    fs::remove_file(&path).unwrap();
    writer.write(&line(2), at(0));
    assert_eq!(fs::read_to_string(folder.path().join("moved")).unwrap(), line(0) + "\n");
    assert_eq!(fs::read_to_string(&path).unwrap(), line(2) + "\n");
    assert_eq!(writer.counts().reopened, 2);
}

#[test]
fn lines_wait_while_the_directory_is_gone_and_are_written_in_order_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let gone = folder.path().join("gone");
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    let options = Options { rotation: None, ..options(folder.path()) };
    let mut writer = Writer::open(options, at(0)).unwrap();
    writer.write(&line(0), at(0));
    fs::rename(&log, &gone).unwrap();
    for number in 1..8 {
        writer.write(&line(number), at(1));
    }
    assert_eq!((writer.waiting(), writer.counts().lost), (7, 0));
    assert!(writer.trouble().is_some());
    assert_eq!(buffered(folder.path()), wanted(8)[1..]);
    assert_eq!(writer.in_memory(), 0);
    messages();
    writer.tick(at(30));
    assert!(messages().is_empty(), "it is reported once a minute");
    writer.tick(at(61));
    assert!(messages()[0].contains("7 alerts buffered since"));
    fs::rename(&gone, &log).unwrap();
    writer.tick(at(62));
    writer.write(&line(8), at(62));
    assert_eq!(lines(folder.path()), wanted(9));
    assert_eq!(writer.waiting(), 0);
    assert!(messages().iter().any(|text| text.starts_with("writing resumed")));
    assert!(buffered(folder.path()).is_empty());
}

#[test]
fn what_still_waits_at_the_end_is_written_by_the_next_run_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    fs::create_dir(&log).unwrap();
    let options = Options { rotation: None, ..options(folder.path()) };
    let mut writer = Writer::open(options.clone(), at(0)).unwrap();
    writer.write(&line(0), at(0));
    fs::rename(&log, folder.path().join("gone")).unwrap();
    for number in 1..6 {
        writer.write(&line(number), at(1));
    }
    writer.finish(at(2)).unwrap();
    assert!(messages().last().unwrap().ends_with("5 alerts kept for the next run"));
    drop(writer);
    // As if the run before had been killed after it wrote two of them.
    fs::rename(folder.path().join("gone"), &log).unwrap();
    fs::write(log.join("alerts.ndjson"), wanted(3).join("\n") + "\n").unwrap();
    let writer = Writer::open(options, at(3)).unwrap();
    assert_eq!(lines(folder.path()), wanted(6));
    assert_eq!(writer.next_sequence(), 6);
}

#[test]
fn without_a_place_to_wait_a_lost_alert_is_counted_and_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log/alerts.ndjson");
    fs::create_dir(folder.path().join("log")).unwrap();
    let mut writer = Writer::open(Options { memory: 0, ..Options::new(&path) }, at(0)).unwrap();
    fs::remove_dir_all(folder.path().join("log")).unwrap();
    writer.write(&line(0), at(0));
    assert_eq!(writer.counts().lost, 1);
    assert!(messages().iter().any(|text| text.starts_with("1 alert lost so far: the backlog is full")));
    assert!(writer.finish(at(0)).is_err());
}

#[test]
fn a_full_device_holds_no_line_and_loses_none() {
    let mut writer = Writer::open(Options::new(Path::new("/dev/full")), at(0)).unwrap();
    writer.write(&line(0), at(0));
    assert!(writer.trouble().unwrap().to_string().contains("No space left"), "{:?}", writer.trouble());
    assert_eq!(writer.waiting(), 1);
    let error = writer.finish(at(0)).unwrap_err().to_string();
    assert!(error.starts_with("/dev/full: 1 alert could not be written: No space left"), "{error}");
}

#[test]
fn links_pipes_and_files_of_other_names_are_refused_and_one_writer_has_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, link, hard) = (folder.path().join("a"), folder.path().join("b"), folder.path().join("c"));
    let refused = |path: &Path| Writer::open(Options::new(path), at(0)).unwrap_err().to_string();
    let writer = Writer::open(Options::new(&file), at(0)).unwrap();
    assert!(refused(&file).contains("another osawatch is writing to it"));
    drop(writer);
    symlink(&file, &link).unwrap();
    assert!(refused(&link).contains("is a symbolic link"));
    fs::hard_link(&file, &hard).unwrap();
    assert!(refused(&file).contains("has 2 hard links"));
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("p")).status().unwrap().success());
    assert!(refused(&folder.path().join("p")).contains("cannot write alerts"));
    assert!(refused(folder.path()).contains("cannot write alerts"));
}

/// A file system of 64 KiB, unmounted when dropped.
struct SmallDisk(std::path::PathBuf);

impl SmallDisk {
    fn mount(folder: &Path) -> SmallDisk {
        fs::create_dir(folder).unwrap();
        let mut mount = std::process::Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"]).arg(folder).stderr(std::process::Stdio::null());
        assert!(mount.status().is_ok_and(|status| status.success()), "root may mount a tmpfs");
        SmallDisk(folder.to_owned())
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = std::process::Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
#[ignore = "needs root and mount(8)"]
fn a_full_disk_delays_alerts_and_a_line_it_took_half_of_is_completed() {
    let folder = tempfile::tempdir().unwrap();
    let disk = SmallDisk::mount(&folder.path().join("log"));
    let ballast = disk.0.join("ballast");
    fs::write(&ballast, vec![0; 40 << 10]).unwrap();
    let options = Options { rotation: None, memory: 8 * (line(0).len() + 1), ..options(folder.path()) };
    let mut writer = Writer::open(options, at(0)).unwrap();
    for number in 0..100 {
        writer.write(&line(number), at(0));
    }
    assert!(writer.trouble().unwrap().to_string().contains("No space left"));
    let waiting = writer.waiting();
    assert!(waiting > 8 && waiting < 100, "{waiting}");
    assert_eq!((writer.counts().written + waiting, writer.counts().lost), (100, 0));
    fs::remove_file(&ballast).unwrap();
    writer.tick(at(2));
    writer.finish(at(2)).unwrap();
    assert_eq!(writer.waiting(), 0);
    assert_eq!(
        fs::read_to_string(disk.0.join("alerts.ndjson")).unwrap().lines().map(str::to_owned).collect::<Vec<_>>(),
        wanted(100)
    );
}
