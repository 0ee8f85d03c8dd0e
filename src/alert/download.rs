//! Which command downloads, and which runs what is downloaded: `curl … | sh`, `bash -c "$(curl …)"`, `source <(curl …)`.
//! A download that is data, or goes to a file, is not run.

use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// A word of a command.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// Without its quotes; what is substituted is left out.
    pub text: String,
    /// It begins with what a command in it downloads.
    pub is_download: bool,
    /// It was quoted, so that it is no number of a descriptor.
    pub is_quoted: bool,
}

/// A command.
#[derive(Debug, Default)]
pub(super) struct Command {
    pub words: Vec<Word>,
    /// Its standard input is redirected: to a download?
    pub input: Option<bool>,
    /// Its standard output is a file.
    pub is_output_file: bool,
}

/// Programs that download.
const DOWNLOADERS: [&str; 3] = ["curl", "wget", "nscurl"];
/// What runs the command that follows it.
const PREFIXES: [&str; 13] = [
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

const INTERPRETERS: [Interpreter; 7] = [
    Interpreter {
        names: &["sh", "bash", "zsh", "dash", "ksh", "fish"],
        code: "c",
        value: "oO",
        input: "s",
        long: &["--command"],
    },
    Interpreter { names: &["osascript"], code: "e", value: "ls", input: "", long: &[] },
    Interpreter { names: &["python"], code: "cm", value: "WX", input: "", long: &[] },
    Interpreter { names: &["perl"], code: "eE", value: "MmI", input: "", long: &[] },
    Interpreter { names: &["ruby"], code: "e", value: "rIEC", input: "", long: &[] },
    Interpreter { names: &["node"], code: "ep", value: "rC", input: "", long: &["--eval", "--print"] },
    Interpreter { names: &["php"], code: "rRBEFf", value: "dc", input: "", long: &["--run", "--file"] },
];

/// Where an interpreter takes its code from.
enum Code<'c> {
    Input,
    Word(Option<&'c Word>),
}

/// Whether a text names a program that downloads.
pub(super) fn may_download(text: &str) -> bool {
    static NAME: LazyLock<Option<Regex>> =
        LazyLock::new(|| RegexBuilder::new(r"\b(?:curl|wget|nscurl)\b").case_insensitive(true).build().ok());
    NAME.as_ref().is_some_and(|name| name.is_match(text))
}

/// Whether a process with this name downloads.
pub(super) fn is_downloader(name: &str) -> bool {
    DOWNLOADERS.contains(&name)
}

/// Whether a command writes a download to its standard output.
pub(super) fn is_written(command: &Command) -> bool {
    let Command { words, is_output_file, .. } = command;
    let at = words.iter().position(|word| is_downloader(&base_name(word)));
    let is_download = at.is_some_and(|at| !writes_file(&base_name(&words[at]), &words[at + 1..]));
    !is_output_file && (is_download || words.iter().any(|word| word.is_download))
}

/// Whether a command runs a download: that of its standard input, which `is_fed` with one, or one that it is given.
pub(super) fn runs(command: &Command, is_fed: bool) -> bool {
    let Some((name, arguments)) = program(&command.words) else { return false };
    let is_fed = command.input.unwrap_or(is_fed);
    let first = arguments.first();
    if matches!(name.as_str(), "eval" | "source" | ".") {
        let is_input = first.is_some_and(|word| is_input(&word.text)) && name != "eval";
        return first.is_some_and(|word| word.is_download) || is_fed && is_input;
    }
    match interpreter(&name).map(|interpreter| interpreter.code(arguments)) {
        Some(Code::Input) => is_fed,
        Some(Code::Word(word)) => word.is_some_and(|word| word.is_download),
        None => false,
    }
}

/// The program that a command runs, behind what only starts it, and its arguments.
fn program(words: &[Word]) -> Option<(String, &[Word])> {
    let (mut is_option, mut is_prefixed) = (false, false);
    for (at, word) in words.iter().enumerate() {
        let name = base_name(word);
        let is_known = matches!(name.as_str(), "eval" | "source" | ".") || interpreter(&name).is_some();
        let is_assignment = word.text.split_once('=').is_some_and(|(name, _)| !name.contains('/'));
        let is_of_prefix = is_prefixed
            && (is_option || word.text.starts_with(|ch: char| ch == '-' || ch == '+' || ch.is_ascii_digit()));
        if PREFIXES.contains(&name.as_str()) {
            is_prefixed = true;
        } else if is_known || !(is_assignment || is_of_prefix) {
            return Some((name, &words[at + 1..]));
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

/// Whether a program that downloads writes to a file, by its arguments.
fn writes_file(name: &str, arguments: &[Word]) -> bool {
    let is_wget = name == "wget";
    let (output, value) = if is_wget { ("O", "aoeiBtTwQPUlARDIX") } else { ("o", "AbcCdDeEFHKmPQrtTuUwxXyYz") };
    let mut words = arguments.iter().map(|word| word.text.as_str());
    while let Some(word) = words.next() {
        if let Some(long) = word.strip_prefix("--") {
            let (long, stated) = long.split_once('=').map_or((long, None), |(long, value)| (long, Some(value)));
            match long {
                "output" | "output-document" => return !is_output(stated.or_else(|| words.next())),
                "remote-name" | "remote-name-all" if !is_wget => return true,
                _ => continue,
            }
        }
        let Some(letters) = word.strip_prefix('-') else { continue };
        for (place, letter) in letters.char_indices() {
            let rest = &letters[place + letter.len_utf8()..];
            let mut given = || if rest.is_empty() { words.next() } else { Some(rest) };
            if output.contains(letter) {
                return !is_output(given());
            }
            if letter == 'O' {
                return true;
            }
            if value.contains(letter) {
                given();
                break;
            }
        }
    }
    is_wget
}

fn is_output(file: Option<&str>) -> bool {
    matches!(file, Some("-" | "/dev/stdout" | "/dev/fd/1"))
}

fn is_input(file: &str) -> bool {
    matches!(file, "-" | "/dev/stdin" | "/dev/fd/0")
}

fn base_name(word: &Word) -> String {
    word.text.rsplit('/').next().unwrap_or_default().to_ascii_lowercase()
}
