//! An event that waits, in a fraction of its room.
//!
//! In a replay thousands of events wait for earlier ones, and each is written once and read once, seconds later: what
//! they take is read from far memory then, and that costs more than to decode it. So their values are in one queue
//! meanwhile, one behind the other, and where each value is in its event is found out again.

use std::collections::VecDeque;
use std::sync::Arc;

use super::field::Field;
use super::values::{Value, Values};
use super::{Categories, Event, Line, Script, Timestamp};

/// The values of the events that wait, in the order of the events.
#[derive(Debug, Default)]
pub(crate) struct FoldedValues(VecDeque<(Field, Value)>);

/// An event without its values, which are among [`FoldedValues`].
#[derive(Debug)]
pub(crate) struct Folded {
    time: Timestamp,
    categories: Categories,
    script: Option<Arc<Script>>,
    text: String,
    line: Option<Line>,
    values: u32,
}

impl Event {
    /// Puts its values behind those that are there. `Err`: it has more than what it states itself.
    pub(crate) fn fold(self, values: &mut FoldedValues) -> Result<Folded, Box<Event>> {
        if self.context.is_some() {
            return Err(Box::new(self));
        }
        values.0.extend(self.values.iter());
        let count = self.values.iter().len() as u32;
        let Event { time, categories, script, text, line, .. } = self;
        Ok(Folded { time, categories, script, text, line, values: count })
    }
}

impl Folded {
    /// The event. Its values are the first of these, and they are removed.
    pub(crate) fn unfold(self, values: &mut FoldedValues) -> Event {
        let Folded { time, categories, script, text, line, values: count } = self;
        let (first, second) = values.0.as_slices();
        let (count, of_first) = (count as usize, first.len().min(count as usize));
        let own = Values::of([&first[..of_first], &second[..count - of_first]]);
        values.0.drain(..count);
        Event { time, categories, context: None, script, values: own, text, line }
    }

    /// How many bytes it holds, with its values; what it shares with other events is counted for them too.
    pub(crate) fn bytes(&self) -> usize {
        let line = self.line.as_ref().map_or(0, Line::bytes);
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        let values = self.values as usize * size_of::<(Field, Value)>();
        size_of::<Folded>() + values + self.text.capacity() + line + script
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
    fn what_was_folded_is_the_same_afterwards_in_the_order_of_folding() {
        let (mut folded, mut held) = (FoldedValues::default(), VecDeque::new());
        for number in 0..1000 {
            // So few wait that the queue goes round in its room many times.
            held.push_back(event(number).fold(&mut folded).unwrap());
            assert!(held[0].bytes() < event(number).bytes());
            if number >= 10 {
                let (unfolded, wanted) = (held.pop_front().unwrap().unfold(&mut folded), event(number - 10));
                assert_eq!((unfolded.time, unfolded.categories), (wanted.time, wanted.categories));
                assert_eq!(values(&unfolded), values(&wanted));
                assert_eq!(unfolded.stated(field::PROCESS_PID).next(), Some(Scalar::Int(number - 10)));
            }
        }
        held.into_iter().for_each(|event| _ = event.unfold(&mut folded));
        assert!(folded.0.is_empty());
    }

    #[test]
    fn an_event_of_which_more_is_known_is_left_as_it_is() {
        let mut known = event(7);
        known.context = Some(Arc::default());
        let mut folded = FoldedValues::default();
        let kept = known.clone().fold(&mut folded).unwrap_err();
        assert_eq!((values(&kept), folded.0.len()), (values(&known), 0));
        assert!(kept.context.is_some());
    }
}
