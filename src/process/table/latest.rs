//! The latest execution of each pid, of sources that know no tokens.

use super::executions::Id;
use crate::event::{Event, field};
use crate::process::key::Key;
use crate::process::room::{Map, make_room};

/// The latest executions, by host and pid.
#[derive(Debug, Default)]
pub(super) struct Latest {
    by_host: Map<Box<str>, Map<i64, Id>>,
}

impl Latest {
    /// The event says that this execution began.
    pub(super) fn insert(&mut self, event: &Event, id: Id) {
        let Some(pid) = event.int(field::PROCESS_PID).filter(|_| has_no_token(event)) else { return };
        let host = event.str(field::HOST_ID).unwrap_or_default();
        match self.by_host.get_mut(host) {
            Some(by_pid) => {
                make_room(by_pid);
                by_pid.insert(pid, id);
            }
            None => _ = self.by_host.insert(host.into(), Map::from_iter([(pid, id)])),
        }
    }

    /// The latest execution of the pid on the host of the event, if the event has no token.
    pub(super) fn get(&self, event: &Event, pid: i64) -> Option<Id> {
        let host = event.str(field::HOST_ID).unwrap_or_default();
        self.by_host.get(host)?.get(&pid).copied().filter(|_| has_no_token(event))
    }

    /// This execution is forgotten, or has another pid.
    pub(super) fn remove(&mut self, key: &Key, pid: i64, id: Id) {
        let host = key.host();
        let Some(by_pid) = self.by_host.get_mut(host) else { return };
        if by_pid.get(&pid) == Some(&id) {
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
