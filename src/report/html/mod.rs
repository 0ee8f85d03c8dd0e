//! The case report: one page to hand on. No network and no script is needed to read it. Whatever comes from an event
//! was written by someone else, perhaps an attacker: it is escaped, and control characters are visible.

mod drawing;
mod escape;
mod guide;
mod incident;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use serde_json::{Map, Value as Json};

use super::case::{Case, Incident, is_alert, is_follow_up, time};
use super::{plural, shown_time};
use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::text;
use escape::{escaped, value};
use incident::{article, destinations, first_time, severity, title};

/// Incidents that are drawn; of further ones each alert has a row.
const MAX_DRAWN: usize = 12;
/// Destinations of a case that are listed, and processes of each.
const MAX_DESTINATIONS: usize = 60;
const MAX_VISITORS: usize = 12;

const STYLE: &str = include_str!("style.css");

/// What a report covers, and what it cannot see.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    /// What was there, one line each.
    pub coverage: Vec<String>,
    /// What was not, one line each.
    pub limits: Vec<String>,
}

/// The page of alerts alone, with what is to be said of those that it does not show. `notes` are the triage notes by rule.
pub(crate) fn page(alerts: &Case, limits: Vec<String>, notes: &BTreeMap<String, String>, now: Timestamp) -> String {
    let times: BTreeSet<String> = alerts.alerts.iter().filter_map(|alert| text(alert, "@timestamp")).collect();
    let mut scope = Scope { limits, ..Scope::default() };
    if let (Some(first), Some(last)) = (times.first(), times.last()) {
        scope.coverage.push(format!("alerts from {first} to {last}"));
    }
    scope.limits.push("this page was made from alerts and shows only what they contain".to_owned());
    case(alerts, &scope, notes, now)
}

/// The page of a case.
pub(crate) fn case(case: &Case, scope: &Scope, notes: &BTreeMap<String, String>, now: Timestamp) -> String {
    let mut out = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    out += concat!("<meta name=\"generator\" content=\"osawatch ", env!("CARGO_PKG_VERSION"), "\">\n");
    // Should an escape ever be wrong, nothing is loaded and nothing runs.
    out += "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n";
    out += "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n";
    let count = plural(case.counts().0, "alert");
    let _ = writeln!(out, "<title>osawatch: {count}</title><style>{STYLE}</style></head><body>");
    let incidents = case.incidents();
    verdict(&mut out, case, &incidents, scope);
    contents(&mut out, case, &incidents);
    for (number, incident) in incidents.iter().enumerate().take(MAX_DRAWN) {
        article(&mut out, incident, number + 1);
    }
    further(&mut out, &incidents);
    visited(&mut out, &incidents);
    guides(&mut out, case, notes);
    let version = env!("CARGO_PKG_VERSION");
    let _ = writeln!(out, "<footer><p>Made by osawatch {version} at {now}</p></footer></body></html>");
    out
}

/// What was found, and how much that says.
fn verdict(out: &mut String, case: &Case, incidents: &[Incident<'_>], scope: &Scope) {
    let hosts: BTreeSet<String> = case.alerts.iter().filter_map(|alert| value(alert, "host.name")).collect();
    let (alerts, many) = (plural(case.counts().0, "alert"), plural(incidents.len() as u64, "incident"));
    match case.alerts.len() {
        0 => *out += "<h1>No alerts</h1><p>This is an all-clear only for what is listed here.</p>\n",
        _ => {
            let hosts: Vec<String> = hosts.into_iter().collect();
            let times: BTreeSet<Timestamp> = case.alerts.iter().filter_map(time).collect();
            let span = |from: &Timestamp, to: &Timestamp| match shown_time(*from) == shown_time(*to) {
                true => format!(", at {}", shown_time(*from)),
                false => format!(", from {} to {}", shown_time(*from), shown_time(*to)),
            };
            let when = times.first().zip(times.last()).map(|(from, to)| span(from, to)).unwrap_or_default();
            let on = if hosts.is_empty() { "a host without a name".to_owned() } else { hosts.join(", ") };
            let _ = writeln!(out, "<h1>{many}, {alerts}</h1><p class=\"verdict\">On {on}{when}.</p>");
            let counts: Vec<String> = Severity::ALL
                .into_iter()
                .rev()
                .map(|grade| (grade, incidents.iter().filter(|incident| severity(incident) == grade).count()))
                .filter(|(_, count)| *count > 0)
                .map(|(grade, count)| format!("<span class=\"badge {grade}\">{count} {grade}</span>"))
                .collect();
            let _ = writeln!(out, "<p>{}</p>", counts.join(" "));
        }
    }
    left_out(out, case, incidents);
    lines(out, "What was seen", &scope.coverage);
    let mut limits = scope.limits.clone();
    limits.push("what happened before, after, on other hosts or in events that were not recorded".to_owned());
    lines(out, "What could not be seen", &limits);
}

/// What the page had no room for.
fn left_out(out: &mut String, case: &Case, incidents: &[Incident<'_>]) {
    let around = incidents.iter().map(|incident| incident.left_out).sum();
    for (count, noun, which) in [
        (case.more, "further alert", ""),
        (around, "further event", " of the processes of its alerts"),
        (case.activity.left_out, "later event", " of any process, as the room for events was full"),
    ] {
        if count > 0 {
            let _ = writeln!(out, "<p>Not in this page: {}{which}.</p>", plural(count, noun));
        }
    }
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
        let alerts = incident.alerts.iter().filter(|alert| is_alert(alert)).count();
        let count = plural(alerts as u64, "alert");
        let _ = writeln!(out, "<li><a href=\"#incident-{}\">{title}</a>, {count}, {time}</li>", number + 1);
    }
    *out += "</ol><ul>\n";
    if incidents.iter().any(|incident| destinations(incident).next().is_some()) {
        *out += "<li><a href=\"#destinations\">Where they connected</a></li>\n";
    }
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
    case.alerts.iter().filter(|alert| !is_follow_up(alert)).filter_map(rule).collect()
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
            let when = time(alert).map(shown_time).unwrap_or_default();
            let (host, reason) = (part("host.name"), part("event.reason"));
            let id = if at == 0 { format!(" id=\"incident-{}\"", number + 1) } else { String::new() };
            let command = part("process.command_line");
            let _ = writeln!(
                out,
                "<tr{id}><td>{}. {when}</td><td>{host}</td><td>{reason}<br><code>{command}</code></td></tr>",
                number + 1
            );
        }
    }
    *out += "</table></section>\n";
}

