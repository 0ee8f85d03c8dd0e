//! Values that take a closer look than one line: where each ends, and which arrays hold separate values.

use std::ops::Range;
use std::sync::Arc;

use super::super::lines::MAX_VALUE;
use super::super::scan::{Fault, Found, Scanner};
use super::Values;
use super::piece::{MAX_ARRAYS, Piece, Scan};
use super::table::{self, Columns};
use crate::event::Line;
use crate::source::open_telemetry;

/// Values further right are not distinguished by their indentation.
const MAX_INDENT: u64 = 1024;
/// What only an event has a name of.
const NAMES: [&[u8]; 2] = [b"\"@timestamp\"", b"\"event_type\""];
/// Blocks that are longer are not kept alive for a line of them.
const MAX_SHARED: usize = 256 << 10;

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
        let (names_event, searched, may_be_table) = (false, 0, !discarded);
        let place = self.here;
        self.scan = Some(Scan { scanner, start, place, indent, discarded, names_event, searched, may_be_table });
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
                self.whole(&scan, end).map(Some)
            }
            Found::Array(at, objects) => {
                let columns = self.columns_before(&mut scan, (at, objects));
                let is_entered = columns.is_some() || self.holds_documents(&mut scan, at);
                if self.arrays.len() < MAX_ARRAYS && is_entered {
                    let host = self.host_before(&scan, (at, objects));
                    self.advance(at);
                    self.enter(objects, columns, host);
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

    /// The value that ends here; `None` for a column, of which rows will be made.
    fn whole(&mut self, scan: &Scan, end: usize) -> Option<Piece> {
        self.place = scan.place;
        let line = self.part(scan.start..end);
        self.advance(end);
        if line.as_str().len() > MAX_VALUE {
            return Some(Piece::TooLong);
        }
        match self.columns().filter(|_| line.as_str().starts_with('[')).cloned() {
            Some(columns) => self.row(&columns, &line).unwrap_or_else(|text| Some(Piece::Bad(text))),
            None => Some(Piece::Value(self.of_host(line))),
        }
    }

    /// A record with the machine that is named around it.
    fn of_host(&self, line: Line) -> Line {
        let Some(host) = self.arrays.last().and_then(|array| array.host.as_ref()) else { return line };
        match line.as_str().strip_suffix('}') {
            Some(members) if members.len() > 1 => Line::from(format!("{members},\"host\":{host}}}")),
            _ => line,
        }
    }

    /// The machine of the logs in an array of OpenTelemetry, which the resource before it names.
    fn host_before(&self, scan: &Scan, (at, objects): (usize, u32)) -> Option<Arc<str>> {
        if scan.discarded || scan.scanner.name(self.block.as_bytes()) != open_telemetry::LOGS {
            return None;
        }
        let around = table::around(&self.block[scan.start..at], objects)?;
        Some(open_telemetry::host(around.get("resource")?)?.to_string().into())
    }

    fn row(&mut self, columns: &Columns, line: &Line) -> Result<Option<Piece>, String> {
        if columns.is_passed_over() {
            return Ok(None);
        }
        table::check(columns)?;
        if self.turned.take(columns, line)? {
            return Ok(None);
        }
        table::row(columns, line).map(|row| Some(Piece::Value(row)))
    }

    /// The columns of the rows that an array holds, if it does.
    fn columns_before(&mut self, scan: &mut Scan, (at, objects): (usize, u32)) -> Option<Columns> {
        let block = Arc::clone(&self.block);
        let name = scan.scanner.name(block.as_bytes());
        if !scan.may_be_table || scan.discarded {
            return None;
        }
        let columns = table::columns(name, &block[scan.start..at], objects);
        // To read all that is before it again for each array would take forever.
        scan.may_be_table &= !table::is_rows(name);
        if !table::is_page(name) || columns.is_none() && self.is_document(scan, at) {
            return columns;
        }
        self.page = columns.unwrap_or_else(|| Arc::clone(&self.page));
        Some(Arc::clone(&self.page))
    }

    /// Whether an array holds documents: it is no part of one, and no table without columns.
    fn holds_documents(&self, scan: &mut Scan, at: usize) -> bool {
        let is_table = table::is_table(scan.scanner.name(self.block.as_bytes()));
        !is_table && (scan.discarded || !self.is_document(scan, at))
    }

    /// Whether what is before the array belongs to an event, not to what surrounds events.
    fn is_document(&self, scan: &mut Scan, at: usize) -> bool {
        if !scan.names_event {
            // A name can end behind what was searched. To search all again for each array would take forever.
            let longest = NAMES.map(<[u8]>::len).into_iter().max().unwrap_or_default();
            let from = scan.start + scan.searched.saturating_sub(longest);
            let before = &self.block.as_bytes()[from..at];
            scan.names_event = NAMES.iter().any(|name| memchr::memmem::find(before, name).is_some());
            scan.searched = at - scan.start;
        }
        scan.names_event
    }

    /// A part of the block. One of a few bytes does not keep millions alive, which those who hold it do not count.
    pub(super) fn part(&self, range: Range<usize>) -> Line {
        let line = Line::new(&self.block, range);
        let is_small = self.block.len() > MAX_SHARED && line.as_str().len() < self.block.len() / 2;
        if is_small { line.detached() } else { line }
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
