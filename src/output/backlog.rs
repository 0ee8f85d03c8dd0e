//! Lines that wait for the alert file: in the state directory, and in memory those that are on their way or that the
//! state directory did not take.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::inbox::Inbox;
use super::medium::Medium;
use super::options::Options;
use super::spill::Spill;
use super::written::Written;

#[derive(Debug)]
pub(super) struct Backlog {
    medium: Arc<dyn Medium>,
    directory: Option<PathBuf>,
    reserve: u64,
    /// The older lines.
    spill: Option<Spill>,
    /// The newer lines. Others add to it; only who holds the backlog takes from it.
    inbox: Arc<Inbox>,
    max_bytes: usize,
    delayed: u64,
    /// The end of what was written before, while the state directory could not be looked at.
    written: Option<Written>,
}

impl Backlog {
    /// Takes over what an earlier run left, except the lines that were written.
    pub(super) fn open(options: &Options, written: Written, medium: Arc<dyn Medium>) -> Backlog {
        let mut backlog = Backlog {
            medium,
            directory: options.state_directory.clone(),
            reserve: options.reserve,
            spill: None,
            inbox: Arc::default(),
            max_bytes: options.memory,
            delayed: 0,
            written: Some(written),
        };
        if let Err(error) = backlog.open_spill() {
            log::warn!("{error}; alerts can only be buffered in memory");
        }
        backlog
    }

    /// Opens the state directory, should that have failed so far. What an earlier run left then comes first: it is not
    /// to be done while a line is written.
    pub(super) fn open_spill(&mut self) -> io::Result<()> {
        let (Some(directory), Some(written)) = (&self.directory, &self.written) else { return Ok(()) };
        let opened = Spill::open(directory, self.reserve, written, Arc::clone(&self.medium));
        let named = |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", directory.display()));
        self.spill = Some(opened.map_err(named)?);
        self.written = None;
        Ok(())
    }

    pub(super) fn inbox(&self) -> Arc<Inbox> {
        Arc::clone(&self.inbox)
    }

    /// How many bytes may wait in memory.
    pub(super) fn max_bytes(&self) -> usize {
        self.max_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.count() == 0
    }

    pub(super) fn count(&self) -> u64 {
        self.in_memory() + self.spill.as_ref().map_or(0, Spill::count)
    }

    /// Lines that came so far, and how many are not on the disk, those of an earlier run among them.
    pub(super) fn flow(&self) -> (u64, u64) {
        let (pushed, in_memory) = self.inbox.flow();
        (pushed, in_memory + self.spill.as_ref().map_or(0, Spill::count))
    }

    pub(super) fn in_memory(&self) -> u64 {
        self.inbox.count()
    }

    /// Lines that had to wait.
    pub(super) fn delayed(&self) -> u64 {
        self.delayed
    }

    /// Lines of the earlier run that its crash tore.
    pub(super) fn lost(&self) -> u64 {
        self.spill.as_ref().map_or(0, Spill::lost)
    }

    /// The number of the alert behind the last line that an earlier run left.
    pub(super) fn next_sequence(&self) -> Option<u64> {
        self.spill.as_ref().and_then(Spill::next_sequence)
    }

    /// Adds a line with its newline, which has to wait.
    pub(super) fn push(&mut self, line: String) -> io::Result<()> {
        // Room is made first, and the line moved on after.
        let moved = self.move_on();
        if self.inbox.push(line, self.max_bytes).is_none() {
            return Err(moved.err().unwrap_or_else(|| io::Error::other("the alert is larger than the memory for it")));
        }
        let _ = self.move_on();
        Ok(())
    }

    /// The first line.
    pub(super) fn front(&mut self) -> io::Result<Option<Vec<u8>>> {
        match self.spill.as_mut().map_or(Ok(None), Spill::front)? {
            None => Ok(self.inbox.front().map(String::into_bytes)),
            line => Ok(line),
        }
    }

    /// Takes the first line out, which is this long: the alert file has it. It may have been moved since it was asked
    /// for, and is still the first.
    pub(super) fn take(&mut self, length: u64) {
        match self.spill.as_mut().filter(|spill| spill.has_more()) {
            Some(spill) => spill.take(length),
            None => self.inbox.pop(),
        }
    }

    /// What was taken out is on the disk.
    pub(super) fn mark(&mut self) {
        self.spill.iter_mut().for_each(Spill::mark);
    }

    /// Moves to the state directory what is in memory, and forces it to the disk.
    pub(super) fn settle(&mut self) -> io::Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        self.move_on()?;
        self.spill.as_ref().map_or(Ok(()), Spill::sync)
    }

    fn move_on(&mut self) -> io::Result<()> {
        self.delayed += self.inbox.delay();
        if self.inbox.count() == 0 {
            return Ok(());
        }
        let spill = self.spill.as_mut().ok_or_else(|| io::Error::other("there is no state directory"))?;
        while let Some(line) = self.inbox.front() {
            spill.push(&line)?;
            self.inbox.pop();
        }
        Ok(())
    }
}
