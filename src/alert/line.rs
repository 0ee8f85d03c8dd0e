//! A document as it is written.

use serde_json::{Map, Value as Json};

/// A document as one line of JSON, without its newline.
pub fn to_line(document: &Map<String, Json>) -> String {
    // It seldom grows from here on.
    let mut line = Vec::with_capacity(8192);
    // A document of strings, numbers and other JSON values can always be written.
    let _ = serde_json::to_writer(&mut line, document);
    String::from_utf8(line).unwrap_or_default()
}
