//! What flows through osawatch: one event type, whether read from a recording or seen live.
#![allow(
    clippy::cast_possible_truncation,
    reason = "places in text of at most 4 GiB, and numbers compared as JSON has them"
)]

mod ancestors;
mod args;
pub(crate) mod audit_token;
pub(crate) mod block;
mod categories;
mod context;
pub(crate) mod document;
pub(crate) mod ecs;
mod execution;
pub mod field;
mod fields;
mod flow;
pub(crate) mod hash;
mod line;
pub(crate) mod memory;
mod number;
mod places;
mod scalar;
mod script;
pub(crate) mod surrogates;
mod timestamp;
mod values;
mod zone;

pub use ancestors::Ancestors;
pub use audit_token::{AuditToken, Machine};
pub use block::Block;
pub use categories::Categories;
pub use context::Context;
pub use execution::Execution;
pub(crate) use execution::Maker;
pub use field::{Field, FieldType};
pub use fields::Fields;
pub use flow::{Bytes, Flow, FlowSource, Owner, Phase, ProcessRef, Transport};
pub use line::Line;
pub use memory::{Budget, Charge, Ledger};
pub use number::Number;
pub use scalar::Scalar;
pub use script::Script;
pub use timestamp::Timestamp;
pub use zone::{ClockTime, Zone};

use std::fmt::{self, Write};
use std::hint::black_box;
use std::sync::Arc;

use sha2::{Digest, Sha256};
use values::{Part, Value, Values};

/// What distinguishes an event that has no document from any other. Whatever else a source learns to say of an event,
/// its id stays.
const IDENTITY: [Field; 12] = [
    field::HOST_ID,
    field::HOST_BOOT_ID,
    field::EVENT_ACTION,
    field::PROCESS_ENTITY_ID,
    field::PROCESS_PID,
    field::UNIQUE_PID,
    field::GLOBAL_SEQ_NUM,
    field::SOURCE_IP,
    field::SOURCE_PORT,
    field::DESTINATION_IP,
    field::DESTINATION_PORT,
    field::NETWORK_TRANSPORT,
];

/// What a line of a recording, or of a live source, held.
#[derive(Debug)]
pub enum Decoded {
    /// An event of a kind that osawatch reads.
    Event(Event),
    /// Something well-formed of another kind, by its source's name for that kind.
    Skipped(String),
}

/// One thing that happened on a host.
///
/// Values are held by field, in the order the document gave them. An event read from an ECS document
/// keeps its line, so that an alert can hold the whole of it.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it happened.
    pub time: Timestamp,
    /// What kinds of event it is.
    pub categories: Categories,
    /// What the stream reported earlier about its process.
    pub context: Option<Arc<Context>>,
    /// What its program was given to run.
    pub script: Option<Arc<Script>>,
    values: Values,
    text: String,
    line: Option<Line>,
}

impl Event {
    /// An event without values, to be filled by a source.
    pub fn new(time: Timestamp, categories: Categories) -> Event {
        Event::with(time, categories, Values::new(), String::new())
    }

    /// The same, with room for the values of a source that states many, of so many bytes of text: what grows by doubling is
    /// moved again and again.
    pub(crate) fn with_room(time: Timestamp, categories: Categories, text: usize) -> Event {
        Event::with(time, categories, Values::for_many(), String::with_capacity(text))
    }

    fn with(time: Timestamp, categories: Categories, values: Values, text: String) -> Event {
        Event { time, categories, context: None, script: None, values, text, line: None }
    }

    /// Adds a text value.
    pub fn push_str(&mut self, field: Field, value: &str) {
        let (start, len) = (self.text.len() as u32, value.len() as u32);
        self.text.push_str(value);
        self.push(field, Value::Owned(Part::new(start, len)));
    }

    /// Adds a text value as it is displayed.
    pub(crate) fn push_display(&mut self, field: Field, value: impl fmt::Display) {
        let start = self.text.len();
        // Text takes whatever is written.
        let _ = write!(self.text, "{value}");
        self.push(field, Value::Owned(Part::new(start as u32, (self.text.len() - start) as u32)));
    }

