//! The join keys of an event, written as text: what a table of partial sequences is keyed by.

use std::borrow::Cow;
use std::ops::Range;

use super::JoinKey;
use super::value::{Datum, indexed};
use crate::event::{Event, Number};

/// An event may join under this many keys; more, from arrays in one document, are left out and counted.
const MAX_KEYS: usize = 1024;
/// The keys of an event may take this many bytes; one key may be longer.
const MAX_KEY_BYTES: usize = 1 << 20;
/// What is written before a value takes less.
const PREFIX_BYTES: usize = 24;

/// The value of a join key.
#[derive(Clone, Debug, PartialEq)]
pub enum KeyValue {
    /// Text; also dates and addresses, as Elasticsearch writes them.
    Text(String),
    /// A number.
    Number(Number),
    /// A boolean.
    Bool(bool),
}

/// More than this is not kept for the next event.
const KEPT_BYTES: usize = 4096;

/// The keys an event joins under: the product of its values for each join field, none when a
/// mandatory one has no value. Each value is written with its length, so that keys do not run together.
///
/// Nearly every event has one key and starts nothing, so all is written into one buffer.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    /// The values of all fields, written out.
    text: String,
    /// Where each value is in the text.
    values: Vec<Range<usize>>,
    /// Where the values of each field are among the values.
    fields: Vec<Range<usize>>,
    /// How many keys are returned, and were.
    allowed: usize,
    returned: usize,
    key: String,
}

impl Keys {
    /// The keys of an event.
    pub(crate) fn new(join: &[JoinKey], event: &Event) -> Keys {
        let mut keys = Keys::default();
        keys.read(join, event);
        keys
    }

    /// Reads the keys of another event.
    pub(crate) fn read(&mut self, join: &[JoinKey], event: &Event) {
        self.clear();
        for part in join {
            let first = self.values.len();
            see_values(Some(part), event, |kind, value| {
                self.push(first, kind, value);
                self.values.len() - first > MAX_KEYS
            });
            self.fields.push(first..self.values.len());
        }
        let count = self.count();
        // A key has one value of each field.
        let bytes = |values: &Range<usize>| {
            let longest = self.values[values.clone()].iter().map(Range::len).max();
            longest.unwrap_or_default()
        };
        let longest: usize = self.fields.iter().map(bytes).sum();
        self.allowed = count.min(MAX_KEYS).min((MAX_KEY_BYTES / longest.max(1)).max(1));
    }

    fn clear(&mut self) {
        if self.text.capacity() + self.key.capacity() > KEPT_BYTES {
            *self = Keys::default();
        }
        self.text.clear();
        self.values.clear();
        self.fields.clear();
        (self.allowed, self.returned) = (0, 0);
    }

    /// Writes a value out, unless the field has it already: a value counts once.
    fn push(&mut self, first: usize, kind: Kind, value: &str) {
        let start = self.text.len();
        self.text.extend(kind.mark());
        if kind != Kind::Missing {
            push_length(&mut self.text, value.len());
            self.text.push(':');
            self.text.push_str(value);
        }
        let written = &self.text[start..];
        if self.values[first..].iter().any(|other| self.text[other.clone()] == *written) {
            self.text.truncate(start);
        } else {
            self.values.push(start..self.text.len());
        }
    }

    /// How many keys there are.
    pub(crate) fn count(&self) -> usize {
        self.fields.iter().fold(1, |count, values| values.len().saturating_mul(count))
    }

    /// How many keys are left out: 1 stands for however many there are beyond the limit.
    pub(crate) fn left_out(&self) -> u64 {
        u64::from(self.count() > self.allowed)
    }

    /// The next key is the first one.
    pub(crate) fn restart(&mut self) {
        self.returned = 0;
    }

    /// The next key: the values of the last field change fastest.
    #[allow(clippy::should_implement_trait)]
    pub(crate) fn next(&mut self) -> Option<&str> {
        if self.returned >= self.allowed {
            return None;
        }
        let count = self.count();
        if count == 1 {
            self.returned = 1;
            return Some(&self.text);
        }
        self.key.clear();
        let mut rest = self.returned;
        let mut stride = count;
        for values in &self.fields {
            stride = (stride / values.len()).max(1);
            let value = values.start + rest / stride % values.len();
            rest %= stride;
            self.key.push_str(&self.text[self.values[value].clone()]);
        }
        self.returned += 1;
        Some(&self.key)
    }
}

