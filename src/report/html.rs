//! One page for the incident file: no network and no script is needed to read it. Whatever comes from an
//! event was written by someone else, perhaps an attacker: it is escaped, and control characters are visible.

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::{Case, plural, severity, visible};
use crate::event::Timestamp;
use crate::event::document::get;

const STYLE: &str = "\
:root{color-scheme:light dark}body{font:15px/1.5 system-ui,sans-serif;max-width:70em;margin:2em auto;padding:0 1em}\
h1{font-size:1.6em}h2{font-size:1.2em;margin:0}article{border:1px solid #8886;border-left:6px solid #888;border-radius:6px;\
padding:1em;margin:1.2em 0;break-inside:avoid}.low{border-left-color:#3a7}.medium{border-left-color:#c90}\
.high{border-left-color:#e60}.critical{border-left-color:#c22}.badge{float:right;font-weight:600}\
table{border-collapse:collapse;width:100%;margin:.5em 0}th{text-align:left;font-weight:600;width:10em}th,td{vertical-align:top;\
padding:.2em .6em .2em 0;border-bottom:1px solid #8883}td,pre{overflow-wrap:anywhere}pre{white-space:pre-wrap;background:#8881;\
padding:.6em;border-radius:4px;font:13px/1.4 ui-monospace,monospace}h3{font-size:1em;margin:1em 0 .2em}ol.tree{list-style:none;\
padding-left:0}ol.tree ol{list-style:none;padding-left:1.2em;border-left:1px solid #8886}.self{font-weight:600}";

/// What a report covers, and what it cannot see.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// What was there, one line each.
    pub coverage: Vec<String>,
    /// What was not, one line each.
    pub limits: Vec<String>,
}

/// The page of a case.
pub fn case(case: &Case, _scope: &Scope, notes: &BTreeMap<String, String>, now: Timestamp) -> String {
    page(&case.alerts, notes, case.more, now)
}

/// The page. `notes` are the triage notes by rule; `more` alerts are not in it.
pub fn page(alerts: &[Map<String, Json>], notes: &BTreeMap<String, String>, more: u64, now: Timestamp) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    out += concat!("<meta name=\"generator\" content=\"osawatch ", env!("CARGO_PKG_VERSION"), "\">\n");
    // Should an escape ever be wrong, nothing is loaded and nothing runs.
    out += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    let count = plural(alerts.len() as u64, "alert");
    let _ = writeln!(out, "<title>osawatch: {count}</title><style>{STYLE}</style></head><body>");
    let _ = writeln!(out, "<h1>{count}</h1>");
    if more > 0 {
        let _ =
            writeln!(out, "<p>{more} further alerts are not in this page; choose fewer with --since or --rule.</p>");
    }
    overview(&mut out, alerts);
    for alert in alerts {
        article(&mut out, alert, notes);
    }
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(
        out,
        "<footer><p>Made by osawatch {version} at {}</p></footer></body></html>",
        escaped(&now.to_string())
    );
    out
}

fn overview(out: &mut String, alerts: &[Map<String, Json>]) {
    let mut counts: BTreeMap<(String, String), u64> = BTreeMap::new();
    for alert in alerts {
        let key = (value(alert, "rule.name").unwrap_or_default(), value(alert, "host.name").unwrap_or_default());
        *counts.entry(key).or_default() += 1;
    }
    *out += "<table><tr><th>alerts</th><th>rule</th><th>host</th></tr>\n";
    for ((rule, host), count) in counts {
        let _ = writeln!(out, "<tr><td>{count}</td><td>{rule}</td><td>{host}</td></tr>");
    }
    *out += "</table>\n";
}

fn article(out: &mut String, alert: &Map<String, Json>, notes: &BTreeMap<String, String>) {
    let severity = severity(alert);
    let title = value(alert, "rule.name").or_else(|| value(alert, "message")).unwrap_or_else(|| "alert".into());
    let _ = writeln!(out, "<article class=\"{severity}\"><span class=\"badge\">{severity}</span><h2>{title}</h2>");
    let _ = writeln!(out, "<p>{}</p>", value(alert, "event.reason").unwrap_or_default());
    *out += "<table>\n";
    for (label, name) in [
        ("time", "@timestamp"),
        ("host", "host.name"),
        ("host id", "host.id"),
        ("user", "user.name"),
        ("program", "process.executable"),
        ("pid", "process.pid"),
        ("signed as", "process.code_signature.signing_id"),
        ("team", "process.code_signature.team_id"),
        ("sha256", "process.hash.sha256"),
        ("script", "osawatch.script.source"),
        ("language", "osawatch.script.language"),
        ("script file", "osawatch.script.path"),
        ("script sha256", "osawatch.script.sha256"),
        ("script state", "osawatch.script.state"),
        ("masquerade", "osawatch.masquerade_reason"),
        ("destination", "destination.ip"),
        ("port", "destination.port"),
        ("domain", "destination.domain"),
        ("community id", "network.community_id"),
        ("attributed by", "osawatch.attribution.method"),
        ("suppressed", "osawatch.held_back.alerts"),
        ("lost nearby", "osawatch.loss"),
        ("shortened", "osawatch.shortened.fields"),
        ("rule", "rule.id"),
        ("alert id", "event.id"),
    ] {
        if let Some(value) = value(alert, name) {
            let _ = writeln!(out, "<tr><th>{label}</th><td>{value}</td></tr>");
        }
    }
    *out += "</table>\n";
    timeline(out, alert);
    tree(out, alert);
    script(out, alert);
    let note = get(alert, "rule.id").and_then(Json::as_str).and_then(|id| notes.get(id));
    if let Some(note) = note.filter(|note| !note.is_empty()) {
        let _ = writeln!(out, "<h3>What to check next</h3><pre>{}</pre>", escaped_lines(note));
    }
    *out += "</article>\n";
}

