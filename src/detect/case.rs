//! One case: what its alerts were, and what its trees have done since.

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::reported::Reported;
use super::rule::Severity;
use super::suppress::program;
use crate::event::{Event, Timestamp};

/// Programs with their destinations that a follow-up names with their counts; the rest is counted.
const MAX_GROUPS: usize = 256;
/// Destinations of a case that are known; beyond, each counts as new.
const MAX_KNOWN: usize = 1024;
/// How often a case is followed up while it goes to new destinations.
const EVERY: Duration = Duration::from_secs(60);
/// How often while it only does again what is known.
const KNOWN_EVERY: Duration = Duration::from_secs(3600);
/// A case in which nothing happens for this long is closed; one that is older alerts again.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// The severity of the gravest alert of a case, as it was written: what is found in scripts, perhaps after the detection,
/// raises it above that of the rule.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gravest(Arc<AtomicU64>);

impl Gravest {
    pub(crate) fn note(&self, severity: Severity) {
        self.0.fetch_max(severity.number(), Ordering::Relaxed);
    }

    /// `None`: no alert was written.
    pub(crate) fn severity(&self) -> Option<Severity> {
        let number = self.0.load(Ordering::Relaxed);
        (number > 0).then(|| Severity::of(number))
    }
}

/// What a case did since its alert or since the last follow-up.
#[derive(Clone, Debug)]
pub(crate) struct FollowUp {
    /// The position in the set of the rule that opened the case.
    pub(crate) rule: usize,
    /// `event.id` of the alert that opened it.
    pub(crate) alert_id: String,
    pub(crate) gravest: Gravest,
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
    /// How many of these were repeats of what had been found before.
    pub(crate) repeats: u64,
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

#[derive(Debug)]
pub(super) struct Case {
    rule: usize,
    alert_id: String,
    /// Processes whose descendants belong to it, the one that opened it first.
    pub(super) roots: VecDeque<Arc<str>>,
    /// What makes a detection the repeat of one of this case.
    pub(super) repeats: Vec<Arc<str>>,
    /// When it alerted first, and when anything happened last.
    first: Timestamp,
    last: Timestamp,
    /// The highest severity of its alerts; `None` before the first.
    severity: Option<Severity>,
    has_escalated: bool,
    pub(super) gravest: Gravest,
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
    repeats: u64,
    first: Arc<Event>,
}

impl Case {
    /// A case that an alert of this rule opens.
    pub(super) fn new(rule: usize, alert_id: String, time: Timestamp) -> Case {
        Case {
            rule,
            alert_id,
            roots: VecDeque::new(),
            repeats: Vec::new(),
            first: time,
            last: time,
            severity: None,
            has_escalated: false,
            gravest: Gravest::default(),
            known: HashSet::new(),
            reported: Reported::default(),
            rolling: None,
        }
    }

    /// Whether a detection of this severity is an alert: the first, and the first that is graver.
    pub(super) fn admit(&mut self, severity: Severity, time: Timestamp) -> bool {
        if time >= self.first.saturating_add(DAY) {
            (self.first, self.severity, self.has_escalated) = (time, None, false);
        }
        self.last = self.last.max(time);
        let is_graver = self.severity.is_some_and(|known| severity > known);
        let is_out = self.severity.is_none() || (is_graver && !self.has_escalated);
        if is_out {
            self.has_escalated = is_graver;
            self.severity = Some(severity);
        }
        is_out
    }

    /// When anything happened last.
    pub(super) fn last(&self) -> Timestamp {
        self.last
    }

    /// Whether it is reported in full, and too old at this time for more to belong to it.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.rolling.is_none() && self.last.saturating_add(DAY) <= now
    }

    /// Whether a detection has been counted; it has been from now on.
    pub(super) fn has_reported(&mut self, alert_id: String) -> bool {
        self.reported.has(alert_id)
    }

    /// Counts a detection that is no alert, for a follow-up at the time returned: that of a repeat can wait.
    pub(super) fn hold_back(&mut self, rule: usize, last: &Arc<Event>, is_repeat: bool) -> Timestamp {
        let every = if is_repeat { KNOWN_EVERY } else { EVERY };
        let rolling = self.rolling(last.time, every, || Arc::clone(last));
        *rolling.suppressed.entry(rule).or_default() += 1;
        rolling.repeats += u64::from(is_repeat);
        rolling.due
    }

    /// Counts a connection, for a follow-up at the time returned, unless an alert told it or it has been counted.
    pub(super) fn connect(&mut self, event: &Event, destination: String, is_alerted: bool) -> Option<Timestamp> {
        self.last = self.last.max(event.time);
        let is_new = !self.known.contains(&destination);
        if is_new && self.known.len() < MAX_KNOWN {
            self.known.insert(destination.clone());
        }
        if self.reported.has_connection(event, &destination) || is_alerted {
            return None;
        }
        let every = if is_new { EVERY } else { KNOWN_EVERY };
        let rolling = self.rolling(event.time, every, || Arc::new(event.detached()));
        let group = (program(event), destination);
        if rolling.contacts.len() < MAX_GROUPS || rolling.contacts.contains_key(&group) {
            let contact = rolling.contacts.entry(group).or_insert((0, is_new));
            contact.0 += 1;
        } else {
            rolling.other += 1;
        }
        Some(rolling.due)
    }

    /// When its next follow-up is due.
    pub(super) fn due(&self) -> Option<Timestamp> {
        self.rolling.as_ref().map(|rolling| rolling.due)
    }

    /// What is due at this time, or all that there is.
    pub(super) fn elapse(&mut self, now: Option<Timestamp>) -> Option<FollowUp> {
        let rolling = self.rolling.take_if(|rolling| now.is_none_or(|now| rolling.due <= now))?;
        let Rolling { start, end, contacts, other, suppressed, repeats, first, .. } = rolling;
        let contact =
            |((process, destination), (connections, is_new))| Contact { process, destination, connections, is_new };
        let mut contacts: Vec<Contact> = contacts.into_iter().map(contact).collect();
        contacts.sort_by_key(|contact| !contact.is_new);
        let (rule, alert_id, gravest) = (self.rule, self.alert_id.clone(), self.gravest.clone());
        Some(FollowUp { rule, alert_id, gravest, start, end, contacts, other, suppressed, repeats, first })
    }

    /// What no follow-up has reported yet, to be reported after this long.
    fn rolling(&mut self, time: Timestamp, every: Duration, first: impl FnOnce() -> Arc<Event>) -> &mut Rolling {
        let due = time.saturating_add(every);
        let rolling = self.rolling.get_or_insert_with(|| {
            let (contacts, suppressed) = Default::default();
            Rolling { due, start: time, end: time, contacts, other: 0, suppressed, repeats: 0, first: first() }
        });
        rolling.due = rolling.due.min(due);
        rolling.end = rolling.end.max(time);
        rolling
    }
}
