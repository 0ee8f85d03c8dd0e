//! Elastic's two TOML layouts of a rule, that of detection-rules and that of their endpoint rules.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Error, What};
use super::keys;
use super::rule::Rule;
use super::rule_file::File;
use super::rule_query;
use super::written::Written;
use crate::eql::Lineages;
use crate::event::Fields;
use crate::place::Place;

impl Rule {
    /// Reads a rule file. `origin` is what error messages call it.
    pub(crate) fn parse(origin: &str, text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Rule, Error> {
        let at = |span: Range<usize>, what: What| Error::at((origin, text), span.start, what);
        let table = DeTable::parse(text).map_err(|error| Error::toml((origin, text), &error))?;
        keys::check(table.get_ref()).map_err(|(span, what)| at(span, what))?;
        let Some(rule) = table.get_ref().get("rule") else {
            return Ok(Rule::none(origin, "it is not a rule: it has no [rule] table"));
        };
        let span = |key: &str| match rule.get_ref() {
            DeValue::Table(keys) => keys.get(key).map(Spanned::span),
            _ => None,
        };
        let or_rule = |span: Option<Range<usize>>| span.unwrap_or_else(|| rule.span());
        let written = Written {
            origin,
            text,
            start: Place::FIRST,
            id: or_rule(span("rule_id").or_else(|| span("id"))),
            name: or_rule(span("name")),
            query: or_rule(span("query")),
        };
        let file: File = toml::from_str(text).map_err(|error| Error::toml((origin, text), &error))?;
        rule_query::rule(file, &written, fields, lineages)
    }
}
