//! The executions themselves, each in a place that has a number.
//!
//! What else tells of an execution has its number instead of its key: the tables of those are a fraction as large, and
//! stay in near memory, where tens of thousands of keys would not.
#![allow(
    clippy::cast_possible_truncation,
    reason = "a part of a hash, and places, of which there are fewer than executions"
)]

use std::hash::{Hash, Hasher};

use hashbrown::HashTable;

use super::entry::Entry;
use crate::process::key::Wanted;

/// An execution for as long as it is in the table: its place, and how many have had the place before it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Id {
    at: u32,
    turn: u32,
}

impl Hash for Id {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // At once: each write costs.
        state.write_u64(u64::from(self.at) << 32 | u64::from(self.turn));
    }
}

/// Executions by their keys and by their ids.
#[derive(Debug, Default)]
pub(super) struct Executions {
    /// Places, each with a part of the hash of its key: a table that grows looks into no place.
    by_key: HashTable<(u32, u32)>,
    places: Vec<Place>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Place {
    turn: u32,
    entry: Option<Entry>,
}

impl Executions {
    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.by_key.len()
    }

    /// The id of the execution with this key.
    pub(super) fn find(&self, key: &Wanted<'_>) -> Option<Id> {
        let hash = key.hash() as u32;
        let is_it = |(part, at): &(u32, u32)| *part == hash && self.entry(*at).is_some_and(|entry| key.is(&entry.key));
        let (_, at) = *self.by_key.find(spread(hash), is_it)?;
        Some(Id { at, turn: self.places[at as usize].turn })
    }

    /// The execution with this key.
    pub(super) fn get(&self, key: &Wanted<'_>) -> Option<&Entry> {
        self.at(self.find(key)?)
    }

    /// The execution with this key, to be changed, and its id.
    pub(super) fn find_mut(&mut self, key: &Wanted<'_>) -> Option<(Id, &mut Entry)> {
        let id = self.find(key)?;
        Some((id, self.at_mut(id)?))
    }

    /// The execution with this id.
    pub(super) fn at(&self, id: Id) -> Option<&Entry> {
        self.places.get(id.at as usize).filter(|place| place.turn == id.turn)?.entry.as_ref()
    }

    /// The execution with this id, to be changed.
    pub(super) fn at_mut(&mut self, id: Id) -> Option<&mut Entry> {
        self.places.get_mut(id.at as usize).filter(|place| place.turn == id.turn)?.entry.as_mut()
    }

    /// Adds an execution, of which the key is not there.
    pub(super) fn insert(&mut self, entry: Entry) -> Id {
        self.make_room();
        let hash = entry.key.hash() as u32;
        let at = self.free.pop().unwrap_or_else(|| {
            if self.places.len() == self.places.capacity() {
                // Doubled, half of them could stay empty.
                self.places.reserve_exact(16 + self.places.len() / 8);
            }
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        self.by_key.insert_unique(spread(hash), (hash, at), |(hash, _)| spread(*hash));
        let place = &mut self.places[at as usize];
        place.entry = Some(entry);
        Id { at, turn: place.turn }
    }

    /// Takes an execution out. Its id is of no use any more.
    pub(super) fn remove(&mut self, id: Id) -> Option<Entry> {
        let place = self.places.get_mut(id.at as usize).filter(|place| place.turn == id.turn)?;
        let entry = place.entry.take()?;
        place.turn = place.turn.wrapping_add(1);
        self.free.push(id.at);
        let hash = entry.key.hash() as u32;
        if let Ok(found) = self.by_key.find_entry(spread(hash), |(_, at)| *at == id.at) {
            found.remove();
        }
        Some(entry)
    }

    fn entry(&self, at: u32) -> Option<&Entry> {
        self.places[at as usize].entry.as_ref()
    }

    /// Makes room for one more. A table that is full of places and of marks of removed ones is rebuilt instead of
    /// doubled, as [`crate::process::room`] does.
    fn make_room(&mut self) {
        let held = self.by_key.len();
        if held == 0 || held < self.by_key.capacity() {
            return;
        }
        let mut fresh = HashTable::with_capacity(held + held / 16 + 1);
        for (hash, at) in self.by_key.drain() {
            fresh.insert_unique(spread(hash), (hash, at), |(hash, _)| spread(*hash));
        }
        self.by_key = fresh;
    }
}

/// A table finds its places by the bits at both ends of a hash.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::sync::Arc;

    use super::*;
    use crate::event::{Categories, Event, Ledger, Timestamp, field};
    use crate::process::key::Keys;

    fn event(n: u64) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_ENTITY_ID, &n.to_string());
        event
    }

    fn entry(keys: &mut Keys, n: u64) -> Entry {
        let key = keys.of(&event(n), &n.to_string()).to_key();
        let (context, began) = (Arc::default(), Timestamp::default());
        let _charge = Ledger::default().charge(0);
        let (children, ended, awaits) = (None, None, None);
        Entry { key, context, children, marks: u128::from(n), executed: true, began, ended, awaits, _charge }
    }

    #[test]
    fn executions_that_come_and_go_are_found_by_key_and_id_and_not_when_they_are_gone() {
        let (mut keys, mut executions, mut held) = (Keys::default(), Executions::default(), VecDeque::new());
        for n in 0..5000 {
            let id = executions.insert(entry(&mut keys, n));
            held.push_back((n, id));
            if n >= 1000 {
                let (old, id) = held.pop_front().unwrap();
                assert_eq!(executions.remove(id).map(|entry| entry.marks), Some(old.into()));
                assert!(executions.at(id).is_none() && executions.remove(id).is_none());
                assert!(executions.get(&keys.of(&event(old), &old.to_string())).is_none());
            }
        }
        assert_eq!((executions.len(), executions.places.len()), (1000, 1001), "places are used again");
        assert!(executions.by_key.capacity() < 2 * 1024);
        for (n, id) in held {
            assert_eq!(executions.find(&keys.of(&event(n), &n.to_string())), Some(id));
            assert_eq!(executions.at(id).map(|entry| entry.marks), Some(n.into()));
        }
    }
}
