//! The status for people.

use std::fmt::Write;
use std::time::Duration;

use super::{Count, Program, Status, Verdict};
use crate::quantity::write_duration;
use crate::report::{plural, visible};

/// Programs that are shown.
const SHOWN: usize = 10;

/// The whole status; the first line says how the agent is. Of an agent that never wrote one it is the only one.
pub(crate) fn text(status: &Status, verdict: &Verdict) -> String {
    let mut out = headline(verdict);
    if status.written.is_empty() {
        return out;
    }
    line(&mut out, "version", &format!("{} ({}), pid {}", status.version, status.build, status.pid));
    let up = write_duration(Duration::from_secs(status.uptime_seconds));
    line(&mut out, "up since", &format!("{} ({up})", status.since));
    sources(&mut out, status);
    let open = plural(status.open_sequences, "partial sequence");
    line(&mut out, "events", &format!("{:.1}/s; {open} open", status.events_per_second));
    let lost = listed(&status.losses);
    let counters = plural(status.losses.len() as u64, "counter");
    let lost = if lost.is_empty() { format!("nothing, by {counters}") } else { lost };
    line(&mut out, "lost", &lost);
    let latency = status.latency;
    if latency.alerts == 0 {
        line(&mut out, "latency", "no alert has been written to the disk");
    } else {
        let (p50, p90, p99, max) = (latency.p50_ms, latency.p90_ms, latency.p99_ms, latency.max_ms);
        let of = plural(latency.alerts, "alert");
        line(&mut out, "latency", &format!("median {p50} ms, p90 {p90} ms, p99 {p99} ms, at most {max} ms ({of})"));
    }
    let backlog = status.backlog;
    line(&mut out, "backlog", &format!("{} waiting, {} lost", plural(backlog.alerts, "alert"), backlog.lost));
    own_use(&mut out, status);
    for left_out in &status.left_out {
        line(&mut out, "left out", left_out);
    }
    alerts(&mut out, status);
    out
}

/// What `status --watch` shows: the same, and the programs with the most events.
pub(crate) fn watch(status: &Status, verdict: &Verdict) -> String {
    let mut out = text(status, verdict);
    out += "\n  events/s      events  executable\n";
    for Program { name, count, per_second } in status.executables.iter().take(SHOWN) {
        let _ = writeln!(out, "{per_second:>10.1}  {count:>10}  {}", visible(name));
    }
    out
}

/// What the agent takes of the Mac, each against its limit.
fn own_use(out: &mut String, status: &Status) {
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let (now, peak) = (mib(status.memory_bytes), mib(status.memory_peak_bytes));
    let (held, limit) = (mib(status.held_bytes), mib(status.held_bytes_limit));
    line(
        out,
        "memory",
        &format!("{now} MiB, at most {peak} MiB so far; {held} of {limit} MiB of events and executions"),
    );
    let limit = match status.cpu_percent_limit {
        0 => "no limit".to_owned(),
        limit => format!("limit {limit} %"),
    };
    let (now, minute, all) = (status.cpu_percent_now, status.cpu_percent, status.cpu_seconds);
    line(out, "processor", &format!("{now:.1} % of a core, {minute:.1} % over a minute ({limit}), {all:.1} s in all"));
}

fn headline(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Healthy => "osawatch is healthy\n".to_owned(),
        Verdict::Degraded(problems) => format!("osawatch is degraded: {}\n", visible(&problems.join("; "))),
        Verdict::NotRunning(why) => format!("osawatch is not running: {}\n", visible(why)),
    }
}

fn line(out: &mut String, name: &str, value: &str) {
    let _ = writeln!(out, "{:<10}{}", visible(name), visible(value));
}

fn sources(out: &mut String, status: &Status) {
    for source in &status.sources {
        let state = match source.works {
            Some(true) => "works",
            Some(false) => "DOES NOT WORK",
            None => "not known yet",
        };
        let name = if source.name.is_empty() { "no source" } else { &source.name };
        let finding = if source.finding.is_empty() { String::new() } else { format!(": {}", source.finding) };
        let late = source.latency_ms.map(|late| format!("; {late} ms late")).unwrap_or_default();
        let events = plural(source.events, "event");
        line(out, &source.kind, &format!("{name} {state}{finding}{late}; {events}"));
    }
}

fn alerts(out: &mut String, status: &Status) {
    let total: u64 = status.rules.iter().fold(0, |total, rule| total.saturating_add(rule.alerts));
    let suppressed = plural(status.suppressed, "alert");
    let rules = plural(status.rules.len() as u64, "rule");
    line(out, "alerts", &format!("{total} of {rules}; {suppressed} suppressed by [volume]"));
    for rule in status.rules.iter().filter(|rule| rule.alerts > 0) {
        let _ = writeln!(out, "{:>10}  {}", rule.alerts, visible(&rule.id));
    }
    for rule in &status.rules {
        if let Some(why) = &rule.cannot_alert {
            line(out, "  cannot", &format!("{}: {why}", rule.id));
        }
    }
    if !status.exceptions.is_empty() {
        let without = status.exceptions.iter().filter(|exception| exception.count == 0).count();
        let hits = Some(listed(&status.exceptions)).filter(|hits| !hits.is_empty()).into_iter();
        let without = (without > 0).then(|| format!("{without} without a hit"));
        line(out, "exceptions", &format!(" {}", hits.chain(without).collect::<Vec<_>>().join("; ")));
    }
    for (name, moment) in [("last alert", &status.last_alert), ("last error", &status.last_error)] {
        if let Some(moment) = moment {
            line(out, name, &format!(" {} {}", moment.time, moment.what));
        }
    }
}

/// Those that are not 0.
fn listed(counts: &[Count]) -> String {
    let some = counts.iter().filter(|count| count.count > 0);
    some.map(|Count { name, count }| format!("{name} {count}")).collect::<Vec<_>>().join(", ")
}
