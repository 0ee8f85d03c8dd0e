//! A place in a text.

/// A line and a column, both counted from 1; columns count bytes, as serde_json's do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column.
    pub column: u64,
}

impl Place {
    /// The first one.
    pub(super) const START: Place = Place { line: 1, column: 1 };

    /// Goes to the start of the next line.
    pub(super) fn end_line(&mut self) {
        *self = Place { line: self.line + 1, column: 1 };
    }

    /// Goes past this text.
    pub(super) fn advance(&mut self, text: &[u8]) {
        let newlines = memchr::memchr_iter(b'\n', text).count() as u64;
        match memchr::memrchr(b'\n', text) {
            Some(last) => *self = Place { line: self.line + newlines, column: (text.len() - last) as u64 },
            None => self.column += text.len() as u64,
        }
    }

    /// The place that serde_json reports for a value that starts here.
    pub(super) fn within(self, error: &serde_json::Error) -> Place {
        let (line, column) = (error.line() as u64, error.column() as u64);
        match line {
            0 => self,
            1 => Place { line: self.line, column: self.column + column.saturating_sub(1) },
            line => Place { line: self.line + line - 1, column: column.max(1) },
        }
    }
}
