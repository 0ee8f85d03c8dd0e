//! `regex` with Lucene's syntax, as Elasticsearch reads it.

use super::refusals::refuses;
use super::*;

/// The expression matches exactly these of the texts.
#[track_caller]
fn matches(pattern: &str, wanted: &[&str], others: &[&str]) {
    for (texts, is_wanted) in [(wanted, true), (others, false)] {
        for text in texts {
            let condition = format!("process.command_line regex \"\"\"{pattern}\"\"\"");
            assert_eq!(selects(&condition, &json!({"process.command_line": text})), is_wanted, "{pattern} on {text:?}");
        }
    }
}

#[test]
fn a_backslash_makes_what_is_no_letter_stand_for_itself_and_begins_three_classes() {
    matches(r"a\.b\/\-\_\:\é\1", &["a.b/-_:é1"], &["axb/-_:é1"]);
    matches(r"\d+\s\w*", &["12 a_9", "1\t", "1\n", "1\r"], &["٣ a", "1\u{a0}", "1 é", "x y"]);
    matches(r"\D\S\W", &["a-é", "٣1 "], &["1ab", "a -", "a-b"]);
    matches(r"[\d\-x]+[^\s\]]", &["1-xé"], &["1-x ", "1-x]"]);
}

#[test]
fn a_class_holds_characters_and_ranges_whatever_else_they_mean() {
    matches(r"[a.*^$&&~\-]+", &["a.*^$&~-"], &["b", "\\"]);
    matches("[]a]", &["]", "a"], &["[", ""]);
    matches("[^a-cé]", &["d", "😀", "\n"], &["a", "é", "dd", ""]);
    matches("[[:alpha:]]", &["a]", ":]", "[]"], &["a", "b"]);
    matches("[-a]", &["a", "-"], &["b"]);
    matches("[^-]", &["a"], &["-"]);
    matches(r"[a-c-]", &["a", "-"], &["d"]);
    matches(r"[\w\.-]", &["a", ".", "-"], &["/"]);
}

#[test]
fn what_follows_a_repetition_repeats_it_and_is_not_lazy() {
    matches("a+?b", &["b", "ab", "aab"], &["c"]);
    matches("(ab){2}?", &["", "abab"], &["ab", "ababab"]);
    matches("a{2,3}+", &["aa", "aaa", "aaaa", "aaaaa"], &["a", ""]);
    matches("a{2,}", &["aa", "aaaa"], &["a"]);
    matches("*a", &["*a"], &["a", "xa"]);
}

#[test]
fn quotes_at_signs_and_empty_parentheses_have_lucenes_meaning() {
    matches(r#"a"b.*"c"#, &["ab.*c"], &["abxc", "a\"b.*\"c"]);
    matches(r#""ab"{2}"#, &["abab"], &["abb"]);
    matches("user@host", &["userhost", "user-1\nhost"], &["userhos"]);
    matches(r"user\@host", &["user@host"], &["userhost"]);
    matches("a()|()", &["a", ""], &["b"]);
    matches("", &[""], &["a"]);
    matches("a>]}-b", &["a>]}-b"], &["ab"]);
}

#[test]
fn without_regard_to_case_only_ascii_letters_have_two() {
    for (pattern, text, is_matched) in [
        ("curl[def]", "CuRlE", true),
        ("[^def]", "E", false),
        ("[e]", "E", true),
        // What is between two characters is not looked at.
        ("curl[d-f]", "CuRle", true),
        ("curl[d-f]", "CuRlE", false),
        ("[D-F]", "e", false),
        ("[d-d]", "D", false),
        ("[^d-f]", "E", true),
        ("[C-b]", "c", false),
        ("[C-b]", "[", true),
        ("[A-z]+", "Az_", true),
        ("[k]", "\u{212a}", false),
        ("é", "É", false),
        ("k", "\u{212a}", false),
        (r"\w", "\u{17f}", false),
        ("\\\"a\\\"", "A", true),
    ] {
        let condition = format!("process.name regex~ \"{}\"", pattern.replace("\\w", "\\\\w"));
        assert_eq!(selects(&condition, &json!({"process.name": text})), is_matched, "{pattern} on {text}");
    }
    hold(json!({"process.name": "CurlE"}), &["process.name.caseless regex \"curl[d-f]\""]);
}

#[test]
fn a_function_is_matched_by_a_script_whose_syntax_has_anchors() {
    hold(json!({"process.name": "curl"}), &["substring(process.name, 1) regex \"^u.*?l$\""]);
    fail(json!({"process.name": "cu\nrl"}), &["substring(process.name, 1) regex \"u.*l\""]);
}

#[test]
fn what_lucene_reads_in_another_way_or_not_at_all_is_refused_with_what_to_write() {
    for (pattern, why) in [
        (
            "^curl",
            "`^` is no anchor in Elasticsearch, where a regular expression matches the whole value: leave it out, \
                   or write \\^ for the character",
        ),
        (
            "a|curl$",
            "`$` is no anchor in Elasticsearch, where a regular expression matches the whole value: leave it \
                     out, or write \\$ for the character",
        ),
        ("a~b", "Lucene's operator `~` is not supported: write \\~ for the character"),
        ("a&b", "Lucene's operator `&` is not supported: write \\& for the character"),
        ("a<1-5>", "Lucene's operator `<` is not supported: write \\< for the character"),
        ("#", "Lucene's operator `#` is not supported: write \\# for the character"),
        ("(?i)a", "`(?` has no meaning in Elasticsearch; `regex~` disregards case"),
        ("a\\\"b", "`\"` quotes text: write \\\" for the character"),
        ("a{x}", "`{` counts as in {2}, {2,} or {2,5}: write \\{ for the character"),
        ("a{3,2}", "`{` counts as in {2}, {2,} or {2,5}: write \\{ for the character"),
        ("a{2", "`{` counts as in {2}, {2,} or {2,5}: write \\{ for the character"),
        ("[a", "`]` is missing: write \\[ for the character"),
        ("[b-a]", "the range b-a is empty"),
        ("[a-Z]", "the range a-Z is empty"),
        ("[a-]", "`-` begins a range in Elasticsearch: write \\- for the character"),
        ("[A-]b]", "`-` begins a range in Elasticsearch: write \\- for the character"),
        ("[a\\\\.-z]", "`-` begins a range in Elasticsearch: write \\- for the character"),
        ("\\\\bcurl", "`\\b` has no meaning in Elasticsearch: write b for the character"),
        ("[a\\\\n]", "`\\n` has no meaning in Elasticsearch: write n for the character"),
        ("(a", "a closing parenthesis is missing"),
        ("a)|(b", "an opening parenthesis is missing"),
        ("a||b", "an alternative is empty: write () for no text"),
        ("(|b)", "an alternative is empty: write () for no text"),
        ("a|", "an alternative is empty: write () for no text"),
        ("a\\\\", "a character is missing after the last backslash"),
        ("a?*+?*+?*+", "more than 8 repetitions follow each other"),
    ] {
        refuses(
            &format!("process where process.name regex «\"{pattern}\"»"),
            &format!("invalid regular expression: {why}"),
        );
    }
}
