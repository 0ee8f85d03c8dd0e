//! How late an exec may be reported, and since when execs are.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Duration;

use crate::event::Timestamp;

/// What the source in use guarantees about execs. Until it is known, there is none whose exec is still to come.
#[derive(Debug)]
pub(crate) struct ExecLateness {
    milliseconds: AtomicU64,
    since: AtomicI64,
}

impl Default for ExecLateness {
    fn default() -> ExecLateness {
        ExecLateness { milliseconds: AtomicU64::new(0), since: AtomicI64::new(i64::MAX) }
    }
}

impl ExecLateness {
    /// How late the source may report the exec that explains a connection: for so long the connection waits for it.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_millis(self.milliseconds.load(Ordering::Relaxed))
    }

    /// Execs from then on are reported, unless they are lost.
    pub(crate) fn since(&self) -> Timestamp {
        Timestamp::from_nanoseconds(self.since.load(Ordering::Relaxed))
    }

    /// A source is about to begin: it reports execs from now on, at most so late in whole milliseconds.
    pub(crate) fn begin(&self, lateness: Duration, now: Timestamp) {
        self.milliseconds.store(u64::try_from(lateness.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
        self.since.store(now.nanoseconds(), Ordering::Relaxed);
    }
}
