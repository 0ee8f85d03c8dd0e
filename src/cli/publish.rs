//! The status on its way to the state directory and to whoever asks, on a thread that may wait for a disk.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use nix::sys::resource::{UsageWho, getrusage};

use super::clock::now;
use crate::agent::{Control, Told};
use crate::event::Timestamp;
use crate::output::Gauge;
use crate::output::state::StateDirectory;
use crate::report::plural;
use crate::source::MAXRSS_UNIT;
use crate::status::{self, Backlog, Latency, Status};

/// The file of the state directory.
pub(super) const STATUS: &str = "status.json";
/// Processor time is averaged over this time.
const MINUTE: Duration = Duration::from_secs(60);
/// Statuses that may wait for a slow disk; further ones are left out.
const QUEUED: usize = 8;
/// How long the last status may take to be written.
const LAST: Duration = Duration::from_secs(1);

/// Completes a status with what the engine cannot know, and writes it.
pub(super) struct Publisher {
    pub(super) state: Option<Arc<StateDirectory>>,
    pub(super) gauge: Option<Gauge>,
    pub(super) control: Sender<Control>,
    /// Percent of a core, above which optional work is left out; 0: there is no limit.
    pub(super) cpu_limit: u32,
    since: Timestamp,
    /// Processor seconds at points of time within the last minute.
    used: VecDeque<(Instant, f64)>,
    failed: bool,
    shed: bool,
}

impl Publisher {
    pub(super) fn new(
        state: Option<Arc<StateDirectory>>,
        gauge: Option<Gauge>,
        control: Sender<Control>,
        cpu_limit: u32,
    ) -> Publisher {
        let used = VecDeque::new();
        Publisher { state, gauge, control, cpu_limit, since: now(), used, failed: false, shed: false }
    }

    /// Starts the thread; it ends, and gives the publisher back, when nobody holds the sender any more.
    pub(super) fn start(mut self) -> std::io::Result<(Sender<Told>, Receiver<Publisher>)> {
        let ((told, tell), (done, ended)) = (bounded::<Told>(QUEUED), bounded(1));
        std::thread::Builder::new().name("osawatch-status".into()).spawn(move || {
            for Told { mut status, is_asked } in &tell {
                self.publish(&mut status);
                if is_asked {
                    let verdict = status.verdict(true, 0);
                    log::info!("{}", status::text(&status, &verdict));
                }
            }
            let _ = done.send(self);
        })?;
        Ok((told, ended))
    }

    /// Waits for the thread, and has the last status written.
    pub(super) fn finish(ended: &Receiver<Publisher>, mut status: Status) {
        status.is_stopped = true;
        if let Ok(mut publisher) = ended.recv_timeout(LAST) {
            publisher.publish(&mut status);
        }
    }

    #[allow(clippy::disallowed_methods, reason = "processor time is measured against real time")]
    fn publish(&mut self, status: &mut Status) {
        self.complete(status, Instant::now());
        let Some(state) = &self.state else { return };
        let written = serde_json::to_vec(status).map_err(std::io::Error::from);
        match written.and_then(|bytes| state.write(STATUS, &bytes)) {
            Ok(()) => self.failed = false,
            Err(error) if !std::mem::replace(&mut self.failed, true) => {
                log::warn!("{}: cannot write the status: {error}", state.path().display());
            }
            Err(_) => {}
        }
    }

