//! Rules as Kibana exports them: a JSON object per line, with exceptions, connectors and counts among them. One object
//! alone and arrays of them are read too.

use std::collections::BTreeMap;
use std::ops::Range;

use serde_json::value::RawValue;
use serde_json::{Deserializer, Error as JsonError};

use super::error::{Error, What};
use super::keys;
use super::kibana::Listed;
use super::rule::Rule;
use super::rule_file::RawRule;
use super::rule_query;
use super::written::Written;
use crate::eql::Lineages;
use crate::event::Fields;
use crate::place::Place;

/// Kibana exports no more at once.
const MAX_RULES: usize = 10_000;

/// Whether a file is one of these: no TOML begins as their text does.
pub(super) fn is_export(origin: &str, text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let is_array = || text.strip_prefix('[').is_some_and(|rest| rest.trim_start().starts_with(['{', ']']));
    origin.ends_with(".ndjson") || text.starts_with('{') || is_array()
}

/// The rules of a file, or what is wrong with each.
pub(super) fn rules(
    origin: &str,
    text: &str,
    fields: &mut Fields,
    lineages: &mut Lineages,
) -> Vec<Result<Rule, Error>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut objects = Vec::new();
    let end = Object::read_all(origin, text, &mut objects);
    let listed: Vec<Listed> = objects.iter().filter_map(Object::listed).collect();
    let mut written = objects.iter().filter(|object| object.is_rule());
    let first = written.by_ref().take(MAX_RULES);
    let mut rules: Vec<_> = first.map(|object| object.rule(origin, &listed, fields, lineages)).collect();
    let too_many = || format!("a file has at most {MAX_RULES} rules, and this one has more: export fewer at once");
    rules.extend(written.next().map(|object| Err(object.error(origin, too_many()))));
    rules.extend(end.err().map(Err));
    if rules.is_empty() {
        rules.push(Ok(Rule::none(origin, "it holds no rule: no object in it has a rule_id or a query")));
    }
    rules
}

/// An object of the file.
struct Object<'t> {
    text: &'t str,
    start: Place,
    members: BTreeMap<String, &'t RawValue>,
}

impl<'t> Object<'t> {
    /// Reads objects up to the first mistake.
    fn read_all(origin: &str, text: &'t str, objects: &mut Vec<Object<'t>>) -> Result<(), Error> {
        let (mut seen, mut start) = (0, Place::FIRST);
        let mut read = |part: &'t str| {
            let at = offset(text, part);
            start = Place::of(&text[seen..at], at - seen).within(start);
            seen = at;
            let mut object = Object { text: part, start, members: BTreeMap::new() };
            object.members = serde_json::from_str(part).map_err(|_| {
                object.error(origin, "expected a JSON object: Kibana exports one for each rule".to_owned())
            })?;
            objects.push(object);
            Ok(())
        };
        for value in Deserializer::from_str(text).into_iter::<&RawValue>() {
            let value = value.map_err(|error| json_error(origin, text, &error))?.get();
            match serde_json::from_str::<Vec<&RawValue>>(value) {
                Ok(items) => items.into_iter().try_for_each(|item| read(item.get()))?,
                Err(_) => read(value)?,
            }
        }
        Ok(())
    }

    /// An error about all of it.
    fn error(&self, origin: &str, what: String) -> Error {
        Error { origin: origin.to_owned(), place: self.start, what: Box::new(What::Text(what)) }
    }

    /// Not so are exception lists and their entries, connectors, and the counts at the end.
    fn is_rule(&self) -> bool {
        ["rule_id", "query"].iter().any(|key| self.members.contains_key(*key))
    }

    /// The list that it is, or of which it is an entry.
    fn listed(&self) -> Option<Listed> {
        let text = |key: &str| serde_json::from_str::<String>(self.members.get(key)?.get()).ok();
        let is_entry = self.members.contains_key("entries");
        Some(Listed { list: text("list_id")?, exception: text("name").filter(|_| is_entry) })
    }

    fn rule(
        &self,
        origin: &str,
        listed: &[Listed],
        fields: &mut Fields,
        lineages: &mut Lineages,
    ) -> Result<Rule, Error> {
        let [id, name, query] = ["rule_id", "name", "query"].map(|key| self.span(key));
        let written = Written { origin, text: self.text, start: self.start, id, name, query };
        for (key, value) in &self.members {
            let at = |what| written.error(self.key_before(key, offset(self.text, value.get())), what);
            keys::check_rule(key).map_err(at)?;
        }
        let raw = serde_json::from_str(self.text);
        let mut raw: RawRule =
            raw.map_err(|error| written.error(byte_of(self.text, &error), What::Text(message(&error))))?;
        raw.kibana.list(listed);
        let mut rule = rule_query::rule(raw.into(), &written, fields, lineages)?;
        rule.line = Some(self.start.line);
        Ok(rule)
    }

    fn span(&self, key: &str) -> Range<usize> {
        self.members.get(key).map_or(0..0, |value| {
            let at = offset(self.text, value.get());
            at..at + value.get().len()
        })
    }

    /// Where the key is of the value at this byte.
    fn key_before(&self, key: &str, value: usize) -> usize {
        self.text[..value].rfind(&format!("\"{key}\"")).unwrap_or(value)
    }
}

/// Where a part of a text is in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

fn json_error(origin: &str, text: &str, error: &JsonError) -> Error {
    let what = format!("this is no JSON, as Kibana exports it: {}; export the rules again", message(error));
    Error::at((origin, text), byte_of(text, error), What::Text(what))
}

/// What the parser says, without the place.
fn message(error: &JsonError) -> String {
    let text = error.to_string();
    text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message).to_owned()
}

/// The byte at which the parser stopped.
fn byte_of(text: &str, error: &JsonError) -> usize {
    let line = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum::<usize>();
    line + error.column().saturating_sub(1)
}
