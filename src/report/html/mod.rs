//! The case report: one page to hand on. No network and no script is needed to read it. Whatever comes from an event
//! was written by someone else, perhaps an attacker: it is escaped, and control characters are visible.

mod drawing;
mod escape;
mod guide;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::case::{Case, Incident, What, destination_of, list};
use super::plural;
use crate::event::Timestamp;
use crate::event::document::{get, text};
use escape::{escaped, link, plain, value};

/// Incidents that are drawn; of further ones each alert has a row.
const MAX_DRAWN: usize = 12;
/// Rows of the timeline of an incident.
const MAX_ENTRIES: usize = 40;

const STYLE: &str = include_str!("style.css");

/// What a report covers, and what it cannot see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// What was there, one line each.
    pub coverage: Vec<String>,
    /// What was not, one line each.
    pub limits: Vec<String>,
}

/// The page of alerts alone. `notes` are the triage notes by rule; `more` alerts are not in it.
pub(crate) fn page(
    alerts: &[Map<String, Json>],
    notes: &BTreeMap<String, String>,
    more: u64,
    now: Timestamp,
) -> String {
    let mut whole = Case::default();
    alerts.iter().for_each(|alert| whole.add(alert));
    whole.more += more;
    let times: BTreeSet<String> = alerts.iter().filter_map(|alert| text(alert, "@timestamp")).collect();
    let mut scope = Scope::default();
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        scope.coverage.push(format!("alerts from {first} to {last}"));
    }
    scope.limits.push("this page was made from alerts and shows only what they contain".to_owned());
    case(&whole, &scope, notes, now)
}

/// The page of a case.
pub(crate) fn case(case: &Case, scope: &Scope, notes: &BTreeMap<String, String>, now: Timestamp) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    out += concat!("<meta name=\"generator\" content=\"osawatch ", env!("CARGO_PKG_VERSION"), "\">\n");
    // Should an escape ever be wrong, nothing is loaded and nothing runs.
    out += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    let count = plural(alerts(&case.alerts) as u64, "alert");
    let _ = writeln!(out, "<title>osawatch: {count}</title><style>{STYLE}</style></head><body>");
    let incidents = case.incidents();
    verdict(&mut out, case, &incidents, scope);
    contents(&mut out, case, &incidents);
    for (number, incident) in incidents.iter().enumerate().take(MAX_DRAWN) {
        article(&mut out, incident, number + 1);
    }
    further(&mut out, &incidents);
    guides(&mut out, case, notes);
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(out, "<footer><p>Made by osawatch {version} at {now}</p></footer></body></html>");
    out
}

/// How many of the documents are alerts; the others follow them up.
fn alerts<'d>(documents: impl IntoIterator<Item = &'d Map<String, Json>>) -> usize {
    documents.into_iter().filter(|document| text(document, "event.action").as_deref() != Some("follow_up")).count()
}

/// What was found, and how much that says.
fn verdict(out: &mut String, case: &Case, incidents: &[Incident<'_>], scope: &Scope) {
    let hosts: BTreeSet<String> = case.alerts.iter().filter_map(|alert| value(alert, "host.name")).collect();
    let (alerts, many) = (plural(alerts(&case.alerts) as u64, "alert"), plural(incidents.len() as u64, "incident"));
    match case.alerts.len() {
        0 => *out += "<h1>No alerts</h1><p>This is an all-clear only for what is listed here.</p>\n",
        _ => {
            let hosts: Vec<String> = hosts.into_iter().collect();
            let _ = writeln!(out, "<h1>{many}, {alerts}</h1><p>On {}.</p>", hosts.join(", "));
        }
    }
    if case.more > 0 {
        let _ = writeln!(out, "<p>{} further alerts are not in this page.</p>", case.more);
    }
    lines(out, "What was seen", &scope.coverage);
    let mut limits = scope.limits.clone();
    limits.push("what happened before, after, on other hosts or in events that were not recorded".to_owned());
    lines(out, "What could not be seen", &limits);
}

fn lines(out: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        let items: String = lines.iter().map(|line| format!("<li>{}</li>", escaped(line))).collect();
        let _ = writeln!(out, "<h3>{title}</h3><ul>{items}</ul>");
    }
}

