//! The configuration that curl reads from standard input or a file: `user = "ada:x"`. What else is in it is shown.

use super::mark::{Kind, Span};
use super::plain::is_plain;
use super::words::{Word, texts};
use super::written::{base_name, here_string};

/// Settings whose value is a user and a password.
const USERS: [&str; 5] = ["user", "u", "proxy-user", "U", "expand-user"];

pub(super) fn is_curl(words: &[&str]) -> bool {
    words.iter().any(|word| base_name(word) == "curl")
}

pub(super) fn is_option(word: &str) -> bool {
    matches!(word, "-K" | "--config")
}

/// Whether a command is a curl that reads its configuration from standard input.
pub(super) fn is_given(words: &[&str]) -> bool {
    let pair = |pair: &[&str]| is_option(pair[0]) && matches!(pair[1], "-" | "/dev/stdin");
    let is_joined = |word: &&str| matches!(*word, "-K-" | "-K/dev/stdin" | "--config=-");
    (words.windows(2).any(pair) || words.iter().any(is_joined)) && is_curl(words)
}

/// The passwords of the configuration that is a word of this command.
pub(super) fn words(words: &[Word<'_>], out: &mut Vec<Span>) {
    let (mut at, mut names_user) = (0, false);
    while let Some(word) = words.get(at) {
        let text = word.text();
        let start = here_string(text).unwrap_or(0);
        let mut from = start;
        for line in text[start..].split_inclusive(['\n', '\r']) {
            if let Some((first, last)) = password(line) {
                // `printf 'user = "ada:%s"' x`
                names_user |= line[first..last].starts_with('%');
                out.extend(
                    word.part(from + first, from + last, Kind::Password).filter(|_| !is_plain(&line[first..last])),
                );
            } else if names_user && !text.starts_with(['>', '<']) {
                out.extend(word.span(0, Kind::Password).filter(|_| !is_plain(text)));
            }
            from += line.len();
        }
        at += 1;
    }
}

/// A line of the configuration, as words; `false` where it ends.
pub(super) fn line(words: &[Word<'_>], out: &mut Vec<Span>) -> bool {
    let texts = texts(words);
    let Some((first, last)) = texts.first().zip(texts.last()) else { return true };
    let name = first.trim_start_matches('-').split(['=', ':']).next().unwrap_or_default();
    if USERS.contains(&name) {
        let from = if words.len() == 1 { first.find(['=', ':']).map_or(0, |at| at + 1) } else { 0 };
        let start = last[from..].find(':').map(|at| from + at + 1);
        let span = start.filter(|start| !is_plain(&last[*start..]));
        out.extend(span.and_then(|start| words.last()?.span(start, Kind::Password)));
    }
    let ends = words.len() == 1 && first.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_');
    !ends
}

/// Where the password is in `user = "ada:x"`.
fn password(line: &str) -> Option<(usize, usize)> {
    let name = line.trim_start().trim_start_matches('-');
    let bytes = name.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '-')?;
    let value = name[bytes..].trim_start_matches([' ', '\t', '=', ':']).trim_start_matches('"');
    if !USERS.contains(&&name[..bytes]) {
        return None;
    }
    let start = line.len() - value.len() + value.find(':')? + 1;
    let end = start + line[start..].find(['"', '\n', '\r']).unwrap_or(line.len() - start);
    let end = start + line[start..end].trim_end_matches("\\n").len();
    (start < end).then_some((start, end))
}
