//! From whom an execution descends.
//!
//! What a process is at its fork is what it stays: its parent can exit before the exec, which then names launchd, and
//! a program that replaces another in place is of the same descent.

use std::sync::Arc;
use std::time::Duration;

use super::Table;
use super::entry::{Entry, Known};
use crate::event::field;
use crate::event::{Ancestors, Context, Event, Execution, Scalar, Timestamp};
use crate::process::key::Wanted;

/// How late, or in how wrong an order, a source may log the executions of one process.
const DISORDER: Duration = Duration::from_secs(5);
/// For how long a process whose exit was not reported may be the one whose pid and parent's pid a later exec has: far
/// less than it takes until a pid is used again.
const ADJOINING: Duration = Duration::from_secs(60);

impl Table {
    /// Finds the parent, the ancestors and the responsible process that the event names. `itself` is what is known of
    /// its execution.
    pub(super) fn add_lineage(&mut self, event: &Event, itself: Known, context: &mut Context) {
        let before = self.before(event, itself);
        let at_fork = before.as_ref().and_then(|before| before.ancestors.clone());
        let named = event.str(field::PARENT_ENTITY_ID);
        if let Some(parent_id) = named {
            self.add_parent(event, parent_id, at_fork.as_ref(), context);
        }
        // The same parent may be known better by now.
        if let Some(list) = at_fork.filter(|list| named != Some(list.nearest().entity_id())) {
            context.ancestors = Some(list);
        }
        if event.stated(field::ANCESTRY).next().is_some() {
            self.add_stated_ancestors(event, context);
        }
        if let Some(before) = before {
            context.lineage |= before.inherited;
            if let Some(execution) = before.execution.clone().filter(|_| before.executed) {
                context.ancestors = Some(Ancestors::new(execution, context.ancestors.as_ref()));
                context.lineage |= before.marks;
            }
        }
        self.add_responsible(event, context);
    }

    /// The parent that the event names, and what descends from it where the process has not been seen before.
    fn add_parent(&mut self, event: &Event, id: &str, at_fork: Option<&Arc<Ancestors>>, context: &mut Context) {
        let key = self.keys.of(event, id);
        let parent = self.executions.find_mut(&key);
        let (list, lineage) = parent.map_or((None, 0), |(_, parent)| (parent.list(), parent.lineage()));
        let list = list.unwrap_or_else(|| self.named_parent(event, key));
        context.parent = Some(Arc::clone(list.nearest()));
        if at_fork.is_some_and(|list| list.nearest().entity_id() != id) {
            return;
        }
        let first = if at_fork.is_none() { self.original_parent(event) } else { None };
        let (list, lineage) = first.unwrap_or((list, lineage));
        context.ancestors = Some(list);
        context.lineage |= lineage;
    }

    /// The parent by what the event says of it, shared with what others say of it that wait for its start.
    fn named_parent(&self, event: &Event, key: Wanted<'_>) -> Arc<Ancestors> {
        let (pid, name) = (event.int(field::PARENT_PID), event.str(field::PARENT_NAME));
        let executable = event.str(field::PARENT_EXECUTABLE);
        let says = |named: &Execution| (named.pid(), named.name(), named.executable()) == (pid, name, executable);
        let shared = self.unlinked.named(key).filter(|list| says(list.nearest()));
        let named = || Execution::named(key.entity_id(), pid, name, executable).charged_to(&self.ledger);
        shared.cloned().unwrap_or_else(|| Ancestors::new(named(), None))
    }

    /// What the process was before it ran this program.
    fn before(&mut self, event: &Event, itself: Known) -> Option<Known> {
        let entity_id = event.str(field::PROCESS_ENTITY_ID)?;
        let is_known = |known: &Known| known.execution.is_some();
        if let Some(replaced_id) = event.str(field::REPLACED_ENTITY_ID).filter(|replaced| *replaced != entity_id) {
            return Some(self.known(event, replaced_id)).filter(is_known);
        }
        let Some(mut itself) = Some(itself).filter(is_known) else {
            return self.adjoining(event);
        };
        // A token names one execution; other sources give one id to all that a process runs.
        let runs_another = event.int(field::PIDVERSION).is_none()
            && itself.execution.as_ref().is_some_and(|execution| execution.is_another(event));
        itself.executed &= runs_another;
        Some(itself)
    }

