//! Lone surrogates: JSON that other writers let pass and serde_json refuses.

/// The text with each escaped surrogate that has no partner made `\ufffd`; `None` when there is none.
///
/// File names on a Mac can hold anything that JavaScript or Foundation calls a string, and what logs
/// them escapes halves of pairs. The rest of such a line is worth having.
pub(crate) fn repaired(text: &str) -> Option<String> {
    let bytes = text.as_bytes();
    let mut fixed: Option<Vec<u8>> = None;
    let mut at = 0;
    while let Some(found) = memchr::memchr(b'\\', &bytes[at..]) {
        let escape = at + found;
        at = match unit(bytes, escape) {
            Some(0xd800..=0xdbff) if matches!(unit(bytes, escape + 6), Some(0xdc00..=0xdfff)) => escape + 12,
            Some(0xd800..=0xdfff) => {
                let fixed = fixed.get_or_insert_with(|| bytes.to_vec());
                fixed[escape..escape + 6].copy_from_slice(b"\\ufffd");
                escape + 6
            }
            _ => bytes.len().min(escape + 2),
        };
    }
    String::from_utf8(fixed?).ok()
}

/// The UTF-16 code unit of a `\u` escape at this place.
fn unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    digits.iter().try_fold(0, |unit, digit| Some(unit << 4 | char::from(*digit).to_digit(16)? as u16))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_surrogates_without_a_partner_are_replaced() {
        for (text, expected) in [
            (r#""a\ud800b""#, r#""a\ufffdb""#),
            (r#""\uDC00""#, r#""\ufffd""#),
            (r#""\ud800\ud83d\ude00""#, r#""\ufffd\ud83d\ude00""#),
            (r#""\ud83d\n\ude00""#, r#""\ufffd\n\ufffd""#),
            (r#""\\\ud800""#, r#""\\\ufffd""#),
        ] {
            assert_eq!(repaired(text).as_deref(), Some(expected), "{text}");
            assert!(serde_json::from_str::<String>(expected).is_ok());
        }
        for text in [r#""\ud83d\ude00""#, r#""\\ud800""#, r#""\ud80"#, r#""\u12"#, "\\", r#""\u00e9é\ud7ff""#, r"\ué"]
        {
            assert_eq!(repaired(text), None, "{text}");
        }
    }
}
