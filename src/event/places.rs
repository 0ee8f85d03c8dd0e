//! Where the values of a field are in an event, so that to look one up is not to look at all.

use std::ops::Range;

use super::field::Field;

/// A place for each field; several fields have the same one. Those of most events have one of their own.
const KNOWN: usize = 64;
/// There are several values, or they are so far behind that their place is not kept.
const ANYWHERE: u8 = u8::MAX;

/// For each field, the place of its one value, or of that of another field, counted from 1; 0: it has none.
#[derive(Clone, Debug)]
pub(super) struct Places([u8; KNOWN]);

impl Places {
    pub(super) fn new() -> Places {
        Places([0; KNOWN])
    }

    /// A value of the field is at this place now.
    #[inline]
    pub(super) fn add(&mut self, field: Field, at: usize) {
        let place = &mut self.0[field.index() % KNOWN];
        *place = if *place == 0 && at + 1 < usize::from(ANYWHERE) { at as u8 + 1 } else { ANYWHERE };
    }

    /// Among which of so many values those of the field are, with others.
    #[inline]
    pub(super) fn among(&self, field: Field, count: usize) -> Range<usize> {
        match self.0[field.index() % KNOWN] {
            0 => 0..0,
            ANYWHERE => 0..count,
            place => usize::from(place) - 1..usize::from(place),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Event, Scalar, Timestamp, field};

    #[test]
    fn a_value_is_found_wherever_it_is_and_in_order_where_there_are_several() {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_NAME, "a");
        (0..300).for_each(|number| event.push_int(field::PROCESS_ARGS, number));
        event.push_str(field::PROCESS_EXECUTABLE, "/a");
        event.push_str(field::PROCESS_NAME, "b");
        let names = |event: &Event| event.stated(field::PROCESS_NAME).map(|name| name.text().into_owned()).collect();
        let found: Vec<String> = names(&event);
        assert_eq!((found, event.str(field::PROCESS_EXECUTABLE)), (vec!["a".into(), "b".into()], Some("/a")));
        assert!(event.any(field::PROCESS_ARGS, |arg| arg == Scalar::Int(299)));
        event.remove(field::PROCESS_ARGS);
        event.remove(field::PROCESS_NAME);
        assert_eq!((event.str(field::PROCESS_EXECUTABLE), event.int(field::PROCESS_ARGS)), (Some("/a"), None));
        assert_eq!(event.str(field::PROCESS_NAME), None);
        event.push_str(field::PROCESS_NAME, "c");
        assert_eq!(event.str(field::PROCESS_NAME), Some("c"));
    }

    #[test]
    fn fields_with_the_same_place_are_told_apart() {
        let (one, other) = (field::PROCESS_NAME, Field(field::PROCESS_NAME.index() as u16 + KNOWN as u16));
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(other, "other");
        assert_eq!((event.str(one), event.str(other)), (None, Some("other")));
        event.push_str(one, "one");
        assert_eq!((event.str(one), event.str(other)), (Some("one"), Some("other")));
        event.remove(other);
        assert_eq!((event.str(one), event.str(other)), (Some("one"), None));
    }
}
