//! Where the sources of process events put what they see.

use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::host::now;
use super::libproc;
use crate::event::Machine;
use crate::source::libproc::running;
use crate::source::live::{ExecLateness, Health, Level, Losses, Notice, Raw, Report, ReportSender, SourceKind, Tap};

/// Where a source of process events puts what it sees.
pub(super) struct Feed {
    pub(super) reports: ReportSender,
    pub(super) losses: Arc<Losses>,
    pub(super) scans: Receiver<()>,
    pub(super) machine: Machine,
    pub(super) host_name: Option<String>,
    /// What this source guarantees about execs.
    pub(super) lateness: Arc<ExecLateness>,
    /// Where a copy of what the source sends goes.
    pub(super) raw: Option<Tap<Raw>>,
}

impl Feed {
    pub(super) fn notice(&self, level: Level, text: String) {
        self.say(Notice::new(level, text));
    }

    pub(super) fn say(&self, notice: Notice) {
        // The engine ends only when the program ends.
        let _ = self.reports.send(Report::Notice(notice));
    }

    /// Reports that a source works, and what its self-test found.
    pub(super) fn works(&self, kind: SourceKind, name: &'static str, finding: String, latency: Option<Duration>) {
        let _ = self.reports.send(Report::Health(Health { kind, name, works: true, finding, latency }));
    }

    /// Reports that a source does not work, and why.
    pub(super) fn fails(&self, kind: SourceKind, name: &'static str, finding: String) {
        let _ = self.reports.send(Report::Health(Health { kind, name, works: false, finding, latency: None }));
    }

    /// Has bytes recorded as they are, if that is asked for.
    pub(super) fn record(&self, what: &'static str, bytes: &[u8]) {
        let copy = || Raw::Bytes { time: now(), what: what.into(), bytes: bytes.to_vec() };
        self.raw.iter().for_each(|raw| raw.take(bytes.len(), copy));
    }

    /// Reports the processes that run now.
    pub(super) fn scan(&self) {
        let host_name = self.host_name.as_deref();
        for event in running::events(libproc::running(), libproc::program, &self.machine, host_name) {
            // Room is left for the events that come meanwhile, whose thread may not wait.
            while self.reports.is_half_full() {
                std::thread::sleep(Duration::from_millis(1));
            }
            let _ = self.reports.send(Report::Running(Box::new(event)));
        }
    }
}
