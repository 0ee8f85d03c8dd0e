//! References of a shell to what stands elsewhere: `$x`, `${x}`, `$(…)`.

/// Scopes of PowerShell: `$env:USERNAME`.
pub(crate) const SCOPES: [&str; 4] = ["env", "global", "script", "private"];

/// The bytes of the reference that a text begins with: `$x`, `${x}`, `$(…)`, `$env:x`; 0 when it begins with none.
pub(crate) fn reference(text: &str) -> usize {
    let Some(rest) = text.strip_prefix('$') else { return 0 };
    let brackets = match rest.bytes().next() {
        Some(b'(') => (b'(', b')'),
        Some(b'{') => (b'{', b'}'),
        _ => {
            let name =
                |text: &str| text.bytes().take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_').count();
            let first = name(rest);
            let is_scope = SCOPES.contains(&&rest[..first]) && rest[first..].starts_with(':');
            return 1 + first + if is_scope { 1 + name(&rest[first + 1..]) } else { 0 };
        }
    };
    let mut depth = 0_usize;
    for (at, byte) in rest.bytes().enumerate() {
        depth += usize::from(byte == brackets.0);
        depth -= usize::from(byte == brackets.1);
        if depth == 0 {
            return at + 2;
        }
    }
    text.len()
}
