//! The end of a file: what was written to it before.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};

use serde::Deserialize;

/// The last lines of a file are looked for in this many bytes at its end: 33 lines of the greatest length.
const TAIL: u64 = 1 << 20;

/// The end of what was written before.
#[derive(Debug, Default)]
pub(super) struct Written {
    lines: HashSet<Vec<u8>>,
    /// The `event.sequence` of the alert that comes next.
    pub(super) next_sequence: Option<u64>,
}

impl Written {
    /// Whether this line, without its newline, is there.
    pub(super) fn has(&self, line: &[u8]) -> bool {
        self.lines.contains(line)
    }

    /// Files are looked in from the newest to the oldest.
    pub(super) fn look_in(&mut self, file: &mut File) {
        let Ok(bytes) = tail(file) else { return };
        for line in bytes.split(|byte| *byte == b'\n').rev().filter(|line| !line.is_empty()) {
            self.next_sequence = self.next_sequence.or_else(|| next_sequence(line));
            self.lines.insert(line.to_vec());
        }
    }
}

/// The last line, when it has no newline; of one that is not ours, a part.
pub(super) fn unended(file: &mut File) -> io::Result<Vec<u8>> {
    let bytes = tail(file)?;
    let begins = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    Ok(bytes[begins..].to_vec())
}

/// The last [`TAIL`] bytes.
fn tail(file: &mut File) -> io::Result<Vec<u8>> {
    let len = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(len.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The `event.sequence` of the alert behind a line: the one after that of an alert, and what a document about the agent
/// says. Many documents can follow the last alert, so that its line is beyond the end that is looked at.
pub(super) fn next_sequence(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Document {
        osawatch: Osawatch,
    }
    #[derive(Deserialize)]
    struct Osawatch {
        agent: Agent,
    }
    #[derive(Deserialize)]
    struct Agent {
        next_sequence: u64,
    }
    let said = || serde_json::from_slice::<Document>(line).ok().map(|line| line.osawatch.agent.next_sequence);
    sequence(line).map(|sequence| sequence.saturating_add(1)).or_else(said)
}

/// The `event.sequence` of an alert line.
pub(super) fn sequence(line: &[u8]) -> Option<u64> {
    #[derive(Deserialize)]
    struct Line {
        event: Event,
    }
    #[derive(Deserialize)]
    struct Event {
        sequence: u64,
    }
    serde_json::from_slice::<Line>(line).ok().map(|line| line.event.sequence)
}
