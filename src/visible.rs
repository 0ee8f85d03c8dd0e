//! Text of others in a sentence of ours: it can neither pass for more of the sentence, or for another one, nor hide it.

use std::borrow::Cow;

/// Bytes of a name in a message.
pub(crate) const MAX_NAME: usize = 400;

/// Text with every control character written as an escape, so that it cannot move the cursor, change
/// the title or hide what precedes it. Bidirectional controls count as control characters.
pub(crate) fn visible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if hides(c) {
            out.extend(c.escape_default());
        } else {
            out.push(c);
        }
    }
    out
}

/// JSON on one line with each of these characters as JSON itself escapes them: the value is the same.
pub(crate) fn visible_json(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if hides(c) {
            let units = c.encode_utf16(&mut [0; 2]).iter().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            out.push_str(&units);
        } else {
            out.push(c);
        }
    }
    out
}

/// A text as one word of a command of the shell.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// Characters that show nothing, or that change what is shown around them: controls, joiners, bidirectional controls,
/// line and paragraph separators, fillers, selectors, tags.
fn hides(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{13430}'..='\u{1345f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
        )
}

/// The start of a text of more than so many bytes, with a mark.
pub(crate) fn clipped(text: &str, bytes: usize) -> Cow<'_, str> {
    match text.len() > bytes {
        true => Cow::Owned(format!("{}…", &text[..text.floor_char_boundary(bytes)])),
        false => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_bidirectional_characters_are_made_visible() {
        for c in
            "\u{61c}\u{2028}\u{2029}\u{e0041}\u{e0100}\u{3164}\u{ffa0}\u{ad}\u{fe0f}\u{2066}\u{200d}\u{feff}".chars()
        {
            assert!(visible(&c.to_string()).starts_with("\\u{"), "{c:?}");
        }
        assert_eq!(visible("a\x1b]0;t\x07\nb\u{202e}c é"), "a\\u{1b}]0;t\\u{7}\\nb\\u{202e}c é");
    }

    #[test]
    fn json_with_such_characters_escaped_is_the_same_value() {
        let text = "\u{7f}\u{9b}\u{202e}\u{200d}\u{e0041}\u{1b}\n é";
        let json = serde_json::json!({ "a": text }).to_string();
        let shown = visible_json(&json);
        assert_eq!(shown, visible(&shown));
        assert!(shown.contains("\\u202e\\u200d\\udb40\\udc41"), "{shown}");
        assert_eq!(serde_json::from_str::<serde_json::Value>(&shown).unwrap()["a"], text);
    }

    #[test]
    fn a_long_text_ends_early_and_between_two_characters() {
        assert_eq!(clipped("name", 4), "name");
        let shown = clipped(&"é".repeat(10), 5).into_owned();
        assert_eq!(shown, "éé…");
    }
}
