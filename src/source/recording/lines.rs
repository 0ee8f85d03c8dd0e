//! Lines that look like one value.

use std::ops::Range;

/// The longest value that is read, and what is said of a longer one.
pub(super) const MAX_VALUE: usize = 8 << 20;
pub(crate) const TOO_LONG: &str = "longer than 8 MiB";

/// The text of the line from here on, when it looks like one value, and where the next line starts.
pub(super) fn line_within(block: &str, at: usize) -> (Option<Range<usize>>, usize) {
    let newline = memchr::memchr(b'\n', &block.as_bytes()[at..]);
    let next = newline.map_or(block.len(), |newline| at + newline + 1);
    let end = at + block[at..newline.map_or(next, |_| next - 1)].trim_ascii_end().len();
    let text = &block.as_bytes()[at..end];
    let is_value = text.first() == Some(&b'{') && text.last() == Some(&b'}') && text.len() <= MAX_VALUE;
    (is_value.then_some(at..end), next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_of_a_long_value_names_the_limit() {
        assert_eq!(TOO_LONG, format!("longer than {} MiB", MAX_VALUE >> 20));
    }
}
