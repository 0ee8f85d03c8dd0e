//! Keys in the order in which they came, of which the oldest expire.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Timestamp;
use crate::process::key::Key;

/// For how long a key is kept: how much later than one report that needs another that other may come.
const LATEST: Duration = Duration::from_secs(5);
const MAX_KEPT: usize = 4096;

/// The keys of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Recent(VecDeque<(Timestamp, Key)>);

impl Recent {
    /// Adds a key. Call [`Recent::expire`] first.
    pub(super) fn push(&mut self, time: Timestamp, key: Key) {
        self.0.push_back((time, key));
    }

    /// Removes a key that is too old, or the oldest when there is no room for one more.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<Key> {
        let horizon = now.saturating_sub(LATEST);
        let is_full = self.0.len() >= MAX_KEPT;
        let expired = self.0.pop_front_if(|(since, _)| is_full || *since < horizon);
        expired.map(|(_, key)| key)
    }
}
