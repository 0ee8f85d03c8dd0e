//! What a replay did, what it covered, and what it found.

use std::fmt::Write;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::clock::now;
use super::given::Given;
use crate::detect::{Exception, Match, Needs, Rule};
use crate::event::{Event, document, field};
use crate::pipeline::{Counts, Pipeline};
use crate::report::{Case, Coverage, html, plural, visible};
use crate::source::Counters;
use crate::source::recording::{Compression, RecordedInput, Recording, TOO_LONG};

/// Inputs beyond these are only counted.
const SHOWN_INPUTS: usize = 20;

/// Rules are named up to these, and else counted.
const NAMED_RULES: usize = 5;

/// What a replay found, as far as it was asked for.
pub(super) struct Found {
    pub(super) given: Given,
    /// Sequences that were held back, by the position of the exception.
    pub(super) excepted: Vec<u64>,
    /// It was stopped before the end.
    pub(super) is_stopped: bool,
    /// Hosts that were asked for, and of which there was no event.
    pub(super) missing: Vec<String>,
}

/// A replay that is over.
pub(super) struct Summary<'r> {
    recording: &'r Recording,
    pipeline: &'r Pipeline,
    coverage: &'r Coverage,
    elapsed: Duration,
    counts: Counts,
    found: Found,
    totals: Counters,
    needs: Vec<Needs<'r>>,
}

