//! What processes did, by the events of a recording: each can turn out to be around an alert.

use std::collections::{BTreeSet, HashSet};
use std::fmt::Display;

use crate::event::{Categories, Event, Scalar, Timestamp, field};

/// Bytes that are kept; what further events say is counted.
const MAX_BYTES: usize = 64 << 20;
/// Bytes of a command line that are kept until its secrets are taken out.
const MAX_RAW: usize = 16 << 10;

/// What a process did, by an event.
#[derive(Debug)]
pub(super) struct Activity {
    pub(super) entity: String,
    pub(super) parent: Option<String>,
    pub(super) entry: Entry,
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

/// What processes did, as far as there is room.
#[derive(Debug, Default)]
pub(super) struct Record {
    pub(super) done: Vec<Activity>,
    bytes: usize,
    /// What found no room.
    pub(super) left_out: u64,
}

impl Record {
    pub(super) fn observe(&mut self, event: &Event) {
        let Some(activity) = Activity::of(event) else { return };
        let bytes = self.bytes + activity.bytes();
        if bytes <= MAX_BYTES {
            self.bytes = bytes;
            self.done.push(activity);
        } else {
            self.left_out += 1;
        }
    }
}

/// A record by the processes in it.
pub(super) struct Index<'r> {
    done: &'r [Activity],
    /// Places in the record, in order of the process, and in order of its parent.
    by_entity: Vec<usize>,
    by_parent: Vec<usize>,
}

impl<'r> Index<'r> {
    pub(super) fn new(record: &'r Record) -> Index<'r> {
        let done = record.done.as_slice();
        let sorted = |name: fn(&Activity) -> Option<&str>| {
            let mut places: Vec<usize> = (0..done.len()).filter(|at| name(&done[*at]).is_some()).collect();
            places.sort_by_key(|at| name(&done[*at]));
            places
        };
        Index { done, by_entity: sorted(Activity::own), by_parent: sorted(Activity::parent) }
    }

    /// What these processes and those that they started did, in order.
    pub(super) fn of_tree<'a>(&'a self, roots: impl Iterator<Item = &'a str>) -> Vec<&'r Activity> {
        let did_something = |root: &&str| !self.by(&self.by_entity, Activity::own, root).is_empty();
        let mut tree: HashSet<&str> = roots.filter(did_something).collect();
        let mut next: BTreeSet<usize> = tree.iter().flat_map(|root| self.around(root)).collect();
        let mut found = Vec::new();
        while let Some(at) = next.pop_first() {
            let done = &self.done[at];
            if tree.insert(&done.entity) {
                next.extend(self.around(&done.entity).filter(|later| *later > at));
            }
            found.push(done);
        }
        found
    }

    /// The places of what a process did, and of what those did that name it as their parent.
    fn around(&self, entity: &str) -> impl Iterator<Item = usize> {
        let own = self.by(&self.by_entity, Activity::own, entity);
        own.iter().chain(self.by(&self.by_parent, Activity::parent, entity)).copied()
    }

    /// Those of the places at which this name stands.
    fn by<'p>(&self, places: &'p [usize], name: fn(&Activity) -> Option<&str>, wanted: &str) -> &'p [usize] {
        let start = places.partition_point(|at| name(&self.done[*at]) < Some(wanted));
        let count = places[start..].partition_point(|at| name(&self.done[*at]) == Some(wanted));
        &places[start..start + count]
    }
}

impl Activity {
    fn own(&self) -> Option<&str> {
        Some(&self.entity)
    }

    fn parent(&self) -> Option<&str> {
        self.parent.as_deref()
    }

