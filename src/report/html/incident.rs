//! One incident: what happened, drawn and listed, with its scripts and what one searches for elsewhere.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::drawing;
use super::escape::{escaped, link, plain, value};
use crate::detect::rule::Severity;
use crate::event::document::text;
use crate::report::activity::What;
use crate::report::case::{Incident, list, time};
use crate::report::shown_time;

/// Rows of a list.
const MAX_ENTRIES: usize = 40;

/// What it is about, escaped.
pub(super) fn title(incident: &Incident<'_>) -> String {
    let name = incident.alerts.iter().find_map(|alert| value(alert, "rule.name").or_else(|| value(alert, "message")));
    let host = incident.alerts.iter().find_map(|alert| value(alert, "host.name"));
    format!("{} on {}", name.unwrap_or_else(|| "Alert".to_owned()), host.unwrap_or_else(|| escaped(&incident.host)))
}

/// When its first alert was.
pub(super) fn first_time(incident: &Incident<'_>) -> String {
    incident.alerts.iter().find_map(|alert| time(alert)).map(shown_time).unwrap_or_default()
}

/// The gravest severity of its alerts.
pub(super) fn severity(incident: &Incident<'_>) -> Severity {
    let severities = incident.alerts.iter().map(|alert| crate::report::severity(alert));
    severities.max().unwrap_or(Severity::Medium)
}

pub(super) fn article(out: &mut String, incident: &Incident<'_>, number: usize) {
    let severity = severity(incident);
    let _ = writeln!(
        out,
        "<article id=\"incident-{number}\" class=\"{severity}\"><div class=\"head\"><h2>{number}. {}</h2><span class=\"badge\">{severity}</span></div>",
        title(incident)
    );
    *out += "<ul class=\"reasons\">\n";
    let reasons = each_once(incident.alerts.iter().map(|alert| value(alert, "event.reason").unwrap_or_default()));
    for (reason, count) in reasons.iter().take(MAX_ENTRIES) {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        let _ = writeln!(out, "<li>{reason}{times}</li>");
    }
    if reasons.len() > MAX_ENTRIES {
        let _ = writeln!(out, "<li>{} more</li>", reasons.len() - MAX_ENTRIES);
    }
    *out += "</ul>\n";
    facts(out, incident);
    *out += "<h3>Who started whom, and connected where</h3>\n";
    drawing::tree(out, incident);
    *out += "<h3>When</h3>\n";
    drawing::axis(out, &incident.entries);
    timeline(out, incident);
    scripts(out, incident);
    identifiers(out, incident);
    *out += "</article>\n";
}

/// Users, programs and so on, each once.
fn facts(out: &mut String, incident: &Incident<'_>) {
    *out += "<table>\n";
    for (label, of_alert) in [
        ("user", (|alert| value(alert, "user.name").or_else(|| value(alert, "user.id"))) as fn(&_) -> _),
        ("program", |alert| program(alert, "process")),
        ("parent", |alert| program(alert, "process.parent")),
        ("fed by", |alert| value(alert, "osawatch.script.fed_by.command_line")),
        ("masquerade", |alert| value(alert, "osawatch.masquerade_reason")),
        ("lost nearby", |alert| value(alert, "osawatch.loss")),
        ("suppressed", |alert| value(alert, "osawatch.held_back.alerts")),
    ] {
        row(out, label, incident.alerts.iter().filter_map(|alert| of_alert(alert)));
    }
    row(out, "techniques", incident.alerts.iter().flat_map(|alert| techniques(alert)));
    row(out, "destinations", destinations(incident).map(|(_, _, place)| escaped(place)));
    *out += "</table>\n";
}

fn row(out: &mut String, label: &str, values: impl Iterator<Item = String>) {
    let values = each_once(values);
    if !values.is_empty() {
        let mut shown: Vec<String> = values.iter().take(MAX_ENTRIES).map(|(value, _)| value.clone()).collect();
        if values.len() > MAX_ENTRIES {
            shown.push(format!("{} more", values.len() - MAX_ENTRIES));
        }
        let _ = writeln!(out, "<tr><th>{label}</th><td>{}</td></tr>", shown.join("<br>"));
    }
}

/// The values with how often each occurs, in the order in which they first do: what happened first is read first.
fn each_once(values: impl Iterator<Item = String>) -> Vec<(String, u64)> {
    let (mut counted, mut places): (Vec<(String, u64)>, HashMap<String, usize>) = Default::default();
    for value in values {
        let place = *places.entry(value.clone()).or_insert(counted.len());
        match counted.get_mut(place) {
            Some((_, count)) => *count += 1,
            None => counted.push((value, 1)),
        }
    }
    counted
}

