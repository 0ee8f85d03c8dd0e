//! An [`Event`] to one nested ECS document: the recording format, and the copy inside an alert.

use serde_json::{Map, Value as Json};

use super::{Event, Scalar, field, surrogates};

/// The event as a document.
///
/// A document that was read is given back whole, unwrapped and with dotted keys made objects; its id
/// stands in `event.id` and its time in `@timestamp`.
pub fn document(event: &Event) -> Map<String, Json> {
    let mut document = Map::new();
    document.insert("@timestamp".into(), Json::String(event.time.to_string()));
    insert(&mut document, "event.id", Json::String(event.id()));
    match event.line().and_then(|line| whole(line.as_str())) {
        Some(mut read) => {
            if let Some(Json::Object(source)) = read.remove("_source") {
                read = source;
            }
            read.retain(|key, _| key != "@timestamp" && key != "_id");
            merge(&mut document, read);
        }
        None => {
            for (field, value) in event.values() {
                if let (Some(name), false) = (field.core_name(), field == field::DOCUMENT_ID) {
                    append(&mut document, name, value);
                }
            }
        }
    }
    document
}

/// The whole document. Decoding skips what no rule wants, so a lone surrogate may still be in it.
fn whole(line: &str) -> Option<Map<String, Json>> {
    let read = serde_json::from_str(line).ok();
    read.or_else(|| serde_json::from_str(&surrogates::repaired(line)?).ok())
}

/// Sets a field by its dotted name, unless the document states it.
pub fn insert(document: &mut Map<String, Json>, name: &str, value: Json) {
    match name.split_once('.') {
        None => {
            document.entry(name).or_insert(value);
        }
        Some((head, rest)) => {
            let inner = document.entry(head).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                insert(inner, rest, value);
            }
        }
    }
}

/// Looks a field up by its dotted name.
pub fn get<'d>(document: &'d Map<String, Json>, name: &str) -> Option<&'d Json> {
    match name.split_once('.') {
        None => document.get(name),
        Some((head, rest)) => get(document.get(head)?.as_object()?, rest),
    }
}

fn append(document: &mut Map<String, Json>, name: &str, value: Scalar<'_>) {
    let value = match value {
        Scalar::Str(text) => Json::String(text.to_owned()),
        Scalar::Int(number) => Json::from(number),
        Scalar::Float(number) => Json::from(number),
        Scalar::Bool(flag) => Json::Bool(flag),
    };
    let is_array = field::ecs().get(name).map_or(name == "process.Ext.ancestry", |row| row.array);
    match get_mut(document, name) {
        Some(Json::Array(values)) => values.push(value),
        Some(_) => {}
        None if is_array => insert(document, name, Json::Array(vec![value])),
        None => insert(document, name, value),
    }
}

fn get_mut<'d>(document: &'d mut Map<String, Json>, name: &str) -> Option<&'d mut Json> {
    match name.split_once('.') {
        None => document.get_mut(name),
        Some((head, rest)) => get_mut(document.get_mut(head)?.as_object_mut()?, rest),
    }
}

fn merge(into: &mut Map<String, Json>, from: Map<String, Json>) {
    for (key, value) in from {
        if let Some((head, rest)) = key.split_once('.') {
            let inner = Map::from_iter([(rest.to_owned(), value)]);
            merge_entry(into, head.to_owned(), Json::Object(inner));
        } else {
            merge_entry(into, key, value);
        }
    }
}

fn merge_entry(into: &mut Map<String, Json>, key: String, value: Json) {
    match value {
        Json::Object(value) => {
            let inner = into.entry(key).or_insert_with(|| Json::Object(Map::new()));
            if let Json::Object(inner) = inner {
                merge(inner, value);
            }
        }
        value => {
            into.entry(key).or_insert(value);
        }
    }
}

/// The text of a field by its dotted name; the first of several.
pub fn text(document: &Map<String, Json>, name: &str) -> Option<String> {
    match get(document, name)? {
        Json::String(text) => Some(text.clone()),
        Json::Array(values) => values.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}
