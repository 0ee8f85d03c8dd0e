//! An alert as one line of a table: when, where, who, what.

use serde_json::{Map, Value as Json};

use super::visible;
use crate::event::document::get;

/// The columns, by the names of their fields.
const COLUMNS: [&str; 15] = [
    "@timestamp",
    "event.severity",
    "rule.id",
    "rule.name",
    "host.name",
    "user.name",
    "process.name",
    "process.pid",
    "process.executable",
    "process.command_line",
    "destination.ip",
    "destination.port",
    "destination.domain",
    "event.reason",
    "event.id",
];

/// The names of the columns, for a CSV file.
pub(crate) fn header() -> String {
    COLUMNS.join(",")
}

/// The alert as a line of a CSV file.
pub(crate) fn row(alert: &Map<String, Json>) -> String {
    COLUMNS.map(|name| cell(get(alert, name))).join(",")
}

/// The alert as one small JSON object.
pub(crate) fn json(alert: &Map<String, Json>) -> String {
    let value = |name: &str| Some((name.to_owned(), get(alert, name)?.clone()));
    Json::Object(COLUMNS.iter().filter_map(|name| value(name)).collect()).to_string()
}

/// A quoted cell. A spreadsheet takes what starts with one of these signs for a formula, and an attacker chose the text:
/// an apostrophe in front makes it text.
fn cell(value: Option<&Json>) -> String {
    let text = match value {
        None | Some(Json::Null) => return String::new(),
        Some(Json::String(text)) => visible(text),
        Some(value) => visible(&value.to_string()),
    };
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t']);
    format!("\"{}{}\"", if is_formula { "'" } else { "" }, text.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cell_is_text_whatever_an_attacker_wrote() {
        let alert =
            serde_json::json!({"rule": {"id": "=cmd|' /C calc'!A0", "name": "a \"b\",\nc"}, "process": {"pid": 7}});
        let alert = alert.as_object().unwrap();
        assert_eq!(row(alert), r#",,"'=cmd|' /C calc'!A0","a ""b"",\nc",,,,"7",,,,,,,"#);
        assert_eq!(json(alert), r#"{"rule.id":"=cmd|' /C calc'!A0","rule.name":"a \"b\",\nc","process.pid":7}"#);
        assert_eq!(header().matches(',').count(), row(alert).replace("\",\\nc", "").matches(',').count());
    }
}
