//! The alert file on a thread of its own, over a disk that a test holds up.

use std::fs::File;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex};

use super::super::medium::{Disk, Medium};
use super::super::thread::WriterThread;
use super::*;

/// A disk whose alert file takes no fsync until it is let go; the one of the state directory does.
#[derive(Debug, Default)]
struct Slow {
    held: Mutex<bool>,
    changed: Condvar,
    /// Calls of fsync for the alert file that began and that were answered.
    begun: AtomicU64,
    answered: AtomicU64,
}

impl Slow {
    fn hold(&self, hold: bool) {
        *self.held.lock().unwrap() = hold;
        self.changed.notify_all();
    }
}

impl Medium for Slow {
    fn append(&self, mut file: &File, bytes: &[u8]) -> io::Result<usize> {
        let written = io::Write::write(&mut file, bytes)?;
        // What was appended tells the files apart.
        self.begun.fetch_add(1, Ordering::SeqCst);
        Ok(written)
    }

    fn sync(&self, file: &File) -> io::Result<()> {
        let is_alert_file = rustix::fs::fcntl_getfl(file)?.contains(rustix::fs::OFlags::APPEND);
        if is_alert_file {
            let held = self.held.lock().unwrap();
            drop(self.changed.wait_while(held, |held| *held).unwrap());
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
        Disk.sync(file)
    }
}

fn clock() -> Timestamp {
    at(0)
}

fn start(folder: &Path) -> (Arc<Slow>, WriterThread) {
    fs::create_dir(folder.join("log")).unwrap();
    let medium = Arc::new(Slow::default());
    let options = Options { rotation: None, memory: 2 << 20, ..options(folder) };
    let writer = Writer::on(Arc::clone(&medium) as Arc<dyn Medium>, options, at(0)).unwrap();
    (medium, WriterThread::start(writer, clock).unwrap())
}

fn wait_until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Hands over the first line, whose fsync is not answered.
fn hold_up(medium: &Slow, thread: &WriterThread) {
    medium.hold(true);
    assert!(thread.push(&line(0)));
    wait_until(|| medium.begun.load(Ordering::SeqCst) > 0);
}

#[test]
fn what_comes_during_an_fsync_is_forced_to_the_disk_by_the_next_one_together() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, thread) = start(folder.path());
    hold_up(&medium, &thread);
    assert!((1..300).all(|number| thread.push(&line(number))));
    medium.hold(false);
    let (finished, counts) = thread.finish(Duration::from_secs(60));
    finished.unwrap();
    assert_eq!((lines(folder.path()), counts.written, counts.lost), (wanted(300), 300, 0));
    assert!(medium.answered.load(Ordering::SeqCst) < 10);
}

#[test]
fn what_a_disk_that_does_not_answer_holds_up_goes_to_the_state_directory_within_a_second_and_is_written_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, thread) = start(folder.path());
    hold_up(&medium, &thread);
    assert!((1..10).all(|number| thread.push(&line(number))));
    wait_until(|| buffered(folder.path()).len() >= 9);
    medium.hold(false);
    let (finished, counts) = thread.finish(Duration::from_secs(60));
    finished.unwrap();
    assert_eq!((lines(folder.path()), counts.lost), (wanted(10), 0));
    assert!((9..=10).contains(&counts.delayed), "{counts:?}");
    assert_eq!(buffered(folder.path()), Vec::<String>::new());
}

#[test]
fn more_alerts_than_memory_holds_are_kept_while_the_disk_does_not_answer() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, thread) = start(folder.path());
    hold_up(&medium, &thread);
    // 6 MiB, of which memory takes 2.
    let count = (6 << 20) / line(0).len() as u64;
    for number in 1..count {
        wait_until(|| thread.has_room(line(number).len() + 1));
        assert!(thread.push(&line(number)));
    }
    medium.hold(false);
    let (finished, counts) = thread.finish(Duration::from_secs(600));
    finished.unwrap();
    assert_eq!((counts.written, counts.lost), (count, 0));
    assert!(lines(folder.path()) == wanted(count), "once each, in order");
}

