//! Which alerts `osawatch alerts` shows.

use serde_json::{Map, Value as Json};

use super::args::{duration, end, in_order, time};
use super::clock::now;
use super::exit::Failure;
use crate::alert::FOLLOW_UP;
use crate::detect::RuleSet;
use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::{get, text};

/// Arguments that leave out other alerts.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Only alerts since a time, such as 2026-11-24T09:00:00Z, or a duration before now, such as 1h or 7d
    #[arg(long, value_name = "WHEN", value_parser = when)]
    since: Option<Timestamp>,
    /// Only alerts until a time, to the end of a day such as 2026-11-24, or until a duration before now
    #[arg(long, value_name = "WHEN", value_parser = until)]
    until: Option<Timestamp>,
    /// Only alerts of this rule (repeatable)
    #[arg(long, value_name = "ID")]
    rule: Vec<String>,
    /// Only alerts of this severity or above
    #[arg(long, value_enum, value_name = "SEVERITY")]
    severity: Option<Severity>,
    /// Only alerts of this host, by name or id (repeatable)
    #[arg(long, value_name = "HOST")]
    host: Vec<String>,
}

fn when(text: &str) -> Result<Timestamp, String> {
    time(text).or_else(|_| before_now(text))
}

fn until(text: &str) -> Result<Timestamp, String> {
    end(text).or_else(|_| before_now(text))
}

fn before_now(text: &str) -> Result<Timestamp, String> {
    let span = duration(text).map_err(|_| "not a duration such as 1h or a time such as 2026-11-24T09:00:00Z")?;
    Ok(now().saturating_sub(span))
}

impl Selection {
    /// Refuses one that can choose nothing.
    pub(super) fn check(&self) -> Result<(), Failure> {
        in_order(("--since", self.since), ("--until", self.until))
    }

    pub(super) fn warn_of_unknown_rules(&self, set: &RuleSet) {
        let is_known = |id: &&String| **id == FOLLOW_UP || set.rules.iter().any(|rule| rule.id == **id);
        for id in self.rule.iter().filter(|id| !is_known(id)) {
            let hint = set.nearest(id).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            log::warn!("no known rule has the id `{id}`{hint}");
        }
    }

    /// Whether the alert is one of those.
    pub(super) fn wants(&self, document: &Map<String, Json>) -> bool {
        let Selection { rule, host, severity, since, until } = self;
        let is_one = |wanted: &[String], names: &[&str]| {
            wanted.is_empty()
                || names.iter().filter_map(|name| text(document, name)).any(|value| wanted.contains(&value))
        };
        let number = get(document, "event.severity").and_then(Json::as_u64).unwrap_or(0);
        let time = text(document, "@timestamp").and_then(|time| Timestamp::parse(&time));
        is_one(rule, &["rule.id"])
            && is_one(host, &["host.id", "host.name", "host.hostname"])
            && severity.is_none_or(|severity| number >= severity.number())
            && since.is_none_or(|since| time.is_none_or(|time| time >= since))
            && until.is_none_or(|until| time.is_none_or(|time| time <= until))
    }
}
