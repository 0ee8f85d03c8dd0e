//! How late an exec may be reported.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// How late the source in use may report the exec that explains a connection: for so long the connection waits for it.
/// Zero until a source says otherwise.
#[derive(Debug, Default)]
pub(crate) struct ExecLateness(AtomicU64);

impl ExecLateness {
    /// The time.
    pub(crate) fn get(&self) -> Duration {
        Duration::from_millis(self.0.load(Ordering::Relaxed))
    }

    /// Sets the time, in whole milliseconds.
    pub(crate) fn set(&self, lateness: Duration) {
        self.0.store(u64::try_from(lateness.as_millis()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }
}
