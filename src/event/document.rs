//! An [`Event`] to one nested ECS document: the recording format, and the copy inside an alert.

use std::mem;

use serde_json::{Map, Value as Json};

use super::{Categories, Event, Scalar, field, surrogates};

/// Members of a document, mostly.
const MEMBERS: usize = 16;

/// The event as a document.
///
/// A document that was read is returned whole, unwrapped and with dotted keys made objects; its id
/// is in `event.id` and its time in `@timestamp`.
pub(crate) fn document(event: &Event) -> Map<String, Json> {
    let mut document = Map::with_capacity(MEMBERS);
    document.insert("@timestamp".into(), Json::String(event.time.to_string()));
    insert(&mut document, "event.id", Json::String(event.id()));
    match event.line().and_then(|line| whole(line.as_str())) {
        Some(read) => {
            merge_source(&mut document, read);
            keep_category(&mut document, event);
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

/// Adds what was read, out of the search hits it may be in: `_source` as an object, or before a dot of a name.
fn merge_source(document: &mut Map<String, Json>, mut read: Map<String, Json>) {
    if let Some(Json::Object(source)) = read.get_mut("_source") {
        return merge_source(document, mem::take(source));
    }
    let (is_plain, mut named) = (!has_dots(&read), Vec::new());
    for (key, value) in read {
        match key.as_str() {
            "@timestamp" | "_id" => {}
            name if name.starts_with("_source.") => named.push((key, value)),
            name if is_plain && !document.contains_key(name) => _ = document.insert(key, value),
            _ => merge(document, [(key, value)], MAX_DEPTH),
        }
    }
    for (key, value) in named {
        merge_source(document, Map::from_iter([(key.trim_start_matches("_source.").to_owned(), value)]));
    }
}

/// Of a member that a document has twice only the last is left: the category must stay one that made it an event.
fn keep_category(document: &mut Map<String, Json>, event: &Event) {
    let is_of = |name: &Json| name.as_str().is_some_and(|name| event.categories.intersects(Categories::named(name)));
    let is_kept = match get(document, "event.category") {
        Some(Json::Array(names)) => names.iter().any(is_of),
        Some(name) => is_of(name),
        None => false,
    };
    if is_kept {
        return;
    }
    let names = ["process", "network"].map(Json::from).into_iter().filter(is_of).collect();
    match get_mut(document, "event.category") {
        Some(category) => *category = Json::Array(names),
        None => insert(document, "event.category", Json::Array(names)),
    }
}

/// Values in a document that is read whole, at most: each takes 72 bytes in memory, also where its text takes two.
pub(crate) const MAX_VALUES: usize = 500_000;

/// Whether a text may hold more values than are read at once: there are no more of them than commas, but for those that
/// begin a level.
pub(crate) fn may_exceed_values(text: &str) -> bool {
    text.len() > MAX_VALUES && memchr::memchr_iter(b',', text.as_bytes()).count() > MAX_VALUES
}

/// The whole document; without it, what was decoded stands. Decoding skips what no rule wants, so a lone surrogate may
/// still be in it.
fn whole(line: &str) -> Option<Map<String, Json>> {
    if may_exceed_values(line) {
        return None;
    }
    let read = serde_json::from_str(line).ok();
    read.or_else(|| serde_json::from_str(&surrogates::repaired(line)?).ok())
}

/// So many parts of a dotted name are objects inside each other; what follows is one name. Elasticsearch takes 20
/// levels. A name has no end: each level would cost stack wherever the document is read, written or dropped.
const MAX_DEPTH: usize = 64;

/// Sets a field by its dotted name, unless the document states it.
pub(crate) fn insert(document: &mut Map<String, Json>, name: &str, value: Json) {
    if let Some((inner, part)) = containing(document, name, MAX_DEPTH) {
        inner.entry(part).or_insert(value);
    }
}

/// Looks a field up by its dotted name.
pub(crate) fn get<'d>(document: &'d Map<String, Json>, name: &str) -> Option<&'d Json> {
    let mut parts = name.splitn(MAX_DEPTH, '.');
    let first = document.get(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_object()?.get(part))
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
    let mut parts = name.splitn(MAX_DEPTH, '.');
    let first = document.get_mut(parts.next()?)?;
    parts.try_fold(first, |value, part| value.as_object_mut()?.get_mut(part))
}

/// `levels` more are made of dotted names; what was read is at most 128 levels deep by itself.
fn merge(into: &mut Map<String, Json>, from: impl IntoIterator<Item = (String, Json)>, levels: usize) {
    for (key, value) in from {
        let Some((outer, name)) = containing(into, &key, levels) else { continue };
        match value {
            Json::Object(value) => {
                let inner = outer.entry(name).or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(inner) = inner {
                    merge(inner, value, levels.saturating_sub(key.split('.').count()));
                }
            }
            value => {
                outer.entry(name).or_insert(value);
            }
        }
    }
}

/// Whether a name in it, at any depth, is to be made objects: few documents have one.
fn has_dots(members: &Map<String, Json>) -> bool {
    let is_dotted = |(key, value): (&String, &Json)| {
        memchr::memchr(b'.', key.as_bytes()).is_some() || value.as_object().is_some_and(has_dots)
    };
    members.iter().any(is_dotted)
}

/// The object that holds the last part of a dotted name, and that part; `None` when a value is in between.
fn containing<'d, 'n>(
    document: &'d mut Map<String, Json>,
    name: &'n str,
    levels: usize,
) -> Option<(&'d mut Map<String, Json>, &'n str)> {
    let mut inner = document;
    let mut parts = name.splitn(levels.max(1), '.').peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return Some((inner, part));
        }
        inner = inner.entry(part).or_insert_with(|| Json::Object(Map::new())).as_object_mut()?;
    }
    None
}

