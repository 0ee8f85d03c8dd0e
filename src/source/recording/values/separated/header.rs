//! The first line of a table of separated values: what its columns are called, and so what their values are.

use super::cells::cells;
use crate::event::FieldType;
use crate::event::field::{ecs, known_type};
use crate::source::wrapped;

/// Columns of a table, at most; Kibana exports as many as an index has fields.
const MAX_COLUMNS: usize = 10_000;
/// Columns that may be the only one.
const ALONE: [&str; 4] = ["_raw", "@message", "event.original", "RawData"];
/// What Kibana writes a quote before, where it is to keep a spreadsheet from taking text for a formula.
const FORMULAS: [char; 4] = ['=', '+', '-', '@'];

/// The columns of a table.
#[derive(Debug)]
pub(super) struct Header {
    pub(super) separator: u8,
    pub(super) columns: Vec<Column>,
    /// A quote is before each value that could be a formula.
    is_escaped: bool,
}

/// A column.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Column {
    pub(super) name: String,
    pub(super) kind: Kind,
}

/// What the values of a column are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    /// A number without a fraction.
    Whole,
    Flag,
    Date,
    /// An object, as JSON.
    Object,
    /// Words without commas, as many as there are.
    Words,
    /// Texts that may have commas.
    Texts,
    /// The arguments of a process, with the column of its command line.
    Arguments(Option<usize>),
    /// A line of a recording, where it begins as one.
    Line,
}

impl Header {
    /// The columns that this line names, if it names any that a recording has.
    pub(super) fn of(line: &str) -> Option<Header> {
        let line = line.trim_start_matches('\u{feff}').trim_end_matches(['\r', '\n']);
        if line.trim_start().starts_with(['{', '[']) || line.contains('\n') {
            return None;
        }
        let alone = line.trim_matches('"');
        if ALONE.contains(&alone) {
            return Some(Header::named(b',', vec![alone.to_owned()], false));
        }
        [b',', b';', b'\t'].into_iter().find_map(|separator| {
            let cells = cells(line, separator, MAX_COLUMNS).ok()?;
            if !(2..=MAX_COLUMNS).contains(&cells.len()) {
                return None;
            }
            let is_escaped = cells.iter().any(|cell| cell.starts_with("'@"));
            let names: Vec<String> = cells.iter().map(|cell| name(unescaped(cell, is_escaped))).collect();
            let is_header = names.iter().all(|name| is_name(name)) && names.iter().any(|name| is_telling(name));
            is_header.then(|| Header::named(separator, names, is_escaped))
        })
    }

    fn named(separator: u8, mut names: Vec<String>, is_escaped: bool) -> Header {
        if !names.iter().any(|name| name == "@timestamp") {
            // So Splunk calls it.
            names.iter_mut().filter(|name| *name == "_time").for_each(|name| *name = "@timestamp".to_owned());
        }
        let kinds: Vec<Kind> = names.iter().map(|name| kind(name, &names)).collect();
        let columns = names.into_iter().zip(kinds).map(|(name, kind)| Column { name, kind }).collect();
        Header { separator, columns, is_escaped }
    }

    /// A cell without what was added to it; `None` where it states nothing.
    pub(super) fn stated<'c>(&self, cell: &'c str) -> Option<&'c str> {
        let cell = unescaped(cell, self.is_escaped);
        // Kibana writes a dash.
        (!cell.is_empty() && cell != "-").then_some(cell)
    }
}

fn unescaped(cell: &str, is_escaped: bool) -> &str {
    cell.strip_prefix('\'').filter(|rest| is_escaped && rest.starts_with(FORMULAS)).unwrap_or(cell)
}

/// The name of a field: of one with a label Kibana writes `label (name)`, of one with several values Splunk `name{}`.
fn name(cell: &str) -> String {
    let cell = cell.trim();
    let labelled = cell.strip_suffix(')').and_then(|cell| cell.rsplit_once(" (")).map(|(_, name)| name);
    let name = labelled.filter(|name| is_telling(name)).unwrap_or(cell);
    name.strip_suffix("{}").unwrap_or(name).to_owned()
}

