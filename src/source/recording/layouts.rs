//! The same values in every layout.

use std::sync::Arc;
use std::thread;

use super::reader::Chunk;
use super::values::{Piece, Values};
use crate::queue::{Sender, queue};

/// Sends a text in blocks of this many bytes.
fn send(sender: &Sender<Chunk>, mut rest: &str, block: usize) {
    while !rest.is_empty() {
        let (head, tail) = rest.split_at(rest.ceil_char_boundary(block.min(rest.len())));
        let partial = !head.ends_with('\n') && !tail.is_empty();
        sender
            .send(Chunk::Text { text: Arc::new(head.to_owned().into()), repaired: 0, partial, ahead: None }, 1)
            .unwrap();
        rest = tail;
    }
}

/// What the pieces of a text are, when it arrives in blocks of this many bytes: a value as it is, without
/// spaces; what is wrong, with its place. Lines that are not JSON are looked at again, as inputs do.
fn pieces(text: &str, block: usize) -> Vec<String> {
    let (sender, receiver) = queue(16);
    let whole = text.to_owned();
    thread::spawn(move || send(&sender, &whole, block));
    let mut values = Values::new(receiver);
    let mut found = Vec::new();
    loop {
        let piece = values.next(None);
        let place = format!("{}:{}", values.place.line, values.place.column);
        found.push(match piece {
            Piece::Line(line) if serde_json::from_str::<serde_json::Value>(line.as_str()).is_err() => {
                values.reread();
                continue;
            }
            Piece::Line(line) | Piece::Value(line) => match serde_json::from_str::<serde_json::Value>(line.as_str()) {
                Ok(value) => value.to_string(),
                Err(_) => format!("{place}: {:?}", line.as_str()),
            },
            Piece::Bad(text) | Piece::Truncated(text) => format!("{place}: {text}"),
            Piece::Torn => format!("{place}: torn"),
            Piece::TooLong => format!("{place}: too long"),
            Piece::Broken(unreadable) => unreadable.to_string(),
            Piece::Pending => unreachable!("without a limit one waits"),
            Piece::End => return found,
        });
    }
}

/// Checks the pieces of a text, whatever blocks it arrives in.
#[track_caller]
fn check(text: &str, expected: &[&str]) {
    for block in [usize::MAX, 1, 2, 3, 5, 7, 16] {
        assert_eq!(pieces(text, block), expected, "in blocks of {block}:\n{text}");
    }
}

const A: &str = r#"{"a":{"b":[1,"}"]}}"#;
const B: &str = r#"{"b":"é\\"}"#;
const C: &str = r#"{"c":null}"#;

fn pretty(value: &str) -> String {
    serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(value).unwrap()).unwrap()
}

#[test]
fn values_are_read_however_they_are_laid_out() {
    let indented = |value: &str| pretty(value).replace('\n', "\n  ");
    for text in [
        format!("{A}\n{B}\n{C}\n"),
        format!("\u{feff}{A}\r\n\r\n  \n{B}\r\n{C}"),
        format!("{A}{B} {C}\n"),
        format!("{A},{B}\n,\n{C},\n"),
        format!("[{A},{B},{C}]"),
        format!("[\n{A},\n{B},\n{C}\n]\n"),
        format!("[[{A}],[{B},{C}],[]]"),
        format!("{}\n{}\n{}\n", pretty(A), pretty(B), pretty(C)),
        format!("{},\r\n{},\r\n{}", pretty(A), pretty(B), pretty(C)),
        format!("[\n  {},\n  {},\n  {}\n]\n", indented(A), indented(B), indented(C)),
        format!("{A}\n{}\n{C}\n", pretty(B)),
    ] {
        check(&text, &[A, B, C]);
    }
}