    /// The execution of the same pid that this one follows, where the source gives each exec a new id.
    fn adjoining(&mut self, event: &Event) -> Option<Known> {
        if event.any(field::EVENT_ACTION, |action| action == Scalar::Str("fork")) {
            return None;
        }
        let parent = event.int(field::PARENT_PID);
        let latest = self.latest(event, event.int(field::PROCESS_PID)?)?;
        let (began, known) = (latest.began, Known::of(latest));
        let before = latest.context.parent.as_ref().and_then(|parent| parent.pid());
        let is_within = |time| event.time.saturating_sub(time) <= began;
        let is_same = before.is_some() && before == parent;
        let may_be = before.is_none() || parent.is_none() || parent == Some(1);
        let adjoins = (is_same && is_within(ADJOINING)) || (may_be && is_within(DISORDER));
        // The same program once more is rather a second process: a pid is all that the two have in common.
        let runs_another = known.execution.as_ref().is_some_and(|execution| execution.is_another(event));
        (adjoins && runs_another).then_some(known)
    }

    /// The latest execution of a pid, when it has not ended.
    fn latest(&self, event: &Event, pid: i64) -> Option<&Entry> {
        let entry = self.executions.at(self.latest.get(event, pid)?)?;
        Some(entry).filter(|entry| entry.ended.is_none_or(|ended| ended >= event.time))
    }

    /// What descends from the process that forked this one, when launchd has taken its place and the fork was not seen,
    /// and the `descendant of […]` queries that it matches.
    fn original_parent(&mut self, event: &Event) -> Option<(Arc<Ancestors>, u128)> {
        let pid = event.int(field::ORIGINAL_PARENT_PID)?;
        let forked = event.str(field::PROCESS_START).and_then(Timestamp::parse).unwrap_or(event.time);
        let key = self.owners.at(event.str(field::HOST_ID).unwrap_or_default(), pid, forked)?;
        let (_, entry) = self.executions.find_mut(&key.wanted())?;
        Some((entry.list()?, entry.lineage()))
    }

    /// The ancestors that the event states, and what they replaced in their processes where the source did not know it.
    fn add_stated_ancestors(&self, event: &Event, context: &mut Context) {
        let Table { executions, keys, ledger, .. } = self;
        let stated: Vec<&str> = event.texts(field::ANCESTRY).take(Ancestors::KEPT).collect();
        let mut chain: Vec<(&str, Option<&Arc<Execution>>)> = Vec::with_capacity(stated.len());
        for entity_id in &stated {
            let entry = executions.get(&keys.of(event, entity_id));
            chain.push((entity_id, entry.and_then(|entry| entry.context.process.as_ref())));
            let Some(entry) = entry else { continue };
            context.lineage |= entry.lineage();
            let pid = entry.context.process.as_ref().and_then(|execution| execution.pid());
            let nearest = entry.context.ancestors.as_ref().map(|list| list.nearest());
            let replaced = nearest.filter(|it| pid.is_some() && it.pid() == pid && !stated.contains(&it.entity_id()));
            chain.extend(replaced.map(|it| (it.entity_id(), Some(it))));
        }
        if context.ancestors.as_ref().is_some_and(|list| consists_of(list, &chain)) {
            return;
        }
        let named = |entity_id| Execution::named(entity_id, None, None, None).charged_to(ledger);
        context.ancestors = chain.into_iter().rev().fold(None, |further, (entity_id, execution)| {
            let execution = execution.cloned().unwrap_or_else(|| named(entity_id));
            Some(Ancestors::new(execution, further.as_ref()))
        });
    }

    fn add_responsible(&mut self, event: &Event, context: &mut Context) {
        let stated = event.str(field::EFFECTIVE_PARENT_ENTITY_ID);
        let Some(entity_id) = stated.or_else(|| event.str(field::EFFECTIVE_PROCESS_ENTITY_ID)) else { return };
        let known = self.known(event, entity_id);
        let named = || {
            let name = event.str(field::EFFECTIVE_PARENT_NAME);
            let executable = event.str(field::EFFECTIVE_PARENT_EXECUTABLE);
            let pid = event.int(field::EFFECTIVE_PARENT_PID);
            Execution::named(entity_id, pid, name, executable).charged_to(&self.ledger)
        };
        context.responsible = Some(known.execution.unwrap_or_else(named));
    }

    /// What is known of an execution on the host of the event.
    fn known(&mut self, event: &Event, entity_id: &str) -> Known {
        let entry = self.executions.get(&self.keys.of(event, entity_id));
        entry.map(Known::of).unwrap_or_default()
    }
}

/// Whether a list holds these ancestors and no others: most events state those that the list of their parent has.
fn consists_of(list: &Ancestors, chain: &[(&str, Option<&Arc<Execution>>)]) -> bool {
    let mut listed = list.iter();
    let is_next = |(entity_id, execution): &(&str, Option<&Arc<Execution>>)| {
        listed.next().is_some_and(|listed| match execution {
            Some(execution) => Arc::ptr_eq(listed, execution),
            None => listed.entity_id() == *entity_id,
        })
    };
    chain.iter().all(is_next) && listed.next().is_none()
}
