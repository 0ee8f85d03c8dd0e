//! The values of an event, in the order in which they were added, each found by its field.

use std::cell::RefCell;
use std::mem;
use std::ops::Range;
use std::slice;
use std::sync::Arc;

use super::field::Field;
use super::places::Places;

/// Values that most events have room for from the start.
const VALUES: usize = 32;
/// Values of an event of Endpoint Security, nearly always.
const MANY: usize = 64;

/// Rooms that a thread keeps of events that are gone.
const SPARE: usize = 256;

thread_local! {
    /// Room that the values of other events of this thread had, for the next ones: an allocator searches for it, and what
    /// it finds has not been used for longer.
    static ROOMS: RefCell<Vec<Vec<(Field, Value)>>> = const { RefCell::new(Vec::new()) };
}

/// A value of a field, as a document states it. An array is several entries of one field.
///
/// Numbers are held as bytes: aligned they would make each of the values of every event a third as large again, or more.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Value {
    /// Text in the event's line.
    InLine(Part),
    /// Text in the event's own buffer: it was escaped in its line, or the event has no line.
    Owned(Part),
    Int([u8; 8]),
    Float([u8; 8]),
    Bool(bool),
}

/// A part of a text: where it begins, and how long it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Part {
    start: [u8; 4],
    len: [u8; 4],
}

impl Part {
    #[inline]
    pub(super) fn new(start: u32, len: u32) -> Part {
        Part { start: start.to_ne_bytes(), len: len.to_ne_bytes() }
    }

    #[inline]
    pub(super) fn start(self) -> u32 {
        u32::from_ne_bytes(self.start)
    }

    #[inline]
    pub(super) fn len(self) -> u32 {
        u32::from_ne_bytes(self.len)
    }

    #[inline]
    pub(super) fn range(self) -> Range<usize> {
        self.start() as usize..(self.start() + self.len()) as usize
    }
}

const _: () = assert!(size_of::<(Field, Value)>() == 12);

/// The values of an event.
#[derive(Clone, Debug)]
pub(super) struct Values {
    list: List,
    places: Places,
}

#[derive(Clone, Debug)]
enum List {
    Own(Room),
    /// Some of those of several events: what one thread allocates for each event and another frees costs both.
    Packed {
        all: Arc<Vec<(Field, Value)>>,
        own: Range<u32>,
    },
}

/// The values of one event alone.
#[derive(Clone, Debug)]
struct Room(Vec<(Field, Value)>);

impl Room {
    /// Room for so many.
    fn of(count: usize) -> Room {
        let mut values = ROOMS.with_borrow_mut(Vec::pop).unwrap_or_default();
        values.reserve_exact(count);
        Room(values)
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        let mut values = mem::take(&mut self.0);
        if !(VALUES..=2 * MANY).contains(&values.capacity()) {
            return;
        }
        values.clear();
        // A thread that ends keeps none.
        let _ = ROOMS.try_with(|rooms| {
            let mut rooms = rooms.borrow_mut();
            if rooms.len() < SPARE {
                rooms.push(values);
            }
        });
    }
}

impl Values {
    pub(super) fn new() -> Values {
        Values { list: List::Own(Room::of(VALUES)), places: Places::new() }
    }

    pub(super) fn for_many() -> Values {
        Values { list: List::Own(Room::of(MANY)), places: Places::new() }
    }

