//! The kernel's network statistics: control socket `com.apple.network.statistics`, as bytes.
//!
//! Nothing here touches a socket or a clock: datagrams go in, actions come out. Facts are from
//! XNU's `bsd/net/ntstat.h` and `bsd/net/ntstat.c`, macOS 12 to 26.

mod action;
mod client;
mod descriptor;
mod message;
mod provider;
mod report;
mod schedule;
mod seen_flows;
mod self_test;
mod sources;
#[cfg(test)]
mod tests;
mod throttle;

pub(crate) use action::Action;
pub(crate) use client::Client;
pub(crate) use self_test::Sockets;

use super::bytes::u32_at;
use crate::event::Timestamp;

/// Reports that the kernel could not deliver to one or another of its clients since it started: the sum of what
/// `sysctl net.stats.stats` (`struct nstat_stats`, words of 32 bits) counts of updates, new sources and last
/// reports. `None` when there are fewer words.
pub(crate) fn undelivered(bytes: &[u8]) -> Option<u64> {
    // nstat_srcupatefailures, nstat_srcaddedfailures, nstat_control_send_goodbye_failures
    let words = [3, 6, 11].map(|word| u32_at(bytes, 4 * word).map(u64::from));
    words.into_iter().sum()
}

/// Relates `mach_continuous_time` ticks, which advance during sleep, to the time of day.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ContinuousClock {
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
    /// How long after this reading a later one was made; zero for an earlier one.
    pub(crate) fn elapsed(&self, ticks: u64) -> std::time::Duration {
        let nanoseconds = u128::from(ticks.saturating_sub(self.ticks)) * u128::from(self.numer);
        let nanoseconds = nanoseconds / u128::from(self.denom.max(1));
        std::time::Duration::from_nanos(u64::try_from(nanoseconds).unwrap_or(u64::MAX))
    }

    /// How many ticks pass in a span.
    pub(crate) fn ticks_in(&self, span: std::time::Duration) -> u64 {
        let ticks = span.as_nanos() * u128::from(self.denom) / u128::from(self.numer.max(1));
        u64::try_from(ticks).unwrap_or(u64::MAX)
    }

    /// The time of day of a tick.
    pub(crate) fn timestamp(&self, ticks: u64) -> Timestamp {
        let elapsed = i128::from(ticks) - i128::from(self.ticks);
        let nanoseconds = elapsed * i128::from(self.numer) / i128::from(self.denom.max(1));
        let at = i128::from(self.time.nanoseconds()) + nanoseconds;
        let whole = i64::try_from(at).unwrap_or(if at < 0 { i64::MIN } else { i64::MAX });
        Timestamp::from_nanoseconds(whole)
    }
}
