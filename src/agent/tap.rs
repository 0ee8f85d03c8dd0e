//! A copy of every event on its way to the rules, in their order, for a recording. Taking it never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::event::{Charge, Event, Ledger};

/// Events that may wait for the recording,
const MAX_EVENTS: usize = 16_384;
/// and bytes of them.
const MAX_BYTES: usize = 16 << 20;

/// The end of the engine.
#[derive(Debug)]
pub(crate) struct Tap {
    events: Sender<(Event, Charge)>,
    ledger: Ledger,
    lost: Arc<AtomicU64>,
}

/// The end of the recording.
#[derive(Debug)]
pub(crate) struct Tapped {
    /// The events; it ends with the agent.
    pub events: Receiver<(Event, Charge)>,
    /// Events that found no room.
    pub lost: Arc<AtomicU64>,
}

/// A tap and where its events come out.
pub(crate) fn tap() -> (Tap, Tapped) {
    let (sender, events) = bounded(MAX_EVENTS);
    let lost = Arc::<AtomicU64>::default();
    (Tap { events: sender, ledger: Ledger::default(), lost: Arc::clone(&lost) }, Tapped { events, lost })
}

impl Tap {
    /// Takes a copy, if there is room for it.
    pub(super) fn take(&self, event: &Event) {
        let bytes = event.bytes();
        let has_room = self.ledger.bytes() + bytes <= MAX_BYTES;
        if !has_room || self.events.try_send((event.detached(), self.ledger.charge(bytes))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp, field};

    #[test]
    fn a_recording_that_is_held_up_holds_16_mib_and_counts_what_it_loses() {
        let (tap, tapped) = tap();
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_ARGS, &"A".repeat(1 << 20));
        (0..20).for_each(|_| tap.take(&event));
        assert_eq!(tapped.lost.load(Ordering::Relaxed), 5);
        drop(tap);
        assert_eq!(tapped.events.iter().count(), 15);
    }
}
