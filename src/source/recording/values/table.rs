//! Tables: what ES|QL and SQL answer names its columns once, and then gives the values of each row.

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::event::{Line, document};

/// Members whose arrays hold rows.
const ROWS: [&[u8]; 2] = [b"values", b"rows"];

/// How long the name of a column is, at most: each row is as long as all of them.
const MAX_NAME: usize = 256;

/// The names of the columns of a table.
pub(super) type Columns = Arc<[String]>;

/// Whether an array of this name may hold rows.
pub(super) fn is_rows(name: &[u8]) -> bool {
    ROWS.contains(&name)
}

/// Whether an array of this name holds rows, and never documents.
pub(super) fn is_table(name: &[u8]) -> bool {
    name == ROWS[0]
}

/// The columns of the rows in an array of this name, inside of this many objects, of which this is before it.
pub(super) fn columns(name: &[u8], before: &str, objects: u32) -> Option<Columns> {
    let names_columns = || memchr::memmem::find(before.as_bytes(), b"\"columns\"").is_some();
    if !is_rows(name) || !names_columns() || document::may_exceed_values(before) {
        return None;
    }
    let text = [before, "0", &"}".repeat(objects as usize)].concat();
    let mut value: Value = serde_json::from_str(&text).ok()?;
    for _ in 1..objects {
        // What is open is the last member of what is around it.
        value = value.as_object_mut()?.values_mut().next_back()?.take();
    }
    let name = |column: &Value| {
        let name = column.get("name")?.as_str()?;
        (name.len() <= MAX_NAME).then(|| name.to_owned())
    };
    value.get("columns")?.as_array()?.iter().map(name).collect()
}

/// A row as a document: what is null in it is not stated.
pub(super) fn document(columns: &Columns, row: &Line) -> Result<Line, String> {
    if document::may_exceed_values(row.as_str()) {
        return Err(format!("more than {} values; skipped", document::MAX_VALUES));
    }
    let values: Vec<Value> = serde_json::from_str(row.as_str()).map_err(|_| "not valid JSON: a row".to_owned())?;
    if values.len() != columns.len() {
        return Err(format!("a row of {} values in a table of {} columns", values.len(), columns.len()));
    }
    let stated = columns.iter().cloned().zip(values).filter(|(_, value)| !value.is_null());
    let document: Map<String, Value> = stated.collect();
    Ok(Line::from(Value::Object(document).to_string()))
}
