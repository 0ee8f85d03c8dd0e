//! `osawatch alerts --follow`.

use std::fs;
use std::path::Path;

use super::{alert, packed};

/// A follower of a file, and what it has shown.
struct Follower {
    child: std::process::Child,
    shown: std::sync::Arc<std::sync::Mutex<Vec<String>>>,
}

impl Follower {
    fn start(path: &Path) -> Follower {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_osawatch"));
        command.args(["alerts", "--follow", "--output", "ndjson"]).arg(path);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        let shown = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let (sink, stdout) = (shown.clone(), child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in std::io::BufRead::lines(std::io::BufReader::new(stdout)) {
                sink.lock().unwrap().push(line.unwrap());
            }
        });
        Follower { child, shown }
    }

    /// Waits until as many lines are shown, and a little for more.
    fn sees(&self, wanted: &[String]) {
        for _ in 0..200 {
            if self.shown.lock().unwrap().len() >= wanted.len() {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(50));
        }
        std::thread::sleep(std::time::Duration::from_millis(300));
        assert_eq!(*self.shown.lock().unwrap(), wanted);
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn lines(range: std::ops::Range<u64>) -> Vec<String> {
    let alert = alert();
    let numbered = |number| alert.replacen("\"sequence\":0", &format!("\"sequence\":{number}"), 1);
    range.map(numbered).collect()
}

pub(super) fn text_of(range: std::ops::Range<u64>) -> String {
    lines(range).iter().map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_follower_misses_nothing_when_several_rotations_lie_between_two_looks() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let live = path("alerts.ndjson");
    fs::write(&live, text_of(0..10)).unwrap();
    let follower = Follower::start(&live);
    follower.sees(&lines(0..10));
    let append = |range| {
        use std::io::Write;
        let mut file = fs::OpenOptions::new().append(true).create(true).open(&live).unwrap();
        file.write_all(text_of(range).as_bytes()).unwrap();
    };
    append(10..15);
    for number in 1..6 {
        fs::rename(&live, path(&format!("alerts-20260101T000000-00000{number}.ndjson"))).unwrap();
        append(5 + number * 10..15 + number * 10);
    }
    follower.sees(&lines(0..65));
}

#[test]
fn a_follower_reads_a_file_that_was_emptied_from_its_begin_even_when_it_has_grown_past_the_place() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("alerts.ndjson");
    fs::write(&live, text_of(0..10)).unwrap();
    let follower = Follower::start(&live);
    follower.sees(&lines(0..10));
    // As copytruncate does it: the same file, written again.
    fs::write(&live, text_of(10..40)).unwrap();
    follower.sees(&lines(0..40));
    fs::write(&live, text_of(40..42)).unwrap();
    follower.sees(&lines(0..42));
}

#[test]
fn a_follower_goes_on_after_a_directory_and_a_pipe_had_the_name_of_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("alerts.ndjson");
    let wait = || std::thread::sleep(std::time::Duration::from_millis(1200));
    fs::write(&live, text_of(0..2)).unwrap();
    let follower = Follower::start(&live);
    follower.sees(&lines(0..2));
    fs::rename(&live, folder.path().join("alerts-20260101T000000-000001.ndjson")).unwrap();
    fs::create_dir(&live).unwrap();
    wait();
    fs::remove_dir(&live).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(&live).status().unwrap().success());
    wait();
    fs::remove_file(&live).unwrap();
    fs::write(&live, text_of(2..5)).unwrap();
    follower.sees(&lines(0..5));
}

#[test]
fn a_follower_goes_on_after_a_link_had_the_name_of_its_file_and_shows_nothing_of_what_is_no_alert() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let live = path("alerts.ndjson");
    fs::write(&live, text_of(0..2)).unwrap();
    fs::write(path("secret"), "kept\n").unwrap();
    let follower = Follower::start(&live);
    follower.sees(&lines(0..2));
    for target in [folder.path().to_owned(), path("nowhere"), live.clone(), path("secret")] {
        fs::remove_file(&live).unwrap();
        std::os::unix::fs::symlink(target, &live).unwrap();
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    fs::remove_file(&live).unwrap();
    fs::write(&live, text_of(2..5)).unwrap();
    follower.sees(&lines(0..5));
}

#[test]
fn a_follower_shows_the_alerts_of_a_compressed_file_once() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("alerts.ndjson");
    fs::write(&live, packed(&text_of(0..2))).unwrap();
    let follower = Follower::start(&live);
    follower.sees(&lines(0..2));
    fs::remove_file(&live).unwrap();
    fs::write(&live, text_of(2..5)).unwrap();
    follower.sees(&lines(0..5));
}

#[test]
fn a_follower_waits_for_a_file_that_is_not_there_yet() {
    let folder = tempfile::tempdir().unwrap();
    let live = folder.path().join("alerts.ndjson");
    let follower = Follower::start(&live);
    std::thread::sleep(std::time::Duration::from_millis(300));
    fs::write(&live, text_of(0..3)).unwrap();
    follower.sees(&lines(0..3));
}
