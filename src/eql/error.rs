//! What is wrong with a query, and where.

use std::fmt;
use std::ops::Range;

/// A longer line is not shown: its caret would not stand in sight.
const MAX_SHOWN: usize = 1000;

/// A query that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong.
    pub message: String,
    /// Where: a byte range of the query's text.
    pub span: Range<usize>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Error {
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Error {
        Error { message: message.into(), span, suggestion: None }
    }

    pub(super) fn suggest(mut self, suggestion: impl Into<String>) -> Error {
        self.suggestion = Some(suggestion.into());
        self
    }

    /// Line and column of the place, both from 1, columns in characters.
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        let before = &text[..text.floor_char_boundary(self.span.start)];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }

    /// The message with its place in the file, and the line with a caret under what is wrong.
    /// `first_line` is the line of the file on which the query begins.
    pub fn render(&self, text: &str, file: &str, first_line: usize) -> String {
        let (line, column) = self.line_column(text);
        let source = text.lines().nth(line - 1).unwrap_or_default().replace('\t', " ");
        if source.len() > MAX_SHOWN {
            return format!("{file}:{}:{column}: {self}", first_line + line - 1);
        }
        let start = text.floor_char_boundary(self.span.start);
        let end = text.floor_char_boundary(self.span.end).max(start);
        let length = text[start..end].chars().take_while(|c| *c != '\n').count().max(1);
        let indent = " ".repeat(column - 1);
        let carets = "^".repeat(length.min(200));
        format!("{file}:{}:{column}: {self}\n  {source}\n  {indent}{carets}", first_line + line - 1)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        match &self.suggestion {
            Some(suggestion) => write!(f, "; did you mean `{suggestion}`?"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}
