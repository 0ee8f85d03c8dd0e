//! How people read alerts: as text, and as a page. Pure, and safe to show whatever an event contains.

mod case;
mod coverage;
pub(crate) mod html;
mod layout;
mod quote;
pub(crate) mod table;
mod text;

pub(crate) use case::{Case, is_follow_up};
pub(crate) use coverage::Coverage;
pub(crate) use layout::Layout;
pub(crate) use text::{line, text};

use serde_json::{Map, Value as Json};

use crate::detect::rule::Severity;
use crate::event::Timestamp;
use crate::event::document::get;

/// The severity of an alert.
fn severity(alert: &Map<String, Json>) -> Severity {
    Severity::of(get(alert, "event.severity").and_then(Json::as_u64).unwrap_or(0))
}

/// Text with every control character written as an escape, so that it cannot move the cursor, change
/// the title or hide what precedes it. Bidirectional controls count as control characters.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || hides(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// Characters that show nothing, or that change what is shown around them: joiners, bidirectional controls, line and
/// paragraph separators, fillers, selectors, tags.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
        | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

/// A time to the millisecond.
fn shown_time(time: Timestamp) -> String {
    let text = time.to_string();
    let (whole, rest) = text.split_once('.').unwrap_or((text.trim_end_matches('Z'), ""));
    format!("{whole}.{:0<3.3}Z", rest.trim_end_matches('Z'))
}

/// A count with its noun: `1 alert`, `2 alerts`.
pub(crate) fn plural(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_to_the_millisecond() {
        for (text, shown) in
            [("2026-03-01T10:00:00Z", "10:00:00.000Z"), ("2026-03-01T10:00:00.12345Z", "10:00:00.123Z")]
        {
            assert_eq!(shown_time(Timestamp::parse(text).unwrap()), format!("2026-03-01T{shown}"));
        }
    }

    #[test]
    fn control_and_bidirectional_characters_are_made_visible() {
        for c in
            "\u{61c}\u{2028}\u{2029}\u{e0041}\u{e0100}\u{3164}\u{ffa0}\u{ad}\u{fe0f}\u{2066}\u{200d}\u{feff}".chars()
        {
            assert!(visible(&c.to_string()).starts_with("\\u{"), "{c:?}");
        }
        assert_eq!(visible("a\x1b]0;t\x07\nb\u{202e}c é"), "a\\u{1b}]0;t\\u{7}\\nb\\u{202e}c é");
    }
}
