//! What the bytes of a script tell: pure, and linear in their number.

use std::borrow::Cow;

use super::workflow::{self, Workflow};
use super::{MAX_TEXT, indicators};
use crate::event::Script;

/// What the bytes of a script file tell.
pub(super) fn describe(bytes: &[u8], script: &mut Script) {
    let compiled = [(&b"FasdUAS"[..], "AppleScript"), (&b"JsOsaDAS"[..], "JavaScript")];
    if let Some((_, language)) = compiled.into_iter().find(|(magic, _)| bytes.starts_with(magic)) {
        script.is_compiled = true;
        script.language = script.language.or(Some(language));
        // Strings of a compiled script stand in it as UTF-8 or UTF-16; both tell.
        let plain: Vec<u8> = bytes.iter().copied().filter(|byte| *byte != 0).collect();
        script.indicators = indicators::of(&plain);
        return;
    }
    match workflow::scripts(bytes) {
        Workflow::Scripts(text) => describe_text(&text, script),
        Workflow::TooCostly => {
            script.state = Some("unreadable");
            script.indicators = indicators::of(bytes);
        }
        Workflow::None => match text_of(bytes) {
            Some(text) => describe_text(&text, script),
            None => script.indicators = indicators::of(bytes),
        },
    }
}

/// The text of a file, when it is one: UTF-8, or UTF-16 with its mark, as osascript takes them.
fn text_of(bytes: &[u8]) -> Option<Cow<'_, str>> {
    let units = |pair: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes[2..].chunks_exact(2).map(|unit| pair([unit[0], unit[1]])).collect();
        Some(Cow::Owned(String::from_utf16_lossy(&units)))
    };
    match bytes {
        [0xFE, 0xFF, ..] => units(u16::from_be_bytes),
        [0xFF, 0xFE, ..] => units(u16::from_le_bytes),
        _ if bytes.starts_with(b"bplist") || bytes[..bytes.len().min(MAX_TEXT)].contains(&0) => None,
        _ => Some(String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))),
    }
}

/// What the text of a script tells.
pub(super) fn describe_text(text: &str, script: &mut Script) {
    if let Some(first) = text.lines().next().filter(|first| first.starts_with("#!") && first.contains("osascript")) {
        let is_javascript = first.to_ascii_lowercase().contains("javascript");
        script.language = script.language.or(Some(if is_javascript { "JavaScript" } else { "AppleScript" }));
    }
    script.indicators = indicators::of(text.as_bytes());
    let cut = text.floor_char_boundary(MAX_TEXT);
    script.text_left_out = (text.len() - cut) as u64;
    script.text = Some(text[..cut].to_owned());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn described(bytes: &[u8]) -> Script {
        let mut script = Script::default();
        describe(bytes, &mut script);
        script
    }

    #[test]
    fn a_property_list_that_costs_too_much_is_marked_and_its_bytes_still_tell() {
        let nested = ["<plist>", &"<array>".repeat(500_000), "do shell script \"curl x\""].concat();
        let found = described(nested.as_bytes());
        assert_eq!((found.state, found.text), (Some("unreadable"), None));
        assert_eq!(found.indicators, ["do shell script", "curl"]);
    }

    #[test]
    fn a_script_in_utf_16_is_read_as_text() {
        for (mark, pair) in [(0xFEFF, u16::to_be_bytes as fn(u16) -> [u8; 2]), (0xFEFF, u16::to_le_bytes)] {
            let units = std::iter::once(mark).chain("display dialog \"é\"".encode_utf16());
            let found = described(&units.flat_map(pair).collect::<Vec<u8>>());
            assert_eq!(found.text.as_deref(), Some("display dialog \"é\""));
            assert_eq!(found.indicators, ["display dialog"]);
        }
    }
}
