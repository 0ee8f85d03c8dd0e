//! Where in a file what a string of TOML or JSON says is written.

use std::ops::Range;

/// The byte of the file at which the byte at `at` of a string's text is written. `span` is where the string is, its
/// quotes included.
pub(super) fn written_at(file: &str, span: &Range<usize>, at: usize) -> usize {
    let Some(written) = file.get(span.clone()) else { return span.start };
    let quotes = if written.starts_with("\"\"\"") || written.starts_with("'''") { 3 } else { 1 };
    let opening = match written.get(quotes..) {
        // The first line break of a string in three quotes is none of its text.
        Some(body) if quotes == 3 && body.starts_with("\r\n") => quotes + 2,
        Some(body) if quotes == 3 && body.starts_with('\n') => quotes + 1,
        _ => quotes,
    };
    let is_literal = written.starts_with('\'');
    let mut rest = written.get(opening..).unwrap_or_default();
    let mut left = at;
    while left > 0 && !rest.is_empty() {
        let (written, text) = if is_literal { (left.min(rest.len()), left) } else { unit(rest) };
        if text > left {
            break;
        }
        (left, rest) = (left - text, rest.get(written..).unwrap_or_default());
    }
    span.start + written.len() - rest.len()
}

/// What comes first in the body of a string with escapes: its bytes as it is written, and those of its text.
fn unit(rest: &str) -> (usize, usize) {
    let digits = |count: usize| {
        let code = rest.get(2..2 + count).and_then(|digits| u32::from_str_radix(digits, 16).ok());
        (2 + count, code.and_then(char::from_u32).map_or(1, char::len_utf8))
    };
    let mut chars = rest.chars();
    match (chars.next(), chars.next()) {
        (Some('\\'), Some('x')) => digits(2),
        (Some('\\'), Some('u')) if is_surrogate(rest) => (12, 4),
        (Some('\\'), Some('u')) => digits(4),
        (Some('\\'), Some('U')) => digits(8),
        // A backslash at the end of a line takes the blanks after it along.
        (Some('\\'), Some(' ' | '\t' | '\r' | '\n')) => (rest.len() - rest[1..].trim_ascii_start().len(), 0),
        (Some('\\'), Some(escaped)) => (1 + escaped.len_utf8(), 1),
        (Some(plain), _) => (plain.len_utf8(), plain.len_utf8()),
        (None, _) => (0, 1),
    }
}

/// Whether a character of JSON comes first that is written as two halves: `\ud83d\ude00`.
fn is_surrogate(rest: &str) -> bool {
    let half = |at: usize| rest.get(at + 2..at + 6).and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let [first, second] = [half(0), half(6)].map(Option::unwrap_or_default);
    (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second) && rest[6..].starts_with("\\u")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use toml::Spanned;

    #[derive(Deserialize)]
    struct File {
        a: Spanned<String>,
    }

    #[test]
    fn a_text_is_found_where_it_is_written_whatever_its_quotes_and_escapes() {
        for written in [
            r#""é x MARK y""#,
            r#""é\t\\ \"\u00e9\U0001F600\x41 MARK""#,
            "\"\"\"MARK\"\"\"",
            "\"\"\"\nb\\\\\n c MARK\"\"\"",
            "\"\"\"\r\nb\\\\\r\n c MARK\"\"\"",
            "\"\"\"\na \\\n\n    b \\  \n c MARK\"\"\"",
            r"'\\ MARK'",
            "'''\nb\\\n MARK'''",
            "'''\r\nb\\\r\n MARK'''",
        ] {
            for before in ["", "\u{feff}", "# é\n"] {
                let file = format!("{before}a = {written}\n");
                let File { a } = toml::from_str(&file).unwrap();
                let at = a.get_ref().find("MARK").unwrap();
                assert_eq!(written_at(&file, &a.span(), at), file.find("MARK").unwrap(), "{file:?}");
                let end = written_at(&file, &a.span(), a.get_ref().len());
                assert!(file[end..].starts_with(['"', '\'', ' ']), "{file:?}");
                assert_eq!(written_at(&file, &a.span(), usize::MAX), file.trim_end().len(), "no further than its end");
            }
        }
        assert_eq!(written_at("", &(3..9), 2), 3, "what is in no file is at its start");
    }
}
