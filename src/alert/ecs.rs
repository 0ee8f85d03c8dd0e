//! A detection to an alert document of ECS 9.4: pure, and the same for the same events.

use std::sync::Arc;

use serde_json::{Map, Value as Json, json};
use sha2::{Digest, Sha256};

use super::process::{program_of, same_execution, same_process};
use super::reason::{is_lookup, is_network, reason};
use super::risk::Risk;
use super::script::{download_of, script_of};
use super::take_over::take_over;
use super::{masquerade, network, process, threat};
use crate::detect::{KeyValue, Match, Rule};
use crate::event::document::{self, get, insert};
use crate::event::hash::{id_of, short_hash};
use crate::event::{Context, Event, Execution, Field, Number, Scalar, Script, field};

/// The version of ECS that the documents follow.
pub(crate) const ECS_VERSION: &str = "9.4.0";

/// Members of an alert, mostly.
const MEMBERS: usize = 24;

pub(super) fn document(rule: &Rule, found: &Match, sequence: u64) -> Map<String, Json> {
    let copies: Vec<Map<String, Json>> = found.events.iter().map(|event| copy(event)).collect();
    let last = &found.events[found.events.len() - 1];
    let risk = Risk::of(rule, found);
    let mut alert = Map::with_capacity(MEMBERS);
    alert.insert("@timestamp".into(), last.time.to_string().into());
    alert.insert("event".into(), event_of(rule, (found, &copies), (sequence, &risk)));
    alert.insert("ecs".into(), json!({ "version": ECS_VERSION }));
    alert.insert("message".into(), rule.name.clone().into());
    if !rule.tags.is_empty() {
        alert.insert("tags".into(), json!(rule.tags));
    }
    alert.insert("rule".into(), rule_of(rule));
    if let Some(threat) = threat::fields(&rule.threats) {
        alert.insert("threat".into(), threat);
    }
    take_over(&mut alert, found, &copies);
    process::complete(&mut alert, last);
    network::complete(&mut alert);
    let related = network::related(&alert);
    alert.insert("related".into(), related);
    alert.insert("agent".into(), agent_of(&alert, last));
    alert.insert("data_stream".into(), data_stream());
    alert.insert("osawatch".into(), ours(rule, found, copies));
    if !risk.reasons.is_empty() {
        insert(&mut alert, "osawatch.risk.reasons", json!(risk.reasons));
    }
    let reason = reason(rule, found, &alert);
    insert(&mut alert, "event.reason", reason.into());
    alert
}

/// The event with what was found out later about its executable.
fn copy(event: &Event) -> Map<String, Json> {
    let mut copy = document::document(event);
    let script = event.script.as_deref().map(Script::current);
    if let Some(hash) = script.and_then(|script| script.executable_sha256.clone()) {
        insert(&mut copy, "process.hash.sha256", hash.into());
    }
    copy
}

fn event_of(rule: &Rule, (found, copies): (&Match, &[Map<String, Json>]), (sequence, risk): (u64, &Risk)) -> Json {
    let (first, last) = (&found.events[0], &found.events[found.events.len() - 1]);
    let network = found.events.iter().any(|event| is_network(event));
    let process = found.events.iter().any(|event| !is_network(event));
    let (mut categories, mut types) = (Vec::new(), vec!["start"]);
    if process {
        categories.push("process");
    }
    if network {
        categories.push("network");
        types.push(if is_lookup(last) { "protocol" } else { "connection" });
    }
    json!({
        "id": alert_id(rule, found),
        "sequence": sequence,
        "kind": "alert",
        "category": categories,
        "type": types,
        "action": "rule_detection",
        "outcome": "unknown",
        "module": "osawatch",
        "dataset": "osawatch.alerts",
        "provider": copies.last().map(provider),
        "code": if found.events.len() > 1 { "sequence" } else { "event" },
        "severity": risk.severity.number(),
        "risk_score": risk.risk_score,
        // No clock is asked here: the same recording gives the same document.
        "created": last.time.to_string(),
        "start": first.time.to_string(),
        "end": last.time.to_string(),
        "duration": last.time.nanoseconds().saturating_sub(first.time.nanoseconds()).max(0),
    })
}

/// The source that reported an event, of which this is the copy. A recording that does not state it is named by its
/// module.
pub(super) fn provider(copy: &Map<String, Json>) -> Json {
    let mut stated = ["event.provider", "event.module"].into_iter().filter_map(|name| get(copy, name));
    stated.find_map(|value| process::coerce("event.provider", value)).unwrap_or_else(|| "recording".into())
}

/// The data stream of every document that osawatch writes.
pub(super) fn data_stream() -> Json {
    json!({ "type": "logs", "dataset": "osawatch.alerts", "namespace": "default" })
}

