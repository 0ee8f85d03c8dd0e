//! One case, few alerts. A case is a process tree that an alert was about. Of the rules that ask for it, the first
//! detection in a case is an alert and the first of a higher severity is another; what else the tree does is summed up
//! in follow-ups, at most one a minute: every destination, and what the rules found. Nothing is known only by its
//! first address.

use std::collections::BTreeMap;
use std::sync::Arc;

use ahash::HashMap;

use super::case::{Case, FollowUp, Gravest};
use super::repeat;
use super::rule::Severity;
use super::suppress::{destination, held};
use super::{Match, Rule};
use crate::event::{Categories, Event, Execution, Scalar, Timestamp, field};

/// Cases that are open at a time: beyond, the one in which nothing happened for longest is evicted.
const MAX_CASES: usize = 128;
/// Processes of a case whose descendants belong to it: beyond, the oldest but the first is forgotten.
const MAX_ROOTS: usize = 256;
/// What a case knows again: beyond, a repeat alerts.
const MAX_REPEATS: usize = 64;

/// How the detections of a rule are told.
#[derive(Clone, Copy, Debug)]
struct Telling {
    /// They are held back in a case that has alerted.
    one_case: bool,
    /// Each run of a program is a case of its own.
    each_run: bool,
    severity: Severity,
}

/// The cases that are open.
#[derive(Debug)]
pub(crate) struct Cases {
    rules: Vec<Telling>,
    /// Whether a program runs scripts: a case goes up to the farthest such ancestor.
    runs_scripts: fn(&Execution) -> bool,
    open: BTreeMap<u64, Case>,
    /// By host and entity id, and by what makes a detection a repeat.
    roots: HashMap<Arc<str>, u64>,
    /// The key of a process that is looked for among them.
    root: String,
    opened: u64,
    due: Option<Timestamp>,
    /// What cases had not told yet that made room for others.
    untold: Vec<FollowUp>,
    evicted: u64,
}

impl Cases {
    pub(crate) fn new(rules: &[Rule], runs_scripts: fn(&Execution) -> bool) -> Cases {
        let (open, roots, root) = Default::default();
        let mut cases = Cases {
            rules: Vec::new(),
            runs_scripts,
            open,
            roots,
            root,
            opened: 0,
            due: None,
            untold: Vec::new(),
            evicted: 0,
        };
        cases.tell_by(rules);
        cases
    }

    /// From now on detections are told as these rules ask for it, which are those of before in the same order.
    pub(crate) fn tell_by(&mut self, rules: &[Rule]) {
        let telling =
            |rule: &Rule| Telling { one_case: rule.one_case, each_run: rule.each_run, severity: rule.severity };
        self.rules = rules.iter().map(telling).collect();
    }

    /// Whether a rule asks for it.
    pub(crate) fn is_active(&self) -> bool {
        self.rules.iter().any(|rule| rule.one_case)
    }

    /// Whether the detection is an alert, and then what is to be told its severity. `alert_id` names the one that opens
    /// a case.
    pub(crate) fn admit(&mut self, rule: usize, found: &Match, alert_id: impl FnOnce() -> String) -> Option<Gravest> {
        let Some(last) = found.events.last().filter(|_| self.is_active()) else { return Some(Gravest::default()) };
        let Telling { one_case, each_run, severity } = self.rules[rule];
        let roots: Vec<String> = found.events.iter().filter_map(|event| self.root(event)).collect();
        let repeat = repeat::name(rule, found).filter(|_| one_case && !each_run);
        let by_root = roots.iter().find_map(|root| self.roots.get(root.as_str())).copied();
        let by_repeat = repeat.as_ref().and_then(|name| self.roots.get(name.as_str())).copied();
        let alert_id = alert_id();
        let number = by_root.or(by_repeat).unwrap_or_else(|| self.begin(rule, last.time, alert_id.clone()));
        roots.into_iter().for_each(|root| self.add_root(number, root));
        repeat.into_iter().for_each(|name| self.add_repeat(number, name));
        let Some(case) = self.open.get_mut(&number) else { return Some(Gravest::default()) };
        let is_out = case.admit(severity, last.time) || !one_case;
        let is_known = case.has_reported(alert_id);
        if !is_out && !is_known {
            let due = case.hold_back(rule, last, by_repeat == Some(number));
            self.due = self.due.into_iter().chain([due]).min();
        }
        is_out.then(|| case.gravest.clone())
    }

    /// Records a connection of a tree that has alerted. `is_alerted`: an alert for it was sent.
    pub(crate) fn observe(&mut self, event: &Event, is_alerted: bool) {
        let is_end = || event.is_type("end") && !event.is_type("start");
        if self.roots.is_empty() || !event.categories.intersects(Categories::NETWORK) || is_end() {
            return;
        }
        let Some(case) = self.case_of(event).and_then(|number| self.open.get_mut(&number)) else { return };
        let destination: String = destination(event);
        if destination != "-" {
            let due = case.connect(event, destination, is_alerted);
            self.due = self.due.into_iter().chain(due).min();
        }
    }

