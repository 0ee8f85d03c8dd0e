//! How messages show what is wrong in a text: the line with carets, and the nearest of the words that could have
//! been meant.

use std::ops::Range;

use crate::place::Place;

/// A longer line is not shown: its caret would be out of sight.
const MAX_SHOWN: usize = 1000;

/// The line on which a span begins, with carets under the span; `None` when the line is too long to show.
pub(crate) fn shown(text: &str, span: &Range<usize>) -> Option<String> {
    let Place { line, column } = Place::of(text, span.start);
    let source = text.lines().nth(line - 1).unwrap_or_default().replace('\t', " ");
    if source.len() > MAX_SHOWN {
        return None;
    }
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end).max(start);
    let length = text[start..end].chars().take_while(|c| *c != '\n').count().max(1);
    Some(format!("  {source}\n  {}{}", " ".repeat(column - 1), "^".repeat(length.min(200))))
}

/// The nearest of the known words, when one is near enough to be a typing error.
pub(crate) fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    let near = known.filter(|known| known.len().abs_diff(length) <= allowed(known)).filter_map(|known| {
        let distance = strsim::damerau_levenshtein(&known.to_lowercase(), &lower);
        (distance <= allowed(known)).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

/// How many typos a word may have: one, and one more for every six bytes.
fn allowed(word: &str) -> usize {
    1 + word.len() / 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_are_under_the_characters_of_the_span() {
        let text = "é\n\té x\n";
        assert_eq!(shown(text, &(4..6)).as_deref(), Some("   é x\n   ^"));
    }

    #[test]
    fn only_a_near_word_is_suggested() {
        let known = ["process", "network", "any"];
        assert_eq!(nearest("proces", known.into_iter()), Some("process"));
        assert_eq!(nearest("Netwrok", known.into_iter()), Some("network"));
        assert_eq!(nearest("frobnicate", known.into_iter()), None);
        assert_eq!(nearest(&"x".repeat(100_000), known.into_iter()), None);
    }
}
