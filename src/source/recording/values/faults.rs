//! Values that are not JSON, and an input that ends within one: what to report, and where to continue.

use std::sync::Arc;

use super::super::place::Place;
use super::super::scan::Fault;
use super::Values;
use super::piece::{Piece, Scan};

/// How far behind a fault values are looked for again; beyond, only after it.
const MAX_RETRY: usize = 1 << 20;

impl Values {
    /// A value that cannot be JSON: reports where, and looks for the next one.
    pub(super) fn fault(&mut self, scan: &Scan, at: usize, fault: Fault) -> Piece {
        let block = Arc::clone(&self.block);
        let bytes = block.as_bytes();
        let text = match fault {
            Fault::LineBreak => "unterminated string".to_owned(),
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
        // Brackets on a separate line where no value can be: what came before was truncated.
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

    pub(super) fn bad(&mut self, place: Place, text: String) -> Option<Piece> {
        self.place = place;
        Some(Piece::Bad(text))
    }

    /// Whether a value may start at this line; goes to the next one if not. `None` when more text is needed.
    pub(super) fn resynchronised(&mut self, indent: usize) -> Option<bool> {
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

    /// Whether a value may start in what is looked through after a fault.
    fn value_follows(&self) -> bool {
        let Some(indent) = self.resync else { return false };
        self.block[self.at..].lines().any(|line| {
            let text = line.trim_ascii_start();
            text.starts_with('{') && line.len() - text.len() <= indent
        })
    }

    /// There is no more text: reports what was not ended; `None` when text is left to be looked at.
    pub(super) fn finish(&mut self) -> Option<Piece> {
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
                    false if self.value_follows() => Piece::Bad("not valid JSON: unterminated value".to_owned()),
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
}
