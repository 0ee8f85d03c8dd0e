//! Which processes have their sockets looked at one by one.

use std::sync::Arc;

use crate::event::{Categories, Event, field};
use crate::source::live::Watched;

/// The programs that run scripts and workflows; their descendants are watched too.
const PROGRAMS: [&str; 4] = ["osascript", "automator", "com.apple.automator.runner", "Automator Application Stub"];

/// Follows the watched programs and what they start.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Arc<Watched>,
    refused: u64,
}

impl Watch {
    pub(super) fn new(watched: Arc<Watched>) -> Watch {
        Watch { watched, refused: 0 }
    }

    /// Processes that could not be watched, because too many are.
    pub(super) fn refused(&self) -> u64 {
        self.refused
    }

    /// Takes note of a process event.
    pub(super) fn observe(&mut self, event: &Event) {
        let pid = |field| event.int(field).and_then(|pid| u32::try_from(pid).ok());
        let (true, Some(own)) = (event.categories.intersects(Categories::PROCESS), pid(field::PROCESS_PID)) else {
            return;
        };
        if event.is_type("end") && !event.is_type("start") {
            return self.watched.remove(own);
        }
        let name = event.str(field::PROCESS_NAME).unwrap_or_default();
        let by_name = PROGRAMS.iter().any(|program| program.eq_ignore_ascii_case(name));
        let inherited = || pid(field::PARENT_PID).is_some_and(|parent| self.watched.contains(parent));
        if (by_name || inherited()) && !self.watched.contains(own) && !self.watched.insert(own) {
            self.refused += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Timestamp;

    fn process(name: &str, pid: i64, parent: i64, kind: &str) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::EVENT_TYPE, kind);
        event.push_str(field::PROCESS_NAME, name);
        event.push_int(field::PROCESS_PID, pid);
        event.push_int(field::PARENT_PID, parent);
        event
    }

    #[test]
    fn osascript_and_what_it_starts_are_watched_until_they_exit() {
        let watched = Arc::new(Watched::default());
        let mut watch = Watch::new(Arc::clone(&watched));
        for event in [
            process("bash", 1, 0, "start"),
            process("osascript", 2, 1, "start"),
            process("sh", 3, 2, "start"),
            process("curl", 3, 2, "start"),
            process("osascript", 2, 1, "end"),
        ] {
            watch.observe(&event);
        }
        assert_eq!([1, 2, 3].map(|pid| watched.contains(pid)), [false, false, true]);
    }
}
