//! Where the quotes, backslashes and control characters of a text are, found for 64 bytes at a time.

use wide::u8x16;

/// Bytes that are looked at together: a bit for each fits a number.
const BLOCK: usize = 64;

/// The places that end or escape a JSON text.
pub(super) struct Marks<'t> {
    bytes: &'t [u8],
    /// Where the block begins that was looked at last.
    start: usize,
    /// A bit for each byte of it, the first lowest.
    found: u64,
}

impl<'t> Marks<'t> {
    pub(super) fn new(bytes: &'t [u8]) -> Marks<'t> {
        Marks { bytes, start: usize::MAX, found: 0 }
    }

    /// The first at this place or behind it. Asked in order, each byte is looked at once.
    #[inline]
    pub(super) fn from(&mut self, at: usize) -> Option<usize> {
        let within = at.wrapping_sub(self.start);
        let rest = if within < BLOCK { self.found >> within } else { 0 };
        if rest == 0 { self.search(at) } else { Some(at + rest.trailing_zeros() as usize) }
    }

    fn search(&mut self, mut at: usize) -> Option<usize> {
        loop {
            let start = at & !(BLOCK - 1);
            (self.found, self.start) = (found(self.bytes.get(start..)?), start);
            let rest = self.found >> (at - start);
            if rest != 0 {
                return Some(at + rest.trailing_zeros() as usize);
            }
            at = start + BLOCK;
        }
    }
}

/// Which of the first bytes of a text are marks.
fn found(bytes: &[u8]) -> u64 {
    let mut short = [b' '; BLOCK];
    let block = bytes.first_chunk().unwrap_or_else(|| {
        short[..bytes.len()].copy_from_slice(bytes);
        &short
    });
    let (sixteens, _) = block.as_chunks();
    sixteens.iter().rev().fold(0, |found, sixteen| found << 16 | u64::from(found_of(*sixteen)))
}

#[inline]
fn found_of(bytes: [u8; 16]) -> u32 {
    let bytes = u8x16::new(bytes);
    let is = |byte| bytes.simd_eq(u8x16::splat(byte));
    (is(b'"') | is(b'\\') | bytes.simd_lt(u8x16::splat(b' '))).to_bitmask()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_found_wherever_it_is_in_a_block_or_behind_it() {
        for length in [1, 7, 8, 63, 64, 65, 127, 128, 200] {
            for mark in [b'"', b'\\', 0, b'\n', 0x1f] {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = mark;
                    let mut marks = Marks::new(&text);
                    assert_eq!(marks.from(0), Some(place), "{mark} at {place} of {length}");
                    assert_eq!(marks.from(place), Some(place));
                    assert_eq!((marks.from(place + 1), marks.from(length)), (None, None));
                }
            }
        }
    }

    #[test]
    fn no_other_byte_is_a_mark() {
        let others: Vec<u8> = (b' '..=255).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        assert_eq!(Marks::new(&others).from(0), None);
        assert_eq!(Marks::new(&[]).from(0), None);
    }

    #[test]
    fn all_marks_of_a_text_are_found_in_order() {
        let text: Vec<u8> = (0..500).map(|at| if at % 7 < 2 { b'"' } else { b'x' }).collect();
        let mut marks = Marks::new(&text);
        let mut places = Vec::new();
        while let Some(place) = marks.from(places.last().map_or(0, |last| last + 1)) {
            places.push(place);
        }
        assert_eq!(places, (0..500).filter(|at| at % 7 < 2).collect::<Vec<_>>());
    }
}
