//! Where the quotes, backslashes and control characters of a text are, found for 64 bytes at a time.

use wide::u8x16;

/// Bytes of which the marks are found together: a bit for each fits a number.
const FOUND: usize = 64;
/// Bytes that are compared together.
pub(super) const BLOCK: usize = 32;

/// The places that end or escape a JSON text.
#[derive(Clone, Copy)]
pub(super) struct Marks<'t> {
    bytes: &'t [u8],
    /// Where the block begins that was looked at last.
    start: usize,
    /// A bit for each mark in it, the first lowest.
    found: u64,
}

impl<'t> Marks<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Marks<'t> {
        Marks { bytes, start: bytes.len(), found: 0 }
    }

    /// The first at this place or behind it. A block begins where something is searched for that the last has not: what
    /// is not asked about is not looked at.
    #[inline]
    pub(super) fn from(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let within = at.wrapping_sub(self.start);
            if within < FOUND {
                let rest = self.found >> within;
                if rest != 0 {
                    return Some(at + rest.trailing_zeros() as usize);
                }
                at = self.start + FOUND;
            }
            let rest = self.bytes.get(at..).filter(|rest| !rest.is_empty())?;
            (self.start, self.found) = (at, rest.first_chunk().map_or_else(|| found_in_last(rest), found));
        }
    }
}

/// Which bytes of a block are marks.
#[inline]
fn found(block: &[u8; FOUND]) -> u64 {
    bits(block, |sixteen| {
        let is = |byte| sixteen.simd_eq(u8x16::splat(byte));
        is(b'"') | is(b'\\') | sixteen.simd_lt(u8x16::splat(b' '))
    })
}

/// The same for the end of a text, which is shorter.
#[inline(never)]
fn found_in_last(bytes: &[u8]) -> u64 {
    let mut block = [b' '; FOUND];
    block[..bytes.len()].copy_from_slice(bytes);
    found(&block)
}

/// A bit for each byte that two blocks have in common, the first lowest.
#[inline]
pub(super) fn equal(one: &[u8; BLOCK], other: &[u8; BLOCK]) -> u32 {
    let (other, _) = other.as_chunks();
    let mut other = other.iter();
    bits(one, |sixteen| sixteen.simd_eq(other.next().map_or(u8x16::ZERO, |bytes| u8x16::new(*bytes)))) as u32
}

/// A bit for each byte of a block of at most 64 that passes a test.
#[inline]
fn bits<const N: usize>(block: &[u8; N], mut test: impl FnMut(u8x16) -> u8x16) -> u64 {
    let (sixteens, _) = block.as_chunks();
    let of = |(at, bytes): (usize, &[u8; 16])| u64::from(test(u8x16::new(*bytes)).to_bitmask()) << (16 * at);
    sixteens.iter().enumerate().map(of).fold(0, |bits, more| bits | more)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_found_wherever_it_is_in_a_block_or_behind_it() {
        for length in [1, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 200] {
            for mark in [b'"', b'\\', 0, b'\n', 0x1f] {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = mark;
                    let from = |at| Marks::new(&text).from(at);
                    assert_eq!((from(0), from(place)), (Some(place), Some(place)), "{mark} at {place} of {length}");
                    assert_eq!((from(place + 1), from(length), from(length + 1)), (None, None, None));
                    let mut marks = Marks::new(&text);
                    assert_eq!(
                        [0, place, place + 1, length].map(|at| marks.from(at).is_some()),
                        [true, true, false, false]
                    );
                }
            }
        }
    }

    #[test]
    fn no_other_byte_is_a_mark() {
        let others: Vec<u8> = (b' '..=255).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        assert_eq!((Marks::new(&others).from(0), Marks::new(&[]).from(0)), (None, None));
        assert!(others.iter().all(|byte| Marks::new(&[*byte]).from(0).is_none()));
    }

    #[test]
    fn all_marks_of_a_text_are_found_in_order_and_from_any_place_in_it() {
        let text: Vec<u8> = (0..500).map(|at| if at % 7 < 2 { b'"' } else { b'x' }).collect();
        let mut marks = Marks::new(&text);
        let mut places = Vec::new();
        while let Some(place) = marks.from(places.last().map_or(0, |last| last + 1)) {
            places.push(place);
        }
        assert_eq!(places, (0..500).filter(|at| at % 7 < 2).collect::<Vec<_>>());
        for step in [3, 40, 63, 64, 65, 100] {
            let mut marks = Marks::new(&text);
            for at in (0..500).step_by(step) {
                assert_eq!(
                    marks.from(at),
                    places.iter().copied().find(|place| *place >= at),
                    "{at} in steps of {step}"
                );
            }
        }
    }

    #[test]
    fn each_byte_that_two_blocks_have_in_common_is_a_bit() {
        let one: [u8; BLOCK] = std::array::from_fn(|at| at as u8);
        assert_eq!(equal(&one, &one), u32::MAX);
        for at in 0..BLOCK {
            let mut other = one;
            other[at] ^= 1;
            assert_eq!(equal(&one, &other), !(1 << at));
        }
    }
}
