//! An alert for people: who ran what, from which parent, connected where, when, how long after.

use serde_json::{Map, Value as Json};

use super::layout::Layout;
use super::quote::quoted;
use super::{severity, visible};
use crate::event::document::get as field;
use crate::script::Program;

/// Lines of a script that are shown, and letters of each.
const MAX_LINES: usize = 8;
const MAX_LETTERS: usize = 400;

/// The alert as a few lines of text, control characters made visible.
pub(crate) fn text(alert: &Map<String, Json>, layout: Layout) -> String {
    let get = |name: &str| shown(alert, name);
    let title = get("rule.name").or_else(|| get("message")).unwrap_or_default();
    let out = layout.title(&get("@timestamp").unwrap_or_default(), severity(alert), &title);
    let mut rows = Rows { out, layout };
    rows.add("what", get("event.reason"));
    rows.add("command", command(alert, "process"));
    rows.add("program", joined(&[get("process.executable"), signed(alert, "process")]));
    rows.add("script", script(alert));
    for (label, lines) in script_rows(alert) {
        rows.out += &layout.rows(label, &lines);
    }
    rows.add("indicators", listed(alert, "osawatch.script.indicators", |name| name.as_str()));
    rows.add("masquerade", get("osawatch.masquerade_reason"));
    rows.add("raised by", listed(alert, "osawatch.risk.reasons", |reason| reason.as_str()));
    rows.add(
        "went to",
        listed(alert, "osawatch.follow_up.destinations", |contact| contact.get("destination")?.as_str()),
    );
    rows.add("parent", person(alert, "process.parent"));
    rows.add("ancestry", ancestry(alert));
    rows.add("responsible", person(alert, "osawatch.responsible"));
    rows.add("user", joined(&[get("user.name"), get("user.id").map(|id| format!("(uid {id})"))]));
    rows.add("looked up", get("dns.question.name"));
    rows.add("destination", destination(alert));
    rows.add("host", joined(&[get("host.name"), get("host.id").map(|id| format!("({id})"))]));
    rows.add("rule", get("rule.id"));
    rows.add("alert id", get("event.id"));
    rows.out
}

/// What is known, a row each.
struct Rows {
    out: String,
    layout: Layout,
}

impl Rows {
    fn add(&mut self, label: &str, value: Option<String>) {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            self.out += &self.layout.row(label, &value);
        }
    }
}

/// The alert as one line.
pub(crate) fn line(alert: &Map<String, Json>, layout: Layout) -> String {
    let get = |name: &str| shown(alert, name).unwrap_or_default();
    let severity = severity(alert);
    let [time, host, rule, what] = ["@timestamp", "host.name", "rule.id", "event.reason"].map(get);
    let host = if host.is_empty() { "-".to_owned() } else { host };
    let name = layout.coloured(severity, &format!("{:<8}", severity.to_string()));
    format!("{time}  {name}  {host}  {rule}  {what}")
}

fn shown(document: &Map<String, Json>, name: &str) -> Option<String> {
    field(document, name).map(|value| visible(&plain(value)))
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

/// What a process was started with: its arguments quoted, or its command line as it was reported.
fn command(document: &Map<String, Json>, process: &str) -> Option<String> {
    let args = field(document, &format!("{process}.args")).and_then(Json::as_array);
    let args: Vec<&str> = args.into_iter().flatten().filter_map(Json::as_str).collect();
    // Some sensors state the whole command line as one argument.
    let is_joined = matches!(args[..], [only] if only.contains(' '));
    if args.is_empty() || is_joined {
        return shown(document, &format!("{process}.command_line")).or_else(|| args.first().map(|arg| visible(arg)));
    }
    Some(quoted(args.into_iter()))
}

fn person(alert: &Map<String, Json>, prefix: &str) -> Option<String> {
    let get = |name: &str| shown(alert, &format!("{prefix}.{name}"));
    let what = command(alert, prefix).or_else(|| get("executable"));
    joined(&[get("name"), get("pid").map(|pid| format!("(pid {pid})")), what, doubt(alert, prefix)])
}

/// A process by its name and pid.
fn named(process: &Map<String, Json>) -> Option<String> {
    let Some(name) = shown(process, "name") else { return unnamed(process) };
    Some(shown(process, "pid").map(|pid| format!("{name} (pid {pid})")).unwrap_or(name))
}

/// A process that nothing names, such as launchd in a recording by `eslogger`: an id says less than a pid.
fn unnamed(process: &Map<String, Json>) -> Option<String> {
    shown(process, "pid").map(|pid| format!("pid {pid}")).or_else(|| shown(process, "entity_id"))
}

fn ancestors(alert: &Map<String, Json>) -> impl Iterator<Item = &Map<String, Json>> {
    field(alert, "osawatch.ancestry").and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_object)
}

/// The texts of a list.
fn listed(alert: &Map<String, Json>, name: &str, text: impl Fn(&Json) -> Option<&str>) -> Option<String> {
    let texts = field(alert, name)?.as_array()?.iter().filter_map(text).map(visible);
    Some(texts.collect::<Vec<_>>().join(", "))
}

