//! Strings of a script: a JSON string, or an object for what JSON cannot say or not say shortly.
use serde_json::Value;

/// `"text"`, `{"hex": "ff00"}` for bytes that are no UTF-8, either of them `{"text": "A", "times": 1000}` as often as
/// that.
pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::String(text) => text.clone().into_bytes(),
        Value::Object(object) => {
            let hex = object.get("hex").and_then(Value::as_str).map(unhex);
            let once = hex.unwrap_or_else(|| object.get("text").map(bytes).unwrap_or_default());
            once.repeat(object.get("times").map_or(1, |times| times.as_u64().unwrap_or(1)) as usize)
        }
        Value::Null => Vec::new(),
        value => value.to_string().into_bytes(),
    }
}

pub(crate) fn list(value: &Value) -> Vec<Vec<u8>> {
    value.as_array().into_iter().flatten().map(bytes).collect()
}

/// What is before the first wrong pair of digits.
pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let pair = |index: usize| u8::from_str_radix(text.get(index..index + 2)?, 16).ok();
    let bytes: Vec<u8> = (0..text.len() / 2).map_while(|index| pair(index * 2)).collect();
    if bytes.len() * 2 != text.len() {
        note!("{text:?} is not hex");
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_string_may_be_hex_and_long() {
        assert_eq!(bytes(&json!("ü")), "ü".as_bytes());
        assert_eq!(bytes(&json!({"hex": "fffe41"})), [0xff, 0xfe, 0x41]);
        assert_eq!(bytes(&json!({"hex": "ff4"})), [0xff]);
        assert_eq!(bytes(&json!({"text": "ab", "times": 3})), b"ababab");
        assert_eq!(bytes(&json!({"hex": "00", "times": 2})), [0, 0]);
        assert_eq!(list(&json!(["", 7, null])), [&b""[..], b"7", b""]);
        assert!(list(&json!(null)).is_empty());
    }
}
