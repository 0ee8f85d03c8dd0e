//! How the agent is: what it tells of itself every ten seconds, and how people and monitoring read it. Pure.

mod prometheus;
mod text;
mod waiting;

use serde::{Deserialize, Serialize};

pub(crate) use prometheus::prometheus;
pub(crate) use text::{text, watch};
pub(crate) use waiting::{PATIENCE, Waiting};

/// What the agent tells of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Status {
    /// The version of osawatch.
    pub version: String,
    /// System, processor and profile of the build.
    pub build: String,
    /// The process.
    pub pid: u32,
    /// The start of the Mac that it runs in.
    pub boot_id: String,
    /// It has stopped in order.
    pub is_stopped: bool,
    /// When it started.
    pub since: String,
    /// When this was written.
    pub written: String,
    /// How long it has run.
    pub uptime_seconds: u64,
    /// What is wrong, a sentence each; empty: it is healthy.
    pub problems: Vec<String>,
    /// Where events come from.
    pub sources: Vec<Source>,
    /// Process events.
    pub processes: u64,
    /// Connections.
    pub connections: u64,
    /// Connections whose process is not known.
    pub unattributed: u64,
    /// Both, in the last seconds.
    pub events_per_second: f64,
    /// What was lost or evicted, by counter: all counters.
    pub losses: Vec<Count>,
    /// From the event that completes an alert to its line on the disk.
    pub latency: Latency,
    /// Partial sequences that are open.
    pub open_sequences: u64,
    /// Bytes of events and executions that are held.
    pub held_bytes: u64,
    /// How many may be.
    pub held_bytes_limit: u64,
    /// The rules.
    pub rules: Vec<Rule>,
    /// Exceptions, and how often each has suppressed an alert.
    pub exceptions: Vec<Count>,
    /// Alerts that limits of volume suppressed.
    pub suppressed: u64,
    /// Alerts that wait for a disk.
    pub backlog: Backlog,
    /// Resident memory now.
    pub memory_bytes: u64,
    /// The most resident memory that it has had.
    pub memory_peak_bytes: u64,
    /// Processor time so far.
    pub cpu_seconds: f64,
    /// Percent of one core that it took over the last minute.
    pub cpu_percent: f64,
    /// The same over the last seconds.
    pub cpu_percent_now: f64,
    /// Percent of one core above which optional work is left out; 0: there is no limit.
    pub cpu_percent_limit: u32,
    /// The last alert: when, and of which rule.
    pub last_alert: Option<Moment>,
    /// The last warning or error: when, and what.
    pub last_error: Option<Moment>,
    /// Optional work that is not done.
    pub left_out: Vec<String>,
    /// The programs with the most events in the last seconds.
    pub executables: Vec<Program>,
}

/// Where events of one kind come from.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Source {
    /// `exec` or `network`.
    pub kind: String,
    /// Which one.
    pub name: String,
    /// It works; `None`: that is not known yet.
    pub works: Option<bool>,
    /// What its self-test found, or why it does not work.
    pub finding: String,
    /// How late it reports, as far as it was measured.
    pub latency_ms: Option<u64>,
    /// Events of it so far.
    pub events: u64,
}

/// A number of something that has a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Count {
    /// The name.
    pub name: String,
    /// How many.
    pub count: u64,
}

/// A program, by what it costs the agent.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Program {
    /// Its path.
    pub name: String,
    /// Events of it since the start.
    pub count: u64,
    /// Events of it in a second, over the last seconds.
    pub per_second: f64,
}

/// A rule at work.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Rule {
    /// `rule.id`.
    pub id: String,
    /// Its alerts since the start.
    pub alerts: u64,
    /// Why it can never alert here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cannot_alert: Option<String>,
}

/// Percentiles of the last alerts, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Latency {
    /// Of how many alerts.
    pub alerts: u64,
    /// The median.
    pub p50_ms: u64,
    /// Nine of ten are as fast.
    pub p90_ms: u64,
    /// 99 of 100 are as fast.
    pub p99_ms: u64,
    /// The slowest.
    pub max_ms: u64,
}

/// What waits for a disk.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Backlog {
    /// Lines that have waited for longer than a second; of an agent that has stopped all that it left.
    pub alerts: u64,
    /// Lines lost, as neither disk nor memory had room.
    pub lost: u64,
}

/// Something that happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Moment {
    /// When.
    pub time: String,
    /// What.
    pub what: String,
}

/// What a reader makes of a status.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// All is well.
    Healthy,
    /// It runs, and this is wrong.
    Degraded(Vec<String>),
    /// It does not run, and why that is known.
    NotRunning(String),
}

/// Older than this, a status is of an agent that no longer writes any.
pub(crate) const STALE_SECONDS: u64 = 35;

impl Status {
    /// How the agent is. `is_locked`: a process holds the lock of its state directory; `age_seconds` is that of the
    /// status.
    pub(crate) fn verdict(&self, is_locked: bool, age_seconds: u64) -> Verdict {
        if !is_locked {
            let how = if self.is_stopped { "it stopped" } else { "it was killed: it last wrote its status" };
            return Verdict::NotRunning(format!("{how} at {}", self.written));
        }
        let mut problems = self.problems.clone();
        if age_seconds > STALE_SECONDS {
            problems.insert(0, format!("the agent (pid {}) has not written its status for {age_seconds} s", self.pid));
        }
        if problems.is_empty() { Verdict::Healthy } else { Verdict::Degraded(problems) }
    }

    /// What a heartbeat says in one sentence.
    pub(crate) fn summary(&self) -> String {
        let state = if self.problems.is_empty() { "healthy".to_owned() } else { self.problems.join("; ") };
        let alerts: u64 = self.rules.iter().map(|rule| rule.alerts).sum();
        let count = crate::report::plural;
        format!(
            "{state}; {}, {}, {}",
            count(self.processes, "process event"),
            count(self.connections, "connection"),
            count(alerts, "alert")
        )
    }

    /// What a document holds of it: bounded, whatever rules and exceptions are configured.
    pub(crate) fn brief(&self) -> Status {
        const MOST: usize = 32;
        let mut brief = self.clone();
        brief.rules.retain(|rule| rule.alerts > 0 || rule.cannot_alert.is_some());
        brief.exceptions.retain(|exception| exception.count > 0);
        brief.losses.retain(|loss| loss.count > 0);
        brief.rules.truncate(MOST);
        brief.exceptions.truncate(MOST);
        brief.executables.truncate(5);
        brief
    }
}

#[cfg(test)]
pub(crate) mod tests;
