//! What a case report is made of: alerts of one process tree and time are one incident, with what else its
//! processes did.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use crate::event::document::{get, insert, text};
use crate::event::{Categories, Event, Scalar, Timestamp, field};
use crate::script::Redactor;

/// Alerts that a report shows; further ones are counted.
pub(crate) const MAX_ALERTS: usize = 1000;
/// Events around the alerts that are kept.
const MAX_ACTIVITY: usize = 200_000;
/// Alerts further apart than this are of two incidents.
const APART: Duration = Duration::from_secs(3600);
/// Bytes of a command line that are shown.
const MAX_COMMAND: usize = 400;
/// Bytes of a command line that are kept until its secrets are taken out.
const MAX_RAW: usize = 16 << 10;

/// A case: alerts, and the events around them.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(super) alerts: Vec<Map<String, Json>>,
    pub(super) more: u64,
    activity: Vec<Activity>,
    redactor: Option<Redactor>,
}

/// What a process did, by an event.
#[derive(Debug)]
struct Activity {
    entity: String,
    parent: Option<String>,
    entry: Entry,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    pub(super) time: Timestamp,
    /// The process, with its pid.
    pub(super) process: String,
    pub(super) what: What,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    /// A program started, with this command line.
    Started(String),
    /// It connected there.
    Connected(String),
    /// It looked up this name.
    LookedUp(String),
    /// An alert of this name.
    Alert(String),
}

/// A process of an incident.
#[derive(Clone, Debug, Default)]
pub(super) struct Process {
    pub(super) name: String,
    pub(super) command: String,
    pub(super) parent: Option<String>,
    /// It is of an event that an alert is about.
    pub(super) alerts: bool,
    /// Or that a follow-up is about.
    is_told: bool,
}

/// Alerts of one process tree.
#[derive(Debug, Default)]
pub(super) struct Incident<'c> {
    pub(super) host: String,
    pub(super) alerts: Vec<&'c Map<String, Json>>,
    pub(super) processes: BTreeMap<String, Process>,
    /// In order of time.
    pub(super) entries: Vec<(String, Entry)>,
    last: Option<Timestamp>,
}

impl Case {
    /// A case whose events lose their secrets before they are shown. Without a redactor no events are taken.
    pub(crate) fn new(redactor: Redactor) -> Case {
        Case { redactor: Some(redactor), ..Case::default() }
    }

    /// A case of alerts alone, and of so many more that it does not show.
    pub(super) fn of(mut alerts: Vec<Map<String, Json>>, more: u64) -> Case {
        let surplus = alerts.drain(MAX_ALERTS.min(alerts.len())..).count() as u64;
        Case { alerts, more: more + surplus, ..Case::default() }
    }

    /// Adds an alert.
    pub(crate) fn add(&mut self, alert: &Map<String, Json>) {
        if self.alerts.len() < MAX_ALERTS {
            self.alerts.push(alert.clone());
        } else {
            self.more += 1;
        }
    }

    /// Records an event that may concern an alert's process.
    pub(crate) fn observe(&mut self, event: &Event) {
        let has_room = self.redactor.is_some() && self.activity.len() < MAX_ACTIVITY;
        let Some(entity) = event.str(field::PROCESS_ENTITY_ID).filter(|_| has_room) else { return };
        let is_start = event.is_type("start");
        let what = if event.categories.intersects(Categories::NETWORK) && !event.is_type("end") {
            match event.str(field::EVENT_ACTION).filter(|action| action.starts_with("lookup_")) {
                Some(_) => What::LookedUp(event.str(field::DNS_QUESTION_NAME).unwrap_or("a name").to_owned()),
                None => What::Connected(destination(event)),
            }
        } else if is_start && event.str(field::EVENT_ACTION) != Some("fork") {
            let command = event.str(field::PROCESS_COMMAND_LINE).unwrap_or_default();
            What::Started(command[..command.floor_char_boundary(MAX_RAW.min(command.len()))].to_owned())
        } else {
            return;
        };
        let name = event.str(field::PROCESS_NAME).unwrap_or("a process");
        let pid = event.int(field::PROCESS_PID).map(|pid| format!(" ({pid})")).unwrap_or_default();
        let entry = Entry { time: event.time, process: format!("{name}{pid}"), what };
        let parent = event.str(field::PARENT_ENTITY_ID).map(str::to_owned);
        self.activity.push(Activity { entity: entity.to_owned(), parent, entry });
    }

