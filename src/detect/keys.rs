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
const RULE: [&str; 62] = [
    "actions",
    "alert_suppression",
    "anomaly_threshold",
    "author",
    "building_block_type",
    "data_view_id",
    "description",
    "enabled",
    "event_category_override",
    "exceptions_list",
    "false_positives",
    "field_names",
    "filters",
    "from",
    "id",
    "immutable",
    "index",
    "interval",
    "investigation_fields",
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
    "note",
    "os_list",
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
    "threat_index",
    "threat_language",
    "threat_query",
    "threshold",
    "throttle",
    "tiebreaker_field",
    "timestamp_field",
    "timestamp_override",
    "to",
    "type",
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
        if known.contains(&name) {
            continue;
        }
        if let Some(near) = nearest(name, known.iter().copied()) {
            return Err((key.span(), What::Unknown { kind, name: name.to_owned(), suggestion: near }));
        }
    }
    Ok(())
}
