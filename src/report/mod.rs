//! How people read alerts: as text, and as a page. Pure, and safe to show whatever an event says.

mod case;
mod coverage;
pub mod html;
pub mod table;
mod text;

pub use case::Case;
pub use coverage::{Coverage, Host, Needs};
pub use text::text;

/// Text with every control character written as an escape, so that it cannot move the cursor, change
/// the title or hide what stands before it. Bidirectional controls count as control characters.
pub fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let hides =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c.is_control() || hides {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// A count with its noun: `1 alert`, `2 alerts`.
pub fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidirectional_characters_are_made_visible() {
        assert_eq!(visible("a\x1b]0;t\x07\nb\u{202e}c é"), "a\\u{1b}]0;t\\u{7}\\nb\\u{202e}c é");
    }
}
