//! The values of one input, one after the other, however they are laid out: one a line, printed over
//! several lines, joined by commas, in arrays, in search responses, as rows of a table. Only one value is in memory at a
//! time.

mod between;
mod faults;
mod piece;
mod rows;
mod separated;
mod table;
mod turned;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::RecvTimeoutError;

use super::ahead::{Pending, Ready};
use super::compression::Compression;
use super::lines::line_within;
use super::place::Place;
use super::reader::Chunk;
use crate::event::{Block, Decoded, Line, Zone};
use crate::queue::{Receiver, queue};
pub(super) use piece::Piece;
use piece::{Array, Scan};
use separated::Layout;
use table::Columns;
use turned::Turned;

/// The byte-order mark, with which a file may begin, and so several that were joined.
const MARK: &[u8] = "\u{feff}".as_bytes();

/// Walks the values of an input without copying them.
pub(super) struct Values {
    chunks: Receiver<Chunk>,
    layout: Layout,
    block: Arc<Block>,
    /// What of the block is decoded.
    decoded: Ready,
    /// Where in the block to continue.
    at: usize,
    /// The place of `at`.
    here: Place,
    /// The block ends within a line, and more follows.
    partial: bool,
    ended: bool,
    /// Reading failed, and that was reported: what it cut off is not reported again.
    broken: bool,
    scan: Option<Scan>,
    arrays: Vec<Array>,
    /// The columns that the last page of an answer stated.
    page: Columns,
    /// What came of a table by column.
    turned: Turned,
    /// After a fault: values are looked for at lines indented no further than this.
    resync: Option<usize>,
    /// There was a fault, so brackets that close nothing are not reported.
    lenient: bool,
    skipping_line: bool,
    /// Where the piece given last is.
    pub(super) place: Place,
    /// Where it starts in the block.
    given: usize,
    /// How the input is compressed, once it is known.
    pub(super) compression: Option<Compression>,
    /// Lines that were not UTF-8, in the blocks received so far.
    pub(super) repaired: u64,
    /// There was an array whose values are given one by one.
    pub(super) entered: bool,
    /// A value to be returned again.
    again: Option<Line>,
}

impl Values {
    pub(super) fn new(chunks: Receiver<Chunk>) -> Values {
        Values {
            chunks,
            layout: Layout::Json,
            block: Arc::default(),
            decoded: Ready::default(),
            at: 0,
            here: Place::START,
            partial: false,
            ended: false,
            broken: false,
            scan: None,
            arrays: Vec::new(),
            page: Columns::default(),
            turned: Turned::default(),
            resync: None,
            lenient: false,
            skipping_line: false,
            place: Place::START,
            given: 0,
            compression: None,
            repaired: 0,
            entered: false,
            again: None,
        }
    }

    /// Those of a recording, which may be the rows of a table: dates in it that state no zone are of this one.
    pub(super) fn of_recording(chunks: Receiver<Chunk>, zone: Option<Zone>) -> Values {
        Values { layout: Layout::Unknown(zone), ..Values::new(chunks) }
    }

    /// Those of a text that is in memory, of which so many lines were repaired.
    pub(super) fn of_text(text: String, repaired: u64) -> Values {
        let (sender, receiver) = queue(1);
        // There is room for one, and the receiver is here.
        let _ = sender.send(Chunk::Text { text: Arc::new(text.into()), repaired, partial: false, ahead: None }, 1);
        Values::new(receiver)
    }

    /// The next piece; waits for it no longer than `wait`, or until it comes.
    pub(super) fn next(&mut self, wait: Option<Duration>) -> Piece {
        if let Some(line) = self.again.take() {
            return Piece::Value(line);
        }
        if let Some(row) = self.turned.next() {
            return Piece::Value(row);
        }
        loop {
            if let Some(piece) = self.step() {
                return piece;
            }
            if self.ended {
                match self.finish() {
                    Some(piece) => return piece,
                    None => continue,
                }
            }
            match self.chunks.next(wait) {
                Ok(Chunk::Opened(compression)) => self.compression = Some(compression),
                Ok(Chunk::Text { text, repaired, partial, ahead }) => {
                    self.repaired += repaired;
                    self.partial = partial;
                    self.join(text, ahead);
                }
                Ok(Chunk::Broken(unreadable)) => {
                    self.broken = true;
                    return Piece::Broken(unreadable);
                }
                Err(RecvTimeoutError::Timeout) => return Piece::Pending,
                Err(RecvTimeoutError::Disconnected) => (self.ended, self.partial) = (true, false),
            }
        }
    }

