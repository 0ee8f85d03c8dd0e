//! What is wrong with a query, and where.

use std::fmt;
use std::ops::Range;

use super::carets::{nearest, shown};
use crate::place::Place;

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

    /// Suggests the nearest of these words, when one is near.
    pub(super) fn suggest_nearest<'w>(self, word: &str, known: impl Iterator<Item = &'w str>) -> Error {
        match nearest(word, known) {
            Some(near) => self.suggest(near),
            None => self,
        }
    }

    /// The message with its place in the file, and the line with a caret under what is wrong.
    /// `first_line` is the line of the file on which the query begins.
    pub fn render(&self, text: &str, file: &str, first_line: usize) -> String {
        let Place { line, column } = Place::of(text, self.span.start);
        let place = format!("{file}:{}:{column}: {self}", first_line + line - 1);
        match shown(text, &self.span) {
            Some(shown) => place + "\n" + &shown,
            None => place,
        }
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
