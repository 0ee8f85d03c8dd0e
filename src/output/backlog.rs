//! Lines that wait for the alert file: in the state directory, and in memory only while that takes none.

use std::collections::VecDeque;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::file::Written;
use super::medium::Medium;
use super::options::Options;
use super::spill::Spill;

#[derive(Debug)]
pub(super) struct Backlog {
    medium: Arc<dyn Medium>,
    directory: Option<PathBuf>,
    reserve: u64,
    /// The older lines.
    spill: Option<Spill>,
    /// The newer lines, which the state directory did not take.
    memory: VecDeque<String>,
    bytes: usize,
    max_bytes: usize,
    /// The end of what was written before, while the state directory could not be looked at.
    written: Option<Written>,
}

impl Backlog {
    /// Takes up what an earlier run left, but for the lines that were written.
    pub(super) fn open(options: &Options, written: Written, medium: Arc<dyn Medium>) -> Backlog {
        let mut backlog = Backlog {
            medium,
            directory: options.state_directory.clone(),
            reserve: options.reserve,
            spill: None,
            memory: VecDeque::new(),
            bytes: 0,
            max_bytes: options.memory,
            written: Some(written),
        };
        if let Err(error) = backlog.open_spill() {
            log::warn!("{error}; alerts can only be buffered in memory");
        }
        backlog
    }

    fn open_spill(&mut self) -> io::Result<()> {
        let (Some(directory), Some(written)) = (&self.directory, &self.written) else { return Ok(()) };
        let opened = Spill::open(directory, self.reserve, written, Arc::clone(&self.medium));
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
        self.spill = Some(opened.map_err(named)?);
        self.written = None;
        Ok(())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(super) fn count(&self) -> u64 {
        self.in_memory() + self.spill.as_ref().map_or(0, Spill::count)
    }

    pub(super) fn in_memory(&self) -> u64 {
        self.memory.len() as u64
    }

    /// Lines of the earlier run that its crash tore.
    pub(super) fn lost(&self) -> u64 {
        self.spill.as_ref().map_or(0, Spill::lost)
    }

    pub(super) fn last_sequence(&self) -> Option<u64> {
        self.spill.as_ref().and_then(Spill::last_sequence)
    }

    /// Adds a line with its newline.
    pub(super) fn push(&mut self, line: String) -> io::Result<()> {
        let spilled = match &mut self.spill {
            Some(spill) if self.memory.is_empty() => spill.push(&line),
            _ => Err(io::Error::other("the memory for buffered alerts is full")),
        };
        let Err(error) = spilled else { return Ok(()) };
        if self.bytes + line.len() > self.max_bytes {
            return Err(error);
        }
        self.bytes += line.len();
        self.memory.push_back(line);
        Ok(())
    }

    /// The first line.
    pub(super) fn front(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.spill.as_mut().map_or(Ok(None), Spill::front)? {
            None => Ok(self.memory.front().map(|line| line.clone().into_bytes())),
            line => Ok(line),
        }
    }

    /// Takes the first line out; it is this long.
    pub(super) fn pop(&mut self, length: u64) {
        if let Some(spill) = self.spill.as_mut().filter(|spill| spill.count() > 0) {
            spill.pop(length);
        } else if let Some(line) = self.memory.pop_front() {
            self.bytes -= line.len();
        }
    }

    /// Moves to the state directory what is in memory, and forces it to the disk.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.memory.is_empty() {
            return self.spill.as_ref().filter(|spill| spill.count() > 0).map_or(Ok(()), Spill::sync);
        }
        self.open_spill()?;
        let spill = self.spill.as_mut().ok_or_else(|| io::Error::other("there is no state directory"))?;
        while let Some(line) = self.memory.front() {
            spill.push(line)?;
            self.bytes -= line.len();
            self.memory.pop_front();
        }
        spill.sync()
    }
}
