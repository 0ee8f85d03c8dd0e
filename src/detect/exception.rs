//! Exceptions: what a rule finds and should not be reported, each with a name, a reason and a count.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::error::{Error, What};
use super::string_literal::written_at;
use crate::eql::{self, Condition, Lineages};
use crate::event::{Event, Fields, Timestamp};
use crate::place::Place;

/// An entry as it is written: `[[exception]]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    name: String,
    rules: Scope,
    condition: Spanned<String>,
    owner: String,
    reason: String,
    expires: Option<Spanned<toml::value::Datetime>>,
}

/// An entry in which anything can be missing, so that all that is can be named.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawEntry {
    name: Option<String>,
    rules: Option<Scope>,
    condition: Option<Spanned<String>>,
    #[serde(default)]
    owner: String,
    reason: Option<String>,
    expires: Option<Spanned<toml::value::Datetime>>,
}

impl TryFrom<RawEntry> for Entry {
    type Error = String;

    fn try_from(raw: RawEntry) -> Result<Entry, String> {
        match raw {
            RawEntry {
                name: Some(name),
                rules: Some(rules),
                condition: Some(condition),
                owner,
                reason: Some(reason),
                expires,
            } => Ok(Entry { name, rules, condition, owner, reason, expires }),
            RawEntry { name, rules, condition, reason, .. } => {
                let has = [name.is_some(), rules.is_some(), condition.is_some(), reason.is_some()];
                let missing = ["name", "rules", "condition", "reason"].into_iter().zip(has).filter(|(_, has)| !has);
                let missing: Vec<String> = missing.map(|(key, _)| format!("`{key}`")).collect();
                let plural = if missing.len() > 1 { "s" } else { "" };
                Err(format!("missing field{plural} {}", missing.join(", ")))
            }
        }
    }
}

/// What is said of an entry while it is read is said of its place; afterwards it would be of that of the whole list.
struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = Entry;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table")
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<Entry, M::Error> {
        RawEntry::deserialize(MapAccessDeserializer::new(map))?.try_into().map_err(M::Error::custom)
    }
}

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Entry, D::Error> {
        deserializer.deserialize_map(EntryVisitor)
    }
}

/// The rules that an exception is for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "RawScope")]
pub enum Scope {
    /// `"all"`
    All,
    /// These ids.
    Rules(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`rules` is a list of rule ids, or \"all\"")]
enum RawScope {
    Word(String),
    Ids(Vec<String>),
}

impl TryFrom<RawScope> for Scope {
    type Error = &'static str;

    fn try_from(raw: RawScope) -> Result<Scope, &'static str> {
        match raw {
            RawScope::Word(word) if word == "all" => Ok(Scope::All),
            RawScope::Ids(ids) if !ids.is_empty() => Ok(Scope::Rules(ids)),
            _ => Err("`rules` is a list of rule ids, or \"all\""),
        }
    }
}

/// A compiled exception.
#[derive(Clone, Debug)]
pub struct Exception {
    /// What it is called.
    pub name: String,
    /// Where its condition stands: file, line and column.
    pub(crate) origin: String,
    /// The rules it is for.
    pub scope: Scope,
    /// Who answers for it; may be empty.
    pub owner: String,
    /// Why it is there.
    pub reason: String,
    /// From this time on it does not apply.
    pub expires: Option<Timestamp>,
    /// The condition as it is written.
    pub condition_text: String,
    condition: Condition,
    /// Sequences that it suppressed after they had been taken for alerts.
    late: Arc<AtomicU64>,
}

impl Exception {
    /// Compiles an entry. `origin` and `text` are its file.
    pub(super) fn compile(
        entry: &Entry,
        (origin, text): (&str, &str),
        fields: &mut Fields,
        lineages: &mut Lineages,
    ) -> Result<Exception, Error> {
        let condition = eql::compile_condition(entry.condition.get_ref(), fields, lineages);
        let condition = condition.map_err(|error| condition_error(entry, (origin, text), error))?;
        let expires = match &entry.expires {
            None => None,
            Some(date) => {
                let no_date = || Error::at((origin, text), date.span().start, What::Expiry);
                Some(expiry(date.get_ref()).ok_or_else(no_date)?)
            }
        };
        Ok(Exception {
            name: entry.name.clone(),
            origin: match text {
                "" => origin.to_owned(),
                text => format!("{origin}:{}", Place::of(text, entry.condition.span().start)),
            },
            scope: entry.rules.clone(),
            owner: entry.owner.clone(),
            reason: entry.reason.clone(),
            expires,
            condition_text: entry.condition.get_ref().clone(),
            condition,
            late: Arc::default(),
        })
    }

    /// Why it can never hold back a sequence of this many events, if that is so.
    pub fn never_true(&self, events: usize) -> Option<String> {
        self.condition.never_true(events)
    }

    /// Whether it holds back everything that the rules find.
    pub fn is_always_true(&self) -> bool {
        self.condition.is_always_true()
    }

    /// Whether it asks for the name of a user, which a live Mac may find out after the event.
    pub fn names_users(&self) -> bool {
        self.condition_text.replace('`', "").contains("user.name")
    }

    /// Holds back, if it applies, what had been taken for an alert before the names of its users were known.
    pub fn holds_back_late(&self, rule_id: &str, events: &[Arc<Event>]) -> bool {
        let holds_back = self.holds_back(rule_id, events);
        self.late.fetch_add(u64::from(holds_back), Ordering::Relaxed);
        holds_back
    }

    /// Sequences that it suppressed late.
    pub fn suppressed_late(&self) -> u64 {
        self.late.load(Ordering::Relaxed)
    }

    /// Whether the exception is for the rule.
    pub fn covers(&self, rule_id: &str) -> bool {
        match &self.scope {
            Scope::All => true,
            Scope::Rules(ids) => ids.iter().any(|id| id == rule_id),
        }
    }

    /// Whether it holds back a sequence. Its expiry is judged by the time of the completing event.
    pub fn holds_back(&self, rule_id: &str, events: &[Arc<Event>]) -> bool {
        let Some(last) = events.last() else { return false };
        let expired = self.expires.is_some_and(|expires| last.time >= expires);
        !expired && self.covers(rule_id) && self.condition.holds(events)
    }
}

/// A date without a time counts to the end of that day, a time without an offset is in UTC.
fn expiry(date: &toml::value::Datetime) -> Option<Timestamp> {
    date.date?;
    let time = Timestamp::parse(&date.to_string())?;
    match date.time {
        Some(_) => Some(time),
        None => Some(Timestamp::from_nanoseconds(time.nanoseconds().checked_add(86_400_000_000_000)?)),
    }
}

/// The error with its place in the file.
fn condition_error(entry: &Entry, (origin, text): (&str, &str), error: eql::Error) -> Error {
    let at = written_at(text, &entry.condition.span(), error.span.start);
    Error::at((origin, text), at, What::Condition(entry.name.clone(), error))
}