/// All places that were connected to, with all who went there.
fn visited(out: &mut String, incidents: &[Incident<'_>]) {
    let mut places: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (number, incident) in incidents.iter().enumerate() {
        let host = incident.alerts.iter().find_map(|alert| value(alert, "host.name"));
        let host = host.unwrap_or_else(|| escaped(&incident.host));
        for (process, is_lookup, place) in destinations(incident) {
            let place = if is_lookup { format!("{place} (looked up)") } else { place.to_owned() };
            let link = format!("<a href=\"#incident-{}\">{}</a>", number + 1, number + 1);
            places.entry(place).or_default().insert(format!("{} on {host} ({link})", escaped(process)));
        }
    }
    if places.is_empty() {
        return;
    }
    *out += "<section id=\"destinations\"><h2>Where they connected</h2><table>\n";
    for (place, visitors) in places.iter().take(MAX_DESTINATIONS) {
        let mut shown: Vec<String> = visitors.iter().take(MAX_VISITORS).cloned().collect();
        if visitors.len() > MAX_VISITORS {
            shown.push(format!("and {} more", visitors.len() - MAX_VISITORS));
        }
        let _ = writeln!(out, "<tr><td>{}</td><td>{}</td></tr>", escaped(place), shown.join("<br>"));
    }
    *out += "</table>";
    if places.len() > MAX_DESTINATIONS {
        let _ = write!(out, "<p>{} further destinations are not listed.</p>", places.len() - MAX_DESTINATIONS);
    }
    *out += "</section>\n";
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
    fn what_the_page_has_no_room_for_is_counted_on_it_and_only_alerts_count_as_alerts() {
        let mut case = Case::default();
        let mut add = |event: Json, ours: Json| {
            let document = serde_json::json!({ "event": event, "osawatch": ours, "process": { "entity_id": "e" } });
            case.add(document.as_object().unwrap().clone());
        };
        (0..1003).for_each(|_| add(serde_json::json!({ "kind": "alert" }), Json::Null));
        add(serde_json::json!({ "kind": "alert" }), serde_json::json!({ "held_back": { "alerts": 2 } }));
        add(serde_json::json!({ "kind": "event", "action": "follow_up" }), Json::Null);
        case.activity.left_out = 2;
        let page = page(&case, Vec::new(), &BTreeMap::new(), Timestamp::from_nanoseconds(0));
        assert!(page.contains("<title>osawatch: 1000 alerts</title>"), "{page}");
        assert!(page.contains("<p>Not in this page: 3 further alerts.</p>"), "{page}");
        let events = "<p>Not in this page: 2 later events of any process, as the room for events was full.</p>";
        assert!(page.contains(events), "{page}");
    }

    #[test]
    fn what_an_attacker_wrote_is_text_and_never_markup() {
        let hostile = "</pre><script>alert(1)</script><img src=x onerror='a()'>\u{1b}[2J\u{202e}\"&";
        let json = serde_json::json!({
            "@timestamp": hostile, "message": hostile, "rule": {"id": "r", "name": hostile},
            "event": {"kind": "alert", "reason": hostile, "severity": 73},
            "process": {"name": hostile, "command_line": hostile},
            "osawatch": {
                "script": {"text": format!("{hostile}\n{hostile}")}, "ancestry": [{"name": hostile}, {"name": hostile}],
                "sequence": {"events": [{"@timestamp": hostile, "process": {"args": [hostile, hostile]}}]},
            },
        });
        let notes = [("r".to_owned(), hostile.to_owned())].into();
        let mut case = Case::default();
        case.add(json.as_object().unwrap().clone());
        let page = page(&case, Vec::new(), &notes, Timestamp::from_nanoseconds(0));
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