impl<'r> Summary<'r> {
    pub(super) fn new(
        (recording, coverage): (&'r Recording, &'r Coverage),
        pipeline: &'r Pipeline,
        found: Found,
        elapsed: Duration,
    ) -> Summary<'r> {
        let needs = pipeline.rules().iter().filter_map(|rule| rule.needs());
        let (counts, totals, needs) = (pipeline.counts(), recording.totals(), needs.collect());
        Summary { recording, pipeline, coverage, elapsed, counts, found, totals, needs }
    }

    /// Whether there is no alert because there could be none.
    pub(super) fn is_blind(&self) -> bool {
        self.alerts() == 0 && self.coverage.is_blind(&self.needs)
    }

    /// What could not be seen, one line each.
    pub(super) fn remarks(&self) -> Vec<String> {
        self.coverage.remarks(&self.needs, self.totals.skipped)
    }

    fn alerts(&self) -> u64 {
        self.found.given.alerts.values().sum()
    }

    /// For people. Lines about loss appear only when something was lost.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        self.read(&mut out);
        self.unread(&mut out);
        for line in self.coverage.lines() {
            let _ = writeln!(out, "{line}");
        }
        self.lost(&mut out);
        self.given(&mut out);
        for remark in self.remarks() {
            let _ = writeln!(out, "  {remark}");
        }
        self.suppressed(&mut out);
        out
    }

    /// What was read.
    fn read(&self, out: &mut String) {
        let seconds = self.elapsed.as_secs_f64();
        let rate = self.counts.events as f64 / seconds.max(1e-9);
        let (events, inputs) = (plural(self.counts.events, "event"), self.recording.inputs());
        let _ = writeln!(out, "{events} from {} in {seconds:.2} s ({rate:.0}/s)", plural(inputs.len() as u64, "input"));
        for input in inputs.iter().take(SHOWN_INPUTS) {
            let _ = writeln!(out, "  {}", visible(&described(input)));
        }
        if inputs.len() > SHOWN_INPUTS {
            let _ = writeln!(out, "  and {} more", inputs.len() - SHOWN_INPUTS);
        }
    }

    /// Inputs of which not all was read.
    fn unread(&self, out: &mut String) {
        let cut = self.recording.inputs().iter().filter(|input| input.is_truncated()).count() as u64;
        for (count, noun, what) in
            [(cut, "input", "cut off, read as far as possible"), (self.recording.left_out(), "file", "left out")]
        {
            if count > 0 {
                let _ = writeln!(out, "{} {what}", plural(count, noun));
            }
        }
    }

    fn lost(&self, out: &mut String) {
        let Summary { totals, counts, .. } = self;
        for (count, noun, what) in [
            (totals.malformed - totals.too_long, "malformed value", " left out"),
            (totals.too_long, "value", &format!(" {TOO_LONG}, left out")),
            (totals.torn, "value", " cut off by the end of the input"),
            (totals.repaired_text, "value", " with text that is not Unicode, repaired"),
            (totals.skipped, "event", " of other kinds skipped"),
            (counts.copies, "event", " recorded again, as where recordings overlap: taken once"),
            (counts.late, "event", " later than the lateness allows, taken out of order: use --sort"),
            (
                counts.overtaken,
                "event",
                " taken out of order, as the buffer for events that come late was full: use --sort or a larger --max-reorder",
            ),
            (
                counts.evicted_in_use,
                "process execution",
                " evicted while in use, as the table was full: use a larger --max-processes, or replay one host at a \
                 time (--host)",
            ),
            // Their connections have long been reported: nothing for the user to do.
            (
                counts.evicted_executions - counts.evicted_in_use,
                "process execution",
                " evicted less than a minute after the exit, as the table was full",
            ),
            (
                counts.evicted_sequences,
                "partial sequence",
                " evicted, as the limit was reached: use a larger --max-sequences",
            ),
        ] {
            if count > 0 {
                let _ = writeln!(out, "{}{what}", plural(count, noun));
            }
        }
        let kinds: Vec<String> =
            totals.skipped_kinds.iter().map(|(kind, count)| format!("{} {count}", visible(kind))).collect();
        if !kinds.is_empty() {
            let _ = writeln!(out, "  by kind: {}", kinds.join(", "));
        }
        let inert = self.pipeline.rules().iter().filter(|rule| rule.inert().is_some()).count() as u64;
        if inert > 0 {
            let _ = writeln!(out, "{} skipped; `osawatch rules check` says why", plural(inert, "rule"));
        }
    }

    fn given(&self, out: &mut String) {
        let _ = writeln!(out, "{}", plural(self.alerts(), "alert"));
        for (rule, count) in self.by_rule() {
            let _ = writeln!(out, "  {count:>6}  {}", visible(rule));
        }
    }

    fn suppressed(&self, out: &mut String) {
        let Found { given: Given { held_back, followed_up, .. }, excepted, .. } = &self.found;
        if *held_back > 0 {
            let _ = writeln!(out, "{} suppressed by [volume]", plural(*held_back, "alert"));
        }
        if *followed_up > 0 {
            let _ = writeln!(out, "{} in follow-ups of alerts", plural(*followed_up, "further detection"));
        }
        if !self.pipeline.exceptions().is_empty() {
            let _ = writeln!(out, "{} suppressed by exceptions", plural(excepted.iter().sum(), "sequence"));
        }
        for (exception, count) in self.pipeline.exceptions().iter().zip(excepted) {
            let _ = writeln!(out, "  {count:>6}  {}", visible(&exception.name));
        }
    }

    fn by_rule(&self) -> impl Iterator<Item = (&str, u64)> {
        // Of two rules with one id the second cannot run.
        let rules = self.pipeline.rules().iter().filter(|rule| rule.inert().is_none());
        rules.filter_map(|rule| Some((rule.id.as_str(), *self.found.given.alerts.get(&rule.id)?)))
    }

    /// For programs.
    pub(super) fn json(&self) -> Json {
        let input = |input: &RecordedInput| {
            let counters = input.counters();
            json!({
                "name": input.name(),
                "format": input.format().map(|format| format.to_string()),
                "compression": input.compression().map(|compression| compression.to_string()),
                "bytes": input.bytes_read(),
                "events": counters.events,
                "skipped": counters.skipped,
                "malformed": counters.malformed,
                "truncated": input.is_truncated(),
            })
        };
        let exceptions = self.pipeline.exceptions().iter().zip(&self.found.excepted);
        let exceptions = exceptions.map(|(exception, count)| json!({"name": exception.name, "sequences": count}));
        let by_rule: Map<String, Json> = self.by_rule().map(|(rule, count)| (rule.to_owned(), count.into())).collect();
        json!({
            "osawatch": env!("CARGO_PKG_VERSION"),
            "interrupted": self.found.is_stopped,
            "events": self.counts.events,
            "copies": self.counts.copies,
            "left_out": self.recording.left_out(),
            "alerts": self.alerts(),
            "alerts_by_rule": by_rule,
            "alert_was_possible": !self.coverage.is_blind(&self.needs),
            "coverage": self.coverage.json(&self.needs, self.totals.skipped),
            "inputs": self.recording.inputs().iter().map(input).collect::<Vec<_>>(),
            "missing_hosts": self.found.missing,
            "values": {
                "too_long": self.totals.too_long,
                "cut_off": self.totals.torn,
                "repaired": self.totals.repaired_text,
                "skipped_kinds": self.totals.skipped_kinds,
            },
            "late": self.counts.late,
            "evicted": {
                "executions": self.counts.evicted_executions,
                "executions_in_use": self.counts.evicted_in_use,
                "sequences": self.counts.evicted_sequences,
                "waiting_events": self.counts.overtaken,
                "cases": self.counts.evicted_cases,
            },
            "held_back": self.found.given.held_back,
            "followed_up": self.found.given.followed_up,
            "excepted": self.found.excepted.iter().sum::<u64>(),
            "exceptions": exceptions.collect::<Vec<_>>(),
        })
    }

    /// The case report.
    pub(super) fn page(&self, case: &Case) -> String {
        let mut coverage = self.coverage.lines();
        coverage.push(self.applied());
        coverage.extend(self.left().lines().map(|line| line.trim().to_owned()));
        let notes = self.pipeline.rules().iter().map(|rule| (rule.id.clone(), rule.note.clone())).collect();
        html::case(case, &html::Scope { coverage, limits: self.limits() }, &notes, now())
    }

    /// The rules that were applied, by their ids where they are few.
    fn applied(&self) -> String {
        let running = self.pipeline.rules().iter().filter(|rule| rule.inert().is_none());
        let ids: Vec<String> = running.map(|rule| visible(&rule.id)).collect();
        let rules = plural(ids.len() as u64, "rule");
        if ids.len() > NAMED_RULES {
            format!("{rules} applied")
        } else {
            format!("{rules} applied: {}", ids.join(", "))
        }
    }

    /// What was not read, lost and held back.
    fn left(&self) -> String {
        let mut left = String::new();
        self.unread(&mut left);
        self.lost(&mut left);
        self.suppressed(&mut left);
        left
    }

    /// What the page has to say for itself, where the text stands beside other messages.
    fn limits(&self) -> Vec<String> {
        let mut limits = Vec::new();
        if self.found.is_stopped {
            limits.push("the replay was interrupted: the rest of the recordings was not read".to_owned());
        }
        limits.extend(self.found.missing.iter().map(|host| format!("no event of host {}", visible(host))));
        let cut = self.recording.inputs().iter().filter(|input| input.is_truncated()).take(SHOWN_INPUTS);
        limits.extend(cut.map(|input| format!("a recording was cut off: {}", input.name())));
        limits.extend(self.remarks());
        limits
    }
}

