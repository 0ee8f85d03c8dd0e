//! Children whose parent's start is reported after their own: their descent is completed when it comes.

use std::sync::Arc;

use super::Table;
use crate::event::{Ancestors, Context, Event, Execution, field};
use crate::process::key::key_of;

impl Table {
    /// An execution of this event's process is known now: it waits for an ancestor's start, or is one waited for.
    pub(super) fn link(&mut self, event: &Event, entity_id: &str) {
        // A fork that was not told is no ancestor of what replaced it: its parent is.
        for (from, is_ancestor) in [(field::REPLACED_ENTITY_ID, false), (field::PARENT_ENTITY_ID, true)] {
            if let Some(from) = event.str(from).filter(|from| *from != entity_id) {
                self.note_unlinked(event, entity_id, (from, is_ancestor));
            }
        }
        self.relink(event, entity_id);
    }

    /// Takes note that the execution of the event descends from one whose start was not reported yet: `from` itself,
    /// if that is an ancestor, or the one that `from` waits for.
    fn note_unlinked(&mut self, event: &Event, entity_id: &str, (from, is_ancestor): (&str, bool)) {
        let is_known = self.executions.contains_key(key_of(&mut self.key, event, from));
        let ancestor: Option<Arc<str>> = match is_known {
            false => is_ancestor.then(|| self.key.as_str().into()),
            true => self.unlinked.ancestor_of.get(self.key.as_str()).cloned(),
        };
        if let Some(ancestor) = ancestor {
            let key = key_of(&mut self.key, event, entity_id);
            self.unlinked.add(event.time, key, ancestor);
        }
    }

    /// The start of an execution was reported: what descends from it does from its ancestors too.
    fn relink(&mut self, event: &Event, entity_id: &str) {
        if self.unlinked.by_ancestor.is_empty() {
            return;
        }
        let key = key_of(&mut self.key, event, entity_id);
        let waiting = self.unlinked.take(key);
        let Some(entry) = self.executions.get(key).filter(|_| !waiting.is_empty()) else { return };
        let further = self.unlinked.ancestor_of.get(key).cloned();
        let (lineage, ancestors) = (entry.context.lineage | entry.marks, entry.context.ancestors.clone());
        let Some(execution) = entry.context.process.clone() else { return };
        for child in waiting {
            let Some(entry) = self.executions.get_mut(&child) else { continue };
            let context = Arc::make_mut(&mut entry.context);
            if graft(context, &execution, ancestors.as_ref()) {
                context.lineage |= lineage;
            }
            if let Some(further) = &further {
                self.unlinked.add(event.time, &child, Arc::clone(further));
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
