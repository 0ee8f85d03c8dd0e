//! Tables of separated values (CSV), as Kibana and Splunk export them: the first line names the columns, and each row is a
//! document.

mod cells;
mod header;
mod lists;
mod row;

use std::mem;

use super::super::lines::MAX_VALUE;
use super::piece::Piece;
use crate::event::Zone;
use cells::Cut;
use header::Header;

/// How the values of an input are laid out.
#[derive(Debug)]
pub(super) enum Layout {
    /// What the first line shows; dates of a table that state no zone are of this one.
    Unknown(Option<Zone>),
    /// As JSON.
    Json,
    /// As a table.
    Table(Box<Table>),
}

/// A table, and how far it was read.
#[derive(Debug)]
pub(super) struct Table {
    header: Header,
    /// The line that names the columns: files that were joined have it several times.
    line: String,
    zone: Option<Zone>,
    cut: Cut,
    /// The row is too long, and that was told.
    is_skipping: bool,
}

impl Layout {
    /// What the text begins with, which is cut off where it is a part of a line: a table where that names columns. How much
    /// of the text does.
    pub(super) fn of(text: &str, is_cut: bool, zone: Option<Zone>) -> (Layout, usize) {
        let end = memchr::memchr(b'\n', text.as_bytes()).map_or(text.len(), |end| end + 1);
        let line = &text[..end];
        // A longer line than comes whole names no columns.
        let header = if line.ends_with('\n') || !is_cut { Header::of(line) } else { None };
        let Some(header) = header else { return (Layout::Json, 0) };
        let (cut, line) = (Cut::new(header.separator), trimmed(line).to_owned());
        (Layout::Table(Box::new(Table { header, line, zone, cut, is_skipping: false })), end)
    }
}

impl Table {
    /// How long the row is that begins here; `None` where its end has not come.
    pub(super) fn end(&mut self, text: &[u8]) -> Option<usize> {
        self.cut.end(text)
    }

    /// A whole row; `None` where there is nothing in it.
    pub(super) fn row(&mut self, row: &str) -> Option<Piece> {
        let is_skipped = mem::take(&mut self.is_skipping);
        let row = trimmed(row);
        (!is_skipped && !self.is_empty(row)).then(|| self.read(row))
    }

    /// A row whose end has not come, where it is too long: it is skipped.
    pub(super) fn long(&mut self, row: &str) -> Option<Option<Piece>> {
        if !self.is_skipping && row.len() <= MAX_VALUE {
            return None;
        }
        self.cut.forget();
        Some((!mem::replace(&mut self.is_skipping, true)).then_some(Piece::TooLong))
    }

    /// The last row, which has no line break: where it has fewer values than there are columns, the input ends within it.
    pub(super) fn last(&mut self, row: &str) -> Option<Piece> {
        let (row, count) = (unmarked(row), self.header.columns.len());
        // A line break in it is within quotes.
        let row = row.strip_suffix('\r').unwrap_or(row);
        if self.is_empty(row) {
            return None;
        }
        let is_whole = cells::cells(row, self.header.separator, count).is_ok_and(|cells| cells.len() >= count);
        Some(match is_whole {
            true => self.read(row),
            false if row.contains('\n') => Piece::Truncated("the input ends within this row".to_owned()),
            false => Piece::Torn,
        })
    }

    fn is_empty(&self, row: &str) -> bool {
        row == self.line || row.trim_ascii().is_empty()
    }

    fn read(&self, row: &str) -> Piece {
        if row.len() > MAX_VALUE {
            return Piece::TooLong;
        }
        row::document(&self.header, self.zone.as_ref(), row).map_or_else(Piece::Bad, Piece::Value)
    }
}

fn unmarked(line: &str) -> &str {
    line.strip_prefix('\u{feff}').unwrap_or(line)
}

/// A line without the mark before it, and without its line break.
fn trimmed(line: &str) -> &str {
    let line = unmarked(line);
    let line = line.strip_suffix('\n').unwrap_or(line);
    line.strip_suffix('\r').unwrap_or(line)
}
