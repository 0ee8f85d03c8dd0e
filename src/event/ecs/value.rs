//! Any JSON value at a place of the field tree, as serde_json reads it.

use std::fmt;

use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::tree::{Node, Tree};
use crate::event::Event;
use crate::event::field::Field;
use crate::event::values::{Part, Value};

/// Reads one JSON value at a place of the field tree into an event.
pub(super) struct ValueSeed<'t> {
    pub(super) tree: &'t Tree,
    pub(super) node: Node,
    /// The address at which the line begins: borrowed text has its place in it.
    pub(super) base: usize,
    pub(super) event: &'t mut Event,
}

impl ValueSeed<'_> {
    /// Adds a value, if the place is that of a wanted field.
    fn add<E>(self, add: impl FnOnce(&mut Event, Field)) -> Result<(), E> {
        if let Some(field) = self.tree.field(self.node) {
            add(self.event, field);
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for ValueSeed<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ValueSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<(), E> {
        let start = (text.as_ptr() as usize - self.base) as u32;
        let len = text.len() as u32;
        self.add(|event, field| event.push(field, Value::InLine(Part::new(start, len))))
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
        let ValueSeed { tree, node, base, event } = self;
        while seq.next_element_seed(ValueSeed { tree, node, base, event })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let ValueSeed { tree, node, base, event } = self;
        while let Some(child) = map.next_key_seed(KeySeed { tree, node })? {
            match child {
                Some(node) => map.next_value_seed(ValueSeed { tree, node, base, event })?,
                None => map.next_value::<IgnoredAny>().map(drop)?,
            }
        }
        Ok(())
    }
}

/// Reads one key of an object: the node it leads to, if any.
struct KeySeed<'t> {
    tree: &'t Tree,
    node: Node,
}

impl<'de> DeserializeSeed<'de> for KeySeed<'_> {
    type Value = Option<Node>;

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Option<Node>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for KeySeed<'_> {
    type Value = Option<Node>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E>(self, key: &str) -> Result<Option<Node>, E> {
        Ok(self.tree.descend(self.node, key.as_bytes()))
    }
}
