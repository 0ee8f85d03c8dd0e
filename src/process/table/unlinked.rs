//! Executions with an ancestor of which only its entity id is known.

use std::collections::VecDeque;
use std::sync::Arc;

use hashbrown::hash_map::Entry;

use super::executions::Id;
use super::recent::Recent;
use crate::event::{Ancestors, Timestamp};
use crate::process::key::{ByKey, Key, Wanted};
use crate::process::room::{Map, make_room};

/// The executions that wait for the start of one ancestor.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The key of the ancestor.
    ancestor: Key,
    /// What the first of them said of it, and so descends from: most say the same, and share it.
    named: Option<Arc<Ancestors>>,
    ids: VecDeque<Id>,
}

/// Executions with an ancestor of which only its entity id is known.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    /// Those that descend from it, by its key.
    pub(super) by_ancestor: ByKey<Waiting>,
    /// The key of that ancestor, by the execution.
    pub(super) ancestor_of: Map<Id, Key>,
    order: Recent<Id>,
    given_up: u64,
}

impl Unlinked {
    /// Those for whose ancestor there was no room to wait as long as its start may well be late.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// This execution waits for the start of an ancestor, of which this is known.
    pub(super) fn add(&mut self, time: Timestamp, id: Id, ancestor: Wanted<'_>, named: Option<&Arc<Ancestors>>) {
        self.expire(time);
        make_room(&mut self.ancestor_of);
        let Entry::Vacant(place) = self.ancestor_of.entry(id) else { return };
        match self.by_ancestor.get_mut(&ancestor) {
            Some(waiting) => {
                place.insert(waiting.ancestor.clone());
                waiting.ids.push_back(id);
            }
            None => {
                let ancestor = ancestor.to_key();
                place.insert(ancestor.clone());
                let (named, ids) = (named.cloned(), VecDeque::from([id]));
                make_room(&mut self.by_ancestor);
                self.by_ancestor.insert(ancestor.clone(), Waiting { ancestor, named, ids });
            }
        }
        self.order.push(time, id, ancestor.bytes());
    }

    /// What was said of an ancestor that is waited for.
    pub(super) fn named(&self, ancestor: Wanted<'_>) -> Option<&Arc<Ancestors>> {
        self.by_ancestor.get(&ancestor)?.named.as_ref()
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((id, is_early)) = self.order.expire(now) {
            let Some(ancestor) = self.ancestor_of.remove(&id) else { continue };
            self.given_up += u64::from(is_early);
            if let Some(waiting) = self.by_ancestor.get_mut(&ancestor) {
                // The oldest of all is the oldest of those that wait for the same one, except for some that were added
                // again.
                if waiting.ids.front() == Some(&id) {
                    waiting.ids.pop_front();
                } else {
                    waiting.ids.retain(|waiting| *waiting != id);
                }
                if waiting.ids.is_empty() {
                    self.by_ancestor.remove(&ancestor);
                }
            }
        }
    }

    /// Those that waited for this one.
    pub(super) fn take(&mut self, ancestor: Wanted<'_>) -> VecDeque<Id> {
        let waiting = self.by_ancestor.remove(&ancestor).map(|waiting| waiting.ids).unwrap_or_default();
        waiting.iter().for_each(|id| _ = self.ancestor_of.remove(id));
        waiting
    }
}