    /// The incidents, in order of their first alert.
    pub(super) fn incidents(&self) -> Vec<Incident<'_>> {
        let mut incidents: Vec<Incident<'_>> = Vec::new();
        for alert in &self.alerts {
            let (host, subjects) = (text(alert, "host.id").unwrap_or_default(), subjects(alert));
            let (time, opened_by) = (time(alert), text(alert, "osawatch.follow_up.alert_id"));
            let follows = |incident: &Incident<'_>| {
                opened_by.is_some() && incident.alerts.iter().any(|alert| text(alert, "event.id") == opened_by)
            };
            let found = incidents.iter_mut().rev().find(|incident| {
                let is_known = |subject: &String| incident.processes.get(subject).is_some_and(|known| known.is_told);
                let goes_on = subjects.iter().any(is_known) && is_near(incident.last, time);
                incident.host == host && (follows(incident) || goes_on)
            });
            match found {
                Some(incident) => incident.take(alert, &subjects),
                None => {
                    let mut incident = Incident { host, ..Incident::default() };
                    incident.take(alert, &subjects);
                    incidents.push(incident);
                }
            }
        }
        incidents.iter_mut().for_each(|incident| self.surround(incident));
        incidents
    }

    /// Adds what the processes of an incident and those they started did.
    fn surround(&self, incident: &mut Incident<'_>) {
        let mut tree: HashSet<&str> = self
            .activity
            .iter()
            .map(|done| done.entity.as_str())
            .filter(|entity| incident.processes.get(*entity).is_some_and(|process| process.is_told))
            .collect();
        let mut known: HashMap<&str, &Activity> = HashMap::new();
        for done in &self.activity {
            if done.parent.as_deref().is_some_and(|parent| tree.contains(parent)) {
                tree.insert(&done.entity);
            }
            let is_start = matches!(done.entry.what, What::Started(_));
            // What an alert shows of its own processes has been through every setting: no second copy of that.
            if tree.contains(done.entity.as_str()) && !(is_start && incident.is_alerting(&done.entity)) {
                incident.entries.push((done.entity.clone(), self.redacted(&done.entry)));
                known.entry(&done.entity).or_insert(done);
            }
        }
        for (entity, done) in known {
            let process = incident.processes.entry(entity.to_owned()).or_default();
            if process.name.is_empty() {
                process.name.clone_from(&done.entry.process);
            }
            if let (true, What::Started(command)) = (process.command.is_empty(), self.redacted(&done.entry).what) {
                process.command = command;
            }
            process.parent = process.parent.take().or_else(|| done.parent.clone());
        }
        incident.entries.sort();
        incident.entries.sort_by(|(_, one), (_, two)| one.cmp(two));
        incident.entries.dedup_by(|(_, one), (_, two)| one == two);
    }
}

impl Case {
    /// The entry without secrets, short enough to be shown.
    fn redacted(&self, entry: &Entry) -> Entry {
        let (What::Started(command), Some(redactor)) = (&entry.what, &self.redactor) else { return entry.clone() };
        let mut document = Map::new();
        insert(&mut document, "process.command_line", Json::String(command.clone()));
        redactor.apply(&mut document);
        let command = text(&document, "process.command_line").unwrap_or_default();
        Entry { what: What::Started(shortened(&command)), ..entry.clone() }
    }
}

impl<'c> Incident<'c> {
    fn is_alerting(&self, entity: &str) -> bool {
        self.processes.get(entity).is_some_and(|process| process.alerts)
    }

    fn take(&mut self, alert: &'c Map<String, Json>, subjects: &[String]) {
        self.alerts.push(alert);
        self.last = self.last.max(time(alert));
        let mut child = self.add(alert, "process.");
        for ancestor in list(alert, "osawatch.ancestry").iter().filter_map(Json::as_object) {
            let entity = self.add(ancestor, "");
            if let (Some(child), Some(entity)) = (child, &entity) {
                let process = self.processes.entry(child).or_default();
                process.parent.get_or_insert_with(|| entity.clone());
            }
            child = entity;
        }
        for event in list(alert, "osawatch.sequence.events").iter().filter_map(Json::as_object) {
            let Some(entity) = self.add(event, "process.") else { continue };
            let Some(time) = time(event) else { continue };
            let process = self.processes.get(&entity).map(|process| process.name.clone()).unwrap_or_default();
            let is_lookup = text(event, "event.action").is_some_and(|action| action.starts_with("lookup_"));
            let goes_somewhere = get(event, "destination.ip").or_else(|| get(event, "destination.domain")).is_some();
            let what = match goes_somewhere {
                _ if is_lookup => {
                    What::LookedUp(text(event, "dns.question.name").unwrap_or_else(|| "a name".to_owned()))
                }
                true => What::Connected(destination_of(event)),
                false => What::Started(shortened(&command(event, "process."))),
            };
            self.entries.push((entity, Entry { time, process, what }));
        }
        for subject in subjects {
            let process = self.processes.entry(subject.clone()).or_default();
            process.is_told = true;
            process.alerts |= !is_follow_up(alert);
        }
        if is_follow_up(alert) {
            return;
        }
        if let (Some(time), Some(entity)) = (time(alert), text(alert, "process.entity_id")) {
            let process = self.processes.get(&entity).map(|process| process.name.clone()).unwrap_or_default();
            let name = text(alert, "rule.name").or_else(|| text(alert, "message")).unwrap_or_default();
            self.entries.push((entity, Entry { time, process, what: What::Alert(name) }));
        }
    }

