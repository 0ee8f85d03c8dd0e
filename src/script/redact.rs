//! Secrets in scripts and arguments are left out of alerts.

use regex::Regex;
use serde_json::{Map, Value as Json};

/// What stands in the place of a secret.
const MARK: &str = "[redacted]";
/// A compiled expression may take this much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;
/// Fields whose text is looked through, by the last part of their name.
const FIELDS: [&str; 5] = ["args", "command_line", "text", "title", "env_vars"];
/// Passwords and tokens as they stand in scripts and command lines. A group named `secret` is what is left out.
const DEFAULTS: [&str; 5] = [
    r#"(?i)\b(?:pass(?:word|wd|phrase)?|secret|(?:access_?|auth_?)?token|api[_-]?key)\b(?:["']?\s*[=:]\s*["']?|\s+["'])(?P<secret>[^\s"'&;,]+)"#,
    r"(?i)\b(?:bearer|basic)\s+(?P<secret>[A-Za-z0-9._~+/=-]{8,})",
    r"(?i)(?:\s|^)(?:-u|--user)[ =]+[^\s:]+:(?P<secret>\S+)",
    r"://[^\s/:@]+:(?P<secret>[^\s/@]+)@",
    r"\b(?P<secret>gh[pousr]_[A-Za-z0-9]{20,}|xox[abpr]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16})\b",
];

/// Expressions whose matches are left out.
#[derive(Clone, Debug)]
pub struct Redactor(Vec<Regex>);

impl Redactor {
    /// The given expressions, and those for passwords and tokens when `defaults` is set.
    pub fn new(expressions: &[String], defaults: bool) -> Result<Redactor, regex::Error> {
        let known = if defaults { &DEFAULTS[..] } else { &[] };
        let all = known.iter().copied().chain(expressions.iter().map(String::as_str));
        let build = |text| regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
        all.map(build).collect::<Result<_, _>>().map(Redactor)
    }

    /// Leaves secrets out of the scripts and arguments of a document.
    pub fn apply(&self, document: &mut Map<String, Json>) {
        for (key, value) in document.iter_mut() {
            let name = key.rsplit('.').next().unwrap_or(key);
            self.walk(FIELDS.contains(&name), value);
        }
    }

    fn walk(&self, applies: bool, value: &mut Json) {
        match value {
            Json::Object(members) => self.apply(members),
            Json::Array(values) => values.iter_mut().for_each(|value| self.walk(applies, value)),
            Json::String(text) if applies => {
                if let Some(redacted) = self.redacted(text) {
                    *text = redacted;
                }
            }
            _ => {}
        }
    }

    fn redacted(&self, text: &str) -> Option<String> {
        let mut changed: Option<String> = None;
        for expression in &self.0 {
            let from = changed.as_deref().unwrap_or(text);
            let mut out = String::new();
            let mut at = 0;
            for found in expression.captures_iter(from) {
                let Some(secret) = found.name("secret").or_else(|| found.get(0)).filter(|secret| !secret.is_empty())
                else {
                    continue;
                };
                out.push_str(&from[at..secret.start()]);
                out.push_str(MARK);
                at = secret.end();
            }
            if at > 0 {
                out.push_str(&from[at..]);
                changed = Some(out);
            }
        }
        changed
    }
}
