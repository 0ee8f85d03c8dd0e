//! A rule file to a rule: Elastic's two TOML layouts, that of detection-rules and that of their
//! endpoint rules. Keys that are theirs alone are read over; ours stand under `[osawatch]` and
//! `[[example]]`.

use std::fmt;

use serde::Deserialize;
use toml::Spanned;

use crate::eql::{self, Lineages, Query};
use crate::event::Fields;

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
    /// Events that must and must not alert.
    pub examples: Vec<Example>,
    /// The query as written.
    pub query_text: String,
    /// The file it came from, or `built-in`.
    pub origin: String,
    /// What was read and is not acted on.
    pub remarks: Vec<String>,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Runnable(Box<Query>),
    Inert(String),
}

impl Rule {
    /// The query, when the rule can run.
    pub fn query(&self) -> Option<&Query> {
        match &self.state {
            State::Runnable(query) => Some(query),
            State::Inert(_) => None,
        }
    }

    /// The categories of the events that it needs, and whether they must state macOS; `None` when it cannot run.
    pub fn needs(&self) -> Option<(Vec<String>, bool)> {
        self.query()?;
        let syntax = eql::parse(&self.query_text).ok()?;
        let categories =
            syntax.stages.iter().filter(|stage| !stage.missing).map(|stage| stage.category.clone()).collect();
        Some((categories, syntax.requires("host.os.type").is_some()))
    }

    /// Keeps the rule from running.
    pub(super) fn make_inert(&mut self, why: String) {
        self.state = State::Inert(why);
    }

    /// Why the rule cannot run here, when it cannot.
    pub fn inert(&self) -> Option<&str> {
        match &self.state {
            State::Runnable(_) => None,
            State::Inert(reason) => Some(reason),
        }
    }
}

/// `event.severity`, with the numbers that Elastic's alert promotion maps to its four grades.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, clap::ValueEnum)]
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

    /// Of a number that an alert has; medium when it is none of ours.
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

/// A test that a rule carries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Example {
    /// What the case is.
    pub name: String,
    /// How many alerts the rule must raise.
    pub alerts: usize,
    /// Events: one ECS document or eslogger line per line.
    pub events: String,
}

/// A rule file that is wrong: the message names file, line and column, and shows the place.
#[derive(Clone, Debug)]
pub struct Error(pub(super) String);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

#[derive(Deserialize)]
struct File {
    rule: RawRule,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    threat: Vec<Threat>,
    #[serde(default)]
    actions: Vec<toml::Table>,
    #[serde(default)]
    osawatch: Ours,
    #[serde(default)]
    example: Vec<Example>,
}

