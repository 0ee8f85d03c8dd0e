//! What to look for in a script. These help triage; they raise nothing by themselves.

use std::sync::LazyLock;

use regex::RegexSet;

/// Name, pattern (case does not count), and why it matters.
const TABLE: [(&str, &str, &str); 16] = [
    ("do shell script", r"do\s*shell\s*script", "runs a shell command"),
    ("curl", r"\b(?:curl|wget|nscurl)\b", "fetches with a command"),
    ("with administrator privileges", r"administrator\s*privileges", "asks for an administrator's password"),
    (
        "NSURLSession",
        r"NSURL(?:Session|Connection|Request)|dataWithContentsOfURL|stringWithContentsOfURL",
        "fetches in the process itself",
    ),
    ("eval", r"\beval\s*\(|\brun\s+script\b", "runs text that it makes or fetches"),
    ("base64", r"base64|[A-Za-z0-9+/]{200,}={0,2}", "carries or decodes an encoded payload"),
    ("hidden answer", r"hidden\s+answer", "asks for a password in a dialog of its own"),
    ("display dialog", r"display\s+(?:dialog|alert)", "shows a dialog"),
    ("clipboard", r"the\s+clipboard|\bpbpaste\b|NSPasteboard", "reads what was copied"),
    ("keystroke", r"\bkeystroke\b|\bkey\s+code\b", "types for the user"),
    ("keychain", r"login\.keychain|\bsecurity\s+(?:find|dump|unlock)-", "reaches for stored passwords"),
    (
        "browser data",
        r"Login Data|Cookies\.binarycookies|cookies\.sqlite|Local Extension Settings",
        "reads browsers' secrets",
    ),
    ("persistence", r"LaunchAgents|LaunchDaemons|login\s*item|\bcrontab\b", "stays after a restart"),
    ("quarantine", r"com\.apple\.quarantine|\bspctl\b", "takes the mark of a download away"),
    ("osacompile", r"\bosa(?:compile|script)\b", "starts a further script"),
    ("ObjC bridge", r"ObjC\.import|\$\.NS|use\s+framework", "calls system libraries"),
];

static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    let patterns = TABLE.iter().map(|(_, pattern, _)| format!("(?i){pattern}"));
    // The table is constant, and a test compiles it.
    RegexSet::new(patterns).unwrap_or_else(|_| RegexSet::empty())
});

/// The names of what the text shows, in the order of the table.
pub(super) fn of(text: &str) -> Vec<&'static str> {
    SET.matches(text).into_iter().map(|at| TABLE[at].0).collect()
}

/// Why an indicator matters.
pub fn reason(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(known, _, _)| *known == name).map(|(_, _, reason)| *reason)
}
