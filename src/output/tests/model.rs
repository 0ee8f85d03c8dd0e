//! The writer on a bad disk, against what it must do: every line once, but for those that it counts as lost and those
//! that were in memory alone when it was killed.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

use super::super::backlog::Backlog;
use super::super::medium::{Disk, Medium};
use super::super::written::sequence;
use super::*;

/// A disk that is full, fails, takes half of what it is given, or stops at once.
#[derive(Debug, Default)]
pub(super) struct Bad {
    state: Mutex<State>,
    /// While the alert file is written, another thread now and then moves what waits to the state directory.
    others: Mutex<Option<Arc<Mutex<Backlog>>>>,
}

#[derive(Debug, Default)]
struct State {
    random: u64,
    /// Bytes that the alert files can still grow by, and the files of the state directory.
    log_room: u64,
    state_room: u64,
    /// What writes of alerts fail with, and of each call one in so many.
    error: Option<i32>,
    interrupts: bool,
    /// What waits cannot be read.
    unreadable: bool,
    no_rename: bool,
    /// Bytes until the power fails.
    until_crash: Option<u64>,
    crashed: bool,
}

impl State {
    fn below(&mut self, limit: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % limit
    }

    fn begin(&mut self) -> io::Result<()> {
        if self.crashed {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if self.interrupts && self.below(3) == 0 {
            return Err(io::Error::from_raw_os_error(libc::EINTR));
        }
        Ok(())
    }

    /// How many of these bytes are written.
    fn take(&mut self, bytes: usize, room: u64) -> io::Result<usize> {
        let mut take = (bytes as u64).min(room);
        if take == 0 {
            return Err(io::Error::from_raw_os_error(if self.below(2) == 0 { libc::ENOSPC } else { libc::EDQUOT }));
        }
        if self.below(4) == 0 {
            take = 1 + self.below(take);
        }
        if let Some(left) = self.until_crash {
            self.crashed = left <= take;
            take = take.min(left);
            self.until_crash = Some(left - take);
        }
        Ok(take as usize)
    }
}

impl Bad {
    /// Bytes that the alert files, and those of the state directory, can still grow by.
    pub(super) fn make_room(&self, log: u64, state: u64) {
        (self.state().log_room, self.state().state_room) = (log, state);
    }

    pub(super) fn refuse_renames(&self, refuse: bool) {
        self.state().no_rename = refuse;
    }

