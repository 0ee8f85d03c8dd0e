//! Tables of separated values (CSV): what Kibana's Discover, ES|QL, Splunk and CloudWatch export, written as they do.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use crate::exports::{documents, flat};
use crate::util::{Run, osawatch, osawatch_with_input};

/// What an osascript ran: commas, quotes, a line break and an empty argument.
const SCRIPT: &str = "do shell script \"curl -s https://example.net/a,b, c; d\"\n\tsay \"1, 2\"";

fn replayed(args: &[&str], text: &str) -> Run {
    osawatch_with_input(&[&["replay", "--output", "ndjson"], args, &["-"]].concat(), text.as_bytes())
}

/// The documents, in which an osascript has the script as an argument.
fn events() -> Vec<Json> {
    let mut events = documents();
    let args = ["/usr/bin/osascript", "-e", "", "-e", SCRIPT];
    events[1]["process"]["args"] = json!(args);
    events[1]["process"]["command_line"] = json!(args.join(" "));
    events[1]["process"]["pid"] = json!(65_123);
    events[1]["event"]["type"] = json!(["start", "info"]);
    events
}

/// The documents as a table, each value as `cell` writes it.
fn table(events: &[Json], separator: char, cell: impl Fn(&str, Option<&Json>) -> String) -> String {
    let fields = |event: &Json| {
        let mut fields = BTreeMap::new();
        flat(event, "", &mut fields);
        fields
    };
    let rows: Vec<BTreeMap<String, Json>> = events.iter().map(fields).collect();
    let names: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    let header = line(names.iter().map(|name| (*name).clone()), separator);
    let row = |row: &BTreeMap<String, Json>| line(names.iter().map(|name| cell(name, row.get(*name))), separator);
    header + &rows.iter().map(row).collect::<String>()
}

/// Quotes what is not of letters and digits alone, as Kibana does.
fn line(cells: impl Iterator<Item = String>, separator: char) -> String {
    let quoted = |cell: String| {
        let is_plain = cell.chars().all(|c| c.is_ascii_alphanumeric());
        if is_plain { cell } else { format!("\"{}\"", cell.replace('"', "\"\"")) }
    };
    cells.map(quoted).collect::<Vec<_>>().join(&separator.to_string()) + "\n"
}

/// A value as Discover writes it, with the clock at `+01:00`.
fn of_discover(name: &str, value: Option<&Json>) -> String {
    match value {
        Some(Json::String(time)) if ["@timestamp", "process.start"].contains(&name) => {
            let (date, clock) = time.split_at(11);
            assert_eq!(date, "2026-01-15T");
            let hour: u32 = clock[..2].parse().unwrap();
            format!("Jan 15, 2026 @ {:02}{}", hour + 1, &clock[2..12])
        }
        Some(Json::Array(values)) => {
            let texts = values.iter().map(|value| value.as_str().filter(|text| !text.is_empty()).unwrap_or("(blank)"));
            texts.collect::<Vec<_>>().join(", ")
        }
        Some(Json::String(text)) if !text.is_empty() => text.clone(),
        Some(Json::Number(number)) if number.as_i64() >= Some(1000) => {
            let digits = number.to_string();
            let (thousands, rest) = digits.split_at(digits.len() - 3);
            format!("{thousands},{rest}")
        }
        Some(Json::Null | Json::String(_)) | None => "-".to_owned(),
        Some(value) => value.to_string(),
    }
}

/// A value as ES|QL writes it.
fn of_esql(_: &str, value: Option<&Json>) -> String {
    match value {
        Some(Json::Array(values)) => values.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(","),
        Some(Json::String(text)) => text.clone(),
        None => String::new(),
        Some(value) => value.to_string(),
    }
}

