//! One case, few alerts. A case is a process tree that an alert was about. Of the rules that ask for it, the first
//! detection in a case is an alert and the first of a higher severity is another; what else the tree does is summed up
//! in follow-ups, at most one a minute: every destination, and what the rules found. Nothing is known only by its
//! first address.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use ahash::HashMap;

use super::reported::Reported;
use super::rule::Severity;
use super::suppress::{destination, held, program};
use super::{Match, Rule};
use crate::event::{Categories, Event, Execution, Scalar, Timestamp, field};

/// Cases that are open at a time: beyond, the one in which nothing happened for longest is evicted.
const MAX_CASES: usize = 128;
/// Processes of a case whose descendants belong to it.
const MAX_ROOTS: usize = 256;
/// Programs with their destinations that a follow-up names with their counts; the rest is counted.
const MAX_GROUPS: usize = 256;
/// Destinations of a case that are known; beyond, each counts as new.
const MAX_KNOWN: usize = 1024;
/// How often a case is followed up while it goes to new destinations.
const EVERY: Duration = Duration::from_secs(60);
/// How often while it only comes back to those that are known.
const KNOWN_EVERY: Duration = Duration::from_secs(3600);
/// A case in which nothing happens for this long is closed; one that is older alerts again.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What a case did since its alert or since the last follow-up.
#[derive(Clone, Debug)]
pub(crate) struct FollowUp {
    /// The position in the set of the rule that opened the case.
    pub(crate) rule: usize,
    /// `event.id` of the alert that opened it.
    pub(crate) alert_id: String,
    /// When the first of this happened.
    pub(crate) start: Timestamp,
    /// When the last did.
    pub(crate) end: Timestamp,
    /// Connections, by program and destination, the new destinations first.
    pub(crate) contacts: Vec<Contact>,
    /// Connections of further programs and destinations.
    pub(crate) other: u64,
    /// Detections that were suppressed, by the position of their rule.
    pub(crate) suppressed: BTreeMap<usize, u64>,
    /// The first event.
    pub(crate) first: Arc<Event>,
}

/// Connections of one program to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Contact {
    /// `process.executable`, else `process.name`.
    pub(crate) process: String,
    /// Address and port.
    pub(crate) destination: String,
    /// How many.
    pub(crate) connections: u64,
    /// No alert or follow-up of the case named this destination before.
    pub(crate) is_new: bool,
}

/// The cases that are open.
#[derive(Debug)]
pub(crate) struct Cases {
    /// For each rule, whether its detections are suppressed in a case that has alerted, and its severity.
    rules: Vec<(bool, Severity)>,
    /// Whether a program runs scripts: a case goes up to the farthest such ancestor.
    runs_scripts: fn(&Execution) -> bool,
    open: BTreeMap<u64, Case>,
    /// By host and entity id.
    roots: HashMap<Arc<str>, u64>,
    /// The key of a process that is looked for among them.
    root: String,
    opened: u64,
    due: Option<Timestamp>,
    suppressed: u64,
    evicted: u64,
}

#[derive(Debug)]
struct Case {
    rule: usize,
    alert_id: String,
    roots: Vec<Arc<str>>,
    /// When it alerted first, and when anything happened last.
    first: Timestamp,
    last: Timestamp,
    /// The highest severity of its alerts; `None` before the first.
    severity: Option<Severity>,
    has_escalated: bool,
    known: HashSet<String>,
    reported: Reported,
    rolling: Option<Rolling>,
}

/// What no follow-up has reported yet.
#[derive(Debug)]
struct Rolling {
    due: Timestamp,
    start: Timestamp,
    end: Timestamp,
    contacts: BTreeMap<(String, String), (u64, bool)>,
    other: u64,
    suppressed: BTreeMap<usize, u64>,
    first: Arc<Event>,
}

impl Cases {
    pub(crate) fn new(rules: &[Rule], runs_scripts: fn(&Execution) -> bool) -> Cases {
        let rules = rules.iter().map(|rule| (rule.one_case, rule.severity)).collect();
        let (open, roots, root) = Default::default();
        Cases { rules, runs_scripts, open, roots, root, opened: 0, due: None, suppressed: 0, evicted: 0 }
    }

    /// Whether a rule asks for it.
    pub(crate) fn is_active(&self) -> bool {
        self.rules.iter().any(|(one_case, _)| *one_case)
    }

    /// Whether the detection is an alert. `alert_id` names the one that opens a case.
    pub(crate) fn admit(&mut self, rule: usize, found: &Match, alert_id: impl FnOnce() -> String) -> bool {
        let Some(last) = found.events.last().filter(|_| self.is_active()) else { return true };
        let roots: Vec<String> = found.events.iter().filter_map(|event| self.root(event)).collect();
        let known = roots.iter().find_map(|root| self.roots.get(root.as_str())).copied();
        let alert_id = alert_id();
        let number = known.unwrap_or_else(|| self.begin(rule, last.time, alert_id.clone()));
        let (one_case, severity) = self.rules[rule];
        let Some(case) = self.open.get_mut(&number) else { return true };
        for root in roots {
            if case.roots.len() < MAX_ROOTS && !self.roots.contains_key(root.as_str()) {
                let root: Arc<str> = root.into();
                case.roots.push(Arc::clone(&root));
                self.roots.insert(root, number);
            }
        }
        let is_out = case.admit(severity, last.time) || !one_case;
        let is_known = case.reported.has(alert_id);
        if !is_out {
            self.suppressed += 1;
        }
        if !is_out && !is_known {
            let due = case.hold_back(rule, last);
            self.due = self.due.into_iter().chain([due]).min();
        }
        is_out
    }

