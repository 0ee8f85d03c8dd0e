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
    /// Where a text begins.
    pub(crate) const FIRST: Place = Place { line: 1, column: 1 };

    /// The place of a byte.
    pub(crate) fn of(text: &str, at: usize) -> Place {
        let before = &text[..text.floor_char_boundary(at.min(text.len()))];
        let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
        Place { line: before.matches('\n').count() + 1, column }
    }

    /// The place in a text of what is here in a part of it that begins at `start`.
    pub(crate) fn within(self, start: Place) -> Place {
        let column = if self.line == 1 { self.column + start.column - 1 } else { self.column };
        Place { line: self.line + start.line - 1, column }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
