//! The kernel's network statistics: control socket `com.apple.network.statistics`, as bytes.
//!
//! Nothing here touches a socket or a clock: datagrams go in, requests and flows come out. Facts are from
//! XNU's `bsd/net/ntstat.h` and `bsd/net/ntstat.c`, macOS 12 to 26.

mod client;
mod descriptor;
mod message;
#[cfg(test)]
mod tests;

pub use client::{Client, Counters};
pub use descriptor::Descriptor;

use crate::event::Timestamp;

/// Relates `mach_continuous_time` ticks, which go on during sleep, to the time of day.
#[derive(Clone, Copy, Debug)]
pub struct ContinuousClock {
    /// Nanoseconds are ticks times this,
    pub numer: u32,
    /// divided by this; at least 1.
    pub denom: u32,
    /// A reading of the ticks,
    pub ticks: u64,
    /// and of the time of day at the same moment.
    pub time: Timestamp,
}

impl ContinuousClock {
    /// The time of day of a tick.
    pub fn timestamp(&self, ticks: u64) -> Timestamp {
        let elapsed = i128::from(ticks) - i128::from(self.ticks);
        let nanoseconds = elapsed * i128::from(self.numer) / i128::from(self.denom.max(1));
        let at = i128::from(self.time.nanoseconds()) + nanoseconds;
        let whole = i64::try_from(at).unwrap_or(if at < 0 { i64::MIN } else { i64::MAX });
        Timestamp::from_nanoseconds(whole)
    }
}
