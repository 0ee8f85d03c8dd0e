//! An event that waits, in less room.
//!
//! In a replay thousands of events wait for earlier ones, and each is written once and read once, seconds later: what
//! they take is read from far memory then, and that costs more than to decode it. So where each value is in its event is
//! not kept meanwhile, but found out again.

use std::sync::Arc;

use super::field::Field;
use super::values::{List, Value, Values};
use super::{Categories, Context, Event, Line, Script, Timestamp};

/// An event without the places of its values.
#[derive(Debug)]
pub(crate) struct Folded {
    time: Timestamp,
    categories: Categories,
    context: Option<Arc<Context>>,
    script: Option<Arc<Script>>,
    text: String,
    line: Option<Line>,
    values: List,
}

impl Event {
    /// The same, to wait.
    pub(crate) fn fold(self) -> Folded {
        let Event { time, categories, context, script, text, line, values } = self;
        Folded { time, categories, context, script, text, line, values: values.into_list() }
    }
}

impl Folded {
    /// The event.
    pub(crate) fn unfold(self) -> Event {
        let Folded { time, categories, context, script, text, line, values } = self;
        Event { time, categories, context, script, values: Values::from(values), text, line }
    }

    /// How many bytes it holds, the same whoever has decoded it; what it shares with other events is counted for them too.
    pub(crate) fn bytes(&self) -> usize {
        let line = self.line.as_ref().map_or(0, Line::bytes);
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        size_of::<Folded>() + size_of_val::<[(Field, Value)]>(self.values.all()) + self.text.len() + line + script
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Scalar, field};

    fn event(number: i64) -> Event {
        let mut event = Event::new(Timestamp::from_nanoseconds(number), Categories::NETWORK);
        event.push_str(field::PROCESS_NAME, "osascript");
        event.push_int(field::PROCESS_PID, number);
        event.push_float(field::EVENT_DURATION, 0.5);
        event.push_bool(field::PROCESS_SIGNATURE_EXISTS, number > 0);
        (0..number % 7).for_each(|_| event.push_str(field::PROCESS_ARGS, "ä"));
        event
    }

    fn values(event: &Event) -> Vec<(Field, String)> {
        event.values().map(|(field, value)| (field, format!("{value:?}"))).collect()
    }

    #[test]
    fn what_was_folded_is_the_same_afterwards_and_takes_as_much_however_it_was_held() {
        let mut packed: Vec<Event> = (0..100).map(event).collect();
        Event::pack(packed.iter_mut());
        for (number, packed) in (0..100).zip(packed) {
            let (mut wanted, packed) = (event(number), packed.fold());
            wanted.context = Some(Arc::default());
            let folded = wanted.clone().fold();
            assert_eq!(folded.bytes(), packed.bytes());
            assert!(folded.bytes() < wanted.bytes());
            for unfolded in [packed.unfold(), folded.unfold()] {
                assert_eq!((unfolded.time, unfolded.categories), (wanted.time, wanted.categories));
                assert_eq!(values(&unfolded), values(&wanted));
                assert_eq!(unfolded.stated(field::PROCESS_PID).next(), Some(Scalar::Int(number)));
            }
            assert!(event(number).fold().unfold().context.is_none());
        }
    }
}
