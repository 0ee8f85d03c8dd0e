//! The executions that the stream has reported, bounded, and what they add to later events.

mod entry;
mod executions;
mod exits;
mod latest;
mod lineage;
mod recent;
mod relink;
mod running;
mod unlinked;

use std::collections::VecDeque;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use super::attribution::Owners;
use super::key::{Keys, Wanted};
use super::pending_flows::Owner;
use crate::event::field;
use crate::event::{Ancestors, Budget, Categories, Context, Event, Ledger, Maker, Scalar, Timestamp};
use entry::{Entry, Known};
use executions::{Executions, Id};
use exits::EarlyExits;
use latest::Latest;
use running::Running;
use unlinked::Unlinked;

/// How much the table holds.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Executions, running and exited.
    pub executions: usize,
    /// Their bytes, with those that only descendants and waiting events still hold.
    pub bytes: usize,
    /// How long an exited execution stays, for connections reported after its exit.
    pub keep_exited: Duration,
    /// How late a report may well be: evicting an execution later than this after its exit is not a loss.
    pub lateness: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            executions: 32_768,
            bytes: Budget::REPLAY.executions,
            keep_exited: Duration::from_secs(60),
            lateness: Duration::from_secs(2),
        }
    }
}

/// What an execution takes besides its texts: its entry, its places in the tables and in the orders of start and exit,
/// its owner by pid and its list of ancestors. Empty places of the tables, and what the allocator rounds up, add some 60
/// bytes, which the shares of the budget allow for.
const ENTRY_BYTES: usize = 256 + size_of::<Entry>() + size_of::<Context>() + size_of::<Ancestors>();

/// How many executions are read together before they are forgotten.
const TOUCHED: usize = 32;

/// Executions by host and `process.entity_id`.
#[derive(Debug, Default)]
pub(crate) struct Table {
    limits: Limits,
    executions: Executions,
    running: Running,
    exited: VecDeque<(Timestamp, Id)>,
    /// How many of those that exited first were read to be forgotten.
    touched: usize,
    owners: Owners,
    latest: Latest,
    early_exits: EarlyExits,
    unlinked: Unlinked,
    evicted: u64,
    lost: u64,
    ledger: Ledger,
    keys: Keys,
    maker: Maker,
}

impl Table {
    /// An empty table.
    pub(crate) fn new(limits: Limits) -> Table {
        Table { limits, ..Table::default() }
    }

