//! The status in the text format of Prometheus, for the textfile collector of the node exporter.

use std::fmt::Write;

use super::{Status, Verdict};

/// Metrics of the agent. One that does not run has `osawatch_up 0` alone.
pub(crate) fn prometheus(status: &Status, verdict: &Verdict) -> String {
    let mut out = String::new();
    let runs = !matches!(verdict, Verdict::NotRunning(_));
    metric(&mut out, "up", "gauge", "whether the agent runs", f64::from(u8::from(runs)));
    if !runs {
        return out;
    }
    let healthy = f64::from(u8::from(*verdict == Verdict::Healthy));
    metric(&mut out, "healthy", "gauge", "whether nothing is wrong", healthy);
    let labels = [("version", status.version.as_str()), ("build", &status.build)];
    family(&mut out, "info", "gauge", "version and build", [(labels.to_vec(), 1.0)]);
    metric(&mut out, "uptime_seconds", "gauge", "how long the agent has run", status.uptime_seconds as f64);
    let works = status.sources.iter().map(|source| {
        let labels = vec![("kind", source.kind.as_str()), ("source", source.name.as_str())];
        (labels, f64::from(u8::from(source.works == Some(true))))
    });
    family(&mut out, "source_works", "gauge", "whether events of this kind come", works);
    let events = status.sources.iter().map(|source| (vec![("kind", source.kind.as_str())], source.events as f64));
    family(&mut out, "events_total", "counter", "events taken in", events);
    let losses = status.losses.iter().map(|loss| (vec![("counter", loss.name.as_str())], loss.count as f64));
    family(&mut out, "lost_total", "counter", "events lost or evicted", losses);
    let alerts = status.rules.iter().map(|rule| (vec![("rule", rule.id.as_str())], rule.alerts as f64));
    family(&mut out, "alerts_total", "counter", "alerts of each rule", alerts);
    let hits = status.exceptions.iter().map(|hit| (vec![("exception", hit.name.as_str())], hit.count as f64));
    family(&mut out, "suppressed_total", "counter", "alerts that an exception suppressed", hits);
    let suppressed = "alerts that the limits of [volume] held back";
    metric(&mut out, "volume_suppressed_total", "counter", suppressed, status.suppressed as f64);
    let waiting = "alerts that have waited for a disk for longer than a second";
    metric(&mut out, "backlog_alerts", "gauge", waiting, status.backlog.alerts as f64);
    metric(&mut out, "backlog_lost_total", "counter", "alerts that no disk took", status.backlog.lost as f64);
    metric(&mut out, "open_sequences", "gauge", "partial sequences that are open", status.open_sequences as f64);
    metric(&mut out, "memory_bytes", "gauge", "resident memory", status.memory_bytes as f64);
    metric(&mut out, "memory_peak_bytes", "gauge", "the most memory so far", status.memory_peak_bytes as f64);
    let held = status.held_bytes as f64;
    metric(&mut out, "held_bytes", "gauge", "bytes of events and executions that are held", held);
    let limit = status.held_bytes_limit as f64;
    metric(&mut out, "held_bytes_limit", "gauge", "bytes of events and executions that may be held", limit);
    let silent = status.rules.iter().filter(|rule| rule.cannot_alert.is_some());
    let silent = silent.map(|rule| (vec![("rule", rule.id.as_str())], 1.0));
    family(&mut out, "rule_cannot_alert", "gauge", "rules that can never alert here", silent);
    metric(&mut out, "left_out", "gauge", "optional work that is not done", status.left_out.len() as f64);
    metric(&mut out, "events_per_second", "gauge", "events in the last seconds", status.events_per_second);
    metric(&mut out, "cpu_seconds_total", "counter", "processor time so far", status.cpu_seconds);
    let (latency, second) = (status.latency, 1000.0);
    let quantiles = [("0.5", latency.p50_ms), ("0.9", latency.p90_ms), ("0.99", latency.p99_ms), ("1", latency.max_ms)];
    let quantiles = quantiles.map(|(quantile, ms)| (vec![("quantile", quantile)], ms as f64 / second));
    family(&mut out, "alert_latency_seconds", "gauge", "from the event to the disk, of the last alerts", quantiles);
    out
}

fn metric(out: &mut String, name: &str, kind: &str, help: &str, value: f64) {
    family(out, name, kind, help, [(Vec::new(), value)]);
}

type Labels<'a> = Vec<(&'a str, &'a str)>;

fn family<'a>(
    out: &mut String,
    name: &str,
    kind: &str,
    help: &str,
    samples: impl IntoIterator<Item = (Labels<'a>, f64)>,
) {
    let _ = writeln!(out, "# HELP osawatch_{name} {help}\n# TYPE osawatch_{name} {kind}");
    for (labels, value) in samples {
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let _ = writeln!(out, "osawatch_{name}{labels} {value}");
    }
}

fn escaped(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for c in value.chars() {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => {
                let _ = write!(out, "\\\\u{{{:x}}}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}
