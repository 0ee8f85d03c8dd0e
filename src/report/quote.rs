//! Arguments as one would type them in a shell, so that it is seen where each begins and ends.

use super::visible;
use crate::visible::quoted as quoted_word;

/// The arguments, each quoted where a shell would take it apart.
pub(super) fn quoted<'a>(args: impl Iterator<Item = &'a str>) -> String {
    args.map(one).collect::<Vec<_>>().join(" ")
}

fn one(arg: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "_@%+=:,./-".contains(c);
    // A mark of a secret that was left out is no argument.
    let is_mark = arg.starts_with("[redacted: ") && arg.find(']') == Some(arg.len() - 1);
    if (!arg.is_empty() && arg.chars().all(is_plain)) || is_mark {
        return arg.to_owned();
    }
    if visible(arg) == arg && arg.contains('\'') && !arg.contains(['"', '$', '`', '\\', '!']) {
        return format!("\"{arg}\"");
    }
    if visible(arg) == arg {
        return quoted_word(arg);
    }
    let mut out = String::from("$'");
    for c in arg.chars() {
        match c {
            '\'' | '\\' => out.extend(['\\', c]),
            c if visible(c.encode_utf8(&mut [0; 4])).len() == c.len_utf8() => out.push(c),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if u32::from(c) < 0x80 => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c if u32::from(c) < 0x1_0000 => out.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => out.push_str(&format!("\\U{:08x}", u32::from(c))),
        }
    }
    out.push('\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_can_be_pasted_into_a_shell() {
        for (args, line) in [
            (&["osascript", "-l", "JavaScript", "-e", "eval('')"][..], "osascript -l JavaScript -e \"eval('')\""),
            (&["sh", "-c", "echo 'a' \"$b\""], "sh -c 'echo '\\''a'\\'' \"$b\"'"),
            (&["sh", "-c", "curl x | sh", ""], "sh -c 'curl x | sh' ''"),
            (&["echo", "a\nb\t\u{1b}[2J\u{202e}c\\'"], "echo $'a\\nb\\t\\x1b[2J\\u202ec\\\\\\''"),
            (&["é", "\u{e0041}"], "'é' $'\\U000e0041'"),
            (&["curl", "-u", "[redacted: password]"], "curl -u [redacted: password]"),
        ] {
            assert_eq!(quoted(args.iter().copied()), line);
        }
    }
}