    /// Executions evicted because the table was full, and those whose ancestors it no longer waits for.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted + self.unlinked.given_up()
    }

    /// Those of them by which an alert can be missed: still running, or exited so lately that connections could yet be
    /// reported, or descended from what may be reported yet.
    pub(crate) fn lost(&self) -> u64 {
        self.lost + self.unlinked.given_up()
    }

    /// The bytes that are held.
    pub(crate) fn bytes(&self) -> usize {
        self.ledger.bytes()
    }

    /// Adds to an event what is known of its process, and records what a process event reports.
    /// Events come in the order they happened. `marks` returns which `descendant of […]` queries an event
    /// matches, once it has its context.
    pub(crate) fn observe(&mut self, event: &mut Event, marks: impl FnOnce(&Event) -> u128) {
        self.expire(event.time);
        let Table { owners, executions, keys, .. } = self;
        owners.attribute(event, |event, entity_id| executions.find(&keys.of(event, entity_id)).is_some());
        let is_process = event.categories.intersects(Categories::PROCESS);
        let ends = is_process && event.is_type("end");
        let starts = is_process && (!ends || event.is_type("start"));
        let Some(entity_id) = event.str(field::PROCESS_ENTITY_ID) else {
            if let (None, Some(name)) = (event.str(field::PROCESS_NAME), event.str(field::KERNEL_NAME)) {
                let name = name.to_owned();
                event.push_str(field::PROCESS_NAME, &name);
            }
            return;
        };
        let key = keys.of(event, entity_id);
        let (hash, found) = (key.hash(), executions.find(&key));
        let known = found.and_then(|id| executions.at(id));
        event.context = match known {
            Some(known) if !starts => Some(Arc::clone(&known.context)),
            known => {
                let mut context = known.map(|known| Context::clone(&known.context)).unwrap_or_default();
                let itself = known.map(Known::of).unwrap_or_default();
                self.add_lineage(event, itself, &mut context);
                context.process = starts.then(|| self.maker.execution(event).charged_to(&self.ledger));
                Some(Arc::new(context))
            }
        };
        if is_process {
            let marks = marks(event);
            self.record(event, (hash, found), (starts, ends), marks);
            return;
        }
        // A document is used as it is: only for a source that knew nothing but numbers are the texts filled in.
        if event.line().is_none() && event.str(field::PROCESS_NAME).is_none() {
            complete(event);
        }
        let marks = marks(event);
        if let Some(entry) = found.filter(|_| marks != 0).and_then(|id| self.executions.at_mut(id)) {
            entry.marks |= marks;
        }
    }

    /// Whether the execution that a process event is about is known.
    pub(crate) fn knows(&mut self, event: &Event) -> bool {
        let entity_id = event.str(field::PROCESS_ENTITY_ID).unwrap_or_default();
        self.executions.find(&self.keys.of(event, entity_id)).is_some()
    }

    /// The key of the execution that an event of a pid belongs to, when it is known, and whether its start was
    /// reported.
    pub(crate) fn owner(&self, event: &Event) -> Owner {
        self.owners.owner(event)
    }

    /// Records a process event, of whose key this is the hash, and this the execution if it is known.
    fn record(
        &mut self,
        event: &Event,
        (hash, mut found): (u64, Option<Id>),
        (starts, ends): (bool, bool),
        marks: u128,
    ) {
        let entity_id = event.str(field::PROCESS_ENTITY_ID).unwrap_or_default();
        let key = Wanted::again(event, entity_id, hash);
        if starts {
            found = self.insert(event, key, found);
            self.end_replaced(event);
        }
        // What was inserted can have been evicted.
        let Some((id, entry)) = found.and_then(|id| Some((id, self.executions.at_mut(id)?))) else {
            if ends {
                self.early_exits.add(key, event.time);
            }
            return;
        };
        entry.marks |= marks;
        let ended = ends.then_some(event.time).or_else(|| self.early_exits.take(key, event.time));
        if let Some(ended) = ended.filter(|_| entry.ended.is_none()) {
            entry.ended = Some(ended);
            self.owners.ended(&entry.key, event.int(field::PROCESS_PID), ended);
            self.exited.push_back((ended, id));
        }
        if starts {
            self.link(event, id, entity_id);
        }
    }

    fn insert(&mut self, event: &Event, key: Wanted<'_>, found: Option<Id>) -> Option<Id> {
        let context = event.context.clone()?;
        let action = |name| event.any(field::EVENT_ACTION, |action| action == Scalar::Str(name));
        let executed = action("exec") || !action("fork");
        if let Some(id) = found
            && let Some(entry) = self.executions.at_mut(id)
        {
            // It may have been found running, and its start is reported only now.
            let replaced = std::mem::replace(&mut entry.context, context);
            entry.children = None;
            entry.executed |= executed;
            let pid = replaced.process.as_ref().and_then(|process| process.pid());
            if let Some(pid) = pid.filter(|pid| event.int(field::PROCESS_PID) != Some(*pid)) {
                // Forgetting it would look for it by the new one alone.
                self.owners.forget(&entry.key, Some(pid));
                self.latest.remove(&entry.key, pid, id);
            }
            let given_up = self.owners.started(&entry.key, event);
            self.count_given_up(given_up, event.time);
            self.bound(event.time);
            return found;
        }
        let key = context.process.as_ref().map_or_else(|| key.to_key(), |execution| key.to_key_of(execution));
        let given_up = self.owners.started(&key, event);
        self.count_given_up(given_up, event.time);
        let charge = self.ledger.charge(ENTRY_BYTES + key.text().len());
        let (began, children, ended, awaits) = (event.time, None, None, None);
        let entry = Entry { key, context, children, marks: 0, executed, began, ended, awaits, _charge: charge };
        let id = self.executions.insert(entry);
        self.latest.insert(event, id);
        self.running.push(id, &self.executions);
        self.bound(event.time);
        Some(id)
    }

    /// Counts an execution whose connections, if they are reported yet, are no longer found by its pid.
    fn count_given_up(&mut self, ended: Option<Timestamp>, now: Timestamp) {
        let is_loss = ended.is_some_and(|ended| ended.saturating_add(self.limits.lateness) >= now);
        self.evicted += u64::from(is_loss);
        self.lost += u64::from(is_loss);
    }

    /// Evicts until the table is inside its limits.
    fn bound(&mut self, now: Timestamp) {
        while self.executions.len() > self.limits.executions || self.ledger.bytes() > self.limits.bytes {
            if !self.evict(now) {
                break;
            }
        }
    }

    /// A program that another replaced in place has ended, although no event reports it.
    fn end_replaced(&mut self, event: &Event) {
        let Some(replaced) = event.str(field::REPLACED_ENTITY_ID) else { return };
        if event.str(field::PROCESS_ENTITY_ID) == Some(replaced) {
            return;
        }
        if let Some((id, entry)) = self.executions.find_mut(&self.keys.of(event, replaced))
            && entry.ended.is_none()
        {
            entry.ended = Some(event.time);
            self.exited.push_back((event.time, id));
        }
    }

    fn expire(&mut self, now: Timestamp) {
        let horizon = now.saturating_sub(self.limits.keep_exited);
        while self.exited.front().is_some_and(|(ended, _)| *ended < horizon) {
            if self.touched == 0 {
                self.touch_exited();
            }
            self.remove_exited();
        }
    }

    /// Reads what forgetting the next few will read. They have not been looked at for a minute and are far away: of
    /// several at once they come side by side.
    fn touch_exited(&mut self) {
        let texts = self.exited.iter().take(TOUCHED).filter_map(|(_, id)| {
            let process = self.executions.at(*id)?.context.process.as_ref()?;
            process.text().as_bytes().first()
        });
        black_box(texts.map(|byte| u32::from(*byte)).sum::<u32>());
        self.touched = self.exited.len().min(TOUCHED);
    }

    fn evict(&mut self, now: Timestamp) -> bool {
        while let Some((ended, _)) = self.exited.front() {
            let is_loss = ended.saturating_add(self.limits.lateness) >= now;
            if self.remove_exited() {
                self.evicted += 1;
                self.lost += u64::from(is_loss);
                return true;
            }
        }
        let Some(id) = self.running.pop(&self.executions) else { return false };
        self.forget(id);
        self.evicted += 1;
        self.lost += 1;
        true
    }

    fn remove_exited(&mut self) -> bool {
        let Some((ended, id)) = self.exited.pop_front() else { return false };
        self.touched = self.touched.saturating_sub(1);
        // It may have been reported again, and have ended again.
        let is_it = self.executions.at(id).is_some_and(|entry| entry.ended == Some(ended));
        if is_it {
            self.forget(id);
        }
        is_it
    }

    fn forget(&mut self, id: Id) {
        let Some(entry) = self.executions.remove(id) else { return };
        let pid = entry.context.process.as_ref().and_then(|process| process.pid());
        self.owners.forget(&entry.key, pid);
        if let Some(pid) = pid {
            self.latest.remove(&entry.key, pid, id);
        }
    }
}

/// States of an attributed event what its execution is: the source knew only numbers.
fn complete(event: &mut Event) {
    let Some(process) = event.context.as_ref().and_then(|context| context.process.clone()) else { return };
    for (field, value) in [
        (field::PROCESS_NAME, process.name()),
        (field::PROCESS_EXECUTABLE, process.executable()),
        (field::PROCESS_COMMAND_LINE, process.command_line()),
        (field::PROCESS_SIGNING_ID, process.signing_id()),
        (field::PROCESS_TEAM_ID, process.team_id()),
        (field::AUDIT_TOKEN, process.audit_token()),
        (field::USER_ID, process.user_id()),
    ] {
        if let Some(value) = value.filter(|_| event.str(field).is_none()) {
            event.push_str(field, value);
        }
    }
}
