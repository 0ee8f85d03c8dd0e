//! The executions that the stream has told of, bounded, and what they add to later events.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::attribution::Owners;
use crate::event::field;
use crate::event::{Categories, Context, Event, Execution, Field, Scalar, Timestamp};

/// How much the table holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Executions, running and exited.
    pub executions: usize,
    /// How long an exited execution stays, for connections reported after its exit.
    pub keep_exited: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { executions: 32_768, keep_exited: Duration::from_secs(60) }
    }
}

/// An ancestry longer than this is cut at its far end.
const MAX_ANCESTORS: usize = 32;
const MAX_ARGS: usize = 64;
const MAX_ARG_BYTES: usize = 1024;
const MAX_COMMAND_LINE_BYTES: usize = 4096;

/// Executions by host and `process.entity_id`.
#[derive(Debug, Default)]
pub struct Table {
    limits: Limits,
    executions: HashMap<Arc<str>, Entry>,
    started: VecDeque<(u64, Arc<str>)>,
    exited: VecDeque<(Timestamp, Arc<str>)>,
    owners: Owners,
    generation: u64,
    evicted: u64,
    key: String,
}

#[derive(Debug)]
struct Entry {
    context: Context,
    /// Which `descendant of […]` queries this execution's own events match.
    marks: u128,
    /// An exec told of it, not only a fork.
    executed: bool,
    ended: Option<Timestamp>,
    generation: u64,
}

impl Table {
    /// An empty table.
    pub fn new(limits: Limits) -> Table {
        Table { limits, ..Table::default() }
    }

    /// Executions given up because the table was full.
    pub fn evicted(&self) -> u64 {
        self.evicted
    }

    /// Adds to an event what is known of its process. Events come in the order they happened.
    pub fn contextualise(&mut self, event: &mut Event) {
        self.owners
            .attribute(event, |event, entity_id| self.executions.contains_key(key_of(&mut self.key, event, entity_id)));
        let Some(entity_id) = event.str(field::PROCESS_ENTITY_ID) else { return };
        let known = self.executions.get(key_of(&mut self.key, event, entity_id));
        let mut context = known.map(|entry| entry.context.clone()).unwrap_or_default();
        if known.is_none() || is_start(event) {
            self.add_lineage(event, &mut context);
        }
        event.context = context;
    }

    /// Takes note of a process event that has its context. `marks` says which `descendant of […]`
    /// queries it matches.
    pub fn record(&mut self, event: &Event, marks: u128) {
        self.expire(event.time);
        let Some(entity_id) = event.str(field::PROCESS_ENTITY_ID) else { return };
        if !event.categories.intersects(Categories::PROCESS) {
            return;
        }
        let key: Arc<str> = key_of(&mut self.key, event, entity_id).into();
        if is_start(event) || !self.executions.contains_key(&key) {
            self.insert(&key, event);
        }
        if let Some(entry) = self.executions.get_mut(&key) {
            entry.marks |= marks;
            if event.is_type("end") && entry.ended.is_none() {
                entry.ended = Some(event.time);
                self.owners.ended(&key, event);
                self.exited.push_back((event.time, key));
            }
        }
    }

    fn insert(&mut self, key: &Arc<str>, event: &Event) {
        let context = Context { process: Some(Arc::new(execution_of(event))), ..event.context.clone() };
        let executed = !event.any(field::EVENT_ACTION, |action| action == Scalar::Str("fork"))
            || event.any(field::EVENT_ACTION, |action| action == Scalar::Str("exec"));
        self.owners.started(key, event);
        if let Some(entry) = self.executions.get_mut(key) {
            let lineage = entry.context.lineage | context.lineage;
            entry.context = Context { lineage, ..context };
            entry.executed |= executed;
            return;
        }
        self.generation += 1;
        let entry = Entry { context, marks: 0, executed, ended: None, generation: self.generation };
        self.executions.insert(Arc::clone(key), entry);
        self.started.push_back((self.generation, Arc::clone(key)));
        while self.executions.len() > self.limits.executions {
            self.evict();
        }
        if self.started.len() > 2 * self.limits.executions + 1024 {
            let executions = &self.executions;
            self.started.retain(|(generation, key)| executions.get(key).is_some_and(|e| e.generation == *generation));
        }
    }

    /// Finds the parent, the ancestors and the responsible process that the event names.
    fn add_lineage(&mut self, event: &Event, context: &mut Context) {
        let mut ancestors: Vec<Arc<Execution>> = Vec::new();
        let mut lineage = 0;
        if let Some(replaced) = event.str(field::REPLACED_ENTITY_ID)
            && let Some(entry) = self.executions.get(key_of(&mut self.key, event, replaced))
            && entry.executed
        {
            lineage |= entry.marks | entry.context.lineage;
            ancestors.extend(entry.context.process.clone());
        }
        if let Some(parent_id) = event.str(field::PARENT_ENTITY_ID) {
            let entry = self.executions.get(key_of(&mut self.key, event, parent_id));
            let known = entry.and_then(|entry| entry.context.process.clone());
            let parent = known.unwrap_or_else(|| Arc::new(named_by(event, PARENT, parent_id)));
            ancestors.push(Arc::clone(&parent));
            if let Some(entry) = entry {
                lineage |= entry.marks | entry.context.lineage;
                ancestors.extend(entry.context.ancestors.iter().flat_map(|list| list.iter().cloned()));
            }
            context.parent = Some(parent);
        }
        if event.stated(field::ANCESTRY).next().is_some() {
            ancestors = self.stated_ancestors(event, &mut lineage);
        }
        if !ancestors.is_empty() {
            ancestors.truncate(MAX_ANCESTORS);
            context.ancestors = Some(ancestors.into());
        }
        context.lineage |= lineage;
        self.add_responsible(event, context);
    }

