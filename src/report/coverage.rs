//! What a recording held, and so which rules could have matched: no alert means nothing where nothing could be
//! seen.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::hosts::{Host, Hosts, name};
use super::plural;
use crate::detect::rule::Needs;
use crate::event::{Categories, Event, Timestamp, field};

/// How close to the end of a recording a program has to start for its connections to be missed.
const CUT_SHORT: Duration = Duration::from_secs(30);
/// The interpreters that the end of a recording may cut short.
const INTERPRETERS: [&str; 2] = ["osascript", "automator"];

/// What a recording held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    hosts: Hosts,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// When each interpreter started last.
    started: [Option<Timestamp>; INTERPRETERS.len()],
}

impl Coverage {
    /// Records an event.
    pub(crate) fn observe(&mut self, event: &Event) {
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
        self.hosts.observe(event);
    }

    /// The times of the first and the last event.
    pub(crate) fn span(&self) -> Option<(Timestamp, Timestamp)> {
        self.first.zip(self.last)
    }

    /// How many events were of processes and of connections.
    pub(crate) fn events(&self) -> (u64, u64) {
        self.hosts.all().fold((0, 0), |(process, network), (_, host)| (process + host.process, network + host.network))
    }

    /// Messages of Endpoint Security that are missing between others; `skipped` ones were there.
    pub(crate) fn gaps(&self, skipped: u64) -> u64 {
        let missing = |(low, high, count): (i64, i64, u64)| (high.abs_diff(low) + 1).saturating_sub(count);
        self.hosts.all().filter_map(|(_, host)| host.numbers).map(missing).sum::<u64>().saturating_sub(skipped)
    }

    /// Why a rule could not have matched; `None` when it could.
    pub(crate) fn obstacle(&self, needs: &Needs) -> Option<String> {
        needs.categories.iter().find_map(|category| {
            let kind = if category == "any" { String::new() } else { format!("{category} ") };
            let count = |is_wanted: &dyn Fn(&str, &Host) -> bool| -> u64 {
                let hosts = self.hosts.all().filter(|(id, host)| is_wanted(id, host));
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
        for (id, host) in self.hosts.all() {
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
        let mut names: Vec<String> = self.hosts.all().take(5).map(|(id, host)| name(id, host)).collect();
        if self.hosts.distinguished() > names.len() {
            names.push(format!("{} more", self.hosts.distinguished() - names.len()));
        }
        let (process, network) = self.events();
        let more_than = if self.hosts.are_more() { "more than " } else { "" };
        let hosts = format!("{more_than}{}", plural(self.hosts.distinguished() as u64, "host"));
        vec![
            format!("{hosts}: {}", names.join(", ")),
            format!("{} to {}", shown(first), shown(last)),
            format!("{}, {}", plural(process, "process event"), plural(network, "network event")),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self, rules: &[Needs], skipped: u64) -> Json {
        let host = |(id, host): (&str, &Host)| {
            let Host { name, os, process, network, .. } = host;
            json!({"id": id, "name": name, "os": os, "process_events": process, "network_events": network})
        };
        let obstacle = |needs: &Needs| json!({"rule": needs.rule, "could_match": self.obstacle(needs).is_none(), "why_not": self.obstacle(needs)});
        json!({
            "hosts": self.hosts.all().map(host).collect::<Vec<_>>(),
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
    fn a_mac_behind_a_thousand_other_hosts_is_one() {
        let mut coverage = Coverage::default();
        for number in 0..1100 {
            let host = format!("l{number}");
            coverage.observe(&event(0, Categories::PROCESS, "sh", &host, Some("linux")));
        }
        for category in [Categories::PROCESS, Categories::NETWORK] {
            coverage.observe(&event(60, category, "sh", "mac", Some("macos")));
        }
        assert_eq!(coverage.remarks(&rules(), 0), ["1100 events of hosts that are not macOS"]);
        assert!(coverage.lines()[0].starts_with("more than 1000 hosts: l0, "), "{:?}", coverage.lines());
        assert_eq!(coverage.events(), (1101, 1));
        let ids: Vec<&str> = coverage.hosts.all().map(|(id, _)| id).skip(999).collect();
        assert_eq!(ids, ["l999", "further hosts", "further hosts"]);
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
