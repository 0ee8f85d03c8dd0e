//! Which processes have their sockets looked at one by one.

use std::sync::Arc;

use crate::event::{Categories, Event, Scalar, field};
use crate::script::Program;
use crate::source::live::Watched;

/// Follows the programs that run scripts and workflows, and what they start.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Arc<Watched>,
    evicted: u64,
}

impl Watch {
    pub(super) fn new(watched: Arc<Watched>) -> Watch {
        Watch { watched, evicted: 0 }
    }

    /// Processes that could not be watched, because too many are.
    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Records a process event.
    pub(super) fn observe(&mut self, event: &Event) {
        let pid = |field| event.int(field).and_then(|pid| u32::try_from(pid).ok());
        let (true, Some(own)) = (event.categories.intersects(Categories::PROCESS), pid(field::PROCESS_PID)) else {
            return;
        };
        if event.is_type("end") && !event.is_type("start") {
            return self.watched.remove(own);
        }
        let inherited = || pid(field::PARENT_PID).is_some_and(|parent| self.watched.contains(parent));
        let is_wanted = Program::of(event).is_some() || inherited();
        if event.any(field::EVENT_ACTION, |action| action == Scalar::Str("fork")) && !is_wanted {
            // A new process with a pid whose exit was lost.
            self.watched.remove(own);
        }
        if is_wanted && !self.watched.contains(own) && !self.watched.insert(own) {
            self.evicted += 1;
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

    #[test]
    fn a_pid_whose_exit_was_lost_is_not_watched_in_the_process_that_has_it_next() {
        let watched = Arc::new(Watched::default());
        let mut watch = Watch::new(Arc::clone(&watched));
        watch.observe(&process("Application Stub", 2, 1, "start"));
        assert!(watched.contains(2));
        let mut fork = process("bash", 2, 1, "start");
        fork.push_str(field::EVENT_ACTION, "fork");
        watch.observe(&fork);
        assert!(!watched.contains(2));
    }
}
