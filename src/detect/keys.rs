//! The keys of a rule file: one that is almost a known name is a typing error.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeString, DeTable, DeValue};

use super::error::What;
use crate::nearest::nearest;

/// The tables of a rule file.
const TABLES: [&str; 10] = [
    "rule",
    "metadata",
    "threat",
    "actions",
    "optional_actions",
    "internal",
    "osawatch",
    "example",
    "transform",
    "hunt",
];

/// The keys of `[rule]` in Elastic's two layouts.
const RULE: [&str; 79] = [
    "actions",
    "alert_suppression",
    "alias_purpose",
    "alias_target_id",
    "anomaly_threshold",
    "author",
    "building_block_type",
    "concurrent_searches",
    "created_at",
    "created_by",
    "data_view_id",
    "description",
    "enabled",
    "event_category_override",
    "exceptions_list",
    "execution_summary",
    "false_positives",
    "field_names",
    "filters",
    "from",
    "history_window_start",
    "id",
    "immutable",
    "index",
    "interval",
    "investigation_fields",
    "items_per_search",
    "language",
    "license",
    "machine_learning_job_id",
    "max_endpoint_version",
    "max_signals",
    "meta",
    "min_endpoint_version",
    "name",
    "namespace",
    "new_terms",
    "new_terms_fields",
    "note",
    "os_list",
    "outcome",
    "output_index",
    "query",
    "reference",
    "references",
    "related_integrations",
    "reputation",
    "required_fields",
    "response_actions",
    "revision",
    "risk_score",
    "risk_score_mapping",
    "rule_id",
    "rule_name_override",
    "rule_source",
    "saved_id",
    "setup",
    "severity",
    "severity_mapping",
    "tags",
    "threat",
    "threat_filters",
    "threat_index",
    "threat_indicator_path",
    "threat_language",
    "threat_mapping",
    "threat_query",
    "threshold",
    "throttle",
    "tiebreaker_field",
    "timeline_id",
    "timeline_title",
    "timestamp_field",
    "timestamp_override",
    "to",
    "type",
    "updated_at",
    "updated_by",
    "version",
];

/// The first key that is almost a known name: its place, and what is wrong with it.
pub(super) fn check(file: &DeTable<'_>) -> Result<(), (Range<usize>, What)> {
    check_table(file, &TABLES, "table")?;
    match file.get("rule").map(Spanned::get_ref) {
        Some(DeValue::Table(rule)) => check_table(rule, &RULE, "key"),
        _ => Ok(()),
    }
}

fn check_table(table: &DeTable<'_>, known: &[&'static str], kind: &'static str) -> Result<(), (Range<usize>, What)> {
    for (key, _) in table {
        let (key, name): (&Spanned<DeString<'_>>, &str) = (key, key.get_ref());
        check_name(name, known, kind).map_err(|what| (key.span(), what))?;
    }
    Ok(())
}

/// What is wrong with a key of a rule that Kibana exported.
pub(super) fn check_rule(name: &str) -> Result<(), What> {
    check_name(name, &RULE, "key")
}

fn check_name(name: &str, known: &[&'static str], kind: &'static str) -> Result<(), What> {
    if known.contains(&name) {
        return Ok(());
    }
    match nearest(name, known.iter().copied()) {
        Some(suggestion) => Err(What::Unknown { kind, name: name.to_owned(), suggestion }),
        None => Ok(()),
    }
}
