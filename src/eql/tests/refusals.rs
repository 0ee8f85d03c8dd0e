//! What is refused, with the words and the place that the author of a rule sees.

use super::*;

/// The query is refused with this message, and carets stand under what is between « and ».
#[track_caller]
pub(super) fn refuses(marked: &str, message: &str) {
    let query = marked.replace(['«', '»'], "");
    let (before, place) = marked.split_once('«').unwrap();
    let (column, length) = (before.chars().count() + 1, place.split_once('»').unwrap().0.chars().count().max(1));
    let (indent, carets) = (" ".repeat(column - 1), "^".repeat(length));
    let expected = format!("rule.toml:7:{column}: {message}\n  {query}\n  {indent}{carets}");
    assert_eq!(message_of(&compiled(&query).unwrap_err(), &query, "rule.toml", 7), expected);
}

#[test]
fn a_refusal_shows_the_place_the_message_and_the_line() {
    let query = "process where true | sort 5";
    let rendered = "rules/a.toml:12:22: the pipe `sort` is not supported: a rule has `head` and `tail`\n  \
                    process where true | sort 5\n  \
                    \u{20}                    ^^^^";
    assert_eq!(message_of(&compiled(query).unwrap_err(), query, "rules/a.toml", 12), rendered);
}

#[test]
fn joins_forks_and_other_pipes() {
    refuses("process where true | «count»", "the pipe `count` is not supported: a rule has `head` and `tail`");
    refuses("process where true | head «-»1", "expected a number from 0 to 10000, found `-`");
    refuses("process where true | tail «10001»", "expected a number from 0 to 10000, found a number");
    refuses(
        "«join» by host.id [process where true] [network where true]",
        "`join` is not supported: write `sample by`, or a sequence",
    );
    refuses(
        "sequence [process where true] «fork» [network where true]",
        "`fork` is not supported: an event continues one sequence of its key",
    );
}

#[test]
fn missing_events_without_an_end_or_without_events() {
    let message = "a sequence with `![…]` needs `with maxspan`: it is decided when that time has passed";
    refuses("sequence [process where true] ![«network where true»]", message);
    let message = "a sequence needs an event that occurs";
    refuses("sequence with maxspan=1s ![«process where true»] ![network where true]", message);
    let message = "an event that must not occur cannot be compared with other events: join them `by` a field";
    let query = "sequence with maxspan=1s [process where true] as a ![network where «process.pid == a.process.pid»]";
    refuses(query, message);
    let message = "`until` takes an event that occurs, not `![…]`";
    refuses("sequence [process where true] [network where true] until ![«network where true»]", message);
}

#[test]
fn samples_without_a_key_or_with_an_order() {
    refuses("«sample [process where true] [network where true]»", "a sample needs a join key: `sample by host.id`");
    let message = "a sample has no maxspan: its events can be any time apart";
    refuses("sample by host.id «with» maxspan=1s [process where true] [network where true]", message);
    let message = "a sample has no runs: write the stage several times";
    refuses("sample by host.id [process where true] «with» runs=2 [network where true]", message);
    let message = "a sample has no `until`: its events have no order";
    refuses("sample by host.id [process where true] [network where true] «until» [any where true]", message);
    let message = "a sample has no pipes: its events have no order";
    refuses("sample by host.id [process where true] [network where true] «|» head 1", message);
}

#[test]
fn unknown_categories_with_the_nearest() {
    refuses("«proces» where true", "unknown event category `proces`; did you mean `process`?");
    refuses(
        "sequence [process where true] [«netwrok» where true]",
        "unknown event category `netwrok`; did you mean `network`?",
    );
    refuses("process where descendant of [«\"frob\"» where true]", "unknown event category `frob`");
}

#[test]
fn join_keys_of_two_types() {
    refuses(
        "sequence [process where true] by process.pid [process where true] by «process.name»",
        "join keys of different types: `process.name` holds strings, and `process.pid` numbers",
    );
    assert!(
        compiled("sequence [process where true] by process.name [process where true] by process.command_line").is_ok()
    );
    assert!(compiled("sequence [process where true] by process.pid [process where true] by ?no.such").is_ok());
}

#[test]
fn one_equals_sign() {
    refuses("process where process.name «=» \"x\"", "`=` is not a comparison; did you mean `==`?");
}

#[test]
fn call_stacks() {
    let why = "`_arraysearch` is not supported: it searches call stacks, which no sensor on macOS reports";
    refuses("process where «_arraysearch»(process.args, $x, true)".replace("$x", "x").as_str(), why);
}

#[test]
fn unknown_functions_with_the_nearest() {
    refuses(
        "process where «startWith»(process.name, \"a\")",
        "unknown function `startWith`; did you mean `startsWith`?",
    );
    refuses(
        "process where not «cidrmatches»~(destination.ip, \"::1\")",
        "unknown function `cidrmatches`; did you mean `cidrMatch`?",
    );
    refuses("process where «frobnicate»(process.name)", "unknown function `frobnicate`");
}

