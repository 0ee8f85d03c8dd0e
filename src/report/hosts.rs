//! The hosts of a recording, and how many events each has.

use std::collections::HashMap;
use std::time::Duration;

use super::visible;
use crate::event::{Categories, Event, Field, Scalar, Timestamp, document, field};

/// How many hosts are distinguished; the events of further ones are counted together, by their system.
const MAX_HOSTS: usize = 1000;
/// Systems of further hosts that are distinguished.
const MAX_SYSTEMS: usize = 8;
/// What stands for the id of those.
const FURTHER: &str = "further hosts";
/// How much of what names a host is held: a recording can name one with a megabyte.
const MAX_NAME: usize = 256;
/// Hosts beyond these are not named in a line.
const NAMED: usize = 5;
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
    pub numbers: Option<(i64, i64, u64)>,
    /// The time of its last event.
    last: Timestamp,
    /// When each interpreter started last.
    started: [Option<Timestamp>; INTERPRETERS.len()],
}

/// The hosts of a recording.
#[derive(Clone, Debug, Default)]
pub(super) struct Hosts {
    hosts: Vec<(String, Host)>,
    /// Their places.
    by_id: HashMap<String, usize>,
    /// Whose the event before was.
    recent: usize,
    /// Hosts beyond those that are distinguished, for each system.
    further: Vec<Host>,
}

impl Host {
    fn count(&mut self, event: &Event) {
        let is_process = event.categories.intersects(Categories::PROCESS);
        self.process += u64::from(is_process);
        self.network += u64::from(event.categories.intersects(Categories::NETWORK));
        self.last = self.last.max(event.time);
        if is_process
            && let Some(name) = event.str(field::PROCESS_NAME)
            && let Some(at) = INTERPRETERS.iter().position(|interpreter| *interpreter == name)
            && event.is_type("start")
        {
            self.started[at] = self.started[at].max(Some(event.time));
        }
    }

    fn take_back(&mut self, event: &Event) {
        let is_of = |category| u64::from(event.categories.intersects(category));
        self.process = self.process.saturating_sub(is_of(Categories::PROCESS));
        self.network = self.network.saturating_sub(is_of(Categories::NETWORK));
    }

    /// How long its recording goes on after an interpreter started last, where that is too short.
    fn left(&self, interpreter: usize) -> Option<Duration> {
        let left = self.last.nanoseconds().abs_diff(self.started[interpreter]?.nanoseconds());
        Some(Duration::from_nanos(left)).filter(|left| *left < CUT_SHORT)
    }

    /// Whether rules for Macs look at it.
    fn may_be_mac(&self) -> bool {
        self.os.as_deref().is_none_or(|os| os == "macos")
    }

    /// Those of a category; `any` is any.
    pub(super) fn events_of(&self, category: &str) -> u64 {
        match category {
            "process" => self.process,
            "network" => self.network,
            _ => self.process + self.network,
        }
    }
}

impl Hosts {
    /// Records an event.
    pub(super) fn observe(&mut self, event: &Event) {
        let Some(host) = self.host(event.str(field::HOST_ID).unwrap_or_default(), event) else {
            return self.further(event).count(event);
        };
        host.count(event);
        if let Some(number) = number(event) {
            let (low, high, count) = host.numbers.unwrap_or((number, number, 0));
            host.numbers = Some((low.min(number), high.max(number), count + 1));
        }
    }

    /// Counts an event no more that was found to be a copy.
    pub(super) fn take_back(&mut self, event: &Event) {
        let Some(host) = self.host(event.str(field::HOST_ID).unwrap_or_default(), event) else {
            return self.further(event).take_back(event);
        };
        host.take_back(event);
        if let Some((_, _, count)) = host.numbers.as_mut().filter(|_| number(event).is_some()) {
            *count = count.saturating_sub(1);
        }
    }

    /// How many are told apart.
    pub(super) fn distinguished(&self) -> usize {
        self.hosts.len()
    }

