//! A rule file to a rule: Elastic's two TOML layouts, that of detection-rules and that of their
//! endpoint rules. Keys that only Elastic uses are ignored; ours are under `[osawatch]` and
//! `[[example]]`.

use std::collections::HashSet;
use std::ops::Range;

use serde::Deserialize;
use toml::Spanned;
use toml::de::DeTable;

use super::error::{Error, What};
use super::keys;
use super::kibana::Kibana;
use super::rule::{Example, Rule, Severity, State, Stays, Threat};
use crate::eql::{self, Lineages};
use crate::event::{Categories, Fields};
use crate::place::Place;

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
    fn other_products(&self) -> Option<String> {
        let products = match &self.integration {
            Integration::One(product) => std::slice::from_ref(product),
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
    enabled: Option<bool>,
    #[serde(default)]
    once_per_event: bool,
    #[serde(default)]
    one_case: bool,
    #[serde(default)]
    yields_to: Vec<String>,
    #[serde(default)]
    stays: Vec<Stays>,
}

#[derive(Deserialize)]
struct RawRule {
    #[serde(alias = "id")]
    rule_id: Spanned<String>,
    name: Spanned<String>,
    #[serde(default)]
    description: String,
    severity: Option<Severity>,
    risk_score: Option<f64>,
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
    #[serde(flatten)]
    kibana: Kibana,
    #[serde(default)]
    index: Vec<String>,
}

impl Rule {
    /// Reads a rule file. `origin` is what error messages call it.
    pub(crate) fn parse(origin: &str, text: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Rule, Error> {
        let at = |span: Range<usize>, what: What| Error::at((origin, text), span.start, what);
        let table = DeTable::parse(text).map_err(|error| match text.trim_start_matches('\u{feff}').trim_start() {
            json if json.starts_with('{') => at(0..0, What::Json),
            _ => Error::toml((origin, text), &error),
        })?;
        keys::check(table.get_ref()).map_err(|(span, what)| at(span, what))?;
        if !table.get_ref().contains_key("rule") {
            return Ok(Rule::none(origin));
        }
        let file: File = toml::from_str(text).map_err(|error| Error::toml((origin, text), &error))?;
        for (name, value) in [("rule_id", &file.rule.rule_id), ("name", &file.rule.name)] {
            if value.get_ref().trim().is_empty() {
                return Err(at(value.span(), What::Empty(name)));
            }
        }
        let kibana = &file.rule.kibana;
        let (state, mut remarks) = match (kibana.other_language(), &file.rule.query) {
            (Some(why), _) => inert(why),
            (None, Some(query)) => load_query(&file, query, (origin, text), fields, lineages)?,
            (None, None) => inert("it has no query".into()),
        };
        let state = match (state, kibana.other_events()) {
            (State::Runnable(_), Some(why)) => State::Inert(why),
            (State::Runnable(query), None) => {
                remarks.extend(kibana.remarks(query.is_sequence()));
                let is_off = kibana.is_off() || file.osawatch.enabled == Some(false);
                if is_off { State::Off(query) } else { State::Runnable(query) }
            }
            (state, _) => state,
        };
        if !file.actions.is_empty() {
            remarks.push(format!("{} [[actions]] ignored: osawatch only detects", file.actions.len()));
        }
        Ok(Rule::of(file, (origin, text), remarks, state))
    }

    fn of(file: File, (origin, text): (&str, &str), remarks: Vec<String>, state: State) -> Rule {
        let File { rule: raw, threat, osawatch, example, .. } = file;
        let id_place = Place::of(text, raw.rule_id.span().start);
        let id = raw.rule_id.into_inner();
        Rule {
            uuid: osawatch.uuid.or_else(|| is_uuid(&id).then(|| id.clone())),
            id,
            name: raw.name.into_inner(),
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
            one_case: osawatch.one_case,
            each_run: false,
            examples: example,
            stays: osawatch.stays,
            query_text: raw.query.map(Spanned::into_inner).unwrap_or_default().trim().to_owned(),
            origin: origin.to_owned(),
            remarks,
            id_place,
            state,
        }
    }

    /// Represents a file that is not a rule: rule folders hold other files too.
    fn none(origin: &str) -> Rule {
        let stem = origin.rsplit('/').next().unwrap_or(origin).trim_end_matches(".toml");
        Rule {
            id: stem.to_owned(),
            uuid: None,
            name: stem.to_owned(),
            version: String::new(),
            description: String::new(),
            severity: Severity::Low,
            risk_score: 0.0,
            authors: Vec::new(),
            license: None,
            tags: Vec::new(),
            references: Vec::new(),
            false_positives: Vec::new(),
            note: String::new(),
            threats: Vec::new(),
            yields_to: Vec::new(),
            once_per_event: false,
            one_case: false,
            each_run: false,
            examples: Vec::new(),
            stays: Vec::new(),
            query_text: String::new(),
            origin: origin.to_owned(),
            remarks: Vec::new(),
            id_place: Place::of("", 0),
            state: State::Inert("it is not a rule: it has no [rule] table".to_owned()),
        }
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

/// What becomes of the query, and what is read in it and not acted on.
type Loaded = (State, Vec<String>);

fn load_query(
    file: &File,
    query: &Spanned<String>,
    (origin, text): (&str, &str),
    fields: &mut Fields,
    lineages: &mut Lineages,
) -> Result<Loaded, Error> {
    let raw = &file.rule;
    if let Some(why) = raw.os_list.as_ref().and_then(|systems| for_other_systems(systems)) {
        return Ok(inert(why));
    }
    // A name that is unknown here may be a valid one in a rule for another system or product.
    compile(query.get_ref(), fields, lineages).or_else(|error| match elsewhere(file, query.get_ref()) {
        Some(why) => Ok(inert(why)),
        None => Err(Error::query((origin, text), query, error)),
    })
}

fn inert(why: String) -> Loaded {
    (State::Inert(why), Vec::new())
}

fn compile(query: &str, fields: &mut Fields, lineages: &mut Lineages) -> Result<Loaded, eql::Error> {
    let syntax = eql::parse(query)?;
    if let Some(why) = syntax.requires("host.os.type").and_then(|systems| for_other_systems(&systems)) {
        return Ok(inert(why));
    }
    let is_unseen = |name: &str| name != "any" && Categories::named(name).is_empty();
    let needs = |category: &str| inert(format!("it needs {category} events, which osawatch does not see"));
    let stages = syntax.all_stages();
    if let Some(stage) = stages.iter().find(|stage| is_unseen(&stage.category)) {
        return Ok(needs(&stage.category));
    }
    let mut remarks = Vec::new();
    for stage in stages {
        let mut named = stage.condition.texts_of("event.category");
        named.retain(|name| is_unseen(name));
        let Some(first) = named.first() else { continue };
        let demanded = stage.condition.requires("event.category");
        if demanded.is_some_and(|all| all.iter().all(|name| is_unseen(name))) {
            return Ok(needs(first));
        }
        remarks.push(format!("osawatch does not see the {} events that it looks for too", named.join(" and ")));
    }
    let query = eql::compile_parsed(&syntax, query, fields, lineages)?;
    Ok((State::Runnable(Box::new(query)), remarks))
}

/// The other system or product that the rule is for, as far as the file shows without parsing the query.
fn elsewhere(file: &File, query: &str) -> Option<String> {
    if let Some(products) = file.metadata.other_products() {
        return Some(format!("it needs events of {products}"));
    }
    let systems = systems_named(query);
    if !systems.is_empty() && !systems.iter().any(|system| system == "macos") {
        return Some(format!("it is for {}", systems.join(" and ")));
    }
    let tagged: Vec<&str> = file.rule.tags.iter().filter_map(|tag| tag.strip_prefix("OS: ")).collect();
    if !tagged.is_empty() && !tagged.iter().any(|system| system.eq_ignore_ascii_case("macos")) {
        return Some(format!("it is for {}", tagged.join(" and ").to_lowercase()));
    }
    let index = &file.rule.index;
    let is_ours = |pattern: &String| pattern.starts_with("logs-endpoint") || pattern.starts_with("logs-*");
    (!index.is_empty() && !index.iter().any(is_ours)).then(|| format!("it needs events of {}", index.join(" or ")))
}

/// The strings after `host.os.type ==` or `:` in a query that does not parse.
fn systems_named(query: &str) -> Vec<String> {
    let (mut systems, mut seen) = (Vec::new(), HashSet::new());
    for (at, name) in query.match_indices("host.os.type") {
        let rest = query[at + name.len()..].trim_start();
        let Some(value) =
            rest.strip_prefix("==").or_else(|| rest.strip_prefix(':')).or_else(|| rest.strip_prefix("in"))
        else {
            continue;
        };
        let value = value.trim_start_matches(['~', ' ', '(']);
        let Some((system, _)) = value.strip_prefix('"').and_then(|value| value.split_once('"')) else { continue };
        if seen.insert(system) {
            systems.push(system.to_lowercase());
        }
    }
    systems
}

fn for_other_systems(systems: &[String]) -> Option<String> {
    let other = !systems.iter().any(|system| system.eq_ignore_ascii_case("macos"));
    other.then(|| format!("it is for {}", systems.join(" and ")))
}
