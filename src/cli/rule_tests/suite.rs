//! The rules under test with their examples, and one run of an example.

use std::fmt;
use std::path::{Path, PathBuf};
use std::slice;

use serde::Deserialize;
use serde_json::Value as Json;

use super::super::exit::{Failure, source_failure};
use super::super::rule_files::{read_named, why_skipped, wrong};
use super::events::{self, Events};
use crate::config::RulePaths;
use crate::config::trust::{self, Trust};
use crate::detect::rule::{Example, Expected};
use crate::detect::{Rule, RuleSet};
use crate::event::{Decoded, Fields, Machine};
use crate::pipeline::{Limits, Output, Pipeline};
use crate::place::Place;
use crate::report::{plural, visible};
use crate::source::Decoder;

/// An example file is small; this bounds what a mistaken path can cost.
const MAX_RULE_BYTES: u64 = 16 << 20;
/// Rules that are named where none can run.
const SHOWN_SKIPPED: usize = 10;

/// A rule and its examples.
pub(super) struct Suite {
    pub rule: Rule,
    pub cases: Vec<Case>,
}

/// An example, ready to run.
pub(super) struct Case {
    pub name: String,
    expected: Expected,
    /// The file that its events are in.
    origin: String,
    events: Events,
}

/// An example, and how it went.
pub(super) struct Tested<'s> {
    pub suite: &'s Suite,
    pub name: &'s str,
    pub verdict: Verdict,
}

/// How an example went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Passed,
    Failed(String),
    /// It could not run.
    Error(String),
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Verdict::Passed => f.write_str("pass"),
            Verdict::Failed(why) | Verdict::Error(why) => write!(f, "FAIL: {why}"),
        }
    }
}

/// Examples beside a rule: `rule.test.toml`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Beside {
    #[serde(default)]
    example: Vec<Example>,
}

/// The rules under test.
pub(super) struct Suites {
    pub suites: Vec<Suite>,
    /// Rules that cannot run: where, and why.
    pub skipped: Vec<String>,
}

impl Suites {
    /// The rules at these paths, each of which has to hold one that runs, or the built-in ones.
    pub(super) fn load(paths: &[PathBuf]) -> Result<Suites, Failure> {
        let mut all = Suites { suites: Vec::new(), skipped: Vec::new() };
        if paths.is_empty() {
            let rules = RuleSet::built_in().rules;
            all.suites = rules.into_iter().map(|rule| suite(rule, "", &[])).collect::<Result<_, _>>()?;
        }
        for path in paths {
            all.add(path)?;
        }
        Ok(all)
    }

    fn add(&mut self, path: &PathBuf) -> Result<(), Failure> {
        let before = (self.suites.len(), self.skipped.len());
        for (origin, text) in read_named(slice::from_ref(path), Trust::Anyone)? {
            let text = text?;
            let mut set = RuleSet::default();
            for rule in set.add_file(&origin, &text) {
                let rule = rule.map_err(wrong)?;
                match why_skipped(&rule) {
                    Some(why) => self.skipped.push(why),
                    None => self.suites.push(suite(rule, &text, &beside(&origin)?)?),
                }
            }
        }
        if self.suites.len() > before.0 {
            return Ok(());
        }
        let skipped: Vec<&str> = self.skipped[before.1..].iter().take(SHOWN_SKIPPED).map(String::as_str).collect();
        let path = visible(&path.to_string_lossy());
        Err(Failure::new(Failure::NO_INPUT, format!("{path}: no rule here can run\n{}", skipped.join("\n"))))
    }
}

/// The example files beside a rule file, with their texts; an export has none, as it is of several rules.
fn beside(origin: &str) -> Result<Vec<(String, String)>, Failure> {
    let path = format!("{}.test.toml", origin.trim_end_matches(".toml"));
    if RulePaths::is_export(Path::new(origin)) || !Path::new(&path).is_file() {
        return Ok(Vec::new());
    }
    let text = read(Path::new(&path))?;
    Ok(vec![(path, text)])
}

fn read(path: &Path) -> Result<String, Failure> {
    let failure = |error| Failure::new(Failure::NO_INPUT, format!("{}: {error}", path.display()));
    trust::read(path, Trust::Anyone, MAX_RULE_BYTES).map_err(failure)
}

fn suite(rule: Rule, text: &str, beside: &[(String, String)]) -> Result<Suite, Failure> {
    let mut cases = Vec::new();
    for example in &rule.examples {
        cases.push(case(example, &rule.origin, text)?);
    }
    for (origin, text) in beside {
        let file: Beside = toml::from_str(text).map_err(|error| {
            let place = Place::of(text, error.span().map_or(0, |span| span.start));
            Failure::new(Failure::CONFIG, format!("{origin}:{place}: {}", error.message()))
        })?;
        for example in &file.example {
            cases.push(case(example, origin, text)?);
        }
    }
    Ok(Suite { rule, cases })
}