fn ancestry(alert: &Map<String, Json>) -> Option<String> {
    let names: Vec<String> = ancestors(alert).filter_map(|it| shown(it, "name").or_else(|| unnamed(it))).collect();
    Some(names.join(" < "))
}

fn script(alert: &Map<String, Json>) -> Option<String> {
    let get = |name: &str| shown(alert, &format!("osawatch.script.{name}"));
    joined(&[get("source"), get("language"), get("path"), get("state").map(|state| format!("({state})"))])
}

/// The text of a script that the command does not show, who ran it, and what lies between that and the process.
fn script_rows(alert: &Map<String, Json>) -> Vec<(&'static str, Vec<String>)> {
    let mut rows = Vec::new();
    let own = field(alert, "process.entity_id");
    let runner = field(alert, "osawatch.script.entity_id").filter(|entity| Some(*entity) != own);
    let is_shown = runner.is_none() && shown(alert, "osawatch.script.source").as_deref() == Some("inline");
    if let Some(Json::String(text)) = field(alert, "osawatch.script.text").filter(|_| !is_shown) {
        rows.push(("text", excerpt(text)));
    }
    let feeder = field(alert, "osawatch.script.fed_by").and_then(Json::as_object);
    if let Some(fed_by) = feeder.and_then(|feeder| joined(&[named(feeder), shown(feeder, "command_line")])) {
        rows.push(("fed by", vec![fed_by]));
    }
    let Some(runner) = runner else { return rows };
    let is_runner = |process: &&Map<String, Json>| process.get("entity_id") == Some(runner);
    let event = field(alert, "osawatch.sequence.events").and_then(Json::as_array).into_iter().flatten();
    let mut events =
        event.filter_map(Json::as_object).filter(|event| field(event, "process.entity_id") == Some(runner));
    let started = events.find_map(|event| command(event, "process"));
    let started = started.or_else(|| shown(ancestors(alert).find(is_runner)?, "command_line"));
    rows.extend(started.map(|command| ("run by", vec![command])));
    if let Some(depth) = ancestors(alert).position(|ancestor| is_runner(&ancestor)) {
        let between: Vec<&Map<String, Json>> = ancestors(alert).take(depth + 1).collect();
        let process = field(alert, "process").and_then(Json::as_object);
        let way: Vec<String> = between.into_iter().rev().chain(process).filter_map(named).collect();
        rows.push(("way down", vec![way.join(" > ")]));
    }
    rows
}

/// The first lines of a text.
fn excerpt(text: &str) -> Vec<String> {
    let cut = |line: &str| {
        let end = line.char_indices().nth(MAX_LETTERS).map_or(line.len(), |(at, _)| at);
        format!("{}{}", visible(&line[..end]), if end < line.len() { "…" } else { "" })
    };
    let mut lines: Vec<String> = text.lines().take(MAX_LINES).map(cut).collect();
    if text.lines().count() > MAX_LINES {
        lines.push(format!("… {} more", super::plural((text.lines().count() - MAX_LINES) as u64, "line")));
    }
    lines
}

fn destination(alert: &Map<String, Json>) -> Option<String> {
    let get = |name: &str| shown(alert, name);
    let address = get("destination.ip").or_else(|| get("destination.address"));
    if address.is_none() && get("destination.domain").is_none() {
        return None;
    }
    let port = get("destination.port").map(|port| format!("port {port}"));
    joined(&[address, port, get("network.transport"), get("destination.domain")])
}

/// Who signed the program, and what is wrong with that.
pub(super) fn signed(alert: &Map<String, Json>, process: &str) -> Option<String> {
    let get = |name: &str| shown(alert, &format!("{process}.code_signature.{name}"));
    let exists = field(alert, &format!("{process}.code_signature.exists"));
    let is_signed = exists.is_none_or(|value| *value != false && *value != "false");
    let claimed = match (get("signing_id"), get("team_id")) {
        (Some(signing_id), Some(team)) if is_signed => Some(format!("(signed {signing_id}, team {team})")),
        (Some(signing_id), None) if is_signed => Some(format!("(signed {signing_id})")),
        _ => None,
    };
    joined(&[claimed, doubt(alert, process)])
}

/// What is wrong with the signature of a process. Of a program that is known by its signature, it is said when its
/// sensor reports none.
fn doubt(alert: &Map<String, Json>, process: &str) -> Option<String> {
    let stated = |name: &str| field(alert, &format!("{process}.code_signature.{name}"));
    let is_not = |name: &str| stated(name).is_some_and(|value| *value == false || *value == "false");
    let is_signed_by_apple = || {
        let name = field(alert, &format!("{process}.name")).and_then(Json::as_str);
        name.and_then(Program::named).is_some_and(|program| program.signing_id.is_some())
    };
    let doubt = if is_not("exists") {
        "UNSIGNED"
    } else if is_not("valid") {
        "SIGNATURE NOT VALID"
    } else if is_not("trusted") {
        "NOT TRUSTED"
    } else if is_signed_by_apple() && stated("exists").is_none() && stated("signing_id").is_none() {
        "(unverified: no signature reported)"
    } else {
        return None;
    };
    Some(doubt.to_owned())
}
