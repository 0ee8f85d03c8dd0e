//! How hashes are written.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

/// The first 22 characters (132 bits) of a SHA-256 in unpadded base64url: the form of all our ids.
pub(crate) fn short_hash(hash: Sha256) -> String {
    let mut text = URL_SAFE_NO_PAD.encode(hash.finalize());
    text.truncate(22);
    text
}

/// Bytes in lower-case hexadecimal: the form of ECS `*.hash.sha256`.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.map(|digit| char::from(DIGITS[usize::from(digit)])).collect()
}