#[test]
fn a_stop_while_the_disk_does_not_answer_keeps_the_alerts_for_the_next_run_which_writes_them_once() {
    let folder = tempfile::tempdir().unwrap();
    let (medium, thread) = start(folder.path());
    hold_up(&medium, &thread);
    assert!((1..10).all(|number| thread.push(&line(number))));
    thread.finish(Duration::from_secs(4)).0.unwrap();
    assert!(messages().iter().any(|text| text.contains("kept for the next run")));
    // What a program that ended leaves.
    let left = tempfile::tempdir().unwrap();
    for name in ["log/alerts.ndjson", "state/alerts-waiting.ndjson"] {
        let to = left.path().join(name);
        fs::DirBuilder::new().mode(0o700).create(to.parent().unwrap()).unwrap();
        fs::copy(folder.path().join(name), to).unwrap();
    }
    let mut writer = Writer::open(Options { rotation: None, ..options(left.path()) }, at(1)).unwrap();
    writer.finish(at(1)).unwrap();
    assert_eq!(lines(left.path()), wanted(10));
    medium.hold(false);
}

#[test]
fn with_no_disk_and_no_memory_left_a_line_is_refused_and_counted() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    let medium = Arc::new(Slow::default());
    let options = Options { memory: 3000, state_directory: None, ..options(folder.path()) };
    let writer = Writer::on(Arc::clone(&medium) as Arc<dyn Medium>, options, at(0)).unwrap();
    let thread = WriterThread::start(writer, clock).unwrap();
    hold_up(&medium, &thread);
    let taken = (1..20).filter(|number| thread.push(&line(*number))).count() as u64;
    assert!((5..=7).contains(&taken), "{taken}");
    assert_eq!(thread.lost(), 19 - taken);
    medium.hold(false);
    let (finished, counts) = thread.finish(Duration::from_secs(60));
    finished.unwrap();
    assert_eq!((counts.written, counts.lost), (1 + taken, 19 - taken));
}

/// The lines of another file of the folder.
fn lines_of(path: &Path) -> Vec<String> {
    fs::read_to_string(path).unwrap_or_default().lines().map(str::to_owned).collect()
}

#[test]
fn files_exchanged_while_lines_come_lose_none_and_keep_their_order() {
    let folder = tempfile::tempdir().unwrap();
    let (_, mut thread) = start(folder.path());
    let other = folder.path().join("log/other.ndjson");
    let paths = [folder.path().join("log/alerts.ndjson"), other.clone()];
    for number in 0..1000 {
        assert!(thread.push(&line(number)));
        if number % 100 == 50 {
            let path = paths[usize::from(number % 200 == 50)].clone();
            thread.exchange(Options { path, rotation: None, ..options(folder.path()) });
        }
    }
    let (finished, counts) = thread.finish(Duration::from_secs(60));
    finished.unwrap();
    let mut all: Vec<String> = paths.iter().flat_map(|path| lines_of(path)).collect();
    let (in_other, number) = (lines_of(&other), |text: &String| wanted(1000).iter().position(|line| line == text));
    assert!(in_other.iter().map(number).is_sorted(), "in each file the lines are in their order");
    all.sort_by_key(|text| number(text));
    assert_eq!((all, counts.written, counts.lost), (wanted(1000), 1000, 0));
}

#[test]
fn lines_that_wait_for_the_file_before_are_written_whole_to_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    let options = Options { rotation: None, ..options(folder.path()) };
    let mut writer = Writer::open(options.clone(), at(0)).unwrap();
    writer.write(&line(0), at(0));
    fs::rename(folder.path().join("log"), folder.path().join("gone")).unwrap();
    writer.write(&line(1), at(1));
    assert_eq!(writer.waiting(), 1);
    let next = folder.path().join("next.ndjson");
    writer.exchange(&Options { path: next.clone(), ..options }, at(2));
    writer.write(&line(2), at(2));
    writer.finish(at(2)).unwrap();
    assert_eq!(lines_of(&next), wanted(3)[1..]);
    assert_eq!(lines_of(&folder.path().join("gone/alerts.ndjson")), wanted(1));
}

#[test]
fn a_file_that_stays_is_rotated_by_its_new_limits() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("log")).unwrap();
    let options = options(folder.path());
    let mut writer = Writer::open(Options { rotation: None, ..options.clone() }, at(0)).unwrap();
    (0..40).for_each(|number| writer.write(&line(number), at(0)));
    assert_eq!(writer.counts().rotated, 0);
    let rotation = Some(Rotation { size: line(0).len() as u64 * 3, ..rotation() });
    writer.exchange(&Options { rotation, ..options }, at(1));
    writer.write(&line(40), at(1));
    writer.finish(at(1)).unwrap();
    assert!(writer.counts().rotated > 0);
}
