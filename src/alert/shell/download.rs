//! Which command downloads, and which runs what is downloaded: `curl … | sh`, `bash -c "$(curl …)"`, `source <(curl …)`.
//! A download that is data, or goes to a file that nothing runs, is not run.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

use super::command::{Command, Word};
use super::known::Known;

/// Programs that download.
const DOWNLOADERS: [&str; 3] = ["curl", "wget", "nscurl"];
/// What runs the command that follows it.
const PREFIXES: [&str; 18] = [
    "sudo",
    "doas",
    "env",
    "nohup",
    "command",
    "exec",
    "builtin",
    "time",
    "nice",
    "arch",
    "caffeinate",
    "setsid",
    "timeout",
    "xargs",
    "busybox",
    "script",
    "launchctl",
    "sandbox-exec",
];

/// A program that runs code: of its standard input, unless its arguments give it or name it.
struct Interpreter {
    names: &'static [&'static str],
    /// Options after which the next word is the code, or names it.
    code: &'static str,
    /// Options that take a value.
    value: &'static str,
    /// Options by which it reads its standard input, whatever follows.
    input: &'static str,
    /// Long options after which the next word is the code.
    long: &'static [&'static str],
}

const INTERPRETERS: [Interpreter; 9] = [
    Interpreter {
        names: &["sh", "bash", "zsh", "dash", "ksh", "fish", "$shell", "${shell}"],
        code: "c",
        value: "oO",
        input: "s",
        long: &["--command"],
    },
    Interpreter { names: &["osascript"], code: "e", value: "ls", input: "", long: &[] },
    Interpreter { names: &["python"], code: "cm", value: "WX", input: "", long: &[] },
    Interpreter { names: &["perl"], code: "eE", value: "MmI", input: "", long: &[] },
    Interpreter { names: &["ruby"], code: "e", value: "rIEC", input: "", long: &[] },
    Interpreter { names: &["node", "nodejs"], code: "ep", value: "rC", input: "", long: &["--eval", "--print"] },
    Interpreter { names: &["php"], code: "rRBEFf", value: "dc", input: "", long: &["--run", "--file"] },
    Interpreter { names: &["swift", "lua"], code: "e", value: "lI", input: "", long: &[] },
    Interpreter { names: &["tclsh", "wish", "expect"], code: "c", value: "f", input: "", long: &[] },
];

/// Where an interpreter takes its code from.
enum Code<'c> {
    Input,
    Word(Option<&'c Word>),
}

/// Whether a text may name a program that downloads: `c'u'rl` is one, and letters may be spelled as numbers.
pub(super) fn may_download(text: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| {
        let between = r#"(?:['"\\]|\$[@*])*"#;
        let letters = |name: &str| name.split("").filter(|letter| !letter.is_empty()).collect::<Vec<_>>().join(between);
        let names = DOWNLOADERS.map(letters).join("|");
        RegexBuilder::new(&format!(r"\b(?:{names})\b|\$\\*'[^']*\\[xu0-7]")).case_insensitive(true).build().ok()
    });
    NAME.as_ref().is_some_and(|name| name.is_match(text))
}

/// Whether a text evaluates what a function of its own language downloads: `exec(urlopen(u).read())`.
pub(super) fn evaluates(text: &str) -> bool {
    static NESTED: LazyLock<Option<Regex>> = LazyLock::new(|| {
        RegexBuilder::new(
            r#"\b(?:exec|eval|execfile|instance_eval|Function)\b\s*[( ][^;\n]{0,300}?(?:\burlopen\b|\brequests\.get\b|\bURI\.open\b|\bNet::HTTP\.get\b|\bLWP::Simple::get\b|\bfile_get_contents\W{1,4}https?:|\b(?:dataWith|stringWith|initWith)ContentsOfURL)"#,
        )
        .build()
        .ok()
    });
    NESTED.as_ref().is_some_and(|nested| nested.is_match(text))
}

/// Whether a process with this name downloads.
pub(in crate::alert) fn is_downloader(name: &str) -> bool {
    DOWNLOADERS.contains(&name)
}

/// Whether a command writes a download to its standard output.
pub(super) fn is_written(command: &Command, known: &Known) -> bool {
    let Command { words, .. } = command;
    let is_download = downloader(words).is_some_and(|(name, arguments)| file(&name, arguments).is_none());
    let is_function = words.first().is_some_and(|word| known.is_function(&word.text));
    let is_given = command.input == Some(true) || command.has_written || words.iter().any(|word| word.is_download);
    command.output.is_none() && (is_download || is_function || is_given)
}