    /// Records a connection of a tree that has alerted. `is_alerted`: an alert for it was sent.
    pub(crate) fn observe(&mut self, event: &Event, is_alerted: bool) {
        let is_end = || event.is_type("end") && !event.is_type("start");
        if self.roots.is_empty() || !event.categories.intersects(Categories::NETWORK) || is_end() {
            return;
        }
        let Some(case) = self.case_of(event).and_then(|number| self.open.get_mut(&number)) else { return };
        let destination: String = destination(event);
        if destination == "-" {
            return;
        }
        case.last = case.last.max(event.time);
        let is_new = !case.known.contains(&destination);
        if is_new && case.known.len() < MAX_KNOWN {
            case.known.insert(destination.clone());
        }
        if !case.reported.has_connection(event, &destination) && !is_alerted {
            let due = case.connect(event, destination, is_new);
            self.due = self.due.into_iter().chain([due]).min();
        }
    }

    /// What is due at this time, or all that there is.
    pub(crate) fn elapse(&mut self, now: Option<Timestamp>) -> Vec<FollowUp> {
        if now.is_some_and(|now| self.due.is_none_or(|due| now < due)) {
            return Vec::new();
        }
        let is_due = |rolling: &mut Rolling| now.is_none_or(|now| rolling.due <= now);
        let tell = |case: &mut Case| case.rolling.take_if(is_due).map(|rolling| case.tell(rolling));
        let found = self.open.values_mut().filter_map(tell).collect();
        self.due = self.open.values().filter_map(|case| case.rolling.as_ref()).map(|rolling| rolling.due).min();
        found
    }

    /// When the next follow-up is due.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        self.due
    }

    /// Detections suppressed so far.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    /// Cases evicted because too many were open.
    pub(crate) fn evicted(&self) -> u64 {
        self.evicted
    }

    fn begin(&mut self, rule: usize, time: Timestamp, alert_id: String) -> u64 {
        let is_over = |case: &Case| case.rolling.is_none() && case.last.saturating_add(DAY) <= time;
        let over: Vec<u64> = self.open.iter().filter(|(_, case)| is_over(case)).map(|(number, _)| *number).collect();
        over.into_iter().for_each(|number| self.close(number));
        if self.open.len() >= MAX_CASES
            && let Some(oldest) = self.open.iter().min_by_key(|(_, case)| case.last).map(|(number, _)| *number)
        {
            self.close(oldest);
            self.evicted += 1;
        }
        self.opened += 1;
        let case = Case {
            rule,
            alert_id,
            roots: Vec::new(),
            first: time,
            last: time,
            severity: None,
            has_escalated: false,
            known: HashSet::new(),
            reported: Reported::default(),
            rolling: None,
        };
        self.open.insert(self.opened, case);
        self.opened
    }

    fn close(&mut self, number: u64) {
        if let Some(case) = self.open.remove(&number) {
            case.roots.iter().for_each(|root| _ = self.roots.remove(root));
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

impl Case {
    /// Whether a detection of this severity is an alert: the first, and the first that is graver.
    fn admit(&mut self, severity: Severity, time: Timestamp) -> bool {
        if time >= self.first.saturating_add(DAY) {
            (self.first, self.severity, self.has_escalated) = (time, None, false);
        }
        self.last = self.last.max(time);
        let is_graver = self.severity.is_some_and(|known| severity.number() > known.number());
        let is_out = self.severity.is_none() || (is_graver && !self.has_escalated);
        if is_out {
            self.has_escalated = is_graver;
            self.severity = Some(severity);
        }
        is_out
    }

    fn hold_back(&mut self, rule: usize, last: &Arc<Event>) -> Timestamp {
        let rolling = self.rolling(last.time, EVERY, || Arc::clone(last));
        *rolling.suppressed.entry(rule).or_default() += 1;
        rolling.due
    }

    fn connect(&mut self, event: &Event, destination: String, is_new: bool) -> Timestamp {
        let every = if is_new { EVERY } else { KNOWN_EVERY };
        let rolling = self.rolling(event.time, every, || Arc::new(event.detached()));
        let group = (program(event), destination);
        if rolling.contacts.len() < MAX_GROUPS || rolling.contacts.contains_key(&group) {
            let contact = rolling.contacts.entry(group).or_insert((0, is_new));
            contact.0 += 1;
        } else {
            rolling.other += 1;
        }
        rolling.due
    }

    /// What no follow-up has reported yet, to be reported after this long.
    fn rolling(&mut self, time: Timestamp, every: Duration, first: impl FnOnce() -> Arc<Event>) -> &mut Rolling {
        let due = time.saturating_add(every);
        let rolling = self.rolling.get_or_insert_with(|| {
            let (contacts, suppressed) = Default::default();
            Rolling { due, start: time, end: time, contacts, other: 0, suppressed, first: first() }
        });
        rolling.due = rolling.due.min(due);
        rolling.end = rolling.end.max(time);
        rolling
    }

    fn tell(&self, rolling: Rolling) -> FollowUp {
        let Rolling { start, end, contacts, other, suppressed, first, .. } = rolling;
        let contact =
            |((process, destination), (connections, is_new))| Contact { process, destination, connections, is_new };
        let mut contacts: Vec<Contact> = contacts.into_iter().map(contact).collect();
        contacts.sort_by_key(|contact| !contact.is_new);
        FollowUp { rule: self.rule, alert_id: self.alert_id.clone(), start, end, contacts, other, suppressed, first }
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
