//! Logs of OpenTelemetry as JSON: each value names its type, and objects are lists of keys and values.

use serde_json::{Map, Value};

/// The member of a resource with its logs.
pub(super) const LOGS: &[u8] = b"scopeLogs";

/// What names the machine of the logs of a resource.
const HOSTS: [&str; 2] = ["host.name", "host.id"];
/// How long the name of a machine is, at most: each record is as long as that.
const MAX_NAME: usize = 256;

/// The object that a `kvlistValue` is.
pub(super) fn object(list: &Value) -> Option<Value> {
    let members = list.get("values")?.as_array()?.iter().filter_map(member);
    Some(Value::Object(members.map(|(key, value)| (key.to_owned(), plain(value))).collect()))
}

/// The machine that the attributes of a resource name, as a `host`.
pub(super) fn host(resource: &Value) -> Option<Value> {
    let attributes = resource.get("attributes")?.as_array()?.iter().filter_map(member);
    let named = attributes.filter_map(|(key, value)| {
        let name = value.get("stringValue").filter(|name| name.as_str().is_some_and(|name| name.len() <= MAX_NAME))?;
        let part = HOSTS.contains(&key).then(|| key.trim_start_matches("host."))?;
        Some((part.to_owned(), name.clone()))
    });
    let host: Map<String, Value> = named.collect();
    (!host.is_empty()).then_some(Value::Object(host))
}

fn member(pair: &Value) -> Option<(&str, &Value)> {
    Some((pair.get("key")?.as_str()?, pair.get("value")?))
}

/// A value without its type: 64-bit numbers are text in JSON, so that no reader rounds them.
fn plain(value: &Value) -> Value {
    let Some((kind, value)) = value.as_object().and_then(|value| value.iter().next()) else { return Value::Null };
    match kind.as_str() {
        "kvlistValue" => object(value).unwrap_or_default(),
        "arrayValue" => {
            let values = value.get("values").and_then(Value::as_array);
            values.into_iter().flatten().map(plain).collect()
        }
        "intValue" => {
            value.as_str().and_then(|text| text.parse::<i64>().ok()).map_or_else(|| value.clone(), Value::from)
        }
        _ => value.clone(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_list_of_keys_and_values_is_an_object() {
        let list = json!({"values": [
            {"key": "a", "value": {"stringValue": "x"}},
            {"key": "b", "value": {"intValue": "12"}},
            {"key": "c", "value": {"intValue": 12}},
            {"key": "d", "value": {"boolValue": true}},
            {"key": "e", "value": {"doubleValue": 1.5}},
            {"key": "f", "value": {"arrayValue": {"values": [{"stringValue": "y"}, {}]}}},
            {"key": "g", "value": {"kvlistValue": {"values": [{"key": "h", "value": {"stringValue": "z"}}]}}},
            {"key": "i", "value": {"arrayValue": {}}},
            {"key": "j"},
            7,
        ]});
        let expected = json!({
            "a": "x", "b": 12, "c": 12, "d": true, "e": 1.5, "f": ["y", null], "g": {"h": "z"}, "i": [],
        });
        assert_eq!(object(&list), Some(expected));
        assert_eq!(object(&json!({})), None);
    }

    #[test]
    fn a_resource_names_the_host_of_its_logs() {
        let resource =
            |key: &str, value: Value| json!({"attributes": [{"key": "os", "value": {}}, {"key": key, "value": value}]});
        assert_eq!(host(&resource("host.name", json!({"stringValue": "mac"}))), Some(json!({"name": "mac"})));
        assert_eq!(host(&resource("host.id", json!({"stringValue": "I"}))), Some(json!({"id": "I"})));
        assert_eq!(host(&resource("host.arch", json!({"stringValue": "arm64"}))), None);
        assert_eq!(host(&resource("host.name", json!({"stringValue": "m".repeat(257)}))), None);
    }
}
