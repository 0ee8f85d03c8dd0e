//! The values of one input, one after the other, however they are laid out: one a line, printed over
//! several lines, joined by commas, in arrays, in search responses. Only one value is in memory at a time.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError};
use serde::de::IgnoredAny;

use super::compression::Compression;
use super::error::Unreadable;
use super::place::Place;
use super::reader::{Chunk, MAX_VALUE};
use super::scan::{Fault, Found, Scanner};
use crate::event::Line;

/// How many arrays are entered for the values in them.
const MAX_ARRAYS: usize = 16;
/// How far behind a fault values are looked for again; beyond, only after it.
const MAX_RETRY: usize = 1 << 20;
/// How much is kept of a line that is not JSON, for the message about it.
const MAX_SHOWN: usize = 512;
/// Values further right are not told apart by how far they are indented.
const MAX_INDENT: u64 = 1024;

/// What comes next in an input.
pub(super) enum Piece {
    /// A line that looks like one whole value; [`Values::reread`] looks closer.
    Line(Line),
    /// A value.
    Value(Line),
    /// Something that is not a value, and why.
    Bad(String),
    /// A value longer than is read.
    TooLong,
    /// The input ends within a line that began a value, as where a recording is still being written.
    Torn,
    /// The input ends within a value of several lines, or within an array.
    Truncated(String),
    /// Reading failed: only the end follows.
    Broken(Unreadable),
    /// Nothing yet.
    Pending,
    /// There is no more.
    End,
}

/// A value that is being looked at.
struct Scan {
    scanner: Scanner,
    start: usize,
    place: Place,
    /// The leading spaces of the line that it starts on.
    indent: usize,
    /// It is passed over: too long, or what surrounds an array of documents.
    discarded: bool,
}

/// An array whose values are given one by one.
struct Array {
    /// The objects around it.
    objects: u32,
    place: Place,
}

/// Walks the values of an input without copying them.
pub(super) struct Values {
    chunks: Receiver<Chunk>,
    block: Arc<String>,
    /// Where in the block to go on.
    at: usize,
    /// The place of `at`.
    here: Place,
    /// The block ends within a line, and more follows.
    partial: bool,
    ended: bool,
    /// Reading failed, and that was told: what it cut off is no further news.
    broken: bool,
    scan: Option<Scan>,
    arrays: Vec<Array>,
    /// After a fault: values are looked for at lines indented no further than this.
    resync: Option<usize>,
    /// There was a fault, so brackets that close nothing are no news.
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
    /// A value to be given once more.
    again: Option<Line>,
}

