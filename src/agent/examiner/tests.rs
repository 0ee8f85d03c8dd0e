use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::process::Command;
use std::sync::Barrier;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::threads::{MAX_LEFT, PATIENCE, THREADS};
use super::*;
use crate::event::{Categories, Timestamp};

const SHARE: usize = 1 << 20;

/// A folder whose owner runs osascript in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Home {
        Home(tempfile::tempdir().unwrap())
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn owner(&self) -> User {
        let metadata = fs::metadata(self.0.path()).unwrap();
        User { uid: metadata.uid(), gid: Some(metadata.gid()) }
    }

    fn exec(&self, args: &[&str], user: User) -> Event {
        let mut event = Event::new(Timestamp::from_nanoseconds(i64::MAX), Categories::PROCESS);
        event.push_str(field::EVENT_TYPE, "start");
        event.push_str(field::PROCESS_NAME, args[0]);
        event.push_str(field::PROCESS_WORKING_DIRECTORY, &self.0.path().display().to_string());
        event.push_str(field::USER_ID, &user.uid.to_string());
        user.gid.iter().for_each(|gid| event.push_str(field::GROUP_ID, &gid.to_string()));
        args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
        event
    }

    fn examined(&self, args: &[&str], user: User) -> Script {
        examined(self.exec(args, user))
    }

    /// What an osascript of the folder's owner ran.
    fn osascript(&self, file: &str) -> Script {
        self.examined(&["osascript", file], self.owner())
    }
}

fn examined(mut event: Event) -> Script {
    let (settled, is_settled) = bounded(1);
    Examiner::start(Capture::Full, SHARE, &settled).examine(&mut event);
    is_settled.recv_timeout(Duration::from_secs(20)).unwrap();
    let script = event.script.unwrap();
    assert!(script.is_settled());
    script.current().into_owned()
}

const STRANGER: User = User { uid: 4_000_000, gid: Some(4_000_000) };

#[test]
fn a_file_is_hashed_and_its_text_taken_with_its_indicators() {
    let home = Home::new();
    let text = format!("#!/usr/bin/osascript -l JavaScript\neval(1); // {}", "é".repeat(8000));
    fs::write(home.path("s"), &text).unwrap();
    let found = home.osascript("s");
    assert_eq!((found.state, found.language, found.size), (None, Some("JavaScript"), Some(text.len() as u64)));
    assert_eq!(found.sha256.as_deref(), Some(crate::event::hash::hex(Sha256::digest(&text).as_slice()).as_str()));
    let taken = found.text.unwrap();
    assert!(text.starts_with(&taken) && taken.len() <= Script::MAX_TEXT);
    assert_eq!(found.text_left_out as usize, text.len() - taken.len());
    assert_eq!(found.indicators, ["eval", "osacompile"]);

    fs::write(home.path("c.scpt"), b"FasdUAS 1.101.10\0do shell script").unwrap();
    let found = home.osascript("c.scpt");
    assert!(found.is_compiled && found.text.is_none() && found.sha256.is_some());
    assert_eq!((found.language, found.indicators), (Some("AppleScript"), vec!["do shell script"]));
}

#[test]
fn what_is_no_script_file_says_why() {
    let home = Home::new();
    fs::create_dir(home.path("folder")).unwrap();
    symlink("loop", home.path("loop")).unwrap();
    fs::File::create(home.path("large")).unwrap().set_len(17 << 20).unwrap();
    for (name, state) in [
        ("none", "gone"),
        ("folder", "not_a_file"),
        ("folder/none", "gone"),
        ("loop", "unreadable"),
        ("large", "too_large"),
        ("/dev/zero", "not_a_file"),
    ] {
        assert_eq!(home.osascript(name).state, Some(state), "{name}");
    }
}

