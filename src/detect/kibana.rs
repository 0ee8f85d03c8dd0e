//! What Kibana does with a rule besides its query: a rule whose answer would be another without it is not run.

use serde::Deserialize;

/// The keys of `[rule]` that Kibana acts on.
#[derive(Deserialize, Default)]
pub(super) struct Kibana {
    r#type: Option<String>,
    language: Option<String>,
    enabled: Option<bool>,
    #[serde(default)]
    filters: Vec<toml::Value>,
    event_category_override: Option<String>,
    timestamp_field: Option<String>,
    tiebreaker_field: Option<String>,
    alert_suppression: Option<toml::Value>,
    #[serde(default)]
    exceptions_list: Vec<toml::Value>,
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
        if !self.exceptions_list.is_empty() {
            remarks.push("exceptions_list ignored: the exceptions are not in the file".to_owned());
        }
        remarks
    }
}
