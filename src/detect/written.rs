//! Where a rule is written.

use std::ops::Range;

use super::error::{Error, What};
use super::string_literal::written_at;
use crate::eql;
use crate::place::Place;

/// The text of a rule, and where in it what messages point at is.
pub(super) struct Written<'t> {
    /// What messages call the file.
    pub origin: &'t str,
    /// The file, or the part of it that is the rule.
    pub text: &'t str,
    /// Where the text begins in the file.
    pub start: Place,
    pub id: Range<usize>,
    pub name: Range<usize>,
    pub query: Range<usize>,
}

impl Written<'_> {
    /// The place of a byte of the text.
    pub(super) fn place(&self, at: usize) -> Place {
        Place::of(self.text, at).within(self.start)
    }

    /// An error at a byte of the text.
    pub(super) fn error(&self, at: usize, what: What) -> Error {
        Error { origin: self.origin.to_owned(), place: self.place(at), what: Box::new(what) }
    }

    /// An error in the query.
    pub(super) fn query_error(&self, query: &str, error: eql::Error) -> Error {
        let at = written_at(self.text, &self.query, error.span.start);
        let shown = error.shown(query);
        self.error(at, What::Query(error, shown))
    }
}
