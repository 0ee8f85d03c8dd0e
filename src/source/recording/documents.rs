//! The JSON objects of one input, however they are laid out and compressed: for what reads other things than events.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::error::{Error, Unreadable};
use super::lines::TOO_LONG;
use super::origin::{Input, Problem};
use super::place::Place;
use super::values::{Piece, Values};
use super::{reader, sources};
use crate::event::{Line, document};
use crate::source::wrapped;

/// The JSON objects of one input, one after the other.
pub(crate) struct Documents {
    input: Input,
    values: Values,
    truncated: bool,
    refused: bool,
}

/// What comes next of them.
#[derive(Debug)]
pub(crate) enum NextDocument {
    /// An object, its text, and where it is.
    Document(Map<String, Value>, Line, Place),
    /// What is where an object should be, or an input that was cut off.
    Problem(Problem),
    /// There is no more.
    End,
}

impl Documents {
    /// Opens an input; of a directory, [`Sources`](super::Sources) names the files.
    pub(crate) fn open(input: Input) -> Result<Documents, Error> {
        match &input {
            Input::Stdin => Documents::read(input, io::stdin()),
            Input::Memory(bytes) => {
                let bytes = io::Cursor::new(Arc::clone(bytes));
                Documents::read(input, bytes)
            }
            Input::File(path) => {
                let (file, _) = sources::open(path)?;
                Documents::read(input, file)
            }
        }
    }

    /// A file that is open.
    pub(crate) fn of_file(path: &Path, file: File) -> Result<Documents, Error> {
        Documents::read(Input::File(path.to_owned()), file)
    }

    fn read(input: Input, bytes: impl Read + Send + 'static) -> Result<Documents, Error> {
        let chunks = reader::spawn(bytes, Arc::default(), None, reader::MAX_CHUNKS);
        let chunks = chunks.map_err(|error| Error::Thread { input: input.to_string(), error })?;
        Ok(Documents { input, values: Values::new(chunks), truncated: false, refused: false })
    }

    /// The path as it was given, or `standard input`.
    pub(crate) fn name(&self) -> String {
        self.input.to_string()
    }

    /// Whether the input was cut off.
    pub(crate) fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether it is a file of another kind, such as an archive.
    pub(crate) fn is_refused(&self) -> bool {
        self.refused
    }

    /// Goes on to the next one; waits until it comes.
    pub(crate) fn next(&mut self) -> NextDocument {
        loop {
            let (line, is_line) = match self.values.next(None) {
                Piece::Line(line) => (line, true),
                Piece::Value(line) => (line, false),
                Piece::Bad(text) => return self.problem(text),
                Piece::TooLong => return self.problem(format!("{TOO_LONG}; skipped")),
                Piece::Torn => return self.problem("truncated last line: the input ends within it".to_owned()),
                Piece::Truncated(text) => return self.cut_off(format!("truncated: {text}")),
                Piece::Broken(Unreadable::Content(content)) => {
                    self.refused = true;
                    return self.problem(content.to_string());
                }
                Piece::Broken(unreadable) => {
                    return self.cut_off(format!("{unreadable}; the values before it are used"));
                }
                Piece::Pending => continue,
                Piece::End => return NextDocument::End,
            };
            if document::may_exceed_values(line.as_str()) {
                if !is_line {
                    return self.problem(format!("more than {} values; skipped", document::MAX_VALUES));
                }
                self.values.reread();
                continue;
            }
            match serde_json::from_str(line.as_str()) {
                Ok(Value::Object(document)) if is_line && !is_known(&document, &line) => self.values.reread(),
                Ok(Value::Object(document)) => return NextDocument::Document(document, line, self.values.place),
                Ok(_) => return self.problem("not a JSON object".to_owned()),
                Err(_) if is_line => self.values.reread(),
                Err(error) => {
                    let text = error.to_string();
                    let end = text.rfind(" at line ").unwrap_or(text.len());
                    let place = self.values.place.within(&error);
                    return self.problem_at(place, format!("not valid JSON: {}", &text[..end]));
                }
            }
        }
    }

    fn cut_off(&mut self, text: String) -> NextDocument {
        self.truncated = true;
        self.problem(text)
    }

    fn problem(&self, text: String) -> NextDocument {
        self.problem_at(self.values.place, text)
    }

    fn problem_at(&self, place: Place, text: String) -> NextDocument {
        let is_of_input = self.truncated;
        NextDocument::Problem(Problem { input: self.input.to_string(), place: Some(place), text, is_of_input })
    }
}

/// Whether a line is a document; else it may be what surrounds an array of them, such as a search response.
fn is_known(document: &Map<String, Value>, line: &Line) -> bool {
    ["@timestamp", "event_type", "_source"].iter().any(|name| document.contains_key(*name))
        || wrapped::unwrapped(line).is_some()
}

/// The document inside of what a shipper or a search wrapped around it, if it is wrapped.
pub(crate) fn unwrapped(document: &Map<String, Value>, line: &Line) -> Option<Map<String, Value>> {
    if let Some(Value::Object(source)) = document.get("_source") {
        return Some(source.clone());
    }
    serde_json::from_str(wrapped::unwrapped(line)?.line.as_str()).ok()
}
