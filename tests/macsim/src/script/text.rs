//! Strings of a script: a JSON string, or an object for what JSON cannot say or not say shortly.
use serde_json::Value;

/// `"text"`, `{"hex": "ff00"}` for bytes that are no UTF-8, either of them `{"text": "A", "times": 1000}` as often as
/// that.
pub fn bytes(v: &Value) -> Vec<u8> {
    match v {
        Value::String(s) => s.clone().into_bytes(),
        Value::Object(o) => {
            let hex = o.get("hex").and_then(Value::as_str).map(unhex);
            let once = hex.unwrap_or_else(|| o.get("text").map(bytes).unwrap_or_default());
            once.repeat(o.get("times").map_or(1, |n| n.as_u64().unwrap_or(1)) as usize)
        }
        Value::Null => Vec::new(),
        v => v.to_string().into_bytes(),
    }
}

pub fn list(v: &Value) -> Vec<Vec<u8>> {
    v.as_array().into_iter().flatten().map(bytes).collect()
}

/// What stands before the first wrong pair of digits.
pub fn unhex(s: &str) -> Vec<u8> {
    let pair = |i: usize| u8::from_str_radix(s.get(i..i + 2)?, 16).ok();
    let v: Vec<u8> = (0..s.len() / 2).map_while(|i| pair(i * 2)).collect();
    if v.len() * 2 != s.len() {
        note!("{s:?} is not hex");
    }
    v
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
