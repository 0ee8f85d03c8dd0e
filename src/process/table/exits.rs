//! Exits that are reported before the start of their execution: it is not taken for running when the start comes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;

use crate::event::Timestamp;

/// For how long the start may still come.
const LATEST: Duration = Duration::from_secs(5);
/// Exits that are kept.
const MAX_KEPT: usize = 4096;

/// Exits of executions that are not known, by their key in the table.
#[derive(Debug, Default)]
pub(super) struct EarlyExits {
    by_key: HashMap<Arc<str>, Timestamp>,
    order: VecDeque<(Timestamp, Arc<str>)>,
}

impl EarlyExits {
    pub(super) fn add(&mut self, key: &str, time: Timestamp) {
        let horizon = time.saturating_sub(LATEST);
        while self.order.len() >= MAX_KEPT || self.order.front().is_some_and(|(ended, _)| *ended < horizon) {
            let Some((_, key)) = self.order.pop_front() else { break };
            self.by_key.remove(&key);
        }
        let key: Arc<str> = key.into();
        if self.by_key.insert(Arc::clone(&key), time).is_none() {
            self.order.push_back((time, key));
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