fn join_value(value: &Option<KeyValue>) -> Json {
    match value {
        None => Json::Null,
        Some(KeyValue::Text(text)) => text.as_str().into(),
        Some(KeyValue::Number(Number::Int(number))) => (*number).into(),
        Some(KeyValue::Number(Number::Float(number))) => (*number).into(),
        Some(KeyValue::Bool(flag)) => (*flag).into(),
    }
}

fn agent_id(host: &str) -> String {
    short_hash(Sha256::new_with_prefix(format!("osawatch agent of {host}")))
}

/// The agent of a document about itself.
pub(super) fn own_agent(host: &str) -> Json {
    json!({ "id": agent_id(host), "type": "osawatch", "version": env!("CARGO_PKG_VERSION") })
}

fn agent_of(alert: &Map<String, Json>, last: &Event) -> Json {
    let mut agent = Map::new();
    if let Some(host) = last.str(field::HOST_ID) {
        agent.insert("id".into(), agent_id(host).into());
    }
    if let Some(name) = get(alert, "host.name") {
        agent.insert("name".into(), name.clone());
    }
    agent.insert("type".into(), "osawatch".into());
    agent.insert("version".into(), env!("CARGO_PKG_VERSION").into());
    Json::Object(agent)
}

/// The same events under the same rule on the same host give the same id, in every run.
pub(crate) fn alert_id(rule: &Rule, found: &Match) -> String {
    let host = found.events[0].str(field::HOST_ID).unwrap_or_default().to_owned();
    let ids = found.events.iter().map(|event| event.id());
    // The same events can match under another key too: those are two alerts.
    let keys = found.has_several_keys.then(|| found.join.iter().map(|value| join_value(value).to_string()));
    id_of([host, rule.id.clone()].into_iter().chain(ids).chain(keys.into_iter().flatten()))
}

fn rule_of(rule: &Rule) -> Json {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Json>| value.map(|value| fields.insert(name.to_owned(), value));
    set("id", Some(rule.id.clone().into()));
    set("uuid", rule.uuid.clone().map(Json::from));
    set("name", Some(rule.name.clone().into()));
    set("version", Some(rule.version.clone().into()));
    set("ruleset", Some(rule.origin.clone().into()));
    set(
        "category",
        Some(if rule.query().is_some_and(|query| query.is_sequence()) { "sequence" } else { "event" }.into()),
    );
    set("description", (!rule.description.is_empty()).then(|| rule.description.clone().into()));
    set("reference", rule.references.first().map(|reference| reference.clone().into()));
    set("license", rule.license.clone().map(Json::from));
    set("author", (!rule.authors.is_empty()).then(|| json!(rule.authors)));
    Json::Object(fields)
}

/// Fields of `osawatch.process` that only some sources know.
const PROCESS_FIELDS: [Field; 9] = [
    field::PIDVERSION,
    field::UNIQUE_PID,
    field::AUDIT_TOKEN,
    field::ARGS_LEFT_OUT,
    field::PATH_TRUNCATED,
    field::IS_PLATFORM_BINARY,
    field::TTY_PATH,
    field::SCRIPT_PATH,
    field::STDIN_TYPE,
];

/// `osawatch.*`: what ECS has no field for.
fn ours(rule: &Rule, found: &Match, copies: Vec<Map<String, Json>>) -> Json {
    let last = &found.events[found.events.len() - 1];
    let mut ours = Map::new();
    let attribution = copies.last().and_then(|copy| attribution(last, copy));
    ours.insert("sequence".into(), sequence(rule, found, copies));
    let context = context_of(found);
    let ancestors = context.and_then(|context| context.ancestors.as_ref());
    let ancestors: Vec<Json> =
        ancestors.iter().flat_map(|list| list.iter()).map(|ancestor| summary(ancestor)).collect();
    if !ancestors.is_empty() {
        ours.insert("ancestry".into(), Json::Array(ancestors));
    }
    if let Some(responsible) = context.and_then(|context| context.responsible.as_ref()) {
        ours.insert("responsible".into(), summary(responsible));
    }
    if let Some(why) = found.events.iter().find_map(|event| masquerade::of(event)) {
        ours.insert("masquerade".into(), true.into());
        ours.insert("masquerade_reason".into(), why.into());
    }
    if let Some((entity_id, script)) = script_of(found) {
        ours.insert("script".into(), script_fields(entity_id, &script.current()));
    }
    if let Some(download) = download_of(&found.events).and_then(program_of) {
        ours.insert("download".into(), summary(download));
    }
    if let Some(attribution) = attribution {
        ours.insert("attribution".into(), attribution);
    }
    let own: Vec<_> = found.events.iter().rev().filter(|event| same_execution(event, last)).collect();
    for field in PROCESS_FIELDS {
        let value = own.iter().find_map(|event| event.stated(field).next());
        let name = field.core_name().and_then(|name| name.strip_prefix("osawatch."));
        if let Some((name, value)) = name.zip(value) {
            insert(&mut ours, name, value_of(value));
        }
    }
    Json::Object(ours)
}

