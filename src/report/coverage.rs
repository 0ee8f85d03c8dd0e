//! What a recording held, and so which rules could have matched: no alert means nothing where nothing could be
//! seen.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};

use super::hosts::{Host, Hosts, named};
use super::plural;
use super::stated::Stated;
use crate::detect::Needs;
use crate::event::{Event, Fields, Scalar, Timestamp, field};

/// What a recording held.
#[derive(Clone, Debug, Default)]
pub(crate) struct Coverage {
    hosts: Hosts,
    stated: Stated,
    first: Option<Timestamp>,
    last: Option<Timestamp>,
    /// Events whose time is a number of another unit than milliseconds.
    converted: u64,
}

impl Coverage {
    /// Of a recording to which these rules are applied, of these fields.
    pub(crate) fn new<'r>(rules: impl Iterator<Item = Needs<'r>>, fields: &Fields) -> Coverage {
        Coverage { stated: Stated::new(rules, fields), ..Coverage::default() }
    }

    /// Records an event.
    pub(crate) fn observe(&mut self, event: &Event) {
        self.first = Some(self.first.map_or(event.time, |first| first.min(event.time)));
        self.last = Some(self.last.map_or(event.time, |last| last.max(event.time)));
        self.converted += u64::from(is_converted(event));
        self.hosts.observe(event);
        self.stated.observe(event);
    }

    /// Counts an event no more that was found to be a copy.
    pub(crate) fn take_back(&mut self, event: &Event) {
        self.converted -= u64::from(is_converted(event)).min(self.converted);
        self.hosts.take_back(event);
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
    pub(crate) fn obstacle(&self, needs: &Needs<'_>) -> Option<String> {
        let of_category = needs.categories().find_map(|category| self.obstacle_of_category(needs, category));
        of_category.or_else(|| self.stated.lacks(needs))
    }

    fn obstacle_of_category(&self, needs: &Needs<'_>, category: &str) -> Option<String> {
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
    }

    /// What kept rules from matching, with how many of them; nothing when each could.
    pub(crate) fn obstacles(&self, rules: &[Needs<'_>]) -> Vec<String> {
        let mut counts: BTreeMap<String, usize> = BTreeMap::new();
        for obstacle in rules.iter().filter_map(|needs| self.obstacle(needs)) {
            *counts.entry(obstacle).or_default() += 1;
        }
        let rules = plural(rules.len() as u64, "rule");
        let line = |(obstacle, count)| format!("{obstacle}: {count} of {rules} could not match");
        counts.into_iter().map(line).collect()
    }

    /// Whether an alert was out of reach.
    pub(crate) fn is_blind(&self, rules: &[Needs<'_>]) -> bool {
        rules.iter().all(|needs| self.obstacle(needs).is_some())
    }

    /// Of which hosts there are no events of a category that others have, and how many rules that kept from matching there.
    fn blind_hosts(&self, rules: &[Needs<'_>], category: &str) -> Option<String> {
        let count = rules.iter().filter(|needs| needs.categories().any(|needed| needed == category)).count();
        let names = self.hosts.without(category).filter(|_| count > 0)?;
        Some(format!(
            "no {category} events of {names}: {count} of {} could not match there",
            plural(rules.len() as u64, "rule")
        ))
    }

    /// What a reader has to know to judge the absence of alerts, one line each.
    pub(crate) fn remarks(&self, rules: &[Needs<'_>], skipped: u64) -> Vec<String> {
        let mut remarks = self.obstacles(rules);
        remarks.extend(["process", "network"].into_iter().filter_map(|category| self.blind_hosts(rules, category)));
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
        remarks.extend(self.hosts.cut_short());
        if self.converted > 0 {
            let events = plural(self.converted, "event");
            remarks.push(format!("@timestamp of {events} taken for seconds, microseconds or nanoseconds by its size"));
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
        let names = named(self.hosts.all().take(self.hosts.distinguished()));
        let (process, network) = self.events();
        let more_than = if self.hosts.are_more() { "more than " } else { "" };
        let hosts = format!("{more_than}{}", plural(self.hosts.distinguished() as u64, "host"));
        vec![
            format!("{hosts}: {names}"),
            format!("{} to {}", shown(first), shown(last)),
            format!("{}, {}", plural(process, "process event"), plural(network, "network event")),
        ]
    }

    /// The same for programs.
    pub(crate) fn json(&self, rules: &[Needs<'_>], skipped: u64) -> Json {
        let host = |(id, host): (&str, &Host)| {
            let Host { name, os, process, network, .. } = host;
            json!({"id": id, "name": name, "os": os, "process_events": process, "network_events": network})
        };
        let obstacle = |needs: &Needs<'_>| {
            let why_not = self.obstacle(needs);
            json!({"rule": needs.rule, "could_match": why_not.is_none(), "why_not": why_not})
        };
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

/// Whether the event states its time as a number that is not milliseconds, as Elasticsearch would take it.
fn is_converted(event: &Event) -> bool {
    let number = event.stated(field::TIMESTAMP).next().and_then(|stated| match stated {
        // Nearly every time is a date, which begins with its year.
        Scalar::Str(text) if text.as_bytes().get(4) == Some(&b'-') => None,
        stated => stated.number()?.truncated(),
    });
    number.is_some_and(|number| number != event.time.milliseconds())
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
    use crate::detect::{Rule, RuleSet};
    use crate::event::Categories;

    fn event(second: i64, category: Categories, name: &str, host: &str, os: Option<&str>) -> Event {
        let mut event = Event::new(Timestamp::from_nanoseconds(second * 1_000_000_000), category);
        event.push_str(field::HOST_ID, host);
        event.push_str(field::PROCESS_NAME, name);
        event.push_str(field::EVENT_TYPE, "start");
        os.iter().for_each(|os| event.push_str(field::HOST_OS_TYPE, os));
        event
    }

    /// One that joins events of Macs, and one that takes any process.
    fn rules() -> RuleSet {
        let mut set = RuleSet::default();
        for (id, query) in [
            (
                "a",
                r#"sequence by host.id [process where host.os.type == "macos"] [network where host.os.type == "macos"]"#,
            ),
            ("b", "process where true"),
        ] {
            set.add(id, &format!("[rule]\nrule_id = \"{id}\"\nname = \"{id}\"\nquery = '{query}'\n")).unwrap();
        }
        set
    }

    fn remarks_of(coverage: &Coverage) -> Vec<String> {
        coverage.remarks(&rules().rules.iter().filter_map(Rule::needs).collect::<Vec<_>>(), 0)
    }

    fn remarks(events: &[Event]) -> Vec<String> {
        let mut coverage = Coverage::default();
        events.iter().for_each(|event| coverage.observe(event));
        remarks_of(&coverage)
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
        assert_eq!(remarks_of(&coverage), ["1100 events of hosts that are not macOS"]);
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
    fn of_several_hosts_each_is_told_that_is_blind_or_whose_own_recording_ends_soon() {
        let of = |second, category, name: &str, host: &str| event(second, category, name, host, Some("macos"));
        let (process, network) = (Categories::PROCESS, Categories::NETWORK);
        let mut events: Vec<Event> = ["A", "B"].iter().map(|host| of(0, process, "zsh", host)).collect();
        events.extend([of(100, process, "osascript", "A"), of(104, network, "zsh", "A"), of(900, network, "zsh", "C")]);
        let blind = "no network events of B: 1 of 2 rules could not match there";
        let unseen = "no process events of C: 2 of 2 rules could not match there";
        let cut = "recording of A ends 4 s after the last osascript started";
        assert_eq!(remarks(&events), [unseen, blind, cut]);
        events.push(of(1000, process, "osascript", "B"));
        assert_eq!(remarks(&events)[2..], ["recordings of A, B end less than 30 s after the last osascript started"]);
    }

    #[test]
    fn times_in_another_unit_than_milliseconds_are_told() {
        let coverage_of = |stated: &dyn Fn(&mut Event)| {
            let mut coverage = Coverage::default();
            for category in [Categories::PROCESS, Categories::NETWORK] {
                let mut event = event(1_768_469_400, category, "zsh", "H", Some("macos"));
                stated(&mut event);
                coverage.observe(&event);
            }
            remarks_of(&coverage)
        };
        let told = ["@timestamp of 2 events taken for seconds, microseconds or nanoseconds by its size"];
        assert_eq!(coverage_of(&|event| event.push_int(field::TIMESTAMP, 1_768_469_400)), told);
        assert_eq!(coverage_of(&|event| event.push_float(field::TIMESTAMP, 1_768_469_400.5)), told);
        assert_eq!(coverage_of(&|event| event.push_str(field::TIMESTAMP, "1768469400")), told);
        assert!(coverage_of(&|event| event.push_int(field::TIMESTAMP, 1_768_469_400_000)).is_empty());
        assert!(coverage_of(&|event| event.push_str(field::TIMESTAMP, "2026-01-15T09:30:00Z")).is_empty());
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
