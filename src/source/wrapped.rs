//! Documents inside of others: what a shipper or a search wraps around a line of a recording.

use serde_json::{Map, Value};

use super::open_telemetry;
use crate::event::{Line, Machine, document, field};

/// Members that hold a line of a recording as text: Filebeat's and Logstash's, Splunk's, those of `log stream`, of the
/// notifications of AWS, of its Logs Insights and of its queues, of Kafka's tools, of Graylog, of Log Analytics and of
/// OpenTelemetry.
const TEXTS: &[&str] = &[
    "message",
    "@message",
    "event.original",
    "_raw",
    "eventMessage",
    "log",
    "line",
    "Message",
    "payload",
    "value",
    "full_message",
    "RawData",
    "Body",
    "body",
    "body.stringValue",
];
/// Members that hold the document itself; two are those of an update in the body of a bulk request, the last are those of
/// Google's Cloud Logging and of Datadog.
const OBJECTS: &[&str] = &["_source", "result", "document", "doc", "upsert", "RawData", "jsonPayload", "attributes"];
/// What shows that an object is in another one; `fields` are those of a search hit.
const MARKS: [&str; 10] = [
    "\"{",
    "\"result\"",
    "\"fields\"",
    "\"document\"",
    "\"doc\"",
    "\"upsert\"",
    "\"RawData\"",
    "\"jsonPayload\"",
    "\"attributes\"",
    "\"kvlistValue\"",
];
/// Members with the name of the machine that a line is of: besides those of ECS, Graylog's and Vector's, syslog's,
/// Splunk's, Log Analytics', the labels of Loki and Datadog's.
const NAMES: [&str; 10] = [
    "host.name",
    "host.hostname",
    "host",
    "hostname",
    "result.host",
    "Computer",
    "stream.host",
    "stream.hostname",
    "attributes.host",
    "Host",
];
/// The first member of an action line in the body of a bulk request.
const ACTIONS: [&str; 4] = ["{\"index\"", "{\"create\"", "{\"update\"", "{\"delete\""];

/// The first member of what is in an answer of Kusto.
const FRAME: &str = "{\"FrameType\"";

/// A document that was wrapped, and the machine that the wrapper names.
pub(super) struct Wrapped {
    pub(super) line: Line,
    pub(super) machine: Machine,
    pub(super) host_name: Option<String>,
}

/// The document inside of this one, if there is one. Only looks closer where something looks like it.
pub(super) fn unwrapped(line: &Line) -> Option<Wrapped> {
    let text = line.as_str().as_bytes();
    let holds = |part: &str| memchr::memmem::find(text, part.as_bytes()).is_some();
    if !MARKS.into_iter().any(holds) {
        return None;
    }
    if document::may_exceed_values(line.as_str()) {
        return None;
    }
    let outer: Map<String, Value> = serde_json::from_str(line.as_str()).ok()?;
    let inner = inner(&outer)?;
    let host = |name: &str| document::text(&outer, name).filter(|text| !text.is_empty());
    Some(Wrapped {
        line: Line::from(inner),
        machine: Machine { host_id: host("host.id").unwrap_or_default(), boot_id: String::new() },
        host_name: NAMES.into_iter().find_map(host),
    })
}

/// What the line is where it only goes with documents: the action before one in the body of a bulk request, or what Kusto
/// says before its tables and behind them.
pub(super) fn accompanies(line: &Line) -> Option<&'static str> {
    let text = Some(line.as_str()).filter(|text| text.len() < 4096)?;
    let start: String = text.chars().filter(|c| !c.is_whitespace()).take(16).collect();
    if ACTIONS.iter().any(|action| start.starts_with(action)) {
        return Some("bulk action");
    }
    start.starts_with(FRAME).then_some("frame of an answer")
}

/// Whether the member of this name may hold a line of a recording as text.
pub(super) fn is_line(name: &str) -> bool {
    TEXTS.contains(&name)
}

/// Whether the member of this name tells the machine that a line is of.
pub(super) fn names_host(name: &str) -> bool {
    name == "host.id" || NAMES.contains(&name)
}

fn inner(outer: &Map<String, Value>) -> Option<String> {
    let member = |name: &str| outer.get(name).or_else(|| document::get(outer, name));
    let is_object = |text: &&str| text.trim_start().starts_with('{');
    if let Some(text) = TEXTS.iter().find_map(|name| member(name)?.as_str().filter(is_object)) {
        return Some(text.to_owned());
    }
    if let Some(Value::Object(fields)) = member("fields").filter(|fields| fields.get("@timestamp").is_some()) {
        return Some(flattened(fields, outer.get("_id")));
    }
    if let Some(list) = member("body.kvlistValue") {
        return Some(open_telemetry::object(list)?.to_string());
    }
    match OBJECTS.iter().find_map(|name| member(name)?.as_object()) {
        Some(object) => inner(object).or_else(|| serde_json::to_string(object).ok()),
        None => None,
    }
}

