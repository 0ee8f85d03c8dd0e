//! Values that take a closer look than one line: where each ends, and which arrays hold separate values.

use super::super::lines::MAX_VALUE;
use super::super::scan::{Fault, Found, Scanner};
use super::Values;
use super::piece::{MAX_ARRAYS, Piece, Scan};
use crate::event::Line;

/// Values further right are not distinguished by their indentation.
const MAX_INDENT: u64 = 1024;

impl Values {
    pub(super) fn begin(&mut self) {
        self.begin_at(self.at, Scanner::new(self.at), false);
    }

    /// How many bytes of the line are before this place.
    pub(super) fn before(&self) -> usize {
        usize::try_from(self.here.column - 1).unwrap_or(usize::MAX)
    }

    pub(super) fn begin_at(&mut self, start: usize, scanner: Scanner, discarded: bool) {
        let leading = |byte: &&u8| matches!(**byte, b' ' | b'\t');
        let line_start = start.checked_sub(self.before()).filter(|_| self.here.column < MAX_INDENT);
        let before = line_start.map_or(&[][..], |line_start| &self.block.as_bytes()[line_start..start]);
        let indent = before.iter().take_while(leading).count();
        self.scan = Some(Scan { scanner, start, place: self.here, indent, discarded });
    }

    /// Continues with the value that is being examined: `None` when that made progress, `Some(None)` when it needs
    /// more text.
    pub(super) fn go_on(&mut self) -> Option<Option<Piece>> {
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

    /// Skips a value that nests too deep: where it ends is where its brackets do.
    pub(super) fn too_deep(&mut self) -> Option<Piece> {
        let scan = self.scan.as_mut()?;
        scan.scanner.count_only();
        scan.discarded = true;
        self.place = scan.place;
        Some(Piece::Bad("nested more than 127 levels deep; skipped".to_owned()))
    }
}
