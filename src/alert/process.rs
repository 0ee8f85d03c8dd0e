//! The `process.*` of an alert, and values in the types ECS wants.

use serde_json::{Map, Value as Json};

use crate::event::document::{get, insert};
use crate::event::{Event, Execution, field};

/// Fills from the stream what the documents leave open about the process and its parent.
pub(super) fn complete(alert: &mut Map<String, Json>, last: &Event) {
    if let Some(entity_id) = last.str(field::PROCESS_ENTITY_ID) {
        set(alert, "process.entity_id", entity_id.into());
    }
    let context = last.context.as_deref();
    if let Some(process) = context.and_then(|context| context.process.as_ref()) {
        fill(alert, "process", process);
        if let Some(cdhash) = process.cdhash() {
            insert(alert, "process.hash.cdhash", cdhash.into());
        }
    }
    if let Some(parent) = context.and_then(|context| context.parent.as_ref()) {
        fill(alert, "process.parent", parent);
    }
    if get(alert, "process.args_count").is_none()
        && let Some(args) = get(alert, "process.args").and_then(Json::as_array).map(Vec::len)
    {
        insert(alert, "process.args_count", args.into());
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