#[test]
fn the_documents_of_search_responses_are_read_and_what_surrounds_them_is_not() {
    let response =
        |hits: &str| format!("{{\"took\":1,\"hits\":{{\"total\":{{}},\"hits\":[{hits}],\"x\":[1]}},\"y\":[{{}}]}}");
    for text in [
        // On one line such a response is taken for a value until its decoder refuses it.
        format!("\n [] {}", response(&format!("{A},{B},{C}"))),
        format!("[{},{}]", response(A), response(&format!("{B},{C}"))),
        format!("{{\"responses\":[{},{}],\n\"took\":1}}\n{C}", response(A), response(B)),
        format!("{{\"is_partial\":false,\n\"rawResponse\":{}}}\n{B}\n{C}", response(A)),
        format!("{{\"docs\":[{A},\n{B}]}}\n{C}"),
        format!(
            "{{\"hits\":{{\"total\":2,\n\"sequences\":[{{\"join_keys\":[1],\"events\":[{A},{B}]}},{{\"events\":[{C}]}}]}}}}"
        ),
        format!("{{\"messageType\":\"DATA_MESSAGE\",\"subscriptionFilters\":[1],\n\"logEvents\":[{A},{B},{C}]}}"),
        format!("{{\"data\":[{A}],\n\"Records\":[{B},{C}]}}"),
    ] {
        check(&text, &[A, B, C]);
    }
    check("{\"@timestamp\":1,\n\"events\":[{}]}", &["{\"@timestamp\":1,\"events\":[{}]}"]);
}

