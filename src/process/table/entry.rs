//! What the table holds of an execution.

use std::sync::Arc;

use crate::event::{Ancestors, Charge, Context, Execution, Timestamp};
use crate::process::key::Key;

/// Those that wait for the start of one ancestor, by their position.
pub(super) type Wait = u32;

/// An execution in the table.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: Key,
    pub(super) context: Arc<Context>,
    /// What its children descend from, once it has one: itself and its ancestors.
    pub(super) children: Option<Arc<Ancestors>>,
    /// Which `descendant of […]` queries this execution's own events match.
    pub(super) marks: u128,
    /// An exec reported it, not only a fork.
    pub(super) executed: bool,
    /// When its start was reported to have been.
    pub(super) began: Timestamp,
    pub(super) ended: Option<Timestamp>,
    /// With whom it waits for the start of an ancestor.
    pub(super) awaits: Option<Wait>,
    pub(super) _charge: Charge,
}

impl Entry {
    /// Which `descendant of […]` queries its descendants match.
    pub(super) fn lineage(&self) -> u128 {
        self.context.lineage | self.marks
    }

    /// What its children descend from, made when the first of them is reported.
    pub(super) fn list(&mut self) -> Option<Arc<Ancestors>> {
        let Context { process, ancestors, .. } = &*self.context;
        let process = process.as_ref()?;
        let list = self.children.get_or_insert_with(|| Ancestors::new(Arc::clone(process), ancestors.as_ref()));
        Some(Arc::clone(list))
    }
}

/// An execution as its descendants see it.
#[derive(Default)]
pub(super) struct Known {
    pub(super) execution: Option<Arc<Execution>>,
    pub(super) ancestors: Option<Arc<Ancestors>>,
    /// Which `descendant of […]` queries its ancestors match.
    pub(super) inherited: u128,
    /// Which of them it matches itself.
    pub(super) marks: u128,
    /// An exec reported it, not only a fork.
    pub(super) executed: bool,
}

impl Known {
    pub(super) fn of(entry: &Entry) -> Known {
        Known {
            execution: entry.context.process.clone(),
            ancestors: entry.context.ancestors.clone(),
            inherited: entry.context.lineage,
            marks: entry.marks,
            executed: entry.executed,
        }
    }
}
