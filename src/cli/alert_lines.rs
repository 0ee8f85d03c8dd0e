//! An alert file that is followed, line by line, over rotations and truncation.

use std::collections::HashSet;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead, BufReader, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::output;
use crate::source::recording::{Compression, decompressed};

/// A longer line is not an alert; the rest of it is skipped.
const MAX_LINE: u64 = 4 << 20;
/// Bytes before the place that was read to: when they changed, the file was truncated and written again.
const RECENT: usize = 64;

/// What is done with a line: its file, its number, its bytes.
pub(super) type Take<'t> = &'t mut dyn FnMut(&str, u64, &[u8]) -> Result<(), Failure>;

/// A file at the place that it was read to.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read>>,
    /// The file again, where it is a plain one that may grow.
    file: Option<File>,
    /// Which file was opened.
    opened: Option<(u64, u64)>,
    name: String,
    number: u64,
    /// The start of a line whose end is not written yet.
    begun: Vec<u8>,
    /// Bytes read, and the last of them.
    position: u64,
    recent: Vec<u8>,
}

impl Lines {
    /// A file, which may be compressed.
    pub(super) fn open(path: &Path) -> io::Result<Lines> {
        let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path)?;
        if !file.metadata()?.is_file() {
            return Err(io::Error::other("not a regular file"));
        }
        let (compression, input) = decompressed(file.try_clone()?)?;
        let (opened, name) = (identity(&file), path.display().to_string());
        let file = (compression == Compression::None).then_some(file);
        let input = BufReader::new(input as Box<dyn Read>);
        Ok(Lines { input, file, opened, name, number: 0, begun: Vec::new(), position: 0, recent: Vec::new() })
    }

    /// Passes on the complete lines.
    pub(super) fn read(&mut self, take: Take<'_>) -> Result<(), Failure> {
        loop {
            let (room, before) = (MAX_LINE.saturating_sub(self.begun.len() as u64), self.begun.len());
            let read = self.input.by_ref().take(room).read_until(b'\n', &mut self.begun);
            let read = read.map_err(|error| Failure::new(Failure::IO, format!("{}: {error}", self.name)))?;
            self.advance(before);
            let is_whole = self.begun.last() == Some(&b'\n');
            if !is_whole && self.begun.len() as u64 == MAX_LINE {
                self.position += self.input.skip_until(b'\n').unwrap_or(0) as u64;
            } else if !is_whole && read == 0 {
                return Ok(());
            } else if !is_whole {
                continue;
            }
            self.give(take)?;
        }
    }

    /// Passes on a last line without its newline.
    pub(super) fn end(&mut self, take: Take<'_>) -> Result<(), Failure> {
        if self.begun.is_empty() { Ok(()) } else { self.give(take) }
    }

    fn give(&mut self, take: Take<'_>) -> Result<(), Failure> {
        self.number += 1;
        let line = std::mem::take(&mut self.begun);
        take(&self.name, self.number, &line)
    }

    fn advance(&mut self, before: usize) {
        let new = &self.begun[before..];
        self.position += new.len() as u64;
        self.recent.extend_from_slice(&new[new.len().saturating_sub(RECENT)..]);
        let over = self.recent.len().saturating_sub(RECENT);
        self.recent.drain(..over);
    }

    fn identity(&self) -> Option<(u64, u64)> {
        identity(self.file.as_ref()?)
    }

    /// Whether what was read no longer exists.
    fn is_truncated(&self) -> bool {
        let Some(file) = &self.file else { return false };
        let mut now = vec![0; self.recent.len()];
        let from = self.position.saturating_sub(now.len() as u64);
        file.read_exact_at(&mut now, from).is_err() || now != self.recent
    }
}

fn identity(file: &File) -> Option<(u64, u64)> {
    file.metadata().ok().map(|found| (found.dev(), found.ino()))
}

/// A file with its rotations, from the oldest on.
pub(super) struct Followed {
    path: PathBuf,
    live: Option<Lines>,
    /// Rotations that were read.
    seen: HashSet<PathBuf>,
    /// Something else than a file has taken its name.
    is_replaced: bool,
}

impl Followed {
    pub(super) fn new(path: &Path) -> Followed {
        Followed { path: path.to_owned(), live: None, seen: HashSet::new(), is_replaced: false }
    }

    /// Passes on everything written since the last call, in order. Returns whether there is a file.
    pub(super) fn read(&mut self, take: Take<'_>) -> Result<bool, Failure> {
        loop {
            let found = self.look().map(|found| (found.dev(), found.ino()));
            self.drain(take)?;
            let is_same = self.live.as_ref().is_some_and(|live| live.opened == found);
            if is_same || found.is_none() {
                return Ok(self.live.is_some());
            }
            // Opened before the rotations are listed: what is rotated from now on is seen by the next round.
            let next = match Lines::open(&self.path) {
                Ok(next) => next,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(cannot_read(&self.path, &error)),
            };
            self.read_rotations(&next, take)?;
            self.live = Some(next);
        }
    }

    /// What has the name now. Once there was a file, nothing else ends the reading: there may be a file again.
    fn look(&mut self) -> Option<Metadata> {
        let found = fs::metadata(&self.path).ok()?;
        let is_replaced = self.live.is_some() && !found.is_file();
        if is_replaced && !std::mem::replace(&mut self.is_replaced, is_replaced) {
            log::warn!("{}: is no longer a regular file; waiting for one", self.path.display());
        }
        self.is_replaced = is_replaced;
        Some(found).filter(|_| !is_replaced)
    }

    /// The live file up to its end; from the start again when someone emptied it.
    fn drain(&mut self, take: Take<'_>) -> Result<(), Failure> {
        let Some(live) = &mut self.live else { return Ok(()) };
        if live.is_truncated()
            && let Ok(again) = Lines::open(&self.path)
            && again.identity() == live.identity()
        {
            log::info!("{}: was truncated; reading it from the beginning", live.name);
            *live = again;
        }
        live.read(take)
    }

    fn read_rotations(&mut self, next: &Lines, take: Take<'_>) -> Result<(), Failure> {
        let old = self.live.as_ref().map(Lines::identity);
        let rotations = output::rotations(&self.path);
        let key = |path: &Path| {
            if path.extension().is_some_and(|end| end == "gz") { path.with_extension("") } else { path.to_owned() }
        };
        let new = rotations.iter().filter(|path| !self.seen.contains(&key(path)));
        for (at, path) in new.enumerate() {
            let Ok(mut lines) = Lines::open(path) else { continue };
            let identity = lines.identity();
            // The first new one is the file that was followed; compressed it has another identity.
            let is_old = old.is_some() && (Some(identity) == old || (at == 0 && identity.is_none()));
            if !is_old && identity != next.identity() {
                lines.read(take)?;
                lines.end(take)?;
            }
        }
        self.seen = rotations.iter().map(|path| key(path)).collect();
        Ok(())
    }
}

pub(super) fn cannot_read(path: &Path, error: &io::Error) -> Failure {
    Failure::new(Failure::NO_INPUT, format!("{}: cannot read alerts: {error}", path.display()))
}
