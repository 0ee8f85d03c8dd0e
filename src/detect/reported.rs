//! What of a case has been counted already: two sources may report one connection, and two recordings hold one event.

use std::collections::VecDeque;

use super::suppress::held;
use crate::event::{Event, field};

/// Names of a case that are known again.
const MAX_NAMES: usize = 128;

/// The latest events and detections of a case, by name.
#[derive(Debug, Default)]
pub(super) struct Reported {
    names: VecDeque<String>,
}

impl Reported {
    /// Whether the connection has been counted, by its id or, where it has a local port, by its process, that port and
    /// its destination; it has been from now on.
    pub(super) fn has_connection(&mut self, event: &Event, destination: &str) -> bool {
        let by_port = event.int(field::SOURCE_PORT).is_some_and(|port| {
            let process = held(event.str(field::PROCESS_ENTITY_ID).unwrap_or_default());
            self.has(format!("{process}\0{port}\0{destination}"))
        });
        self.has(held(&event.id()).into_owned()) || by_port
    }

    /// Whether what has this name has been counted; it has been from now on.
    pub(super) fn has(&mut self, name: String) -> bool {
        if self.names.contains(&name) {
            return true;
        }
        if self.names.len() >= MAX_NAMES {
            self.names.pop_front();
        }
        self.names.push_back(name);
        false
    }
}