/// Keeps what a command leaves to those that follow. `is_download`: that it writes or reads one.
pub(super) fn leave(command: &Command, is_download: bool, known: &mut Known) {
    let words = &command.words;
    if let Some((name, arguments)) = downloader(words) {
        let path = file(&name, arguments).unwrap_or_default().unwrap_or_default();
        known.write_file(command.output.as_deref().unwrap_or(&path));
    }
    let name = words.iter().find(|word| !word.text.contains('=')).map(base_name).unwrap_or_default();
    let arguments = || words.iter().skip(1).map(|word| word.text.as_str()).filter(|text| !text.starts_with('-'));
    if command.has_written || command.input.unwrap_or(is_download) {
        command.output.iter().for_each(|path| known.write_file(path));
        match name.as_str() {
            "tee" => arguments().for_each(|path| known.write_file(path)),
            "read" | "mapfile" | "readarray" => arguments().for_each(|name| known.set_download(name)),
            _ => {}
        }
    }
    if gives_download(words) {
        // `set x to do shell script "curl …"`, `x = app.doShellScript("curl …")`
        let at = words.iter().position(|word| matches!(word.text.as_str(), "to" | "="));
        let name = at.and_then(|at| words.get(at.checked_sub(1)?));
        name.into_iter().for_each(|name| known.set_download(&name.text));
    }
}

/// Whether `x script` of AppleScript is here.
fn is_script(words: &[Word], at: usize, verb: &str) -> bool {
    at > 0 && words[at].text == "script" && words[at - 1].text == verb
}

/// Whether a command of AppleScript or JavaScript gives what a shell downloads.
fn gives_download(words: &[Word]) -> bool {
    let is_shell = |at: &usize| is_script(words, *at, "shell") || words[*at].text.ends_with("doShellScript");
    let shell = (0..words.len()).find(is_shell);
    shell.is_some_and(|at| words[at + 1..].iter().any(|word| word.writes_download))
}

/// Whether one runs it: `run script (do shell script "curl …")`, `eval(x)`, `do shell script x`.
fn runs_script(words: &[Word], known: &Known) -> bool {
    let is_code = |at: usize| is_script(words, at, "run") || words[at].text == "eval" && !words[at].is_quoted;
    let is_held = |at: usize| {
        let value = words.get(at + 1).filter(|word| !word.is_quoted);
        value.is_some_and(|word| known.is_download(&word.text))
    };
    (0..words.len()).any(|at| {
        let is_code = is_code(at);
        (is_code || is_script(words, at, "shell")) && is_held(at) || is_code && gives_download(&words[at + 1..])
    })
}

/// Whether a command runs a download: that of its standard input, which `is_fed` with one, or one that it is given.
pub(super) fn runs(command: &Command, is_fed: bool, known: &Known) -> bool {
    if runs_script(&command.words, known) {
        return true;
    }
    let Some((program, arguments)) = program(&command.words) else { return false };
    let name = base_name(program);
    let is_fed = command.input.unwrap_or(is_fed);
    let first = arguments.first();
    if matches!(name.as_str(), "eval" | "source" | ".") {
        let is_input = first.is_some_and(|word| is_input(&word.text)) && name != "eval";
        return first.is_some_and(|word| word.is_download) || is_fed && is_input;
    }
    // `xargs -0 sh -c`
    let is_passed = |word: &Word| matches!(word.text.as_str(), "{}" | "%");
    let is_argument = || is_fed && command.words.iter().any(|word| base_name(word) == "xargs");
    match interpreter(&name).map(|interpreter| interpreter.code(arguments)) {
        Some(Code::Input) => is_fed,
        Some(Code::Word(Some(word))) => word.is_download || is_passed(word) && is_argument(),
        Some(Code::Word(None)) => is_argument(),
        None => program.is_file,
    }
}

/// The program of a command that downloads, and its arguments.
fn downloader(words: &[Word]) -> Option<(String, &[Word])> {
    let at = words.iter().position(|word| is_downloader(&base_name(word)))?;
    Some((base_name(&words[at]), &words[at + 1..]))
}