#[test]
fn a_fifo_is_never_opened_so_its_writer_is_not_woken() {
    let home = Home::new();
    assert!(Command::new("mkfifo").arg(home.path("p")).status().unwrap().success());
    let mut writer = Command::new("sh").arg("-c").arg("echo x > \"$0\"").arg(home.path("p")).spawn().unwrap();
    assert_eq!(home.osascript("p").state, Some("not_a_file"));
    std::thread::sleep(Duration::from_millis(100));
    assert!(writer.try_wait().unwrap().is_none(), "it still waits for its reader");
    assert_eq!(fs::read_to_string(home.path("p")).unwrap(), "x\n");
    assert!(writer.wait().unwrap().success());
}

#[test]
fn a_file_is_read_only_if_the_user_of_the_process_could() {
    let home = Home::new();
    fs::set_permissions(home.0.path(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::create_dir(home.path("private")).unwrap();
    for (name, mode) in [("open", 0o644), ("own", 0o600), ("group", 0o640), ("private/open", 0o644)] {
        fs::write(home.path(name), "1").unwrap();
        fs::set_permissions(home.path(name), fs::Permissions::from_mode(mode)).unwrap();
    }
    fs::set_permissions(home.path("private"), fs::Permissions::from_mode(0o700)).unwrap();
    symlink("private/open", home.path("link")).unwrap();
    let refused = |name: &str, user: User| {
        let state = home.examined(&["osascript", name], user).state;
        assert!(matches!(state, None | Some("not_readable_by_user")), "{name}: {state:?}");
        state.is_some()
    };
    let member = User { gid: home.owner().gid, ..STRANGER };
    let names = ["open", "own", "group", "private/open", "link", "private/../open"];
    assert_eq!(names.map(|name| refused(name, STRANGER)), [false, true, true, true, true, true]);
    assert_eq!(names.map(|name| refused(name, member)), [false, true, false, true, true, true]);
    assert_eq!(names.map(|name| refused(name, home.owner())), [false; 6]);
    assert_eq!(names.map(|name| refused(name, User { uid: 0, gid: None })), [false; 6]);
}

#[test]
fn a_file_of_an_unknown_user_is_read_only_if_everyone_could() {
    let home = Home::new();
    fs::write(home.path("s"), "1").unwrap();
    fs::set_permissions(home.0.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut event = home.exec(&["osascript", "s"], STRANGER);
    event.remove(field::USER_ID);
    assert_eq!(examined(event).state, Some("not_readable_by_user"));
}

#[test]
fn a_file_that_was_written_or_moved_there_after_the_exec_is_marked() {
    let home = Home::new();
    fs::write(home.path("s"), "1").unwrap();
    let at = |nanoseconds: i64| {
        let mut event = home.exec(&["osascript", "s"], home.owner());
        event.time = Timestamp::from_nanoseconds(nanoseconds);
        examined(event).state
    };
    let changed = fs::metadata(home.path("s")).map(|file| file.ctime() * 1_000_000_000 + file.ctime_nsec()).unwrap();
    assert_eq!((at(changed), at(changed - 1)), (None, Some("changed")));
    let old = std::time::SystemTime::UNIX_EPOCH;
    fs::write(home.path("benign"), "2").unwrap();
    fs::File::options().write(true).open(home.path("benign")).unwrap().set_modified(old).unwrap();
    std::thread::sleep(Duration::from_millis(20));
    fs::rename(home.path("benign"), home.path("s")).unwrap();
    assert_eq!(at(changed), Some("changed"), "it is dated earlier than the exec, and was not there then");
}

#[test]
fn without_capture_the_executable_is_hashed_and_nothing_else_is_looked_at() {
    let home = Home::new();
    fs::write(home.path("stub"), "program").unwrap();
    fs::write(home.path("s"), "secret").unwrap();
    let mut event = home.exec(&["osascript", "s"], home.owner());
    event.push_str(field::PROCESS_EXECUTABLE, &home.path("stub").display().to_string());
    let (settled, is_settled) = bounded(1);
    Examiner::start(Capture::Off, SHARE, &settled).examine(&mut event);
    is_settled.recv_timeout(Duration::from_secs(20)).unwrap();
    let hash = crate::event::hash::hex(Sha256::digest("program").as_slice());
    let found = event.script.unwrap().current().into_owned();
    assert_eq!(found, Script { executable_sha256: Some(hash), ..Script::default() });
    let mut event = home.exec(&["bash", "s"], home.owner());
    Examiner::start(Capture::Off, SHARE, &settled).examine(&mut event);
    assert!(event.script.is_none());
}

#[test]
fn the_executable_of_an_application_is_hashed() {
    let home = Home::new();
    fs::write(home.path("stub"), "program").unwrap();
    let mut event = home.exec(&["osascript", "-e", "1"], home.owner());
    event.push_str(field::PROCESS_EXECUTABLE, &home.path("stub").display().to_string());
    let found = examined(event);
    assert_eq!(
        found.executable_sha256.as_deref(),
        Some(crate::event::hash::hex(Sha256::digest("program").as_slice()).as_str())
    );
    assert_eq!(found.text.as_deref(), Some("1"));
}

#[test]
fn a_script_that_makes_a_parser_panic_costs_its_own_fields_and_the_next_ones_are_examined() {
    let home = Home::new();
    let (settled, is_settled) = bounded(1);
    let examine = |job: &Job, hashes: &mut Hashes| match job.script.path.as_deref() {
        Some(path) if path.ends_with("bad") => panic!("a bug in a parser"),
        _ => job.examine(hashes),
    };
    let examiner = Examiner::start_with(Capture::Full, SHARE, &settled, examine).unwrap();
    fs::write(home.path("good"), "eval(1)").unwrap();
    // More of them than there are threads.
    let names = std::iter::repeat_n("bad", 2 * THREADS).chain(["good"]);
    let states: Vec<_> = names
        .map(|name| {
            let mut event = home.exec(&["osascript", name], home.owner());
            examiner.examine(&mut event);
            is_settled.recv_timeout(Duration::from_secs(60)).unwrap();
            event.script.unwrap().current().state
        })
        .collect();
    assert_eq!(states[..2 * THREADS], [Some("unreadable"); 2 * THREADS]);
    assert_eq!(states[2 * THREADS], None);
}

#[test]
fn without_a_thread_to_examine_them_scripts_are_skipped_and_nothing_waits_for_them() {
    let home = Home::new();
    fs::write(home.path("s"), "eval(1)").unwrap();
    let mut event = home.exec(&["osascript", "s"], home.owner());
    Examiner::without_threads(Capture::Full).examine(&mut event);
    let script = event.script.unwrap();
    assert!(script.is_settled());
    assert_eq!((script.current().state, script.current().text.as_deref()), (Some("skipped"), None));
}

/// No reader of any of these is ever answered.
static NEVER: OnceLock<Barrier> = OnceLock::new();

fn hang(_: &Job, _: &mut Hashes) -> Script {
    NEVER.get_or_init(|| Barrier::new(usize::MAX)).wait();
    Script::default()
}

#[test]
fn a_file_that_never_answers_leaves_its_script_timed_out_and_further_ones_are_skipped() {
    let home = Home::new();
    let (settled, _settled) = bounded(1);
    let examiner = Examiner::start_with(Capture::Full, SHARE, &settled, hang).unwrap();
    let state = |_| {
        let mut event = home.exec(&["osascript", "s"], home.owner());
        examiner.examine(&mut event);
        event.script.unwrap().current().state
    };
    let states: Vec<_> = (0..THREADS + MAX_QUEUED + 8).map(state).collect();
    assert_eq!(states[0], Some("timed_out"));
    assert_eq!(states.last(), Some(&Some("skipped")));
}

/// Looks repeatedly, each time after the patience for one script, until this many threads are reported.
fn held_up(examiner: &mut Examiner, now: &mut Duration, threads: usize) -> HeldUp {
    for _ in 0..2000 {
        *now += PATIENCE;
        if let Some(told) = examiner.replace_held_up(*now).filter(|told| told.threads == threads) {
            return told;
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    panic!("{threads} threads were never reported");
}

#[test]
fn threads_that_wait_for_file_systems_are_replaced_up_to_a_bound_and_end_when_these_answer() {
    static ANSWER: OnceLock<Barrier> = OnceLock::new();
    const ALL: usize = MAX_LEFT + THREADS;
    let hang = |job: &Job, hashes: &mut Hashes| {
        if job.script.path.as_deref().is_some_and(|path| path.ends_with("dead")) {
            ANSWER.get_or_init(|| Barrier::new(ALL + 1)).wait();
        }
        job.examine(hashes)
    };
    let home = Home::new();
    fs::write(home.path("good"), "eval(1)").unwrap();
    let (settled, is_settled) = bounded(1);
    let mut examiner = Examiner::start_with(Capture::Full, SHARE, &settled, hang).unwrap();
    let (mut now, is_all) = (Duration::ZERO, true);
    let run = |examiner: &Examiner, name: &str| {
        let mut event = home.exec(&["osascript", name], home.owner());
        examiner.examine(&mut event);
        event.script.unwrap()
    };
    for threads in (THREADS..=MAX_LEFT).step_by(THREADS) {
        (0..THREADS).for_each(|_| drop(run(&examiner, "dead")));
        assert_eq!(held_up(&mut examiner, &mut now, threads), HeldUp { threads, is_all: false });
        let good = run(&examiner, "good");
        is_settled.recv_timeout(Duration::from_secs(60)).unwrap();
        assert_eq!(good.current().indicators, ["eval"], "with {threads} left behind");
    }
    (0..THREADS).for_each(|_| drop(run(&examiner, "dead")));
    assert_eq!(held_up(&mut examiner, &mut now, ALL), HeldUp { threads: ALL, is_all });
    let good = run(&examiner, "good");
    assert_eq!(good.current().state, Some("timed_out"), "no thread is left");
    ANSWER.get().unwrap().wait();
    assert_eq!(held_up(&mut examiner, &mut now, 0), HeldUp::default());
    assert_eq!(good.current().indicators, ["eval"], "it waited for a thread");
}

/// An osascript with a statement of so many bytes.
fn statement(bytes: usize) -> Event {
    let home = Home::new();
    home.exec(&["osascript", "-e", &"x".repeat(bytes)], home.owner())
}

#[test]
fn a_long_text_in_the_arguments_is_examined_on_a_thread_and_shows_the_same() {
    for bytes in [100, AT_ONCE, AT_ONCE + 1, 250 << 10] {
        let shown = examined(statement(bytes));
        assert_eq!(shown, script::of_arguments(&statement(bytes), Capture::Full).unwrap(), "{bytes}");
        assert_eq!(shown.text_left_out, (bytes - bytes.min(Script::MAX_TEXT)) as u64, "{bytes}");
    }
}

#[test]
fn long_texts_wait_up_to_their_share_and_are_skipped_beyond_it() {
    static HELD: Barrier = Barrier::new(2);
    let hang = |job: &Job, _: &mut Hashes| {
        if job.text.is_some() {
            HELD.wait();
        }
        job.script.clone()
    };
    let (settled, _is_settled) = bounded(1);
    let examiner = Examiner::start_with(Capture::Full, 3 * AT_ONCE, &settled, hang).unwrap();
    let examine = |bytes| {
        let mut event = statement(bytes);
        examiner.examine(&mut event);
        event.script.unwrap()
    };
    let waiting = examine(2 * AT_ONCE);
    assert_eq!((waiting.state, waiting.text.as_deref()), (None, None));
    let skipped = examine(2 * AT_ONCE);
    assert_eq!((skipped.state, skipped.size, skipped.is_settled()), (Some("skipped"), Some(2 * AT_ONCE as u64), true));
    assert!(examine(100).text.is_some(), "a short one is looked at on the spot");
    HELD.wait();
    while !waiting.is_settled() {
        std::thread::yield_now();
    }
    while examiner.texts.bytes() > 0 {
        std::thread::yield_now();
    }
    assert_eq!(examine(2 * AT_ONCE).state, None, "there is room again");
    HELD.wait();
}