fn case(example: &Example, origin: &str, text: &str) -> Result<Case, Failure> {
    let wrong = |at: usize, what: &str| {
        let place = Place::of(text, at);
        Failure::new(Failure::CONFIG, format!("{origin}:{place}: example `{}`: {what}", example.name))
    };
    let (origin, events) = match (&example.events, &example.recording) {
        (Some(events), None) => {
            let written = text.get(events.span()).unwrap_or_default();
            let opening = written.find(events.get_ref().as_str()).unwrap_or(0);
            let first = Place::of(text, events.span().start + opening);
            (origin.to_owned(), events::written(events.get_ref(), origin, first).map_err(source_failure)?)
        }
        (None, Some(recording)) => {
            let path = Path::new(origin).parent().unwrap_or(Path::new("")).join(recording.get_ref());
            let shown = path.display().to_string();
            let events = events::recorded(&path);
            (shown.clone(), events.map_err(|error| wrong(recording.span().start, &format!("{shown}: {error}")))?)
        }
        (None, None) => return Err(wrong(0, "it has neither `events` nor a `recording`")),
        (Some(_), Some(recording)) => {
            return Err(wrong(recording.span().start, "it has both `events` and a `recording`: give one"));
        }
    };
    Ok(Case { name: example.name.clone(), expected: example.alerts.clone(), origin, events })
}

impl Suite {
    /// Runs an example.
    pub(super) fn test(&self, case: &Case) -> Verdict {
        if let Some(fault) = &case.events.fault {
            return Verdict::Error(fault.clone());
        }
        if let Err(error) = case.check_fields() {
            return Verdict::Error(error);
        }
        match self.alerts(&self.rule.query_text, case) {
            Err(error) => Verdict::Error(error),
            Ok(found) if case.is_met_by(&found) => Verdict::Passed,
            Ok(found) => Verdict::Failed(case.difference(&found)),
        }
    }

    /// The alerts of the rule with this query on the events of an example: the ids of the events of each.
    pub(super) fn alerts(&self, query: &str, case: &Case) -> Result<Vec<Vec<String>>, String> {
        let set = RuleSet::variant(&self.rule, query).map_err(|error| error.to_string())?;
        let mut pipeline = Pipeline::new(set, Limits::replay());
        let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
        let mut found = Vec::new();
        let mut note = |output: Output<'_>| {
            let alert = output.alert(0);
            found.extend(alert.map(|alert| alert.events.iter().map(|event| event.id()).collect()));
        };
        for (line, place) in case.events.lines.iter().zip(&case.events.places) {
            let decoding = decoder.decode(line, None).map_err(|error| format!("{}:{place}: {error}", case.origin))?;
            if let Decoded::Event(event) = decoding.decoded {
                pipeline.push(event, &mut note);
            }
        }
        pipeline.finish(&mut note);
        Ok(found)
    }
}

impl Case {
    /// Whether these alerts are those that the example expects.
    pub(super) fn is_met_by(&self, found: &[Vec<String>]) -> bool {
        match &self.expected {
            Expected::Count(count) => found.len() == *count,
            Expected::Events(wanted) => {
                let (mut found, mut wanted) = (found.to_vec(), wanted.clone());
                found.sort();
                wanted.sort();
                found == wanted
            }
        }
    }

    fn difference(&self, found: &[Vec<String>]) -> String {
        let ids = |alerts: &[Vec<String>]| {
            let alerts: Vec<String> = alerts.iter().map(|ids| format!("[{}]", ids.join(", "))).collect();
            if alerts.is_empty() { "none".to_owned() } else { alerts.join(" ") }
        };
        match &self.expected {
            Expected::Count(count) => format!("{}, expected {count}", plural(found.len() as u64, "alert")),
            Expected::Events(wanted) => format!("alerts of {}, expected {}", ids(found), ids(wanted)),
        }
    }

    /// Refuses an ECS document with a field that no table knows: it tests nothing.
    fn check_fields(&self) -> Result<(), String> {
        let mut fields = Fields::new();
        for (line, place) in self.events.lines.iter().zip(&self.events.places) {
            let Ok(Json::Object(document)) = serde_json::from_str(line.as_str()) else { continue };
            if !document.contains_key("@timestamp") {
                continue;
            }
            let mut names = Vec::new();
            leaves("", &Json::Object(document), &mut names);
            for name in names {
                if let Err(unknown) = fields.resolve(&name) {
                    let key = name.rsplit('.').next().unwrap_or(&name);
                    let at = line.as_str().find(&format!("\"{key}\"")).or_else(|| line.as_str().find(&name));
                    let column = place.column + line.as_str()[..at.unwrap_or(0)].chars().count();
                    return Err(format!("{}:{}:{column}: {unknown}", self.origin, place.line));
                }
            }
        }
        Ok(())
    }
}

fn leaves(prefix: &str, value: &Json, names: &mut Vec<String>) {
    match value {
        Json::Object(members) => {
            for (key, value) in members {
                let name = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                leaves(&name, value, names);
            }
        }
        Json::Array(items) if items.iter().any(Json::is_object) => {
            items.iter().for_each(|item| leaves(prefix, item, names));
        }
        _ => names.push(prefix.to_owned()),
    }
}
