//! Where something stands in a text, as messages say it: line and column, the line with carets, and the
//! nearest of the words that could have been meant.

use std::ops::Range;

/// A longer line is not shown: its caret would be out of sight.
const MAX_SHOWN: usize = 1000;

/// Line and column of a byte of the text, both from 1, columns in characters.
pub fn line_column(text: &str, at: usize) -> (usize, usize) {
    let before = &text[..text.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
}

/// The line on which a span begins, with carets under the span; `None` when the line is too long to show.
pub fn shown(text: &str, span: &Range<usize>) -> Option<String> {
    let (line, column) = line_column(text, span.start);
    let source = text.lines().nth(line - 1).unwrap_or_default().replace('\t', " ");
    if source.len() > MAX_SHOWN {
        return None;
    }
    let start = text.floor_char_boundary(span.start);
    let end = text.floor_char_boundary(span.end).max(start);
    let length = text[start..end].chars().take_while(|c| *c != '\n').count().max(1);
    Some(format!("  {source}\n  {}{}", " ".repeat(column - 1), "^".repeat(length.min(200))))
}

/// The nearest of the known words, when one is so near that a slip of the pen explains it.
pub fn nearest<'w>(word: &str, known: impl Iterator<Item = &'w str>) -> Option<&'w str> {
    let lower = word.to_lowercase();
    let length = lower.chars().count();
    let near = known.filter(|known| known.len().abs_diff(length) <= allowed(known)).filter_map(|known| {
        let distance = strsim::damerau_levenshtein(&known.to_lowercase(), &lower);
        (distance <= allowed(known)).then_some((distance, known))
    });
    near.min().map(|(_, known)| known)
}

/// One slip in short words, one more for every six characters.
fn allowed(word: &str) -> usize {
    1 + word.len() / 6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let text = "é\n\té x\n";
        assert_eq!(line_column(text, 0), (1, 1));
        assert_eq!(line_column(text, text.find('x').unwrap()), (2, 4));
        assert_eq!(line_column(text, text.len() + 9), (3, 1));
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