    /// Adds a process of a document; its entity id.
    fn add(&mut self, document: &Map<String, Json>, prefix: &str) -> Option<String> {
        let part = |name: &str| text(document, &format!("{prefix}{name}"));
        let entity = part("entity_id")?;
        let process = self.processes.entry(entity.clone()).or_default();
        let pid = get(document, &format!("{prefix}pid")).map(|pid| format!(" ({pid})")).unwrap_or_default();
        if process.name.is_empty() {
            process.name = format!("{}{pid}", part("name").unwrap_or_else(|| "a process".to_owned()));
        }
        if process.command.is_empty() {
            process.command = shortened(&command(document, prefix));
        }
        if process.parent.is_none() {
            process.parent = part("parent.entity_id");
        }
        Some(entity)
    }
}

/// The processes that an alert is about: those of its events.
fn subjects(alert: &Map<String, Json>) -> Vec<String> {
    let events = list(alert, "osawatch.sequence.events").iter().filter_map(Json::as_object);
    let mut subjects: Vec<String> = events.filter_map(|event| text(event, "process.entity_id")).collect();
    subjects.extend(text(alert, "process.entity_id"));
    subjects.sort();
    subjects.dedup();
    subjects
}

fn is_near(last: Option<Timestamp>, time: Option<Timestamp>) -> bool {
    let (Some(last), Some(time)) = (last, time) else { return true };
    u128::from(last.nanoseconds().abs_diff(time.nanoseconds())) <= APART.as_nanos()
}

pub(super) fn time(document: &Map<String, Json>) -> Option<Timestamp> {
    Timestamp::parse(&text(document, "@timestamp")?)
}

pub(super) fn list<'d>(document: &'d Map<String, Json>, name: &str) -> &'d [Json] {
    get(document, name).and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn command(document: &Map<String, Json>, prefix: &str) -> String {
    let part = |name: &str| text(document, &format!("{prefix}{name}"));
    part("command_line").or_else(|| part("executable")).unwrap_or_default()
}

pub(super) fn destination_of(document: &Map<String, Json>) -> String {
    let part = |name: &str| text(document, name);
    let port = get(document, "destination.port").map(|port| format!(" port {port}")).unwrap_or_default();
    let address = part("destination.ip").or_else(|| part("destination.address"));
    match (part("destination.domain"), address) {
        (Some(domain), Some(address)) => format!("{domain} ({address}){port}"),
        (Some(name), None) | (None, Some(name)) => format!("{name}{port}"),
        (None, None) => "an unknown address".to_owned(),
    }
}

fn destination(event: &Event) -> String {
    let port = event.stated(field::DESTINATION_PORT).next().map(|port| format!(" port {}", Scalar::text(port)));
    let port = port.unwrap_or_default();
    let address = event.str(field::DESTINATION_IP).or_else(|| event.str(field::DESTINATION_ADDRESS));
    match (event.str(field::DESTINATION_DOMAIN), address) {
        (Some(domain), Some(address)) => format!("{domain} ({address}){port}"),
        (Some(name), None) | (None, Some(name)) => format!("{name}{port}"),
        (None, None) => "an unknown address".to_owned(),
    }
}

fn shortened(text: &str) -> String {
    match text.len() {
        0..=MAX_COMMAND => text.to_owned(),
        _ => format!("{}…", &text[..text.floor_char_boundary(MAX_COMMAND)]),
    }
}

/// Whether a document follows up an alert, and is none itself.
pub(crate) fn is_follow_up(document: &Map<String, Json>) -> bool {
    text(document, "event.action").as_deref() == Some("follow_up")
}
