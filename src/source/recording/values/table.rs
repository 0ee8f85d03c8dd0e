//! Tables: the columns are named once, and then come the values of each row. So ES|QL, SQL and Log Analytics answer; of
//! what Loki answers, the columns are known.

use std::fmt;
use std::sync::Arc;

use serde::Deserialize;
use serde_json::{Map, Value};

use crate::event::field::ecs;
use crate::event::{Line, document};
use crate::source::wrapped;

/// Members whose arrays hold rows.
const ROWS: [&[u8]; 3] = [b"values", b"rows", b"Rows"];

/// Members with the names of columns; the second is Kusto's.
const COLUMNS: [&str; 2] = ["\"columns\"", "\"Columns\""];

/// How long the name of a column or a host is, at most: each row is as long as all of them.
const MAX_NAME: usize = 256;

/// The values of a stream of Loki: when, the line, and, where there are some, labels of this line alone.
const LOKI: [&str; 3] = ["timestamp", "line", "metadata"];
/// The member with the labels of such a stream, and those that name the host of its lines.
const LABELS: &str = "stream";
const HOSTS: [&str; 2] = ["host", "hostname"];

/// The columns of a table.
pub(super) type Columns = Arc<Table>;

/// What is said once of all rows of a table.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// What the values of a row are called; nothing where the columns are not stated.
    names: Vec<String>,
    /// How many values a row has at least.
    least: usize,
    /// Its values may come by column.
    may_be_turned: bool,
    /// It tells how the answer came about.
    is_passed_over: bool,
    /// Members that each row has besides.
    shared: Map<String, Value>,
}

/// Whether an array of this name may hold rows.
pub(super) fn is_rows(name: &[u8]) -> bool {
    ROWS.contains(&name)
}

/// Whether an array of this name holds rows, and never documents.
pub(super) fn is_table(name: &[u8]) -> bool {
    name == ROWS[0]
}

/// Whether an array of this name may hold rows of the columns that the page before stated: SQL answers so.
pub(super) fn is_page(name: &[u8]) -> bool {
    name == ROWS[1]
}

/// The columns of the rows in an array of this name, inside of this many objects, of which this is before it.
pub(super) fn columns(name: &[u8], before: &str, objects: u32) -> Option<Columns> {
    let names = |member: &str| memchr::memmem::find(before.as_bytes(), member.as_bytes()).is_some();
    let may_be_table = COLUMNS.iter().any(|name| names(name)) || is_table(name) && names("\"stream\"");
    if !is_rows(name) || !may_be_table {
        return None;
    }
    let mut around = around(before, objects)?;
    let table = match (around.get("columns"), around.get("Columns")) {
        (Some(columns), _) => named("name", columns.as_array()?, is_table(name)),
        (None, Some(columns)) => named("ColumnName", columns.as_array()?, false).map(Table::of_kusto),
        (None, None) if is_table(name) => stream(&mut around),
        (None, None) => None,
    };
    table.map(Arc::new)
}

/// The members before an array, inside of this many objects, of the one that it is in.
pub(super) fn around(before: &str, objects: u32) -> Option<Map<String, Value>> {
    if document::may_exceed_values(before) {
        return None;
    }
    let text = [before, "0", &"}".repeat(objects as usize)].concat();
    let mut value: Value = serde_json::from_str(&text).ok()?;
    for _ in 1..objects {
        // What is open is the last member of what is around it.
        value = value.as_object_mut()?.values_mut().next_back()?.take();
    }
    match value {
        Value::Object(around) => Some(around),
        _ => None,
    }
}

/// The table of columns with names.
fn named(member: &str, columns: &[Value], may_be_turned: bool) -> Option<Table> {
    let name = |column: &Value| {
        let name = column.get(member)?.as_str()?;
        (name.len() <= MAX_NAME).then(|| name.to_owned())
    };
    let names: Vec<String> = columns.iter().map(name).collect::<Option<_>>()?;
    Some(Table { least: names.len(), names, may_be_turned, is_passed_over: false, shared: Map::new() })
}

/// The lines of a stream of Loki.
fn stream(around: &mut Map<String, Value>) -> Option<Table> {
    let Value::Object(mut labels) = around.remove(LABELS)? else { return None };
    // Each row has what is left of them.
    let names_host = |name: &str, label: &Value| {
        HOSTS.contains(&name) && label.as_str().is_some_and(|label| label.len() <= MAX_NAME)
    };
    labels.retain(|name, label| names_host(name, label));
    let shared = Map::from_iter([(LABELS.to_owned(), Value::Object(labels))]);
    let names = LOKI.map(str::to_owned).into();
    Some(Table { names, least: 2, may_be_turned: false, is_passed_over: false, shared })
}

impl Table {
    /// A table of Kusto: beside that of the rows asked for it answers with some about the query, which name no field.
    fn of_kusto(self) -> Table {
        let is_telling =
            |name: &String| name.starts_with('@') || ecs().contains_key(name.as_str()) || wrapped::is_line(name);
        Table { is_passed_over: !self.names.iter().any(is_telling), ..self }
    }

    /// Whether its rows are none of those that were asked for.
    pub(super) fn is_passed_over(&self) -> bool {
        self.is_passed_over
    }

    /// Whether so many values are a column of it and no row: it is one that may come by column.
    pub(super) fn comes_by_column(&self, values: usize) -> bool {
        self.may_be_turned && values != self.names.len()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} columns", self.names.len())
    }
}

/// The values of a row, or of a column.
pub(super) fn parsed<'l, T: Deserialize<'l>>(line: &'l Line) -> Result<Vec<T>, String> {
    serde_json::from_str(line.as_str()).map_err(|_| "not valid JSON: a row".to_owned())
}

/// What is wrong with the rows of a table whose columns are not known.
pub(super) fn check(columns: &Columns) -> Result<(), String> {
    if !columns.names.is_empty() {
        return Ok(());
    }
    let remedy = "replay the pages of an answer as one input, in their order: cat PAGE… | osawatch replay -";
    Err(format!("a row of a table whose columns are not stated before it; {remedy}"))
}

/// A row as a document, if it has as many values as there are columns.
pub(super) fn row(columns: &Columns, line: &Line) -> Result<Line, String> {
    if document::may_exceed_values(line.as_str()) {
        return Err(format!("more than {} values; skipped", document::MAX_VALUES));
    }
    let values: Vec<Value> = parsed(line)?;
    if !(columns.least..=columns.names.len()).contains(&values.len()) {
        return Err(format!("a row of {} values in a table of {columns}", values.len()));
    }
    Ok(document(columns, values))
}

/// Values as a document: what is null in it is not stated.
pub(super) fn document(columns: &Columns, values: Vec<Value>) -> Line {
    let Table { names, shared, .. } = &**columns;
    let stated = names.iter().cloned().zip(values).filter(|(_, value)| !value.is_null());
    let document: Map<String, Value> = shared.clone().into_iter().chain(stated).collect();
    Line::from(Value::Object(document).to_string())
}