/// Which exception suppressed what, in one line.
pub(super) fn suppressed(rule: &Rule, exception: &Exception, found: &Match) -> String {
    let last = found.events.last();
    let text = |field| last.and_then(|event| event.str(field));
    let process = text(field::PROCESS_EXECUTABLE).or_else(|| text(field::PROCESS_NAME)).unwrap_or("a process");
    let destination = [field::DESTINATION_IP, field::DESTINATION_ADDRESS, field::DESTINATION_DOMAIN];
    let destination = destination.into_iter().find_map(text).unwrap_or("no known destination");
    let (name, reason) = (&exception.name, &exception.reason);
    let what = format!("suppressed by exception `{name}` ({reason}): {}, {process} to {destination}", rule.id);
    visible(&format!("{what}{}", last.map(|event| where_and_when(event)).unwrap_or_default()))
}

/// The host of an event, which no rule needs to name, and its time.
fn where_and_when(event: &Event) -> String {
    let document = document::document(event);
    let host = ["host.name", "host.hostname", "host.id"].iter().find_map(|name| document::text(&document, name));
    let on = host.map(|host| format!(" on {host}")).unwrap_or_default();
    format!("{on} at {}", event.time)
}

/// An input with the format and compression that were found.
fn described(input: &RecordedInput) -> String {
    let mut text = format!("{}: ", input.name());
    match (input.format(), input.message_version()) {
        (Some(format), Some(version)) => text += &format!("{format}, message version {version}"),
        (Some(format), None) => text += &format.to_string(),
        (None, _) => text += "no value of a known format yet",
    }
    if let Some(compression) = input.compression().filter(|compression| *compression != Compression::None) {
        text += &format!(", {compression}");
    }
    text += &format!(", {}", plural(input.counters().events, "event"));
    if input.is_truncated() {
        text += ", cut off";
    }
    text
}
