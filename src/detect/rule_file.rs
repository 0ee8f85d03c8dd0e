//! What a rule file states, whichever its format, to a rule. Keys that only Elastic uses are ignored; ours are under
//! `[osawatch]` and `[[example]]`.

use serde::Deserialize;

use super::kibana::Kibana;
use super::rule::{Example, Rule, Severity, State, Stays, Threat};
use super::written::Written;
use crate::place::Place;

/// A rule file; of what Kibana exports there is the rule alone.
#[derive(Deserialize)]
pub(super) struct File {
    pub(super) rule: RawRule,
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    threat: Vec<Threat>,
    #[serde(default)]
    pub(super) actions: Vec<toml::Table>,
    #[serde(default)]
    pub(super) osawatch: Ours,
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

impl Default for Integration {
    fn default() -> Integration {
        Integration::Several(Vec::new())
    }
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(super) struct Ours {
    uuid: Option<String>,
    pub(super) enabled: Option<bool>,
    #[serde(default)]
    once_per_event: bool,
    #[serde(default)]
    one_case: bool,
    #[serde(default)]
    yields_to: Vec<String>,
    #[serde(default)]
    stays: Vec<Stays>,
}

/// What is under `[rule]`, or a rule that Kibana exported.
#[derive(Deserialize)]
pub(super) struct RawRule {
    pub(super) rule_id: Option<String>,
    /// The id in the layout of the endpoint rules; to Kibana it is the number of a copy.
    pub(super) id: Option<String>,
    pub(super) name: String,
    #[serde(default)]
    description: String,
    severity: Option<Severity>,
    risk_score: Option<f64>,
    pub(super) query: Option<String>,
    version: Option<toml::Value>,
    #[serde(default)]
    pub(super) tags: Vec<String>,
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
    pub(super) os_list: Option<Vec<String>>,
    #[serde(flatten)]
    pub(super) kibana: Kibana,
    #[serde(default)]
    pub(super) index: Vec<String>,
    #[serde(default)]
    related_integrations: Vec<RelatedIntegration>,
}

/// Where Kibana names an integration that the rule's events come from.
#[derive(Deserialize)]
struct RelatedIntegration {
    package: String,
}

impl From<RawRule> for File {
    fn from(rule: RawRule) -> File {
        File {
            rule,
            metadata: Metadata::default(),
            threat: Vec::new(),
            actions: Vec::new(),
            osawatch: Ours::default(),
            example: Vec::new(),
        }
    }
}

impl File {
    /// The products whose events the rule needs, when Elastic Defend is not among them.
    pub(super) fn other_products(&self) -> Option<String> {
        let stated = match &self.metadata.integration {
            Integration::One(product) => std::slice::from_ref(product),
            Integration::Several(products) => products,
        };
        let related = self.rule.related_integrations.iter().map(|related| &related.package);
        let products: Vec<&str> = stated.iter().chain(related).map(String::as_str).collect();
        let other = !products.is_empty() && !products.contains(&"endpoint");
        other.then(|| products.join(" or "))
    }
}

impl Rule {
    /// The rule of a file, with what became of its query.
    pub(super) fn of(file: File, id: String, written: &Written<'_>, remarks: Vec<String>, state: State) -> Rule {
        let File { rule: raw, threat, osawatch, example, .. } = file;
        Rule {
            uuid: osawatch.uuid.or_else(|| is_uuid(&id).then(|| id.clone())),
            id,
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
            one_case: osawatch.one_case,
            each_run: false,
            examples: example,
            stays: osawatch.stays,
            query_text: raw.query.unwrap_or_default().trim().to_owned(),
            origin: written.origin.to_owned(),
            line: None,
            remarks,
            id_place: written.place(written.id.start),
            state,
        }
    }

    /// Represents a file that is not a rule: rule folders hold other files too.
    pub(super) fn none(origin: &str, why: &str) -> Rule {
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
            line: None,
            remarks: Vec::new(),
            id_place: Place::of("", 0),
            state: State::Inert(why.to_owned()),
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
