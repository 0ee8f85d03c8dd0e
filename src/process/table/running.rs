//! The executions that run, in the order in which they were reported.

use std::collections::VecDeque;

use super::executions::{Executions, Id};

/// How many places of executions that have ended since may be held, at least, before they are looked for.
const MIN_STALE: usize = 1024;

/// The running executions. One that ends stays until its place is looked at: most ends cost nothing.
#[derive(Debug, Default)]
pub(super) struct Running {
    ids: VecDeque<Id>,
    /// How many there were after those that had ended were last looked for.
    ran: usize,
}

impl Running {
    /// Adds an execution whose start was reported after those of all others.
    pub(super) fn push(&mut self, id: Id, executions: &Executions) {
        if self.ids.len() > 2 * self.ran + MIN_STALE {
            self.ids.retain(|id| runs(*id, executions));
            self.ran = self.ids.len();
        }
        self.ids.push_back(id);
    }

    /// Removes the one that was reported first.
    pub(super) fn pop(&mut self, executions: &Executions) -> Option<Id> {
        std::iter::from_fn(|| self.ids.pop_front()).find(|id| runs(*id, executions))
    }
}

fn runs(id: Id, executions: &Executions) -> bool {
    executions.at(id).is_some_and(|entry| entry.ended.is_none())
}

#[cfg(test)]
mod tests {
    use crate::event::{Categories, Event, Timestamp, field};
    use crate::process::Table;

    #[test]
    fn those_that_have_ended_take_little_and_the_first_that_runs_is_given_up_first() {
        let mut table = Table::default();
        let mut tell = |second: i64, name: &str, kind: &str| {
            let mut event = Event::new(Timestamp::from_milliseconds(1000 * second).unwrap(), Categories::PROCESS);
            event.push_str(field::EVENT_TYPE, kind);
            event.push_str(field::PROCESS_ENTITY_ID, name);
            table.observe(&mut event, |_| 0);
            table.running.ids.len()
        };
        tell(0, "gone", "start");
        tell(0, "daemon", "start");
        tell(0, "gone", "end");
        let mut most = 0;
        for second in 0..50_000 {
            most = most.max(tell(second, &second.to_string(), "start"));
            tell(second, &second.to_string(), "end");
        }
        tell(50_000, "last", "start");
        assert!((1000..1100).contains(&most), "{most}");
        let names = std::iter::from_fn(|| {
            let id = table.running.pop(&table.executions)?;
            table.executions.at(id).map(|entry| entry.key.entity_id().to_owned())
        });
        assert_eq!(names.collect::<Vec<_>>(), ["daemon", "last"]);
    }
}
