//! A row of separated values as a document: what is text in it gets the type of its field.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::cells::cells;
use super::header::{Column, Header, Kind};
use super::lists;
use crate::event::{ClockTime, Line, Zone, document};
use crate::source::wrapped;

/// What is said of arguments that cannot be told from each other.
const NOT_TOLD: &str =
    "is one argument or several, which the command_line beside it does not tell: export that column as well";
/// How many characters of a value are shown.
const MAX_SHOWN: usize = 64;

/// The row as a document: what is not stated in it is left out.
pub(super) fn document(header: &Header, zone: Option<&Zone>, row: &str) -> Result<Line, String> {
    if may_exceed_values(row) {
        return Err(format!("more than {} values; skipped", document::MAX_VALUES));
    }
    let columns = header.columns.len();
    let cells = cells(row, header.separator, columns)?;
    if cells.len() != columns {
        let more = if cells.len() > columns { "more than " } else { "" };
        return Err(format!("a row of {more}{} values in a table of {columns} columns", cells.len().min(columns)));
    }
    let row = Row { header, zone, cells };
    row.members().map(|members| Line::from(Value::Object(members).to_string()))
}

/// Lists in a cell have values of their own.
fn may_exceed_values(row: &str) -> bool {
    row.len() > document::MAX_VALUES && memchr::memchr2_iter(b',', b'\n', row.as_bytes()).count() > document::MAX_VALUES
}

struct Row<'t> {
    header: &'t Header,
    zone: Option<&'t Zone>,
    cells: Vec<Cow<'t, str>>,
}

impl Row<'_> {
    fn members(&self) -> Result<Map<String, Value>, String> {
        let line = self.stated().find(|(column, text)| column.kind == Kind::Line && is_line(text));
        match line {
            // Splunk's columns are what it took out of the line.
            Some((column, _)) if column.name == "_raw" => Ok(self.line()),
            Some(_) => Ok(self.fields().unwrap_or_else(|_| self.line())),
            None => self.fields(),
        }
    }

    /// The line of the event, and what tells its host.
    fn line(&self) -> Map<String, Value> {
        let is_of_line = |column: &Column| column.kind == Kind::Line || wrapped::names_host(&column.name);
        let cells = self.stated().filter(|(column, _)| is_of_line(column));
        cells.map(|(column, text)| (column.name.clone(), Value::from(text))).collect()
    }

    /// All that is stated, by the names of the columns.
    fn fields(&self) -> Result<Map<String, Value>, String> {
        let mut fields = Map::new();
        for (column, text) in self.stated() {
            let value = self.value(column.kind, text);
            let value = value.map_err(|wrong| format!("{} {:?} {wrong}", column.name, shown(text)))?;
            fields.entry(column.name.as_str()).or_insert(value);
        }
        Ok(fields)
    }

    fn stated(&self) -> impl Iterator<Item = (&Column, &str)> {
        let columns = self.header.columns.iter().zip(&self.cells);
        columns.filter_map(|(column, cell)| Some((column, self.header.stated(cell)?)))
    }

    /// The value that is written in a cell, or why it cannot be told.
    fn value(&self, kind: Kind, text: &str) -> Result<Value, &'static str> {
        let whole = || Value::from(text);
        Ok(match kind {
            Kind::Text | Kind::Line => whole(),
            Kind::Whole => number(text).map_or_else(whole, Value::from),
            Kind::Flag => text.parse::<bool>().map_or_else(|_| whole(), Value::from),
            Kind::Date => return date(text, self.zone),
            Kind::Object => Some(text)
                .filter(|text| is_line(text))
                .and_then(|text| serde_json::from_str(text).ok())
                .unwrap_or_else(whole),
            Kind::Words => lists::json(text).unwrap_or_else(|| lists::words(text).collect()),
            Kind::Texts => lists::json(text).unwrap_or_else(|| [text].into_iter().collect()),
            Kind::Arguments(command_line) => {
                let line = command_line.and_then(|column| self.header.stated(&self.cells[column]));
                let arguments = lists::json(text).or_else(|| Some(lists::arguments(text, line)?.into_iter().collect()));
                arguments.ok_or(NOT_TOLD)?
            }
        })
    }
}

/// The start of a text that is long.
fn shown(text: &str) -> Cow<'_, str> {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

fn is_line(text: &str) -> bool {
    text.trim_ascii_start().starts_with('{')
}

/// A date as it is stated; one of a clock is of the zone that is given, if one is.
fn date(text: &str, zone: Option<&Zone>) -> Result<Value, &'static str> {
    let Some(clock) = ClockTime::parse(text) else { return Ok(Value::from(text)) };
    let zone = zone.ok_or("states no zone; tell that of the export: replay --zone Europe/Berlin, +01:00 or UTC")?;
    let time = zone.time(clock).ok_or("is no one time in the zone of --zone: clocks were put back or forward there")?;
    Ok(Value::from(time.to_string()))
}