/// The `fields` of a search hit as a document: there every value is in an array.
fn flattened(fields: &Map<String, Value>, id: Option<&Value>) -> String {
    let mut document = Map::new();
    if let Some(id) = id {
        document.insert("_id".to_owned(), id.clone());
    }
    for (name, value) in fields {
        let value = match value {
            Value::Array(values)
                if values.len() == 1 && !field::ecs().get(name.as_str()).is_some_and(|row| row.array) =>
            {
                values[0].clone()
            }
            value => value.clone(),
        };
        document.insert(name.clone(), value);
    }
    Value::Object(document).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unwrapped_text(text: &str) -> Option<String> {
        unwrapped(&Line::from(text.to_owned())).map(|wrapped| wrapped.line.as_str().to_owned())
    }

    #[test]
    fn the_document_inside_is_found_whatever_wraps_it() {
        for text in [
            r#"{"@timestamp":"2026","message":"{\"a\":1}"}"#,
            r#"{"event":{"original":"{\"a\":1}"},"message":"text"}"#,
            r#"{"event.original":"{\"a\":1}"}"#,
            r#"{"preview":false,"result":{"_raw":"{\"a\":1}"}}"#,
            r#"{"preview":false,"result":{"a":1}}"#,
            r#"{"_source":{"message":"{\"a\":1}"}}"#,
            r#"{"eventMessage":"{\"a\":1}"}"#,
            r#"{"topic":"t","offset":1,"payload":"{\"a\":1}"}"#,
            r#"{"short_message":"x","full_message":"{\"a\":1}"}"#,
            r#"{"doc":{"a":1},"doc_as_upsert":true}"#,
            r#"{"script":{"source":"x"},"upsert":{"a":1}}"#,
            r#"{"TimeGenerated":"2026","RawData":"{\"a\":1}"}"#,
            r#"{"TimeGenerated":"2026","RawData":{"a":1}}"#,
            r#"{"logName":"l","jsonPayload":{"a":1}}"#,
            r#"{"MessageId":"1","Body":"{\"a\":1}"}"#,
            r#"{"messageId":"1","body":"{\"a\":1}","attributes":{}}"#,
            r#"{"timeUnixNano":"1","body":{"stringValue":"{\"a\":1}"},"attributes":[]}"#,
            r#"{"body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}},"attributes":[]}"#,
            r#"{"id":"i","type":"log","attributes":{"host":"h","message":"m","attributes":{"a":1}}}"#,
            r#"{"id":"i","type":"log","attributes":{"host":"h","message":"{\"a\":1}","attributes":{"b":1}}}"#,
            r#"{"_id":"i","host":"h","attributes":{"a":1},"tags":[]}"#,
            r#"{"timestamp":"1","line":"{\"a\":1}","stream":{"host":"mac"}}"#,
        ] {
            assert_eq!(unwrapped_text(text).as_deref(), Some(r#"{"a":1}"#), "{text}");
        }
        for text in [r#"{"message":"{"}"#, r#"{"message":"text"}"#, r#"{"fields":{"team":"x"}}"#] {
            assert!(unwrapped_text(text).is_none_or(|inner| inner == "{"), "{text}");
        }
    }

    #[test]
    fn the_fields_of_a_hit_lose_their_arrays_but_where_ecs_has_one() {
        let hit = r#"{"_id":"i","fields":{"@timestamp":["2026"],"process.args":["x"],"process.name":["x"]}}"#;
        let document = r#"{"_id":"i","@timestamp":"2026","process.args":["x"],"process.name":"x"}"#;
        assert_eq!(unwrapped_text(hit).as_deref(), Some(document));
    }

    #[test]
    fn the_wrapper_names_the_machine() {
        let line = Line::from(r#"{"host":{"id":"H","name":"mac"},"message":"{}"}"#.to_owned());
        let wrapped = unwrapped(&line).unwrap();
        assert_eq!((wrapped.machine.host_id.as_str(), wrapped.host_name.as_deref()), ("H", Some("mac")));
        for name in [
            r#""host":{"hostname":"mac"}"#,
            r#""host":"mac""#,
            r#""hostname":"mac""#,
            r#""Computer":"mac""#,
            r#""stream":{"host":"mac"}"#,
            r#""result":{"host":"mac"}"#,
            r#""attributes":{"host":"mac"}"#,
        ] {
            let line = Line::from(format!(r#"{{{name},"message":"{{}}"}}"#));
            assert_eq!(unwrapped(&line).unwrap().host_name.as_deref(), Some("mac"), "{name}");
        }
    }

    #[test]
    fn what_goes_with_documents_is_known() {
        let what = |text: &str| accompanies(&Line::from(text.to_owned()));
        for text in [r#"{ "create": {"_index": "l"}}"#, r#"{"index":{}}"#] {
            assert_eq!(what(text), Some("bulk action"), "{text}");
        }
        assert_eq!(what(r#"{"FrameType":"DataSetCompletion","HasErrors":false}"#), Some("frame of an answer"));
        assert_eq!(what(r#"{"indexes":{}}"#), None);
    }
}
