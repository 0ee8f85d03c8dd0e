//! Children whose parent's start is reported after their own: their descent is completed when it comes.

use std::sync::Arc;

use super::Table;
use super::entry::Wait;
use super::executions::Id;
use crate::event::{Ancestors, Context, Event, Execution, field};

impl Table {
    /// An execution of this event's process is known now: it waits for an ancestor's start, or is one waited for.
    pub(super) fn link(&mut self, event: &Event, id: Id, entity_id: &str) {
        self.unlinked.expire(&mut self.executions, event.time);
        // A fork that was not reported is no ancestor of what replaced it: its parent is.
        for (from, is_ancestor) in [(field::REPLACED_ENTITY_ID, false), (field::PARENT_ENTITY_ID, true)] {
            let from = event.str(from).filter(|from| *from != entity_id);
            let waits = self.executions.at(id).is_none_or(|entry| entry.awaits.is_some());
            if let Some(from) = from.filter(|_| !waits)
                && let Some(wait) = self.wait_of(event, (from, is_ancestor))
            {
                self.unlinked.add(&mut self.executions, (event.time, id), wait);
            }
        }
        self.relink(event, id);
    }

    /// With whom the execution of the event waits, if it descends from one whose start was not reported yet: from `from`
    /// itself, if that is an ancestor, or from the one that `from` waits for.
    fn wait_of(&mut self, event: &Event, (from, is_ancestor): (&str, bool)) -> Option<Wait> {
        let from = self.keys.of(event, from);
        if let Some(known) = self.executions.get(&from) {
            return known.awaits;
        }
        let context = event.context.as_ref().filter(|_| is_ancestor)?;
        let list = context.ancestors.as_ref();
        let named = list.filter(|list| context.parent.as_ref().is_some_and(|parent| list.is_only(parent)));
        Some(self.unlinked.wait_for(from, named))
    }

    /// The start of an execution was reported: what descends from it does from its ancestors too.
    fn relink(&mut self, event: &Event, id: Id) {
        if self.unlinked.is_empty() {
            return;
        }
        let Some(entry) = self.executions.at(id) else { return };
        let waiting = self.unlinked.take(entry.key.wanted());
        if waiting.is_empty() {
            return;
        }
        for child in &waiting {
            if let Some(entry) = self.executions.at_mut(*child) {
                entry.awaits = None;
            }
        }
        let Some(entry) = self.executions.at(id) else { return };
        let further = entry.awaits;
        let (lineage, ancestors) = (entry.context.lineage | entry.marks, entry.context.ancestors.clone());
        let Some(execution) = entry.context.process.clone() else { return };
        for child in waiting {
            let Some(entry) = self.executions.at_mut(child) else { continue };
            entry.children = None;
            let context = Arc::make_mut(&mut entry.context);
            if graft(context, &execution, ancestors.as_ref()) {
                context.lineage |= lineage;
            }
            if let Some(further) = further {
                self.unlinked.add(&mut self.executions, (event.time, child), further);
            }
        }
    }
}

/// Puts an execution with its ancestors in the place of what only its entity id was known of.
fn graft(context: &mut Context, execution: &Arc<Execution>, further: Option<&Arc<Ancestors>>) -> bool {
    let Some(list) = &context.ancestors else { return false };
    let nearer: Vec<Arc<Execution>> =
        list.iter().take_while(|ancestor| ancestor.entity_id() != execution.entity_id()).cloned().collect();
    if nearer.len() == list.iter().count() {
        return false;
    }
    let grafted = Ancestors::new(Arc::clone(execution), further);
    context.ancestors =
        Some(nearer.into_iter().rev().fold(grafted, |further, nearest| Ancestors::new(nearest, Some(&further))));
    if context.parent.as_ref().is_some_and(|parent| parent.entity_id() == execution.entity_id()) {
        context.parent = Some(Arc::clone(execution));
    }
    true
}