/// What a member of an object takes besides its name and value, and what a value takes: a list has room for twice as many.
const MEMBER: usize = 64;
const VALUE: usize = 2 * size_of::<Json>();

/// About so many bytes a document takes in memory.
pub(crate) fn bytes(document: &Map<String, Json>) -> usize {
    document.iter().map(|(key, value)| MEMBER + key.len() + held(value)).sum()
}

fn held(value: &Json) -> usize {
    VALUE
        + match value {
            Json::String(text) => text.len(),
            Json::Array(values) => values.iter().map(held).sum(),
            Json::Object(members) => bytes(members),
            _ => 0,
        }
}

/// The text of a field by its dotted name; the first of several.
pub(crate) fn text(document: &Map<String, Json>, name: &str) -> Option<String> {
    match get(document, name)? {
        Json::String(text) => Some(text.clone()),
        Json::Array(values) => values.first()?.as_str().map(str::to_owned),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Decoded, Line, Timestamp, ecs};

    #[test]
    fn a_name_of_100_000_parts_makes_no_deeper_document() {
        let name = vec!["a"; 100_000].join(".");
        let mut document = Map::new();
        merge(&mut document, Map::from_iter([(name.clone(), Json::Bool(true))]), MAX_DEPTH);
        insert(&mut document, &format!("b.{name}"), Json::Bool(false));
        assert_eq!(get(&document, &name), Some(&Json::Bool(true)));
        let written = serde_json::to_string(&document).unwrap();
        assert!(serde_json::from_str::<Json>(&written).is_ok(), "readers stop at 128 levels");
    }

    #[test]
    fn nested_objects_of_long_names_make_no_deeper_document() {
        let name = vec!["a"; 1000].join(".");
        let nested = (0..100).fold(Json::Bool(true), |inner, _| serde_json::json!({ name.as_str(): inner }));
        let mut document = Map::new();
        merge(&mut document, nested.as_object().unwrap().clone(), MAX_DEPTH);
        let depth = |document: &Map<String, Json>| {
            std::iter::successors(Some(document), |level| level.values().next()?.as_object()).count()
        };
        assert!(depth(&document) < 100 + MAX_DEPTH, "{}", depth(&document));
    }

    #[test]
    fn dotted_names_and_objects_come_together_and_the_first_value_stays() {
        let read = serde_json::json!({"a.b": 1, "a": {"c": 2, "b": 3}, "a.b.d": 4, "e.f.g": 5});
        let mut document = Map::new();
        merge(&mut document, read.as_object().unwrap().clone(), MAX_DEPTH);
        assert_eq!(Json::Object(document), serde_json::json!({"a": {"b": 1, "c": 2}, "e": {"f": {"g": 5}}}));
    }

    #[test]
    fn a_document_is_written_the_same_whether_its_names_have_dots_or_not() {
        let mut decoder = ecs::Decoder::new(&crate::event::Fields::new());
        let plain =
            r#"{"@timestamp":1,"event":{"category":"process","id":"i","x":{"y":1}},"a":{"b":{"c":{"d":2}}},"e":{}}"#;
        let dotted = [
            r#"{"@timestamp":1,"event.category":"process","event.id":"i","event.x":{"y":1},"a.b.c.d":2,"e":{}}"#,
            r#"{"@timestamp":1,"event":{"category":"process","id":"i","x.y":1},"a":{"b":{"c.d":2}},"e":{}}"#,
            r#"{"@timestamp":1,"event":{"category":"process"},"event.id":"i","event.x.y":1,"a.b":{"c":{"d":2}},"e":{}}"#,
        ];
        let [plain, dotted @ ..] = [plain, dotted[0], dotted[1], dotted[2]].map(|line| {
            let Ok(Decoded::Event(event)) = decoder.decode(&Line::from(line.to_owned())) else { panic!("{line}") };
            serde_json::to_string(&document(&event)).unwrap()
        });
        let wanted = r#""event":{"id":"i","category":"process","x":{"y":1}},"a":{"b":{"c":{"d":2}}},"e":{}}"#;
        assert!(plain.ends_with(wanted), "{plain}");
        dotted.iter().for_each(|dotted| assert_eq!(*dotted, plain));
    }

    #[test]
    fn what_has_the_name_of_the_source_of_a_search_hit_is_written_as_it_is_read() {
        let mut decoder = ecs::Decoder::new(&crate::event::Fields::new());
        let mut decoded = |line: &str| match decoder.decode(&Line::from(line.to_owned())) {
            Ok(Decoded::Event(event)) => event,
            other => panic!("{other:?}"),
        };
        for line in [
            r#"{"@timestamp":1,"event.category":"process","_source.name":"Z","a":{"b":1}}"#,
            r#"{"_source":{"@timestamp":1,"event.category":"process","_source.process.name":"Z","a":{"b":1}}}"#,
            r#"{"_source._source":{"@timestamp":1,"event":{"category":"process"},"process":{"name":"Z"},"a":{"b":1}}}"#,
            r#"{"@timestamp":1,"event.category":"process","_source":"Z","a":{"b":1}}"#,
            r#"{"@timestamp":1,"event.category":"process","_source":[{"process.name":"Z"}],"a":{"b":1}}"#,
        ] {
            let written = Json::Object(document(&decoded(line)));
            assert!(written.to_string().contains("\"Z\""), "{written}");
            assert_eq!(get(written.as_object().unwrap(), "a.b"), Some(&Json::from(1)), "{written}");
            assert_eq!(Json::Object(document(&decoded(&written.to_string()))), written);
        }
    }

    #[test]
    fn a_document_with_two_categories_of_one_name_is_still_an_event_when_it_is_written() {
        let mut decoder = ecs::Decoder::new(&crate::event::Fields::new());
        for categories in
            [r#""event.category":["process"],"event.category":["x"]"#, r#""event":{"category":"process"},"event":{}"#]
        {
            let line = format!(r#"{{"@timestamp":1,{categories},"process.name":"a"}}"#);
            let Ok(Decoded::Event(event)) = decoder.decode(&Line::from(line)) else { panic!("{categories}") };
            let written = document(&event);
            assert_eq!(written["event"]["category"], serde_json::json!(["process"]), "{categories}");
        }
    }

    #[test]
    fn an_event_without_a_document_is_written_by_the_names_of_its_fields() {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_ARGS, "a");
        event.push_str(field::PROCESS_ARGS, "b");
        assert_eq!(get(&document(&event), "process.args"), Some(&serde_json::json!(["a", "b"])));
    }
}
