//! What is wrong with a rule file or an exception: its file, the place, and what.

use std::fmt;

use crate::eql;
use crate::place::Place;
use crate::visible::{MAX_NAME, clipped, visible};

/// A rule file, or an exception, that cannot be loaded.
#[derive(Clone, Debug)]
pub struct Error {
    /// The file.
    pub origin: String,
    pub(crate) place: Place,
    pub(crate) what: Box<What>,
}

/// What is wrong.
#[derive(Clone, Debug)]
pub(crate) enum What {
    /// The text is neither TOML nor JSON, or a value has the wrong type.
    Text(String),
    /// A table or key with almost the name of a known one.
    Unknown { kind: &'static str, name: String, suggestion: &'static str },
    /// A key that must have a value has none.
    Empty(&'static str),
    /// The query of a rule, with its line and carets, unless that is too long to show.
    Query(eql::Error, Option<String>),
    /// The condition of the exception with this name.
    Condition(String, eql::Error),
    /// `expires` is a time without a date.
    Expiry,
}

impl Error {
    /// An error at a byte of a file.
    pub(super) fn at((origin, text): (&str, &str), at: usize, what: What) -> Error {
        Error { origin: origin.to_owned(), place: Place::of(text, at), what: Box::new(what) }
    }

    /// What the TOML parser reports.
    pub(super) fn toml((origin, text): (&str, &str), error: &toml::de::Error) -> Error {
        let at = error.span().map_or(0, |span| span.start);
        Error::at((origin, text), at, What::Text(error.message().to_owned()))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: ", visible(&self.origin), self.place)?;
        match &*self.what {
            What::Text(message) => f.write_str(&clipped(message, MAX_NAME)),
            What::Unknown { kind, name, suggestion } => {
                let name = visible(&clipped(name, MAX_NAME));
                write!(f, "unknown {kind} `{name}`; did you mean `{suggestion}`?")
            }
            What::Empty(key) => write!(f, "the {key} of the rule is empty"),
            What::Query(error, None) => error.fmt(f),
            What::Query(error, Some(shown)) => write!(f, "{error}\n{shown}"),
            What::Condition(exception, error) => {
                write!(f, "exception `{}`: {error}", visible(&clipped(exception, MAX_NAME)))
            }
            What::Expiry => f.write_str("`expires` is a date, or a date with a time"),
        }
    }
}

impl std::error::Error for Error {}