fn contents(out: &mut String, case: &Case, incidents: &[Incident<'_>]) {
    if incidents.is_empty() {
        return;
    }
    *out += "<nav><h3>Contents</h3><ol>\n";
    for (number, incident) in incidents.iter().enumerate() {
        let (title, time) = (title(incident), first_time(incident));
        let count = plural(alerts(incident.alerts.iter().copied()) as u64, "alert");
        let _ = writeln!(out, "<li><a href=\"#incident-{}\">{title}</a>, {count}, {time}</li>", number + 1);
    }
    *out += "</ol><ul>\n";
    for (number, name) in rules(case).values().enumerate() {
        let _ = writeln!(out, "<li><a href=\"#guide-{}\">What to check: {}</a></li>", number + 1, escaped(name));
    }
    *out += "</ul></nav>\n";
}

/// The rules of the alerts, by id, with their names.
fn rules(case: &Case) -> BTreeMap<String, String> {
    let rule = |alert: &Map<String, Json>| {
        let id = text(alert, "rule.id")?;
        Some((id.clone(), text(alert, "rule.name").unwrap_or(id)))
    };
    case.alerts.iter().filter_map(rule).collect()
}

fn title(incident: &Incident<'_>) -> String {
    let name = incident.alerts.iter().find_map(|alert| value(alert, "rule.name").or_else(|| value(alert, "message")));
    let host = incident.alerts.iter().find_map(|alert| value(alert, "host.name"));
    format!("{} on {}", name.unwrap_or_else(|| "Alert".to_owned()), host.unwrap_or_else(|| escaped(&incident.host)))
}

fn first_time(incident: &Incident<'_>) -> String {
    incident.alerts.iter().find_map(|alert| value(alert, "@timestamp")).unwrap_or_default()
}

fn severity(incident: &Incident<'_>) -> &'static str {
    let number = |alert: &&Map<String, Json>| get(alert, "event.severity").and_then(Json::as_u64);
    match incident.alerts.iter().filter_map(number).max() {
        Some(21) => "low",
        Some(73) => "high",
        Some(99) => "critical",
        _ => "medium",
    }
}

fn article(out: &mut String, incident: &Incident<'_>, number: usize) {
    let severity = severity(incident);
    let _ = writeln!(
        out,
        "<article id=\"incident-{number}\" class=\"{severity}\"><span class=\"badge\">{severity}</span><h2>{number}. {}</h2>",
        title(incident)
    );
    *out += "<ul class=\"reasons\">\n";
    let mut reasons: BTreeMap<String, u64> = BTreeMap::new();
    for alert in &incident.alerts {
        *reasons.entry(value(alert, "event.reason").unwrap_or_default()).or_default() += 1;
    }
    for (reason, count) in reasons.iter().take(MAX_ENTRIES) {
        let times = if *count > 1 { format!(" ({count} times)") } else { String::new() };
        let _ = writeln!(out, "<li>{reason}{times}</li>");
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

/// The alerts of the incidents that are not drawn.
fn further(out: &mut String, incidents: &[Incident<'_>]) {
    if incidents.len() <= MAX_DRAWN {
        return;
    }
    *out += "<section id=\"further\"><h2>Further incidents</h2><table class=\"timeline\">\n";
    for (number, incident) in incidents.iter().enumerate().skip(MAX_DRAWN) {
        for (at, alert) in incident.alerts.iter().enumerate() {
            let part = |name: &str| value(alert, name).unwrap_or_default();
            let (time, host, reason) = (part("@timestamp"), part("host.name"), part("event.reason"));
            let id = if at == 0 { format!(" id=\"incident-{}\"", number + 1) } else { String::new() };
            let command = part("process.command_line");
            let _ = writeln!(
                out,
                "<tr{id}><td>{}. {time}</td><td>{host}</td><td>{reason}<br><code>{command}</code></td></tr>",
                number + 1
            );
        }
    }
    *out += "</table></section>\n";
}

/// Users, programs and destinations, each once.
fn facts(out: &mut String, incident: &Incident<'_>) {
    *out += "<table>\n";
    for (label, names) in [
        ("user", &["user.name", "user.id"][..]),
        ("program", &["process.executable"]),
        ("signed as", &["process.code_signature.signing_id"]),
        ("masquerade", &["osawatch.masquerade_reason"]),
        ("techniques", &[]),
        ("destinations", &[]),
        ("lost nearby", &["osawatch.loss"]),
        ("suppressed", &["osawatch.held_back.alerts"]),
    ] {
        let mut values: BTreeSet<String> = BTreeSet::new();
        for alert in &incident.alerts {
            match label {
                "destinations" => values.extend(Some(escaped(&destination_of(alert)))),
                "techniques" => values.extend(techniques(alert)),
                _ => values.extend(names.iter().find_map(|name| value(alert, name))),
            }
        }
        if label == "destinations" {
            let connected = incident.entries.iter().filter_map(|(_, entry)| match &entry.what {
                What::Connected(place) => Some(escaped(place)),
                _ => None,
            });
            values.extend(connected);
        }
        if !values.is_empty() {
            let shown: Vec<String> = values.into_iter().take(MAX_ENTRIES).collect();
            let _ = writeln!(out, "<tr><th>{label}</th><td>{}</td></tr>", shown.join("<br>"));
        }
    }
    *out += "</table>\n";
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
        let _ = writeln!(out, "<tr><td>{}</td><td>{}</td><td>{what}</td></tr>", entry.time, escaped(&entry.process));
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
    for alert in incident.alerts.iter().take(MAX_ENTRIES) {
        let time = value(alert, "@timestamp").unwrap_or_default();
        let _ = writeln!(out, "<tr><th colspan=\"2\">{time} {}</th></tr>", value(alert, "rule.id").unwrap_or_default());
        for (label, name) in [
            ("alert", "event.id"),
            ("host id", "host.id"),
            ("process", "process.entity_id"),
            ("team", "process.code_signature.team_id"),
            ("sha256", "process.hash.sha256"),
            ("cdhash", "process.Ext.code_signature.cdhash"),
            ("script sha256", "osawatch.script.sha256"),
            ("community id", "network.community_id"),
            ("attributed by", "osawatch.attribution.method"),
            ("shortened", "osawatch.shortened.fields"),
        ] {
            if let Some(value) = value(alert, name) {
                let _ = writeln!(out, "<tr><td>{label}</td><td><code>{value}</code></td></tr>");
            }
        }
    }
    *out += "</table></details>\n";
}

/// The triage guides, each once, and what the alerts already answer.
fn guides(out: &mut String, case: &Case, notes: &BTreeMap<String, String>) {
    for (number, (rule, name)) in rules(case).iter().enumerate() {
        let _ = writeln!(out, "<section id=\"guide-{}\"><h2>What to check: {}</h2>", number + 1, escaped(name));
        *out += "<table>\n";
        for (label, field) in [
            ("arguments", "process.command_line"),
            ("parent", "process.parent.command_line"),
            ("program", "process.executable"),
            ("destination", "destination.domain"),
            ("address", "destination.ip"),
            ("user", "user.name"),
        ] {
            let of_rule = case.alerts.iter().filter(|alert| text(alert, "rule.id").as_deref() == Some(rule));
            let values: BTreeSet<String> = of_rule.filter_map(|alert| value(alert, field)).collect();
            let shown: Vec<String> = values.into_iter().take(5).collect();
            if !shown.is_empty() {
                let _ = writeln!(out, "<tr><th>{label}</th><td>{}</td></tr>", shown.join("<br>"));
            }
        }
        *out += "</table>\n";
        guide::checklist(out, notes.get(rule).map(String::as_str).unwrap_or_default());
        *out += "</section>\n";
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_attacker_wrote_is_text_and_never_markup() {
        let hostile = "</pre><script>alert(1)</script><img src=x onerror='a()'>\u{1b}[2J\u{202e}\"&";
        let json = serde_json::json!({
            "@timestamp": hostile, "message": hostile, "rule": {"id": "r", "name": hostile},
            "event": {"reason": hostile, "severity": 73},
            "process": {"name": hostile, "command_line": hostile},
            "osawatch": {
                "script": {"text": format!("{hostile}\n{hostile}")}, "ancestry": [{"name": hostile}, {"name": hostile}],
                "sequence": {"events": [{"@timestamp": hostile, "process": {"args": [hostile, hostile]}}]},
            },
        });
        let notes = [("r".to_owned(), hostile.to_owned())].into();
        let page = page(&[json.as_object().unwrap().clone()], &notes, 0, Timestamp::from_nanoseconds(0));
        assert!(!page.contains("<script") && !page.contains("<img"), "{page}");
        assert!(!page.contains('\u{1b}') && !page.contains('\u{202e}'));
        assert!(page.matches("&lt;script&gt;").count() > 10, "{page}");
        for tag in ["article", "table", "pre", "ol", "li", "span", "svg", "text", "title", "section", "ul"] {
            let (opened, closed) =
                (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
            assert_eq!(opened, closed, "{tag}");
        }
    }
}