#[test]
fn the_rows_of_a_table_are_documents_of_its_columns() {
    let columns = r#""columns":[{"name":"@timestamp","type":"date"},{"name":"process.args","type":"keyword"}]"#;
    let rows = r#"[["t",["a","]"]],
      ["u",null]]"#;
    let documents = [r#"{"@timestamp":"t","process.args":["a","]"]}"#, r#"{"@timestamp":"u"}"#];
    for text in [
        format!("{{\"took\":1,{columns},\n\"values\":{rows}}}"),
        format!("{{{columns},\n\"rows\":{rows},\"cursor\":\"c\"}}"),
        format!("{{\"id\":\"i\",\"rawResponse\":{{\"took\":1,{columns},\n\"values\": {rows}}},\"x\":[1]}}"),
        format!("{{\"tables\":[{{\"name\":\"n\",{columns},\n\"rows\":{rows}}}]}}"),
    ] {
        check(&text, &documents);
    }
    let short = format!("{{{columns},\n\"values\":[[1,2],[1],[3,4],{A}]}}\n{B}");
    let wrong = format!("2:{}: a row of 1 values in a table of 2 columns", 17);
    let rows = [r#"{"@timestamp":1,"process.args":2}"#, r#"{"@timestamp":3,"process.args":4}"#];
    check(&short, &[rows[0], &wrong, rows[1], A, B]);
    // Without columns, in front of them, or in a document, such a member is nothing special.
    let pieces_of = |text: &str| check(text, &[&text.replace('\n', "")]);
    pieces_of("{\"values\":[[1,2]],\n\"columns\":[{\"name\":\"a\"}]}");
    pieces_of("{\"@timestamp\":1,\"columns\":[1],\n\"values\":[[1]]}");
    pieces_of("{\"columns\":[{\"name\":1}],\n\"values\":[{}]}");
    pieces_of(&format!("{{\"columns\":[{{\"name\":\"{}\"}}],\n\"values\":[[1]]}}", "a".repeat(257)));
}

#[test]
fn the_rows_of_a_table_by_column_are_known_when_it_ends() {
    let columns = r#""columns":[{"name":"@timestamp","type":"date"},{"name":"n","type":"long"}]"#;
    let rows = [r#"{"@timestamp":"t","n":1}"#, r#"{"@timestamp":"u"}"#, r#"{"@timestamp":"v","n":3}"#];
    let text = format!("{{{columns},\n\"values\":[[\"t\",\"u\",\"v\"],\n [1,null,3]],\"took\":1}}\n{A}");
    check(&text, &[rows[0], rows[1], rows[2], A]);
    check(&format!("{{{columns},\"values\":[[],\n[]]}}{A}"), &[A]);
    let unequal = format!("{{{columns},\n\"values\":[[1,2,3],[1,2],[1]]}}\n{A}");
    check(&unequal, &["2:19: a column of 2 values in a table of 3 rows", A]);
    let few = format!("{{{columns},\n\"values\":[[1,2,3]]}}\n{A}");
    check(&few, &["2:10: a table of 2 columns with the values of 1", A]);
    let cut = format!("{{{columns},\n\"values\":[[1,2,3],");
    check(&cut, &["2:10: the input ends within this array"]);
    // What SQL calls rows never comes by column.
    let rows = format!("{{{columns},\n\"rows\":[[1,2,3]]}}");
    check(&rows, &["2:9: a row of 3 values in a table of 2 columns"]);
}

#[test]
fn the_pages_of_an_answer_have_the_columns_of_the_first_and_those_of_loki_their_own() {
    let columns = r#""columns":[{"name":"a"},{"name":"b"}]"#;
    let pages = format!(
        "{{{columns},\n\"rows\":[[1,2]]}}\n{{\"rows\":[[3,4]],\n\"cursor\":\"c\"}}\n{{\"rows\":[[5,6],{A}]\n}}"
    );
    check(&pages, &[r#"{"a":1,"b":2}"#, r#"{"a":3,"b":4}"#, r#"{"a":5,"b":6}"#, A]);
    let streams = "{\"data\":{\"result\":[{\"stream\":{\"s\":1,\"host\":\"m\"},\"values\":[[1,\"x\"],[2,\"y\",{}],[3]]},\n{\"stream\":{},\"values\":[]}]}}";
    check(
        streams,
        &[
            r#"{"stream":{"host":"m"},"timestamp":1,"line":"x"}"#,
            r#"{"stream":{"host":"m"},"timestamp":2,"line":"y","metadata":{}}"#,
            "1:78: a row of 1 values in a table of 3 columns",
        ],
    );
}

#[test]
fn after_a_torn_value_the_next_one_is_read() {
    check(&format!("{A}\n{{\"x\":{{\"y\":1,\n{B}\n{C}\n"), &[A, "3:1: not valid JSON: unexpected `{`", B, C]);
    check(&format!("{A}\n{{\"x\":\"y\n{B}\n{C}\n"), &[A, "2:8: not valid JSON: unterminated string", B, C]);
    check(&format!("{{\"x\":[1\n{A}\n{B}\n"), &["3:1: not valid JSON: unexpected `{`", A, B]);
    check(&format!("{{\"x\":[1\n{A}"), &["1:1: not valid JSON: unterminated value", A]);
    check(&format!("[{{\"x\":1}}, x\n{A}\n"), &["{\"x\":1}", "1:11: \"x\"", A]);
    check(
        &format!("{}\n{{\n  \"x\": [}}\n}}\n{}", pretty(A), pretty(B)),
        &[A, "10:9: not valid JSON: unexpected `}`", B],
    );
    check(&format!("[\n {A},\n {{\"x\":[}},\n {B}\n]\n{C}"), &[A, "3:8: not valid JSON: unexpected `}`", B, C]);
}

#[test]
fn what_the_input_ends_within_is_truncated() {
    check(&format!("{A}\n{{\"x\":1,"), &[A, "2:1: torn"]);
    check(&format!("[\n{A},\n"), &[A, "1:1: the input ends within this array"]);
    check(&format!("\n{{\"hits\":{{\n\"hits\":[{A},{{\"b\":"), &[A, "3:29: the input ends within this value"]);
}

#[test]
fn what_is_not_json_is_shown_with_its_place() {
    assert_eq!(
        pieces(&format!("no json\n{A}\n\0\0\0{B}\n}}\n"), usize::MAX),
        ["1:1: \"no json\"", A, "3:1: 3 NUL bytes, skipped", B, "4:1: not valid JSON: unexpected `}`"],
    );
    assert_eq!(pieces(&format!("[1, x,{A}]"), usize::MAX), ["1", "1:5: \"x\"", A]);
}

#[test]
fn what_nests_too_deep_is_skipped_whole() {
    let deep = |count: usize| format!("{}1{}", "[".repeat(count), "]".repeat(count));
    let object = |count: usize| format!("{{\"x\":{}}}", deep(count));
    check(&format!("{}\n{A}\n", object(126)), &[&object(126), A]);
    check(&format!("{}\n{A}\n", object(3000)), &["1:1: nested more than 127 levels deep; skipped", A]);
    check(&format!("{}\n{A}\n", deep(3000)), &["1:17: nested more than 127 levels deep; skipped", A]);
    let unclosed = "[".repeat(3000);
    check(&unclosed, &["1:17: nested more than 127 levels deep; skipped", "1:1: the input ends within this array"]);
    check(&format!("{unclosed}\n{A}\n"), &["1:17: nested more than 127 levels deep; skipped", A]);
}
