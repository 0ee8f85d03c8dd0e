//! How many alerts go out: a cap for each rule, host and window, and repeats rolled up. What is suppressed is
//! counted and summed up; none is uncounted.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Match, Rule, Volume};
use crate::event::hash::short_hash;
use crate::event::{Event, Timestamp, field};

/// Processes and destinations of a window that are distinguished; the rest is counted.
const MAX_GROUPS: usize = 16_384;
/// Bytes of the name of a program, of a destination or of an execution that are held; of a longer one its start and a
/// hash, so that it is told from others.
const MAX_NAME: usize = 256;
/// (process, destination) pairs of a window whose repeats are known.
const MAX_PAIRS: usize = 16_384;

/// Windows that are open at a time: a recording can hold any number of hosts. Beyond, the one that began first ends.
const MAX_WINDOWS: usize = 4096;

/// Bytes that the names in the windows of all rules take. A window may take as much as is left after it, so that what
/// floods one rule leaves room for what another has to say.
const MAX_BYTES: usize = 8 << 20;
/// What a pair takes besides its text: two strings in a hash table, and what their allocations round up.
const PAIR_BYTES: usize = 2 * size_of::<String>() + 40;

/// What one window of one rule suppressed on one host.
#[derive(Clone, Debug)]
pub(crate) struct Summary {
    /// The position of the rule in the set.
    pub rule: usize,
    /// When the first alert of the window was completed.
    pub start: Timestamp,
    /// When the last one was.
    pub end: Timestamp,
    /// Alerts that went out.
    pub out: u64,
    /// Held back because the cap was reached.
    pub capped: u64,
    /// Held back as repeats of an alert that went out.
    pub repeated: u64,
    /// What was suppressed, the rarest first: a flood does not hide it.
    pub groups: Vec<Group>,
    /// Alerts of further groups, which were too many to distinguish.
    pub other: u64,
    /// The last event that was suppressed.
    pub last: Arc<Event>,
}

/// Alerts of one program to one destination.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Group {
    /// `process.executable`, else `process.name`.
    pub process: String,
    /// Address and port, `-` where there is none.
    pub destination: String,
    /// How many were suppressed.
    pub count: u64,
}

/// Decides which alerts go out.
#[derive(Debug)]
pub(crate) struct Suppressor {
    window: Duration,
    limits: Vec<u64>,
    windows: BTreeMap<Key, Window>,
    bytes: usize,
    suppressed: u64,
}

/// The position of a rule, and `host.id`: what floods one Mac hides nothing of another.
type Key = (usize, String);

#[derive(Debug)]
struct Window {
    start: Timestamp,
    end: Timestamp,
    out: u64,
    capped: u64,
    repeated: u64,
    /// By process and destination: an alert of these went out in this window.
    out_pairs: HashSet<(String, String)>,
    groups: HashMap<(String, String), u64>,
    other: u64,
    bytes: usize,
    last: Option<Arc<Event>>,
}

impl Suppressor {
    pub(crate) fn new(volume: &Volume, rules: &[Rule]) -> Suppressor {
        let limit = |rule: &Rule| volume.rules.get(&rule.id).map_or(volume.max_alerts, |rule| rule.max_alerts);
        let limits = rules.iter().map(limit).collect();
        Suppressor { window: volume.window, limits, windows: BTreeMap::new(), bytes: 0, suppressed: 0 }
    }

    /// Goes on counting from what another has held back.
    pub(crate) fn continue_from(&mut self, suppressed: u64) {
        self.suppressed = suppressed;
    }

