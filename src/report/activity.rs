//! What processes did, by the events of a recording: each can turn out to be around an alert.

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

impl Activity {
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
}