fn timeline(out: &mut String, alert: &Map<String, Json>) {
    let Some(events) = get(alert, "osawatch.sequence.events").and_then(Json::as_array) else { return };
    *out += "<h3>Timeline</h3><table>\n";
    for event in events.iter().filter_map(Json::as_object) {
        let part = |name: &str| value(event, name).unwrap_or_default();
        let what = [part("event.action"), part("process.name"), part("process.pid")].join(" ");
        let port = value(event, "destination.port").map(|port| format!(" port {port}")).unwrap_or_default();
        let to = value(event, "destination.ip").map(|ip| format!(" to {ip}{port}")).unwrap_or_default();
        let _ = writeln!(out, "<tr><th>{}</th><td>{what}{to}</td></tr>", part("@timestamp"));
    }
    *out += "</table>\n";
}

/// The oldest ancestor first, each in the one before.
fn tree(out: &mut String, alert: &Map<String, Json>) {
    let ancestors = get(alert, "osawatch.ancestry").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut lines: Vec<String> =
        ancestors.iter().rev().filter_map(Json::as_object).map(|process| line(process, "")).collect();
    lines.push(format!("<span class=\"self\">{}</span>", line(alert, "process.")));
    *out += "<h3>Process tree</h3><ol class=\"tree\">";
    for (depth, line) in lines.iter().enumerate() {
        let _ = write!(out, "{}<li>{line}", if depth > 0 { "<ol>" } else { "" });
    }
    *out += &"</li></ol>".repeat(lines.len());
    *out += "\n";
}

fn line(process: &Map<String, Json>, prefix: &str) -> String {
    let part = |name: &str| value(process, &format!("{prefix}{name}"));
    let pid = part("pid").map(|pid| format!(" ({pid})")).unwrap_or_default();
    let what = part("command_line").or_else(|| part("executable")).unwrap_or_default();
    format!("{}{pid} {what}", part("name").unwrap_or_default())
}

fn script(out: &mut String, alert: &Map<String, Json>) {
    let indicators = get(alert, "osawatch.script.indicators").and_then(Json::as_array).map(Vec::as_slice);
    for name in indicators.unwrap_or_default().iter().filter_map(Json::as_str) {
        let why = crate::script::reason(name).unwrap_or_default();
        let _ = writeln!(out, "<p><b>{}</b>: {}</p>", escaped(name), escaped(why));
    }
    if let Some(text) = get(alert, "osawatch.script.text").and_then(Json::as_str) {
        let _ = writeln!(out, "<h3>Script</h3><pre>{}</pre>", escaped_lines(text));
    }
    let events = get(alert, "osawatch.sequence.events").and_then(Json::as_array).map(Vec::as_slice).unwrap_or_default();
    let args = events.iter().filter_map(Json::as_object).find_map(|event| get(event, "process.args")?.as_array());
    if let Some(args) = args.filter(|args| args.len() > 1) {
        *out += "<h3>Arguments</h3><pre>";
        for arg in args {
            let _ = writeln!(out, "{}", escaped_lines(&plain(arg)));
        }
        *out += "</pre>\n";
    }
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        value => value.to_string(),
    }
}

/// A field, escaped.
fn value(document: &Map<String, Json>, name: &str) -> Option<String> {
    get(document, name).map(|value| escaped(&plain(value))).filter(|text| !text.is_empty())
}

/// Text for an element or a quoted attribute.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in visible(text).chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

fn escaped_lines(text: &str) -> String {
    text.lines().map(escaped).collect::<Vec<_>>().join("\n")
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
        assert_eq!(page.matches("&lt;script&gt;").count(), 14, "{page}");
        for tag in ["article", "table", "pre", "ol", "li", "span"] {
            let (opened, closed) =
                (page.matches(&format!("<{tag}")).count(), page.matches(&format!("</{tag}>")).count());
            assert_eq!(opened, closed, "{tag}");
        }
    }
}
