//! Lines that wait, in a file of the state directory.
//!
//! The file is lines, then NUL bytes. It is made as long as the reserve while there is room, so that lines can still
//! be written into it when the disk is full. A line that is in the alert file begins with a space instead of `{`;
//! when all are, the file is NUL bytes again. A crash can leave
//! * a last line without its end: it is lost, counted, and overwritten;
//! * a line that is in the alert file and is not marked: it is found there and not written again;
//! * lines behind NUL bytes, when it came while the file was cleared: they are cleared.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::directory;
use super::medium::{Medium, uninterrupted, write_all_at};
use super::written::{Written, next_sequence};
use crate::report::plural;

/// The file in the state directory.
pub(super) const NAME: &str = "alerts-waiting.ndjson";
/// Bytes that may wait there: eight thousand alerts of the greatest length.
const MAX_BYTES: u64 = 256 << 20;
/// A longer line is not one of ours.
const MAX_LINE: u64 = 1 << 20;
/// Marks a line that the alert file has.
const DONE: u8 = b' ';
const ZEROS: [u8; 16 << 10] = [0; 16 << 10];

#[derive(Debug)]
pub(super) struct Spill {
    medium: Arc<dyn Medium>,
    path: PathBuf,
    file: File,
    reserve: u64,
    /// Where the first waiting line begins.
    at: u64,
    /// Lines from there on that were returned and are not marked yet, by their lengths; the next one begins here.
    taken: Vec<u64>,
    next: u64,
    /// Where the last one ends; behind it are NUL bytes,
    end: u64,
    /// except what a failed write left before this.
    dirty: u64,
    count: u64,
    lost: u64,
    next_sequence: Option<u64>,
}

impl Spill {
    /// Opens or makes the file, and takes up what an earlier run left.
    pub(super) fn open(
        directory: &Path,
        reserve: u64,
        written: &Written,
        medium: Arc<dyn Medium>,
    ) -> io::Result<Spill> {
        directory::ensure(directory, directory::STATE)?;
        let path = directory.join(NAME);
        let mut options = OpenOptions::new();
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        options.read(true).write(true).create(true).mode(0o600).custom_flags(flags);
        let mut file = medium.open(&options, &path)?;
        let found = file.metadata()?;
        if !found.is_file() || found.nlink() > 1 || !directory::is_own_user(found.uid()) {
            return Err(io::Error::other(
                "not a regular file with a single link that belongs to the user osawatch runs as; move it away",
            ));
        }
        let mut spill = Spill {
            medium,
            path,
            file: file.try_clone()?,
            reserve,
            at: 0,
            taken: Vec::new(),
            next: 0,
            end: 0,
            dirty: 0,
            count: 0,
            lost: 0,
            next_sequence: None,
        };
        if let Err(error) = spill.take_up(&mut file, written) {
            // What cannot be read now may be readable later: it is kept under another name.
            let aside = free_name(directory);
            log::warn!(
                "{}: cannot read the buffered alerts: {error}; moved to {}",
                spill.path.display(),
                aside.display()
            );
            spill.medium.rename(&spill.path, &aside)?;
            return Spill::open(directory, reserve, written, spill.medium);
        }
        spill.reserve();
        Ok(spill)
    }

