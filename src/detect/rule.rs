//! What a rule is.

use std::fmt;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;

use crate::eql::{self, Query};
use crate::place::Place;

/// Why a rule that is off by default does not run.
const OFF: &str = "it is off; `enable` in the section [rules] of the configuration turns it on";

/// A loaded rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `rule.id`: `rule_id`, or `id` in the endpoint layout.
    pub id: String,
    /// `rule.uuid`: stated by built-in rules; Elastic's ids are UUIDs themselves.
    pub uuid: Option<String>,
    /// `rule.name`, and the alert's `message`.
    pub name: String,
    /// `rule.version`.
    pub version: String,
    /// `rule.description`, on one line.
    pub description: String,
    /// How grave an alert is.
    pub severity: Severity,
    /// `event.risk_score`, 0 to 100.
    pub risk_score: f64,
    /// `rule.author`.
    pub authors: Vec<String>,
    /// `rule.license`.
    pub license: Option<String>,
    /// Tags of the alert.
    pub tags: Vec<String>,
    /// Web pages about what the rule finds.
    pub references: Vec<String>,
    /// What else looks like this.
    pub false_positives: Vec<String>,
    /// The triage note, in Markdown.
    pub note: String,
    /// `threat.*`.
    pub threats: Vec<Threat>,
    /// Rules that take precedence on an event that both find.
    pub yields_to: Vec<String>,
    /// Of several sequences that end in one event, only the first goes out.
    pub once_per_event: bool,
    /// In a case that has alerted, only a graver detection is another alert; the rest is followed up.
    pub one_case: bool,
    /// Something is done about each of its alerts, so that each run of a program is a case of its own.
    pub each_run: bool,
    /// Events that must and must not alert.
    pub examples: Vec<Example>,
    /// Clauses that no example can show to be needed.
    pub stays: Vec<Stays>,
    /// The query as written.
    pub query_text: String,
    /// The file it came from, or `built-in`.
    pub origin: String,
    /// Its line, in a file of several rules.
    pub(super) line: Option<usize>,
    /// What was read and is not acted on.
    pub remarks: Vec<String>,
    /// Where the id is in its file.
    pub(super) id_place: Place,
    pub(super) state: State,
}

#[derive(Clone, Debug)]
pub(super) enum State {
    Runnable(Box<Query>),
    /// Off by default: it could run, and was not turned on.
    Off(Box<Query>),
    Inert(String),
}

impl Rule {
    /// The query, when the rule can run.
    pub fn query(&self) -> Option<&Query> {
        match &self.state {
            State::Runnable(query) => Some(query),
            State::Off(_) | State::Inert(_) => None,
        }
    }

    /// Whether it is off by default and was not turned on.
    pub fn is_off(&self) -> bool {
        matches!(self.state, State::Off(_))
    }

    /// Turns it on, if it was off by default.
    pub(super) fn turn_on(&mut self) {
        if let State::Off(query) = &self.state {
            self.state = State::Runnable(query.clone());
        }
    }

    /// Keeps the rule from running.
    pub(super) fn make_inert(&mut self, why: String) {
        self.state = State::Inert(why);
    }

    /// The file it came from, with its line where others are in that file too.
    pub(crate) fn written_in(&self) -> String {
        self.line.map_or_else(|| self.origin.clone(), |line| format!("{}:{line}", self.origin))
    }

    /// The clauses of the query, with the category of their events and their place in its text.
    pub(crate) fn clauses(&self) -> Vec<(String, Range<usize>)> {
        let Ok(parsed) = eql::parse(&self.query_text) else { return Vec::new() };
        parsed.clauses().into_iter().map(|(category, span)| (category.to_owned(), span)).collect()
    }

    /// The rule with another query, which alerts by itself.
    pub(super) fn with_query(&self, text: &str, query: Query) -> Rule {
        let state = State::Runnable(Box::new(query));
        Rule { query_text: text.to_owned(), one_case: false, state, ..self.clone() }
    }

    /// Why the rule cannot run here, when it cannot.
    pub fn inert(&self) -> Option<&str> {
        match &self.state {
            State::Runnable(_) => None,
            State::Off(_) => Some(OFF),
            State::Inert(reason) => Some(reason),
        }
    }
}

/// `event.severity`, with the numbers that Elastic's alert promotion maps to its four grades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// 21
    Low,
    /// 47
    Medium,
    /// 73
    High,
    /// 99
    Critical,
}

impl Severity {
    /// All, the least first.
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// Of a number that an alert has; medium when it is not one of ours.
    pub fn of(number: u64) -> Severity {
        Severity::ALL.into_iter().find(|severity| severity.number() == number).unwrap_or(Severity::Medium)
    }

    /// The number.
    pub fn number(self) -> u64 {
        match self {
            Severity::Low => 21,
            Severity::Medium => 47,
            Severity::High => 73,
            Severity::Critical => 99,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Severity::Low => "low",
            Severity::Medium => "medium",
            Severity::High => "high",
            Severity::Critical => "critical",
        })
    }
}

/// A MITRE ATT&CK mapping.
#[derive(Clone, Debug, Deserialize)]
pub struct Threat {
    /// `threat.framework`.
    pub framework: String,
    /// `threat.tactic`.
    pub tactic: Technique,
    /// `threat.technique`.
    #[serde(default)]
    pub technique: Vec<Technique>,
}

/// A tactic, technique or subtechnique.
#[derive(Clone, Debug, Deserialize)]
pub struct Technique {
    /// Such as `T1059`.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its page.
    pub reference: String,
    /// `threat.technique.subtechnique`.
    #[serde(default)]
    pub subtechnique: Vec<Technique>,
}

/// A test that a rule carries, or a file beside it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the case is.
    pub name: String,
    /// The alerts that the rule must raise.
    pub alerts: Expected,
    /// Events: one ECS document or eslogger line per line.
    pub events: Option<Spanned<String>>,
    /// A recording of the events, beside the file.
    pub recording: Option<Spanned<String>>,
}

/// The alerts that an example expects.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged, expecting = "`alerts` is a number, or a list of the ids of each alert's events")]
pub enum Expected {
    /// This many.
    Count(usize),
    /// These, each by the ids of its events.
    Events(Vec<Vec<String>>),
}

/// A clause that no example can show to be needed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stays {
    /// The clause as it is written in the query.
    pub clause: String,
    /// Why it stays.
    pub reason: String,
}
