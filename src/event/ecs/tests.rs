use std::sync::Arc;

use proptest::prelude::*;

use super::Decoder;
use crate::event::{Block, Decoded, Event, Fields, Line};

fn decoder() -> Decoder {
    Decoder::new(&Fields::new())
}

fn values(event: &Event, line: &Line) -> String {
    let mut event = event.clone();
    event.line = Some(line.clone());
    format!("{:?}", event.values().collect::<Vec<_>>())
}

/// Both ways to read a text: `None` where the quick one leaves it to the other, or it is not a document.
fn both(text: &str) -> (Option<String>, Option<String>) {
    // The text is not at the start of its block, as in a recording.
    let block = Arc::new(Block::from(format!("#\n{text}")));
    let line = Line::new(&block, 2..block.len());
    let read = |event: Option<Event>| event.map(|event| values(&event, &line));
    let mut decoder = decoder();
    let first = read(decoder.scanned(&line));
    // What it has learned of others, and of this one, changes nothing.
    for known in [DOCUMENT, text] {
        decoder.scanned(&Line::from(known.to_owned()));
        assert_eq!(read(decoder.scanned(&line)), first, "{text}");
    }
    (first, read(decoder.parsed(&line).ok()))
}

const DOCUMENT: &str = r#" {"@timestamp":"2026-01-15T08:00:00.000Z","event":{"category":["process"],"type":["start"],
    "action":"exec","x":{"deep":[{"y":null},[[]],{}]}},"process":{"pid":-7,"args":["a","\u00e9\n",""],"entity_id":"é",
    "args_count":3,"parent.pid":1,"code_signature":{"exists":true,"trusted":false}},"_source":{"host":{"id":1.5e3}},
    "n":[0,-0,12345678901234567890,1e999,"\ud800"],"source.port":18446744073709551615} "#;

#[test]
fn the_usual_form_is_read_at_once_and_as_serde_json_reads_it() {
    let (scanned, parsed) = both(DOCUMENT);
    assert!(scanned.is_some());
    assert_eq!(scanned, parsed);
}

#[test]
fn what_is_not_json_is_never_read_at_once() {
    for text in [
        "",
        "{",
        "[]",
        "{}x",
        "{,}",
        r#"{"a"}"#,
        r#"{"a":}"#,
        r#"{"a":1,}"#,
        r#"{"a" 1}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":[,1]}"#,
        r#"{"a":01}"#,
        r#"{"a":-}"#,
        r#"{"a":1.}"#,
        r#"{"a":1-1}"#,
        r#"{"a":+1}"#,
        r#"{"a":tru}"#,
        r#"{"a":truex}"#,
        r#"{"a":nul"#,
        "{\"a\":\"\n\"}",
        "{\"a\":\"\u{1}12345678\"}",
        r#"{"a":"\x"}"#,
        r#"{"a":"\"}"#,
        r#"{"a":"\u12"}"#,
        r#"{a:1}"#,
        r#"{"a":1 "b":2}"#,
        r#"{"a":1}}"#,
        r#"{"@timestamp":"\ud800"}"#,
        r#"{"@timestamp":1e999}"#,
        "\u{a0}{}",
        "{\u{b}}",
    ] {
        assert_eq!(both(text), (None, None), "{text}");
    }
}

#[test]
fn a_document_cut_or_changed_at_any_place_is_not_taken_for_the_one_that_was_learned() {
    let long = r#"{"event":{"category":"process","unwanted":{"of":[true,false,null],"more":{}}},"process":{"pid":7}}"#;
    for document in [DOCUMENT, long] {
        for (at, letter) in document.char_indices() {
            let (before, behind) = (&document[..at], &document[at + letter.len_utf8()..]);
            for changed in [before.to_owned(), format!("{before}x{behind}"), format!("{before}\"{behind}")] {
                let (scanned, parsed) = both(&changed);
                assert!(scanned.is_none() || scanned == parsed, "{changed}: {scanned:?} and {parsed:?}");
            }
        }
    }
}