    fn take_up(&mut self, file: &mut File, written: &Written) -> io::Result<()> {
        file.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(file);
        let (mut line, mut foreign) = (Vec::new(), 0);
        let rest = loop {
            let length = next_line(&mut reader, &mut line)?;
            if line.last() != Some(&b'\n') || line[0] == 0 {
                break length;
            }
            let begins = self.end;
            self.end += length;
            let is_done = line[0] == DONE;
            let is_ours = length <= MAX_LINE;
            if is_done || !is_ours || written.has(&line[..line.len() - 1]) {
                if !is_done {
                    // The alert file may not have it any more when it is looked for again.
                    let _ = write_all_at(&*self.medium, &self.file, &[DONE], begins);
                    foreign += u64::from(!is_ours);
                }
                if is_ours || self.count == 0 {
                    (self.at, self.count) = (self.end, 0);
                } else {
                    self.count += 1;
                }
                continue;
            }
            self.count += 1;
            self.next_sequence = next_sequence(&line).or(self.next_sequence);
        };
        if rest > MAX_LINE {
            self.dirty = self.end + rest;
            self.count_lost(0, 0, foreign + 1);
        } else {
            let is_torn = line.first().is_some_and(|byte| *byte != 0);
            let (content, behind) = last_content(self.end, &line, reader)?;
            self.dirty = self.end.max(content);
            self.count_lost(u64::from(is_torn), behind, foreign);
        }
        self.next = self.at;
        if self.count == 0 {
            self.clear()
        }
        self.clean();
        Ok(())
    }

    /// `torn`: the last line has no newline. `behind`: so many lines follow NUL bytes, which a crash left in the place of
    /// others. `foreign`: so many are longer than any of ours.
    fn count_lost(&mut self, torn: u64, behind: u64, foreign: u64) {
        let path = self.path.display();
        if torn > 0 {
            log::warn!("{path}: last line was truncated; one alert is lost");
        }
        if behind > 0 {
            log::warn!("{path}: {} behind a damaged part; they are lost", plural(behind, "alert"));
        }
        if foreign > 0 {
            log::warn!("{path}: {} longer than any alert, left out", plural(foreign, "line"));
        }
        self.lost += torn + behind;
    }