    fn complete(&mut self, status: &mut Status, at: Instant) {
        status.pid = std::process::id();
        status.build = build();
        status.since = self.since.to_string();
        status.written = now().to_string();
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
            status.memory_peak_bytes = u64::try_from(usage.max_rss()).unwrap_or(0) * MAXRSS_UNIT;
            status.cpu_seconds = seconds(usage.user_time()) + seconds(usage.system_time());
        }
        let (percent, is_whole) = self.percent(status.cpu_seconds, at);
        status.cpu_percent = percent;
        if is_whole && self.cpu_limit > 0 && percent > f64::from(self.cpu_limit) && !self.shed {
            self.shed = true;
            let why = format!(
                "scripts are not read any more until the next start: osawatch took {percent:.0} % of a core for a \
                 minute, and the limit is {} %",
                self.cpu_limit
            );
            log::warn!("{why}");
            let _ = self.control.try_send(Control::LeaveOut(why));
        }
        if let Some(gauge) = &self.gauge {
            status.backlog = Backlog { alerts: gauge.waiting(), lost: gauge.lost() };
            status.latency = latency(&gauge.latencies());
        }
        if status.backlog.alerts > 0 && !status.is_stopped {
            status.problems.push(format!("{} waiting for a disk", plural(status.backlog.alerts, "alert")));
        }
    }

    /// Processor time over the last minute, and whether a whole minute was measured.
    fn percent(&mut self, used: f64, at: Instant) -> (f64, bool) {
        self.used.push_back((at, used));
        while self.used.get(1).is_some_and(|(second, _)| at.duration_since(*second) >= MINUTE) {
            self.used.pop_front();
        }
        let Some((began, before)) = self.used.front() else { return (0.0, false) };
        let span = at.duration_since(*began);
        let percent = if span.is_zero() { 0.0 } else { 100.0 * (used - before) / span.as_secs_f64() };
        (percent, span >= MINUTE)
    }
}

/// System, processor and profile of this build.
pub(super) fn build() -> String {
    let profile = if cfg!(debug_assertions) { "debug" } else { "release" };
    format!("{} {} {profile}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Percentiles of milliseconds, the least first.
fn latency(sorted: &[u64]) -> Latency {
    let at = |percent: usize| sorted.get((sorted.len() * percent).div_ceil(100).max(1) - 1).copied().unwrap_or(0);
    let max_ms = sorted.last().copied().unwrap_or(0);
    Latency { alerts: sorted.len() as u64, p50_ms: at(50), p90_ms: at(90), p99_ms: at(99), max_ms }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crossbeam_channel::unbounded;

    fn publisher(cpu_limit: u32) -> (Publisher, Receiver<Control>) {
        let (control, controls) = unbounded();
        (Publisher::new(None, None, control, cpu_limit), controls)
    }

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        let found = latency(&hundred);
        assert_eq!((found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms), (50, 90, 99, 100));
        assert_eq!(latency(&[7]), Latency { alerts: 1, p50_ms: 7, p90_ms: 7, p99_ms: 7, max_ms: 7 });
        assert_eq!(latency(&[]), Latency::default());
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "points of time are made up from it")]
    fn a_busy_minute_has_optional_work_left_out_once_and_a_busy_second_does_not() {
        let (mut publisher, _controls) = publisher(50);
        let began = Instant::now();
        let at = |seconds| began + Duration::from_secs(seconds);
        assert_eq!(publisher.percent(0.0, at(0)), (0.0, false));
        let (percent, is_whole) = publisher.percent(0.9, at(1));
        assert!((percent - 90.0).abs() < 1e-6 && !is_whole);
        for second in 2..=61 {
            publisher.percent(0.9 * second as f64, at(second));
        }
        let (percent, is_whole) = publisher.percent(0.9 * 62.0, at(62));
        assert!((percent - 90.0).abs() < 1e-6 && is_whole, "{percent}");
        assert!(publisher.used.len() < 70);
    }

    #[test]
    fn a_status_is_written_for_others_and_the_last_one_says_that_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state = Arc::new(StateDirectory::open(&path).unwrap());
        let (control, _controls) = unbounded();
        let publisher = Publisher::new(Some(Arc::clone(&state)), None, control, 0);
        let (told, ended) = publisher.start().unwrap();
        told.send(Told { status: Status { processes: 5, ..Status::default() }, is_asked: false }).unwrap();
        drop(told);
        Publisher::finish(&ended, Status { processes: 7, ..Status::default() });
        let read: Status = serde_json::from_str(&state.read(STATUS).unwrap().unwrap()).unwrap();
        assert_eq!((read.processes, read.is_stopped, read.pid), (7, true, std::process::id()));
        assert!(read.memory_peak_bytes > 1 << 20 && !read.since.is_empty(), "{read:?}");
    }
}
