//! Literals of scripts, without their quotes and escapes.

use super::unpacked::Unpacked;

/// The literal that begins with this quote, and how many bytes of the text it takes.
pub(super) fn literal(text: &str, quote: char) -> Option<(Unpacked, usize)> {
    let closing = if quote == '\u{201C}' { '\u{201D}' } else { quote };
    let mut value = Unpacked::default();
    let mut rest = quote.len_utf8();
    while let Some(bytes) = text[rest..].find(['\\', closing]) {
        let end = rest + bytes;
        value.push_str(&text[rest..end], rest..end, true);
        if text[end..].starts_with(closing) {
            return Some((value, end + closing.len_utf8()));
        }
        let letter = text[end + 1..].chars().next()?;
        rest = end + 1 + letter.len_utf8();
        let resolved = match letter {
            'n' | 'r' => '\n',
            't' => '\t',
            other => other,
        };
        value.push_str(resolved.encode_utf8(&mut [0; 4]), end..rest, false);
    }
    None
}