    fn of(event: &Event) -> Option<Activity> {
        let entity = event.str(field::PROCESS_ENTITY_ID)?.to_owned();
        let action = event.str(field::EVENT_ACTION);
        let what = if event.categories.intersects(Categories::NETWORK) && !event.is_type("end") {
            match action.filter(|action| action.starts_with("lookup_")) {
                Some(_) => What::LookedUp(event.str(field::DNS_QUESTION_NAME).unwrap_or("a name").to_owned()),
                None => What::Connected(destination(event)),
            }
        } else if event.is_type("start") && action != Some("fork") {
            let command = event.str(field::PROCESS_COMMAND_LINE).unwrap_or_default();
            What::Started(command[..command.floor_char_boundary(MAX_RAW)].to_owned())
        } else {
            return None;
        };
        let name = event.str(field::PROCESS_NAME).unwrap_or("a process");
        let pid = event.int(field::PROCESS_PID).map(|pid| format!(" ({pid})")).unwrap_or_default();
        let entry = Entry { time: event.time, process: format!("{name}{pid}"), what };
        let parent = event.str(field::PARENT_ENTITY_ID).map(str::to_owned);
        Some(Activity { entity, parent, entry })
    }

    fn bytes(&self) -> usize {
        let Activity { entity, parent, entry: Entry { process, what, .. } } = self;
        let (What::Started(text) | What::Connected(text) | What::LookedUp(text) | What::Alert(text)) = what;
        let texts = [entity, process, text].into_iter().chain(parent);
        size_of::<Activity>() + texts.map(String::len).sum::<usize>()
    }
}

fn destination(event: &Event) -> String {
    let address = event.str(field::DESTINATION_IP).or_else(|| event.str(field::DESTINATION_ADDRESS));
    let port = event.stated(field::DESTINATION_PORT).next().map(Scalar::text);
    place(event.str(field::DESTINATION_DOMAIN), address, port)
}

/// A destination, in words.
pub(super) fn place(domain: Option<&str>, address: Option<&str>, port: Option<impl Display>) -> String {
    let port = port.map(|port| format!(" port {port}")).unwrap_or_default();
    match (domain, address) {
        (Some(domain), Some(address)) => format!("{domain} ({address}){port}"),
        (Some(name), None) | (None, Some(name)) => format!("{name}{port}"),
        (None, None) => "an unknown address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_processes_did_takes_bounded_memory_and_what_found_no_room_is_counted() {
        let mut record = Record::default();
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::EVENT_TYPE, "start");
        event.push_str(field::PROCESS_ENTITY_ID, "e");
        event.push_str(field::PROCESS_COMMAND_LINE, &"a".repeat(1 << 20));
        (0..5000).for_each(|_| record.observe(&event));
        let kept = record.done.len() as u64;
        assert!((4000..MAX_BYTES as u64 / MAX_RAW as u64).contains(&kept), "{kept}");
        assert_eq!(kept + record.left_out, 5000);
    }

    #[test]
    fn a_tree_is_what_its_processes_did_from_where_their_parent_was_in_it() {
        let named = |(entity, parent): (usize, usize)| {
            let entry = Entry { time: Timestamp::default(), process: String::new(), what: What::Alert(String::new()) };
            Activity { entity: entity.to_string(), parent: (parent > 0).then(|| parent.to_string()), entry }
        };
        for seed in 0..200_usize {
            let numbers = (0..60).map(|at| (at * at * 7 + seed * 13 + at * seed) % 97);
            let done: Vec<_> = numbers.map(|number| named((number % 12, (number / 3 + seed) % 14))).collect();
            let record = Record { done, ..Record::default() };
            let roots = [(seed % 12).to_string(), "20".to_owned()];
            let has_root = record.done.iter().any(|done| done.entity == roots[0]);
            let mut tree: HashSet<&str> = roots.iter().take(usize::from(has_root)).map(String::as_str).collect();
            let mut expected = Vec::new();
            for done in &record.done {
                if done.parent().is_some_and(|parent| tree.contains(parent)) {
                    tree.insert(&done.entity);
                }
                expected.extend(tree.contains(done.entity.as_str()).then_some(done as *const Activity));
            }
            let index = Index::new(&record);
            let found = index.of_tree(roots.iter().map(String::as_str));
            let found: Vec<_> = found.into_iter().map(|done| done as *const Activity).collect();
            assert_eq!(found, expected, "{seed}");
        }
    }
}