/// A value of a key: what it is, and its text.
pub(crate) type Written<'k> = (Kind, &'k str);

/// What a value of a key is, besides its text.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) enum Kind {
    /// Text; also dates and addresses.
    Text,
    Number,
    Bool,
    /// There is none.
    Missing,
}

impl Kind {
    /// What is written before a value.
    fn mark(self) -> Option<char> {
        match self {
            Kind::Number => Some('n'),
            Kind::Bool => Some('b'),
            Kind::Missing => Some('-'),
            Kind::Text => None,
        }
    }

    /// Of the value that begins so.
    fn of(written: &str) -> Kind {
        match written.as_bytes().first() {
            Some(b'n') => Kind::Number,
            Some(b'b') => Kind::Bool,
            Some(b'-') | None => Kind::Missing,
            Some(_) => Kind::Text,
        }
    }
}

/// How a value is written in a key.
fn written<'d>(datum: &'d Datum<'_>) -> (Kind, Cow<'d, str>) {
    match datum {
        Datum::Number(number) => (Kind::Number, whole(*number).to_string().into()),
        Datum::Bool(_) => (Kind::Bool, datum.text()),
        _ => (Kind::Text, datum.text()),
    }
}

/// Sees each value that the keys of an event have of this field, until `see` has enough; of no field, one that is
/// missing.
fn see_values(join: Option<&JoinKey>, event: &Event, mut see: impl FnMut(Kind, &str) -> bool) {
    let mut is_missing = true;
    if let Some((part, field)) = join.and_then(|part| Some((part, part.field?))) {
        event.any(field, |value| {
            let Some(datum) = indexed(part.kind, value) else { return false };
            is_missing = false;
            let (kind, value) = written(&datum);
            see(kind, &value)
        });
    }
    if is_missing && join.is_none_or(|part| part.optional) {
        see(Kind::Missing, "");
    }
}

/// Sees each value that the keys of an event by this field alone are made of, as it is written there. False: there can
/// be more, or longer ones, than an event may have.
pub(crate) fn each_value(join: Option<&JoinKey>, event: &Event, mut see: impl FnMut(Kind, &str)) -> bool {
    let (mut count, mut longest) = (0, 0);
    see_values(join, event, |kind, value| {
        see(kind, value);
        (count, longest) = (count + 1, longest.max(value.len() + PREFIX_BYTES));
        count > MAX_KEYS
    });
    count <= 1 || (count <= MAX_KEYS && count * longest <= MAX_KEY_BYTES)
}

/// Writes a length in decimal digits.
fn push_length(text: &mut String, length: usize) {
    if length >= 10 {
        push_length(text, length / 10);
    }
    text.push(char::from(b"0123456789"[length % 10]));
}

/// A whole number in one form, whatever the type of its field.
fn whole(number: Number) -> Number {
    match number.truncated() {
        Some(int) if Number::Int(int) == number => Number::Int(int),
        _ => number,
    }
}

/// What a key states of each of its fields, as it is written.
fn parts(key: &str) -> impl Iterator<Item = &str> {
    let mut rest = key;
    std::iter::from_fn(move || {
        let end = match rest.split_once(':') {
            _ if rest.starts_with('-') => 1,
            Some((length, text)) => {
                let length = length.trim_start_matches(['n', 'b']).parse().unwrap_or(text.len());
                rest.len() - text.len() + length.min(text.len())
            }
            None => return None,
        };
        let (part, behind) = rest.split_at(end);
        rest = behind;
        Some(part)
    })
}

/// What a key states of its last field, as [`each_value`] gives it.
pub(crate) fn last_of(key: &str) -> Written<'_> {
    let last = parts(key).last().unwrap_or_default();
    (Kind::of(last), last.split_once(':').map_or("", |(_, value)| value))
}

