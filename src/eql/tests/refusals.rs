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
    assert_eq!(compiled(&query).unwrap_err().render(&query, "rule.toml", 7), expected);
}

#[test]
fn a_refusal_shows_the_place_the_message_and_the_line() {
    let query = "process where true | head 5";
    let rendered = "rules/a.toml:12:20: pipes are not supported: a rule looks at events one by one\n  \
                    process where true | head 5\n  \
                    \u{20}                  ^";
    assert_eq!(compiled(query).unwrap_err().render(query, "rules/a.toml", 12), rendered);
}

#[test]
fn pipes_samples_and_joins() {
    let message = "pipes are not supported: a rule looks at events one by one";
    refuses("process where true «|» head 5", message);
    let message = "samples and joins are not supported: write a sequence";
    refuses("«sample» by host.id [process where true] [network where true]", message);
    refuses("«join» by host.id [process where true] [network where true]", message);
}

#[test]
fn missing_events_and_forks() {
    refuses(
        "sequence [process where true] «!»[network where true]",
        "stages for missing events, `![…]`, are not supported",
    );
    refuses("sequence [process where true] «fork» [network where true]", "`fork` is not supported");
}

#[test]
fn one_equals_sign_and_arithmetic() {
    refuses("process where process.name «=» \"x\"", "`=` does not compare; did you mean `==`?");
    for sign in ["+", "-", "*", "/", "%"] {
        refuses(&format!("process where process.pid «{sign}» 1 == 2"), "arithmetic is not supported");
    }
}

#[test]
fn unknown_functions_with_the_nearest() {
    refuses(
        "process where «startWith»(process.name, \"a\")",
        "unknown function `startwith`; did you mean `startsWith`?",
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
fn single_quotes_and_texts_without_end() {
    refuses("process where process.name == «'»osascript'", "text stands in double quotes: \"…\"");
    for text in ["«\"»osascript", "«\"»a\\\"", "«\"\"\"»a\"\"", "«?\"»a", "«?'»a\""] {
        refuses(&format!("process where process.name == {text}"), "this text has no end");
    }
    refuses("process where «`»process.name == \"a\"", "this name has no closing backtick");
}

#[test]
fn comments_without_end_and_wrong_characters() {
    refuses("process where true «/*» and false", "this comment has no end");
    refuses("process where process.name == «é»", "unexpected character 'é'");
}

#[test]
fn wrong_escapes() {
    let message = "unknown escape; write \\\\ for a backslash, or use \"\"\"raw text\"\"\"";
    refuses("process where process.name == \"C:«\\»Windows\"", message);
    for escape in ["\\u{110000}", "\\u{d800}", "\\u{}", "\\u{41", "\\u12", "\\uxyzw"] {
        let (place, rest) = escape.split_at(2);
        let query = format!("process where process.name == \"é«{place}»{rest}\"");
        refuses(&query, "not a character: write \\u{1F600}");
    }
}

#[test]
fn a_place_is_counted_in_lines_and_characters() {
    let query = "process where\n\tprocess.name == \"é\" and\n\tprocess.parent.nmae == 1\n";
    let error = compiled(query).unwrap_err();
    assert_eq!(error.line_column(query), (3, 2));
    let rendered = "rule.toml:12:2: unknown field `process.parent.nmae`; did you mean `process.parent.name`?\n  \
                    \u{20}process.parent.nmae == 1\n   ^^^^^^^^^^^^^^^^^^^";
    assert_eq!(error.render(query, "rule.toml", 10), rendered);
    refuses("process where process.name == \"é😀\" and «pid» == 1", "unknown field `pid`");
}

#[test]
fn what_is_missing_at_the_end_is_pointed_at_after_the_last_word() {
    let query = "process where process.name ==\n\n// comment\n";
    let rendered = "rule.toml:1:30: the query ends where a field, a function or a value is expected\n  \
                    process where process.name ==\n                               ^";
    assert_eq!(compiled(query).unwrap_err().render(query, "rule.toml", 1), rendered);
    for (query, wanted) in [
        ("", "an event category, such as `process`, is expected"),
        ("process", "`where` is expected"),
        ("sequence by", "a field is expected"),
        ("sequence", "`[` is expected"),
        ("sequence [", "an event category, such as `process`, is expected"),
        ("process where descendant of [", "an event category, such as `process`, is expected"),
        ("sequence [process where true", "`]` is expected"),
        ("sequence [process where true] as", "a name is expected"),
        ("process where (true", "`)` is expected"),
        ("process where process.name in", "a list, `(…)`, is expected"),
    ] {
        let error = compiled(query).unwrap_err();
        assert_eq!(error.message, format!("the query ends where {wanted}"), "{query}");
        assert_eq!(error.span, query.len()..query.len(), "{query}");
    }
}

#[test]
fn a_word_in_the_wrong_place_is_named() {
    refuses(
        "process where process.pid == 1 «process.name»",
        "`process.name` stands where the end of the query is expected",
    );
    refuses("process where «and» true", "`and` stands where a field, a function or a value is expected");
    refuses("sequence [process where true] as «5» [network where true]", "a value stands where a name is expected");
    refuses("process where process.name in «\"a\"»", "a value stands where a list, `(…)`, is expected");
}

#[test]
fn a_value_alone_and_a_field_in_a_list() {
    for value in ["\"a\"", "501", "null"] {
        refuses(&format!("process where true and «{value}»"), "a value alone is no condition: compare it");
    }
    refuses(
        "process where process.name in (\"a\", «process.args»)",
        "a text, a number, true or false is expected here",
    );
    refuses("process where true and «length(process.name)»", "`length` gives a value, not true or false: compare it");
}
