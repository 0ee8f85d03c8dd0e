//! The latest execution of each pid, of sources that know no tokens.

use crate::event::{Event, Timestamp, field};
use crate::process::key::Key;
use crate::process::room::{Map, make_room};

/// When an execution began, and its key.
type Began = (Timestamp, Key);

/// The latest executions, by host and pid.
#[derive(Debug, Default)]
pub(super) struct Latest {
    by_host: Map<Box<str>, Map<i64, Began>>,
}

impl Latest {
    /// The event says that this execution began.
    pub(super) fn insert(&mut self, event: &Event, key: &Key) {
        let Some(pid) = event.int(field::PROCESS_PID).filter(|_| has_no_token(event)) else { return };
        let began = (event.time, key.clone());
        let host = event.str(field::HOST_ID).unwrap_or_default();
        match self.by_host.get_mut(host) {
            Some(by_pid) => {
                make_room(by_pid);
                by_pid.insert(pid, began);
            }
            None => _ = self.by_host.insert(host.into(), Map::from_iter([(pid, began)])),
        }
    }

    /// The latest execution of the pid on the host of the event, if the event has no token.
    pub(super) fn get(&self, event: &Event, pid: i64) -> Option<&Began> {
        let host = event.str(field::HOST_ID).unwrap_or_default();
        self.by_host.get(host)?.get(&pid).filter(|_| has_no_token(event))
    }

    /// The execution of this key is forgotten.
    pub(super) fn remove(&mut self, key: &Key, pid: i64) {
        let host = key.host();
        let Some(by_pid) = self.by_host.get_mut(host) else { return };
        if by_pid.get(&pid).is_some_and(|(_, latest)| latest == key) {
            by_pid.remove(&pid);
            if by_pid.is_empty() {
                self.by_host.remove(host);
            }
        }
    }
}

fn has_no_token(event: &Event) -> bool {
    event.int(field::PIDVERSION).is_none()
}
