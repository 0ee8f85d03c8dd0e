//! Which values are not secret.

use super::mark::OPENING;

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
    if value.len() > 128 {
        return false;
    }
    let is_word = |text: &str| text.chars().all(|letter| letter.is_alphanumeric() || "_-.:?@".contains(letter));
    let is_reference = match value.strip_prefix('$') {
        Some(rest) if default_of(rest).is_some() => default_of(rest).is_some_and(is_plain),
        Some(rest) => {
            let inner = rest.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).unwrap_or(rest);
            rest.is_empty() || rest.starts_with('(') || is_word(inner) && !inner.starts_with(|c: char| c.is_numeric())
        }
        None => false,
    };
    let wrapped = [("<", ">"), ("{{", "}}"), ("%", "%"), ("%{", "}"), ("@env:", ""), ("@keychain:", "")];
    let placeholders = ["env:", "file:", "fd:", "@-", "%s", "%@", "***"];
    is_reference
        || wrapped.iter().any(|(from, to)| value.len() > from.len() && value.starts_with(from) && value.ends_with(to))
        || placeholders.iter().any(|start| value.starts_with(start))
        || PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(value))
        || value.len() <= 2 && value.bytes().all(|byte| byte.is_ascii_digit())
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
        ] {
            assert!(is_plain(value), "{value}");
        }
        for value in ["hunter2", "$1abc!", "123", "x", "$ecr3t!", "${A:-hunter2}"] {
            assert!(!is_plain(value), "{value}");
        }
    }
}
