//! The document that reports what the process tree of an alert did afterwards.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value as Json, json};

use super::Alert;
use super::process::coerce;
use super::suppressed::address;
use super::take_over::take_host;
use crate::detect::Rule;
use crate::detect::case::{Contact, FollowUp};
use crate::detect::rule::Severity;
use crate::event::document::{self, get, insert};
use crate::event::field;
use crate::event::hash::id_of;

/// `rule.id` of a follow-up: no rule's own, so that none seems to have alerted once more.
pub(crate) const RULE_ID: &str = "follow-up";
/// Bytes of destinations that are named: some hundred.
const MAX_CONTACT_BYTES: usize = 16_000;

/// A follow-up with the rules that it speaks of.
#[derive(Debug)]
pub(crate) struct Told {
    pub follow_up: FollowUp,
    /// The rule of the alert that opened the case.
    pub rule: Arc<Rule>,
    /// The rules whose detections were suppressed, and how many.
    pub suppressed: Vec<(Arc<Rule>, u64)>,
}

/// The document.
pub(super) fn alert(told: &Told, sequence: u64) -> Alert {
    let Told { follow_up, rule, suppressed } = told;
    let host = follow_up.first.str(field::HOST_ID).unwrap_or_default();
    let id = id_of([host, &follow_up.alert_id, &follow_up.start.to_string(), RULE_ID]);
    let held_back = suppressed.iter().map(|(rule, _)| rule.severity);
    let severity = held_back.chain(follow_up.gravest.severity()).fold(rule.severity, Severity::max);
    let mut document = Map::new();
    document.insert("@timestamp".into(), follow_up.end.to_string().into());
    document.insert(
        "event".into(),
        json!({
            "id": id, "sequence": sequence, "kind": "event", "category": ["network"], "type": ["info"],
            "action": "follow_up", "outcome": "unknown", "module": "osawatch", "dataset": "osawatch.alerts",
            "provider": super::ecs::provider(&document::document(&follow_up.first)), "code": "follow_up",
            "severity": severity.number(), "created": follow_up.end.to_string(),
            "start": follow_up.start.to_string(), "end": follow_up.end.to_string(), "reason": reason(told),
        }),
    );
    document.insert("ecs".into(), json!({ "version": super::ecs::ECS_VERSION }));
    document.insert("message".into(), format!("Follow-up: {}", rule.name).into());
    document.insert("rule".into(), json!({ "id": RULE_ID, "name": format!("Follow-up: {}", rule.name) }));
    take_over(&mut document, follow_up);
    document.insert("data_stream".into(), super::ecs::data_stream());
    insert(&mut document, "osawatch.follow_up", details(told));
    Alert { rule_id: RULE_ID.to_owned(), events: vec![Arc::clone(&follow_up.first)], document }
}

/// The host, the first process, and the addresses to search for elsewhere.
fn take_over(document: &mut Map<String, Json>, follow_up: &FollowUp) {
    let copy = document::document(&follow_up.first);
    take_host(document, &[&copy]);
    for name in ["entity_id", "pid", "name", "executable"] {
        let name = format!("process.{name}");
        if let Some(value) = get(&copy, &name).and_then(|value| coerce(&name, value)) {
            insert(document, &name, value);
        }
    }
    let addresses = named(follow_up).iter().map(|contact| address(&contact.destination));
    let addresses: BTreeSet<&str> = addresses.filter(|text| text.parse::<std::net::IpAddr>().is_ok()).collect();
    if !addresses.is_empty() {
        insert(document, "related.ip", addresses.into_iter().map(Json::from).collect());
    }
}

fn details(told: &Told) -> Json {
    let Told { follow_up, rule, suppressed } = told;
    let named = named(follow_up);
    let rest = &follow_up.contacts[named.len()..];
    let contact = |contact: &Contact| {
        json!({
            "destination": contact.destination, "process": contact.process, "connections": contact.connections,
            "is_new": contact.is_new,
        })
    };
    let suppressed = suppressed
        .iter()
        .map(|(rule, count)| json!({ "rule_id": rule.id, "severity": rule.severity.number(), "detections": count }));
    json!({
        "alert_id": follow_up.alert_id, "rule_id": rule.id, "connections": connections(follow_up),
        "destinations": named.iter().map(contact).collect::<Vec<_>>(),
        "other_destinations": rest.len(),
        "other_connections": follow_up.other + rest.iter().map(|contact| contact.connections).sum::<u64>(),
        "held_back": suppressed.collect::<Vec<_>>(), "repeats": follow_up.repeats,
    })
}

fn connections(follow_up: &FollowUp) -> u64 {
    follow_up.other + follow_up.contacts.iter().map(|contact| contact.connections).sum::<u64>()
}

fn reason(told: &Told) -> String {
    let follow_up = &told.follow_up;
    let new = follow_up.contacts.iter().filter(|contact| contact.is_new).count();
    let mut parts = Vec::new();
    match connections(follow_up) {
        0 => {}
        1 => parts.push("1 more connection".to_owned()),
        number => parts.push(format!("{number} more connections")),
    }
    match new {
        0 => {}
        1 => parts.push("1 new destination".to_owned()),
        number => parts.push(format!("{number} new destinations")),
    }
    match told.suppressed.iter().map(|(_, count)| count).sum::<u64>() {
        0 => {}
        1 => parts.push("1 more detection".to_owned()),
        number => parts.push(format!("{number} more detections")),
    }
    match follow_up.repeats {
        0 => {}
        number => parts.push(format!("{number} of them repeats of the same commands to the same destination")),
    }
    format!("activity continued in the process tree of an alert: {}", parts.join(", "))
}

/// The contacts that are named, the new ones first.
fn named(follow_up: &FollowUp) -> &[Contact] {
    let mut bytes = 0;
    let fits = |contact: &&Contact| {
        bytes += contact.destination.len() + contact.process.len() + 64;
        bytes <= MAX_CONTACT_BYTES
    };
    let number = follow_up.contacts.iter().take_while(fits).count();
    &follow_up.contacts[..number]
}
