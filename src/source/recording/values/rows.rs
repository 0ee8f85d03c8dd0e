//! The rows of a table of separated values, one after the other.

use super::Values;
use super::piece::Piece;
use super::separated::Layout;

impl Values {
    /// Whether the values are the rows of such a table.
    pub(in crate::source::recording) fn is_table(&self) -> bool {
        matches!(self.layout, Layout::Table(_))
    }

    /// Takes the first line for the names of columns, if that is what it has.
    pub(super) fn find_layout(&mut self) {
        let Layout::Unknown(zone) = &mut self.layout else { return };
        let (layout, end) = Layout::of(&self.block, self.partial, zone.take());
        self.layout = layout;
        self.advance(end);
    }

    /// The next row; `None` when more text is needed.
    pub(super) fn table_row(&mut self) -> Option<Piece> {
        while self.at < self.block.len() {
            let Layout::Table(table) = &mut self.layout else { return None };
            let rest = &self.block[self.at..];
            let (piece, length) = match table.end(rest.as_bytes()) {
                Some(length) => (table.row(&rest[..length]), length),
                None => match table.long(rest) {
                    Some(piece) => (piece, rest.len()),
                    None if !self.ended => return None,
                    None if self.broken => (None, rest.len()),
                    None => (table.last(rest), rest.len()),
                },
            };
            self.place = self.here;
            self.advance(self.at + length);
            if piece.is_some() {
                return piece;
            }
        }
        None
    }
}
