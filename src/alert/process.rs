//! The `process.*` of an alert, and values in the types ECS wants.

use serde_json::{Map, Value as Json};

use crate::event::document::{get, insert};
use crate::event::{Event, Execution, Field, field};

/// Fills from the stream what the documents leave open about the process and its parent.
pub(super) fn complete(alert: &mut Map<String, Json>, last: &Event) {
    if let Some(entity_id) = last.str(field::PROCESS_ENTITY_ID) {
        set(alert, "process.entity_id", entity_id.into());
    }
    if let Some(process) = program_of(last) {
        fill(alert, "process", process);
        if let Some(cdhash) = process.cdhash() {
            insert(alert, "process.hash.cdhash", cdhash.into());
        }
    }
    let parent = last.context.as_deref().and_then(|context| context.parent.as_ref());
    if let Some(parent) = parent.filter(|parent| is_stated_parent(alert, parent)) {
        fill(alert, "process.parent", parent);
    }
    if get(alert, "process.args_count").is_none()
        && let Some(args) = get(alert, "process.args").and_then(Json::as_array).map(Vec::len)
    {
        insert(alert, "process.args_count", args.into());
    }
}

/// What the stream reported of the program of an event, unless the event is of another: one that is replaced in place
/// can leave its entity id to the next.
pub(super) fn program_of(event: &Event) -> Option<&Execution> {
    let process = event.context.as_deref().and_then(|context| context.process.as_deref());
    process.filter(|process| !process.is_another(event))
}

/// Whether both are events of one process.
pub(super) fn same_process(one: &Event, other: &Event) -> bool {
    let same = |field: Field| one.str(field) == other.str(field);
    one.str(field::PROCESS_ENTITY_ID).is_some() && same(field::PROCESS_ENTITY_ID) && same(field::HOST_ID)
}

/// Whether an event is of the process of the last one, and of the program that it runs then.
pub(super) fn same_execution(event: &Event, last: &Event) -> bool {
    let name = |event: &Event| event.str(field::PROCESS_NAME).map(str::to_ascii_lowercase);
    let names_differ = name(event).zip(name(last)).is_some_and(|(one, other)| one != other);
    let is_another = program_of(last).is_some_and(|program| program.is_another(event));
    same_process(event, last) && !names_differ && !is_another
}

/// Whether the parent that the alert states already, if any, is this execution.
fn is_stated_parent(alert: &Map<String, Json>, parent: &Execution) -> bool {
    match (get(alert, "process.parent.entity_id"), get(alert, "process.parent.pid")) {
        (Some(entity_id), _) => entity_id == parent.entity_id(),
        (None, Some(pid)) => parent.pid().is_none_or(|known| *pid == known),
        (None, None) => true,
    }
}

/// Attribution may name another entity than the document did.
fn set(alert: &mut Map<String, Json>, name: &str, value: Json) {
    insert(alert, name, value.clone());
    if let Some((section, member)) = name.split_once('.')
        && let Some(Json::Object(section)) = alert.get_mut(section)
    {
        section.insert(member.to_owned(), value);
    }
}

fn fill(alert: &mut Map<String, Json>, prefix: &str, execution: &Execution) {
    let mut put = |name: &str, value: Option<Json>| {
        if let Some(value) = value {
            insert(alert, &format!("{prefix}.{name}"), value);
        }
    };
    let text = |value: Option<&str>| value.map(Json::from);
    put("entity_id", text(Some(execution.entity_id())));
    put("pid", execution.pid().map(Json::from));
    put("name", text(execution.name()));
    put("executable", text(execution.executable()));
    if execution.args().next().is_some() {
        put("args", Some(execution.args().map(Json::from).collect()));
    }
    put("command_line", text(execution.command_line()));
    put("start", text(execution.start()));
    put("code_signature.exists", execution.is_signed().map(Json::from));
    put("code_signature.signing_id", text(execution.signing_id()));
    put("code_signature.team_id", text(execution.team_id()));
}

/// The value in the type and the shape that ECS wants for this field; `None` when ECS has no such
/// field or the value does not fit it.
pub(super) fn coerce(name: &str, value: &Json) -> Option<Json> {
    let row = crate::event::field::ecs().get(name)?;
    let values = match value {
        Json::Array(values) => values,
        value => std::slice::from_ref(value),
    };
    let mut values = values.iter().filter_map(|value| scalar(row.ecs_type, value));
    if row.array {
        let values: Vec<Json> = values.collect();
        return (!values.is_empty()).then_some(Json::Array(values));
    }
    values.next()
}

fn scalar(ecs_type: &str, value: &Json) -> Option<Json> {
    match (ecs_type, value) {
        ("object" | "nested" | "flattened" | "geo_point", _) | (_, Json::Null | Json::Array(_) | Json::Object(_)) => {
            None
        }
        ("ip", Json::String(text)) => address(text).map(Json::from),
        ("ip", _) => None,
        ("boolean", Json::Bool(_)) => Some(value.clone()),
        ("boolean", Json::String(text)) => text.parse::<bool>().ok().map(Json::from),
        ("boolean", _) => None,
        ("long" | "integer", Json::Number(number)) => number.as_i64().map(Json::from),
        ("long" | "integer", Json::String(text)) => text.parse::<i64>().ok().map(Json::from),
        ("long" | "integer", Json::Bool(_)) => None,
        ("float" | "double" | "scaled_float", Json::Number(_)) => Some(value.clone()),
        ("float" | "double" | "scaled_float", Json::String(text)) => text.parse::<f64>().ok().map(Json::from),
        ("float" | "double" | "scaled_float", Json::Bool(_)) => None,
        ("date", Json::String(text)) => crate::event::Timestamp::parse(text).map(|_| value.clone()),
        ("date", _) => None,
        (_, Json::String(_)) => Some(value.clone()),
        (_, value) => Some(Json::String(value.to_string())),
    }
}

/// An address without its zone, IPv4-mapped IPv6 as IPv4.
fn address(text: &str) -> Option<String> {
    let bare = text.split_once('%').map_or(text, |(address, _)| address);
    bare.parse::<std::net::IpAddr>().ok().map(|address| address.to_canonical().to_string())
}
