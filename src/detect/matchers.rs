//! Sets of matchers.

use std::ops::{BitAnd, BitOr, BitOrAssign, Not};

/// Words of a set: enough for each of Elastic's rules for macOS to have a bit of its own.
const WORDS: usize = 4;
const BITS: usize = 64 * WORDS;

/// Matchers by their position, one bit each; of more than 256, several share one. Whoever finds one in a set may find
/// others with it, and asks them in vain.
#[derive(Clone, Copy, PartialEq, Default, Debug)]
pub(super) struct Matchers([u64; WORDS]);

impl Matchers {
    /// All of them.
    pub(super) const ALL: Matchers = Matchers([u64::MAX; WORDS]);

    /// The one at this position.
    pub(super) fn at(position: usize) -> Matchers {
        let mut words = [0; WORDS];
        words[position / 64 % WORDS] = 1 << (position % 64);
        Matchers(words)
    }

    pub(super) fn is_empty(self) -> bool {
        self.0 == [0; WORDS]
    }

    /// Those at or after this position that have the same bit.
    pub(super) fn sharing(position: usize) -> impl Iterator<Item = usize> {
        (position % BITS..).step_by(BITS)
    }

    /// The first position from this on, less than `count`, of a matcher that is in the set.
    pub(super) fn next(self, from: usize, count: usize) -> Option<usize> {
        let mut at = from;
        while at < count {
            let rest = self.0[at / 64 % WORDS] >> (at % 64);
            if rest != 0 {
                return Some(at + rest.trailing_zeros() as usize).filter(|at| *at < count);
            }
            at = (at / 64 + 1) * 64;
        }
        None
    }
}

impl BitOr for Matchers {
    type Output = Matchers;

    fn bitor(mut self, other: Matchers) -> Matchers {
        self |= other;
        self
    }
}

impl BitOrAssign for Matchers {
    fn bitor_assign(&mut self, other: Matchers) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }
}

impl BitAnd for Matchers {
    type Output = Matchers;

    fn bitand(mut self, other: Matchers) -> Matchers {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word &= other);
        self
    }
}

impl Not for Matchers {
    type Output = Matchers;

    fn not(self) -> Matchers {
        Matchers(self.0.map(|word| !word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_are_found_in_order_and_those_that_share_a_bit_with_one() {
        let set = [3, 64, 127, 200, 255].into_iter().fold(Matchers::default(), |set, at| set | Matchers::at(at));
        let members = |count| {
            let first = set.next(0, count);
            std::iter::successors(first, |at| set.next(at + 1, count)).collect::<Vec<_>>()
        };
        assert_eq!(members(256), [3, 64, 127, 200, 255]);
        assert_eq!(members(200), [3, 64, 127]);
        assert_eq!(members(321), [3, 64, 127, 200, 255, 259, 320]);
        assert_eq!(Matchers::sharing(259).take(3).collect::<Vec<_>>(), [3, 259, 515]);
        assert!((set & Matchers::at(4)).is_empty() && !(set & Matchers::at(320)).is_empty());
        assert_eq!(Matchers::ALL & set, set);
    }
}