#[test]
fn depth_is_left_to_serde_json() {
    let nested = |key: &str, depth: usize| format!("{{\"{key}\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    for key in ["process", "unknown"] {
        assert!(matches!(both(&nested(key, 60)), (Some(_), Some(_))), "{key}");
        assert!(matches!(both(&nested(key, 100)), (None, Some(_))), "{key}");
    }
    assert_eq!(both(&nested("process", 100_000)), (None, None));
    assert!(matches!(both(&nested("unknown", 100_000)), (None, Some(_))));
}

#[test]
fn what_is_learned_of_ever_other_documents_is_bounded_and_changes_nothing() {
    let mut decoder = decoder();
    let mut read = |text: String| {
        let line = Line::from(text);
        let both = [decoder.scanned(&line), decoder.parsed(&line).ok()];
        let [scanned, parsed] = both.map(|event| event.map(|event| values(&event, &line)));
        assert!(scanned.is_none() || scanned == parsed, "{}", line.as_str());
        scanned.is_some()
    };
    for n in 0..5000 {
        let key = "k".repeat(n % 600);
        assert!(read(format!(r#"{{"{key}{n}":1,"process":{{"{n}":{{"pid":{n}}},"pid":{n}}},"host.id":"{key}"}}"#)));
    }
    // Each of the arrays and objects, one inside the other in 4,000 ways, is another place.
    let nested = |n: u32| {
        let is_array = |level: u32| (n >> level).is_multiple_of(2);
        let opened: String = (0..12).map(|level| if is_array(level) { "[" } else { "{\"a\":" }).collect();
        let closed: String = (0..12).rev().map(|level| if is_array(level) { ']' } else { '}' }).collect();
        format!("{opened}1{closed}")
    };
    let all: Vec<String> = (0..4096).map(nested).collect();
    read(format!(r#"{{"process":[{}],"host.id":"a"}}"#, all.join(",")));
    assert!(read(DOCUMENT.to_owned()), "the document after it is read as usual");
}

/// A document as its writers could have damaged it.
fn damaged() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "\"",
        "\\",
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "0",
        "-",
        ".",
        "e",
        "1",
        "true",
        "null",
        " ",
        "\t",
        "\u{1f}",
        "é",
        "\\u00e9",
        "\"pid\":",
        "process",
        "\\ud800",
        "9999999999999999999",
    ]);
    let edit = (any::<prop::sample::Index>(), 0..3usize, piece);
    prop::collection::vec(edit, 0..4).prop_map(|edits| {
        let mut text = DOCUMENT.to_owned();
        for (at, removed, piece) in edits {
            let at = text.floor_char_boundary(at.index(text.len() + 1));
            let end = text.ceil_char_boundary((at + removed).min(text.len()));
            text.replace_range(at..end, piece);
        }
        text
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 20_000, ..ProptestConfig::default() })]

    #[test]
    fn both_ways_of_reading_give_the_same_event(text in damaged()) {
        let (scanned, parsed) = both(&text);
        prop_assert!(scanned.is_none() || scanned == parsed, "{text}: {scanned:?} and {parsed:?}");
    }
}

#[test]
fn a_time_is_a_date_or_a_number_since_1970_and_nothing_else() {
    let read = |time: &str| {
        let line = Line::from(format!(r#"{{"@timestamp":{time},"event":{{"category":"process"}}}}"#));
        match decoder().decode(&line) {
            Ok(Decoded::Event(event)) => event.time.to_string(),
            Ok(Decoded::Skipped(kind)) => kind,
            Err(error) => error.to_string(),
        }
    };
    for time in [r#""2026-01-15T09:30:00Z""#, "1768469400000", r#""1768469400000""#, "1768469400", r#""1768469400.0""#]
    {
        assert_eq!(read(time), "2026-01-15T09:30:00.000000000Z", "{time}");
    }
    for time in [r#""Jan 15, 2026 @ 09:30:00.000""#, r#""9999-01-01T00:00:00Z""#, r#""x""#] {
        assert_eq!(read(time), format!("@timestamp {time} is not a time"));
    }
    assert_eq!(read("true"), "@timestamp \"true\" is not a time");
}
