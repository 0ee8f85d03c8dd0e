//! One ECS JSON line to an [`Event`]; [`document`](super::document) is the way back.
//!
//! Decoding walks the line once and takes only the wanted fields; text that needs no unescaping stays
//! in the line. It accepts nested objects and dotted keys in any mixture, scalars and arrays, arrays of
//! objects (as Elasticsearch flattens them), and search hits with their document in `_source`.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::Fields;
use super::field::{self, Field};
use super::{Categories, Decoded, Event, Line, Scalar, Timestamp, Value};

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
    nodes: Vec<Node>,
}

#[derive(Debug, Default)]
struct Node {
    children: Vec<(Box<str>, u16)>,
    field: Option<Field>,
}

impl Decoder {
    /// A decoder for the fields wanted so far.
    pub(crate) fn new(fields: &Fields) -> Decoder {
        let mut decoder = Decoder { nodes: vec![Node::default()] };
        for (field, name) in fields.wanted() {
            let node = name.split('.').fold(0, |node, segment| decoder.child_or_new(node, segment));
            decoder.nodes[usize::from(node)].field = Some(field);
        }
        decoder.nodes[0].children.push(("_source".into(), 0));
        decoder
    }

    /// Decodes one line. A document of another kind is skipped by its `event.category`.
    pub(crate) fn decode(&self, line: &Line) -> Result<Decoded, Error> {
        let mut event = Event::new(Timestamp::default(), Categories::default());
        let mut json = serde_json::Deserializer::from_str(line.as_str());
        if !line.as_str().trim_start().starts_with('{') {
            json.into_iter::<IgnoredAny>().next().unwrap_or(Ok(IgnoredAny)).map_err(Error::Json)?;
            return Err(Error::NotAnObject);
        }
        let seed = NodeSeed { decoder: self, node: 0, base: line.as_str().as_ptr() as usize, event: &mut event };
        seed.deserialize(&mut json).and_then(|()| json.end()).map_err(Error::Json)?;
        event.line = Some(line.clone());
        event.time = time_of(&event)?;
        let mut categories = Categories::default();
        for value in event.stated(field::EVENT_CATEGORY) {
            if let Scalar::Str(name) = value {
                categories = categories.with(Categories::named(name));
            }
        }
        event.categories = categories;
        if categories.is_empty() {
            return Ok(Decoded::Skipped(event.str(field::EVENT_CATEGORY).unwrap_or(NO_CATEGORY).to_owned()));
        }
        Ok(Decoded::Event(event))
    }

    fn child_or_new(&mut self, node: u16, segment: &str) -> u16 {
        if let Some(child) = self.child(node, segment) {
            return child;
        }
        let child = self.nodes.len() as u16;
        self.nodes.push(Node::default());
        self.nodes[usize::from(node)].children.push((segment.into(), child));
        child
    }

    fn child(&self, node: u16, segment: &str) -> Option<u16> {
        let children = &self.nodes[usize::from(node)].children;
        // Comparing first bytes first spares most of the calls that compare the rest.
        let first = segment.as_bytes().first();
        let same = |name: &str| name.as_bytes().first() == first && name == segment;
        children.iter().find(|(name, _)| same(name)).map(|(_, child)| *child)
    }

    /// The node a key leads to: a name, or several joined by dots.
    fn descend(&self, node: u16, key: &str) -> Option<u16> {
        match self.child(node, key) {
            Some(child) => Some(child),
            None if key.contains('.') => key.split('.').try_fold(node, |node, segment| self.child(node, segment)),
            None => None,
        }
    }
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

/// Reads one JSON value at a place of the field tree.
struct NodeSeed<'t> {
    decoder: &'t Decoder,
    node: u16,
    base: usize,
    event: &'t mut Event,
}

impl NodeSeed<'_> {
    /// Adds a value, if the place is that of a wanted field.
    fn add<E>(self, add: impl FnOnce(&mut Event, Field)) -> Result<(), E> {
        if let Some(field) = self.decoder.nodes[usize::from(self.node)].field {
            add(self.event, field);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for NodeSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for NodeSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        let start = (text.as_ptr() as usize - self.base) as u32;
        let len = text.len() as u32;
        self.add(|event, field| event.push(field, Value::InLine { start, len }))
    }

    fn visit_str<E>(self, text: &str) -> Result<(), E> {
        self.add(|event, field| event.push_str(field, text))
    }

    fn visit_i64<E>(self, number: i64) -> Result<(), E> {
        self.add(|event, field| event.push_int(field, number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<(), E> {
        self.add(|event, field| match i64::try_from(number) {
            Ok(number) => event.push_int(field, number),
            Err(_) => event.push_float(field, number as f64),
        })
    }

    fn visit_f64<E>(self, number: f64) -> Result<(), E> {
        self.add(|event, field| event.push_float(field, number))
    }

    fn visit_bool<E>(self, flag: bool) -> Result<(), E> {
        self.add(|event, field| event.push_bool(field, flag))
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let NodeSeed { decoder, node, base, event } = self;
        while seq.next_element_seed(NodeSeed { decoder, node, base, event })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let NodeSeed { decoder, node, base, event } = self;
        while let Some(child) = map.next_key_seed(KeySeed { decoder, node })? {
            match child {
                Some(node) => map.next_value_seed(NodeSeed { decoder, node, base, event })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// Reads one key of an object: the node it leads to, if any.
struct KeySeed<'t> {
    decoder: &'t Decoder,
    node: u16,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<u16>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<u16>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<u16>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<u16>, E> {
        Ok(self.decoder.descend(self.node, key))
    }
}
