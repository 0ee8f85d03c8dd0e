//! The self-test of exec events: osawatch starts children, whose execs must be reported, and measures how soon.

use std::collections::HashMap;
use std::fmt;
use std::time::Duration;

use crate::event::{Event, field};

/// The harmless program that each child runs.
pub(crate) const PROGRAM: &str = "/usr/bin/true";
/// A child is started this often until one is reported,
pub(crate) const PERIOD: Duration = Duration::from_secs(1);
/// and this often at most.
pub(crate) const MAX_CHILDREN: usize = 10;

/// What the test found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Finding {
    /// The exec of a child was reported so long after it was started.
    Delay(Duration),
    /// None was.
    Silence,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Finding::Delay(delay) => write!(f, "exec events arrive after {} ms", delay.as_millis()),
            Finding::Silence => write!(
                f,
                "no exec event arrived within {} s although programs were started: allow osawatch (in an incident: \
                 Terminal) under System Settings > Privacy & Security > Full Disk Access, and see whether \
                 `sudo eslogger exec` prints anything",
                MAX_CHILDREN as u64 * PERIOD.as_secs()
            ),
        }
    }
}

/// The children that were started, by pid, and when.
#[derive(Debug, Default)]
pub(crate) struct Probe {
    children: HashMap<u32, Duration>,
    is_over: bool,
}

impl Probe {
    /// A child was started.
    pub(crate) fn started(&mut self, pid: u32, now: Duration) {
        self.children.insert(pid, now);
    }

    /// Takes in an event. The delay of the first exec of a child ends the test.
    pub(crate) fn observe(&mut self, event: &Event, now: Duration) -> Option<Finding> {
        if self.is_over || event.str(field::EVENT_ACTION) != Some("exec") {
            return None;
        }
        let pid = event.int(field::PROCESS_PID).and_then(|pid| u32::try_from(pid).ok())?;
        let is_ours = event.str(field::PROCESS_EXECUTABLE) == Some(PROGRAM);
        let started = self.children.get(&pid).filter(|_| is_ours)?;
        self.is_over = true;
        Some(Finding::Delay(now.saturating_sub(*started)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp};

    fn event(action: &str, pid: i64, executable: &str) -> Event {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::EVENT_ACTION, action);
        event.push_int(field::PROCESS_PID, pid);
        event.push_str(field::PROCESS_EXECUTABLE, executable);
        event
    }

    #[test]
    fn the_first_exec_of_a_child_shows_the_delay_and_ends_the_test() {
        let (mut probe, ms) = (Probe::default(), Duration::from_millis);
        probe.started(7, ms(0));
        probe.started(8, ms(1000));
        for other in [event("fork", 7, PROGRAM), event("exec", 9, PROGRAM), event("exec", 7, "/usr/bin/false")] {
            assert_eq!(probe.observe(&other, ms(1010)), None);
        }
        assert_eq!(probe.observe(&event("exec", 8, PROGRAM), ms(1040)), Some(Finding::Delay(ms(40))));
        assert_eq!(probe.observe(&event("exec", 7, PROGRAM), ms(1041)), None);
    }

    #[test]
    fn silence_says_what_to_check() {
        let text = Finding::Silence.to_string();
        assert!(text.starts_with("no exec event arrived within 10 s") && text.contains("Full Disk Access"), "{text}");
        assert_eq!(Finding::Delay(Duration::from_micros(40_500)).to_string(), "exec events arrive after 40 ms");
    }
}
