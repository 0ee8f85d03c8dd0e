//! One event in, alerts out: reorder → process → detect → alert, composed once.

use std::time::Duration;

use crate::alert::Alert;
use crate::detect::reorder::Reorder;
use crate::detect::{Detector, Lateness, Ordinal, Rule, RuleSet};
use crate::event::{Event, Fields};
use crate::process::{self, Table};

/// When the input is taken as it comes, a waiting sequence is kept this much longer than `maxspan`
/// after the latest event, for completing events that come late.
const UNORDERED_SLACK: Duration = Duration::from_secs(300);

/// How much the pipeline holds. What it gives up beyond these is counted.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// How much disorder to expect.
    pub lateness: Lateness,
    /// Events waiting for earlier ones.
    pub reorder: usize,
    /// Partial sequences of each rule.
    pub sequences: usize,
    /// Process executions.
    pub processes: process::Limits,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            lateness: Lateness::UpTo(Duration::from_secs(5)),
            reorder: 131_072,
            sequences: 65_536,
            processes: process::Limits::default(),
        }
    }
}

/// What went through, and what was given up.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Events taken in.
    pub events: u64,
    /// Events that arrived later than the lateness allows.
    pub late: u64,
    /// Events released before their time: the reorder buffer was full.
    pub overflowed: u64,
    /// Executions given up: the process table was full.
    pub evicted_executions: u64,
    /// Partial sequences given up.
    pub evicted_sequences: u64,
    /// Alerts by rule, in the order of the rules.
    pub alerts: Vec<u64>,
}

/// Rules at work, with all the state they need.
#[derive(Debug)]
pub struct Pipeline {
    rules: Vec<Rule>,
    fields: Fields,
    lateness: Lateness,
    reorder: Reorder,
    table: Table,
    detector: Detector,
    latest_ms: i64,
    events: u64,
    alerts: Vec<u64>,
    sequence: u64,
}

impl Pipeline {
    /// A pipeline for a set of rules.
    pub fn new(set: RuleSet, limits: Limits) -> Pipeline {
        let RuleSet { rules, fields, lineages } = set;
        let detector = Detector::new(&rules, &fields, lineages, limits.sequences);
        let alerts = vec![0; rules.len()];
        Pipeline {
            rules,
            fields,
            lateness: limits.lateness,
            reorder: Reorder::new(limits.lateness, limits.reorder),
            table: Table::new(limits.processes),
            detector,
            latest_ms: i64::MIN,
            events: 0,
            alerts,
            sequence: 0,
        }
    }

    /// The rules.
    pub fn rules(&self) -> &[Rule] {
        &self.rules
    }

    /// The fields that the rules name: what a source must extract.
    pub fn fields(&self) -> &Fields {
        &self.fields
    }

    /// Takes in an event; gives the alerts that it completes, and those of earlier ones whose turn
    /// came.
    pub fn push(&mut self, event: Event, mut sink: impl FnMut(Alert)) {
        self.events += 1;
        self.reorder.push(event);
        while let Some((ordinal, event)) = self.reorder.pop_due() {
            self.observe(event, ordinal, &mut sink);
        }
    }

    /// The input has ended: what was held back goes through.
    pub fn finish(&mut self, mut sink: impl FnMut(Alert)) {
        while let Some((ordinal, event)) = self.reorder.pop() {
            self.observe(event, ordinal, &mut sink);
        }
    }

    /// Whether the execution is known that an event of a pid belongs to.
    pub fn knows_owner(&self, event: &Event) -> bool {
        self.table.knows_owner(event)
    }

    /// What went through so far.
    pub fn counts(&self) -> Counts {
        Counts {
            events: self.events,
            late: self.reorder.late(),
            overflowed: self.reorder.overflowed(),
            evicted_executions: self.table.evicted(),
            evicted_sequences: self.detector.evicted(),
            alerts: self.alerts.clone(),
        }
    }

    fn observe(&mut self, mut event: Event, ordinal: Ordinal, sink: &mut impl FnMut(Alert)) {
        self.table.observe(&mut event, |event| self.detector.lineage_marks(event));
        self.latest_ms = self.latest_ms.max(event.time.milliseconds());
        let watermark = match self.lateness {
            Lateness::UpTo(Duration::ZERO) => self.latest_ms.saturating_sub(UNORDERED_SLACK.as_millis() as i64),
            _ => self.latest_ms,
        };
        for detection in self.detector.observe(&event, ordinal, watermark) {
            self.alerts[detection.rule] += 1;
            let alert = Alert::new(&self.rules[detection.rule], detection, self.sequence);
            self.sequence += 1;
            sink(alert);
        }
    }
}
