//! TOML to values, with every error and not only the first: what is wrong is noted and left out, and the rest is read
//! again.

use std::mem;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use toml::Table;
use toml::de::{DeArray, DeTable, DeValue, Deserializer};

use super::error::{Problem, What};
use crate::nearest::nearest;
use crate::visible::{MAX_NAME, clipped, visible};

/// Errors of one file that are reported.
const MAX_PROBLEMS: usize = 50;
/// Bytes of a message: it can quote a value.
const MAX_MESSAGE: usize = 2000;

/// What could be read of a text: the value, and the table that it was made of.
pub(super) type Read<T> = Option<(T, Table)>;

/// The value that a text holds, without what is wrong with it, and everything that is, in the order of lines.
pub(super) fn parse<T: DeserializeOwned>(source: (&str, &str)) -> (Read<T>, Vec<Problem>) {
    let (mut table, errors) = DeTable::parse_recoverable(source.1);
    // Each costs as much as the text before it is long.
    let mut problems: Vec<Problem> = errors.iter().take(MAX_PROBLEMS).map(|error| problem(source, error)).collect();
    // The values of invalid TOML are not reliable.
    if !problems.is_empty() {
        return (None, problems);
    }
    let mut removed = Vec::new();
    let read = loop {
        let error = match T::deserialize(Deserializer::from(table.clone())) {
            Ok(value) => break Table::deserialize(Deserializer::from(table)).ok().map(|table| (value, table)),
            Err(error) => error,
        };
        // A key that was wrong is not missing.
        if !removed.iter().any(|key| error.message() == format!("missing field `{key}`")) {
            problems.push(problem(source, &error));
        }
        let entry = error.span().and_then(|span| remove(table.get_mut(), span.start));
        match entry {
            Some(key) if removed.len() + 1 < MAX_PROBLEMS => removed.push(key),
            _ => break None,
        }
    };
    problems.sort_by_key(|problem| problem.place);
    (read, problems)
}

/// Removes the innermost entry that is written at a byte, and returns its key; of a list the whole value, which has none,
/// as a table without one of its keys would be wrong again.
fn remove(table: &mut DeTable<'_>, at: usize) -> Option<String> {
    for (_, value) in table.iter_mut() {
        match value.get_mut() {
            DeValue::Table(inner) => {
                if let Some(key) = remove(inner, at) {
                    return Some(key);
                }
            }
            DeValue::Array(values) if values.iter().any(|value| is_within(value, at)) => {
                let all = mem::replace(values, DeArray::new());
                *values = all.into_iter().filter(|value| !is_within(value, at)).collect();
                return Some(String::new());
            }
            _ => {}
        }
    }
    let is_here = |(key, value): &(&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        key.span().contains(&at) || value.span().contains(&at)
    };
    let name = table.iter().find(is_here).map(|(key, _)| key.get_ref().to_string())?;
    table.remove(name.as_str()).map(|_| name)
}

fn is_within(value: &toml::Spanned<DeValue<'_>>, at: usize) -> bool {
    let inside = match value.get_ref() {
        DeValue::Table(table) => table.iter().any(|(key, value)| key.span().contains(&at) || is_within(value, at)),
        DeValue::Array(values) => values.iter().any(|value| is_within(value, at)),
        _ => false,
    };
    inside || value.span().contains(&at)
}

fn problem(source: (&str, &str), error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start);
    let what = if error.message().starts_with("unknown field ") { What::UnknownKey } else { What::Text };
    Problem::at(source, at, what(reworded(error.message())))
}

/// serde's words, with the remedy.
fn reworded(why: &str) -> String {
    if let Some((found, expected)) = why.strip_prefix("invalid type: ").and_then(|rest| rest.split_once(", expected "))
    {
        let (expected, is_table) = if expected.starts_with("struct ") { ("a table", true) } else { (expected, false) };
        let remedy = remedy(found, expected).filter(|_| !is_table).unwrap_or_default();
        return format!("expected {expected}, found {}{remedy}", clipped(found, MAX_NAME));
    }
    if let Some(rest) = why.strip_prefix("unknown ")
        && let [kind, name, expected] = rest.splitn(3, '`').collect::<Vec<_>>()[..]
    {
        let name = visible(&clipped(name, MAX_NAME));
        return format!("unknown {kind}`{name}`{expected}{}", suggestion(&name, expected).unwrap_or_default());
    }
    clipped(why, MAX_MESSAGE).into_owned()
}

fn remedy(found: &str, expected: &str) -> Option<&'static str> {
    let is_plain =
        ["a whole number", "a boolean", "a TOML datetime", "i64", "u64"].iter().any(|word| expected.starts_with(word));
    match found {
        _ if found.starts_with("string") && is_plain => Some("; drop the quotes"),
        _ if found.starts_with("string") && expected == "a sequence" => Some("; put it in brackets: [\"…\"]"),
        "map" if expected == "a sequence" => Some("; double the brackets: `[[exception]]`"),
        _ if found.starts_with("integer") && !is_plain => Some("; put it in quotes"),
        _ => None,
    }
}

/// serde words it "unknown field `x`, expected one of `a`, `b`"; the nearest of those is suggested.
fn suggestion(written: &str, expected: &str) -> Option<String> {
    let quoted = expected.split('`').skip(1).step_by(2);
    nearest(written, quoted).map(|near| format!("; did you mean `{near}`?"))
}
