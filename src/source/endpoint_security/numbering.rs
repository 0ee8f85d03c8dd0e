//! The kernel numbers the messages of each client from 0 up by one, those of a kind and all together: what is missing
//! was lost.

use std::sync::atomic::{AtomicU64, Ordering};

use super::message::Kind;

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
    /// How many were lost before a message of this kind with these numbers, `seq_num` and `global_seq_num`.
    pub(crate) fn gaps(&self, kind: Kind, of_kind: Option<u64>, of_all: Option<u64>) -> Gaps {
        let mut gaps = Gaps { all: self.all.gap(of_all), ..Gaps::default() };
        let (counter, gap) = match kind {
            Kind::Exec => (&self.exec, &mut gaps.exec),
            Kind::Fork => (&self.fork, &mut gaps.fork),
            Kind::Exit => (&self.exit, &mut gaps.exit),
        };
        *gap = counter.gap(of_kind);
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
    use super::*;

    #[test]
    fn a_gap_is_what_lies_between_two_numbers_or_before_the_first() {
        let numbering = Numbering::default();
        let gaps: Vec<u64> =
            [1, 2, 5, 6, 3, 4].map(|number| numbering.gaps(Kind::Exit, Some(number), None).exit).into();
        assert_eq!(gaps, [1, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn the_messages_of_a_kind_are_counted_apart_from_all_together() {
        let numbering = Numbering::default();
        assert_eq!(numbering.gaps(Kind::Exit, Some(0), Some(4)), Gaps { all: 4, ..Gaps::default() });
        assert_eq!(numbering.gaps(Kind::Exit, Some(3), Some(5)), Gaps { exit: 2, ..Gaps::default() });
        assert_eq!(numbering.gaps(Kind::Exit, Some(u64::MAX), None).exit, u64::MAX - 4);
    }
}
