//! Executions with an ancestor of which only its entity id is known.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;

use crate::event::Timestamp;

/// For how long a start may still come.
const LATEST: Duration = Duration::from_secs(5);
/// Executions that wait for the start of an ancestor.
const MAX_WAITING: usize = 4096;

/// Executions with an ancestor of which only its entity id is known.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    /// The keys of those that descend from it, by its key.
    pub(super) by_ancestor: HashMap<Arc<str>, VecDeque<Arc<str>>>,
    /// The key of that ancestor, by the key of the execution.
    pub(super) ancestor_of: HashMap<Arc<str>, Arc<str>>,
    order: VecDeque<(Timestamp, Arc<str>)>,
}

impl Unlinked {
    pub(super) fn add(&mut self, time: Timestamp, key: &str, ancestor: Arc<str>) {
        if self.ancestor_of.contains_key(key) {
            return;
        }
        self.expire(time);
        let key: Arc<str> = key.into();
        self.by_ancestor.entry(Arc::clone(&ancestor)).or_default().push_back(Arc::clone(&key));
        self.ancestor_of.insert(Arc::clone(&key), ancestor);
        self.order.push_back((time, key));
    }

    fn expire(&mut self, now: Timestamp) {
        let horizon = now.saturating_sub(LATEST);
        while self.order.len() >= MAX_WAITING || self.order.front().is_some_and(|(since, _)| *since < horizon) {
            let Some((_, key)) = self.order.pop_front() else { return };
            let Some(ancestor) = self.ancestor_of.remove(&key) else { continue };
            if let Some(waiting) = self.by_ancestor.get_mut(&ancestor) {
                // The oldest of all is the oldest of those that wait for the same one, but for some that came anew.
                if waiting.front() == Some(&key) {
                    waiting.pop_front();
                } else {
                    waiting.retain(|waiting| *waiting != key);
                }
                if waiting.is_empty() {
                    self.by_ancestor.remove(&ancestor);
                }
            }
        }
    }

    /// Those that waited for this one.
    pub(super) fn take(&mut self, ancestor: &str) -> VecDeque<Arc<str>> {
        let waiting = self.by_ancestor.remove(ancestor).unwrap_or_default();
        waiting.iter().for_each(|key| _ = self.ancestor_of.remove(key));
        waiting
    }
}
