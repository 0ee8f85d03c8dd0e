//! What an alert takes over from its events as its own. A person, a process or a connection is one thing: members of two
//! of them would make up one that does not exist.

use serde_json::{Map, Value as Json};

use super::process::{self, program_of, same_execution};
use crate::detect::Match;
use crate::event::document::{get, insert};
use crate::event::{Event, field};

/// What was connected to: of one event.
const CONNECTION: [&str; 5] = ["source", "destination", "network", "dns", "url"];
/// What tells an object within a section from another.
const IDENTITY: [&str; 3] = ["entity_id", "pid", "id"];

/// Copies the ECS fields of the source documents. The completing event speaks first. Of its execution and its host an
/// earlier one fills what it leaves open; a user is that of this execution, and a connection is whole.
pub(super) fn take_over(alert: &mut Map<String, Json>, found: &Match, copies: &[Map<String, Json>]) {
    let last = &found.events[found.events.len() - 1];
    let newest_first: Vec<(&Event, &Map<String, Json>)> =
        found.events.iter().map(|event| &**event).zip(copies).rev().collect();
    let of = |is_meant: &dyn Fn(&Event) -> bool| -> Vec<&Map<String, Json>> {
        newest_first.iter().filter(|(event, _)| is_meant(event)).map(|(_, copy)| *copy).collect()
    };
    let own = of(&|event| std::ptr::eq(event, &**last) || same_execution(event, last));
    take_one(alert, &["user"], &own);
    if !alert.contains_key("user") {
        add_user(alert, last);
    }
    take_one(alert, &["group"], &own);
    take_host(alert, &of(&|event| event.str(field::HOST_ID) == last.str(field::HOST_ID)));
    own.iter().for_each(|copy| take_section(alert, "process", copy));
    take_one(alert, &CONNECTION, &of(&|_| true));
}

/// The host of the events of which these are copies. Where they state what it is called by its system alone, that is its
/// name: by that one who reads the alert knows the Mac.
pub(super) fn take_host(alert: &mut Map<String, Json>, copies: &[&Map<String, Json>]) {
    copies.iter().for_each(|copy| take_section(alert, "host", copy));
    if let Some(name) = get(alert, "host.hostname").cloned() {
        insert(alert, "host.name", name);
    }
}

/// These sections, of the first copy that has any of them.
fn take_one(alert: &mut Map<String, Json>, sections: &[&str], copies: &[&Map<String, Json>]) {
    for copy in copies {
        sections.iter().for_each(|section| take_section(alert, section, copy));
        if sections.iter().any(|section| alert.contains_key(*section)) {
            return;
        }
    }
}

/// The user whom the stream reported with the start of the process.
fn add_user(alert: &mut Map<String, Json>, last: &Event) {
    let Some(process) = program_of(last) else { return };
    for (name, value) in [("user.id", process.user_id()), ("user.name", process.user_name())] {
        if let Some(value) = value {
            insert(alert, name, value.into());
        }
    }
}

fn take_section(alert: &mut Map<String, Json>, section: &str, copy: &Map<String, Json>) {
    if let Some(value) = copy.get(section) {
        take_value(alert, &mut section.to_owned(), section, value);
    }
}

/// Copies the value of a field, `key` in `into` and `name` as a whole, unless one is there.
fn take_value(into: &mut Map<String, Json>, name: &mut String, key: &str, value: &Json) {
    let Json::Object(members) = value else {
        if let (false, Some(value)) = (into.contains_key(key), process::coerce(name, value)) {
            into.insert(key.to_owned(), value);
        }
        return;
    };
    let Json::Object(inner) = into.entry(key).or_insert_with(|| Map::with_capacity(members.len()).into()) else {
        return;
    };
    if name.contains('.') && is_another(inner, name, members) {
        return;
    }
    let outer = name.len();
    for (key, value) in members {
        name.push('.');
        name.push_str(key);
        take_value(inner, name, key, value);
        name.truncate(outer);
    }
    if inner.is_empty() {
        into.shift_remove(key);
    }
}

