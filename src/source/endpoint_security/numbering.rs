//! The kernel numbers the messages of each client from 0 up by one, those of a kind and all together: what is missing
//! was lost.

use std::sync::atomic::{AtomicU64, Ordering};

use super::message::{Message, Notification};

/// Messages that were lost before one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Gaps {
    /// Of exec messages.
    pub exec: u64,
    /// Of fork messages.
    pub fork: u64,
    /// Of exit messages.
    pub exit: u64,
    /// Of all together.
    pub all: u64,
}

/// The numbers of one client's messages.
#[derive(Debug, Default)]
pub(crate) struct Numbering {
    exec: Counter,
    fork: Counter,
    exit: Counter,
    all: Counter,
}

impl Numbering {
    /// How many were lost before this message.
    pub(crate) fn gaps(&self, message: &Message<'_>) -> Gaps {
        let mut gaps = Gaps { all: self.all.gap(message.global_seq_num), ..Gaps::default() };
        let (counter, gap) = match &message.event {
            Notification::Exec(_) => (&self.exec, &mut gaps.exec),
            Notification::Fork(_) => (&self.fork, &mut gaps.fork),
            Notification::Exit(_) => (&self.exit, &mut gaps.exit),
        };
        *gap = counter.gap(message.seq_num);
        gaps
    }
}

/// The number that is expected next.
#[derive(Debug, Default)]
struct Counter(AtomicU64);

impl Counter {
    fn gap(&self, number: Option<u64>) -> u64 {
        let Some(number) = number else { return 0 };
        let expected = self.0.swap(number.wrapping_add(1), Ordering::Relaxed);
        number.saturating_sub(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Exit, Process};
    use super::*;
    use crate::event::Timestamp;

    fn exit(seq_num: u64, global_seq_num: Option<u64>) -> Message<'static> {
        let (time, event) = (Timestamp::default(), Notification::Exit(Exit { stat: Some(0) }));
        Message { time, version: None, seq_num: Some(seq_num), global_seq_num, process: Process::default(), event }
    }

    #[test]
    fn a_gap_is_what_lies_between_two_numbers_or_before_the_first() {
        let numbering = Numbering::default();
        let gaps: Vec<u64> = [1, 2, 5, 6, 3, 4].map(|number| numbering.gaps(&exit(number, None)).exit).into();
        assert_eq!(gaps, [1, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn the_messages_of_a_kind_are_counted_apart_from_all_together() {
        let numbering = Numbering::default();
        assert_eq!(numbering.gaps(&exit(0, Some(4))), Gaps { all: 4, ..Gaps::default() });
        assert_eq!(numbering.gaps(&exit(3, Some(5))), Gaps { exit: 2, ..Gaps::default() });
        assert_eq!(numbering.gaps(&exit(u64::MAX, None)).exit, u64::MAX - 4);
    }
}
