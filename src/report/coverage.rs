//! What a recording held, and so which rules could have matched: no alert means nothing where nothing could be
//! seen.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::{plural, visible};
use crate::detect::rule::Needs;
use crate::event::{Categories, Event, Field, Scalar, Timestamp, document, field};

/// How many hosts are distinguished; the events of further ones are counted together.
const MAX_HOSTS: usize = 1000;
/// How much of what names a host is held: a recording can name one with a megabyte.
const MAX_NAME: usize = 256;
/// How close to the end of a recording a program has to start for its connections to be missed.
const CUT_SHORT: Duration = Duration::from_secs(30);
/// The interpreters that the end of a recording may cut short.
const INTERPRETERS: [&str; 2] = ["osascript", "automator"];

/// What one host's events were.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Host {
    /// `host.name`, of its first event.
    pub name: Option<String>,
    /// `host.os.type`, of its first event.
    pub os: Option<String>,
    /// Events of processes.
    pub process: u64,
    /// Events of connections.
    pub network: u64,
    /// The lowest and the highest number of a message of Endpoint Security, and how many there were.
    numbers: Option<(i64, i64, u64)>,
}

/// What a recording held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    hosts: Vec<(String, Host)>,
    /// Whose the event before was.
    recent: usize,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// When each interpreter started last.
    started: [Option<Timestamp>; INTERPRETERS.len()],
}

impl Host {
    fn events_of(&self, category: &str) -> u64 {
        match category {
            "process" => self.process,
            "network" => self.network,
            _ => self.process + self.network,
        }
    }
}

