//! Exits that are reported before the start of their execution: it is not taken for running when the start comes.

use std::sync::Arc;

use ahash::HashMap;

use super::recent::Recent;
use crate::event::Timestamp;
use crate::process::room::make_room;

/// Exits of executions that are not known, by their key in the table.
#[derive(Debug, Default)]
pub(super) struct EarlyExits {
    by_key: HashMap<Arc<str>, Timestamp>,
    order: Recent,
}

impl EarlyExits {
    pub(super) fn add(&mut self, key: &str, time: Timestamp) {
        while let Some(key) = self.order.expire(time) {
            self.by_key.remove(&key);
        }
        let key: Arc<str> = key.into();
        make_room(&mut self.by_key);
        if self.by_key.insert(Arc::clone(&key), time).is_none() {
            self.order.push(time, key);
        }
    }

    /// When the execution that began at this time ended, if that was reported before.
    pub(super) fn take(&mut self, key: &str, began: Timestamp) -> Option<Timestamp> {
        if self.by_key.is_empty() {
            return None;
        }
        self.by_key.remove(key).filter(|ended| *ended >= began)
    }
}