/// `osawatch.sequence`: the events, and how they hang together.
fn sequence(rule: &Rule, found: &Match, copies: Vec<Map<String, Json>>) -> Json {
    let (first, last) = (&found.events[0], &found.events[found.events.len() - 1]);
    let mut sequence = Map::new();
    if let Some(maxspan) = rule.query().and_then(|query| query.maxspan_ms) {
        sequence.insert("maxspan_ms".into(), maxspan.into());
    }
    sequence.insert("span_ms".into(), (last.time.milliseconds() - first.time.milliseconds()).into());
    sequence.insert("join".into(), found.join.iter().map(join_value).collect());
    sequence.insert("events".into(), copies.into_iter().map(Json::Object).collect());
    Json::Object(sequence)
}

/// `osawatch.attribution`: how the connection was given to its execution, live or as its recording states it.
fn attribution(event: &Event, copy: &Map<String, Json>) -> Option<Json> {
    let stated = |name: &str| get(copy, &format!("osawatch.attribution.{name}"));
    let method = event.str(field::ATTRIBUTION_METHOD).or_else(|| stated("method")?.as_str())?;
    let mut attribution = json!({ "method": method });
    if let Some(via) = event.str(field::ATTRIBUTION_VIA).or_else(|| stated("via")?.as_str()) {
        attribution["via"] = via.into();
    }
    if event.stated(field::ATTRIBUTION_INHERITED).next().is_some() || stated("inherited") == Some(&Json::Bool(true)) {
        attribution["inherited"] = true.into();
    }
    if let Some(waited) = event.int(field::ATTRIBUTION_WAITED_MS).or_else(|| stated("waited_ms")?.as_i64()) {
        attribution["waited_ms"] = waited.into();
    }
    Some(attribution)
}

fn script_fields(entity_id: &str, script: &Script) -> Json {
    let mut fields = Map::new();
    let mut set = |name: &str, value: Option<Json>| value.map(|value| fields.insert(name.to_owned(), value));
    set("source", Some(script.source.into()));
    set("entity_id", (!entity_id.is_empty()).then(|| entity_id.into()));
    set("language", script.language.map(Json::from));
    set("path", script.path.clone().map(Json::from));
    set("size", script.size.map(Json::from));
    set("sha256", script.sha256.clone().map(Json::from));
    set("compiled", script.is_compiled.then(|| true.into()));
    set("state", script.state.map(Json::from));
    set("text", script.text.clone().map(Json::from));
    set("text_left_out", (script.text_left_out > 0).then(|| script.text_left_out.into()));
    set("arguments", (script.arguments > 0).then(|| script.arguments.into()));
    set("indicators", (!script.indicators.is_empty()).then(|| json!(script.indicators)));
    set("commands", (!script.commands.is_empty()).then(|| json!(script.commands)));
    set("urls", (!script.urls.is_empty()).then(|| json!(script.urls)));
    set("files", (!script.files.is_empty()).then(|| json!(script.files)));
    set("decoded", (!script.decoded.is_empty()).then(|| json!(script.decoded)));
    Json::Object(fields)
}

fn value_of(value: Scalar<'_>) -> Json {
    match value {
        Scalar::Int(number) => number.into(),
        Scalar::Bool(flag) => flag.into(),
        other => other.text().into(),
    }
}

/// The context of the completing event, or of an earlier one of its process when the stream has none for it.
fn context_of(found: &Match) -> Option<&Context> {
    let last = &found.events[found.events.len() - 1];
    let of_process = |event: &&Arc<Event>| Arc::ptr_eq(event, last) || same_process(event, last);
    let mut contexts = found.events.iter().rev().filter(of_process).filter_map(|event| event.context.as_deref());
    contexts.find(|context| context.ancestors.is_some() || context.responsible.is_some())
}

/// How an execution other than the alert's own process is written.
pub(super) fn summary(execution: &Execution) -> Json {
    let mut fields = Map::new();
    fields.insert("entity_id".into(), execution.entity_id().into());
    if let Some(pid) = execution.pid() {
        fields.insert("pid".into(), pid.into());
    }
    for (name, value) in
        [("name", execution.name()), ("executable", execution.executable()), ("command_line", execution.command_line())]
    {
        if let Some(value) = value {
            fields.insert(name.into(), value.into());
        }
    }
    Json::Object(fields)
}
