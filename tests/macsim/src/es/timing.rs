//! What an exec costs a client in its handler, on the thread that delivers messages: time and blocks of heap. What the
//! simulator does in the calls that the handler makes is counted in.
use super::layout::{self, message};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Each a tenth of a microsecond long; the last takes what is longer too.
const TENTHS: usize = 1000;

static EXECS: [AtomicU64; TENTHS] = [const { AtomicU64::new(0) }; TENTHS];
static BLOCKS: AtomicU64 = AtomicU64::new(0);

/// Calls a handler with the message at this address.
#[allow(clippy::disallowed_methods, reason = "what is measured is time as it passes here, not the guest's")]
pub(super) fn handled(msg: usize, handler: impl FnOnce()) {
    // SAFETY: a message that lives until it is released.
    let kind = unsafe { *((msg + message::EVENT_TYPE) as *const u32) };
    let (began, blocks) = (Instant::now(), crate::shims::heap::blocks_of_this_thread());
    handler();
    let (time, blocks) = (began.elapsed(), crate::shims::heap::blocks_of_this_thread() - blocks);
    if kind == layout::NOTIFY_EXEC {
        let tenth = time.as_nanos() as usize / 100;
        EXECS[tenth.min(TENTHS - 1)].fetch_add(1, Ordering::Relaxed);
        BLOCKS.fetch_add(blocks, Ordering::Relaxed);
    }
}

/// Says what it was, if there were any.
pub(crate) fn report() {
    let counts = EXECS.each_ref().map(|count| count.load(Ordering::Relaxed));
    let all: u64 = counts.iter().sum();
    if all == 0 {
        return;
    }
    let microseconds = |share: f64| {
        let mut rest = (all as f64 * share) as u64;
        let tenth = counts.iter().position(|count| {
            let is_within = rest < *count;
            rest = rest.saturating_sub(*count);
            is_within
        });
        (tenth.unwrap_or(TENTHS) + 1) as f64 / 10.0
    };
    let blocks = BLOCKS.load(Ordering::Relaxed) as f64 / all as f64;
    note!(
        "the handler: {all} execs, {} us median, {} us 99th percentile, {blocks:.1} blocks of heap each",
        microseconds(0.5),
        microseconds(0.99)
    );
}
