//! The status on its way to the state directory and to whoever asks, on a thread that may wait for a disk.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;

use super::clock::now;
use crate::agent::Told;
use crate::event::Timestamp;
use crate::output::Gauge;
use crate::output::state::StateDirectory;
use crate::report::plural;
use crate::source::{MAXRSS_UNIT, resident_bytes};
use crate::status::{self, Backlog, Latency, PATIENCE, Status, Waiting};

/// The file of the state directory.
pub(super) const STATUS: &str = "status.json";
/// Statuses that may wait for a slow disk; further ones are left out.
const QUEUED: usize = 8;
/// Nothing is on its way to the disk: it need not be looked again.
const NOTHING: Duration = Duration::from_secs(3600);

/// Completes a status with what the engine cannot know, and writes it.
pub(super) struct Publisher {
    pub(super) state: Option<Arc<StateDirectory>>,
    pub(super) gauge: Option<Gauge>,
    waiting: Waiting,
    /// Lines are on their way to the disk, and may come to wait.
    is_under_way: bool,
    since: Timestamp,
    began: Instant,
    failed: bool,
}

impl Publisher {
    #[allow(clippy::disallowed_methods, reason = "how long alerts wait is real time")]
    pub(super) fn new(state: Option<Arc<StateDirectory>>, gauge: Option<Gauge>) -> Publisher {
        let (waiting, began) = (Waiting::default(), Instant::now());
        Publisher { state, gauge, waiting, is_under_way: false, since: now(), began, failed: false }
    }

    /// Starts the thread; it ends, and gives the publisher back, when nobody holds the sender any more.
    pub(super) fn start(mut self) -> std::io::Result<(Sender<Told>, Receiver<Publisher>)> {
        let ((told, tell), (done, ended)) = (bounded::<Told>(QUEUED), bounded(1));
        std::thread::Builder::new().name("osawatch-status".into()).spawn(move || {
            self.work(&tell);
            let _ = done.send(self);
        })?;
        Ok((told, ended))
    }

    /// Publishes each status that is told, and the last one again when alerts have come to wait or wait no longer.
    fn work(&mut self, tell: &Receiver<Told>) {
        let mut last: Option<Status> = None;
        loop {
            let patience = if self.is_under_way { PATIENCE } else { NOTHING };
            let told = match tell.recv_timeout(patience) {
                Ok(told) => told,
                Err(RecvTimeoutError::Timeout) => match last.take() {
                    Some(status) => Told { status, is_asked: false },
                    None => continue,
                },
                Err(RecvTimeoutError::Disconnected) => return,
            };
            let Told { mut status, is_asked } = told;
            last = Some(status.clone());
            self.publish(&mut status);
            if is_asked {
                let verdict = status.verdict(true, 0);
                log::info!("{}", status::text(&status, &verdict));
            }
        }
    }

    /// Waits for the thread, at most for so long, and has the last status written.
    pub(super) fn finish(ended: &Receiver<Publisher>, mut status: Status, limit: Duration) {
        status.is_stopped = true;
        if let Ok(mut publisher) = ended.recv_timeout(limit) {
            publisher.publish(&mut status);
        }
    }

    fn publish(&mut self, status: &mut Status) {
        self.complete(status);
        // Once in a while what was left out of the log is said there.
        log::logger().flush();
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

    fn complete(&mut self, status: &mut Status) {
        status.pid = std::process::id();
        status.build = build();
        status.since = self.since.to_string();
        status.written = now().to_string();
        if let Ok(usage) = getrusage(UsageWho::RUSAGE_SELF) {
            status.memory_peak_bytes = u64::try_from(usage.max_rss()).unwrap_or(0) * MAXRSS_UNIT;
        }
        status.memory_bytes = resident_bytes().unwrap_or(0);
        if let Some(gauge) = &self.gauge {
            let (come, not_written) = gauge.flow();
            let waiting = self.waiting.observe(come, not_written, self.began.elapsed());
            self.is_under_way = not_written > 0;
            let alerts = if status.is_stopped { not_written } else { waiting };
            status.backlog = Backlog { alerts, lost: gauge.lost() };
            status.latency = latency(&gauge.latencies());
        }
        if status.backlog.alerts > 0 && !status.is_stopped {
            status.problems.push(format!("{} waiting for a disk", plural(status.backlog.alerts, "alert")));
        }
    }
}

/// The processor time that this program has used.
pub(super) fn processor_time() -> Duration {
    let time = |time: TimeVal| {
        let microseconds = u64::try_from(time.tv_usec()).unwrap_or(0);
        Duration::from_secs(u64::try_from(time.tv_sec()).unwrap_or(0)) + Duration::from_micros(microseconds)
    };
    getrusage(UsageWho::RUSAGE_SELF).map_or(Duration::ZERO, |usage| time(usage.user_time()) + time(usage.system_time()))
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

    #[test]
    fn percentiles_are_of_what_was_measured() {
        let hundred: Vec<u64> = (1..=100).collect();
        let found = latency(&hundred);
        assert_eq!((found.p50_ms, found.p90_ms, found.p99_ms, found.max_ms), (50, 90, 99, 100));
        assert_eq!(latency(&[7]), Latency { alerts: 1, p50_ms: 7, p90_ms: 7, p99_ms: 7, max_ms: 7 });
        assert_eq!(latency(&[]), Latency::default());
    }

    #[test]
    fn a_status_is_written_for_others_and_the_last_one_says_that_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state");
        let state = Arc::new(StateDirectory::open(&path).unwrap());
        let publisher = Publisher::new(Some(Arc::clone(&state)), None);
        let (told, ended) = publisher.start().unwrap();
        told.send(Told { status: Status { processes: 5, ..Status::default() }, is_asked: false }).unwrap();
        drop(told);
        Publisher::finish(&ended, Status { processes: 7, ..Status::default() }, Duration::from_secs(20));
        let read: Status = serde_json::from_str(&state.read(STATUS).unwrap().unwrap()).unwrap();
        assert_eq!((read.processes, read.is_stopped, read.pid), (7, true, std::process::id()));
        assert!(read.memory_peak_bytes > 1 << 20 && !read.since.is_empty(), "{read:?}");
    }
}
