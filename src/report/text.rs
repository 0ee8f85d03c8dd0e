//! An alert for people: who ran what, from which parent, connected where, when, how long after.

use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::{severity, visible};
use crate::event::document::get as field;

/// The alert as a few lines of text, control characters made visible.
pub(crate) fn text(alert: &Map<String, Json>) -> String {
    let get = |name: &str| field(alert, name).map(|value| visible(&plain(value)));
    let mut out = String::new();
    let title = get("rule.name").unwrap_or_default();
    let time = get("@timestamp").unwrap_or_default();
    let _ = writeln!(out, "{time}  {}  {title}", severity(alert).to_string().to_uppercase());
    let mut row = |label: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let _ = writeln!(out, "  {label:<12} {value}");
        }
    };
    row("what", get("event.reason"));
    row("command", get("process.command_line").or_else(|| get("process.args")));
    row("program", joined(&[get("process.executable"), signed(alert)]));
    row(
        "script",
        joined(&[
            get("osawatch.script.source"),
            get("osawatch.script.language"),
            get("osawatch.script.path"),
            get("osawatch.script.state").map(|state| format!("({state})")),
        ]),
    );
    row("indicators", get("osawatch.script.indicators"));
    row("masquerade", get("osawatch.masquerade_reason"));
    row("raised by", listed(alert, "osawatch.risk.reasons", |reason| reason.as_str()));
    row("went to", listed(alert, "osawatch.follow_up.destinations", |contact| contact.get("destination")?.as_str()));
    row("parent", person(alert, "process.parent"));
    row("ancestry", ancestry(alert));
    row("responsible", person(alert, "osawatch.responsible"));
    row("user", joined(&[get("user.name"), get("user.id").map(|id| format!("(uid {id})"))]));
    row("destination", destination(alert));
    row("host", joined(&[get("host.name"), get("host.id").map(|id| format!("({id})"))]));
    row("rule", get("rule.id"));
    row("alert id", get("event.id"));
    out
}

/// The alert as one line.
pub(crate) fn line(alert: &Map<String, Json>) -> String {
    let get = |name: &str| field(alert, name).map(|value| visible(&plain(value))).unwrap_or_default();
    let severity = severity(alert).to_string();
    let [time, host, rule, what] = ["@timestamp", "host.name", "rule.id", "event.reason"].map(get);
    let host = if host.is_empty() { "-".to_owned() } else { host };
    format!("{time}  {severity:<8}  {host}  {rule}  {what}")
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(" "),
        value => value.to_string(),
    }
}

fn joined(parts: &[Option<String>]) -> Option<String> {
    let parts: Vec<&str> = parts.iter().flatten().map(String::as_str).collect();
    (!parts.is_empty()).then(|| parts.join(" "))
}

fn person(alert: &Map<String, Json>, prefix: &str) -> Option<String> {
    let get = |name: &str| field(alert, &format!("{prefix}.{name}")).map(|value| visible(&plain(value)));
    let what = get("command_line").or_else(|| get("executable"));
    joined(&[get("name"), get("pid").map(|pid| format!("(pid {pid})")), what])
}

/// The texts of a list.
fn listed(alert: &Map<String, Json>, name: &str, text: impl Fn(&Json) -> Option<&str>) -> Option<String> {
    let texts = field(alert, name)?.as_array()?.iter().filter_map(text).map(visible);
    Some(texts.collect::<Vec<_>>().join(", "))
}

fn ancestry(alert: &Map<String, Json>) -> Option<String> {
    let ancestors = field(alert, "osawatch.ancestry")?.as_array()?;
    let name = |ancestor: &Json| {
        let name = ancestor.get("name").or_else(|| ancestor.get("entity_id"))?.as_str()?;
        Some(visible(name))
    };
    let names: Vec<String> = ancestors.iter().filter_map(name).collect();
    Some(names.join(" < "))
}

fn destination(alert: &Map<String, Json>) -> Option<String> {
    let get = |name: &str| field(alert, name).map(|value| visible(&plain(value)));
    let port = get("destination.port").map(|port| format!("port {port}"));
    joined(&[
        get("destination.ip").or_else(|| get("destination.address")),
        port,
        get("network.transport"),
        get("destination.domain"),
    ])
}

fn signed(alert: &Map<String, Json>) -> Option<String> {
    let get = |name: &str| field(alert, &format!("process.code_signature.{name}")).map(|value| visible(&plain(value)));
    match (get("signing_id"), get("team_id")) {
        (Some(signing_id), Some(team)) => Some(format!("(signed {signing_id}, team {team})")),
        (Some(signing_id), None) => Some(format!("(signed {signing_id})")),
        _ => None,
    }
}