    /// Whether the alert goes out. The summary is of the window that it ends.
    pub(crate) fn admit(&mut self, rule: usize, found: &Match) -> (bool, Option<Summary>) {
        let Some(last) = found.events.last() else { return (true, None) };
        let key = (rule, held(last.str(field::HOST_ID).unwrap_or_default()).into_owned());
        let ended = match self.windows.get(&key) {
            Some(window) => (last.time >= window.start.saturating_add(self.window)).then(|| key.clone()),
            None if self.windows.len() >= MAX_WINDOWS => self.oldest(),
            None => None,
        };
        let closed = ended.and_then(|key| self.close(&key));
        let limit = self.limits[rule];
        let window = self.windows.entry(key).or_insert_with(|| Window::new(last.time));
        let before = window.bytes;
        let is_out = window.admit(limit, last, MAX_BYTES.saturating_sub(self.bytes));
        self.bytes += window.bytes - before;
        self.suppressed += u64::from(!is_out);
        (is_out, closed)
    }

    /// Ends the windows that are over at this time, or all.
    pub(crate) fn elapse(&mut self, now: Option<Timestamp>) -> Vec<Summary> {
        let over = |window: &Window| now.is_none_or(|now| now >= window.start.saturating_add(self.window));
        let keys: Vec<Key> =
            self.windows.iter().filter(|(_, window)| over(window)).map(|(key, _)| key.clone()).collect();
        keys.iter().filter_map(|key| self.close(key)).collect()
    }

    /// When the next window with something to report ends.
    pub(crate) fn due(&self) -> Option<Timestamp> {
        let waiting = self.windows.values().filter(|window| window.last.is_some());
        waiting.map(|window| window.start.saturating_add(self.window)).min()
    }

    /// Alerts suppressed so far.
    pub(crate) fn suppressed(&self) -> u64 {
        self.suppressed
    }

    fn oldest(&self) -> Option<Key> {
        self.windows.iter().min_by_key(|(_, window)| window.start).map(|(key, _)| key.clone())
    }

    fn close(&mut self, key: &Key) -> Option<Summary> {
        let window = self.windows.remove(key)?;
        self.bytes -= window.bytes;
        let last = window.last?;
        let mut groups: Vec<Group> = window
            .groups
            .into_iter()
            .map(|((process, destination), count)| Group { process, destination, count })
            .collect();
        groups.sort_by(|one, other| {
            (one.count, &one.process, &one.destination).cmp(&(other.count, &other.process, &other.destination))
        });
        let Window { start, end, out, capped, repeated, other, .. } = window;
        Some(Summary { rule: key.0, start, end, out, capped, repeated, groups, other, last })
    }
}

impl Window {
    fn new(start: Timestamp) -> Window {
        let (out_pairs, groups) = (HashSet::new(), HashMap::new());
        Window { start, end: start, out: 0, capped: 0, repeated: 0, out_pairs, groups, other: 0, bytes: 0, last: None }
    }

    /// So many bytes are free for all windows.
    fn admit(&mut self, limit: u64, event: &Arc<Event>, free: usize) -> bool {
        self.end = self.end.max(event.time);
        let destination = destination(event);
        let execution = event.str(field::PROCESS_ENTITY_ID).map(|id| held(id).into_owned());
        let pair = execution.map(|execution| (execution, destination.clone()));
        let is_repeat = pair.as_ref().is_some_and(|pair| self.out_pairs.contains(pair));
        if !is_repeat && (limit == 0 || self.out < limit) {
            self.out += 1;
            if let Some(pair) = pair.filter(|_| self.out_pairs.len() < MAX_PAIRS)
                && self.has_room(&pair, free)
            {
                self.out_pairs.insert(pair);
            }
            return true;
        }
        *(if is_repeat { &mut self.repeated } else { &mut self.capped }) += 1;
        let key = (program(event), destination);
        if let Some(count) = self.groups.get_mut(&key) {
            *count += 1;
        } else if self.groups.len() < MAX_GROUPS && self.has_room(&key, free) {
            self.groups.insert(key, 1);
        } else {
            self.other += 1;
        }
        self.last = Some(Arc::clone(event));
        false
    }

