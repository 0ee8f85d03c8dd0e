//! Exits that are reported before the start of their execution: it is not taken for running when the start comes.

use super::recent::Recent;
use crate::event::Timestamp;
use crate::process::key::{ByKey, Key, Wanted};
use crate::process::room::make_room;

/// Exits of executions that are not known, by their key in the table.
#[derive(Debug, Default)]
pub(super) struct EarlyExits {
    by_key: ByKey<Timestamp>,
    order: Recent<Key>,
}

impl EarlyExits {
    pub(super) fn add(&mut self, key: Wanted<'_>, time: Timestamp) {
        while let Some((key, _)) = self.order.expire(time) {
            self.by_key.remove(&key);
        }
        let (key, bytes) = (key.to_key(), key.bytes());
        make_room(&mut self.by_key);
        if self.by_key.insert(key.clone(), time).is_none() {
            self.order.push(time, key, bytes);
        }
    }

    /// When the execution that began at this time ended, if that was reported before.
    pub(super) fn take(&mut self, key: Wanted<'_>, began: Timestamp) -> Option<Timestamp> {
        if self.by_key.is_empty() {
            return None;
        }
        self.by_key.remove(&key).filter(|ended| *ended >= began)
    }
}
