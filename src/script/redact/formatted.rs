//! Secrets that `printf` puts behind a name: `printf 'login %s password %s\\n' ada x`.

use super::mark::Kind;
use super::names::kind_of;
use super::written::base_name;

/// Conversions of a format that are looked at.
const MAX_CONVERSIONS: usize = 32;
/// Bytes before a conversion in which its name is.
const MAX_BEFORE: usize = 64;

/// The words that stand behind a name of a secret, and what each is.
pub(super) fn find(words: &[&str]) -> Vec<(usize, Kind)> {
    let Some(at) = words.iter().position(|word| base_name(word) == "printf") else { return Vec::new() };
    let at = at + 1 + usize::from(words.get(at + 1) == Some(&"--"));
    let Some(format) = words.get(at) else { return Vec::new() };
    let kinds = kinds(format);
    let end = words.iter().skip(at).position(|word| word.starts_with(['>', '<'])).map_or(words.len(), |end| at + end);
    // More words than conversions begin the format again.
    let given = (at + 1..end).zip(kinds.iter().cycle());
    given.filter_map(|(word, kind)| Some((word, (*kind)?))).collect()
}

/// What each conversion of a format is.
fn kinds(format: &str) -> Vec<Option<Kind>> {
    let mut parts = format.split('%');
    let mut before = parts.next().unwrap_or_default();
    let mut kinds = Vec::new();
    for part in parts.take(MAX_CONVERSIONS) {
        // `%%` is no conversion.
        if !part.is_empty() {
            kinds.push(kind_of(named(before)));
        }
        before = part.trim_start_matches(|letter: char| letter.is_ascii_digit() || "-.".contains(letter));
        before = before.get(1..).unwrap_or_default();
    }
    kinds
}

/// The name at the end of a text, before what separates it from its value.
fn named(text: &str) -> &str {
    let text = &text[text.ceil_char_boundary(text.len().saturating_sub(MAX_BEFORE))..];
    let text = text.trim_end_matches(|letter: char| " \t\"'=:\\".contains(letter));
    let is_outside = |letter: char| !letter.is_ascii_alphanumeric() && !"_.-".contains(letter);
    text.rsplit(is_outside).next().unwrap_or(text)
}
