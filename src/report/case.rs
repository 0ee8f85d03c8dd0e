//! What a case report is made of: alerts of one process tree and time are one incident, with what else its
//! processes did.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde_json::{Map, Value as Json};

use super::activity::{Activity, Entry, Index, Record, What, place};
use crate::event::document::{self, get, insert, text};
use crate::event::{Event, Timestamp};
use crate::script::Redactor;
use crate::visible::clipped;

/// Alerts that a report shows, and the bytes that they may take in memory; further ones are counted.
const MAX_ALERTS: usize = 1000;
const MAX_ALERT_BYTES: usize = 64 << 20;
/// Events around the alerts that a report shows; further ones are counted.
const MAX_AROUND: u64 = 20_000;
/// Alerts further apart than this are of two incidents.
const APART: Duration = Duration::from_secs(3600);
/// Bytes of a command line that are shown.
const MAX_COMMAND: usize = 400;

/// A case: alerts with what follows them up or sums up others, and the events around them.
#[derive(Debug, Default)]
pub(crate) struct Case {
    pub(super) alerts: Vec<Map<String, Json>>,
    alert_bytes: usize,
    /// Alerts that found no room.
    pub(super) more: u64,
    pub(super) activity: Record,
    redactor: Option<Redactor>,
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
    /// Events of its processes that found no room.
    pub(super) left_out: u64,
    last: Option<Timestamp>,
}

impl Case {
    /// A case whose events lose their secrets before they are shown. Without a redactor no events are taken.
    pub(crate) fn new(redactor: Redactor) -> Case {
        Case { redactor: Some(redactor), ..Case::default() }
    }

    /// Adds an alert, or what follows one up or sums up others.
    pub(crate) fn add(&mut self, alert: Map<String, Json>) {
        let bytes = document::bytes(&alert);
        if self.alerts.len() < MAX_ALERTS && self.alert_bytes + bytes <= MAX_ALERT_BYTES {
            self.alert_bytes += bytes;
            self.alerts.push(alert);
        } else {
            self.more += u64::from(is_alert(&alert));
        }
    }

    /// The alerts that it shows, and how many more there were.
    pub(crate) fn counts(&self) -> (u64, u64) {
        (self.alerts.iter().filter(|alert| is_alert(alert)).count() as u64, self.more)
    }

    /// Whether it shows neither an alert nor anything about one.
    pub(crate) fn is_empty(&self) -> bool {
        self.alerts.is_empty()
    }

    /// Records an event that may concern an alert's process.
    pub(crate) fn observe(&mut self, event: &Event) {
        if self.redactor.is_some() {
            self.activity.observe(event);
        }
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
        let (index, mut room) = (Index::new(&self.activity), MAX_AROUND);
        incidents.iter_mut().for_each(|incident| self.surround(incident, &index, &mut room));
        incidents
    }

    /// Adds what the processes of an incident and those they started did, as far as there is room.
    fn surround(&self, incident: &mut Incident<'_>, index: &Index<'_>, room: &mut u64) {
        let told = incident.processes.iter().filter(|(_, process)| process.is_told);
        let mut known: HashMap<&str, &Activity> = HashMap::new();
        for done in index.of_tree(told.map(|(entity, _)| entity.as_str())) {
            let is_start = matches!(done.entry.what, What::Started(_));
            // What an alert shows of its own processes has been through every setting: no second copy of that.
            if is_start && incident.is_alerting(&done.entity) {
                continue;
            }
            if *room == 0 {
                incident.left_out += 1;
            } else {
                *room -= 1;
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
        Entry { what: What::Started(clipped(&command, MAX_COMMAND).into_owned()), ..entry.clone() }
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
                false => What::Started(command(event, "process.")),
            };
            self.entries.push((entity, Entry { time, process, what }));
        }
        for subject in subjects {
            let process = self.processes.entry(subject.clone()).or_default();
            process.is_told = true;
            process.alerts |= is_alert(alert);
        }
        if !is_alert(alert) {
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
            process.command = command(document, prefix);
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

/// Short enough to be shown.
fn command(document: &Map<String, Json>, prefix: &str) -> String {
    let part = |name: &str| text(document, &format!("{prefix}{name}"));
    let command = part("command_line").or_else(|| part("executable")).unwrap_or_default();
    clipped(&command, MAX_COMMAND).into_owned()
}

pub(super) fn destination_of(document: &Map<String, Json>) -> String {
    let part = |name: &str| text(document, name);
    let address = part("destination.ip").or_else(|| part("destination.address"));
    let port = get(document, "destination.port").map(Json::to_string);
    place(part("destination.domain").as_deref(), address.as_deref(), port)
}

/// Whether a document follows up an alert, and is none itself.
pub(super) fn is_follow_up(document: &Map<String, Json>) -> bool {
    text(document, "event.action").as_deref() == Some("follow_up")
}

/// Whether a document is an alert, and no sum of alerts that were held back.
pub(crate) fn is_alert(document: &Map<String, Json>) -> bool {
    is_about_alert(document) && !is_follow_up(document) && get(document, "osawatch.held_back").is_none()
}

/// Whether a document is an alert, sums up others or follows one up: what people are shown.
pub(crate) fn is_about_alert(document: &Map<String, Json>) -> bool {
    text(document, "event.kind").as_deref() == Some("alert") || is_follow_up(document)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::event::{Categories, field};

    #[test]
    fn an_incident_of_many_events_shows_some_and_counts_the_rest() {
        let mut case = Case::new(Redactor::new(&[], true).unwrap());
        let alert = json!({ "event": { "kind": "alert" }, "process": { "entity_id": "e" } });
        case.add(alert.as_object().unwrap().clone());
        let mut event = Event::new(Timestamp::default(), Categories::NETWORK);
        event.push_str(field::PROCESS_ENTITY_ID, "e");
        (0..MAX_AROUND + 5).for_each(|_| case.observe(&event));
        let incidents = case.incidents();
        assert_eq!((incidents.len(), incidents[0].left_out), (1, 5));
    }
}