    /// What is due at this time, or all that there is.
    pub(crate) fn elapse(&mut self, now: Option<Timestamp>) -> Vec<FollowUp> {
        if self.untold.is_empty() && now.is_some_and(|now| self.due.is_none_or(|due| now < due)) {
            return Vec::new();
        }
        let mut found = std::mem::take(&mut self.untold);
        found.extend(self.open.values_mut().filter_map(|case| case.elapse(now)));
        self.due = self.open.values().filter_map(Case::due).min();
        found
    }

    /// When the next follow-up is due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Cases evicted because too many were open.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn begin(&mut self, rule: usize, time: Timestamp, alert_id: String) -> u64 {
        let over: Vec<u64> =
            self.open.iter().filter(|(_, case)| case.is_over(time)).map(|(number, _)| *number).collect();
        over.into_iter().for_each(|number| _ = self.close(number));
        if self.open.len() >= MAX_CASES
            && let Some(oldest) = self.open.iter().min_by_key(|(_, case)| case.last()).map(|(number, _)| *number)
        {
            let untold = self.close(oldest).and_then(|mut case| case.elapse(None));
            if untold.is_some() {
                self.due = self.due.into_iter().chain([time]).min();
            }
            self.untold.extend(untold);
            self.evicted += 1;
        }
        self.opened += 1;
        self.open.insert(self.opened, Case::new(rule, alert_id, time));
        self.opened
    }

    fn close(&mut self, number: u64) -> Option<Case> {
        let case = self.open.remove(&number)?;
        case.roots.iter().chain(&case.repeats).for_each(|name| _ = self.roots.remove(name));
        Some(case)
    }

    /// The descendants of a process belong to a case. What runs again and again has a new root each time.
    fn add_root(&mut self, number: u64, root: String) {
        let Some(case) = self.open.get_mut(&number).filter(|_| !self.roots.contains_key(root.as_str())) else { return };
        if case.roots.len() >= MAX_ROOTS
            && let Some(oldest) = case.roots.remove(1)
        {
            self.roots.remove(&oldest);
        }
        let root: Arc<str> = root.into();
        case.roots.push_back(Arc::clone(&root));
        self.roots.insert(root, number);
    }

    fn add_repeat(&mut self, number: u64, name: String) {
        let Some(case) = self.open.get_mut(&number).filter(|_| !self.roots.contains_key(name.as_str())) else { return };
        if case.repeats.len() < MAX_REPEATS {
            let name: Arc<str> = name.into();
            case.repeats.push(Arc::clone(&name));
            self.roots.insert(name, number);
        }
    }

    /// The process that a case of this event is about: its farthest ancestor that runs scripts, else itself.
    fn root(&self, event: &Event) -> Option<String> {
        let context = event.context.as_deref();
        let ancestors = context.and_then(|context| context.ancestors.as_ref());
        let hosts = ancestors.iter().flat_map(|list| list.iter()).filter(|execution| (self.runs_scripts)(execution));
        let responsible = context.and_then(|context| context.responsible.as_ref());
        let host = hosts.last().or(responsible.filter(|execution| (self.runs_scripts)(execution)));
        let entity_id = host.map(|execution| execution.entity_id()).or(event.str(field::PROCESS_ENTITY_ID))?;
        Some(key(event, entity_id))
    }

    /// The case whose tree the process of an event is in.
    fn case_of(&mut self, event: &Event) -> Option<u64> {
        let Cases { roots, root, .. } = self;
        root.clear();
        let host = write_host(root, event);
        let mut of = |entity_id: &str| {
            root.truncate(host);
            root.push_str(&held(entity_id));
            roots.get(root.as_str()).copied()
        };
        let mut found = event.str(field::PROCESS_ENTITY_ID).and_then(&mut of);
        for relation in [field::ANCESTRY, field::EFFECTIVE_PARENT_ENTITY_ID] {
            if found.is_none() {
                event.any(relation, |value| {
                    found = if let Scalar::Str(entity_id) = value { of(entity_id) } else { None };
                    found.is_some()
                });
            }
        }
        found
    }
}

/// Entity ids are unique on one host only.
fn key(event: &Event, entity_id: &str) -> String {
    let mut key = String::new();
    write_host(&mut key, event);
    key + &held(entity_id)
}

/// Begins a key; returns how long that is.
fn write_host(key: &mut String, event: &Event) -> usize {
    key.push_str(&held(event.str(field::HOST_ID).unwrap_or_default()));
    key.push('\0');
    key.len()
}
