//! The event categories that a query may name.

use super::ast::{Query, Stage};
use super::error::Error;

/// `event.category` of ECS 9.4, and what Elastic's rules and Elastic Defend use beside it.
const KNOWN: [&str; 28] = [
    "any",
    "process",
    "network",
    "file",
    "library",
    "registry",
    "dns",
    "driver",
    "api",
    "authentication",
    "configuration",
    "credential_access",
    "database",
    "email",
    "host",
    "iam",
    "info",
    "intrusion_detection",
    "malware",
    "package",
    "persistence",
    "rule",
    "security",
    "session",
    "threat",
    "volume_device",
    "vulnerability",
    "web",
];

/// Rejects an unknown category: it is a typing error, and the rule would never match.
pub(super) fn check(query: &Query) -> Result<(), Error> {
    let unknown = |stage: &&&Stage| !KNOWN.contains(&stage.category.as_str());
    match query.all_stages().iter().find(unknown) {
        None => Ok(()),
        Some(stage) => {
            let error = Error::new(format!("unknown event category `{}`", stage.category), stage.category_span.clone());
            Err(error.suggest_nearest(&stage.category, KNOWN.into_iter()))
        }
    }
}