impl Coverage {
    /// Records an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        let number = event.stated(field::GLOBAL_SEQ_NUM).find_map(|number| match number {
            Scalar::Int(number) => Some(number),
            _ => None,
        });
        self.first = Some(self.first.map_or(event.time, |first| first.min(event.time)));
        self.last = Some(self.last.map_or(event.time, |last| last.max(event.time)));
        let is_process = event.categories.intersects(Categories::PROCESS);
        if is_process
            && let Some(name) = event.str(field::PROCESS_NAME)
            && let Some(at) = INTERPRETERS.iter().position(|interpreter| *interpreter == name)
            && event.is_type("start")
        {
            self.started[at] = self.started[at].max(Some(event.time));
        }
        let host = self.host(event.str(field::HOST_ID).unwrap_or_default(), event);
        host.process += u64::from(is_process);
        host.network += u64::from(event.categories.intersects(Categories::NETWORK));
        if let Some(number) = number {
            let (low, high, count) = host.numbers.unwrap_or((number, number, 0));
            host.numbers = Some((low.min(number), high.max(number), count + 1));
        }
    }

    /// The host of this id. Mostly it is that of the event before.
    fn host(&mut self, id: &str, event: &Event) -> &mut Host {
        let id = cut(id);
        if self.hosts.get(self.recent).is_none_or(|(known, _)| known != id) {
            let found = self.hosts.iter().position(|(known, _)| known == id);
            self.recent = found.unwrap_or(self.hosts.len().min(MAX_HOSTS));
            if self.recent == self.hosts.len() {
                let id = if self.recent < MAX_HOSTS { id } else { "further hosts" };
                self.hosts.push((id.to_owned(), described(event)));
            }
        }
        &mut self.hosts[self.recent].1
    }

    /// The times of the first and the last event.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.zip(self.last)
    }

    /// How many events were of processes and of connections.
    pub(crate) fn events(&self) -> (u64, u64) {
        self.hosts.iter().fold((0, 0), |(process, network), (_, host)| (process + host.process, network + host.network))
    }

    /// Messages of Endpoint Security that are missing between others; `skipped` ones were there.
    pub(crate) fn gaps(&self, skipped: u64) -> u64 {
        let missing = |(low, high, count): (i64, i64, u64)| (high.abs_diff(low) + 1).saturating_sub(count);
        self.hosts.iter().filter_map(|(_, host)| host.numbers).map(missing).sum::<u64>().saturating_sub(skipped)
    }

    /// Why a rule could not have matched; `None` when it could.
    pub(crate) fn obstacle(&self, needs: &Needs) -> Option<String> {
        needs.categories.iter().find_map(|category| {
            let kind = if category == "any" { String::new() } else { format!("{category} ") };
            let count = |is_wanted: &dyn Fn(&str, &Host) -> bool| -> u64 {
                let hosts = self.hosts.iter().filter(|(id, host)| is_wanted(id, host));
                hosts.map(|(_, host)| host.events_of(category)).sum()
            };
            let of_macos = |host: &Host| !needs.macos || host.os.as_deref() == Some("macos");
            if count(&|_, _| true) == 0 {
                Some(format!("no {kind}events"))
            } else if count(&|_, host| of_macos(host)) == 0 {
                Some(format!("no {kind}events of hosts that state macOS"))
            } else if count(&|id, host| of_macos(host) && (!needs.host || !id.is_empty())) == 0 {
                Some(format!("no {kind}events that state host.id"))
            } else {
                None
            }
        })
    }

    /// What kept rules from matching, with how many of them; nothing when each could.
    pub(crate) fn obstacles(&self, rules: &[Needs]) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for obstacle in rules.iter().filter_map(|needs| self.obstacle(needs)) {
            *counts.entry(obstacle).or_default() += 1;
        }
        let rules = plural(rules.len() as u64, "rule");
        let line = |(obstacle, count)| format!("{obstacle}: {count} of {rules} could not match");
        counts.into_iter().map(line).collect()
    }

    /// Whether an alert was out of reach.
    pub(crate) fn is_blind(&self, rules: &[Needs]) -> bool {
        rules.iter().all(|needs| self.obstacle(needs).is_some())
    }

    /// What a reader has to know to judge the absence of alerts, one line each.
    pub(crate) fn remarks(&self, rules: &[Needs], skipped: u64) -> Vec<String> {
        let mut remarks = self.obstacles(rules);
        let mut other = 0;
        let (mut unstated, mut without_id) = (0, 0);
        for (id, host) in &self.hosts {
            if id.is_empty() {
                without_id += host.process + host.network;
            }
            match host.os.as_deref() {
                Some("macos") => {}
                Some(_) => other += host.process + host.network,
                None => unstated += host.process + host.network,
            }
        }
        if other > 0 {
            remarks.push(format!("{} of hosts that are not macOS", plural(other, "event")));
        }
        if unstated > 0 && rules.iter().any(|needs| needs.macos) {
            remarks.push(format!("{} of hosts that do not state host.os.type", plural(unstated, "event")));
        }
        if without_id > 0 && rules.iter().any(|needs| needs.host) {
            remarks.push(format!("{} without host.id", plural(without_id, "event")));
        }
        for (name, started) in INTERPRETERS.iter().zip(self.started) {
            let (Some(started), Some(last)) = (started, self.last) else { continue };
            let left = Duration::from_nanos(last.nanoseconds().abs_diff(started.nanoseconds()));
            if left < CUT_SHORT {
                let seconds = left.as_secs_f64();
                remarks.push(format!("recording ends {seconds:.0} s after the last {name} started"));
            }
        }
        let gaps = self.gaps(skipped);
        if gaps > 0 {
            let (messages, are) = (plural(gaps, "message"), if gaps == 1 { "is" } else { "are" });
            remarks.push(format!("{messages} of Endpoint Security {are} missing between others"));
        }
        remarks
    }

    /// One line each about hosts, time and events.
    pub(crate) fn lines(&self) -> Vec<String> {
        let Some((first, last)) = self.span() else { return Vec::new() };
        let mut names: Vec<String> = self.hosts.iter().take(5).map(|(id, host)| name(id, host)).collect();
        if self.hosts.len() > names.len() {
            names.push(format!("{} more", self.hosts.len() - names.len()));
        }
        let (process, network) = self.events();
        vec![
            format!("{}: {}", plural(self.hosts.len() as u64, "host"), names.join(", ")),
            format!("{} to {}", shown(first), shown(last)),
            format!("{}, {}", plural(process, "process event"), plural(network, "network event")),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self, rules: &[Needs], skipped: u64) -> Json {
        let host = |(id, host): &(String, Host)| {
            let Host { name, os, process, network, .. } = host;
            json!({"id": id, "name": name, "os": os, "process_events": process, "network_events": network})
        };
        let obstacle = |needs: &Needs| json!({"rule": needs.rule, "could_match": self.obstacle(needs).is_none(), "why_not": self.obstacle(needs)});
        json!({
            "hosts": self.hosts.iter().map(host).collect::<Vec<_>>(),
            "first": self.first.map(|time| time.to_string()),
            "last": self.last.map(|time| time.to_string()),
            "process_events": self.events().0,
            "network_events": self.events().1,
            "missing_messages": self.gaps(skipped),
            "rules": rules.iter().map(obstacle).collect::<Vec<_>>(),
            "remarks": self.remarks(rules, skipped),
        })
    }
}