/// Which of Elastic's integrations the rule's events come from; `endpoint` is Elastic Defend.
#[derive(Deserialize, Default)]
struct Metadata {
    #[serde(default)]
    integration: Integration,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Integration {
    One(String),
    Several(Vec<String>),
}

impl Metadata {
    /// The products whose events the rule needs, when Elastic Defend is not among them.
    fn other_products(self) -> Option<String> {
        let products = match self.integration {
            Integration::One(product) => vec![product],
            Integration::Several(products) => products,
        };
        let other = !products.is_empty() && !products.iter().any(|product| product == "endpoint");
        other.then(|| products.join(" or "))
    }
}

impl Default for Integration {
    fn default() -> Integration {
        Integration::Several(Vec::new())
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct Ours {
    uuid: Option<String>,
    #[serde(default)]
    once_per_event: bool,
    #[serde(default)]
    yields_to: Vec<String>,
}

#[derive(Deserialize)]
struct RawRule {
    #[serde(alias = "id")]
    rule_id: String,
    name: String,
    #[serde(default)]
    description: String,
    severity: Option<Severity>,
    risk_score: Option<f64>,
    r#type: Option<String>,
    language: Option<String>,
    query: Option<Spanned<String>>,
    version: Option<toml::Value>,
    #[serde(default)]
    tags: Vec<String>,
    #[serde(default, alias = "reference")]
    references: Vec<String>,
    #[serde(default)]
    false_positives: Vec<String>,
    #[serde(default)]
    note: String,
    #[serde(default)]
    threat: Vec<Threat>,
    #[serde(default)]
    author: Vec<String>,
    license: Option<String>,
    os_list: Option<Vec<String>>,
}

impl Rule {
    /// Reads a rule file. `origin` is what error messages call it.
    pub fn parse(origin: &str, text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Rule, Error> {
        let file: File = toml::from_str(text).map_err(|error| toml_error(origin, text, &error))?;
        let File { rule: raw, metadata, threat, actions, osawatch, example } = file;
        let state = match &raw.query {
            Some(query) => {
                let loaded = load_query(&raw, query, (origin, text), fields, lineages);
                // Fields of another product's events are no slip of the pen in a rule for that product.
                match metadata.other_products() {
                    Some(products) if loaded.is_err() => State::Inert(format!("it needs events of {products}")),
                    _ => loaded?,
                }
            }
            None => State::Inert("it has no query".into()),
        };
        let mut remarks = Vec::new();
        if !actions.is_empty() {
            remarks.push(format!("{} [[actions]] ignored: osawatch only detects", actions.len()));
        }
        Ok(Rule {
            uuid: osawatch.uuid.or_else(|| is_uuid(&raw.rule_id).then(|| raw.rule_id.clone())),
            id: raw.rule_id,
            name: raw.name,
            version: raw.version.map_or_else(|| "1".into(), plain),
            description: raw.description.split_whitespace().collect::<Vec<_>>().join(" "),
            severity: raw.severity.unwrap_or(Severity::Medium),
            risk_score: raw.risk_score.unwrap_or(47.0).clamp(0.0, 100.0),
            authors: raw.author,
            license: raw.license,
            tags: raw.tags,
            references: raw.references,
            false_positives: raw.false_positives,
            note: raw.note.trim().to_owned(),
            threats: raw.threat.into_iter().chain(threat).collect(),
            yields_to: osawatch.yields_to,
            once_per_event: osawatch.once_per_event,
            examples: example,
            query_text: raw.query.map(Spanned::into_inner).unwrap_or_default().trim().to_owned(),
            origin: origin.to_owned(),
            remarks,
            state,
        })
    }
}

fn is_uuid(text: &str) -> bool {
    text.len() == 36 && text.bytes().filter(|byte| *byte == b'-').count() == 4
}

fn plain(value: toml::Value) -> String {
    match value {
        toml::Value::String(text) => text,
        other => other.to_string(),
    }
}

fn load_query(
    raw: &RawRule,
    query: &Spanned<String>,
    (origin, text): (&str, &str),
    fields: &mut Fields,
    lineages: &mut Lineages,
) -> Result<State, Error> {
    let language = raw.language.as_deref().or(raw.r#type.as_deref()).unwrap_or("eql");
    if language != "eql" || raw.r#type.as_deref().is_some_and(|kind| kind != "eql") {
        return Ok(State::Inert(format!("it is written in {language}; osawatch runs EQL rules")));
    }
    if let Some(inert) = raw.os_list.as_ref().and_then(|systems| for_other_systems(systems)) {
        return Ok(inert);
    }
    let wrong = |error: eql::Error| Error(error.render(query.get_ref(), origin, first_line(text, query)));
    let syntax = eql::parse(query.get_ref()).map_err(wrong)?;
    if let Some(inert) = syntax.requires("host.os.type").and_then(|systems| for_other_systems(&systems)) {
        return Ok(inert);
    }
    let unseen = |name: &&str| !matches!(*name, "process" | "network" | "any");
    if let Some(category) = syntax.stages.iter().map(|stage| stage.category.as_str()).find(unseen) {
        return Ok(State::Inert(format!("it needs {category} events, which osawatch does not see")));
    }
    eql::compile(query.get_ref(), fields, lineages).map(|query| State::Runnable(Box::new(query))).map_err(wrong)
}

fn for_other_systems(systems: &[String]) -> Option<State> {
    let other = !systems.iter().any(|system| system.eq_ignore_ascii_case("macos"));
    other.then(|| State::Inert(format!("it is for {}", systems.join(" and "))))
}

/// The line of the file on which the text of the query begins.
fn first_line(text: &str, query: &Spanned<String>) -> usize {
    let written = text.get(query.span()).unwrap_or_default();
    let opening = written.find(query.get_ref().as_str()).unwrap_or(0);
    1 + text[..query.span().start + opening].matches('\n').count()
}

fn toml_error(origin: &str, text: &str, error: &toml::de::Error) -> Error {
    let at = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..at).unwrap_or_default();
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    Error(format!("{origin}:{line}:{column}: {}", error.message()))
}