    /// Examines the line returned last: it may begin a longer value, or hold several, or an
    /// array of documents.
    pub(super) fn reread(&mut self) {
        self.at = self.given;
        self.here = self.place;
        self.begin();
    }

    /// What this line, the last that was returned, holds, if it was decoded ahead.
    pub(super) fn decoded(&mut self, line: &Line) -> Option<Decoded> {
        self.decoded.take(&(self.given..self.given + line.as_str().len()))
    }

    /// Returns the value again.
    pub(super) fn give_again(&mut self, value: Line) {
        self.again = Some(value);
    }

    /// The next piece in the current text; `None` when more is needed.
    fn step(&mut self) -> Option<Piece> {
        if !self.block.is_empty() {
            self.find_layout();
        }
        if self.is_table() {
            return self.table_row();
        }
        loop {
            if self.scan.is_some() {
                match self.go_on() {
                    Some(piece) => return piece,
                    None => continue,
                }
            }
            if self.at == self.block.len() {
                return None;
            }
            if self.skipping_line {
                self.skip_line();
            } else if let Some(indent) = self.resync {
                if !self.resynchronised(indent)? {
                    continue;
                }
                self.resync = None;
            } else if self.arrays.is_empty() && self.here.column == 1 {
                match self.line() {
                    Some(Some(line)) => return Some(Piece::Line(line)),
                    Some(None) => {}
                    None => {
                        if let Some(piece) = self.between() {
                            return Some(piece);
                        }
                    }
                }
            } else if let Some(piece) = self.between() {
                return Some(piece);
            }
        }
    }

    /// The line here, when it looks like one value: `Some(None)` when it is blank, `None` when it has to be
    /// looked at.
    fn line(&mut self) -> Option<Option<Line>> {
        let mut start = self.at;
        if self.block.as_bytes()[start..].starts_with(MARK) {
            start += MARK.len();
        }
        let known = self.decoded.line(start).map(|(text, next)| (Some(text), next));
        let (text, next) = known.unwrap_or_else(|| line_within(&self.block, start));
        if self.partial && self.block.as_bytes()[next - 1] != b'\n' {
            return None;
        }
        let is_blank = text.is_none() && self.block[start..next].trim_ascii().is_empty();
        let text = if is_blank { None } else { Some(text?) };
        if let Some(text) = &text {
            (self.place, self.given) = (self.here, text.start);
        }
        self.here.end_line();
        self.at = next;
        Some(text.map(|text| self.part(text)))
    }

    /// Advances to a later place in the block.
    fn advance(&mut self, to: usize) {
        self.here.advance(&self.block.as_bytes()[self.at..to]);
        self.at = to;
    }

    /// Puts more text behind what is still needed.
    fn join(&mut self, text: Arc<Block>, ahead: Option<Pending>) {
        let keep = match &self.scan {
            Some(scan) if scan.discarded => {
                // What is behind already is not needed again.
                let needed = scan.scanner.needed_from().clamp(self.at, self.block.len());
                self.advance(needed);
                self.at
            }
            Some(scan) => scan.start,
            None => self.at,
        };
        let is_empty = keep == self.block.len();
        // Behind the start of a value the places of lines are others.
        self.decoded = Ready::new(ahead.filter(|_| is_empty));
        if is_empty {
            self.block = text;
        } else if let Some(block) = Arc::get_mut(&mut self.block).filter(|_| keep == 0) {
            // A long value comes in many pieces: what is there of it is not copied for each.
            block.push_str(&text);
        } else {
            self.block = Arc::new([&self.block[keep..], &text].concat().into());
        }
        self.at -= keep;
        if let Some(scan) = &mut self.scan {
            scan.scanner.shift(keep);
            scan.start = scan.start.saturating_sub(keep);
        }
    }
}
