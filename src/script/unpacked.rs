//! A text that is packed in another, and what of that one each of its parts is made of.

use std::ops::Range;

/// Parts that are told apart; those behind them are one.
const MAX_PARTS: usize = 256;

/// A part of an unpacked text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Part {
    /// Its place in the unpacked text.
    pub(super) at: Range<usize>,
    /// What it is made of, in the source.
    pub(super) from: Range<usize>,
    /// It stands in the source as it is.
    pub(super) is_verbatim: bool,
}

fn common(one: &Range<usize>, other: &Range<usize>) -> Option<Range<usize>> {
    let common = one.start.max(other.start)..one.end.min(other.end);
    (common.start < common.end).then_some(common)
}

fn covering(one: &Range<usize>, other: &Range<usize>) -> Range<usize> {
    one.start.min(other.start)..one.end.max(other.end)
}

impl Part {
    /// What of the unpacked text is made of this place of the source.
    pub(super) fn made_of(&self, place: &Range<usize>) -> Option<Range<usize>> {
        let common = common(&self.from, place)?;
        let moved = |at: usize| self.at.start + (at - self.from.start);
        Some(if self.is_verbatim { moved(common.start)..moved(common.end) } else { self.at.clone() })
    }

    fn continues(&self, last: &Part) -> bool {
        let follows = last.at.end == self.at.start && last.from.end == self.from.start;
        follows && last.is_verbatim && self.is_verbatim
    }

    /// What this part, of a text that `outer` is a part of, is made of in the source of that one.
    fn through(&self, outer: &Part) -> Option<Part> {
        let at = self.made_of(&outer.at)?;
        let inverse = Part { at: outer.from.clone(), from: outer.at.clone(), ..outer.clone() };
        let from = inverse.made_of(&self.from)?;
        Some(Part { at, from, is_verbatim: self.is_verbatim && outer.is_verbatim })
    }
}

/// A text that is packed in another.
#[derive(Clone, Debug, Default)]
pub(super) struct Unpacked {
    pub(super) text: String,
    pub(super) parts: Vec<Part>,
}

impl Unpacked {
    /// A text as it stands.
    pub(super) fn source(text: &str) -> Unpacked {
        let mut source = Unpacked::default();
        source.push_str(text, 0..text.len(), true);
        source
    }

    /// A text that was encoded there.
    pub(super) fn encoded(text: String, from: Range<usize>) -> Unpacked {
        let part = Part { at: 0..text.len(), from, is_verbatim: false };
        Unpacked { text, parts: vec![part] }
    }

    /// Adds what is made of this place of the source.
    pub(super) fn push_str(&mut self, text: &str, from: Range<usize>, is_verbatim: bool) {
        let start = self.text.len();
        self.text.push_str(text);
        if !text.is_empty() {
            self.add(Part { at: start..self.text.len(), from, is_verbatim });
        }
    }

    /// Adds another one, whose source begins at this place of that of this one.
    pub(super) fn append(&mut self, other: &Unpacked, start: usize) {
        let before = self.text.len();
        self.text.push_str(&other.text);
        let moved = |range: &Range<usize>, by: usize| range.start + by..range.end + by;
        for part in &other.parts {
            self.add(Part { at: moved(&part.at, before), from: moved(&part.from, start), ..*part });
        }
    }

    /// Notes that the text is made of this too.
    pub(super) fn add(&mut self, part: Part) {
        let is_full = self.parts.len() >= MAX_PARTS;
        match self.parts.last_mut() {
            Some(last) if part.continues(last) || is_full => {
                last.is_verbatim = part.continues(last);
                last.at = covering(&last.at, &part.at);
                last.from = covering(&last.from, &part.from);
            }
            _ => self.parts.push(part),
        }
    }

    /// The parts by what they are made of in the source of the text that this one is packed in.
    pub(super) fn through(self, outer: &Unpacked) -> Unpacked {
        let mut whole = Unpacked { text: self.text, parts: Vec::new() };
        let parts = self.parts.iter().flat_map(|part| outer.parts.iter().filter_map(|outer| part.through(outer)));
        parts.for_each(|part| whole.add(part));
        whole
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_of_a_part_is_told_by_its_place_in_the_outermost_text() {
        let source = Unpacked::source("say abcdef");
        let mut inner = Unpacked::default();
        inner.push_str("cd", 6..8, true);
        inner.push_str("x", 8..10, false);
        let inner = inner.through(&source);
        assert_eq!(inner.text, "cdx");
        let made = |place: Range<usize>| inner.parts.iter().filter_map(|part| part.made_of(&place)).collect::<Vec<_>>();
        assert_eq!(made(7..9), [1..2, 2..3]);
        assert!(made(0..6).is_empty());
        let mut deeper = Unpacked::default();
        deeper.push_str("y", 1..3, false);
        let deeper = deeper.through(&inner);
        assert!(deeper.parts.iter().any(|part| part.made_of(&(7..8)) == Some(0..1)), "{deeper:?}");
        assert!(deeper.parts.iter().any(|part| part.made_of(&(9..10)) == Some(0..1)), "{deeper:?}");
    }

    #[test]
    fn the_number_of_parts_is_bounded_and_the_last_one_covers_the_rest() {
        let mut many = Unpacked::default();
        (0..10_000).for_each(|at| many.push_str("a", at * 2..at * 2 + 1, true));
        assert_eq!(many.parts.len(), MAX_PARTS);
        assert_eq!(many.parts.last().and_then(|part| part.made_of(&(15_000..15_001))), Some(255..10_000));
    }
}
