//! What commands write to each other: `echo x | sudo -S`.

use super::layer::{Layer, Token};
use super::mark::{Kind, Span};
use super::plain::is_plain;
use super::variables::Variables;
use super::words::{Word, texts};
use super::written::{self, base_name, here_string, target};
use super::{argv, curlrc, grammar};

/// What runs the text of one of its words.
const SHELLS: [&str; 9] = ["sh", "bash", "zsh", "dash", "ksh", "fish", "ssh", "su", "eval"];

/// How many of the commands before it one that sets variables reads.
const MAX_WRITERS: usize = 8;

/// The command that is read, and those that write to it.
#[derive(Default)]
pub(super) struct Pipeline<'l> {
    words: Vec<Word<'l>>,
    /// Commands before the `|`, several when they are in parentheses or filter what the one before wrote.
    writers: Vec<Vec<Word<'l>>>,
    depth: usize,
    is_piped: bool,
    /// `--password-file <(`: what follows writes a secret.
    is_substituted: bool,
    /// `curl -K <(`: what follows writes a configuration of curl.
    is_config_written: bool,
    /// `curl -K - <<EOF`: what follows is a configuration of curl.
    is_config: bool,
    /// A secret is read from the lines that follow: `sudo -S id <<EOF`.
    is_on_next_line: bool,
    /// `p=$(`: what follows writes the value of this variable.
    assigned: Option<String>,
    /// `f()`: what follows is what it does.
    defined: Option<String>,
    variables: Variables,
}

impl<'l> Pipeline<'l> {
    pub(super) fn token(&mut self, layer: &'l Layer, token: &Token) {
        match self.words.last_mut().filter(|_| token.is_joined) {
            Some(word) => word.append(token),
            None => self.words.push(Word::of(layer, token)),
        }
    }

    pub(super) fn operator(&mut self, operator: char, out: &mut Vec<Span>) {
        // `|&`, and a line that goes on behind its `|`.
        if self.is_piped && self.words.is_empty() && matches!(operator, '&' | '\n') {
            return;
        }
        let opened = if operator == '(' { self.opened() } else { Opened::default() };
        let defined = if self.words.is_empty() { self.defined.take() } else { None };
        self.end_command(out);
        self.defined = defined.or(opened.function);
        self.is_substituted = opened.is_secret;
        self.is_config_written = opened.is_config;
        self.assigned = opened.variable;
        self.is_piped = operator == '|';
        match operator {
            '(' => self.depth += 1,
            ')' => self.depth = self.depth.saturating_sub(1),
            '|' => {}
            _ if self.depth == 0 => self.writers.clear(),
            _ => {}
        }
    }

    /// What the words before a parenthesis make of the commands within.
    fn opened(&self) -> Opened {
        let texts = texts(&self.words);
        let Some((last, before)) = texts.split_last() else { return Opened::default() };
        if let Some(name) = last.strip_suffix("=$") {
            return Opened { variable: Some(name.to_owned()), ..Opened::default() };
        }
        let Some(option) = last.strip_suffix('<') else {
            return Opened { function: before.is_empty().then(|| (*last).to_owned()), ..Opened::default() };
        };
        let is_input = matches!(option, "" | "0") && before.last().is_some_and(|word| matches!(*word, "<" | "0<"));
        let option = if option.is_empty() { before.last().copied().unwrap_or_default() } else { option };
        let is_config = curlrc::is_given(before) || curlrc::is_option(option) && curlrc::is_curl(before);
        let option = option.get(..64.min(option.len())).unwrap_or_default().to_ascii_lowercase();
        let names = ["pass", "key", "secret", "token", "pw", "auth", "cred"];
        let is_secret = names.iter().any(|name| option.contains(name))
            || before.iter().any(|word| base_name(word) == "sshpass")
            || grammar::find(before).1 && (is_input || option.starts_with("create") || !option.starts_with('-'));
        Opened { is_secret: is_secret && !is_config, is_config, ..Opened::default() }
    }

