//! Where a recording comes from, and the place of what is wrong with it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::place::Place;
use crate::visible::visible;

/// Where a recording comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// Standard input.
    Stdin,
    /// A file, plain or compressed, or a directory of such files.
    File(PathBuf),
    /// What is in memory.
    Memory(Arc<[u8]>),
}

impl From<&Path> for Input {
    /// A path; `-` is standard input.
    fn from(path: &Path) -> Input {
        if path == Path::new("-") { Input::Stdin } else { Input::File(path.to_owned()) }
    }
}

impl From<&str> for Input {
    /// A path; `-` is standard input.
    fn from(path: &str) -> Input {
        Path::new(path).into()
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Input::Stdin => f.write_str("standard input"),
            Input::Memory(_) => f.write_str("memory"),
            Input::File(path) => f.write_str(&visible(&path.to_string_lossy())),
        }
    }
}

/// Something in an input that was skipped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The input's name.
    pub input: String,
    /// Where it is; where reading failed, the value before. `None` when it is the whole input.
    pub place: Option<Place>,
    /// What is wrong with it.
    pub text: String,
    /// It is about the input as a whole, which is none that can be read, or not read to its end.
    pub is_of_input: bool,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => write!(f, "{}:{line}:{column}: {}", self.input, self.text),
            None => write!(f, "{}: {}", self.input, self.text),
        }
    }
}