    pub(super) fn refuse_reads(&self, refuse: bool) {
        self.state().unreadable = refuse;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }
}

impl Medium for Bad {
    fn open(&self, options: &OpenOptions, path: &Path) -> io::Result<File> {
        if self.state().crashed {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        if self.state().log_room == 0 && !path.exists() {
            return Err(io::Error::from_raw_os_error(libc::ENOSPC));
        }
        Disk.open(options, path)
    }

    fn append(&self, file: &File, bytes: &[u8]) -> io::Result<usize> {
        let others = self.others.lock().unwrap().clone().filter(|_| self.state().below(8) == 0);
        if let Some(backlog) = others {
            let _ = backlog.lock().unwrap().settle();
        }
        let mut state = self.state();
        state.begin()?;
        if let Some(error) = state.error {
            return Err(io::Error::from_raw_os_error(error));
        }
        let room = state.log_room;
        let taken = state.take(bytes.len(), room)?;
        state.log_room -= taken as u64;
        let written = Disk.append(file, &bytes[..taken]);
        if state.crashed { Err(io::Error::from_raw_os_error(libc::EIO)) } else { written }
    }

    fn write_at(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let mut state = self.state();
        state.begin()?;
        // What is allocated can be overwritten on a full disk.
        let inside = file.metadata()?.len().saturating_sub(offset);
        let room = state.state_room + inside;
        let taken = state.take(bytes.len(), room)?;
        state.state_room -= (taken as u64).saturating_sub(inside);
        let written = Disk.write_at(file, &bytes[..taken], offset);
        if state.crashed { Err(io::Error::from_raw_os_error(libc::EIO)) } else { written }
    }

    fn read_at(&self, file: &File, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.state().begin()?;
        if self.state().unreadable {
            return Err(io::Error::from_raw_os_error(libc::EIO));
        }
        Disk.read_at(file, bytes, offset)
    }

    fn truncate(&self, file: &File, length: u64) -> io::Result<()> {
        self.state().begin()?;
        Disk.truncate(file, length)
    }

    fn sync(&self, _: &File) -> io::Result<()> {
        self.state().begin()
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.state().begin()?;
        if self.state().no_rename { Err(io::Error::from_raw_os_error(libc::EPERM)) } else { Disk.rename(from, to) }
    }
}

/// One run of the model.
struct Run {
    folder: tempfile::TempDir,
    medium: Arc<Bad>,
    writer: Option<Writer>,
    seconds: i64,
    next: u64,
    /// Whole lines that others took away, and pieces that are none.
    taken: Vec<String>,
    lost: u64,
    torn: u64,
    crashes: u64,
    /// Lines that a crash may have lost: those in memory alone, and the one at hand.
    at_risk: u64,
}

impl Run {
    fn new(seed: u64) -> Run {
        let medium = Arc::new(Bad::default());
        *medium.state() = State { random: seed, log_room: 1 << 30, state_room: 1 << 30, ..State::default() };
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("log")).unwrap();
        let (taken, crashes) = (Vec::new(), 0);
        Run { folder, medium, writer: None, seconds: 0, next: 0, taken, lost: 0, torn: 0, crashes, at_risk: 0 }
    }

    fn below(&self, limit: u64) -> u64 {
        self.medium.state().below(limit)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("log/alerts.ndjson")
    }

    fn start(&mut self) {
        let rotation = Rotation { keep_files: 10_000, keep_size: 1 << 40, ..rotation() };
        let options = Options {
            rotation: Some(rotation),
            reserve: 4 << 10,
            memory: 3000,
            state_directory: Some(self.folder.path().join("state")),
            ..Options::new(&self.path())
        };
        *self.medium.others.lock().unwrap() = None;
        let medium = Arc::clone(&self.medium) as Arc<dyn Medium>;
        let opened = Writer::on(medium, options, at(self.seconds));
        // A crash while it starts is one like any other.
        self.writer = if self.medium.state().crashed { None } else { Some(opened.unwrap()) };
        *self.medium.others.lock().unwrap() = self.writer.as_ref().map(Writer::backlog);
        if self.writer.is_none() {
            self.crashes += 1;
        }
    }

    fn writer(&mut self) -> &mut Writer {
        while self.writer.is_none() {
            {
                let mut state = self.medium.state();
                (state.crashed, state.until_crash) = (false, None);
            }
            self.start();
        }
        self.writer.as_mut().unwrap()
    }

    /// The power failed: what was in memory is gone.
    fn after_crash(&mut self) {
        if !self.medium.state().crashed {
            return;
        }
        let Some(writer) = self.writer.take() else { return };
        self.at_risk += writer.in_memory() + 1;
        self.lost += writer.counts().lost;
        self.torn += writer.counts().torn;
        self.crashes += 1;
    }

    fn write(&mut self) {
        let (text, now) = (line(self.next), at(self.seconds));
        self.next += 1;
        self.writer().write(&text, now);
    }

    /// Hands a line over, as another thread does.
    fn hand_over(&mut self) {
        let text = line(self.next);
        self.next += 1;
        let backlog = self.writer().backlog();
        let (inbox, max) = {
            let backlog = backlog.lock().unwrap();
            (backlog.inbox(), backlog.max_bytes())
        };
        let _ = inbox.push(format!("{text}\n"), max);
    }

    fn end(&mut self) {
        let now = at(self.seconds);
        let _ = self.writer().finish(now);
        if self.medium.state().crashed {
            return;
        }
        if let Some(writer) = self.writer.take() {
            self.at_risk += writer.in_memory();
            self.lost += writer.counts().lost;
            self.torn += writer.counts().torn;
        }
    }

