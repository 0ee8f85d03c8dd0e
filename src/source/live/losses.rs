//! What was lost before the engine saw it, counted where it is lost.

use std::sync::atomic::{AtomicU64, Ordering};

macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// Events lost before the engine saw them, counted where they are lost.
        #[derive(Debug, Default)]
        pub struct Losses {
            $($(#[$doc])* pub $name: AtomicU64,)*
            /// Reports of the network statistics that the kernel could not deliver since it started, to this
            /// program or another: a hint for people, and nobody's loss in particular.
            pub undelivered: AtomicU64,
        }

        impl Losses {
            /// The counters by name.
            pub fn snapshot(&self) -> [(&'static str, u64); [$($text),*].len()] {
                [$(($text, self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

losses! {
    /// Gaps in `seq_num` of exec messages.
    exec_gaps: "endpoint_security.exec_gaps",
    /// Gaps in `seq_num` of fork messages.
    fork_gaps: "endpoint_security.fork_gaps",
    /// Gaps in `seq_num` of exit messages.
    exit_gaps: "endpoint_security.exit_gaps",
    /// Gaps in `global_seq_num`.
    global_gaps: "endpoint_security.global_gaps",
    /// Process reports that found their channel full.
    process_channel_full: "channel.process_full",
    /// Flow reports that found their channel full.
    flow_channel_full: "channel.flow_full",
    /// Messages of the kernel's network statistics that are cut off or of no known layout.
    ntstat_malformed: "ntstat.malformed",
    /// Sources that the kernel's network statistics could not tell of.
    ntstat_lost_sources: "ntstat.lost_sources",
    /// Flows that ended with their last report dropped.
    ntstat_closed_after_drop: "ntstat.closed_after_drop",
    /// Answers of the kernel's network statistics for which there was no room.
    ntstat_no_room: "ntstat.no_room",
    /// Sources given up because too many were held.
    ntstat_evicted: "ntstat.evicted",
    /// Connect events that found their channel full.
    connect_channel_full: "channel.connect_full",
    /// Connect events whose structure could not be read.
    connect_malformed: "endpoint_security.connect_malformed",
    /// Lines of `eslogger` that are not messages.
    malformed_lines: "eslogger.malformed_lines",
    /// Times that `eslogger` ended.
    eslogger_ended: "eslogger.ended",
}

impl Losses {
    /// Lost process events, without which executions are not known.
    pub fn processes(&self) -> u64 {
        let counters = [&self.exec_gaps, &self.fork_gaps, &self.process_channel_full, &self.eslogger_ended];
        counters.map(|counter| counter.load(Ordering::Relaxed)).iter().sum()
    }

    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// Sequence numbers of one stream, which the kernel counts from 0 up by one: what is missing was lost.
#[derive(Debug, Default)]
pub struct Numbering(AtomicU64);

impl Numbering {
    /// How many numbers were passed over before this one.
    pub fn gap(&self, number: u64) -> u64 {
        let expected = self.0.swap(number.wrapping_add(1), Ordering::Relaxed);
        number.saturating_sub(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_what_lies_between_two_numbers_or_before_the_first() {
        let numbering = Numbering::default();
        let gaps: Vec<u64> = [1, 2, 5, 6, 3, 4].map(|number| numbering.gap(number)).into();
        assert_eq!(gaps, [1, 0, 2, 0, 0, 0]);
    }
}