impl Values {
    pub(super) fn new(chunks: Receiver<Chunk>) -> Values {
        Values {
            chunks,
            block: Arc::default(),
            at: 0,
            here: Place::START,
            partial: false,
            ended: false,
            broken: false,
            scan: None,
            arrays: Vec::new(),
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

    /// The next piece; waits for it no longer than said, or until it comes.
    pub(super) fn next(&mut self, wait: Option<Duration>) -> Piece {
        if let Some(line) = self.again.take() {
            return Piece::Value(line);
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
            let received = match wait {
                Some(wait) => self.chunks.recv_timeout(wait),
                None => self.chunks.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match received {
                Ok(Chunk::Opened(compression)) => self.compression = Some(compression),
                Ok(Chunk::Text { text, repaired, partial }) => {
                    self.repaired += repaired;
                    self.partial = partial;
                    self.join(text);
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

    /// Looks closer at the line given last: it may begin a value that goes on, or hold several, or an
    /// array of documents.
    pub(super) fn reread(&mut self) {
        self.at = self.given;
        self.here = self.place;
        self.begin();
    }

    /// Gives the value once more.
    pub(super) fn give_again(&mut self, value: Line) {
        self.again = Some(value);
    }

    /// The next piece in the text at hand; `None` when more is needed.
    fn step(&mut self) -> Option<Piece> {
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
        let rest = &self.block[self.at..];
        let newline = memchr::memchr(b'\n', rest.as_bytes());
        if newline.is_none() && self.partial {
            return None;
        }
        let mut line = &rest[..newline.unwrap_or(rest.len())];
        let mut start = self.at;
        if self.here.line == 1 && line.starts_with('\u{feff}') {
            start += '\u{feff}'.len_utf8();
            line = &self.block[start..self.at + line.len()];
        }
        let end = start + line.strip_suffix('\r').unwrap_or(line).trim_ascii_end().len();
        let text = self.block[start..end].as_bytes();
        let next = self.at + newline.map_or(rest.len(), |newline| newline + 1);
        if text.is_empty() {
            self.here.end_line();
            self.at = next;
            return Some(None);
        }
        if text[0] != b'{' || text[text.len() - 1] != b'}' || text.len() > MAX_VALUE {
            return None;
        }
        (self.place, self.given) = (self.here, start);
        self.here.end_line();
        self.at = next;
        Some(Some(Line::new(&self.block, start..end)))
    }

    /// What stands between values, up to the start of one; a piece when something else stands there.
    fn between(&mut self) -> Option<Piece> {
        let bytes = self.block.as_bytes();
        let byte = bytes[self.at];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' => {
                let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n' | b',');
                self.advance(self.at + bytes[self.at..].iter().take_while(is_space).count());
            }
            b'{' => self.begin(),
            b'[' if self.arrays.len() < MAX_ARRAYS => {
                self.enter(0);
                self.advance(self.at + 1);
            }
            b'[' => {
                self.begin();
                return self.too_deep();
            }
            b']' | b'}' => {
                let place = self.here;
                self.advance(self.at + 1);
                match self.arrays.pop_if(|_| byte == b']') {
                    Some(Array { objects: 0, .. }) => {}
                    Some(array) => {
                        self.begin_at(self.at, Scanner::after_array(self.at, array.objects), true);
                    }
                    None if self.lenient => {}
                    None => return self.bad(place, format!("not valid JSON: unexpected `{}`", char::from(byte))),
                }
            }
            0xef if self.at == 0 && bytes.starts_with("\u{feff}".as_bytes()) => self.advance(self.at + 3),
            0 => return Some(self.nulls()),
            _ => return Some(self.junk()),
        }
        None
    }

    /// A run of NUL bytes, as a crash leaves in a file.
    fn nulls(&mut self) -> Piece {
        let place = self.here;
        let count = self.block.as_bytes()[self.at..].iter().take_while(|byte| **byte == 0).count();
        self.advance(self.at + count);
        self.place = place;
        Piece::Bad(if count == 1 { "a NUL byte, skipped".to_owned() } else { format!("{count} NUL bytes, skipped") })
    }

    /// Text that no value starts with: within an array up to the next comma or bracket, else the rest of its line.
    fn junk(&mut self) -> Piece {
        let rest = &self.block.as_bytes()[self.at..];
        let in_array = !self.arrays.is_empty();
        let ends = |byte: &u8| *byte == b'\n' || *byte == 0 || in_array && matches!(byte, b',' | b']' | b'}');
        let end = rest.iter().position(ends);
        self.skipping_line = end.is_none() && self.partial;
        let end = self.at + end.unwrap_or(rest.len());
        let shown = self.block.floor_char_boundary(end.min(self.at + MAX_SHOWN));
        let shown = self.at + self.block[self.at..shown].trim_ascii_end().len();
        let line = Line::new(&self.block, self.at..shown);
        if in_array && serde_json::from_str::<IgnoredAny>(line.as_str()).is_err() {
            self.lose_arrays();
        }
        self.place = self.here;
        self.advance(end);
        Piece::Value(line)
    }

    fn skip_line(&mut self) {
        let newline = memchr::memchr(b'\n', &self.block.as_bytes()[self.at..]);
        self.skipping_line = newline.is_none();
        self.advance(newline.map_or(self.block.len(), |newline| self.at + newline + 1));
    }

    /// Whether a value may start at this line; goes to the next one if not. `None` when more text is needed.
    fn resynchronised(&mut self, indent: usize) -> Option<bool> {
        let rest = &self.block.as_bytes()[self.at..];
        let spaces = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let column = self.before() + spaces;
        match rest.get(spaces) {
            None if self.partial || !self.ended => None,
            Some(b'{' | b'[') if column <= indent => Some(true),
            Some(b']') if column < indent && !self.arrays.is_empty() => Some(true),
            _ => {
                self.skip_line();
                self.skipping_line = false;
                Some(false)
            }
        }
    }

    fn enter(&mut self, objects: u32) {
        self.arrays.push(Array { objects, place: self.here });
        self.entered = true;
    }

    /// What was taken for an array is none, or its end is lost.
    fn lose_arrays(&mut self) {
        self.arrays.clear();
        self.lenient = true;
    }

    fn begin(&mut self) {
        self.begin_at(self.at, Scanner::new(self.at), false);
    }

    /// How many bytes of the line stand before this place.
    fn before(&self) -> usize {
        usize::try_from(self.here.column - 1).unwrap_or(usize::MAX)
    }

    fn begin_at(&mut self, start: usize, scanner: Scanner, discarded: bool) {
        let leading = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        let line_start = start.checked_sub(self.before()).filter(|_| self.here.column < MAX_INDENT);
        let before = line_start.map_or(&[][..], |line_start| &self.block.as_bytes()[line_start..start]);
        let indent = before.iter().take_while(leading).count();
        self.scan = Some(Scan { scanner, start, place: self.here, indent, discarded });
    }

    /// Goes on with the value that is being looked at: `None` when that led on, `Some(None)` when it needs
    /// more text.
    fn go_on(&mut self) -> Option<Option<Piece>> {
        let mut scan = self.scan.take()?;
        match scan.scanner.run(self.block.as_bytes()) {
            Found::End(end) => {
                if scan.discarded {
                    self.advance(end);
                    return None;
                }
                Some(Some(self.whole(&scan, end)))
            }
            Found::Array(at, objects) => {
                if self.arrays.len() < MAX_ARRAYS && (scan.discarded || !self.is_document(&scan, at)) {
                    self.advance(at);
                    self.enter(objects);
                    self.advance(at + 1);
                    return None;
                }
                scan.scanner.enter();
                self.scan = Some(scan);
                None
            }
            Found::Line(at) => {
                self.advance(at);
                self.lose_arrays();
                None
            }
            Found::Bad(_, Fault::TooDeep) => {
                self.scan = Some(scan);
                Some(self.too_deep())
            }
            Found::Bad(at, fault) => Some(Some(self.fault(&scan, at, fault))),
            Found::More => {
                let is_long = !scan.discarded && self.block.len() - scan.start > MAX_VALUE;
                scan.discarded |= is_long;
                let place = scan.place;
                self.scan = Some(scan);
                if is_long {
                    self.place = place;
                    return Some(Some(Piece::TooLong));
                }
                Some(None)
            }
        }
    }

    fn whole(&mut self, scan: &Scan, end: usize) -> Piece {
        self.place = scan.place;
        let line = Line::new(&self.block, scan.start..end);
        self.advance(end);
        if line.as_str().len() > MAX_VALUE { Piece::TooLong } else { Piece::Value(line) }
    }

    /// Whether what is before the array belongs to an event, not to what surrounds events.
    fn is_document(&self, scan: &Scan, at: usize) -> bool {
        let before = &self.block.as_bytes()[scan.start..at];
        [&b"\"@timestamp\""[..], b"\"event_type\""].iter().any(|key| memchr::memmem::find(before, key).is_some())
    }

    /// Passes over a value that nests too deep: where it ends is where its brackets do.
    fn too_deep(&mut self) -> Option<Piece> {
        let scan = self.scan.as_mut()?;
        scan.scanner.count_only();
        scan.discarded = true;
        self.place = scan.place;
        Some(Piece::Bad("nested more than 127 levels deep; skipped".to_owned()))
    }

    /// A value that cannot be JSON: says where, and looks for the next one.
    fn fault(&mut self, scan: &Scan, at: usize, fault: Fault) -> Piece {
        let block = Arc::clone(&self.block);
        let bytes = block.as_bytes();
        let text = match fault {
            Fault::LineBreak => "a line ends within a string".to_owned(),
            _ => format!("unexpected `{}`", char::from(bytes[at])),
        };
        let (mut place, from) = if scan.discarded { (self.here, self.at) } else { (scan.place, scan.start) };
        place.advance(&bytes[from.min(at)..at]);
        let piece = self.bad(place, format!("not valid JSON: {text}"));
        self.retry(scan, at, fault);
        piece.unwrap_or(Piece::End)
    }

    /// Goes back to where the next value may start, after a fault.
    fn retry(&mut self, scan: &Scan, at: usize, fault: Fault) {
        self.lenient = true;
        let block = Arc::clone(&self.block);
        let bytes = block.as_bytes();
        let past = (at + usize::from(fault != Fault::Unexpected)).min(bytes.len());
        if scan.discarded {
            return self.advance(past);
        }
        let from = if at - scan.start > MAX_RETRY { at } else { scan.start };
        // The brackets of a line of its own that stands where no value can: what came before was torn.
        let line_start = memchr::memrchr(b'\n', &bytes[..at]).map_or(0, |newline| newline + 1);
        let begins_line = line_start >= from && bytes[line_start..at].trim_ascii().is_empty();
        let indent =
            if fault == Fault::Unexpected && begins_line { scan.indent.max(at - line_start) } else { scan.indent };
        self.here = scan.place;
        self.at = scan.start;
        if let Some(newline) = memchr::memchr(b'\n', &bytes[from..]).filter(|newline| from + newline <= at) {
            self.advance(from + newline + 1);
            self.resync = Some(indent);
        } else {
            self.advance(past);
        }
    }

    fn bad(&mut self, place: Place, text: String) -> Option<Piece> {
        self.place = place;
        Some(Piece::Bad(text))
    }

    /// There is no more text: what was not ended is told; `None` when text is left to be looked at.
    fn finish(&mut self) -> Option<Piece> {
        if let Some(scan) = self.scan.take() {
            let end = self.block.len();
            if scan.discarded {
                self.advance(end);
            } else {
                let line = &self.block.as_bytes()[scan.start..];
                let is_line = self.arrays.is_empty() && !line.trim_ascii_end().contains(&b'\n');
                self.retry(&scan, end, Fault::LineBreak);
                self.at = self.at.min(end);
                self.arrays.clear();
                if self.broken {
                    return None;
                }
                self.place = scan.place;
                return Some(match is_line {
                    true => Piece::Torn,
                    false if self.value_follows() => {
                        Piece::Bad("not valid JSON: a line begins a value and does not end it".to_owned())
                    }
                    false => Piece::Truncated("the input ends within this value".to_owned()),
                });
            }
        }
        self.resync = None;
        if self.at < self.block.len() {
            return None;
        }
        match self.arrays.drain(..).next() {
            Some(array) if !self.broken => {
                self.place = array.place;
                Some(Piece::Truncated("the input ends within this array".to_owned()))
            }
            _ => Some(Piece::End),
        }
    }

    /// Whether a value may start in what is looked through after a fault.
    fn value_follows(&self) -> bool {
        let Some(indent) = self.resync else { return false };
        self.block[self.at..].lines().any(|line| {
            let text = line.trim_ascii_start();
            text.starts_with('{') && line.len() - text.len() <= indent
        })
    }

    /// Goes on to a place further on in the block.
    fn advance(&mut self, to: usize) {
        self.here.advance(&self.block.as_bytes()[self.at..to]);
        self.at = to;
    }

    /// Puts more text behind what is still needed.
    fn join(&mut self, text: Arc<String>) {
        let keep = match &self.scan {
            Some(scan) if scan.discarded => {
                let needed = scan.scanner.needed_from().min(self.block.len());
                self.advance(needed);
                self.at
            }
            Some(scan) => scan.start,
            None => self.at,
        };
        let rest = &self.block[keep..];
        self.block = if rest.is_empty() { text } else { Arc::new([rest, &text].concat()) };
        self.at -= keep;
        if let Some(scan) = &mut self.scan {
            scan.scanner.shift(keep);
            scan.start = scan.start.saturating_sub(keep);
        }
    }
}
