//! Which processes have their sockets looked at one by one.

use std::collections::HashSet;
use std::sync::Arc;

use crate::event::{Categories, Event, Scalar, field};
use crate::script::Program;
use crate::source::live::Watched;

/// Processes that found no room and are known as such, at most: more than macOS gives pids to at a time hold events that
/// lie.
const MAX_REFUSED: usize = 100_000;

/// Follows the programs that run scripts and workflows, and what they start.
#[derive(Debug)]
pub(super) struct Watch {
    watched: Arc<Watched>,
    /// The pids that found no room: each is counted once, whatever further events tell of it.
    refused: HashSet<u32>,
    evicted: u64,
}

impl Watch {
    pub(super) fn new(watched: Arc<Watched>) -> Watch {
        Watch { watched, refused: HashSet::new(), evicted: 0 }
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
            return self.forget(own);
        }
        let inherited = || pid(field::PARENT_PID).is_some_and(|parent| self.is_wanted(parent));
        let is_wanted = Program::of(event).is_some() || inherited();
        if event.any(field::EVENT_ACTION, |action| action == Scalar::Str("fork")) && !is_wanted {
            // A new process with a pid whose exit was lost.
            self.forget(own);
        }
        if is_wanted && !self.watched.contains(own) {
            self.add(own);
        }
    }

    fn add(&mut self, pid: u32) {
        if self.watched.insert(pid) {
            self.refused.remove(&pid);
        } else if self.refused.len() >= MAX_REFUSED || self.refused.insert(pid) {
            self.evicted += 1;
        }
    }

    fn forget(&mut self, pid: u32) {
        self.watched.remove(pid);
        self.refused.remove(&pid);
    }

    /// Whether the process is watched, or would be if there were room.
    fn is_wanted(&self, pid: u32) -> bool {
        self.watched.contains(pid) || self.refused.contains(&pid)
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

    #[test]
    fn a_process_that_finds_no_room_is_counted_once_with_each_that_it_starts_and_watched_when_there_is_room() {
        let watched = Arc::new(Watched::default());
        (0..Watched::MAX as u32).for_each(|pid| assert!(watched.insert(pid + 10_000)));
        let mut watch = Watch::new(Arc::clone(&watched));
        for (name, pid, parent) in [("osascript", 2, 1), ("osascript", 2, 1), ("sh", 3, 2), ("curl", 3, 2)] {
            watch.observe(&process(name, pid, parent, "start"));
        }
        assert_eq!(watch.evicted(), 2, "two processes, of two events each");
        watch.observe(&process("zsh", 10_001, 1, "end"));
        watch.observe(&process("nscurl", 3, 2, "start"));
        assert!(watched.contains(3) && watch.evicted() == 2);
        watch.observe(&process("osascript", 2, 1, "end"));
        watch.observe(&process("osascript", 2, 1, "start"));
        assert_eq!(watch.evicted(), 3, "another process of the same pid");
    }
}
