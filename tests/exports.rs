//! What tools and services export, and wrap around the lines that they carry.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value as Json, json};

use crate::util::{Run, fixtures, osawatch_with_input};

pub(crate) fn documents() -> Vec<Json> {
    let text = fs::read_to_string(fixtures().join("replay/public-v4/events.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// One text for each document.
fn lines(of: impl Fn(&Json) -> String) -> String {
    documents().iter().map(of).collect()
}

fn replayed(bytes: &[u8]) -> Run {
    osawatch_with_input(&["replay", "--output", "ndjson", "-"], bytes)
}

/// Checks that the text gives the one alert, and that nothing of it was left out.
#[track_caller]
fn check(name: &str, text: &str) {
    let run = replayed(text.as_bytes()).exits(0);
    assert_eq!(run.alerts().len(), 1, "{name}: {}", run.stderr);
    assert!(!run.stderr.contains("left out"), "{name}: {}", run.stderr);
}

/// The fields of a document, by their dotted names.
pub(crate) fn flat(value: &Json, name: &str, fields: &mut BTreeMap<String, Json>) {
    match value.as_object() {
        Some(object) => object.iter().for_each(|(part, value)| flat(value, &format!("{name}.{part}"), fields)),
        None => _ = fields.insert(name[1..].to_owned(), value.clone()),
    }
}

/// The documents as a table: its columns, and the values of each row.
fn table() -> (Vec<Json>, Vec<Vec<Json>>) {
    let rows: Vec<BTreeMap<String, Json>> = documents()
        .iter()
        .map(|document| {
            let mut fields = BTreeMap::new();
            flat(document, "", &mut fields);
            fields
        })
        .collect();
    let names: BTreeSet<&String> = rows.iter().flat_map(BTreeMap::keys).collect();
    let columns = names.iter().map(|name| json!({"name": name, "type": "keyword"})).collect();
    let value = |row: &BTreeMap<String, Json>, name: &str| row.get(name).cloned().unwrap_or_default();
    (columns, rows.iter().map(|row| names.iter().map(|name| value(row, name)).collect()).collect())
}

#[test]
fn whatever_answers_with_documents_their_answer_is_read() {
    let hits: Vec<_> = documents().iter().map(|document| json!({"_id": "i", "_source": document})).collect();
    let (columns, values) = table();
    let mut messages = lines(|line| json!({"id": "1", "message": line.to_string()}).to_string() + ",");
    messages.pop();
    for (name, text) in [
        ("ES|QL", json!({"took": 5, "columns": columns, "values": values}).to_string()),
        ("ES|QL, pretty", format!("{:#}", json!({"took": 5, "columns": columns, "values": values}))),
        ("SQL", json!({"columns": columns, "rows": values, "cursor": "c"}).to_string()),
        ("_mget", json!({ "docs": hits }).to_string()),
        ("EQL", json!({"hits": {"sequences": [{"join_keys": ["k"], "events": hits}]}}).to_string()),
        ("CloudWatch", format!("{{\"messageType\":\"DATA_MESSAGE\",\"logEvents\":[{messages}]}}")),
        (
            "_bulk",
            lines(|line| {
                format!("{}\n{}\n", json!({"update": {"_id": "1"}}), json!({"doc": line, "doc_as_upsert": true}))
            }),
        ),
        (
            "two shippers",
            lines(|line| json!({"message": json!({"message": line.to_string()}).to_string()}).to_string() + "\n"),
        ),
        ("Kafka", lines(|line| json!({"topic": "t", "offset": 1, "payload": line.to_string()}).to_string() + "\n")),
    ] {
        check(name, &text);
    }
    let syslog = lines(|line| format!("<14>1 2026-01-15T09:30:00Z mac eslogger - - - {line}\n"));
    replayed(syslog.as_bytes()).exits(65).says("take it off: sed 's/^[^{]*//' FILE > FILE.ndjson");
}

/// The values of each column.
fn by_column(rows: &[Vec<Json>]) -> Vec<Vec<&Json>> {
    (0..rows[0].len()).map(|at| rows.iter().map(|row| &row[at]).collect()).collect()
}

#[test]
fn a_table_by_column_and_one_in_pages_are_read_and_a_page_alone_is_named_with_the_remedy() {
    let (columns, rows) = table();
    let turned = json!({"took": 5, "columns": columns, "values": by_column(&rows)});
    check("by column", &turned.to_string());
    check("by column, pretty", &format!("{turned:#}"));
    check("by column, as it is saved", &json!({"id": "i", "rawResponse": turned}).to_string());
    let mut pages = vec![json!({"columns": columns, "rows": rows[..1], "cursor": "c"})];
    pages.extend(rows[1..].iter().map(|row| json!({"rows": [row], "cursor": "d"})));
    check("pages", &pages.iter().map(|page| format!("{page}\n")).collect::<String>());
    check("pages, pretty", &pages.iter().map(|page| format!("{page:#}\n")).collect::<String>());
    let alone = replayed(pages[1].to_string().as_bytes()).exits(65);
    alone.says("1:10: a row of a table whose columns are not stated before it").says("cat PAGE… | osawatch replay -");
}

#[test]
fn a_table_by_column_whose_columns_differ_or_are_not_all_there_is_named_and_what_follows_is_read() {
    let after = String::from_utf8(fs::read(fixtures().join("replay/public-v4/events.ndjson")).unwrap()).unwrap();
    let (columns, rows) = table();
    let whole = by_column(&rows);
    let mut short = whole.clone();
    short[3].pop();
    for (values, sentence) in [
        (short, "a column of 2 values in a table of 3 rows".to_owned()),
        (whole[1..].to_vec(), format!("a table of {} columns with the values of {}", columns.len(), columns.len() - 1)),
    ] {
        let text = format!("{}\n{after}", json!({"columns": columns, "values": values}));
        let run = replayed(text.as_bytes()).exits(0).says(&sentence).says("1 malformed value left out");
        assert_eq!(run.alerts().len(), 1, "{}", run.stderr);
    }
    let cut = json!({"columns": columns, "values": whole}).to_string();
    replayed(format!("{after}{}", &cut[..cut.len() - 9]).as_bytes()).exits(74).says("the input ends within this");
}

#[test]
fn the_lines_that_loki_and_log_analytics_answer_with_are_read() {
    let streams: Vec<Json> = documents()
        .iter()
        .map(|line| json!({"stream": {"job": "j"}, "values": [["1700000000000000000", line.to_string(), {"a": "b"}]]}))
        .collect();
    let pairs: Vec<Json> = documents().iter().map(|line| json!(["1700000000000000000", line.to_string()])).collect();
    let answer = |streams: Json| json!({"status": "success", "data": {"resultType": "streams", "result": streams, "stats": {"a": {}}}});
    let columns = json!([{"name": "TimeGenerated", "type": "datetime"}, {"name": "RawData", "type": "string"}]);
    let rows: Vec<Json> = documents().iter().map(|line| json!(["2026-01-15T10:00:00Z", line.to_string()])).collect();
    for (name, answer) in [
        ("Loki", answer(json!([{"stream": {"job": "j"}, "values": pairs}]))),
        ("Loki, of several streams", answer(json!(streams))),
        ("what is sent to Loki", json!({"streams": [{"stream": {"job": "j"}, "values": pairs}]})),
        ("Log Analytics", json!({"tables": [{"name": "PrimaryResult", "columns": columns, "rows": rows}]})),
    ] {
        check(name, &answer.to_string());
        check(name, &format!("{answer:#}"));
    }
    check("az", &lines(|line| json!({"TableName": "t", "RawData": line.to_string()}).to_string() + "\n"));
    check("a dynamic column", &lines(|line| json!({"TimeGenerated": "2026", "RawData": line}).to_string() + "\n"));
    check("Cloud Logging", &lines(|line| json!({"logName": "l", "jsonPayload": line}).to_string() + "\n"));
}

/// A value as OpenTelemetry writes it in JSON.
fn any_value(value: &Json) -> Json {
    match value {
        Json::Object(members) => {
            let pairs = members.iter().map(|(key, value)| json!({"key": key, "value": any_value(value)}));
            json!({"kvlistValue": {"values": pairs.collect::<Vec<_>>()}})
        }
        Json::Array(values) => json!({"arrayValue": {"values": values.iter().map(any_value).collect::<Vec<_>>()}}),
        Json::Number(number) => json!({"intValue": number.to_string()}),
        Json::Bool(flag) => json!({"boolValue": flag}),
        value => json!({"stringValue": value}),
    }
}

/// Logs of a resource on this host, as the collector's file exporter writes them.
fn of_collector(host: &str, bodies: &[Json]) -> Json {
    let name = json!({"key": "host.name", "value": {"stringValue": host}});
    let record = |body: &Json| {
        let file = json!({"key": "log.file.name", "value": {"stringValue": "x.log"}});
        json!({"timeUnixNano": "1768469400000000000", "body": body, "attributes": [file], "traceId": "", "spanId": ""})
    };
    let records: Vec<Json> = bodies.iter().map(record).collect();
    let scope = json!({"scope": {"name": "s", "attributes": []}, "logRecords": records});
    json!({"resourceLogs": [{"resource": {"attributes": [name]}, "scopeLogs": [scope], "schemaUrl": ""}]})
}

#[test]
fn what_open_telemetry_datadog_queues_and_kusto_export_is_read() {
    let each = |of: &dyn Fn(&Json) -> Json| documents().iter().map(of).collect::<Vec<_>>();
    let texts = each(&|line| json!({"stringValue": line.to_string()}));
    let log = |attributes: Json| json!({"id": "A", "type": "log", "attributes": attributes});
    let notified = |line: &Json| json!({"Type": "Notification", "Message": line.to_string()}).to_string();
    let columns = |name: &str| json!([{(name): "TimeGenerated", "ColumnType": "datetime"}, {(name): "RawData"}]);
    let rows = each(&|line| json!(["2026-01-15T09:30:00Z", line.to_string()]));
    let of_query =
        json!({"TableName": "Table_1", "Columns": [{"ColumnName": "Value"}], "Rows": [["{\"Visualization\":null}"]]});
    for (name, text) in [
        ("OTLP", of_collector("mac-7", &texts)),
        ("OTLP of objects", of_collector("mac-7", &each(&any_value))),
        ("SQS", json!({"Messages": each(&|line| json!({"MessageId": "1", "Body": line.to_string()}))})),
        ("SQS of SNS", json!({"Messages": each(&|line| json!({"MessageId": "1", "Body": notified(line)}))})),
        (
            "SQS to Lambda",
            json!({"Records": each(&|line| json!({"messageId": "1", "body": line.to_string(), "attributes": {}}))}),
        ),
        (
            "Datadog",
            json!({"data": each(&|line| log(json!({"host": "m", "attributes": line, "message": "x"}))), "meta": {}}),
        ),
        ("Datadog, text", json!({"data": each(&|line| log(json!({"host": "m", "message": line.to_string()})))})),
        ("a Datadog archive", json!(each(&|line| json!({"_id": "A", "host": "m", "attributes": line, "tags": ["a"]})))),
        (
            "Kusto",
            json!({"Tables": [{"TableName": "Table_0", "Columns": columns("ColumnName"), "Rows": rows}, of_query]}),
        ),
        (
            "Kusto, in frames",
            json!([
                {"FrameType": "DataSetHeader", "Version": "v2.0"},
                {"FrameType": "DataTable", "Columns": columns("ColumnName"), "Rows": rows},
                {"FrameType": "DataSetCompletion", "HasErrors": false},
            ]),
        ),
    ] {
        check(name, &text.to_string());
        check(name, &format!("{text:#}"));
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(text.as_bytes()).unwrap();
    gzip.finish().unwrap()
}

#[test]
fn records_in_base64_are_read_also_where_they_are_compressed_and_hold_several_lines() {
    let each = |record: &dyn Fn(&Json) -> Json| documents().iter().map(record).collect::<Vec<_>>();
    let plain = |line: &Json| STANDARD.encode(line.to_string());
    let packed = |line: &Json| STANDARD.encode(gzip(&line.to_string()));
    let all = lines(|line| format!("{line}\n"));
    let messages = each(&|line| json!({"id": "1", "timestamp": 1, "message": line.to_string()}));
    let of_cloudwatch = json!({"messageType": "DATA_MESSAGE", "logGroup": "g", "logEvents": messages}).to_string();
    let of_cloudwatch = STANDARD.encode(gzip(&of_cloudwatch));
    for (name, text) in [
        ("Kinesis", json!({"Records": each(&|line| json!({"SequenceNumber": "1", "Data": plain(line)}))})),
        ("Lambda", json!({"Records": each(&|line| json!({"kinesis": {"data": plain(line)}, "eventVersion": "1"}))})),
        ("Firehose", json!({"records": each(&|line| json!({"recordId": "1", "data": packed(line)}))})),
        ("several lines", json!({"records": [{"data": STANDARD.encode(&all)}]})),
        ("a subscription", json!({"awslogs": {"data": of_cloudwatch}})),
        ("a subscription in Kinesis", json!({"Records": [{"kinesis": {"data": of_cloudwatch}}]})),
        ("Pub/Sub", json!(each(&|line| json!({"ackId": "a", "message": {"data": plain(line), "messageId": "1"}})))),
    ] {
        check(name, &text.to_string());
        check(name, &format!("{text:#}"));
    }
}

#[test]
fn a_record_that_cannot_be_unpacked_or_is_no_line_is_named_with_its_place_and_costs_no_other() {
    let whole = gzip(&documents()[0].to_string());
    let huge = "x".repeat(9 << 20);
    for (content, sentence) in [
        (whole[..whole.len() - 20].to_vec(), "the content of a record cannot be unpacked"),
        (gzip(&huge), "the content of a record is longer than 8 MiB; skipped"),
        (b"{\"@timestamp\": \"2026-01-15T0".to_vec(), "the content of a record ends within a value"),
        (b"{\"a\": [1 2]}".to_vec(), "not valid JSON: expected `,` or `]`"),
        (b"plain text".to_vec(), "no @timestamp"),
    ] {
        let record = |bytes: &[u8]| json!({"recordId": "1", "data": STANDARD.encode(bytes)}).to_string() + "\n";
        let good: Vec<String> = documents().iter().map(|line| record(line.to_string().as_bytes())).collect();
        let text = [&good[0], &record(&content), &good[1], &good[2]].map(String::as_str).concat();
        let run = replayed(text.as_bytes()).exits(0).says(&format!("standard input:2:1: {sentence}"));
        assert_eq!(run.alerts().len(), 1, "{}", run.stderr);
        run.says("1 malformed value left out");
    }
}

#[test]
fn lines_of_eslogger_are_of_the_host_that_what_is_around_them_names() {
    let case = fixtures().join("replay/eslogger-curl-child-by-fork-and-exec");
    let exec = fs::read_to_string(case.join("exec.eslogger")).unwrap();
    let network = fs::read_to_string(case.join("network.ndjson")).unwrap();
    let around =
        |host: &dyn Fn(&str) -> Json| -> String { exec.lines().map(|line| format!("{}\n", host(line))).collect() };
    type Around = fn(&str, &str) -> Json;
    let wrappers: [Around; 8] = [
        |host, line| json!({"host": {"name": host}, "message": line}),
        |host, line| json!({"host": host, "message": line}),
        |host, line| json!({"result": {"host": host, "_raw": line}}),
        |host, line| json!({"Computer": host, "RawData": line}),
        |host, line| json!({"streams": [{"stream": {"host": host}, "values": [["1", line]]}]}),
        |host, line| of_collector(host, &[json!({"stringValue": line})]),
        |host, line| json!({"data": [{"type": "log", "attributes": {"host": host, "message": line}}]}),
        |host, line| json!({"_id": "A", "host": host, "attributes": {}, "message": line}),
    ];
    for wrapper in wrappers {
        let two = around(&|line| wrapper("mac-8", line)) + &around(&|line| wrapper("mac-9", line));
        replayed(two.as_bytes()).exits(0).says("2 hosts: mac-8, mac-9");
        // What the Mac is called there is what the documents call it, with its domain or without.
        let text = format!("{network}{}", around(&|line| wrapper("MAC-7.local", line)));
        let run = replayed(text.as_bytes()).exits(0).says("1 host: mac-7");
        assert_eq!(run.alerts().len(), 1, "{}", run.stderr);
        let text = format!("{network}{}", around(&|line| wrapper("mac-8", line)));
        let run = replayed(text.as_bytes()).exits(0).says("2 hosts: ");
        assert!(run.alerts().is_empty(), "one Mac started it, another connected");
    }
}

#[test]
fn what_is_a_message_of_eslogger_but_for_its_time_or_its_process_says_so_where_no_line_is_another() {
    let message =
        |part: &str| format!(r#"{{"event_type":15,"version":9,"mach_time":5{part},"event":{{"exit":{{"stat":0}}}}}}"#);
    let token = r#","process":{"audit_token":{"pid":1,"pidversion":2}}"#;
    for (part, sentence) in [
        (token.to_owned(), "an eslogger message without a `time`: `mach_time` alone is no date"),
        (format!(r#"{token},"time":"now""#), "time \"now\" is not a time"),
        (
            r#","time":"2026-01-15T10:00:00Z","process":{"pid":1}"#.to_owned(),
            "no audit token with `pid` and `pidversion`",
        ),
    ] {
        replayed(message(&part).as_bytes()).exits(65).says(sentence);
    }
}
