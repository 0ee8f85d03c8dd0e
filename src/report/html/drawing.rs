//! Drawings of an incident, inline: its process tree, and its events on an axis of time.

use std::collections::{BTreeMap, HashSet};
use std::fmt::Write;

use super::escape::escaped;
use crate::report::activity::{Entry, What};
use crate::report::case::Incident;
use crate::report::shown_time;

/// Rows of a process tree.
const MAX_ROWS: usize = 60;
/// Columns that a letter takes, of the bold ones.
const LETTER: usize = 8;
const ROW: usize = 22;
const INDENT: usize = 20;
const WIDTH: usize = 860;

/// Who started whom, and who connected where.
pub(super) fn tree(out: &mut String, incident: &Incident<'_>) {
    let mut rows = Rows { incident, children: BTreeMap::new(), rows: Vec::new(), seen: HashSet::new() };
    for (entity, process) in &incident.processes {
        let parent = process.parent.as_deref().filter(|parent| incident.processes.contains_key(*parent));
        rows.children.entry(parent.unwrap_or_default()).or_default().push(entity);
    }
    rows.walk("", 0);
    let count = rows.rows.len();
    let shown = &rows.rows[..count.min(MAX_ROWS)];
    let height = shown.len() * ROW + 10;
    let _ = writeln!(
        out,
        "<div class=\"drawing\"><svg role=\"img\" aria-label=\"process tree\" viewBox=\"0 0 {WIDTH} {height}\" width=\"{WIDTH}\" height=\"{height}\">"
    );
    for (at, (depth, class, text)) in shown.iter().enumerate() {
        let (x, y) = (8 + depth * INDENT, at * ROW + 18);
        if *depth > 0 {
            let above = shown[..at].iter().rposition(|(other, _, _)| other < depth).unwrap_or(0) * ROW + 24;
            let _ = write!(out, "<path class=\"edge\" d=\"M{} {above}V{}H{}\"/>", x - 12, y - 4, x - 3);
        }
        let short: String = text.chars().take((WIDTH - x) / LETTER).collect();
        let dots = if short.len() < text.len() { "…" } else { "" };
        let _ = writeln!(
            out,
            "<text class=\"{class}\" x=\"{x}\" y=\"{y}\"><title>{}</title>{}{dots}</text>",
            escaped(text),
            escaped(&short)
        );
    }
    *out += "</svg></div>\n";
    if count > MAX_ROWS {
        let _ = writeln!(out, "<p>{} further rows are not drawn.</p>", count - MAX_ROWS);
    }
}

struct Rows<'i> {
    incident: &'i Incident<'i>,
    children: BTreeMap<&'i str, Vec<&'i String>>,
    /// Depth, class and text.
    rows: Vec<(usize, &'static str, String)>,
    seen: HashSet<&'i str>,
}

impl<'i> Rows<'i> {
    fn walk(&mut self, entity: &str, depth: usize) {
        // Who made the recording may have made circles in it, and chains without end.
        if depth > 20 || self.rows.len() > MAX_ROWS * 4 {
            return;
        }
        for child in self.children.get(entity).cloned().unwrap_or_default() {
            if !self.seen.insert(child) {
                continue;
            }
            let process = &self.incident.processes[child];
            let name = if process.name.is_empty() { "a process" } else { &process.name };
            let class = if process.alerts { "alerting" } else { "process" };
            self.rows.push((depth, class, format!("{name}  {}", process.command).trim_end().to_owned()));
            let mut places: Vec<&String> = Vec::new();
            for (of, entry) in &self.incident.entries {
                let (sign, place) = match &entry.what {
                    What::Connected(place) => ("→", place),
                    What::LookedUp(name) => ("? looked up", name),
                    _ => continue,
                };
                if of == child && !places.contains(&place) {
                    places.push(place);
                    self.rows.push((depth + 1, "connection", format!("{sign} {place}")));
                }
            }
            self.walk(child, depth + 1);
        }
    }
}

/// Starts, connections and alerts where they were in time.
pub(super) fn axis(out: &mut String, entries: &[(String, Entry)]) {
    let (Some((_, first)), Some((_, last))) = (entries.first(), entries.last()) else { return };
    let start = first.time.nanoseconds();
    let span = last.time.nanoseconds().saturating_sub(start).max(1) as f64;
    let _ = writeln!(
        out,
        "<div class=\"drawing\"><svg role=\"img\" aria-label=\"timeline\" viewBox=\"0 0 {WIDTH} 92\" width=\"{WIDTH}\" height=\"92\"><path class=\"edge\" d=\"M90 74H840\"/>"
    );
    for (label, y) in [("alerts", 20), ("network", 40), ("programs", 60)] {
        let _ = write!(out, "<text class=\"process\" x=\"4\" y=\"{y}\">{label}</text>");
    }
    for tick in 0..=4 {
        let seconds = span / 1e9 * f64::from(tick) / 4.0;
        let x = 90.0 + 750.0 * f64::from(tick) / 4.0;
        let anchor = if tick == 4 { "end" } else { "middle" };
        let _ =
            write!(out, "<text class=\"tick\" text-anchor=\"{anchor}\" x=\"{x:.0}\" y=\"88\">+{seconds:.1} s</text>");
    }
    for (_, entry) in entries {
        let x = 90.0 + 750.0 * (entry.time.nanoseconds().saturating_sub(start) as f64 / span);
        let (class, y) = match entry.what {
            What::Alert(_) => ("mark-alert", 16),
            What::Connected(_) | What::LookedUp(_) => ("mark-network", 36),
            What::Started(_) => ("mark-program", 56),
        };
        let title = escaped(&format!("{} {} {}", shown_time(entry.time), entry.process, described(&entry.what)));
        let _ =
            write!(out, "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y}\" r=\"5\"><title>{title}</title></circle>");
    }
    *out += "</svg></div>\n";
}

/// What happened, in words.
pub(super) fn described(what: &What) -> String {
    match what {
        What::Started(command) => format!("started: {command}"),
        What::Connected(place) => format!("connected to {place}"),
        What::LookedUp(name) => format!("looked up {name}"),
        What::Alert(name) => format!("ALERT: {name}"),
    }
}
