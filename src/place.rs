//! A line and a column in a text, as editors count them.

use std::fmt;

/// Both from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl Place {
    /// The place of a byte.
    pub(crate) fn of(text: &str, at: usize) -> Place {
        let before = &text[..text.floor_char_boundary(at.min(text.len()))];
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Place { line: before.matches('\n').count() + 1, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