    /// Takes room for a pair, if there is any.
    fn has_room(&mut self, (process, destination): &(String, String), free: usize) -> bool {
        let bytes = PAIR_BYTES + process.len() + destination.len();
        let fits = self.bytes + bytes <= free;
        self.bytes += if fits { bytes } else { 0 };
        fits
    }
}

/// The program of an event, by which connections are distinguished.
pub(super) fn program(event: &Event) -> String {
    held(event.str(field::PROCESS_EXECUTABLE).or_else(|| event.str(field::PROCESS_NAME)).unwrap_or("-")).into_owned()
}

pub(super) fn held(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_NAME {
        return name.into();
    }
    let hash = short_hash(Sha256::new_with_prefix(name));
    format!("{}…{hash}", &name[..name.floor_char_boundary(MAX_NAME - hash.len())]).into()
}

/// Where a connection goes, `-` where that is not known.
pub(super) fn destination(event: &Event) -> String {
    let names = [field::DESTINATION_IP, field::DESTINATION_ADDRESS, field::DESTINATION_DOMAIN];
    let Some(address) = names.into_iter().find_map(|name| event.str(name)) else { return "-".to_owned() };
    match event.int(field::DESTINATION_PORT) {
        Some(port) if address.contains(':') => format!("[{}]:{port}", held(address)),
        Some(port) => format!("{}:{port}", held(address)),
        None => held(address).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::RuleSet;
    use crate::detect::volume::RuleVolume;
    use crate::event::Categories;

    fn found(seconds: i64, execution: &str, port: i64) -> Match {
        let mut event = Event::new(Timestamp::from_milliseconds(seconds * 1000).unwrap(), Categories::NETWORK);
        event.push_str(field::PROCESS_ENTITY_ID, execution);
        event.push_str(field::PROCESS_NAME, "osascript");
        event.push_str(field::DESTINATION_IP, "1.2.3.4");
        event.push_int(field::DESTINATION_PORT, port);
        Match { events: vec![Arc::new(event)], join: Vec::new(), has_several_keys: false }
    }

    fn suppressor(max_alerts: u64) -> Suppressor {
        let set = RuleSet::built_in();
        let rules = [(set.rules[1].id.clone(), RuleVolume { max_alerts: 1 })].into();
        Suppressor::new(&Volume { max_alerts, window: Duration::from_secs(300), rules }, &set.rules)
    }

    #[test]
    fn the_first_alerts_go_out_and_one_summary_counts_the_rest() {
        let mut suppressor = suppressor(3);
        let out: Vec<bool> = (0..8).map(|n| suppressor.admit(0, &found(n, &format!("e{n}"), 443)).0).collect();
        assert_eq!(out, [true, true, true, false, false, false, false, false]);
        assert!(suppressor.admit(1, &found(8, "x", 1)).0, "another rule has a window of its own");
        assert!(!suppressor.admit(1, &found(9, "y", 1)).0, "and a limit of its own");
        assert_eq!(suppressor.due(), Timestamp::from_milliseconds(300_000));
        assert!(suppressor.elapse(Timestamp::from_milliseconds(299_999)).is_empty());
        let (out, summary) = suppressor.admit(0, &found(300, "z", 443));
        let summary = summary.unwrap();
        assert!(out, "a new window begins");
        assert_eq!((summary.out, summary.capped, summary.repeated, summary.other), (3, 5, 0, 0));
        let group = Group { process: "osascript".into(), destination: "1.2.3.4:443".into(), count: 5 };
        assert_eq!(summary.groups, [group]);
        assert_eq!(suppressor.elapse(None).len(), 1, "the window of the other rule; this one held nothing back");
        assert_eq!(suppressor.suppressed(), 6);
    }

    #[test]
    fn a_flood_on_one_host_holds_back_no_alert_of_another_and_each_has_its_own_summary() {
        let mut suppressor = suppressor(1);
        let on = |host: &str, seconds, execution: &str| {
            let found = found(seconds, execution, 443);
            let mut event = Event::clone(&found.events[0]);
            event.push_str(field::HOST_ID, host);
            Match { events: vec![Arc::new(event)], ..found }
        };
        let out: Vec<bool> = (0..5).map(|n| suppressor.admit(0, &on("a", n, &format!("e{n}"))).0).collect();
        assert_eq!(out, [true, false, false, false, false]);
        assert!(suppressor.admit(0, &on("b", 5, "f")).0);
        let held = suppressor.elapse(None);
        let told: Vec<_> = held.iter().map(|summary| (summary.last.str(field::HOST_ID), summary.capped)).collect();
        assert_eq!(told, [(Some("a"), 4)]);
        // Of however many hosts, so many windows are open; the one that began first ends.
        assert!((0..=MAX_WINDOWS as i64).all(|n| suppressor.admit(0, &on(&n.to_string(), n, "e")).0));
        assert!(suppressor.windows.len() == MAX_WINDOWS && suppressor.admit(0, &on("0", 9, "e")).0);
    }

    #[test]
    fn repeats_of_an_execution_and_destination_roll_up_without_a_cap() {
        let mut suppressor = suppressor(0);
        let out: Vec<bool> = [("e", 443), ("e", 443), ("e", 80), ("f", 443), ("e", 443)]
            .iter()
            .map(|(execution, port)| suppressor.admit(0, &found(1, execution, *port)).0)
            .collect();
        assert_eq!(out, [true, false, true, true, false]);
        let summaries = suppressor.elapse(None);
        assert_eq!((summaries[0].out, summaries[0].capped, summaries[0].repeated), (3, 0, 2));
    }

    #[test]
    fn what_a_summary_does_not_name_is_counted() {
        let mut suppressor = suppressor(1);
        let many = MAX_GROUPS as i64 + 100;
        for n in 0..many {
            suppressor.admit(0, &found(1, &format!("e{n}"), n));
        }
        let summary = suppressor.elapse(None).remove(0);
        assert_eq!((summary.groups.len(), summary.other, summary.capped), (MAX_GROUPS, 99, many as u64 - 1));
    }

    #[test]
    fn floods_of_all_rules_with_long_names_stay_in_8_mib_and_each_has_something_named() {
        let mut suppressor = suppressor(1);
        let rules = suppressor.limits.len();
        for rule in 0..rules {
            for n in 0..MAX_GROUPS as i64 {
                suppressor.admit(rule, &found(1, &format!("{n}{}", "e".repeat(MAX_NAME)), n));
            }
        }
        assert!(suppressor.bytes > MAX_BYTES / 2 && suppressor.bytes <= MAX_BYTES, "{}", suppressor.bytes);
        let named: Vec<usize> = suppressor.elapse(None).iter().map(|summary| summary.groups.len()).collect();
        assert!(named.len() == rules && named.iter().take(12).all(|groups| *groups > 1), "{named:?}");
        assert_eq!(suppressor.bytes, 0);
    }

    #[test]
    fn the_destination_that_a_flood_would_hide_comes_first() {
        let mut suppressor = suppressor(1);
        for n in 0..500 {
            suppressor.admit(0, &found(1, &format!("e{n}"), n % 40));
        }
        suppressor.admit(0, &found(1, "x", 4444));
        let summary = suppressor.elapse(None).remove(0);
        assert_eq!(summary.groups.len(), 41);
        assert_eq!((summary.groups[0].destination.as_str(), summary.groups[0].count), ("1.2.3.4:4444", 1));
    }

    #[test]
    fn long_names_are_held_in_few_bytes_and_told_apart() {
        let (one, other) = (format!("{}1", "é".repeat(4000)), format!("{}2", "é".repeat(4000)));
        assert_eq!(held("/usr/bin/curl"), "/usr/bin/curl");
        assert!(held(&one).len() < MAX_NAME + 4 && held(&one) != held(&other));
    }
}
