//! What a shell keeps of a text until a command reads it: in variables, in files, in functions.

use ahash::HashMap;

use super::files;
use super::mark::{Kind, Span};
use super::names::kind_of;
use super::plain::is_plain;
use super::words::{Word, texts};
use super::written::{self, base_name, here_string, target};
use crate::shell::{Layer, Shape, lex};

/// Words that precede an assignment, and take options.
pub(super) const DECLARE: [&str; 5] = ["export", "local", "readonly", "declare", "typeset"];
/// Variables whose value is a program that prints a password.
const ASKPASS: [&str; 3] = ["SUDO_ASKPASS", "SSH_ASKPASS", "GIT_ASKPASS"];
/// Options of `read` that have a value.
const READ_OPTIONS: &str = "ptudnNai";
const MAX_POSITIONS: usize = 9;

/// Where the texts are that a shell keeps.
#[derive(Default)]
pub(super) struct Variables {
    values: Kept,
    files: Kept,
    functions: Kept,
}

/// By the names under which they are kept.
type Kept = HashMap<String, Span>;

/// Places that are one text for those who use them.
pub(super) fn covering(spans: impl Iterator<Item = Span>) -> Option<Span> {
    spans.reduce(|one, other| Span { start: one.start.min(other.start), end: one.end.max(other.end), ..one })
}

/// What `echo`, `printf` or a here-string writes, as one.
pub(super) fn printed(words: &[Word<'_>]) -> Option<Span> {
    let found = written::words(&texts(words)).into_iter();
    covering(found.filter_map(|(word, start)| words[word].span(start, Kind::Password)))
}

/// The words of the first command of a text.
pub(super) fn first_command(text: &Layer) -> Vec<Word<'_>> {
    let tokens = lex(&text.text);
    let mut words: Vec<Word<'_>> = Vec::new();
    for token in tokens.iter().take_while(|token| !matches!(token.shape, Shape::Operator(_))) {
        match words.last_mut().filter(|_| token.is_joined) {
            Some(word) => word.append(token),
            None => words.push(Word::of(text, token)),
        }
    }
    words
}

fn is_password(name: &str) -> bool {
    kind_of(name) == Some(Kind::Password)
}

impl Variables {
    /// What `$x` or `${x}` stands for.
    pub(super) fn value(&self, reference: &str) -> Option<Span> {
        self.values.get(reference.strip_prefix('$')?.trim_matches(['{', '}'])).copied()
    }

    pub(super) fn of_file(&self, path: &str) -> Option<Span> {
        self.files.get(path).copied()
    }

    pub(super) fn of_function(&self, name: &str) -> Option<Span> {
        self.functions.get(name).copied()
    }

    fn set(&mut self, name: &str, span: Option<Span>) {
        self.values.extend(span.map(|span| (name.to_owned(), span)));
    }

    /// The content of the file that is given for the secret in it: `--password-file x`, `-pass file:x`, `sshpass -f x`.
    pub(super) fn given_file(&self, words: &[&str]) -> Option<Span> {
        words.iter().enumerate().find_map(|(at, word)| {
            let before = at.checked_sub(1).map_or("", |before| words[before]);
            let (option, path) = word.split_once(['=', ':']).unwrap_or((before, word));
            let is_given = option == "file"
                || option.contains("pass")
                || before == "-f" && words[..at].iter().any(|word| base_name(word) == "sshpass");
            self.of_file(path).filter(|_| is_given)
        })
    }

    /// `echo x > file`
    pub(super) fn write_file(&mut self, words: &[Word<'_>], out: &mut Vec<Span>) {
        if let Some(path) = target(&texts(words), ">") {
            words.iter().for_each(|word| files::find(path, word, out));
            self.set_file(path, printed(words));
        }
    }

    pub(super) fn set_file(&mut self, path: &str, content: Option<Span>) {
        self.files.extend(content.map(|content| (path.to_owned(), content)));
    }

    /// `f() { echo x; }`, of a command of it.
    pub(super) fn define(&mut self, name: &str, words: &[Word<'_>], out: &mut Vec<Span>) {
        let span = printed(words);
        out.extend(span.filter(|_| is_password(name)));
        self.functions.extend(span.map(|span| (name.to_owned(), span)));
    }

    /// What `NAME=value` at the begin of a command sets, and `set -- value`, and `for name in value`.
    pub(super) fn assign(&mut self, words: &[Word<'_>], out: &mut Vec<Span>) {
        match texts(words).get(..3) {
            Some(["for", name, "in"]) => {
                let values = words[3..].iter().filter(|word| !is_plain(word.text()));
                let span = covering(values.filter_map(|word| word.span(0, Kind::Password)));
                out.extend(span.filter(|_| is_password(name)));
                return self.set(name, span);
            }
            Some(["set", "--", _]) => {
                for (at, word) in words[2..].iter().enumerate().take(MAX_POSITIONS) {
                    self.set(&(at + 1).to_string(), word.span(0, Kind::Password));
                }
                let all = covering(words[2..].iter().filter_map(|word| word.span(0, Kind::Password)));
                ["@", "*"].into_iter().for_each(|name| self.set(name, all));
                return;
            }
            _ => {}
        }
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut declares = false;
        for word in words {
            let Some((name, value)) = word.text().split_once('=').filter(|(name, _)| is_name(name)) else {
                if DECLARE.contains(&word.text()) || declares && word.text().starts_with('-') {
                    declares = true;
                    continue;
                }
                return;
            };
            if ASKPASS.contains(&name) {
                out.extend(self.of_file(value));
            }
            let start = name.len() + 1;
            match value.strip_prefix("$(") {
                Some(_) => self.substitute(name, word, start + 2, out),
                None if is_plain(value) => {}
                None => self.set(name, word.span(start, Kind::Password)),
            }
        }
    }

    /// `p=$(echo x)`
    fn substitute(&mut self, name: &str, word: &Word<'_>, start: usize, out: &mut Vec<Span>) {
        let inner = word.inner(start, word.text().len());
        let span = printed(&first_command(&inner));
        out.extend(span.zip(kind_of(name)).map(|(span, kind)| Span { kind, ..span }));
        self.set(name, span);
    }

    /// `read -s p <<< x`, `echo x | while read p`: of what is piped into it.
    pub(super) fn read(&mut self, words: &[Word<'_>], piped: &[Vec<Word<'_>>], out: &mut Vec<Span>) {
        let texts = texts(words);
        let Some(first) = texts.iter().take(4).position(|word| *word == "read") else { return };
        let is_given = texts.iter().any(|word| here_string(word).is_some());
        let span = if is_given { printed(words) } else { covering(piped.iter().filter_map(|words| printed(words))) };
        let Some(span) = span else { return };
        let mut is_hidden = false;
        let mut at = first + 1;
        while let Some(word) = texts.get(at).filter(|word| !word.contains('<')) {
            at += 1;
            match word.strip_prefix('-') {
                Some(letters) => {
                    is_hidden |= letters.contains('s');
                    at += usize::from(letters.ends_with(|letter| READ_OPTIONS.contains(letter)));
                }
                None => {
                    is_hidden |= is_password(word);
                    self.set(word, Some(span));
                }
            }
        }
        out.extend(Some(span).filter(|_| is_hidden));
    }
}