    /// Puts those of several events together.
    pub(super) fn pack<'v>(lists: impl Iterator<Item = &'v mut Values>) {
        let lists: Vec<&mut Values> = lists.collect();
        let mut all = Vec::with_capacity(lists.iter().map(|values| values.all().len()).sum());
        let mut ranges = Vec::with_capacity(lists.len());
        for values in &lists {
            let start = all.len() as u32;
            all.extend_from_slice(values.all());
            ranges.push(start..all.len() as u32);
        }
        let all = Arc::new(all);
        for (values, own) in lists.into_iter().zip(ranges) {
            values.list = List::Packed { all: Arc::clone(&all), own };
        }
    }

    /// A copy that shares nothing.
    pub(super) fn detached(&self) -> Values {
        Values { list: List::Own(Room(self.all().to_vec())), places: self.places.clone() }
    }

    pub(super) fn push(&mut self, field: Field, value: Value) {
        let list = self.own();
        let at = list.len();
        list.push((field, value));
        self.places.add(field, at);
    }

    /// Removes those of a field.
    pub(super) fn remove(&mut self, field: Field) {
        let rest: Vec<_> = self.all().iter().filter(|(held, _)| *held != field).copied().collect();
        let mut places = Places::new();
        rest.iter().enumerate().for_each(|(at, (field, _))| places.add(*field, at));
        *self = Values { list: List::Own(Room(rest)), places };
    }

    /// The values among which those of the field are.
    #[inline]
    pub(super) fn among(&self, field: Field) -> &[(Field, Value)] {
        let all = self.all();
        &all[self.places.among(field, all.len())]
    }

    pub(super) fn iter(&self) -> slice::Iter<'_, (Field, Value)> {
        self.all().iter()
    }

    /// How many bytes they take without room for more.
    pub(super) fn stated_bytes(&self) -> usize {
        size_of_val(self.all())
    }

    /// How many bytes they take.
    pub(super) fn bytes(&self) -> usize {
        let places = match &self.list {
            List::Own(Room(list)) => list.capacity(),
            List::Packed { own, .. } => own.len(),
        };
        places * size_of::<(Field, Value)>()
    }

    #[inline]
    fn all(&self) -> &[(Field, Value)] {
        self.list.all()
    }

    /// The list, to be changed.
    #[inline]
    fn own(&mut self) -> &mut Vec<(Field, Value)> {
        if let List::Packed { .. } = self.list {
            self.unpack();
        }
        match &mut self.list {
            List::Own(Room(list)) => list,
            List::Packed { .. } => unreachable!("it was made its own"),
        }
    }

    #[cold]
    fn unpack(&mut self) {
        let mut list = Vec::with_capacity(self.all().len() + 1);
        list.extend_from_slice(self.all());
        self.list = List::Own(Room(list));
    }
}

impl List {
    #[inline]
    fn all(&self) -> &[(Field, Value)] {
        match self {
            List::Own(Room(list)) => list,
            List::Packed { all, own } => &all[own.start as usize..own.end as usize],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Event, Scalar, Timestamp, field};

    fn names(event: &Event) -> Vec<String> {
        event.values().map(|(_, value)| value.text().into_owned()).collect()
    }

    #[test]
    fn the_room_of_an_event_that_is_gone_is_that_of_the_next_and_a_thread_keeps_little_of_it() {
        let value = (field::PROCESS_NAME, Value::Bool(true));
        let fill = |mut values: Values, count| {
            (0..count).for_each(|_| values.push(value.0, value.1));
            (values.all().as_ptr(), values)
        };
        let (first, values) = fill(Values::for_many(), 64);
        drop(values);
        let (second, values) = fill(Values::new(), 1);
        assert_eq!((second, values.all()), (first, &[value][..]), "and of its values nothing is left");
        let kept = || ROOMS.with_borrow(Vec::len);
        drop((values, fill(Values::new(), 1000)));
        assert_eq!(kept(), 1, "room for a thousand is not kept");
        drop((0..1000).map(|_| Values::new()).collect::<Vec<_>>());
        assert_eq!(kept(), SPARE);
    }

    #[test]
    fn packed_events_keep_their_values_and_change_alone() {
        let mut events = ["a", "b", "c"].map(|name| {
            let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
            event.push_str(field::PROCESS_NAME, name);
            event.push_int(field::PROCESS_PID, 7);
            event
        });
        events[2].remove(field::PROCESS_PID);
        let (loose, stated) = (events[0].bytes(), events[0].stated_bytes());
        Event::pack(events.iter_mut());
        assert_eq!(events[0].stated_bytes(), stated);
        assert_eq!(
            [names(&events[0]), names(&events[1]), names(&events[2])],
            [vec!["a", "7"], vec!["b", "7"], vec!["c"]]
        );
        assert!(events[0].bytes() < loose);
        let copy = events[1].detached();
        events[1].push_int(field::PROCESS_PID, 8);
        assert_eq!((events[1].stated(field::PROCESS_PID).count(), names(&copy)), (2, vec!["b".into(), "7".into()]));
        events[0].remove(field::PROCESS_NAME);
        assert_eq!((names(&events[0]), events[2].str(field::PROCESS_NAME)), (vec!["7".into()], Some("c")));
        assert!(events[1].any(field::PROCESS_PID, |pid| pid == Scalar::Int(8)));
    }
}
