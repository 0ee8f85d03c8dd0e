//! An event that waits, in a fraction of its room.
//!
//! In a replay thousands of events wait for earlier ones, and each is written once and read once, seconds later: what
//! they take is read from far memory then, and that costs more than to decode it. So a value is one word meanwhile, in a
//! queue that all events share, and where each value is in its event is found out again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::field::Field;
use super::values::{Part, Value, Values};
use super::{Categories, Event, Line, Script, Timestamp};

/// The bits of a word: the field, the kind of value, and the value.
const FIELD_BITS: u32 = 12;
const KIND_BITS: u32 = 2;
const VALUE_BITS: u32 = u64::BITS - FIELD_BITS - KIND_BITS;
/// The bits of a text's length, and, above them, of its place.
const LENGTH_BITS: u32 = 24;
const PLACE_BITS: u32 = VALUE_BITS - LENGTH_BITS;

/// The kinds of value.
const IN_LINE: u64 = 0;
const OWNED: u64 = 1;
const INT: u64 = 2;
const BOOL: u64 = 3;

/// An event without its values, which are words elsewhere.
#[derive(Debug)]
pub(crate) struct Folded {
    time: Timestamp,
    categories: Categories,
    script: Option<Arc<Script>>,
    text: String,
    line: Option<Line>,
    words: u32,
}

impl Event {
    /// Puts its values behind the words that are there. `Err`: one of them is more than a word has room for, or the event
    /// has more than its own values.
    pub(crate) fn fold(self, words: &mut VecDeque<u64>) -> Result<Folded, Box<Event>> {
        let before = words.len();
        words.extend(self.values.iter().map_while(|(field, value)| word(*field, *value)));
        let added = words.len() - before;
        if added < self.values.iter().len() || self.context.is_some() {
            words.truncate(before);
            return Err(Box::new(self));
        }
        let Event { time, categories, script, text, line, .. } = self;
        Ok(Folded { time, categories, script, text, line, words: added as u32 })
    }
}

impl Folded {
    /// The event. Its values are the first of these words, and they are removed.
    pub(crate) fn unfold(self, words: &mut VecDeque<u64>) -> Event {
        let Folded { time, categories, script, text, line, words: count } = self;
        let mut values = Values::new();
        for word in words.drain(..count as usize) {
            let (field, value) = value(word);
            values.push(field, value);
        }
        Event { time, categories, context: None, script, values, text, line }
    }

    /// How many bytes it holds, with its words; what it shares with other events is counted for them too.
    pub(crate) fn bytes(&self) -> usize {
        let line = self.line.as_ref().map_or(0, Line::bytes);
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        size_of::<Folded>() + self.words as usize * size_of::<u64>() + self.text.capacity() + line + script
    }
}

/// A value with its field, if it fits.
fn word(field: Field, value: Value) -> Option<u64> {
    let (kind, value) = match value {
        Value::InLine(part) => (IN_LINE, place(part)?),
        Value::Owned(part) => (OWNED, place(part)?),
        Value::Int(bytes) => {
            let number = i64::from_ne_bytes(bytes);
            let value = (number as u64) << (u64::BITS - VALUE_BITS) >> (u64::BITS - VALUE_BITS);
            (INT, (signed(value) == number).then_some(value)?)
        }
        Value::Bool(flag) => (BOOL, u64::from(flag)),
        Value::Float(_) => return None,
    };
    let field = field.index() as u64;
    (field < 1 << FIELD_BITS).then_some(field << (KIND_BITS + VALUE_BITS) | kind << VALUE_BITS | value)
}

fn place(part: Part) -> Option<u64> {
    let (start, len) = (part.start(), part.len());
    (start < 1 << PLACE_BITS && len < 1 << LENGTH_BITS).then_some(u64::from(start) << LENGTH_BITS | u64::from(len))
}

/// A number of which only the lower bits are there.
fn signed(value: u64) -> i64 {
    (value << (u64::BITS - VALUE_BITS)) as i64 >> (u64::BITS - VALUE_BITS)
}

fn value(word: u64) -> (Field, Value) {
    let (kind, value) = (word >> VALUE_BITS & ((1 << KIND_BITS) - 1), word & ((1 << VALUE_BITS) - 1));
    let part = || Part::new((value >> LENGTH_BITS) as u32, (value & ((1 << LENGTH_BITS) - 1)) as u32);
    let value = match kind {
        IN_LINE => Value::InLine(part()),
        OWNED => Value::Owned(part()),
        INT => Value::Int(signed(value).to_ne_bytes()),
        _ => Value::Bool(value != 0),
    };
    (Field((word >> (KIND_BITS + VALUE_BITS)) as u16), value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Scalar, field};

    fn event() -> Event {
        let mut event = Event::new(Timestamp::from_nanoseconds(7), Categories::NETWORK);
        event.push_str(field::PROCESS_NAME, "osascript");
        event
    }

    fn values(event: &Event) -> Vec<(Field, String)> {
        event.values().map(|(field, value)| (field, format!("{value:?}"))).collect()
    }

    #[test]
    fn what_was_folded_is_the_same_afterwards_in_the_order_of_folding() {
        let mut words = VecDeque::new();
        let numbers = [0, 1, -1, 49_152, (1 << (VALUE_BITS - 1)) - 1, -(1 << (VALUE_BITS - 1))];
        let events: Vec<Event> = numbers
            .into_iter()
            .map(|number| {
                let mut event = event();
                event.push_int(field::PROCESS_PID, number);
                event.push_bool(field::PROCESS_SIGNATURE_EXISTS, number > 0);
                event.push_str(field::PROCESS_ARGS, "");
                event.push_str(field::PROCESS_ARGS, "ä");
                event
            })
            .collect();
        let folded: Vec<Folded> = events.iter().map(|event| event.clone().fold(&mut words).unwrap()).collect();
        for (event, folded) in events.iter().zip(folded) {
            assert!(folded.bytes() < event.bytes());
            let unfolded = folded.unfold(&mut words);
            assert_eq!(values(&unfolded), values(event));
            assert_eq!((unfolded.time, unfolded.categories), (event.time, event.categories));
            assert_eq!(unfolded.stated(field::PROCESS_ARGS).nth(1), Some(Scalar::Str("ä")));
        }
        assert!(words.is_empty());
    }

    #[test]
    fn what_has_no_room_in_a_word_is_left_as_it_is() {
        let mut large = event();
        large.push_int(field::PROCESS_PID, 1 << (VALUE_BITS - 1));
        let mut float = event();
        float.push_float(field::PROCESS_PID, 0.5);
        let mut long = event();
        long.push_str(field::PROCESS_NAME, &"x".repeat(1 << LENGTH_BITS));
        let mut known = event();
        known.context = Some(Arc::default());
        let mut words = VecDeque::from([1]);
        for whole in [large, float, long, known] {
            let kept = whole.clone().fold(&mut words).unwrap_err();
            assert_eq!((values(&kept), words.len()), (values(&whole), 1));
        }
    }
}
