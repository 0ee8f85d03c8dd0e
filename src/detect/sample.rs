//! Samples: for each join key, one event for each stage, all of them different, in any order.
//!
//! As in Elasticsearch a key has one sample. It is found as soon as there is one; of several, the one with
//! the earliest event of the first stage, then of the second, and so on.

use std::collections::VecDeque;
use std::sync::Arc;

use ahash::HashMap;

use super::held::{Eviction, Held, Match, Shared, Weight, weigh};
use super::reorder::Ordinal;
use crate::eql::{Keys, Query, Stage, values_of};
use crate::event::Charge;

/// What a key takes besides its text and its events.
const KEY_BYTES: usize = 160;
/// The bytes of the keys whose sample was found, of one rule.
const FOUND_BYTES: usize = 4 << 20;

/// The state of a sample.
#[derive(Debug)]
pub(super) struct Sample {
    stages: Vec<Stage>,
    groups: HashMap<Arc<str>, Group>,
    /// Keys in the order they came, for eviction.
    order: VecDeque<Arc<str>>,
    /// Those whose sample was found, in that order, and their bytes.
    found: VecDeque<Arc<str>>,
    found_bytes: usize,
    limit: usize,
    evicted: u64,
}

/// What is known of a key.
#[derive(Debug)]
struct Group {
    /// For each stage the earliest events, as many as there are stages; none once the sample was found.
    events: Vec<Vec<(Ordinal, Arc<Held>)>>,
    is_found: bool,
    /// `None` once the sample was found.
    _charge: Option<Charge>,
}

impl Sample {
    pub(super) fn new(query: &Query, limit: usize) -> Sample {
        let stages = query.stages.clone();
        let (groups, order, found) = Default::default();
        Sample { stages, groups, order, found, found_bytes: 0, limit, evicted: 0 }
    }

    pub(super) fn evicted(&self) -> u64 {
        self.evicted
    }

    pub(super) fn observe(&mut self, shared: &mut Shared<'_>, ordinal: Ordinal, found: &mut Vec<Match>) {
        let mut changed: Vec<(Arc<str>, bool)> = Vec::new();
        for stage in 0..self.stages.len() {
            if !self.stages[stage].selects(shared.event) {
                continue;
            }
            let mut keys = Keys::new(&self.stages[stage].join, shared.event);
            let several = keys.count() > 1;
            while let Some(key) = keys.next() {
                let key = match self.groups.get_key_value(key) {
                    Some((key, _)) => Arc::clone(key),
                    None => self.add(key.into(), shared),
                };
                if self.extend(stage, &key, shared, ordinal) && !changed.iter().any(|(known, _)| *known == key) {
                    changed.push((key, several));
                }
            }
            self.evicted += keys.left_out();
        }
        for (key, several) in changed {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let Some(chosen) = choose(&group.events) else { continue };
            let events = group.events.iter().zip(chosen).map(|(events, at)| Arc::clone(&events[at].1.event));
            let events = events.collect();
            *group = Group { events: Vec::new(), is_found: true, _charge: None };
            found.push(Match { events, join: values_of(&key), has_several_keys: several });
            self.remember(key);
        }
    }

    /// Of this key a sample was found: it has no other. What is forgotten may have another, and is counted.
    fn remember(&mut self, key: Arc<str>) {
        self.found_bytes += KEY_BYTES + key.len();
        self.found.push_back(key);
        while self.found_bytes > FOUND_BYTES
            && let Some(oldest) = self.found.pop_front()
        {
            self.found_bytes -= KEY_BYTES + oldest.len();
            if self.groups.get(&oldest).is_some_and(|group| group.is_found) {
                self.groups.remove(&oldest);
                self.evicted += 1;
            }
        }
    }

    fn add(&mut self, key: Arc<str>, shared: &Shared<'_>) -> Arc<str> {
        while self.groups.len() >= self.limit
            && let Some(oldest) = self.order.pop_front()
        {
            self.groups.remove(&oldest);
            self.evicted += 1;
        }
        let _charge = Some(shared.charge(KEY_BYTES + 2 * key.len()));
        let events = self.stages.iter().map(|_| Vec::new()).collect();
        self.groups.insert(Arc::clone(&key), Group { events, is_found: false, _charge });
        self.order.push_back(Arc::clone(&key));
        key
    }

    /// Adds the event to those of a stage, when it is wanted.
    fn extend(&mut self, stage: usize, key: &Arc<str>, shared: &mut Shared<'_>, ordinal: Ordinal) -> bool {
        let most = self.stages.len();
        let Some(group) = self.groups.get_mut(key).filter(|group| !group.is_found) else { return false };
        let events = &mut group.events[stage];
        if events.len() >= most {
            return false;
        }
        events.push((ordinal, shared.keep()));
        true
    }

    pub(super) fn weights(&self) -> impl Iterator<Item = Weight> {
        self.groups.values().filter(|group| !group.is_found).map(Group::weight)
    }

    pub(super) fn evict(&mut self, eviction: Eviction) {
        let before = self.groups.len();
        self.groups.retain(|_, group| group.is_found || eviction.keeps(group.weight().0));
        self.evicted += (before - self.groups.len()) as u64;
        let groups = &self.groups;
        self.order.retain(|key| groups.contains_key(key));
    }
}

impl Group {
    fn weight(&self) -> Weight {
        weigh(self.events.iter().flatten().map(|(_, held)| held))
    }
}

type Candidates = Vec<(Ordinal, Arc<Held>)>;

/// One event for each stage, all different: the earliest that leave an event for each later stage.
fn choose(stages: &[Candidates]) -> Option<Vec<usize>> {
    if stages.iter().any(Vec::is_empty) || !can_be_filled(stages, &[]) {
        return None;
    }
    let mut taken: Vec<Ordinal> = Vec::with_capacity(stages.len());
    let mut chosen = Vec::with_capacity(stages.len());
    for (at, events) in stages.iter().enumerate() {
        let fits = |(_, (ordinal, _)): &(usize, &(Ordinal, Arc<Held>))| {
            let mut with = taken.clone();
            with.push(*ordinal);
            !taken.contains(ordinal) && can_be_filled(&stages[at + 1..], &with)
        };
        let (place, (ordinal, _)) = events.iter().enumerate().find(fits)?;
        taken.push(*ordinal);
        chosen.push(place);
    }
    Some(chosen)
}

/// Whether each stage can have a separate event, none of those taken: a matching of stages and events.
fn can_be_filled(stages: &[Candidates], taken: &[Ordinal]) -> bool {
    let mut owners: HashMap<Ordinal, usize> = HashMap::default();
    (0..stages.len()).all(|stage| give(stage, stages, taken, &mut owners, &mut Vec::new()))
}

/// Gives the stage an event; a stage that has it already gets another, if it can.
fn give(
    stage: usize,
    stages: &[Candidates],
    taken: &[Ordinal],
    owners: &mut HashMap<Ordinal, usize>,
    tried: &mut Vec<Ordinal>,
) -> bool {
    for (ordinal, _) in &stages[stage] {
        if taken.contains(ordinal) || tried.contains(ordinal) {
            continue;
        }
        tried.push(*ordinal);
        let owner = owners.get(ordinal).copied();
        if owner.is_none_or(|owner| give(owner, stages, taken, owners, tried)) {
            owners.insert(*ordinal, stage);
            return true;
        }
    }
    false
}
