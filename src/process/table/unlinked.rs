//! Executions with an ancestor of which only its entity id is known.
#![allow(clippy::cast_possible_truncation, reason = "positions, of which there are fewer than executions")]

use std::collections::VecDeque;
use std::sync::Arc;

use super::entry::Wait;
use super::executions::{Executions, Id};
use super::recent::Recent;
use crate::event::{Ancestors, Timestamp};
use crate::process::key::{ByKey, Key, Wanted};
use crate::process::room::make_room;

/// The executions that wait for the start of one ancestor.
#[derive(Debug)]
struct Waiting {
    /// The key of the ancestor.
    ancestor: Key,
    /// What the first of them said of it, and so descends from: most say the same, and share it.
    named: Option<Arc<Ancestors>>,
    ids: VecDeque<Id>,
}

/// Executions with an ancestor of which only its entity id is known.
#[derive(Debug, Default)]
pub(super) struct Unlinked {
    by_ancestor: ByKey<Wait>,
    /// By position; `None`: nothing waits there.
    waiting: Vec<Option<Waiting>>,
    free: Vec<Wait>,
    order: Recent<(Id, Wait)>,
    given_up: u64,
}

impl Unlinked {
    /// Those for whose ancestor there was no room to wait as long as its start may well be late.
    pub(super) fn given_up(&self) -> u64 {
        self.given_up
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.by_ancestor.is_empty()
    }

    /// What was said of an ancestor that is waited for.
    pub(super) fn named(&self, ancestor: Wanted<'_>) -> Option<&Arc<Ancestors>> {
        self.at(*self.by_ancestor.get(&ancestor)?)?.named.as_ref()
    }

    /// For those that wait for the start of an ancestor, of which this is known. Something has to be added to them.
    pub(super) fn wait_for(&mut self, ancestor: Wanted<'_>, named: Option<&Arc<Ancestors>>) -> Wait {
        if let Some(wait) = self.by_ancestor.get(&ancestor) {
            return *wait;
        }
        let ancestor = ancestor.to_key();
        let waiting = Waiting { ancestor: ancestor.clone(), named: named.cloned(), ids: VecDeque::new() };
        let wait = self.free.pop().unwrap_or_else(|| {
            self.waiting.push(None);
            self.waiting.len() as Wait - 1
        });
        self.waiting[wait as usize] = Some(waiting);
        make_room(&mut self.by_ancestor);
        self.by_ancestor.insert(ancestor, wait);
        wait
    }

    /// This execution, which waits for no other, does so from now on. Call [`Unlinked::expire`] first.
    pub(super) fn add(&mut self, executions: &mut Executions, (time, id): (Timestamp, Id), wait: Wait) {
        let waiting = self.waiting[wait as usize].as_mut();
        if let (Some(waiting), Some(entry)) = (waiting, executions.at_mut(id)) {
            waiting.ids.push_back(id);
            entry.awaits = Some(wait);
            self.order.push(time, (id, wait), waiting.ancestor.text().len());
        }
    }

    fn at(&self, wait: Wait) -> Option<&Waiting> {
        self.waiting.get(wait as usize)?.as_ref()
    }

    /// Gives up those that have waited for as long as a start may well be late, or for which there is no room.
    pub(super) fn expire(&mut self, executions: &mut Executions, now: Timestamp) {
        while let Some(((id, wait), is_early)) = self.order.expire(now) {
            let Some(waiting) = self.waiting[wait as usize].as_mut() else { continue };
            // The oldest of all is the oldest of those that wait for the same one, unless some waited for another before.
            let Some(at) = waiting.ids.iter().position(|waiting| *waiting == id) else { continue };
            waiting.ids.remove(at);
            self.given_up += u64::from(is_early);
            if let Some(entry) = executions.at_mut(id).filter(|entry| entry.awaits == Some(wait)) {
                entry.awaits = None;
            }
            if waiting.ids.is_empty() {
                self.by_ancestor.remove(&waiting.ancestor);
                self.vacate(wait);
            }
        }
    }

    /// Those that waited for this one. Their entries are to say so.
    pub(super) fn take(&mut self, ancestor: Wanted<'_>) -> VecDeque<Id> {
        let ended = self.by_ancestor.remove(&ancestor).and_then(|wait| self.vacate(wait));
        ended.map(|waiting| waiting.ids).unwrap_or_default()
    }

    fn vacate(&mut self, wait: Wait) -> Option<Waiting> {
        self.free.push(wait);
        self.waiting[wait as usize].take()
    }
}
