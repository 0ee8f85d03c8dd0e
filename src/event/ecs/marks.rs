//! Where the next quote, backslash or control character of a text is, found for 32 bytes at a time.

use wide::u8x16;

/// Bytes that are looked at together: a bit for each fits a number.
pub(super) const BLOCK: usize = 32;

/// The first place at this one or behind it that ends or escapes a JSON text.
#[inline]
pub(super) fn mark(bytes: &[u8], mut at: usize) -> Option<usize> {
    loop {
        let rest = bytes.get(at..)?;
        let Some(block) = rest.first_chunk() else { return short(rest).map(|mark| at + mark) };
        let found = bits(block, |sixteen| {
            let is = |byte| sixteen.simd_eq(u8x16::splat(byte));
            is(b'"') | is(b'\\') | sixteen.simd_lt(u8x16::splat(b' '))
        });
        if found != 0 {
            return Some(at + found.trailing_zeros() as usize);
        }
        at += BLOCK;
    }
}

/// A bit for each byte that two blocks have in common, the first lowest.
#[inline]
pub(super) fn equal(one: &[u8; BLOCK], other: &[u8; BLOCK]) -> u32 {
    let (other, _) = other.as_chunks();
    let mut other = other.iter();
    bits(one, |sixteen| sixteen.simd_eq(other.next().map_or(u8x16::ZERO, |bytes| u8x16::new(*bytes))))
}

/// A bit for each byte of a block that passes a test.
#[inline]
fn bits(block: &[u8; BLOCK], mut test: impl FnMut(u8x16) -> u8x16) -> u32 {
    let (sixteens, _) = block.as_chunks();
    sixteens.iter().enumerate().fold(0, |bits, (at, bytes)| bits | test(u8x16::new(*bytes)).to_bitmask() << (16 * at))
}

/// The first mark of a text that is shorter than a block.
fn short(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..b' '))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mark_is_found_wherever_it_is_in_a_block_or_behind_it() {
        for length in [1, 7, 8, 31, 32, 33, 63, 64, 65, 127, 128, 200] {
            for byte in [b'"', b'\\', 0, b'\n', 0x1f] {
                for place in 0..length {
                    let mut text = vec![b'a'; length];
                    text[place] = byte;
                    assert_eq!(mark(&text, 0), Some(place), "{byte} at {place} of {length}");
                    assert_eq!(mark(&text, place), Some(place));
                    assert_eq!((mark(&text, place + 1), mark(&text, length)), (None, None));
                    assert_eq!(mark(&text, length + 1), None, "behind its end");
                }
            }
        }
    }

    #[test]
    fn no_other_byte_is_a_mark() {
        let others: Vec<u8> = (b' '..=255).filter(|byte| !matches!(byte, b'"' | b'\\')).collect();
        assert_eq!((mark(&others, 0), mark(&[], 0)), (None, None));
        assert!(others.iter().all(|byte| mark(&[*byte], 0).is_none()));
    }

    #[test]
    fn all_marks_of_a_text_are_found_in_order() {
        let text: Vec<u8> = (0..500).map(|at| if at % 7 < 2 { b'"' } else { b'x' }).collect();
        let mut places = Vec::new();
        while let Some(place) = mark(&text, places.last().map_or(0, |last| last + 1)) {
            places.push(place);
        }
        assert_eq!(places, (0..500).filter(|at| at % 7 < 2).collect::<Vec<_>>());
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