    /// Makes the file as long as the reserve, while there is room.
    fn reserve(&mut self) {
        let mut length = self.file.metadata().map_or(0, |found| found.len());
        while length < self.reserve {
            let zeros = &ZEROS[..usize::try_from(self.reserve - length).unwrap_or(usize::MAX).min(ZEROS.len())];
            if write_all_at(&*self.medium, &self.file, zeros, length).is_err() {
                return;
            }
            length += zeros.len() as u64;
        }
        let _ = self.sync();
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Lines that a crash tore.
    pub(super) fn lost(&self) -> u64 {
        self.lost
    }

    /// The number of the alert behind the last line that an earlier run left.
    pub(super) fn next_sequence(&self) -> Option<u64> {
        self.next_sequence
    }

    /// Adds a line with its newline, whole or not at all.
    pub(super) fn push(&mut self, line: &str) -> io::Result<()> {
        if self.end + line.len() as u64 > MAX_BYTES {
            return Err(io::Error::other(format!("{}: holds {MAX_BYTES} bytes", self.path.display())));
        }
        self.clean();
        if self.dirty > self.end {
            return Err(io::Error::other(format!("{}: cannot be cleared", self.path.display())));
        }
        if let Err((written, error)) = write_all_at(&*self.medium, &self.file, line.as_bytes(), self.end) {
            self.dirty = self.end + written;
            self.clean();
            return Err(error);
        }
        self.end += line.len() as u64;
        self.dirty = self.end;
        self.count += 1;
        Ok(())
    }

    /// Whether a line was not returned yet.
    pub(super) fn has_more(&self) -> bool {
        self.next < self.end
    }

    /// The first line that was not returned.
    pub(super) fn front(&mut self) -> io::Result<Option<Vec<u8>>> {
        while self.has_more() {
            let mut line = Vec::new();
            let length = self.read_line(&mut line)?;
            if line.first() != Some(&DONE) {
                return Ok(Some(line));
            }
            // One that is not ours.
            self.take(length);
        }
        Ok(None)
    }

    /// Reads the line at `next`; of one that is done its start alone. Returns its length.
    fn read_line(&self, line: &mut Vec<u8>) -> io::Result<u64> {
        let mut length = 0;
        loop {
            let mut chunk = [0; 16 << 10];
            let read = uninterrupted(|| self.medium.read_at(&self.file, &mut chunk, self.next + length))?;
            let ends = chunk[..read].iter().position(|byte| *byte == b'\n');
            let part = &chunk[..ends.map_or(read, |at| at + 1)];
            length += part.len() as u64;
            if line.first() != Some(&DONE) {
                line.extend_from_slice(part);
            }
            if ends.is_some() {
                return Ok(length);
            }
            if read == 0 || line.len() as u64 > MAX_LINE {
                return Err(io::Error::other(format!("{}: was changed by another program", self.path.display())));
            }
        }
    }

    /// The alert file has that line, perhaps not on the disk yet.
    pub(super) fn take(&mut self, length: u64) {
        self.taken.push(length);
        self.next += length;
    }

    /// The alert file has on the disk what was taken.
    pub(super) fn mark(&mut self) {
        for length in std::mem::take(&mut self.taken) {
            // Should the mark fail, the next run finds the line in the alert file.
            let _ = write_all_at(&*self.medium, &self.file, &[DONE], self.at);
            self.at += length;
            self.count = self.count.saturating_sub(1);
        }
        if self.at >= self.end {
            self.clear();
        }
    }

    pub(super) fn sync(&self) -> io::Result<()> {
        uninterrupted(|| self.medium.sync(&self.file))
    }

    /// No line waits: the file is made NUL bytes, the first ones first.
    fn clear(&mut self) {
        (self.at, self.next, self.end, self.count) = (0, 0, 0, 0);
        self.clean();
    }

    /// Overwrites what follows the last line.
    fn clean(&mut self) {
        if self.dirty <= self.end {
            return;
        }
        let keep = self.reserve.max(self.end);
        if self.dirty > keep && self.medium.truncate(&self.file, keep).is_ok() {
            self.dirty = keep;
        }
        let mut at = self.end;
        while at < self.dirty {
            let zeros = &ZEROS[..usize::try_from(self.dirty - at).unwrap_or(usize::MAX).min(ZEROS.len())];
            if write_all_at(&*self.medium, &self.file, zeros, at).is_err() {
                return;
            }
            at += zeros.len() as u64;
        }
        self.dirty = self.end;
    }
}

/// Reads the next line; of one that is longer than any of ours its start and its end. Returns its length.
fn next_line(reader: &mut impl BufRead, line: &mut Vec<u8>) -> io::Result<u64> {
    line.clear();
    let mut length = reader.by_ref().take(MAX_LINE).read_until(b'\n', line)? as u64;
    // A torn line ends in the NUL bytes behind it.
    while length >= MAX_LINE && line.last() != Some(&b'\n') && memchr::memchr(0, line).is_none() {
        line.truncate(1);
        match reader.by_ref().take(MAX_LINE).read_until(b'\n', line)? as u64 {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}

/// Where what follows the last line ends, and how many lines that are not done begin in it: `line` begins at `from`, and
/// the rest follows.
fn last_content(from: u64, line: &[u8], mut rest: impl Read) -> io::Result<(u64, u64)> {
    let last = |bytes: &[u8]| bytes.iter().rposition(|byte| *byte != 0).map(|at| at as u64 + 1);
    let (mut content, mut lines) = (last(line).map_or(0, |at| from + at), 0);
    let (mut at, mut before) = (from + line.len() as u64, line.last().copied());
    let mut chunk = vec![0; ZEROS.len()];
    loop {
        let read = uninterrupted(|| rest.read(&mut chunk))?;
        if read == 0 {
            return Ok((content, lines));
        }
        for byte in &chunk[..read] {
            lines += u64::from(before == Some(b'\n') && *byte == b'{');
            before = Some(*byte);
        }
        content = last(&chunk[..read]).map_or(content, |end| at + end);
        at += read as u64;
    }
}

fn free_name(directory: &Path) -> PathBuf {
    let name = |number| directory.join(format!("alerts-unreadable-{number}.ndjson"));
    let free = (1..1000).map(name).find(|path| fs::symlink_metadata(path).is_err());
    free.unwrap_or_else(|| name(1000))
}