/// Checks that the alert has the evidence that the documents state.
#[track_caller]
fn check(name: &str, run: Run) {
    let run = run.exits(0);
    assert!(!run.stderr.contains("left out"), "{name}: {}", run.stderr);
    let [alert] = &run.alerts()[..] else { panic!("{name}: {}", run.stderr) };
    let text: String = events().iter().map(|event| format!("{event}\n")).collect();
    let expected = &replayed(&[], &text).exits(0).alerts()[0];
    assert_eq!(alert["@timestamp"], expected["@timestamp"], "{name}");
    let events = |alert: &Json| -> Vec<Json> { alert["osawatch"]["sequence"]["events"].as_array().unwrap().clone() };
    for (found, expected) in events(alert).iter().zip(events(expected)) {
        for field in
            ["event.id", "event.type", "process.args", "process.command_line", "process.pid", "destination.port"]
        {
            let pointer = format!("/{}", field.replace('.', "/"));
            assert_eq!(found.pointer(&pointer), expected.pointer(&pointer), "{name}: {field}");
        }
    }
}

#[test]
fn a_table_of_discover_gives_the_alert_and_its_evidence_in_every_dialect() {
    for separator in [',', ';', '\t'] {
        let text = table(&events(), separator, of_discover);
        let last = text.trim_end_matches('\n').to_owned();
        check("discover", replayed(&["--zone", "+01:00"], &text));
        check("without the last line break", replayed(&["--zone", "+01:00"], &last));
        check("with a mark", replayed(&["--zone", "+01:00"], &format!("\u{feff}{text}")));
    }
    let text = table(&events(), ',', of_discover);
    let carriage = text.replace("\n", "\r\n").replace("\"\"\r\n\tsay", "\"\"\n\tsay");
    check("with carriage returns", replayed(&["--zone", "+01:00"], &carriage));
    // Of files that were joined each begins with the names of the columns.
    let (header, rows) = text.split_once('\n').unwrap();
    let at = rows.find("\n\"Jan").unwrap() + 1;
    let joined = format!("{header}\n{}\u{feff}{header}\n\n{}", &rows[..at], &rows[at..]);
    check("joined", replayed(&["--zone", "+01:00"], &joined));
}

#[test]
fn what_discover_puts_before_formulas_and_names_is_taken_off() {
    let escaped = |cell: String| if cell.starts_with(['=', '+', '-', '@']) { format!("'{cell}") } else { cell };
    let text = table(&events(), ',', |name, value| escaped(of_discover(name, value)));
    let text = text.replacen("@timestamp", "'@timestamp", 1).replacen("process.name", "Name (process.name)", 1);
    check("escaped", replayed(&["--zone", "+01:00"], &text));
}

#[test]
fn a_table_of_esql_and_lists_as_json_need_no_zone() {
    check("ES|QL", replayed(&[], &table(&events(), ',', of_esql)));
    let of_elasticsearch = table(&events(), ',', |name, value| match value {
        Some(Json::Array(values)) if values.len() > 1 => {
            format!("[{}]", values.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(", "))
        }
        value => of_esql(name, value),
    });
    check("Elasticsearch's CSV", replayed(&[], &of_elasticsearch));
    let lists = table(&events(), ',', |name, value| match value {
        Some(Json::Array(_)) => value.unwrap().to_string(),
        value => of_esql(name, value),
    });
    check("lists as JSON", replayed(&[], &lists));
}

#[test]
fn the_line_of_each_event_is_read_where_a_table_has_it() {
    let rows = |header: &str, row: &dyn Fn(&Json) -> Vec<String>| {
        events().iter().fold(format!("{header}\n"), |text, event| text + &line(row(event).into_iter(), ','))
    };
    for (name, text) in [
        (
            "Splunk",
            rows("\"_raw\",\"_time\",host,\"process.args{}\"", &|event| {
                vec![event.to_string(), "2026-01-15T10:30:00.000+0100".into(), "mac".into(), "x\ny, z".into()]
            }),
        ),
        ("Splunk, alone", rows("\"_raw\"", &|event| vec![event.to_string()])),
        ("CloudWatch", rows("@timestamp,@message", &|event| vec!["2026-01-15 09:30:00.000".into(), event.to_string()])),
        ("Sentinel", rows("\"TimeGenerated [UTC]\",RawData", &|event| vec!["1/15/2026".into(), event.to_string()])),
    ] {
        check(name, replayed(&[], &text));
    }
    // Without the line, Splunk's columns are the event, at the time that Splunk took from it.
    let text =
        table(&events(), ',', of_esql).replacen("@timestamp", "_time", 1).replacen("process.args", "process.args{}", 1);
    check("Splunk, of fields", replayed(&[], &text));
}