/// The program that a command runs, behind what only starts it, and its arguments.
fn program(words: &[Word]) -> Option<(&Word, &[Word])> {
    let (mut is_option, mut is_prefixed) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let name = base_name(word);
        let is_known = matches!(name.as_str(), "eval" | "source" | ".") || interpreter(&name).is_some();
        let is_assignment = word.text.split_once('=').is_some_and(|(name, _)| !name.contains('/'));
        let is_of_prefix = is_prefixed
            && (is_option
                || matches!(word.text.as_str(), "/dev/null" | "asuser")
                || word.text.starts_with(|ch: char| ch == '-' || ch == '+' || ch.is_ascii_digit()));
        if PREFIXES.contains(&name.as_str()) {
            is_prefixed = true;
        } else if is_known || !(is_assignment || is_of_prefix) {
            return Some((word, &words[at + 1..]));
        }
        is_option = word.text.starts_with('-');
    }
    None
}

fn interpreter(name: &str) -> Option<&'static Interpreter> {
    // python3.12
    let bare = name.trim_end_matches(|ch: char| ch.is_ascii_digit() || ch == '.');
    INTERPRETERS.iter().find(|known| known.names.contains(&bare))
}

impl Interpreter {
    /// Where it takes its code from, by its arguments.
    fn code<'c>(&self, arguments: &'c [Word]) -> Code<'c> {
        let (mut at, mut reads_input) = (0, false);
        while let Some(word) = arguments.get(at) {
            at += 1;
            let text = word.text.as_str();
            if is_input(text) && !word.is_download {
                return Code::Input;
            }
            if self.long.iter().any(|long| text.split('=').next() == Some(long)) {
                return Code::Word(arguments.get(at));
            }
            let Some(letters) = text.strip_prefix(['-', '+']).filter(|_| !word.is_download) else {
                return if reads_input { Code::Input } else { Code::Word(Some(word)) };
            };
            if letters.starts_with('-') {
                continue;
            }
            for (place, letter) in letters.char_indices() {
                if self.code.contains(letter) {
                    return Code::Word(arguments.get(at));
                }
                reads_input |= self.input.contains(letter);
                if self.value.contains(letter) {
                    // Its value is the rest of the word, or the next one.
                    at += usize::from(place + letter.len_utf8() == letters.len());
                    break;
                }
            }
        }
        Code::Input
    }
}

/// The file that a program that downloads writes, by its arguments, with its name where they have it.
fn file(name: &str, arguments: &[Word]) -> Option<Option<String>> {
    let is_wget = name == "wget";
    let (output, value) = if is_wget { ("O", "aoeiBtTwQPUlARDIX") } else { ("o", "AbcCdDeEFHKmPQrtTuUwxXyYz") };
    let mut words = arguments.iter().map(|word| word.text.as_str());
    let stated = |path: Option<&str>| (!is_output(path)).then(|| path.map(str::to_owned));
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (long, value) = long.split_once('=').map_or((long, None), |(long, value)| (long, Some(value)));
            match long {
                "output" | "output-document" => return stated(value.or_else(|| words.next())),
                "remote-name" | "remote-name-all" if !is_wget => return Some(of_address(arguments)),
                _ => continue,
            }
        }
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (place, letter) in letters.char_indices() {
            let rest = &letters[place + letter.len_utf8()..];
            let mut given = || if rest.is_empty() { words.next() } else { Some(rest) };
            if output.contains(letter) {
                return stated(given());
            }
            if letter == 'O' {
                return Some(of_address(arguments));
            }
            if value.contains(letter) {
                given();
                break;
            }
        }
    }
    is_wget.then(|| of_address(arguments))
}

/// The name of the file at an address: `https://a.example/x.sh?y=z`.
fn of_address(arguments: &[Word]) -> Option<String> {
    let address = arguments.iter().rev().find_map(|word| word.text.split_once("://"))?.1;
    let path = address.split(['?', '#']).next().unwrap_or(address);
    path.rsplit_once('/').map(|(_, name)| name.to_owned())
}

fn is_output(file: Option<&str>) -> bool {
    matches!(file, Some("-" | "/dev/stdout" | "/dev/fd/1"))
}

fn is_input(file: &str) -> bool {
    matches!(file, "-" | "/dev/stdin" | "/dev/fd/0")
}

/// The name of a program, without what a shell takes out of its letters: `c'u'rl`.
fn base_name(word: &Word) -> String {
    let name = word.text.rsplit('/').next().unwrap_or_default();
    name.replace('\'', "").replace("$@", "").replace("$*", "").to_ascii_lowercase()
}