    /// Adds a number.
    pub fn push_int(&mut self, field: Field, value: i64) {
        self.push(field, Value::Int(value.to_ne_bytes()));
    }

    /// Adds a number that is not whole.
    pub fn push_float(&mut self, field: Field, value: f64) {
        self.push(field, Value::Float(value.to_ne_bytes()));
    }

    /// Adds a boolean.
    pub fn push_bool(&mut self, field: Field, value: bool) {
        self.push(field, Value::Bool(value));
    }

    fn push(&mut self, field: Field, value: Value) {
        self.values.push(field, value);
    }

    /// Puts the values of these events together, in one allocation, exactly as large as they need.
    pub(crate) fn pack<'e>(events: impl Iterator<Item = &'e mut Event>) {
        Values::pack(events.map(|event| &mut event.values));
    }

    /// Reads where each of its texts begins. They are scattered over the line, and far away when the event has waited:
    /// of many events at once they come side by side, and not each when it is asked for.
    pub(crate) fn touch(&self) {
        let Some(line) = &self.line else { return };
        let bytes = line.as_str().as_bytes();
        let first = |(_, value): &(Field, Value)| match value {
            Value::InLine(part) => bytes.get(part.start() as usize).copied().map_or(0, u32::from),
            _ => 0,
        };
        black_box(self.values.iter().map(first).sum::<u32>());
    }

    /// Removes the values of a field.
    pub fn remove(&mut self, field: Field) {
        if self.stated(field).next().is_none() {
            return;
        }
        self.values.remove(field);
    }

    /// The line this event was read from, when it was an ECS document.
    pub fn line(&self) -> Option<&Line> {
        self.line.as_ref()
    }

    /// Whether any value of the field passes the test; a missing field passes none. Of what a document leaves out,
    /// only the lineage comes from the stream: Elasticsearch would see the document alone.
    pub fn any(&self, field: Field, mut test: impl FnMut(Scalar<'_>) -> bool) -> bool {
        let mut stated = false;
        for (held, value) in self.values.among(field) {
            if *held == field {
                stated = true;
                if test(self.scalar(*value)) {
                    return true;
                }
            }
        }
        if !stated && field == field::TIMESTAMP {
            return test(Scalar::Int(self.time.milliseconds()));
        }
        if stated && field == field::ANCESTRY {
            return self.known_ancestor(&mut test);
        }
        !stated
            && self.context.as_ref().is_some_and(|context| {
                (self.line.is_none() || context.is_lineage(field)) && context.any(field, &mut test)
            })
    }

    /// Whether an ancestor passes the test that the document leaves out among those that it states: the stream can know
    /// what one of them had replaced.
    fn known_ancestor(&self, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        let Some(context) = &self.context else { return false };
        let mut stated = self.texts(field::ANCESTRY);
        let mut known = context.ancestors.iter().flat_map(|list| list.iter());
        // Nearly all state all that is known: each is looked at once then.
        if known.all(|ancestor| stated.next() == Some(ancestor.entity_id())) {
            return false;
        }
        if !context.extends(self.str(field::ANCESTRY).unwrap_or_default()) {
            return false;
        }
        let is_stated = |value: Scalar<'_>| self.stated(field::ANCESTRY).any(|stated| stated == value);
        context.any(field::ANCESTRY, &mut |value| !is_stated(value) && test(value))
    }

    /// The first text value that the event itself states.
    #[inline]
    pub fn str(&self, field: Field) -> Option<&str> {
        self.texts(field).next()
    }

    /// The text values that the event itself states, in its order.
    #[inline]
    pub(crate) fn texts(&self, field: Field) -> impl Iterator<Item = &str> {
        self.values
            .among(field)
            .iter()
            .filter_map(move |(held, value)| if *held == field { self.text(*value) } else { None })
    }

    /// The first whole number that the event itself states.
    #[inline]
    pub fn int(&self, field: Field) -> Option<i64> {
        self.stated(field).find_map(|value| match value {
            Scalar::Int(number) => Some(number),
            Scalar::Str(text) => text.parse().ok(),
            _ => None,
        })
    }

    /// The values that the event itself states, in its order.
    pub fn stated(&self, field: Field) -> impl Iterator<Item = Scalar<'_>> {
        self.values.among(field).iter().filter(move |(held, _)| *held == field).map(|(_, value)| self.scalar(*value))
    }

    /// All stated values with their fields, in the order they were added.
    pub fn values(&self) -> impl Iterator<Item = (Field, Scalar<'_>)> {
        self.values.iter().map(|(field, value)| (*field, self.scalar(*value)))
    }

    /// The fields of all stated values, in the order they were added.
    pub(crate) fn fields(&self) -> impl Iterator<Item = Field> {
        self.values.iter().map(|(field, _)| *field)
    }

    /// Whether `event.type` has the value.
    pub fn is_type(&self, name: &str) -> bool {
        self.texts(field::EVENT_TYPE).any(|value| value == name)
    }

    /// The id of the source document: the search hit's `_id`, else its `event.id`, else a hash of its
    /// line, or of what identifies it where it has none.
    pub fn id(&self) -> String {
        let stated = [field::DOCUMENT_ID, field::EVENT_ID];
        stated
            .iter()
            .find_map(|field| self.stated(*field).next())
            .map_or_else(|| self.content_id(), |value| value.text().into_owned())
    }

    /// How many bytes it holds, its script with it; what it shares with other events is counted for them too.
    pub fn bytes(&self) -> usize {
        self.bytes_with(self.values.bytes() + self.text.capacity())
    }

    /// The same, without room for more values: as much, whoever has decoded it.
    pub(crate) fn stated_bytes(&self) -> usize {
        self.bytes_with(self.values.stated_bytes() + self.text.len())
    }

    fn bytes_with(&self, values: usize) -> usize {
        let line = self.line.as_ref().map_or(0, Line::bytes);
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        size_of::<Event>() + values + line + script
    }

    /// Parts these events from blocks of input of which they use little: whoever holds them counts their lines alone.
    pub(crate) fn leave_large_blocks<'e>(events: impl Iterator<Item = &'e mut Event>) {
        Line::leave_large_blocks(events.filter_map(|event| event.line.as_mut()).collect());
    }

    /// A copy that does not keep alive the block of input that the event was read in, nor the values of its neighbours.
    pub fn detached(&self) -> Event {
        Event { line: self.line.as_ref().map(Line::detached), values: self.values.detached(), ..self.clone() }
    }

    fn content_id(&self) -> String {
        let mut hash = Sha256::new();
        match &self.line {
            Some(line) => hash.update(line.as_str().trim()),
            None => {
                hash.update(self.time.nanoseconds().to_be_bytes());
                for (field, value) in self.values().filter(|(field, _)| IDENTITY.contains(field)) {
                    hash.update(field.core_name().unwrap_or_default());
                    hash.update(value.text().as_bytes());
                    hash.update([0]);
                }
            }
        }
        hash::short_hash(hash)
    }

    #[inline]
    fn text(&self, value: Value) -> Option<&str> {
        match value {
            Value::InLine(part) => self.line.as_ref().map(|line| line.part(part.range())),
            Value::Owned(part) => Some(&self.text[part.range()]),
            Value::Int(_) | Value::Float(_) | Value::Bool(_) => None,
        }
    }

    #[inline]
    fn scalar(&self, value: Value) -> Scalar<'_> {
        match value {
            Value::InLine(_) | Value::Owned(_) => Scalar::Str(self.text(value).unwrap_or_default()),
            Value::Int(bytes) => Scalar::Int(i64::from_ne_bytes(bytes)),
            Value::Float(bytes) => Scalar::Float(f64::from_ne_bytes(bytes)),
            Value::Bool(flag) => Scalar::Bool(flag),
        }
    }
}
