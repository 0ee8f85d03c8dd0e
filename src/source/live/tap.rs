//! Copies on their way to a recording. Taking one never waits.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::event::{Charge, Ledger};

/// Copies that may wait for the recording,
const MAX_COPIES: usize = 16_384;
/// and bytes of them.
const MAX_BYTES: usize = 16 << 20;

/// The end where copies are taken.
#[derive(Debug)]
pub(crate) struct Tap<T> {
    copies: Sender<(T, Charge)>,
    ledger: Ledger,
    lost: Arc<AtomicU64>,
}

/// The end of the recording.
#[derive(Debug)]
pub(crate) struct Tapped<T> {
    /// The copies; it ends with the last tap.
    pub copies: Receiver<(T, Charge)>,
    /// Copies that found no room.
    pub lost: Arc<AtomicU64>,
}

/// A tap and where its copies come out.
pub(crate) fn tap<T>() -> (Tap<T>, Tapped<T>) {
    let (sender, copies) = bounded(MAX_COPIES);
    let lost = Arc::<AtomicU64>::default();
    (Tap { copies: sender, ledger: Ledger::default(), lost: Arc::clone(&lost) }, Tapped { copies, lost })
}

impl<T> Tap<T> {
    /// Takes a copy of so many bytes, if there is room for it.
    pub(crate) fn take(&self, bytes: usize, copy: impl FnOnce() -> T) {
        let has_room = self.ledger.bytes() + bytes <= MAX_BYTES;
        if !has_room || self.copies.try_send((copy(), self.ledger.charge(bytes))).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl<T> Clone for Tap<T> {
    fn clone(&self) -> Tap<T> {
        Tap { copies: self.copies.clone(), ledger: self.ledger.clone(), lost: Arc::clone(&self.lost) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_that_is_held_up_holds_16_mib_and_counts_what_it_loses() {
        let (tap, tapped) = tap();
        (0..20).for_each(|n| tap.take((1 << 20) + 1, || n));
        assert_eq!(tapped.lost.load(Ordering::Relaxed), 5);
        drop(tap);
        assert_eq!(tapped.copies.iter().map(|(n, _)| n).collect::<Vec<_>>(), (0..15).collect::<Vec<_>>());
    }
}