    /// Whether there are more than are told apart.
    pub(super) fn are_more(&self) -> bool {
        !self.further.is_empty()
    }

    /// The host of this id, mostly that of the event before; `None`: one of the further ones.
    fn host(&mut self, id: &str, event: &Event) -> Option<&mut Host> {
        let id = cut(id);
        if self.hosts.get(self.recent).is_none_or(|(known, _)| known != id) {
            self.recent = match self.by_id.get(id) {
                Some(at) => *at,
                None if self.hosts.len() >= MAX_HOSTS => return None,
                None => {
                    self.by_id.insert(id.to_owned(), self.hosts.len());
                    self.hosts.push((id.to_owned(), described(event)));
                    self.hosts.len() - 1
                }
            };
        }
        Some(&mut self.hosts[self.recent].1)
    }

    /// Hosts of the same system as that of the event.
    fn further(&mut self, event: &Event) -> &mut Host {
        let os = event.str(field::HOST_OS_TYPE).map(cut);
        let known = self.further.iter().position(|host| host.os.as_deref() == os);
        let at = known.unwrap_or(self.further.len().min(MAX_SYSTEMS - 1));
        if at == self.further.len() {
            self.further.push(Host { os: os.map(str::to_owned), ..Host::default() });
        }
        &mut self.further[at]
    }

    /// The interpreters that had just started when the recording of a host ends, one line each.
    pub(super) fn cut_short(&self) -> Vec<String> {
        let of = |at: usize| self.all().filter_map(move |(id, host)| Some((id, host, host.left(at)?)));
        let line = |(at, interpreter)| {
            let (names, left) = (named(of(at).map(|(id, host, _)| (id, host))), of(at).map(|(.., left)| left).min()?);
            let (seconds, limit) = (left.as_secs_f64(), CUT_SHORT.as_secs());
            Some(match of(at).count() {
                1 if self.distinguished() == 1 => {
                    format!("recording ends {seconds:.0} s after the last {interpreter} started")
                }
                1 => format!("recording of {names} ends {seconds:.0} s after the last {interpreter} started"),
                _ => format!("recordings of {names} end less than {limit} s after the last {interpreter} started"),
            })
        };
        INTERPRETERS.iter().enumerate().filter_map(line).collect()
    }

    /// The hosts that may be Macs and have no events of a category of which others have some; `None` where there are none.
    pub(super) fn without(&self, category: &str) -> Option<String> {
        let macs = || self.all().filter(|(_, host)| host.may_be_mac());
        let without = || macs().filter(|(_, host)| host.events_of(category) == 0);
        (macs().count() > without().count() && without().count() > 0).then(|| named(without()))
    }

    /// All hosts, with their ids; those of the further ones of each system are one.
    pub(super) fn all(&self) -> impl Iterator<Item = (&str, &Host)> {
        let further = self.further.iter().map(|host| (FURTHER, host));
        self.hosts.iter().map(|(id, host)| (id.as_str(), host)).chain(further)
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

/// The number of a message of Endpoint Security.
fn number(event: &Event) -> Option<i64> {
    event.stated(field::GLOBAL_SEQ_NUM).find_map(|number| match number {
        Scalar::Int(number) => Some(number),
        _ => None,
    })
}

/// What these hosts are called, the first of them.
pub(super) fn named<'h>(hosts: impl Iterator<Item = (&'h str, &'h Host)>) -> String {
    let mut names: Vec<String> = hosts.map(|(id, host)| name(id, host)).collect();
    if names.len() > NAMED {
        let more = format!("{} more", names.len() - NAMED);
        names.truncate(NAMED);
        names.push(more);
    }
    names.join(", ")
}

/// What a host is called.
fn name(id: &str, host: &Host) -> String {
    match &host.name {
        Some(name) => visible(name),
        None if id.is_empty() => "a host without id".to_owned(),
        None => visible(id),
    }
}
