//! What a replay did, in a few lines.

use std::fmt::Write;
use std::time::Duration;

use crate::detect::{Exception, Match, Rule};
use crate::event::field;
use crate::pipeline::{Counts, Pipeline};
use crate::report::{plural, visible};
use crate::source::recording::{Compression, RecordedInput, Recording};

/// The summary. Lines about loss appear only when something was lost.
pub(super) fn text(recording: &Recording, counts: &Counts, pipeline: &Pipeline, elapsed: Duration) -> String {
    let rules = pipeline.rules();
    let mut out = String::new();
    let totals = recording.totals();
    let rate = counts.events as f64 / elapsed.as_secs_f64().max(1e-9);
    let seconds = elapsed.as_secs_f64();
    let files = recording.inputs().len();
    let _ = writeln!(
        out,
        "{} events from {} in {seconds:.2} s ({rate:.0}/s)",
        counts.events,
        plural(files as u64, "input")
    );
    for input in recording.inputs() {
        let _ = writeln!(out, "  {}", visible(&described(input)));
    }
    for (count, what) in [
        (totals.malformed, "malformed values left out"),
        (totals.torn, "of them cut off by the end of the input"),
        (totals.too_long, "of them too long"),
        (totals.repaired_text, "values with text that is not Unicode, repaired"),
        (totals.skipped, "events of other kinds skipped"),
        (counts.late, "events later than the lateness allows, taken out of order"),
        (counts.overflowed, "events released early, as the reorder buffer was full: use a larger --max-reorder"),
        (counts.evicted_executions, "process executions evicted, as the table was full: use a larger --max-processes"),
        (counts.evicted_sequences, "partial sequences evicted, as the limit was reached: use a larger --max-sequences"),
    ] {
        if count > 0 {
            let _ = writeln!(out, "{count} {what}");
        }
    }
    let kinds: Vec<String> =
        totals.skipped_kinds.iter().map(|(kind, count)| format!("{} {count}", visible(kind))).collect();
    if !kinds.is_empty() {
        let _ = writeln!(out, "  by kind: {}", kinds.join(", "));
    }
    let inert = rules.iter().filter(|rule| rule.inert().is_some()).count() as u64;
    if inert > 0 {
        let _ = writeln!(out, "{} skipped; `osawatch rules check` says why", plural(inert, "rule"));
    }
    let _ = writeln!(out, "{}", plural(counts.alerts.iter().sum(), "alert"));
    for (rule, count) in rules.iter().zip(&counts.alerts).filter(|(_, count)| **count > 0) {
        let _ = writeln!(out, "  {count:>6}  {}", visible(&rule.id));
    }
    if counts.held_back > 0 {
        let _ = writeln!(out, "{} suppressed by [volume]", plural(counts.held_back, "alert"));
    }
    let excepted = pipeline.exceptions().iter().zip(&counts.excepted);
    if !pipeline.exceptions().is_empty() {
        let _ = writeln!(out, "{} suppressed by exceptions", plural(counts.excepted.iter().sum(), "sequence"));
    }
    for (exception, count) in excepted {
        let _ = writeln!(out, "  {count:>6}  {}", visible(&exception.name));
    }
    out
}

/// Which exception held back what, in one line.
pub(super) fn held_back(rule: &Rule, exception: &Exception, found: &Match) -> String {
    let last = found.events.last();
    let text = |field| last.and_then(|event| event.str(field));
    let process = text(field::PROCESS_EXECUTABLE).or_else(|| text(field::PROCESS_NAME)).unwrap_or("a process");
    let destination = [field::DESTINATION_IP, field::DESTINATION_ADDRESS, field::DESTINATION_DOMAIN];
    let destination = destination.into_iter().find_map(text).unwrap_or("no known destination");
    let (name, reason) = (&exception.name, &exception.reason);
    visible(&format!("suppressed by exception `{name}` ({reason}): {}, {process} to {destination}", rule.id))
}

/// An input with the format and compression that were found.
fn described(input: &RecordedInput) -> String {
    let mut text = format!("{}: ", input.name());
    match (input.format(), input.message_version()) {
        (Some(format), Some(version)) => text += &format!("{format}, message version {version}"),
        (Some(format), None) => text += &format.to_string(),
        (None, _) => text += "no line of a known format yet",
    }
    if let Some(compression) = input.compression().filter(|compression| *compression != Compression::None) {
        text += &format!(", {compression}");
    }
    text
}
