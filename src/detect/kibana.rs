//! What Kibana does with a rule besides its query: a rule whose answer would be another without it is not run.

use serde::Deserialize;
use serde::de::IgnoredAny;

/// The exceptions of a rule that are named; further ones are counted.
const NAMED: usize = 20;

/// The keys of `[rule]` that Kibana acts on.
#[derive(Deserialize, Default)]
pub(super) struct Kibana {
    r#type: Option<String>,
    language: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    filters: Vec<IgnoredAny>,
    event_category_override: Option<String>,
    timestamp_field: Option<String>,
    tiebreaker_field: Option<String>,
    alert_suppression: Option<IgnoredAny>,
    #[serde(default)]
    actions: Vec<IgnoredAny>,
    #[serde(default)]
    response_actions: Option<Vec<IgnoredAny>>,
    #[serde(default)]
    exceptions_list: Vec<ExceptionList>,
    /// What the file has of these lists.
    #[serde(skip)]
    listed: Vec<Listed>,
}

/// A list of exceptions that a rule names.
#[derive(Deserialize)]
struct ExceptionList {
    #[serde(default)]
    list_id: Option<String>,
}

/// A list of exceptions that a file has, or one of its exceptions.
#[derive(Clone)]
pub(super) struct Listed {
    pub list: String,
    pub exception: Option<String>,
}

impl Kibana {
    /// Why the query is none of EQL.
    pub(super) fn other_language(&self) -> Option<String> {
        let kind = self.r#type.as_deref().unwrap_or("eql");
        match (kind, self.language.as_deref().unwrap_or(kind)) {
            ("eql", "eql") => None,
            ("eql" | "query" | "saved_query" | "esql", language) if language != "eql" => {
                Some(format!("it is written in {language}; osawatch runs EQL rules"))
            }
            (kind, _) => Some(format!("it is a {kind} rule; osawatch runs rules of the type eql")),
        }
    }

    /// Why the query alone would find other events.
    pub(super) fn other_events(&self) -> Option<String> {
        let other = |key: &Option<String>, ours: &str| key.clone().filter(|key| key != ours);
        if !self.filters.is_empty() {
            return Some("it has filters, and osawatch goes by the query alone: write them there".to_owned());
        }
        if let Some(field) = other(&self.event_category_override, "event.category") {
            return Some(format!("its categories are values of {field}; those of osawatch are of event.category"));
        }
        let field = other(&self.timestamp_field, "@timestamp")?;
        Some(format!("its events are in the order of {field}; osawatch goes by @timestamp"))
    }

    /// Keeps what its file has of its lists of exceptions.
    pub(super) fn list(&mut self, listed: &[Listed]) {
        let is_own =
            |listed: &&Listed| self.exceptions_list.iter().any(|own| own.list_id.as_ref() == Some(&listed.list));
        self.listed = listed.iter().filter(is_own).cloned().collect();
    }

    /// Whether it is turned off.
    pub(super) fn is_off(&self) -> bool {
        self.enabled == Some(false)
    }

    /// What is not acted on, of a sequence or of single events.
    pub(super) fn remarks(&self, is_sequence: bool) -> Vec<String> {
        let mut remarks = Vec::new();
        if let (true, Some(field)) = (is_sequence, &self.tiebreaker_field) {
            remarks.push(format!(
                "tiebreaker_field ignored: events of one time are in the order they come, not of {field}"
            ));
        }
        if self.alert_suppression.is_some() {
            remarks.push("alert_suppression ignored: every match is an alert".to_owned());
        }
        for (key, count) in
            [("actions", self.actions.len()), ("response_actions", self.response_actions.as_ref().map_or(0, Vec::len))]
        {
            if count > 0 {
                remarks.push(format!("{key} ignored: osawatch only detects"));
            }
        }
        remarks.extend(self.exceptions());
        remarks
    }

    /// Kibana keeps events from a rule for which an exception holds; osawatch has exceptions of its own, which hold back
    /// what a rule found.
    fn exceptions(&self) -> Vec<String> {
        let names: Vec<&String> = self.listed.iter().filter_map(|listed| listed.exception.as_ref()).collect();
        let told =
            |name: &&String| format!("exception `{name}` ignored: write it as an [[exception]] of the configuration");
        let mut remarks: Vec<String> = names.iter().take(NAMED).map(told).collect();
        if let more @ 1.. = names.len().saturating_sub(NAMED) {
            remarks.push(format!("{more} more exceptions ignored"));
        }
        let has = |own: &ExceptionList| self.listed.iter().any(|listed| own.list_id.as_ref() == Some(&listed.list));
        if !self.exceptions_list.iter().all(has) {
            remarks.push("exceptions_list ignored: the exceptions are not in the file".to_owned());
        }
        remarks
    }
}