/// A whole number, also with something between its thousands.
fn number(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let separator = digits.chars().find(|c| !c.is_ascii_digit());
    let Some(separator) = separator else { return text.parse().ok() };
    let mut groups = digits.split(separator);
    let is_first = groups.next().is_some_and(|group| (1..=3).contains(&group.len()));
    let is_grouped =
        is_first && groups.all(|group| group.len() == 3) && ",. '\u{a0}\u{202f}\u{2019}".contains(separator);
    if is_grouped { text.replace(separator, "").parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(header: &str, row: &str, zone: Option<&str>) -> Result<Value, String> {
        let zone = zone.map(|zone| Zone::parse(zone).unwrap());
        let line = document(&Header::of(header).unwrap(), zone.as_ref(), row)?;
        Ok(serde_json::from_str(line.as_str()).unwrap())
    }

    #[test]
    fn text_gets_the_type_of_its_field_and_what_is_not_stated_is_left_out() {
        let header = "@timestamp,process.pid,process.args,process.command_line,event.type,process.Ext.x,network.bytes,tags,process.interactive";
        let row = "2026-01-15T08:00:00.000Z,\"12,345\",\"a, b, c\",\"a b, c\",\"start, info\",-,,\"x, y\",true";
        let expected = serde_json::json!({
            "@timestamp": "2026-01-15T08:00:00.000Z", "process.pid": 12345, "process.args": ["a", "b, c"],
            "process.command_line": "a b, c", "event.type": ["start", "info"], "tags": ["x, y"], "process.interactive": true,
        });
        assert_eq!(read(header, row, None), Ok(expected));
    }

    #[test]
    fn a_formula_loses_its_quote_where_they_have_one() {
        let escaped = read("'@timestamp,process.args,x", "'2026,'-zsh,'a", None).unwrap();
        assert_eq!(escaped, serde_json::json!({"@timestamp": "'2026", "process.args": ["-zsh"], "x": "'a"}));
        let plain = read("@timestamp,process.args,x", "2026,'-zsh,'-", None).unwrap();
        assert_eq!(plain, serde_json::json!({"@timestamp": "2026", "process.args": ["'-zsh"], "x": "'-"}));
    }

    #[test]
    fn numbers_lose_what_is_between_thousands_and_others_stay_as_they_are() {
        for (text, number) in [
            ("0", Some(0)),
            ("-7", Some(-7)),
            ("1,234", Some(1234)),
            ("1.234.567", Some(1_234_567)),
            ("12\u{a0}345", Some(12_345)),
            ("80, 443", None),
            ("1,23", None),
            ("1.2", None),
            ("1,234.567", None),
            ("1.2KB", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(super::number(text), number, "{text}");
        }
    }

    #[test]
    fn a_date_without_a_zone_is_of_the_one_that_is_given_or_refused() {
        let (header, row) = ("@timestamp,x", "\"Jan 15, 2026 @ 08:00:00.250\",y");
        assert_eq!(read(header, row, Some("+01:00")).unwrap()["@timestamp"], "2026-01-15T07:00:00.250000000Z");
        let refused = read(header, row, None).unwrap_err();
        assert!(
            refused.starts_with("@timestamp \"Jan 15, 2026 @ 08:00:00.250\" states no zone; tell that"),
            "{refused}"
        );
    }

    #[test]
    fn arguments_that_no_command_line_tells_apart_are_refused_and_shown_in_part() {
        let row = format!("2026-01-15T08:00:00Z,\"a,{}\"", "é".repeat(1 << 20));
        let refused = read("@timestamp,process.args", &row, None).unwrap_err();
        assert!(
            refused.starts_with(&format!("process.args \"a,{}…\" is one argument or", "é".repeat(62))),
            "{refused}"
        );
    }

    #[test]
    fn of_a_row_with_the_line_of_the_event_that_is_read_and_the_host_that_is_named() {
        let row = "\"{\"\"a\"\": 1}\",2026-01-15 08:00:00,mac-7,\"a, b\"";
        let expected = serde_json::json!({"_raw": "{\"a\": 1}", "host": "mac-7"});
        assert_eq!(read("_raw,_time,host,process.args", row, None), Ok(expected));
        // Where a column cannot be told, no other stands without it.
        let expected = serde_json::json!({"message": "{\"a\": 1}", "host": "mac-7"});
        assert_eq!(read("message,@timestamp,host,process.args", row, None), Ok(expected.clone()));
        assert_eq!(read("message,x,host,process.args", row, None), Ok(expected));
        let whole = read("message,x,host,tags", row, None).unwrap();
        assert_eq!(whole["tags"], serde_json::json!(["a, b"]));
    }

    #[test]
    fn a_row_of_too_few_or_too_many_values_is_named() {
        assert_eq!(read("@timestamp,a,b", "1,2", None).unwrap_err(), "a row of 2 values in a table of 3 columns");
        assert_eq!(
            read("@timestamp,a", "1,2,3,4", None).unwrap_err(),
            "a row of more than 2 values in a table of 2 columns"
        );
        assert_eq!(read("@timestamp,a", "1,\"2", None).unwrap_err(), "a quote that is not closed");
    }
}
