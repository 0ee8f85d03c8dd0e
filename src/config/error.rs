//! What is wrong with a configuration: all of it, each with its file and place.

use std::fmt;

use super::trust;
use crate::place::Place;
use crate::visible::{MAX_NAME, clipped, visible};

/// A configuration that cannot be used.
#[derive(Debug, Default)]
pub(crate) struct Error {
    /// At least one.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug)]
pub(crate) struct Problem {
    /// The file.
    pub origin: String,
    /// Where in it, when it is about its text.
    pub place: Option<Place>,
    /// The key that it is about, where there are no lines.
    pub key: Option<String>,
    /// What.
    pub what: What,
}

/// What is wrong.
#[derive(Debug)]
pub(crate) enum What {
    /// The file is not taken.
    File(trust::Error),
    /// A folder cannot be listed.
    Folder(std::io::Error),
    /// The content of the file is invalid.
    Text(String),
    /// It has a key that there is not.
    UnknownKey(String),
    /// Not one rotated file could be kept.
    KeepsNoFile,
    /// The alert file and the state directory have one path.
    OnePath,
    /// A regular expression does not compile.
    Redact(String),
    /// The configuration cannot be written as TOML.
    Write(toml::ser::Error),
}

impl Problem {
    /// A problem of a whole file.
    pub(crate) fn of_file(origin: &str, what: What) -> Problem {
        Problem { origin: origin.to_owned(), place: None, key: None, what }
    }

    /// A problem at a byte of a text.
    pub(crate) fn at((origin, text): (&str, &str), at: usize, what: What) -> Problem {
        Problem { origin: origin.to_owned(), place: Some(Place::of(text, at)), key: None, what }
    }

    /// A problem of a key of the managed preferences.
    pub(crate) fn of_key(origin: &str, key: &str, what: impl Into<String>) -> Problem {
        Problem { origin: origin.to_owned(), place: None, key: Some(key.to_owned()), what: What::Text(what.into()) }
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Error {
        Error { problems: vec![problem] }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&visible(&self.origin))?;
        if let Some(place) = self.place {
            write!(f, ":{place}")?;
        }
        f.write_str(": ")?;
        if let Some(key) = &self.key {
            write!(f, "`{}`: ", visible(&clipped(key, MAX_NAME)))?;
        }
        match &self.what {
            What::File(error) => error.fmt(f),
            What::Folder(error) => write!(f, "cannot list: {error}"),
            What::Text(what) | What::UnknownKey(what) => f.write_str(what),
            What::KeepsNoFile => f.write_str(
                "`keep_size` is smaller than `rotate_size`: not one file could be kept; give it at least that",
            ),
            What::OnePath => f.write_str("`file` and `state_directory` are one path; give each its own"),
            What::Redact(error) => write!(f, "cannot use `redact`: {error}"),
            What::Write(error) => write!(f, "cannot write the configuration: {error}"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, problem) in self.problems.iter().enumerate() {
            write!(f, "{}{problem}", if at > 0 { "\n" } else { "" })?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}