#[test]
fn unknown_fields_with_the_nearest() {
    refuses(
        "process where «process.nmae» == \"osascript\"",
        "unknown field `process.nmae`; did you mean `process.name`?",
    );
    refuses("process where process.pid > 1 and «zebra.crossing» == 1", "unknown field `zebra.crossing`");
    refuses(
        "sequence by «host.idd» [process where true] [network where true]",
        "unknown field `host.idd`; did you mean `host.id`?",
    );
    refuses("process where length(«process.nmae») > 1", "unknown field `process.nmae`; did you mean `process.name`?");
}

#[test]
fn a_long_name_is_cut_in_the_message() {
    for query in ["process where process.{} == 1", "process where {}(1) == 1", "{} where true"] {
        let error = compiled(&query.replace("{}", &"name".repeat(50_000))).unwrap_err();
        assert!(error.message.starts_with("unknown ") && error.message.len() < 410, "{}", error.message.len());
    }
}

#[test]
fn single_quotes_and_texts_without_end() {
    refuses("process where process.name == «'»osascript'", "strings are written in double quotes: \"…\"");
    for text in ["«\"»osascript", "«\"»a\\\"", "«\"\"\"»a\"\"", "«?\"»a", "«?'»a\""] {
        refuses(&format!("process where process.name == {text}"), "unterminated string");
    }
    refuses("process where «`»process.name == \"a\"", "unterminated name: a backtick is missing");
}

#[test]
fn comments_without_end_and_wrong_characters() {
    refuses("process where true «/*» and false", "unterminated comment");
    refuses("process where process.name == «é»", "unexpected character 'é'");
}

#[test]
fn wrong_escapes() {
    let message = "unknown escape; write \\\\ for a backslash, or use \"\"\"raw text\"\"\"";
    refuses("process where process.name == \"C:«\\»Windows\"", message);
    for escape in ["\\u{110000}", "\\u{d800}", "\\u{}", "\\u{41", "\\u12", "\\uxyzw"] {
        let (place, rest) = escape.split_at(2);
        let query = format!("process where process.name == \"é«{place}»{rest}\"");
        refuses(&query, "not a character: write one as \\u{1F600}");
    }
}

#[test]
fn a_place_is_counted_in_lines_and_characters() {
    let query = "process where\n\tprocess.name == \"é\" and\n\tprocess.parent.nmae == 1\n";
    let error = compiled(query).unwrap_err();
    let rendered = "rule.toml:12:2: unknown field `process.parent.nmae`; did you mean `process.parent.name`?\n  \
                    \u{20}process.parent.nmae == 1\n   ^^^^^^^^^^^^^^^^^^^";
    assert_eq!(message_of(&error, query, "rule.toml", 10), rendered);
    refuses("process where process.name == \"é😀\" and «pid» == 1", "unknown field `pid`");
}

#[test]
fn what_is_missing_at_the_end_is_pointed_at_after_the_last_word() {
    let query = "process where process.name ==\n\n// comment\n";
    let rendered = "rule.toml:1:30: expected a field, a function or a value, found the end of the query\n  \
                    process where process.name ==\n                               ^";
    assert_eq!(message_of(&compiled(query).unwrap_err(), query, "rule.toml", 1), rendered);
    for (query, wanted) in [
        ("", "an event category such as `process`"),
        ("process", "`where`"),
        ("sequence by", "a field"),
        ("sequence", "`[`"),
        ("sequence [", "an event category such as `process`"),
        ("process where descendant of [", "an event category such as `process`"),
        ("sequence [process where true", "`]`"),
        ("sequence [process where true] as", "a name"),
        ("process where (true", "`)`"),
        ("process where process.name in", "a list in parentheses"),
    ] {
        let error = compiled(query).unwrap_err();
        assert_eq!(error.message, format!("expected {wanted}, found the end of the query"), "{query}");
        assert_eq!(error.span, query.len()..query.len(), "{query}");
    }
}

#[test]
fn a_word_in_the_wrong_place_is_named() {
    refuses("process where process.pid == 1 «process.name»", "expected the end of the query, found `process.name`");
    refuses("process where «and» true", "expected a field, a function or a value, found `and`");
    refuses("sequence [process where true] as «5» [network where true]", "expected a name, found a number");
    refuses("process where process.name in «\"a\"»", "expected a list in parentheses, found a string");
}

#[test]
fn a_value_alone_and_a_field_in_a_list() {
    for value in ["\"a\"", "501"] {
        refuses(&format!("process where true and «{value}»"), "expected a comparison, found a value");
    }
    refuses("process where process.name in (\"a\", «process.args»)", "expected a string, a number, true or false");
    refuses("process where true and «length(process.name)»", "`length` returns a value, not true or false: compare it");
}
