//! One ECS JSON line to an [`Event`]; [`document`](super::document) is the way back.
//!
//! Decoding walks the line once and takes only the wanted fields; text that needs no unescaping stays
//! in the line. It accepts nested objects and dotted keys in any mixture, scalars and arrays, arrays of
//! objects (as Elasticsearch flattens them), and search hits with their document in `_source`.

mod gap;
mod marks;
mod scan;
mod shapes;
#[cfg(test)]
mod tests;
mod tree;
mod value;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::de::{DeserializeSeed, IgnoredAny};

use super::{Categories, Decoded, Event, Fields, Line, Scalar, Timestamp};
use super::{document, field};
use shapes::Shapes;
use tree::Tree;
use value::ValueSeed;

/// What a document is skipped as that states no `event.category`.
const NO_CATEGORY: &str = "without event.category";

/// What osawatch writes of what it found is not what happened: the actions of such documents, and what they are skipped as.
const FOUND: [&str; 3] = ["rule_detection", "alerts_held_back", "follow_up"];
const ALERT: &str = "alert of osawatch";

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

/// Decodes ECS documents one after the other, for the fields wanted when it was made: it is told the shape of the next by
/// those before it. A clone, for another thread, begins with what one that is no more has learned.
#[derive(Debug)]
pub(crate) struct Decoder {
    shared: Arc<Shared>,
    /// Always there after the first document.
    shapes: Option<Shapes>,
}

/// What a decoder and its clones have in common.
#[derive(Debug)]
struct Shared {
    tree: Tree,
    /// What those learned that are no more.
    learned: Mutex<Vec<Shapes>>,
}

impl Decoder {
    /// A decoder for the fields wanted so far.
    pub(crate) fn new(fields: &Fields) -> Decoder {
        Decoder { shared: Arc::new(Shared { tree: Tree::new(fields), learned: Mutex::default() }), shapes: None }
    }

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
        if is_alert(&event) {
            return Ok(Decoded::Skipped(ALERT.to_owned()));
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
        let Decoder { shared, shapes } = self;
        let shapes = shapes.get_or_insert_with(|| shared.learned().pop().unwrap_or_default());
        scan::scan(&shared.tree, shapes, line.as_str(), event)
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
        let seed = ValueSeed { tree: &self.shared.tree, node: Tree::ROOT, base, event: &mut event };
        seed.deserialize(&mut json).and_then(|()| json.end()).map_err(Error::Json)?;
        Ok(event)
    }
}

impl Clone for Decoder {
    fn clone(&self) -> Decoder {
        Decoder { shared: Arc::clone(&self.shared), shapes: None }
    }
}

impl Drop for Decoder {
    fn drop(&mut self) {
        let shapes = self.shapes.take();
        self.shared.learned().extend(shapes);
    }
}

impl Shared {
    fn learned(&self) -> MutexGuard<'_, Vec<Shapes>> {
        self.learned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An event of which nothing is known yet.
fn empty() -> Event {
    Event::new(Timestamp::default(), Categories::default())
}

/// Whether it is an alert or a follow-up: read as an event, it would be the connection that it tells of once more.
fn is_alert(event: &Event) -> bool {
    event.str(field::EVENT_ACTION).is_some_and(|action| FOUND.contains(&action))
        && document::text(&document::document(event), "event.module").as_deref() == Some("osawatch")
}

fn categories_of(event: &Event) -> Categories {
    event.texts(field::EVENT_CATEGORY).fold(Categories::default(), |all, name| all.with(Categories::named(name)))
}

/// A date, or a number since 1970, also in a text.
fn time_of(event: &Event) -> Result<Timestamp, Error> {
    let stated = event.stated(field::TIMESTAMP).next().ok_or(Error::NoTimestamp)?;
    let date = if let Scalar::Str(text) = stated { Timestamp::parse(text) } else { None };
    let time = date.or_else(|| stated.number().and_then(Timestamp::from_number));
    time.ok_or_else(|| Error::BadTimestamp(stated.text().into_owned()))
}