/// Where its processes went: the process, whether it only looked up the name, and the place.
pub(super) fn destinations<'i>(incident: &'i Incident<'_>) -> impl Iterator<Item = (&'i str, bool, &'i str)> {
    incident.entries.iter().filter_map(|(_, entry)| match &entry.what {
        What::Connected(place) => Some((entry.process.as_str(), false, place.as_str())),
        What::LookedUp(name) => Some((entry.process.as_str(), true, name.as_str())),
        What::Started(_) | What::Alert(_) => None,
    })
}

/// A program with its signature, and what is wrong with that.
fn program(alert: &Map<String, Json>, process: &str) -> Option<String> {
    let path = value(alert, &format!("{process}.executable")).or_else(|| value(alert, &format!("{process}.name")))?;
    match crate::report::text::signed(alert, process) {
        Some(signed) => Some(format!("{path} {}", escaped(&signed))),
        None => Some(path),
    }
}

fn techniques(alert: &Map<String, Json>) -> Vec<String> {
    let parts =
        |name: &str| -> Vec<String> { list(alert, &format!("threat.technique.{name}")).iter().map(plain).collect() };
    let (ids, names, pages) = (parts("id"), parts("name"), parts("reference"));
    let text = |at: usize| format!("{} {}", ids[at], names.get(at).map(String::as_str).unwrap_or_default());
    (0..ids.len()).map(|at| link(pages.get(at).map(String::as_str).unwrap_or_default(), &text(at))).collect()
}

fn timeline(out: &mut String, incident: &Incident<'_>) {
    *out += "<table class=\"timeline\">\n";
    for (_, entry) in incident.entries.iter().take(MAX_ENTRIES) {
        let what = escaped(&drawing::described(&entry.what));
        let (when, process) = (shown_time(entry.time), escaped(&entry.process));
        let _ = writeln!(out, "<tr><td>{when}</td><td>{process}</td><td>{what}</td></tr>");
    }
    *out += "</table>\n";
    if incident.entries.len() > MAX_ENTRIES {
        let _ = writeln!(out, "<p>{} further events are not listed.</p>", incident.entries.len() - MAX_ENTRIES);
    }
}

/// The scripts, each once, with what they show.
fn scripts(out: &mut String, incident: &Incident<'_>) {
    let mut seen: BTreeSet<String> = BTreeSet::new();
    for alert in &incident.alerts {
        let Some(script) = script_text(alert).filter(|script| seen.insert(script.clone())) else { continue };
        *out += "<h3>Script</h3>\n";
        let row = |name: &str| value(alert, &format!("osawatch.script.{name}"));
        let known: Vec<String> = ["source", "language", "path", "state"].iter().filter_map(|name| row(name)).collect();
        let _ = writeln!(out, "<p>{}</p>", known.join(", "));
        let indicators: Vec<String> = list(alert, "osawatch.script.indicators").iter().map(plain).collect();
        let _ = writeln!(out, "<pre>{}</pre>", marked(&script));
        for name in &indicators {
            let why = crate::script::reason(name).unwrap_or_default();
            let _ = writeln!(out, "<p class=\"indicator\"><b>{}</b>: {}</p>", escaped(name), escaped(why));
        }
    }
}

/// The text of the script, as it was captured or as it is in the arguments.
fn script_text(alert: &Map<String, Json>) -> Option<String> {
    if let Some(text) = text(alert, "osawatch.script.text") {
        return Some(text);
    }
    let events = list(alert, "osawatch.sequence.events").iter().filter_map(Json::as_object);
    let args = events.map(|event| list(event, "process.args")).find(|args| args.len() > 1)?;
    Some(args.iter().map(plain).collect::<Vec<_>>().join("\n"))
}

/// The script with what the indicators found marked.
fn marked(script: &str) -> String {
    let mut out = String::new();
    let mut at = 0;
    for range in crate::script::marks(script) {
        if range.start >= at {
            let _ = write!(out, "{}<mark>{}</mark>", pieces(&script[at..range.start]), pieces(&script[range.clone()]));
            at = range.end;
        }
    }
    out + &pieces(&script[at..])
}

/// Text that keeps its line ends.
fn pieces(text: &str) -> String {
    text.split('\n').map(escaped).collect::<Vec<_>>().join("\n")
}

/// What one searches for elsewhere, below the fold.
fn identifiers(out: &mut String, incident: &Incident<'_>) {
    *out += "<details><summary>Identifiers and hashes</summary><table>\n";
    for (label, name) in [
        ("rule", "rule.id"),
        ("alert", "event.id"),
        ("host id", "host.id"),
        ("process", "process.entity_id"),
        ("team", "process.code_signature.team_id"),
        ("sha256", "process.hash.sha256"),
        ("cdhash", "process.hash.cdhash"),
        ("script sha256", "osawatch.script.sha256"),
        ("community id", "network.community_id"),
        ("attributed by", "osawatch.attribution.method"),
        ("shortened", "osawatch.shortened.fields"),
    ] {
        let values = incident.alerts.iter().filter_map(|alert| value(alert, name));
        row(out, label, values.map(|value| format!("<code>{value}</code>")));
    }
    *out += "</table></details>\n";
}
