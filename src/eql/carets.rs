//! How messages show what is wrong in a text: the line with carets.

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_are_under_the_characters_of_the_span() {
        let text = "é\n\té x\n";
        assert_eq!(shown(text, &(4..6)).as_deref(), Some("   é x\n   ^"));
    }
}
