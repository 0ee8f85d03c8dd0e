//! Which values are not secret.

use crate::shell::{OPENING, SCOPES, reference};

/// Values that are not secret.
const PLAIN: [&str; 41] = [
    "true",
    "false",
    "yes",
    "no",
    "on",
    "off",
    "null",
    "nil",
    "none",
    "undefined",
    "string",
    "str",
    "text",
    "int",
    "bool",
    "boolean",
    "any",
    "required",
    "optional",
    "default",
    "prompt",
    "ask",
    "stdin",
    "env",
    "basic",
    "bearer",
    "digest",
    "include",
    "omit",
    "inherit",
    "always",
    "never",
    "is",
    "=",
    ":",
    "==",
    "to",
    "...",
    "-",
    "--",
    "*",
];

/// A value that is not a secret: a reference, a keyword, a small number, a mark.
pub(super) fn is_plain(value: &str) -> bool {
    let value = value.trim();
    if value.is_empty() || value.starts_with(OPENING) {
        return true;
    }
    if value.starts_with("$(") && after_references(value).is_empty() {
        return true;
    }
    if value.len() > 128 {
        return false;
    }
    let is_reference = match value.strip_prefix('$') {
        Some(rest) if default_of(rest).is_some() => default_of(rest).is_some_and(is_plain),
        Some(rest) => rest.is_empty() || is_name(rest) || after_references(value).is_empty(),
        None => false,
    };
    let wrapped = [("<", ">"), ("{{", "}}"), ("%", "%"), ("%{", "}"), ("@env:", ""), ("@keychain:", "")];
    let placeholders = ["env:", "file:", "fd:", "@-", "@/", "@~/", "@./", "%s", "%@", "***"];
    is_reference
        || wrapped.iter().any(|(from, to)| value.len() > from.len() && value.starts_with(from) && value.ends_with(to))
        || placeholders.iter().any(|start| value.starts_with(start))
        || PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(value))
        || value.len() <= 2 && value.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether all of what follows a `$` is a name: `x`, `{x}`, `env:x`, and not `x:y`, of which `y` is no part of it.
fn is_name(rest: &str) -> bool {
    let braced = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let name = braced.unwrap_or(rest);
    let is_word = name.chars().all(|letter| letter.is_alphanumeric() || "_-.:?@".contains(letter));
    let is_one = braced.is_some() || name.split_once(':').is_none_or(|(scope, _)| SCOPES.contains(&scope));
    is_word && is_one && !name.starts_with(char::is_numeric)
}

/// What follows the references `$(…)` and `${…}` that a text begins with.
fn after_references(mut text: &str) -> &str {
    while text.starts_with("$(") || text.starts_with("${") {
        text = &text[reference(text)..];
    }
    text
}

/// Where in a text this letter is first, behind the reference that it begins with: `$(date +%H:%M):x`.
pub(super) fn separator(text: &str, letter: char) -> Option<usize> {
    let from = reference(text);
    text[from..].find(letter).map(|at| from + at)
}

/// What `${PW:-x}` is without the variable.
fn default_of(reference: &str) -> Option<&str> {
    let inner = reference.strip_prefix('{')?.strip_suffix('}')?;
    inner.split_once(":-").or_else(|| inner.split_once(":=")).map(|(_, default)| default)
}

/// A value that is the place of a key, not the key.
pub(super) fn is_path(value: &str) -> bool {
    ["/", "~/", "./", "../"].iter().any(|start| value.starts_with(start))
        || [".pem", ".key", ".p8", ".p12", ".json", ".pub", ".der"].iter().any(|end| value.ends_with(end))
}

/// Whether a text may name a function, a list or a member of a script: `getpass.getpass`, `argv`.
pub(super) fn is_identifier(text: &str) -> bool {
    let is_part = |part: &str| {
        part.starts_with(|first: char| first.is_alphabetic() || first == '_' || first == '$')
            && part.chars().all(|letter| letter.is_alphanumeric() || letter == '_' || letter == '$')
    };
    text.split('.').all(is_part) && (text.contains('.') || !looks_secret(text))
}

/// Whether a text without a name looks like a password, not like a word, a path, an address or a number.
pub(super) fn looks_secret(value: &str) -> bool {
    let has = |test: fn(char) -> bool| value.chars().any(test);
    let is_symbol = |letter: char| letter.is_ascii_punctuation() && !"-_.,:/?'\"".contains(letter);
    value.len() >= 6
        && !has(char::is_whitespace)
        && !value.contains('/')
        && !is_path(value)
        && has(char::is_alphabetic)
        && (has(char::is_numeric) || has(is_symbol))
        && !is_plain(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_and_keywords_are_plain() {
        for value in [
            "",
            "$PW",
            "${PW}",
            "$(cat x)",
            "$",
            "${A:-$B}",
            "${A:-}",
            "1",
            "no",
            "env:PW",
            "<password>",
            "{{ pw }}",
            "[redacted",
            "$env:PW",
            "${PW:?}",
            "$(a $(b))",
            "$(a)${B}",
        ] {
            assert!(is_plain(value), "{value}");
        }
        for value in ["hunter2", "$1abc!", "123", "x", "$ecr3t!", "${A:-hunter2}", "$A:b", "$(a):b", "$(a)b"] {
            assert!(!is_plain(value), "{value}");
        }
    }
}
