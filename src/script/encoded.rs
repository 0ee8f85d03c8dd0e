//! Texts that are spelled in escapes, in base64 or in hexadecimal.

use std::io::Read;

use base64::Engine;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::unpacked::Unpacked;

/// A text that is packed is at least this long.
pub(super) const MIN_TEXT: usize = 4;
/// Bytes of all texts that are unpacked.
pub(super) const MAX_BYTES: usize = 64 << 10;
/// Characters of base64 or hexadecimal in a row that may be a text: fewer are words.
const MIN_RUN: usize = 16;

const LENIENT: GeneralPurposeConfig = GeneralPurposeConfig::new()
    .with_decode_padding_mode(DecodePaddingMode::Indifferent)
    .with_decode_allow_trailing_bits(true);
pub(super) const STANDARD: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&base64::alphabet::URL_SAFE, LENIENT);

/// How escapes begin, how many digits they have, and to what base: those of a shell have a backslash more in a script.
const ESCAPES: [(&str, usize, u32); 6] =
    [("%", 2, 16), ("\\x", 2, 16), ("\\\\x", 2, 16), ("\\u", 4, 16), ("\\", 3, 8), ("\\\\", 3, 8)];

/// Texts of `%63%75`, `\x63\x75`, `\u0063\u0075` and `\143\165`.
pub(super) fn escapes(text: &str) -> Vec<Unpacked> {
    let mut found = Vec::new();
    for (prefix, digits, radix) in ESCAPES {
        let mut rest = text;
        while let Some(start) = rest.find(prefix) {
            rest = &rest[start..];
            let first = text.len() - rest.len();
            let mut units = Vec::new();
            while let Some(unit) = rest.strip_prefix(prefix).and_then(|rest| rest.get(..digits)) {
                let Ok(unit) = u16::from_str_radix(unit, radix) else { break };
                units.push(unit);
                rest = &rest[prefix.len() + digits..];
            }
            if units.is_empty() {
                rest = &rest[prefix.len()..];
                continue;
            }
            let unpacked = if digits == 4 {
                String::from_utf16(&units).ok()
            } else {
                let bytes: Option<Vec<u8>> = units.iter().map(|unit| u8::try_from(*unit).ok()).collect();
                bytes.and_then(|bytes| readable(&bytes))
            };
            let unpacked = unpacked.filter(|unpacked| unpacked.len() >= MIN_TEXT);
            found.extend(unpacked.map(|unpacked| Unpacked::encoded(unpacked, first..text.len() - rest.len())));
        }
    }
    found
}

/// Texts in base64 and in hexadecimal.
pub(super) fn runs(text: &str) -> Vec<Unpacked> {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || "+/_-=".contains(letter);
    let mut end = 0;
    let runs = text.split_inclusive(|letter: char| !is_part(letter)).filter_map(|run| {
        let start = end;
        end += run.len();
        let run = run.trim_end_matches(|letter| !is_part(letter));
        let decoded = if run.len() >= MIN_RUN { decoded(run) } else { None };
        decoded.map(|decoded| Unpacked::encoded(decoded, start..start + run.len()))
    });
    runs.collect()
}

fn decoded(run: &str) -> Option<String> {
    let is_hex = run.len().is_multiple_of(2) && run.bytes().all(|byte| byte.is_ascii_hexdigit());
    let hex = || {
        let pairs = run.as_bytes().chunks_exact(2);
        pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()).collect::<Option<Vec<u8>>>()
    };
    let of_hex = if is_hex { hex().and_then(|bytes| readable(&bytes)) } else { None };
    of_hex.or_else(|| {
        let base64 = run.trim_start_matches(['-', '_']);
        let decode = |engine: &GeneralPurpose| engine.decode(base64).ok().and_then(|bytes| readable(&bytes));
        decode(&STANDARD).or_else(|| decode(&URL_SAFE))
    })
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