fn is_name(name: &str) -> bool {
    name.chars().all(|c| c.is_alphanumeric() || "@._-[](){} ".contains(c))
}

fn is_telling(name: &str) -> bool {
    // Datadog calls its line a message.
    name.starts_with(['@', '_']) || ["RawData", "Message"].contains(&name) || ecs().contains_key(name)
}

fn kind(name: &str, names: &[String]) -> Kind {
    let is_list = name == "process.Ext.ancestry" || ecs().get(name).is_some_and(|field| field.array);
    if wrapped::is_line(name) {
        return Kind::Line;
    }
    if let Some(process) = name.strip_suffix(".args").filter(|_| is_list) {
        let command_line = format!("{process}.command_line");
        return Kind::Arguments(names.iter().position(|name| *name == command_line));
    }
    match known_type(name) {
        _ if name == "_source" => Kind::Object,
        _ if ["event.category", "event.type", "process.Ext.ancestry"].contains(&name) => Kind::Words,
        Some(FieldType::Ip) if is_list => Kind::Words,
        Some(FieldType::Keyword | FieldType::Wildcard) if is_list => Kind::Texts,
        Some(FieldType::Long) => Kind::Whole,
        Some(FieldType::Boolean) => Kind::Flag,
        Some(FieldType::Date) => Kind::Date,
        Some(FieldType::Object) => Kind::Object,
        _ => Kind::Text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(line: &str) -> Option<(char, Vec<String>)> {
        let header = Header::of(line)?;
        Some((header.separator.into(), header.columns.into_iter().map(|column| column.name).collect()))
    }

    #[test]
    fn a_line_with_the_name_of_a_field_names_columns() {
        for (line, separator, expected) in [
            ("\"@timestamp\",\"process.name\"\n", ',', vec!["@timestamp", "process.name"]),
            ("\u{feff}_id;@timestamp;process.name\r\n", ';', vec!["_id", "@timestamp", "process.name"]),
            ("event.category\tprocess.name\n", '\t', vec!["event.category", "process.name"]),
            ("\"_raw\",\"_time\",host\n", ',', vec!["_raw", "@timestamp", "host"]),
            ("@timestamp,_time\n", ',', vec!["@timestamp", "_time"]),
            ("\"'@timestamp\",\"Process (process.name)\"\n", ',', vec!["@timestamp", "process.name"]),
            ("\"TimeGenerated [UTC]\",RawData\n", ',', vec!["TimeGenerated [UTC]", "RawData"]),
            ("@timestamp,\"process.args{}\"\n", ',', vec!["@timestamp", "process.args"]),
            ("\"_raw\"\n", ',', vec!["_raw"]),
            ("Date,Host,Service,Message\n", ',', vec!["Date", "Host", "Service", "Message"]),
        ] {
            let expected = expected.into_iter().map(str::to_owned).collect();
            assert_eq!(names(line), Some((separator, expected)), "{line}");
        }
        for line in [
            "time,pid\n",
            "Nothing was found: process.name, it says\n",
            "{\"@timestamp\":1,\"process.name\":2}\n",
            "message\n",
            "",
        ] {
            assert_eq!(names(line), None, "{line}");
        }
    }

    #[test]
    fn a_column_is_of_the_kind_of_its_field() {
        let header = Header::of(
            "@timestamp,process.pid,process.args,event.type,host.ip,tags,process.command_line,x,_source,_raw",
        );
        let kinds: Vec<Kind> = header.unwrap().columns.iter().map(|column| column.kind).collect();
        let expected = [
            Kind::Date,
            Kind::Whole,
            Kind::Arguments(Some(6)),
            Kind::Words,
            Kind::Words,
            Kind::Texts,
            Kind::Text,
            Kind::Text,
            Kind::Object,
            Kind::Line,
        ];
        assert_eq!(kinds, expected);
    }
}
