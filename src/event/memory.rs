//! How many bytes may be held, by whom, and the account that each holder keeps.
//!
//! Counts alone bound nothing: one exec can have a megabyte of arguments. Every place that holds events has a share
//! of one budget; what it removes to stay inside it is counted as evicted.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const MIB: usize = 1 << 20;

/// The share of each holder, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Process executions, with what their descendants know of them.
    pub executions: usize,
    /// Partial sequences of all rules, with their events.
    pub sequences: usize,
    /// Events that wait for earlier ones.
    pub reorder: usize,
    /// Reports of the sensors that the engine has not taken yet.
    pub reports: usize,
    /// Flows that wait for their process.
    pub flows: usize,
    /// Long texts of scripts that wait to be examined.
    pub scripts: usize,
    /// Alerts that wait to be written.
    pub alerts: usize,
}

impl Budget {
    /// A live Mac: 64 MiB. Events are taken as they come, so none waits for earlier ones.
    pub const LIVE: Budget = Budget {
        executions: 32 * MIB,
        sequences: 8 * MIB,
        reorder: 0,
        reports: 16 * MIB,
        flows: 4 * MIB,
        scripts: 2 * MIB,
        alerts: 2 * MIB,
    };

    /// A recording: 36 MiB, so that one of any size is read in less than 64. Nothing waits but events, and alerts are
    /// written as they are found. Where 333 processes a second start and live for 3 s, those of the last minute fit.
    pub const REPLAY: Budget = Budget {
        executions: 20 * MIB,
        sequences: 8 * MIB,
        reorder: 8 * MIB,
        reports: 0,
        flows: 0,
        scripts: 0,
        alerts: 0,
    };

    /// The shares of a live Mac that add up to no more than this.
    pub const fn live_within(bytes: usize) -> Budget {
        const fn share(of: usize, bytes: usize) -> usize {
            // Both are less than 2^32: see the range of the configuration.
            (of as u64 * bytes as u64 / Budget::LIVE.total() as u64) as usize
        }
        let Budget { executions, sequences, reorder, reports, flows, scripts, alerts } = Budget::LIVE;
        Budget {
            executions: share(executions, bytes),
            sequences: share(sequences, bytes),
            reorder: share(reorder, bytes),
            reports: share(reports, bytes),
            flows: share(flows, bytes),
            scripts: share(scripts, bytes),
            alerts: share(alerts, bytes),
        }
    }

    /// All shares together.
    pub const fn total(&self) -> usize {
        let Budget { executions, sequences, reorder, reports, flows, scripts, alerts } = *self;
        executions + sequences + reorder + reports + flows + scripts + alerts
    }
}

/// How many bytes one holder holds now.
#[derive(Clone, Debug, Default)]
pub struct Ledger(Arc<AtomicUsize>);

impl Ledger {
    /// The bytes of all charges that live.
    pub fn bytes(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// Enters bytes until the charge is dropped.
    pub fn charge(&self, bytes: usize) -> Charge {
        self.0.fetch_add(bytes, Ordering::Relaxed);
        Charge { ledger: self.clone(), bytes }
    }
}

/// Bytes in a ledger, for as long as it lives.
#[derive(Debug)]
pub struct Charge {
    ledger: Ledger,
    bytes: usize,
}

impl Charge {
    /// How many bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.ledger.0.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

const _: () = assert!(Budget::LIVE.total() == 64 * MIB && Budget::REPLAY.total() == 36 * MIB);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_holds_what_is_charged_until_it_is_dropped() {
        let ledger = Ledger::default();
        let (one, other) = (ledger.charge(10), ledger.charge(5));
        assert_eq!(ledger.bytes(), 15);
        drop(one);
        assert_eq!(ledger.bytes(), other.bytes());
    }
}