    /// Others take the file, or what is in it. Were it between a crash and the next start, lines that were written and
    /// not marked yet would be written again: nothing that is left could tell.
    fn take_away(&mut self) {
        self.writer();
        let text = fs::read_to_string(self.path()).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |at| at + 1);
        self.taken.extend(text[..whole].lines().map(str::to_owned));
    }

    fn step(&mut self) {
        match self.below(40) {
            0 => self.medium.state().log_room = 0,
            1 => {
                let room = self.below(3000);
                self.medium.state().log_room = room;
            }
            2..=4 => self.medium.state().log_room = 1 << 30,
            5 => {
                let room = self.below(4000);
                self.medium.state().state_room = room;
            }
            6 => self.medium.state().state_room = 1 << 30,
            7 => self.medium.state().error = Some(libc::EIO),
            8 | 9 => self.medium.state().error = None,
            10 => {
                let mut state = self.medium.state();
                state.interrupts = !state.interrupts;
                state.no_rename = state.below(2) == 0;
                state.unreadable = state.below(2) == 0;
            }
            11 => {
                let bytes = self.below(3000);
                self.medium.state().until_crash = Some(1 + bytes);
            }
            12 => self.end(),
            13 => {
                self.take_away();
                if let Ok(file) = OpenOptions::new().write(true).open(self.path()) {
                    file.set_len(0).unwrap();
                }
            }
            14 => {
                self.take_away();
                let _ = fs::remove_file(self.path());
            }
            15 => self.seconds += i64::try_from(self.below(200_000)).unwrap() - 100_000,
            16..=20 => {
                self.seconds += i64::try_from(self.below(4)).unwrap();
                let now = at(self.seconds);
                self.writer().tick(now);
            }
            21..=30 => self.hand_over(),
            _ => self.write(),
        }
        self.after_crash();
    }

    fn check(mut self, seed: u64) {
        {
            let mut state = self.medium.state();
            let random = state.random;
            *state = State { random, log_room: 1 << 30, state_room: 1 << 30, ..State::default() };
        }
        self.writer();
        self.seconds += 1_000_000;
        self.end();
        assert_eq!(buffered(self.folder.path()), Vec::<String>::new(), "seed {seed}: lines still wait");
        for file in files(self.folder.path()) {
            let text = fs::read_to_string(self.folder.path().join("log").join(file)).unwrap();
            let numbers: Vec<u64> = text.lines().filter_map(|line| sequence(line.as_bytes())).collect();
            assert!(numbers.is_sorted(), "seed {seed}: out of order: {numbers:?}");
        }
        let mut found = self.taken.clone();
        found.extend(lines(self.folder.path()));
        let known: HashSet<String> = (0..self.next).map(line).collect();
        let mut whole: HashSet<&str> = HashSet::new();
        for line in found.iter().filter(|line| known.contains(*line)) {
            assert!(whole.insert(line), "seed {seed}: written twice: {line}");
        }
        let missing = (known.len() - whole.len()) as u64;
        let (lost, at_risk) = (self.lost, self.at_risk);
        assert!(missing <= lost + at_risk, "seed {seed}: {missing} missing, {lost} lost, {at_risk} at risk");
        let pieces = (found.len() - whole.len()) as u64;
        let (torn, crashes) = (self.torn, self.crashes);
        assert!(pieces <= lost + crashes, "seed {seed}: {pieces} torn, {lost} lost, {crashes} crashes");
        assert!(pieces <= torn + crashes, "seed {seed}: {pieces} torn, {torn} counted, {crashes} crashes");
    }
}

#[test]
fn every_line_is_written_once_whatever_the_disk_does() {
    for seed in 0..300 {
        let mut run = Run::new(seed);
        for _ in 0..150 {
            run.step();
        }
        run.check(seed);
    }
}
