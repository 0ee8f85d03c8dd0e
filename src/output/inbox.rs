//! Lines on their way to the alert file, in memory: whoever hands one over waits for no disk.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub(super) struct Inbox(Mutex<Lines>);

#[derive(Debug, Default)]
struct Lines {
    lines: VecDeque<String>,
    bytes: usize,
    /// So many of the first are known to wait.
    delayed: usize,
    /// Lines received so far, and those of them that found no room.
    pushed: u64,
    lost: u64,
}

impl Inbox {
    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a line with its newline, unless the inbox then held more than this many bytes; says how many it holds.
    pub(super) fn push(&self, line: String, max_bytes: usize) -> Option<usize> {
        let mut inbox = self.lines();
        if inbox.bytes + line.len() > max_bytes {
            inbox.lost += 1;
            return None;
        }
        inbox.bytes += line.len();
        inbox.pushed += 1;
        inbox.lines.push_back(line);
        Some(inbox.bytes)
    }

    pub(super) fn front(&self) -> Option<String> {
        self.lines().lines.front().cloned()
    }

    pub(super) fn pop(&self) {
        let mut inbox = self.lines();
        if let Some(line) = inbox.lines.pop_front() {
            inbox.bytes -= line.len();
            inbox.delayed = inbox.delayed.saturating_sub(1);
        }
    }

    /// Those in it wait, and are counted: how many did not until now.
    pub(super) fn delay(&self) -> u64 {
        let mut inbox = self.lines();
        let more = inbox.lines.len() - inbox.delayed;
        inbox.delayed = inbox.lines.len();
        more as u64
    }

    pub(super) fn count(&self) -> u64 {
        self.lines().lines.len() as u64
    }

    pub(super) fn bytes(&self) -> usize {
        self.lines().bytes
    }

    /// Lines that found no room.
    pub(super) fn lost(&self) -> u64 {
        self.lines().lost
    }

    /// Lines received so far.
    pub(super) fn pushed(&self) -> u64 {
        self.lines().pushed
    }

    /// Lines received so far, and how many of them are here.
    pub(super) fn flow(&self) -> (u64, u64) {
        let inbox = self.lines();
        (inbox.pushed, inbox.lines.len() as u64)
    }

    /// Whether one of the first `pushed` lines is still here.
    pub(super) fn waits_since(&self, pushed: u64) -> bool {
        let inbox = self.lines();
        inbox.pushed - (inbox.lines.len() as u64) < pushed
    }
}
