//! Text of others in a page: it stays text in every element, attribute and drawing.

use serde_json::{Map, Value as Json};

use crate::event::document::get;
use crate::report::visible;

/// Text for an element or a quoted attribute.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}

/// A field, escaped.
pub(super) fn value(document: &Map<String, Json>, name: &str) -> Option<String> {
    get(document, name).map(|value| escaped(&plain(value))).filter(|text| !text.is_empty())
}

/// A link, where the address is one of the web; else the text alone.
pub(super) fn link(address: &str, text: &str) -> String {
    match address.starts_with("https://") {
        true => format!("<a href=\"{}\" rel=\"noreferrer\">{}</a>", escaped(address), escaped(text)),
        false => escaped(text),
    }
}