/// The values of a key, in the order of its fields; `None` for an optional field without a value.
pub(crate) fn values_of(key: &str) -> Vec<Option<KeyValue>> {
    let value_of = |part: &str| {
        let (_, value) = part.split_once(':')?;
        Some(match Kind::of(part) {
            Kind::Number => Number::parse(value).map_or_else(|| KeyValue::Text(value.to_owned()), KeyValue::Number),
            Kind::Bool => KeyValue::Bool(value == "true"),
            Kind::Text | Kind::Missing => KeyValue::Text(value.to_owned()),
        })
    };
    parts(key).map(value_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::eql;
    use crate::event::{Categories, Fields, Timestamp, field};

    #[test]
    fn the_last_value_of_a_key_is_that_of_its_last_field() {
        let query = "sequence by host.id, ?process.name, process.pid, process.code_signature.exists, ?user.name
            [any where true] [any where true]";
        let mut fields = Fields::default();
        let query = eql::compile(query, &mut fields, &mut Default::default()).unwrap();
        let mut event = Event::new(Timestamp::from_milliseconds(0).unwrap(), Categories::PROCESS);
        event.push_str(field::HOST_ID, "1:-é:n");
        event.push_int(field::PROCESS_PID, -12);
        event.push_bool(field::PROCESS_SIGNATURE_EXISTS, true);
        let last = |fields: usize, event: &Event| {
            let join = &query.stages[0].join[..fields];
            let (mut keys, mut values) = (Keys::new(join, event), Vec::new());
            assert!(each_value(join.last(), event, |kind, value| values.push((kind, value.to_owned()))));
            while let Some(key) = keys.next() {
                assert!(values.iter().any(|(kind, value)| (*kind, &**value) == last_of(key)), "{key}: {values:?}");
            }
            assert!(keys.count() > 0);
            values
        };
        let (missing, text) = ((Kind::Missing, String::new()), |text: &str| (Kind::Text, text.to_owned()));
        let (number, flag) = ((Kind::Number, "-12".to_owned()), (Kind::Bool, "true".to_owned()));
        let wanted = [missing.clone(), text("1:-é:n"), missing.clone(), number, flag, missing];
        for (fields, wanted) in wanted.into_iter().enumerate() {
            assert_eq!(last(fields, &event), [wanted]);
        }
        ["n:3", "", "-", "n:3"].iter().for_each(|name| event.push_str(field::USER_NAME, name));
        assert_eq!(last(5, &event), [text("n:3"), text(""), text("-"), text("n:3")]);
        assert_eq!(values_of(Keys::new(&query.stages[0].join, &event).next().unwrap()).len(), 5);
    }

    #[test]
    fn more_values_than_an_event_may_have_are_told() {
        let query = "sequence by process.command_line, user.name [any where true] [any where true]";
        let query = eql::compile(query, &mut Fields::default(), &mut Default::default()).unwrap();
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        let is_told = |event: &Event| !each_value(query.stages[0].join.first(), event, |_, _| ());
        (0..MAX_KEYS).for_each(|n| event.push_str(field::PROCESS_COMMAND_LINE, &n.to_string()));
        assert!(!is_told(&event));
        event.push_str(field::PROCESS_COMMAND_LINE, "more");
        assert!(is_told(&event));
        event.remove(field::PROCESS_COMMAND_LINE);
        event.push_str(field::PROCESS_COMMAND_LINE, &"x".repeat(MAX_KEY_BYTES));
        assert!(!is_told(&event), "one may be longer");
        event.push_str(field::PROCESS_COMMAND_LINE, "more");
        assert!(is_told(&event) && Keys::new(&query.stages[0].join[..1], &event).left_out() == 1);
        let mut seen = 0;
        assert!(
            each_value(query.stages[0].join.last(), &event, |_, _| seen += 1) && seen == 0,
            "none where it must be"
        );
    }

    #[test]
    fn the_keys_of_an_event_are_bounded_in_bytes_and_the_rest_is_counted() {
        let query = "sequence by process.command_line, process.command_line [any where true] [any where true]";
        let mut fields = Fields::default();
        let query = eql::compile(query, &mut fields, &mut Default::default()).unwrap();
        for (length, keys) in [(10, 900), (1 << 16, (1 << 20) / (2 << 16)), (2 << 20, 1)] {
            let mut event = Event::new(Timestamp::from_milliseconds(0).unwrap(), Categories::PROCESS);
            for n in 0..30 {
                event.push_str(field::PROCESS_COMMAND_LINE, &format!("{n}{}", "0".repeat(length)));
            }
            let mut found = Keys::new(&query.stages[0].join, &event);
            let mut count = 0;
            while found.next().is_some() {
                count += 1;
            }
            assert!(count <= keys && count * 2 >= keys, "{count} keys of {length} bytes");
            assert_eq!(found.left_out(), u64::from(length > 10));
        }
    }
}
