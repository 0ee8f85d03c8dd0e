//! Why a recording cannot be replayed, and what to do about it.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why a recording cannot be replayed.
#[derive(Debug)]
pub enum Error {
    /// The file cannot be opened.
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file is a directory.
    Directory {
        /// The directory.
        path: PathBuf,
    },
    /// Standard input was named twice.
    StdinTwice,
    /// No thread could be started to read the input.
    Thread {
        /// The input's name.
        input: String,
        /// What the system said.
        error: io::Error,
    },
    /// The input holds no line of a known format.
    NoKnownFormat {
        /// The input's name.
        input: String,
        /// What it seems to be, and how to make lines of it.
        hint: Option<String>,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Open { path, error } => {
                write!(f, "cannot open {}: {error}", path.display())?;
                match error.kind() {
                    io::ErrorKind::NotFound => f.write_str("; check the path"),
                    io::ErrorKind::PermissionDenied => {
                        f.write_str("; run osawatch as a user who may read it, for instance with sudo")
                    }
                    _ => Ok(()),
                }
            }
            Error::Directory { path } => {
                let path = path.display();
                write!(f, "{path} is a directory; name the files in it, for instance {path}/*.ndjson")
            }
            Error::StdinTwice => f.write_str("standard input (-) is named twice; name it once"),
            Error::Thread { input, error } => write!(f, "cannot start a thread to read {input}: {error}"),
            Error::NoKnownFormat { input, hint: Some(hint) } => write!(f, "{input}: {hint}"),
            Error::NoKnownFormat { input, hint: None } => write!(
                f,
                "{input}: no line is an ECS document with @timestamp or an eslogger message; \
                 osawatch reads one JSON object per line"
            ),
        }
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Open { error, .. } | Error::Thread { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// What an input without a line of a known format seems to be, from how it starts. `name` stands in the
/// command that would make lines of it.
pub(super) fn hint(start: &str, name: &str) -> Option<String> {
    const WANTED: &str = "osawatch reads one JSON object per line";
    let text = start.trim_start_matches(|c: char| c == '\u{feff}' || c.is_whitespace());
    let looks = |like: &str, filter: &str| Some(format!("this looks like {like}; {WANTED}: jq -c '{filter}' {name}"));
    let unreadable = text.chars().filter(|c| *c == '\u{fffd}' || (c.is_control() && !c.is_whitespace())).count();
    if text.is_empty() {
        Some("it is empty".to_owned())
    } else if text.contains('\0') || unreadable * 10 > text.chars().count() {
        Some(format!("this is not text; {WANTED}, plain or compressed with gzip or zstd"))
    } else if text.starts_with('[') {
        looks("a JSON array", ".[]")
    } else if !text.starts_with('{') {
        None
    } else if text.contains("\"hits\"") {
        looks("a search response", ".hits.hits[]")
    } else if text.lines().next().is_some_and(|line| line.trim() == "{") {
        looks("pretty-printed JSON", ".")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_name_the_command_that_helps() {
        for (start, expected) in [
            ("", "it is empty"),
            (" \n\r\n", "it is empty"),
            ("[\n {\"a\": 1}", "a JSON array; osawatch reads one JSON object per line: jq -c '.[]' f.json"),
            ("{\n  \"took\": 1, \"hits\": {", "a search response"),
            ("{\"took\":1,\"hits\":{\"hits\":[", "jq -c '.hits.hits[]' f.json"),
            ("{\r\n  \"a\": 1", "pretty-printed JSON; osawatch reads one JSON object per line: jq -c '.' f.json"),
            ("\u{fffd}PNG\0\0", "not text"),
            ("\u{fffd}7zXZ", "not text"),
        ] {
            let hint = hint(start, "f.json").unwrap();
            assert!(hint.contains(expected), "{start:?}: {hint}");
        }
        assert_eq!(hint("{\"a\":1}\n", "f.json"), None);
        assert_eq!(hint("time,pid\n", "f.json"), None);
    }
}