    fn stated_ancestors(&mut self, event: &Event, lineage: &mut u128) -> Vec<Arc<Execution>> {
        let mut ancestors = Vec::new();
        for value in event.stated(field::ANCESTRY).take(MAX_ANCESTORS) {
            let Scalar::Str(entity_id) = value else { continue };
            let entry = self.executions.get(key_of(&mut self.key, event, entity_id));
            *lineage |= entry.map_or(0, |entry| entry.marks | entry.context.lineage);
            let known = entry.and_then(|entry| entry.context.process.clone());
            ancestors.push(
                known.unwrap_or_else(|| Arc::new(Execution { entity_id: entity_id.into(), ..Execution::default() })),
            );
        }
        ancestors
    }

    fn add_responsible(&mut self, event: &Event, context: &mut Context) {
        let stated = event.str(field::EFFECTIVE_PARENT_ENTITY_ID);
        let Some(entity_id) = stated.or_else(|| event.str(field::EFFECTIVE_PROCESS_ENTITY_ID)) else { return };
        let entry = self.executions.get(key_of(&mut self.key, event, entity_id));
        let known = entry.and_then(|entry| entry.context.process.clone());
        context.responsible = Some(known.unwrap_or_else(|| Arc::new(named_by(event, EFFECTIVE_PARENT, entity_id))));
    }

    fn expire(&mut self, now: Timestamp) {
        let horizon = now.saturating_sub(self.limits.keep_exited);
        while self.exited.front().is_some_and(|(ended, _)| *ended < horizon) {
            self.remove_exited();
        }
    }

    fn evict(&mut self) {
        if self.remove_exited() {
            self.evicted += 1;
            return;
        }
        while let Some((generation, key)) = self.started.pop_front() {
            if self.executions.get(&key).is_some_and(|entry| entry.generation == generation) {
                self.executions.remove(&key);
                self.owners.forget(&key);
                self.evicted += 1;
                return;
            }
        }
    }

    fn remove_exited(&mut self) -> bool {
        let Some((ended, key)) = self.exited.pop_front() else { return false };
        let gone = self.executions.get(&key).is_some_and(|entry| entry.ended == Some(ended));
        if gone {
            self.executions.remove(&key);
            self.owners.forget(&key);
        }
        gone
    }
}

/// The key of an execution: entity ids are unique on one host only.
fn key_of<'k>(key: &'k mut String, event: &Event, entity_id: &str) -> &'k str {
    key.clear();
    key.push_str(event.str(field::HOST_ID).unwrap_or_default());
    key.push('\0');
    key.push_str(entity_id);
    key
}

/// A process event that tells of an execution running, not only of its end.
fn is_start(event: &Event) -> bool {
    event.categories.intersects(Categories::PROCESS) && (event.is_type("start") || !event.is_type("end"))
}

struct Naming {
    pid: Field,
    name: Field,
    executable: Field,
}

const PARENT: Naming =
    Naming { pid: field::PARENT_PID, name: field::PARENT_NAME, executable: field::PARENT_EXECUTABLE };
const EFFECTIVE_PARENT: Naming = Naming {
    pid: field::EFFECTIVE_PARENT_PID,
    name: field::EFFECTIVE_PARENT_NAME,
    executable: field::EFFECTIVE_PARENT_EXECUTABLE,
};

/// An execution of which only another process's event has told.
fn named_by(event: &Event, naming: Naming, entity_id: &str) -> Execution {
    Execution {
        entity_id: entity_id.into(),
        pid: event.int(naming.pid),
        name: event.str(naming.name).map(Into::into),
        executable: event.str(naming.executable).map(Into::into),
        ..Execution::default()
    }
}

fn execution_of(event: &Event) -> Execution {
    let text = |field| event.str(field).map(Into::into);
    let args = event.stated(field::PROCESS_ARGS).take(MAX_ARGS);
    Execution {
        entity_id: event.str(field::PROCESS_ENTITY_ID).unwrap_or_default().into(),
        pid: event.int(field::PROCESS_PID),
        name: text(field::PROCESS_NAME),
        executable: text(field::PROCESS_EXECUTABLE),
        args: args.map(|arg| cut(&arg.text(), MAX_ARG_BYTES).into()).collect(),
        command_line: event.str(field::PROCESS_COMMAND_LINE).map(|text| cut(text, MAX_COMMAND_LINE_BYTES).into()),
        signing_id: text(field::PROCESS_SIGNING_ID),
        team_id: text(field::PROCESS_TEAM_ID),
        seen: Some(event.time),
    }
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
