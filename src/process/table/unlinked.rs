//! Executions with an ancestor of which only its entity id is known.

use std::collections::VecDeque;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use ahash::HashMap;

use super::recent::Recent;
use crate::event::Timestamp;
use crate::process::room::make_room;

/// The executions that wait for the start of one ancestor.
#[derive(Debug)]
pub(super) struct Waiting {
    /// The key of the ancestor.
    ancestor: Arc<str>,
    keys: VecDeque<Arc<str>>,
}

/// Executions with an ancestor of which only its entity id is known.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    /// The keys of those that descend from it, by its key.
    pub(super) by_ancestor: HashMap<Arc<str>, Waiting>,
    /// The key of that ancestor, by the key of the execution.
    pub(super) ancestor_of: HashMap<Arc<str>, Arc<str>>,
    order: Recent,
}

impl Unlinked {
    pub(super) fn add(&mut self, time: Timestamp, key: &Arc<str>, ancestor: &str) {
        self.expire(time);
        make_room(&mut self.ancestor_of);
        let Entry::Vacant(place) = self.ancestor_of.entry(Arc::clone(key)) else { return };
        match self.by_ancestor.get_mut(ancestor) {
            Some(waiting) => {
                place.insert(waiting.ancestor.clone());
                waiting.keys.push_back(Arc::clone(key));
            }
            None => {
                let ancestor: Arc<str> = ancestor.into();
                place.insert(Arc::clone(&ancestor));
                let waiting = Waiting { ancestor: Arc::clone(&ancestor), keys: VecDeque::from([Arc::clone(key)]) };
                make_room(&mut self.by_ancestor);
                self.by_ancestor.insert(ancestor, waiting);
            }
        }
        self.order.push(time, Arc::clone(key));
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some(key) = self.order.expire(now) {
            let Some(ancestor) = self.ancestor_of.remove(&key) else { continue };
            if let Some(waiting) = self.by_ancestor.get_mut(&ancestor) {
                // The oldest of all is the oldest of those that wait for the same one, except for some that were added
                // again.
                if waiting.keys.front() == Some(&key) {
                    waiting.keys.pop_front();
                } else {
                    waiting.keys.retain(|waiting| *waiting != key);
                }
                if waiting.keys.is_empty() {
                    self.by_ancestor.remove(&ancestor);
                }
            }
        }
    }

    /// Those that waited for this one.
    pub(super) fn take(&mut self, ancestor: &str) -> VecDeque<Arc<str>> {
        let waiting = self.by_ancestor.remove(ancestor).map(|waiting| waiting.keys).unwrap_or_default();
        waiting.iter().for_each(|key| _ = self.ancestor_of.remove(key));
        waiting
    }
}