#[test]
fn a_date_without_a_zone_is_refused_until_the_zone_is_told() {
    let text = table(&events(), ',', of_discover);
    let run = replayed(&[], &text).exits(65);
    run.says("standard input:2:1: @timestamp \"Jan 15, 2026 @ 10:30:00.000\" states no zone; tell that of the export");
    for zone in ["Nowhere/Here", "+1", ""] {
        osawatch(&["replay", "--zone", zone, "-"]).exits(64).says("write it as Europe/Berlin, +01:00 or UTC");
    }
    let plain = text.replace("Jan 15, 2026 @ ", "2026-01-15 ");
    replayed(&[], &plain).exits(65).says("states no zone");
    check("another format", replayed(&["--zone", "+01:00"], &plain));
}

#[test]
fn arguments_that_cannot_be_told_apart_are_refused_with_the_column_that_tells_them() {
    let without = |events: Vec<Json>| {
        let mut events = events;
        events[1]["process"].as_object_mut().unwrap().remove("command_line");
        events
    };
    let text = table(&without(events()), ',', of_esql);
    let run =
        replayed(&[], &text).exits(0).says("standard input:3:1: process.args \"/usr/bin/osascript,-e,,-e,do shell");
    let run = run.says("export that column as well").says("1 malformed value left out");
    assert!(run.alerts().is_empty(), "{}", run.stderr);
}

#[test]
fn a_row_that_does_not_fit_is_named_with_its_place_and_costs_no_other() {
    let text = table(&events(), ',', of_esql);
    let (header, rows) = text.split_once('\n').unwrap();
    let columns = header.split(',').count();
    for (row, sentence) in [
        ("a,b".to_owned(), format!("a row of 2 values in a table of {columns} columns")),
        (",".repeat(columns), format!("a row of more than {columns} values in a table of {columns} columns")),
        ("\"a\"b,c".to_owned(), "text behind the quote that closes a cell".to_owned()),
        (",".repeat(columns - 1), "neither an ECS document nor an eslogger message".to_owned()),
    ] {
        let run = replayed(&[], &format!("{header}\n{row}\n{rows}")).exits(0);
        let run = run.says(&format!("standard input:2:1: {sentence}")).says("1 malformed value left out");
        assert_eq!(run.alerts().len(), 1, "{}", run.stderr);
    }
    let long = format!("{header}\n\"{}\"\n{rows}", "a,\n".repeat(3 << 20));
    let run = replayed(&[], &long).exits(0).says("standard input:2:1: longer than 8 MiB; skipped");
    assert_eq!(run.alerts().len(), 1, "{}", run.stderr);
}

#[test]
fn a_table_that_is_cut_off_is_read_as_far_as_it_goes() {
    let text = table(&events(), ',', of_esql);
    let torn = replayed(&[], &text[..text.len() - 40]).exits(0);
    torn.says("standard input:6:1: truncated last line: the input ends within it").says("2 process events");
    let at = text.find("\tsay").unwrap();
    let cut = replayed(&[], &text[..at]).exits(74);
    cut.says("standard input:3:1: truncated: the input ends within this row").says("1 process event,");
}

#[test]
fn a_table_without_an_event_says_what_the_columns_of_one_are() {
    for text in ["@timestamp,process.name\n", "time,process.name\n1,a\n", "_id,x\n1\n"] {
        replayed(&[], text).exits(65).says("no row of this table is an event: the columns of one are @timestamp");
    }
    let skipped = replayed(&[], "@timestamp,process.name\n2026-01-15T09:30:00Z,zsh\n").exits(0);
    skipped.says("by kind: without event.category 1").says("no process events: ");
    replayed(&[], "time,pid\n1,2\n").exits(65).says("nothing in it is an ECS document");
}
