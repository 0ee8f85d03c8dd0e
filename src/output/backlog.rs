//! Lines that wait: in memory, then in a file of the state directory, in order.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::file::sequence;

/// The file in the state directory.
const NAME: &str = "alerts-waiting.ndjson";
/// Bytes that may wait there: eight thousand alerts of the greatest length.
const MOST: u64 = 256 << 20;

#[derive(Debug)]
pub(super) struct Backlog {
    lines: VecDeque<String>,
    bytes: usize,
    most: usize,
    directory: Option<PathBuf>,
    spill: Option<Spill>,
}

/// Lines in the file; all are newer than those in memory.
#[derive(Debug)]
struct Spill {
    path: PathBuf,
    file: File,
    /// Where the first line begins that was not taken out.
    at: u64,
    end: u64,
    count: u64,
    last_sequence: Option<u64>,
}

impl Backlog {
    /// What an earlier run left is taken up; `written` is the last line of the alert file, after which
    /// the waiting lines go on.
    pub(super) fn open(directory: Option<PathBuf>, most: usize, written: Option<&str>) -> Backlog {
        let path = directory.as_ref().map(|directory| directory.join(NAME));
        let spill = path.filter(|path| fs::symlink_metadata(path).is_ok()).and_then(|path| {
            let shown = path.display().to_string();
            match Spill::take_up(path, written) {
                Ok(spill) => Some(spill),
                Err(error) => {
                    log::warn!("{shown}: cannot read the waiting alerts: {error}");
                    None
                }
            }
        });
        let mut backlog = Backlog { lines: VecDeque::new(), bytes: 0, most, directory, spill };
        backlog.clear_spill();
        backlog
    }

    pub(super) fn is_empty(&self) -> bool {
        self.lines.is_empty() && self.spill.is_none()
    }

    pub(super) fn count(&self) -> u64 {
        self.lines.len() as u64 + self.spill.as_ref().map_or(0, |spill| spill.count)
    }

    pub(super) fn last_sequence(&self) -> Option<u64> {
        self.spill.as_ref().and_then(|spill| spill.last_sequence)
    }

    /// Adds a line with its newline.
    pub(super) fn push(&mut self, line: String) -> io::Result<()> {
        if self.spill.is_none() && self.bytes + line.len() <= self.most {
            self.bytes += line.len();
            self.lines.push_back(line);
            return Ok(());
        }
        self.spill()?.push(&line)
    }

    fn spill(&mut self) -> io::Result<&mut Spill> {
        match &mut self.spill {
            Some(spill) => Ok(spill),
            none => {
                let directory = self.directory.as_deref();
                let directory = directory.ok_or_else(|| io::Error::other("the memory for waiting alerts is full"))?;
                Ok(none.insert(Spill::create(directory)?))
            }
        }
    }

    /// The first line.
    pub(super) fn front(&mut self) -> Option<String> {
        if let Some(line) = self.lines.front() {
            return Some(line.clone());
        }
        let line = self.spill.as_mut()?.front();
        if line.is_none() {
            self.spill = None;
        }
        line
    }

    /// Takes the first line out.
    pub(super) fn pop(&mut self) {
        if let Some(line) = self.lines.pop_front() {
            self.bytes -= line.len();
        } else if let Some(spill) = &mut self.spill {
            spill.pop();
            self.clear_spill();
        }
    }

    fn clear_spill(&mut self) {
        if let Some(spill) = self.spill.take_if(|spill| spill.at >= spill.end) {
            let _ = fs::remove_file(&spill.path);
        }
    }

    /// Puts what is in memory into the file too, in order.
    pub(super) fn keep(&mut self) -> io::Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let directory = self.directory.clone().ok_or_else(|| io::Error::other("there is no state directory"))?;
        let mut newer = Vec::new();
        while let Some(line) = self.spill.as_mut().and_then(Spill::front) {
            newer.push(line);
            self.spill.iter_mut().for_each(Spill::pop);
        }
        // The file is replaced when the whole is written: an interruption leaves the old one.
        let temporary = directory.join(format!("{NAME}.tmp"));
        make(&directory)?;
        let _ = fs::remove_file(&temporary);
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(&temporary)?;
        for line in self.lines.iter().chain(&newer) {
            file.write_all(line.as_bytes())?;
        }
        rustix::fs::fsync(&file)?;
        fs::rename(&temporary, directory.join(NAME))?;
        self.spill = None;
        self.lines.clear();
        self.bytes = 0;
        Ok(())
    }
}

fn make(directory: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
    let file = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    Ok(file)
}

impl Spill {
    fn create(directory: &Path) -> io::Result<Spill> {
        make(directory)?;
        let path = directory.join(NAME);
        let file = open(&path)?;
        let end = file.metadata()?.len();
        Ok(Spill { path, file, at: end, end, count: 0, last_sequence: None })
    }

    fn take_up(path: PathBuf, written: Option<&str>) -> io::Result<Spill> {
        let file = open(&path)?;
        let mut spill = Spill { path, file, at: 0, end: 0, count: 0, last_sequence: None };
        let mut reader = BufReader::new(&spill.file);
        let (mut line, mut end) = (String::new(), 0);
        loop {
            line.clear();
            let length = reader.read_line(&mut line)? as u64;
            if length == 0 {
                break;
            }
            if !line.ends_with('\n') {
                log::warn!("{}: last waiting line was truncated; it is lost", spill.path.display());
                break;
            }
            end += length;
            spill.count += 1;
            spill.last_sequence = sequence(&line).or(spill.last_sequence);
            if written.is_some_and(|written| line.trim_end_matches('\n') == written) {
                spill.at = end;
                spill.count = 0;
            }
        }
        drop(reader);
        spill.file.set_len(end)?;
        spill.end = end;
        Ok(spill)
    }

    fn push(&mut self, line: &str) -> io::Result<()> {
        if self.end - self.at + line.len() as u64 > MOST {
            return Err(io::Error::other(format!("{}: has reached {MOST} bytes", self.path.display())));
        }
        if let Err(error) = self.file.write_all(line.as_bytes()) {
            // What was begun goes, so that no later line is merged with it.
            self.file.set_len(self.end)?;
            return Err(error);
        }
        self.end += line.len() as u64;
        self.count += 1;
        Ok(())
    }

    fn front(&mut self) -> Option<String> {
        if self.at >= self.end {
            return None;
        }
        self.file.seek(SeekFrom::Start(self.at)).ok()?;
        let mut line = String::new();
        BufReader::new(&self.file).read_line(&mut line).ok()?;
        line.ends_with('\n').then_some(line)
    }

    fn pop(&mut self) {
        if let Some(line) = self.front() {
            self.at += line.len() as u64;
            self.count = self.count.saturating_sub(1);
        }
    }
}
