//! An event that is recorded more than once, as where exports overlap, is one event: its copies would be detected again.

use std::mem;

use ahash::HashSet;

use crate::event::{Event, Field, Timestamp, field};

/// Events of one millisecond that are known again.
const MAX_EVENTS: usize = 65_536;
/// In nanoseconds.
const MILLISECOND: u64 = 1_000_000;

/// What an event is known by besides its time and its id.
const KNOWN_BY: [Field; 4] = [field::HOST_ID, field::PROCESS_ENTITY_ID, field::EVENT_ACTION, field::EVENT_CATEGORY];
/// What ends each part of a name.
const END: char = '\0';

/// The events of the millisecond that is at hand: copies are of one time, so in order they come one after the other. A
/// search can give out milliseconds of a time that the document has in nanoseconds.
#[derive(Debug, Default)]
pub(super) struct Copies {
    milliseconds: i64,
    names: HashSet<Box<str>>,
    /// Room for the name of an event.
    name: String,
    left_out: u64,
}

impl Copies {
    /// Whether the event is a copy of one that was before; it is counted then. `next`: the time of the one that follows.
    pub(super) fn has(&mut self, event: &Event, next: Option<Timestamp>) -> bool {
        if !self.names.is_empty() && self.milliseconds != event.time.milliseconds() {
            self.names.clear();
        }
        if self.names.is_empty() {
            if !next.is_some_and(|next| may_be_of(event.time, next)) {
                return false;
            }
            self.milliseconds = event.time.milliseconds();
        }
        let mut name = mem::take(&mut self.name);
        let is_copy = write_name(event, &mut name) && self.is_known(&name);
        self.name = name;
        self.left_out += u64::from(is_copy);
        is_copy
    }

    /// Whether the name is known; from now on it is.
    fn is_known(&mut self, name: &str) -> bool {
        let is_known = self.names.contains(name);
        if !is_known && self.names.len() < MAX_EVENTS {
            self.names.insert(name.into());
        }
        is_known
    }

    /// How many copies there were.
    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }
}

/// Whether a time can be that of a copy of an event whose time is the same or lacks its last digits.
fn may_be_of(time: Timestamp, copy: Timestamp) -> bool {
    let (time, copy) = (time.nanoseconds(), copy.nanoseconds());
    if copy.abs_diff(time) >= MILLISECOND {
        return false;
    }
    let unit = [1_000_000, 1_000].into_iter().find(|unit| time % unit == 0).unwrap_or(1);
    copy - copy.rem_euclid(unit) == time
}

/// Writes what the event shares with its copies alone; whether there is such a thing.
fn write_name(event: &Event, name: &mut String) -> bool {
    name.clear();
    let stated = [field::EVENT_ID, field::DOCUMENT_ID].into_iter().find_map(|field| event.stated(field).next());
    match stated {
        Some(id) => name.push_str(&id.text()),
        // The sensor numbers its messages.
        None if event.line().is_none() && event.int(field::GLOBAL_SEQ_NUM).is_some() => name.push_str(&event.id()),
        None => return false,
    }
    for field in KNOWN_BY {
        name.push(END);
        name.push_str(event.str(field).unwrap_or_default());
    }
    // Parts that have the sign in them could run together.
    memchr::memchr_iter(END as u8, name.as_bytes()).count() == KNOWN_BY.len()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Categories;

    /// Which of events in order, each by the nanoseconds of its time and its id, are copies.
    fn copies(events: &[(i64, &str)]) -> Vec<bool> {
        let mut copies = Copies::default();
        let event = |(time, id): &(i64, &str)| {
            let mut event = Event::new(Timestamp::from_nanoseconds(*time), Categories::PROCESS);
            event.push_str(field::EVENT_ID, id);
            event
        };
        let times = events.iter().skip(1).map(|(time, _)| Some(Timestamp::from_nanoseconds(*time))).chain([None]);
        let found = events.iter().zip(times).map(|(of, next)| copies.has(&event(of), next)).collect();
        assert!(copies.names.len() <= 3);
        found
    }

    #[test]
    fn a_copy_has_the_time_of_its_event_or_lacks_digits_of_it() {
        let millisecond = 1_768_464_000_123_000_000;
        for (events, wanted) in [
            (&[(456_789, "a"), (456_789, "a")][..], &[false, true][..]),
            (&[(456_789, "a"), (456_789, "b"), (456_789, "a")], &[false, false, true]),
            (&[(0, "a"), (456_789, "a")], &[false, true]),
            (&[(0, "b"), (0, "a"), (100, "c"), (456_789, "a")], &[false, false, false, true]),
            (&[(456_000, "a"), (456_789, "a")], &[false, true]),
            (&[(456_000, "a"), (457_000, "a")], &[false, false]),
            (&[(456_789, "a"), (456_790, "a")], &[false, false]),
            (&[(0, "a"), (1_000_000, "a"), (1_000_000, "a")], &[false, false, true]),
            (&[(456_789, ""), (456_789, "\0")], &[false, false]),
        ] {
            let events: Vec<_> = events.iter().map(|(after, id)| (millisecond + after, *id)).collect();
            assert_eq!(copies(&events), wanted, "{events:?}");
        }
    }
}
