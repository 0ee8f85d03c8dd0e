//! What was lost before the engine saw it, counted where it is lost.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::source::endpoint_security::Gaps;

macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// Events lost before the engine saw them, counted where they are lost.
        #[derive(Debug, Default)]
        pub(crate) struct Losses {
            $($(#[$doc])* pub $name: AtomicU64,)*
            /// Reports of the network statistics that the kernel could not deliver since it started, to this
            /// program or another: a hint for people, not a loss of this program alone.
            pub undelivered: AtomicU64,
        }

        impl Losses {
            /// The counters by name.
            pub(crate) fn snapshot(&self) -> [(&'static str, u64); [$($text),*].len()] {
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
    /// Sources that the kernel's network statistics could not report.
    ntstat_lost_sources: "ntstat.lost_sources",
    /// Flows whose last report was lost (`NSTAT_MSG_HDR_FLAG_CLOSED_AFTER_DROP`).
    ntstat_closed_after_drop: "ntstat.closed_after_drop",
    /// Answers of the kernel's network statistics for which there was no room.
    ntstat_no_room: "ntstat.no_room",
    /// Sources evicted because too many were held.
    ntstat_evicted: "ntstat.evicted",
    /// Sockets that libproc could not describe in a layout that is known.
    libproc_unreadable: "libproc.unreadable_sockets",
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
    pub(crate) fn processes(&self) -> u64 {
        let counters = [&self.exec_gaps, &self.fork_gaps, &self.process_channel_full, &self.eslogger_ended];
        counters.map(|counter| counter.load(Ordering::Relaxed)).iter().sum()
    }

    /// Adds the messages of Endpoint Security that were lost before one.
    pub(crate) fn add_gaps(&self, gaps: Gaps) {
        for (counter, count) in [
            (&self.exec_gaps, gaps.exec),
            (&self.fork_gaps, gaps.fork),
            (&self.exit_gaps, gaps.exit),
            (&self.global_gaps, gaps.all),
        ] {
            Losses::add(counter, count);
        }
    }

    /// Adds to a counter.
    pub(crate) fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}
