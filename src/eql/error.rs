//! What is wrong with a query, and where.

use std::fmt;
use std::ops::Range;

use super::carets::shown;
use crate::nearest::nearest;
use crate::visible::{MAX_NAME, clipped};

/// A query that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Error {
    /// What is wrong.
    pub message: String,
    /// Where: a byte range of the query's text.
    pub span: Range<usize>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl Error {
    /// A message that names a long word of the query ends early.
    pub(super) fn new(message: impl Into<String>, span: Range<usize>) -> Error {
        Error { message: clipped(&message.into(), MAX_NAME).into_owned(), span, suggestion: None }
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

    /// The line of the query with carets under what is wrong, unless it is too long to show.
    pub(crate) fn shown(&self, query: &str) -> Option<String> {
        shown(query, &self.span)
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