/// Whether an object of this name is another one than that of which members are taken already: another parent, say.
fn is_another(taken: &Map<String, Json>, name: &str, members: &Map<String, Json>) -> bool {
    IDENTITY.into_iter().any(|key| {
        let stated = members.get(key).and_then(|value| process::coerce(&format!("{name}.{key}"), value));
        taken.get(key).zip(stated).is_some_and(|(taken, stated)| *taken != stated)
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::event::document::get;
    use crate::event::{Context, Decoded, Execution, Fields, Line, document, ecs};

    fn event(document: Json) -> Event {
        let mut whole = json!({"@timestamp": 1, "event": {"category": "network"}, "host": {"id": "h"}});
        whole.as_object_mut().unwrap().extend(document.as_object().unwrap().clone());
        let Ok(Decoded::Event(event)) = ecs::Decoder::new(&Fields::new()).decode(&Line::from(whole.to_string())) else {
            panic!("{whole}")
        };
        event
    }

    /// What the alert of these events takes over. The last is told what the stream reported of its process.
    fn taken(mut events: Vec<Event>, process: Option<&Event>) -> Map<String, Json> {
        if let (Some(process), Some(last)) = (process, events.last_mut()) {
            let process = Some(Arc::new(Execution::of(process)));
            last.context = Some(Arc::new(Context { process, ..Context::default() }));
        }
        let copies: Vec<_> = events.iter().map(document::document).collect();
        let events = events.into_iter().map(Arc::new).collect();
        let mut alert = Map::new();
        take_over(&mut alert, &Match { events, join: Vec::new(), has_several_keys: false }, &copies);
        alert
    }

    fn start(entity_id: &str, name: &str, user: Json) -> Event {
        event(json!({"process": {"entity_id": entity_id, "name": name, "args": [name]}, "user": user}))
    }

    #[test]
    fn a_user_is_the_one_of_the_process_that_connected_and_none_is_put_together_of_two() {
        let (ada, root) = (json!({"id": "501", "name": "ada"}), json!({"id": "0", "name": "root"}));
        let script = || start("o", "osascript", ada.clone());
        let connection = |user: Json| event(json!({"process": {"entity_id": "c", "name": "curl"}, "user": user}));
        let curl = start("c", "curl", root.clone());
        let sudo = start("c", "sudo", ada.clone());
        for (events, process, wanted) in [
            (vec![script(), connection(json!({}))], Some(&curl), Some(&root)),
            (vec![script(), connection(json!({}))], None, None),
            (vec![script(), connection(json!({"id": "0"}))], Some(&sudo), Some(&json!({"id": "0"}))),
            (vec![start("c", "curl", root.clone()), connection(json!({}))], Some(&curl), Some(&root)),
            (vec![start("c", "sudo", ada.clone()), connection(json!({}))], Some(&curl), Some(&root)),
            (vec![start("c", "curl", ada.clone()), connection(root.clone())], Some(&curl), Some(&root)),
        ] {
            assert_eq!(get(&taken(events, process), "user"), wanted);
        }
    }

    #[test]
    fn a_process_has_nothing_of_the_program_that_it_replaced_in_place() {
        let connection = || event(json!({"process": {"entity_id": "o", "name": "curl"}}));
        let curl = start("o", "curl", json!({}));
        let alert = taken(vec![start("o", "osascript", json!({})), connection()], Some(&curl));
        assert_eq!(alert["process"], json!({"entity_id": "o", "name": "curl"}));
        let alert = taken(vec![start("o", "curl", json!({})), connection()], Some(&curl));
        assert_eq!(alert["process"], json!({"entity_id": "o", "name": "curl", "args": ["curl"]}));
    }

    #[test]
    fn a_parent_is_one_process_and_a_connection_is_one_connection() {
        let process = |parent: Json| json!({"entity_id": "o", "name": "osascript", "parent": parent});
        let before = json!({"process": process(json!({"entity_id": "s", "pid": 7, "name": "sh"})),
            "destination": {"ip": "192.0.2.1", "domain": "a.example"}, "source": {"port": 1}});
        for (parent, wanted) in [
            (json!({"pid": 1}), json!({"pid": 1})),
            (json!({"entity_id": "s"}), json!({"entity_id": "s", "pid": 7, "name": "sh"})),
        ] {
            let last = json!({"process": process(parent), "destination": {"ip": "192.0.2.2"}});
            let alert = taken(vec![event(before.clone()), event(last)], None);
            assert_eq!(alert["process"]["parent"], wanted);
            assert_eq!((&alert["destination"], alert.get("source")), (&json!({"ip": "192.0.2.2"}), None));
        }
    }
}
