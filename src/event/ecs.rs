//! One ECS JSON line to an [`Event`]; [`document`](super::document) is the way back.
//!
//! Decoding walks the line once and takes only the wanted fields; text that needs no unescaping stays
//! in the line. It accepts nested objects and dotted keys in any mixture, scalars and arrays, arrays of
//! objects (as Elasticsearch flattens them), and search hits with their document in `_source`.

mod marks;
mod scan;
mod shapes;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde::de::{DeserializeSeed, IgnoredAny};

use super::field;
use super::{Categories, Decoded, Event, Fields, Line, Scalar, Timestamp};
use shapes::Shapes;
use tree::Tree;
use value::ValueSeed;

/// What a document is skipped as that states no `event.category`.
const NO_CATEGORY: &str = "none";

/// Whether it is a document that states no category.
pub(crate) fn is_of_no_category(decoded: &Decoded) -> bool {
    matches!(decoded, Decoded::Skipped(kind) if kind == NO_CATEGORY)
}

/// Why a line is not an event.
#[derive(Debug)]
pub enum Error {
    /// The line is not JSON.
    Json(serde_json::Error),
    /// The line is JSON, but not an object.
    NotAnObject,
    /// The document has no `@timestamp`.
    NoTimestamp,
    /// The document's `@timestamp` is not a time between the years 1678 and 2261.
    BadTimestamp(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Json(error) => write!(f, "not valid JSON: {error}"),
            Error::NotAnObject => f.write_str("not a JSON object"),
            Error::NoTimestamp => f.write_str("no @timestamp"),
            Error::BadTimestamp(text) => write!(f, "@timestamp {text:?} is not a time"),
        }
    }
}

impl std::error::Error for Error {}

/// Decodes ECS documents, for the fields wanted when it was made.
#[derive(Debug)]
pub(crate) struct Decoder {
    tree: Tree,
    /// What the readers learned that are not at work.
    #[allow(clippy::vec_box, reason = "on one thread they are taken and given back for each line")]
    shapes: Mutex<Vec<Box<Shapes>>>,
}

impl Decoder {
    /// A decoder for the fields wanted so far.
    pub(crate) fn new(fields: &Fields) -> Decoder {
        Decoder { tree: Tree::new(fields), shapes: Mutex::default() }
    }

    /// Reads documents on one thread.
    pub(crate) fn reader(&self) -> Reader<'_> {
        let shapes = self.shapes.lock().unwrap_or_else(PoisonError::into_inner).pop();
        Reader { decoder: self, shapes }
    }

    /// Decodes one line. A document of another kind is skipped by its `event.category`.
    pub(crate) fn decode(&self, line: &Line) -> Result<Decoded, Error> {
        self.reader().decode(line)
    }
}

/// Decodes one document after the other: it is told the shape of the next by those before it.
#[derive(Debug)]
pub(crate) struct Reader<'d> {
    decoder: &'d Decoder,
    /// Always there after the first document.
    shapes: Option<Box<Shapes>>,
}

impl Reader<'_> {
    /// Decodes one line. A document of another kind is skipped by its `event.category`.
    pub(crate) fn decode(&mut self, line: &Line) -> Result<Decoded, Error> {
        let mut event = empty();
        if self.scan(line, &mut event).is_none() {
            event = self.parsed(line)?;
        }
        event.line = Some(line.clone());
        event.time = time_of(&event)?;
        event.categories = categories_of(&event);
        if event.categories.is_empty() {
            return Ok(Decoded::Skipped(event.str(field::EVENT_CATEGORY).unwrap_or(NO_CATEGORY).to_owned()));
        }
        Ok(Decoded::Event(event))
    }

    /// What a document of the usual form holds, read at once, and as serde_json reads it: it is the same.
    pub(crate) fn both_ways(&mut self, line: &Line) -> Option<(Event, Result<Event, Error>)> {
        Some((self.scanned(line)?, self.parsed(line)))
    }

    /// The values of a document of the usual form.
    fn scanned(&mut self, line: &Line) -> Option<Event> {
        let mut event = empty();
        self.scan(line, &mut event)?;
        Some(event)
    }

    /// Adds the values of a document of the usual form.
    fn scan(&mut self, line: &Line, event: &mut Event) -> Option<()> {
        scan::scan(&self.decoder.tree, self.shapes.get_or_insert_default(), line.as_str(), event)
    }

    /// The values of a document of any form.
    fn parsed(&self, line: &Line) -> Result<Event, Error> {
        let mut event = empty();
        let mut json = serde_json::Deserializer::from_str(line.as_str());
        if !line.as_str().trim_start().starts_with('{') {
            json.into_iter::<IgnoredAny>().next().unwrap_or(Ok(IgnoredAny)).map_err(Error::Json)?;
            return Err(Error::NotAnObject);
        }
        let base = line.as_str().as_ptr() as usize;
        let seed = ValueSeed { tree: &self.decoder.tree, node: Tree::ROOT, base, event: &mut event };
        seed.deserialize(&mut json).and_then(|()| json.end()).map_err(Error::Json)?;
        Ok(event)
    }
}

impl Drop for Reader<'_> {
    fn drop(&mut self) {
        let shapes = self.shapes.take();
        self.decoder.shapes.lock().unwrap_or_else(PoisonError::into_inner).extend(shapes);
    }
}

/// An event of which nothing is known yet.
fn empty() -> Event {
    Event::new(Timestamp::default(), Categories::default())
}

fn categories_of(event: &Event) -> Categories {
    event.texts(field::EVENT_CATEGORY).fold(Categories::default(), |all, name| all.with(Categories::named(name)))
}

fn time_of(event: &Event) -> Result<Timestamp, Error> {
    match event.stated(field::TIMESTAMP).next().ok_or(Error::NoTimestamp)? {
        Scalar::Str(text) => Timestamp::parse(text).ok_or_else(|| Error::BadTimestamp(text.to_owned())),
        Scalar::Int(number) => {
            Timestamp::from_milliseconds(number).ok_or_else(|| Error::BadTimestamp(number.to_string()))
        }
        other => Err(Error::BadTimestamp(other.text().into_owned())),
    }
}
