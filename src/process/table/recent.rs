//! Keys in the order in which they came, of which the oldest expire.

use std::collections::VecDeque;
use std::time::Duration;

use crate::event::Timestamp;
use crate::process::key::Key;

/// For how long a key is kept: how much later than one report that needs another that other may come.
const LATEST: Duration = Duration::from_secs(5);
const MAX_KEPT: usize = 4096;
/// The most that their texts take: a recording can name an execution with a megabyte.
const MAX_BYTES: usize = 1 << 20;

/// The keys of the last seconds.
#[derive(Debug, Default)]
pub(super) struct Recent {
    keys: VecDeque<(Timestamp, Key)>,
    bytes: usize,
}

impl Recent {
    /// Adds a key. Call [`Recent::expire`] first.
    pub(super) fn push(&mut self, time: Timestamp, key: Key) {
        self.bytes += key.text().len();
        self.keys.push_back((time, key));
    }

    /// Removes a key that is too old, or the oldest when there is no room for one more; returns whether it was for that.
    /// What is long is only ever the last.
    pub(super) fn expire(&mut self, now: Timestamp) -> Option<(Key, bool)> {
        let horizon = now.saturating_sub(LATEST);
        let is_full = self.keys.len() >= MAX_KEPT || self.bytes >= MAX_BYTES;
        let (since, key) = self.keys.pop_front_if(|(since, _)| is_full || *since < horizon)?;
        self.bytes -= key.text().len();
        Some((key, since >= horizon))
    }
}
