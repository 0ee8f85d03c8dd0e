//! The lines of one input, as its reader thread delivers them.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::compression::Compression;
use super::reader::{Chunk, MAX_LINE};
use crate::event::Line;

/// What comes next in an input.
pub(super) enum Piece {
    /// A line that is not blank.
    Line(Line),
    /// A line too long to be read.
    TooLong,
    /// Reading failed: only the end follows.
    Broken(String),
    /// Nothing yet.
    Pending,
    /// There is no more.
    End,
}

/// Walks the lines of an input without copying them.
pub(super) struct Lines {
    chunks: Receiver<Chunk>,
    block: Arc<String>,
    /// Where in the block the next line starts.
    at: usize,
    /// The number of the line given last, blank ones counted.
    pub(super) number: u64,
    /// The line given last ended in a newline.
    pub(super) terminated: bool,
    /// How the input is compressed, once it is known.
    pub(super) compression: Option<Compression>,
    /// Lines that were not UTF-8, in the blocks received so far.
    pub(super) repaired: u64,
}

impl Lines {
    pub(super) fn new(chunks: Receiver<Chunk>) -> Lines {
        let block = Arc::new(String::new());
        Lines { chunks, block, at: 0, number: 0, terminated: true, compression: None, repaired: 0 }
    }

    /// The next piece; waits for it no longer than said, or until it comes.
    pub(super) fn next(&mut self, wait: Option<Duration>) -> Piece {
        loop {
            if self.at < self.block.len() {
                if let Some(piece) = self.line() {
                    return piece;
                }
                continue;
            }
            let received = match wait {
                Some(wait) => self.chunks.recv_timeout(wait),
                None => self.chunks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(Chunk::Opened(compression)) => self.compression = Some(compression),
                Ok(Chunk::Lines { text, repaired }) => {
                    (self.block, self.at) = (text, 0);
                    self.repaired += repaired;
                }
                Ok(Chunk::TooLong) => {
                    self.number += 1;
                    return Piece::TooLong;
                }
                Ok(Chunk::Broken(text)) => return Piece::Broken(text),
                Err(RecvTimeoutError::Timeout) => return Piece::Pending,
                Err(RecvTimeoutError::Disconnected) => return Piece::End,
            }
        }
    }

    /// The line at this place of the block; `None` when it is blank.
    fn line(&mut self) -> Option<Piece> {
        let text = &self.block[self.at..];
        let newline = memchr::memchr(b'\n', text.as_bytes());
        let line = &text[..newline.unwrap_or(text.len())];
        let mut start = self.at;
        let end = start + line.strip_suffix('\r').unwrap_or(line).len();
        self.at += newline.map_or(text.len(), |newline| newline + 1);
        self.number += 1;
        self.terminated = newline.is_some();
        if self.number == 1 && line.starts_with('\u{feff}') {
            start += '\u{feff}'.len_utf8();
        }
        match &self.block[start..end] {
            blank if blank.trim_ascii().is_empty() => None,
            long if long.len() > MAX_LINE => Some(Piece::TooLong),
            _ => Some(Piece::Line(Line::new(&self.block, start..end))),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::unbounded;

    fn lines(blocks: &[&str]) -> Lines {
        let (sender, receiver) = unbounded();
        for block in blocks {
            sender.send(Chunk::Lines { text: Arc::new(block.to_string()), repaired: 1 }).unwrap();
        }
        Lines::new(receiver)
    }

    #[test]
    fn a_mark_carriage_returns_and_blank_lines_are_not_part_of_a_line() {
        let mut lines = lines(&["\u{feff}one\r\n\r\n  \n\ntwo\n", "\u{feff}three\r"]);
        let mut seen = Vec::new();
        while let Piece::Line(line) = lines.next(None) {
            seen.push((line.as_str().to_owned(), lines.number, lines.terminated));
        }
        let expected = [("one", 1, true), ("two", 5, true), ("\u{feff}three", 6, false)];
        assert_eq!(seen, expected.map(|(text, number, terminated)| (text.to_owned(), number, terminated)));
        assert_eq!(lines.repaired, 2);
    }

    #[test]
    fn a_mark_alone_and_a_mark_before_a_carriage_return_are_blank() {
        assert!(matches!(lines(&["\u{feff}"]).next(None), Piece::End));
        assert!(matches!(lines(&["\u{feff}\r\n"]).next(None), Piece::End));
    }

    #[test]
    fn waiting_ends_and_a_line_over_the_limit_is_told_of() {
        let (sender, receiver) = unbounded();
        let mut lines = Lines::new(receiver);
        assert!(matches!(lines.next(Some(Duration::from_millis(1))), Piece::Pending));
        let text = Arc::new("x".repeat(MAX_LINE + 1) + "\n" + &"y".repeat(MAX_LINE) + "\n");
        sender.send(Chunk::Lines { text, repaired: 0 }).unwrap();
        assert!(matches!(lines.next(None), Piece::TooLong));
        assert!(matches!(lines.next(None), Piece::Line(_)));
    }
}
