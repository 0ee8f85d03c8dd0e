//! What is between the values of an input: spaces, commas, arrays that are entered, text that is not a value.

use std::sync::Arc;

use serde::de::IgnoredAny;

use super::super::place::Place;
use super::super::scan::Scanner;
use super::piece::{Array, MAX_ARRAYS, Piece};
use super::table::Columns;
use super::{MARK, Values};

/// What begins each value of a JSON text sequence (RFC 7464).
const SEPARATOR: u8 = 0x1e;
/// How much is kept of a line that is not JSON, for the message about it.
const MAX_SHOWN: usize = 512;

impl Values {
    /// What is between values, up to the start of one; a piece when something else is there.
    pub(super) fn between(&mut self) -> Option<Piece> {
        let bytes = self.block.as_bytes();
        let byte = bytes[self.at];
        match byte {
            b' ' | b'\t' | b'\r' | b'\n' | b',' | SEPARATOR => {
                let is_space = |byte: &&u8| matches!(**byte, b' ' | b'\t' | b'\r' | b'\n' | b',' | SEPARATOR);
                self.advance(self.at + bytes[self.at..].iter().take_while(is_space).count());
            }
            b'{' => self.begin(),
            b'[' if self.columns().is_some() => self.begin(),
            b'[' if self.arrays.len() < MAX_ARRAYS => {
                self.enter(0, None, None);
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
                        return array.columns.and_then(|columns| self.end_table(&columns, array.place));
                    }
                    None if self.lenient => {}
                    None => return self.bad(place, format!("not valid JSON: unexpected `{}`", char::from(byte))),
                }
            }
            0xef if bytes[self.at..].starts_with(MARK) => self.advance(self.at + MARK.len()),
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
        let line = self.part(self.at..shown);
        if in_array && serde_json::from_str::<IgnoredAny>(line.as_str()).is_err() {
            self.lose_arrays();
        }
        self.place = self.here;
        self.advance(end);
        Piece::Value(line)
    }

    pub(super) fn skip_line(&mut self) {
        let newline = memchr::memchr(b'\n', &self.block.as_bytes()[self.at..]);
        self.skipping_line = newline.is_none();
        self.advance(newline.map_or(self.block.len(), |newline| self.at + newline + 1));
    }

    pub(super) fn enter(&mut self, objects: u32, columns: Option<Columns>, host: Option<Arc<str>>) {
        if columns.is_some() {
            self.turned.begin();
        }
        let host = host.or_else(|| self.arrays.last()?.host.clone());
        self.arrays.push(Array { objects, columns, host, place: self.here });
        self.entered = true;
    }

    /// The first row of a table that came by column, or what is wrong with it.
    fn end_table(&mut self, columns: &Columns, place: Place) -> Option<Piece> {
        let ended = self.turned.end(columns);
        let piece = ended.map_or_else(|text| Some(Piece::Bad(text)), |()| self.turned.next().map(Piece::Value));
        if piece.is_some() {
            self.place = place;
        }
        piece
    }

    /// What the values of a row are called here, within a table.
    pub(super) fn columns(&self) -> Option<&Columns> {
        self.arrays.last()?.columns.as_ref()
    }

    /// What was taken for an array is not one, or its end is missing.
    pub(super) fn lose_arrays(&mut self) {
        self.arrays.clear();
        self.lenient = true;
    }
}
