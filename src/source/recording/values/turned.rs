//! Tables whose values come by column, as ES|QL and SQL answer on demand (`columnar`): rows are known when all have come.

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

use super::super::lines::{MAX_VALUE, TOO_LONG};
use super::table::{self, Columns};
use crate::event::Line;

/// What makes rows of an answer by column.
const REMEDY: &str = "ask without columnar, or turn it: jq '.values |= transpose' FILE | osawatch replay -";

/// The columns of a table that have come, and then its rows.
#[derive(Default)]
pub(super) struct Turned {
    /// Nothing of the table was read: whether its values come by row or by column, the first shows.
    is_new: bool,
    columns: Vec<Column>,
    bytes: usize,
    /// Something is wrong with them, and that was told.
    is_bad: bool,
    /// What the columns are called, once all are there.
    names: Option<Columns>,
}

/// The values of a column as text, which takes a tenth of the memory: each is read when its row is made.
struct Column {
    text: Line,
    /// How many there are.
    count: usize,
    /// Where the next one is.
    at: usize,
}

impl Turned {
    /// A table begins.
    pub(super) fn begin(&mut self) {
        *self = Turned { is_new: true, ..Turned::default() };
    }

    /// Takes what is in an array of values, if it is a column; else it is a row.
    pub(super) fn take(&mut self, of: &Columns, text: &Line) -> Result<bool, String> {
        let is_first = std::mem::take(&mut self.is_new);
        if !is_first && self.columns.is_empty() {
            return Ok(false);
        }
        let count = table::parsed::<IgnoredAny>(text)?.len();
        if is_first && !of.comes_by_column(count) {
            return Ok(false);
        }
        if self.is_bad {
            return Ok(true);
        }
        self.bytes += text.as_str().len();
        let wrong = match self.columns.first() {
            _ if self.bytes > MAX_VALUE => Some(format!("a table by column that is {TOO_LONG}; {REMEDY}")),
            Some(first) if first.count != count => {
                Some(format!("a column of {count} values in a table of {} rows", first.count))
            }
            _ => None,
        };
        self.is_bad = wrong.is_some();
        self.columns.push(Column { text: text.clone(), count, at: 1 });
        wrong.map_or(Ok(true), Err)
    }

    /// The table ends: if it came by column its rows are next.
    pub(super) fn end(&mut self, of: &Columns) -> Result<(), String> {
        let columns = std::mem::take(&mut self.columns);
        if columns.is_empty() || self.is_bad {
            return Ok(());
        }
        if of.comes_by_column(columns.len()) {
            return Err(format!("a table of {of} with the values of {}", columns.len()));
        }
        (self.columns, self.names) = (columns, Some(of.clone()));
        Ok(())
    }

    /// The next row, as a document.
    pub(super) fn next(&mut self) -> Option<Line> {
        let names = self.names.as_ref()?;
        let row: Vec<Value> = self.columns.iter_mut().filter_map(Iterator::next).collect();
        if row.is_empty() {
            *self = Turned::default();
            return None;
        }
        Some(table::document(names, row))
    }
}

impl Iterator for Column {
    type Item = Value;

    fn next(&mut self) -> Option<Value> {
        let text = self.text.as_str();
        let rest = text[self.at..].trim_start_matches([' ', '\t', '\r', '\n', ',']);
        let mut values = Deserializer::from_str(rest).into_iter::<Value>();
        let value = values.next()?.ok()?;
        self.at = text.len() - rest.len() + values.byte_offset();
        Some(value)
    }
}