    pub(super) fn end_command(&mut self, out: &mut Vec<Span>) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return;
        }
        if self.is_config && curlrc::line(&words, out) {
            return;
        }
        self.is_config = false;
        if self.is_on_next_line {
            self.is_on_next_line = false;
            return out.extend(words.iter().filter_map(|word| self.secret(word, 0, Kind::Password)));
        }
        match words.first().map(Word::text) {
            Some("{") => self.depth += 1,
            Some("}") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.command(&words, out);
        self.writers.push(words);
    }

    fn command(&mut self, words: &[Word<'l>], out: &mut Vec<Span>) {
        let texts = texts(words);
        let (found, reads) = grammar::find(&texts);
        out.extend(found.into_iter().filter_map(|found| self.secret(&words[found.word], found.start, found.kind)));
        if self.is_substituted {
            self.writes(words, out);
        }
        if self.is_config_written {
            curlrc::words(words, out);
        }
        if let Some(name) = self.assigned.take() {
            self.variables.substitute(&name, words, out);
        }
        if let Some(name) = self.defined.take() {
            self.variables.define(&name, words, out);
        }
        let is_given = texts.iter().any(|word| here_string(word).is_some());
        let has_document = has_document(words);
        let is_fed = self.is_piped || is_given || has_document;
        if reads || is_fed && reads_within(&texts) {
            self.read(words, is_given, out);
        } else if curlrc::is_given(&texts) {
            let writers = if self.is_piped { std::mem::take(&mut self.writers) } else { Vec::new() };
            writers.iter().for_each(|writer| curlrc::words(writer, out));
            curlrc::words(words, out);
            self.is_config = has_document;
        }
        let piped = if self.is_piped { self.writers.as_slice() } else { &[] };
        let piped = &piped[piped.len().saturating_sub(MAX_WRITERS)..];
        self.variables.read(words, piped, out);
        self.variables.write_file(words);
        if target(&texts, ">").is_some_and(|path| path.ends_with("curlrc")) {
            curlrc::words(words, out);
        }
        self.variables.assign(words, out);
    }

    /// A command that reads a secret: what is given to it.
    fn read(&mut self, words: &[Word<'l>], is_given: bool, out: &mut Vec<Span>) {
        let writers = if self.is_piped { std::mem::take(&mut self.writers) } else { Vec::new() };
        writers.iter().for_each(|writer| self.writes(writer, out));
        if is_given {
            self.writes(words, out);
        }
        out.extend(target(&texts(words), "<").and_then(|path| self.variables.of_file(path)));
        self.is_on_next_line = has_document(words) || writers.iter().any(|writer| has_document(writer));
    }

    /// A secret in a word from this place on, or where the variable was set that stands for it.
    fn secret(&self, word: &Word<'_>, start: usize, kind: Kind) -> Option<Span> {
        let value = &word.text()[start..];
        let of_variable = self.variables.value(value).map(|span| Span { kind, ..span });
        of_variable.or_else(|| word.span(start, kind).filter(|_| !is_plain(value)))
    }

    /// What a command writes to one that reads a secret.
    fn writes(&self, words: &[Word<'_>], out: &mut Vec<Span>) {
        let texts = texts(words);
        let written = written::words(&texts).into_iter();
        out.extend(written.filter_map(|(word, start)| self.secret(&words[word], start, Kind::Password)));
        let code = written::code(&texts);
        for word in words.iter().skip(code.unwrap_or(words.len())) {
            let literals = written::literals(word.text()).into_iter();
            out.extend(literals.filter_map(|(start, end)| word.part(start, end, Kind::Password)));
        }
        out.extend(texts.first().and_then(|name| self.variables.of_function(name)));
        if let Some(at) = texts.iter().position(|word| *word == "cat") {
            out.extend(texts[at + 1..].iter().filter_map(|path| self.variables.of_file(path)));
        }
    }
}

#[derive(Default)]
struct Opened {
    is_secret: bool,
    is_config: bool,
    variable: Option<String>,
    function: Option<String>,
}

/// Whether the lines after it are what it reads: `<<EOF`, `<< EOF`.
fn has_document(words: &[Word<'_>]) -> bool {
    let opens = |word: &str| word.strip_prefix("<<").is_some_and(|rest| !rest.starts_with('<'));
    words.iter().any(|word| opens(word.text()))
}

/// Whether what a shell or another host is given to run reads a secret: `ssh h 'sudo -S id'`.
fn reads_within(texts: &[&str]) -> bool {
    if !texts.iter().any(|word| SHELLS.contains(&base_name(word))) {
        return false;
    }
    texts.iter().filter(|word| word.contains(' ')).any(|text| argv::reads(text))
}
