//! What is left out, as configured.

use regex::Regex;

use super::mark::{Kind, Marks, Span, joined};

/// A compiled expression may take this much memory.
const MAX_REGEX_BYTES: usize = 1 << 20;

/// What is left out.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    /// The expressions of the configuration.
    expressions: Vec<Regex>,
    /// Secrets are looked for, not only the matches of the expressions.
    pub(super) finds: bool,
    /// The text of scripts is left out of arguments and command lines.
    pub(super) hides_scripts: bool,
    pub(super) marks: Marks,
}

impl Settings {
    pub(super) fn new(expressions: &[String], finds: bool) -> Result<Settings, regex::Error> {
        let build = |text: &String| regex::RegexBuilder::new(text).size_limit(MAX_REGEX_BYTES).build();
        let expressions = expressions.iter().map(build).collect::<Result<_, _>>()?;
        Ok(Settings { expressions, finds, hides_scripts: false, marks: Marks::default() })
    }

    /// What the expressions match.
    pub(super) fn matches(&self, text: &str) -> Vec<Span> {
        let mut spans = Vec::new();
        for expression in &self.expressions {
            for found in expression.captures_iter(text) {
                if let Some(secret) = found.name("secret").or_else(|| found.get(0)) {
                    spans.push(Span { start: secret.start(), end: secret.end(), kind: Kind::Pattern });
                }
            }
        }
        joined(text, spans)
    }
}