/// What the first event of a host states about it. No rule may want that, and then the decoder did not take it:
/// once, the whole document is read.
fn described(event: &Event) -> Host {
    let document = document::document(event);
    let text = |name: &str| document::text(&document, name).map(|text| cut(&text).to_owned());
    let stated = |field: Field| event.str(field).map(|text| cut(text).to_owned());
    Host {
        name: text("host.name").or_else(|| text("host.hostname")),
        os: stated(field::HOST_OS_TYPE).or_else(|| text("host.os.type")),
        ..Host::default()
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_NAME)]
}

fn name(id: &str, host: &Host) -> String {
    match &host.name {
        Some(name) => visible(name),
        None if id.is_empty() => "a host without id".to_owned(),
        None => visible(id),
    }
}

/// A time to the second.
fn shown(time: Timestamp) -> String {
    let text = time.to_string();
    let end = text.find('.').unwrap_or(text.len() - 1);
    format!("{}Z", &text[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(second: i64, category: Categories, name: &str, host: &str, os: Option<&str>) -> Event {
        let mut event = Event::new(Timestamp::from_nanoseconds(second * 1_000_000_000), category);
        event.push_str(field::HOST_ID, host);
        event.push_str(field::PROCESS_NAME, name);
        event.push_str(field::EVENT_TYPE, "start");
        os.iter().for_each(|os| event.push_str(field::HOST_OS_TYPE, os));
        event
    }

    fn rules() -> Vec<Needs> {
        let needs = |rule: &str, categories: &[&str], macos| Needs {
            rule: rule.to_owned(),
            categories: categories.iter().map(|category| (*category).to_owned()).collect(),
            macos,
            host: macos,
        };
        vec![needs("a", &["process", "network"], true), needs("b", &["process"], false)]
    }

    fn remarks(events: &[Event]) -> Vec<String> {
        let mut coverage = Coverage::default();
        events.iter().for_each(|event| coverage.observe(event));
        coverage.remarks(&rules(), 0)
    }

    #[test]
    fn what_could_not_have_matched_is_said_with_the_reason() {
        let process = |os| event(0, Categories::PROCESS, "zsh", "H", os);
        let network = |os| event(60, Categories::NETWORK, "zsh", "H", os);
        let mac = Some("macos");
        assert_eq!(remarks(&[process(mac), network(mac)]), Vec::<String>::new());
        assert_eq!(remarks(&[process(mac)]), ["no network events: 1 of 2 rules could not match"]);
        assert_eq!(remarks(&[]), ["no process events: 2 of 2 rules could not match"]);
    }

    #[test]
    fn hosts_of_other_systems_and_of_none_are_counted() {
        let mut events = vec![event(0, Categories::PROCESS, "x", "W", Some("windows"))];
        events.push(event(0, Categories::NETWORK, "x", "U", None));
        let expected = [
            "no process events of hosts that state macOS: 1 of 2 rules could not match",
            "1 event of hosts that are not macOS",
            "1 event of hosts that do not state host.os.type",
        ];
        assert_eq!(remarks(&events), expected);
    }

    #[test]
    fn events_without_a_host_cannot_be_joined_by_it() {
        let event = |category| event(0, category, "zsh", "", Some("macos"));
        let expected =
            ["no process events that state host.id: 1 of 2 rules could not match", "2 events without host.id"];
        assert_eq!(remarks(&[event(Categories::PROCESS), event(Categories::NETWORK)]), expected);
    }

    #[test]
    fn a_recording_that_ends_soon_after_osascript_started_says_so() {
        let mac = Some("macos");
        let events =
            [event(0, Categories::PROCESS, "osascript", "H", mac), event(4, Categories::NETWORK, "zsh", "H", mac)];
        assert_eq!(remarks(&events), ["recording ends 4 s after the last osascript started"]);
    }

    #[test]
    fn missing_numbers_of_messages_are_gaps_in_whatever_order_the_rest_comes() {
        let mut coverage = Coverage::default();
        for number in [7, 3, 4, 9] {
            let mut event = event(0, Categories::PROCESS, "x", "H", Some("macos"));
            event.push_int(field::GLOBAL_SEQ_NUM, number);
            coverage.observe(&event);
        }
        assert_eq!((coverage.gaps(0), coverage.gaps(1), coverage.gaps(5)), (3, 2, 0));
    }
}
