//! Keys in the order in which they came, of which the oldest expire.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Timestamp;

/// For how long a key is kept: how much later than one report that needs another that other may come.
const LATEST: Duration = Duration::from_secs(5);
const MAX_KEPT: usize = 4096;
/// The most that their texts take: a recording can name an execution with a megabyte.
const MAX_BYTES: usize = 1 << 20;

/// The keys of the last seconds, or what stands for them.
#[derive(Debug)]
pub(super) struct Recent<K> {
    keys: VecDeque<(Timestamp, K, usize)>,
    bytes: usize,
}

impl<K> Default for Recent<K> {
    fn default() -> Recent<K> {
        Recent { keys: VecDeque::new(), bytes: 0 }
    }
}

impl<K> Recent<K> {
    /// Adds a key, for which so many bytes of text are held. Call [`Recent::expire`] first.
    pub(super) fn push(&mut self, time: Timestamp, key: K, bytes: usize) {
        self.bytes += bytes;
        self.keys.push_back((time, key, bytes));
    }

    /// Removes a key that is too old, or the oldest when there is no room for one more; returns whether it was for that.
    /// What is long is only ever the last.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<(K, bool)> {
        let horizon = now.saturating_sub(LATEST);
        let is_full = self.keys.len() >= MAX_KEPT || self.bytes >= MAX_BYTES;
        let (since, key, bytes) = self.keys.pop_front_if(|(since, ..)| is_full || *since < horizon)?;
        self.bytes -= bytes;
        Some((key, since >= horizon))
    }
}
