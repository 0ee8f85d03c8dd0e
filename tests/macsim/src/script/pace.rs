//! Waiting for a point in time, in nanoseconds of the host's monotonic clock.
use crate::shims::time::nanoseconds;

/// Linux may be late by 50 microseconds for each sleep unless set otherwise: the pace of 10,000 steps a second is
/// 100.
const SLACK_NS: libc::c_ulong = 1_000;

/// For the thread that runs the script.
pub(crate) fn be_punctual() {
    // SAFETY: sets a number of the calling thread.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, SLACK_NS) };
}

/// Sleeps until then; not at all when it is late.
pub(crate) fn until(deadline: u64) {
    let time = libc::timespec { tv_sec: (deadline / 1_000_000_000) as i64, tv_nsec: (deadline % 1_000_000_000) as i64 };
    while nanoseconds() < deadline {
        // SAFETY: the deadline lives for the call; nothing is written.
        unsafe { libc::clock_nanosleep(libc::CLOCK_MONOTONIC, libc::TIMER_ABSTIME, &time, std::ptr::null_mut()) };
    }
}
pub(crate) fn after_ms(ms: u64) {
    until(nanoseconds() + ms * 1_000_000)
}

/// When the k-th of `count` copies is due that are spread over a time.
pub(crate) fn due(start: u64, copy: u64, count: u64, over_ms: u64) -> u64 {
    start + (u128::from(over_ms) * 1_000_000 * u128::from(copy) / u128::from(count.max(1))) as u64
}

#[cfg(test)]
mod tests {
    #[test]
    fn copies_are_spread_evenly_over_the_time() {
        let due = |copy| super::due(5, copy, 4, 2);
        assert_eq!([due(0), due(1), due(2), due(3)], [5, 500_005, 1_000_005, 1_500_005]);
        assert_eq!(super::due(0, 9_999_999, 10_000_000, 86_400_000), 86_399_991_360_000);
    }
}
