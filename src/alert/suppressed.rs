//! The document that sums up what a window of a rule suppressed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::Alert;
use super::take_over::take_host;
use crate::detect::Rule;
use crate::detect::suppress::{Group, Summary};
use crate::event::document::{self, insert};
use crate::event::field;
use crate::event::hash::id_of;

/// Programs with their destinations that are named with their counts.
const MAX_GROUPS: usize = 32;
/// Bytes of destinations that are named: some six hundred addresses.
const MAX_DESTINATION_BYTES: usize = 12_000;

/// One alert for those that were not sent, with exact counts.
pub(super) fn alert(rule: &Rule, summary: &Summary, sequence: u64) -> Alert {
    let held = summary.capped + summary.repeated;
    let host = summary.last.str(field::HOST_ID).unwrap_or_default();
    let id = id_of([host, &rule.id, &summary.start.to_string(), "held back"]);
    let copy = document::document(&summary.last);
    let mut document = Map::new();
    document.insert("@timestamp".into(), summary.end.to_string().into());
    document.insert(
        "event".into(),
        json!({
            "id": id, "sequence": sequence, "kind": "alert", "category": ["process", "network"],
            "type": ["info"], "action": "alerts_held_back", "outcome": "unknown", "module": "osawatch",
            "dataset": "osawatch.alerts", "provider": super::ecs::provider(&copy), "code": "summary",
            "severity": rule.severity.number(), "risk_score": rule.risk_score,
            "created": summary.end.to_string(), "start": summary.start.to_string(), "end": summary.end.to_string(),
            "reason": reason(held, summary.out),
        }),
    );
    document.insert("ecs".into(), json!({ "version": super::ecs::ECS_VERSION }));
    document.insert("message".into(), rule.name.clone().into());
    document.insert("rule".into(), json!({ "id": rule.id, "name": rule.name, "version": rule.version }));
    take_host(&mut document, &[&copy]);
    let destinations = distinct(summary);
    let named = &destinations[..within(&destinations, MAX_DESTINATION_BYTES)];
    let ips: BTreeSet<&str> = named.iter().map(|destination| address(destination)).collect();
    let ips: Vec<Json> =
        ips.into_iter().filter(|text| text.parse::<std::net::IpAddr>().is_ok()).map(Json::from).collect();
    if !ips.is_empty() {
        insert(&mut document, "related.ip", ips.into());
    }
    document.insert("data_stream".into(), super::ecs::data_stream());
    insert(&mut document, "osawatch.held_back", details(summary, (&destinations, named.len())));
    Alert { rule_id: rule.id.clone(), events: vec![summary.last.clone()], document }
}

fn reason(held: u64, out: u64) -> String {
    let are = |count: u64| if count == 1 { "was" } else { "were" };
    let alerts = if held == 1 { "alert" } else { "alerts" };
    format!("{held} more {alerts} of this rule {} suppressed, {out} {} written", are(held), are(out))
}

/// The counts, the rarest programs and destinations, and every destination by name as far as there is room.
fn details(summary: &Summary, (destinations, named): (&[&str], usize)) -> Json {
    let groups = summary.groups.iter().take(MAX_GROUPS);
    let group =
        |group: &Group| json!({ "process": group.process, "destination": group.destination, "alerts": group.count });
    let others: u64 = summary.groups.iter().skip(MAX_GROUPS).map(|group| group.count).sum();
    json!({
        "alerts": summary.capped + summary.repeated, "over_limit": summary.capped, "repeats": summary.repeated,
        "sent": summary.out, "groups": groups.map(group).collect::<Vec<_>>(),
        "alerts_of_other_groups": others + summary.other, "destinations": destinations[..named],
        "other_destinations": destinations.len() - named,
        "alerts_of_unknown_destinations": summary.other,
    })
}

/// The destinations, each once, the rarest first.
fn distinct(summary: &Summary) -> Vec<&str> {
    let mut counts: BTreeMap<&str, u64> = BTreeMap::new();
    for group in &summary.groups {
        *counts.entry(&group.destination).or_default() += group.count;
    }
    let mut destinations: Vec<(u64, &str)> = counts.into_iter().map(|(name, count)| (count, name)).collect();
    destinations.sort_unstable();
    destinations.into_iter().map(|(_, name)| name).collect()
}

/// How many of them fit into this many bytes of a document.
fn within(names: &[&str], max_bytes: usize) -> usize {
    let mut bytes = 0;
    names
        .iter()
        .take_while(|name| {
            bytes += name.len() + 3;
            bytes <= max_bytes
        })
        .count()
}

/// The address of a destination that is written with its port.
pub(super) fn address(destination: &str) -> &str {
    match destination.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => destination.rsplit_once(':').map_or(destination, |(address, _)| address),
    }
}
