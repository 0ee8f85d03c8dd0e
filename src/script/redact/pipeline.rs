//! What commands write to each other: `echo x | sudo -S`.

use super::documents::{self, Document, Lines};
use super::grammar::Found;
use super::mark::{Kind, Span};
use super::plain::{is_identifier, is_plain};
use super::variables::{Variables, covering, first_command};
use super::words::{Word, texts};
use super::written::{self, base_name, here_string, target};
use super::{argv, curlrc, formatted, grammar};
use crate::shell::{Layer, Shape, Token};

/// What runs the text of one of its words.
const SHELLS: [&str; 9] = ["sh", "bash", "zsh", "dash", "ksh", "fish", "ssh", "su", "eval"];

/// How many of the commands before it one that sets variables reads.
const MAX_WRITERS: usize = 8;

/// Substitutions within each other whose commands are read as parts of another: `a $(b <(c))`.
const MAX_NESTED: usize = 8;

/// Bytes of a substitution that are held as a part of the word that it stands in, or that a variable is set to.
pub(super) const MAX_SUBSTITUTION: usize = 4096;

/// Words before a process substitution that tell what it is for.
const MAX_BEFORE: usize = 64;

/// The command that is read, and those that write to it.
#[derive(Default)]
pub(super) struct Pipeline<'l> {
    words: Vec<Word<'l>>,
    /// Commands before the `|`, several when they are in parentheses or filter what the one before wrote.
    writers: Vec<Vec<Word<'l>>>,
    depth: usize,
    is_piped: bool,
    /// `p=f(`: the last word ends with the name of a function of another language.
    is_called: bool,
    /// `--password-file <(`: what follows writes a secret.
    is_substituted: bool,
    /// `curl -K <(`: what follows writes a configuration of curl.
    is_config_written: bool,
    /// What the lines that follow are: `sudo -S id <<EOF`.
    document: Option<Document>,
    /// `f()`: what follows is what it does.
    defined: Option<String>,
    /// The commands that the one that is read is a part of, by a substitution.
    outer: Vec<Outer<'l>>,
    variables: Variables,
}

/// A command, up to a substitution in it: `$(`, `<(`.
struct Outer<'l> {
    words: Vec<Word<'l>>,
    writers: Vec<Vec<Word<'l>>>,
    is_piped: bool,
    is_substituted: bool,
    is_config_written: bool,
    defined: Option<String>,
    /// Where the parenthesis is.
    start: usize,
    /// Other parentheses that are open within.
    depth: usize,
}

impl<'l> Pipeline<'l> {
    pub(super) fn token(&mut self, layer: &'l Layer, token: &Token) {
        match self.words.last_mut().filter(|_| token.is_joined) {
            Some(word) => word.append(token),
            None => self.words.push(Word::of(layer, token)),
        }
    }

    pub(super) fn operator(&mut self, layer: &'l Layer, token: &Token, operator: char, out: &mut Vec<Span>) {
        if operator == '(' && token.is_joined && self.is_substitution() {
            return self.open(token.start);
        }
        match (operator, self.outer.last_mut()) {
            ('(', Some(outer)) => outer.depth += 1,
            (')', Some(outer)) if outer.depth == 0 => return self.close(layer, token.end, out),
            (')', Some(outer)) => outer.depth -= 1,
            _ => {}
        }
        // `|&`, and a line that goes on behind its `|`.
        if self.is_piped && self.words.is_empty() && matches!(operator, '&' | '\n') {
            return;
        }
        let opened = if operator == '(' { self.opened() } else { Opened::default() };
        let defined = if self.words.is_empty() { self.defined.take() } else { None };
        self.is_called = operator == '(' && token.is_joined;
        self.end_command(out);
        if let Some(document) = self.document.as_mut().filter(|_| operator == '\n') {
            document.is_open = true;
        }
        self.is_called = false;
        self.defined = defined.or(opened.function);
        self.is_substituted = opened.is_secret;
        self.is_config_written = opened.is_config;
        self.is_piped = operator == '|';
        match operator {
            '(' => self.depth += 1,
            ')' => self.depth = self.depth.saturating_sub(1),
            '|' => {}
            _ if self.depth == 0 && self.outer.is_empty() => self.writers.clear(),
            _ => {}
        }
    }

    fn is_substitution(&self) -> bool {
        self.outer.len() < MAX_NESTED && self.words.last().is_some_and(|word| word.text().ends_with(['$', '<', '>']))
    }

    /// What is in the parenthesis is a part of the word before it.
    fn open(&mut self, start: usize) {
        let opened = self.opened();
        self.outer.push(Outer {
            words: std::mem::take(&mut self.words),
            writers: std::mem::take(&mut self.writers),
            is_piped: std::mem::replace(&mut self.is_piped, false),
            is_substituted: std::mem::replace(&mut self.is_substituted, opened.is_secret),
            is_config_written: std::mem::replace(&mut self.is_config_written, opened.is_config),
            defined: self.defined.take(),
            start,
            depth: 0,
        });
    }

    /// The command around it goes on.
    fn close(&mut self, layer: &'l Layer, end: usize, out: &mut Vec<Span>) {
        self.end_command(out);
        let Some(outer) = self.outer.pop() else { return };
        // What they write, it writes.
        let within = std::mem::replace(&mut self.writers, outer.writers);
        self.writers.extend(within);
        self.words = outer.words;
        self.is_piped = outer.is_piped;
        self.is_substituted = outer.is_substituted;
        self.is_config_written = outer.is_config_written;
        self.defined = outer.defined;
        let part = |start, end| Token { shape: Shape::Word, start, end, is_joined: true };
        if end - outer.start <= MAX_SUBSTITUTION {
            return self.token(layer, &part(outer.start, end));
        }
        self.token(layer, &part(outer.start, outer.start + 1));
        if layer.text[..end].ends_with(')') {
            self.token(layer, &part(end - 1, end));
        }
    }

    /// The end of the text, and of what was not closed in it.
    pub(super) fn finish(&mut self, layer: &'l Layer, out: &mut Vec<Span>) {
        while !self.outer.is_empty() {
            self.close(layer, layer.text.len(), out);
        }
        self.end_command(out);
    }

    /// What the words before a parenthesis make of the commands within.
    fn opened(&self) -> Opened {
        let texts = texts(&self.words[self.words.len().saturating_sub(MAX_BEFORE)..]);
        let Some((last, before)) = texts.split_last() else { return Opened::default() };
        let Some(option) = last.strip_suffix('<') else {
            return Opened { function: before.is_empty().then(|| (*last).to_owned()), ..Opened::default() };
        };
        let is_input = matches!(option, "" | "0") && before.last().is_some_and(|word| matches!(*word, "<" | "0<"));
        // `-pass file:<(`
        let is_apart = option.is_empty() || option == "file:";
        let option = if is_apart { before.last().copied().unwrap_or_default() } else { option };
        let is_config = curlrc::is_given(before) || curlrc::is_option(option) && curlrc::is_curl(before);
        let option = option.get(..64.min(option.len())).unwrap_or_default().to_ascii_lowercase();
        let names = ["pass", "key", "secret", "token", "pw", "auth", "cred"];
        let is_secret = names.iter().any(|name| option.contains(name))
            || before.iter().any(|word| base_name(word) == "sshpass")
            || grammar::find(before).1 && (is_input || option.starts_with("create") || !option.starts_with('-'));
        Opened { is_secret: is_secret && !is_config, is_config, ..Opened::default() }
    }

    fn end_command(&mut self, out: &mut Vec<Span>) {
        let words = std::mem::take(&mut self.words);
        if words.is_empty() {
            return;
        }
        if self.document.as_ref().is_some_and(|document| document.is_open) && self.is_of_document(&words, out) {
            return;
        }
        match words.first().map(Word::text) {
            Some("{") => self.depth += 1,
            Some("}") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        self.command(&words, out);
        self.writers.push(words);
    }

    /// Takes a line of a document; whether it is no command.
    fn is_of_document(&mut self, words: &[Word<'l>], out: &mut Vec<Span>) -> bool {
        let Some(mut document) = self.document.take() else { return false };
        let ends = document.ends(words);
        match &document.lines {
            Lines::File(path) if ends => self.variables.set_file(path, document.content()),
            _ if ends => {}
            Lines::Secret => out.extend(words.iter().filter_map(|word| self.secret(word, 0, Kind::Password))),
            Lines::Config => {
                curlrc::line(words, out);
                self.document = Some(document);
            }
            Lines::File(path) => {
                let path = path.clone();
                document.line(&path, words, out);
                self.document = Some(document);
                return false;
            }
        }
        true
    }

    fn command(&mut self, words: &[Word<'l>], out: &mut Vec<Span>) {
        let texts = texts(words);
        let (found, reads) = grammar::find(&texts);
        let is_function = |found: &Found| {
            let word = texts[found.word];
            let is_assigned = found.start > 0 && !word.starts_with('-');
            self.is_called && is_assigned && found.word + 1 == words.len() && is_identifier(&word[found.start..])
        };
        let found = found.into_iter().filter(|found| !is_function(found));
        out.extend(found.filter_map(|found| self.secret(&words[found.word], found.start, found.kind)));
        let formatted = formatted::find(&texts).into_iter();
        out.extend(formatted.filter_map(|(word, kind)| self.secret(&words[word], 0, kind)));
        if self.is_substituted {
            self.writes(words, out);
        }
        if self.is_config_written {
            curlrc::words(words, out);
        }
        if let Some(name) = self.defined.take() {
            self.variables.define(&name, words, out);
        }
        let is_given = texts.iter().any(|word| here_string(word).is_some());
        let is_fed = self.is_piped || is_given || documents::mark(words).is_some();
        if reads || is_fed && reads_within(&texts) {
            self.read(words, is_given, out);
        } else if curlrc::is_given(&texts) {
            let writers = if self.is_piped { std::mem::take(&mut self.writers) } else { Vec::new() };
            writers.iter().for_each(|writer| curlrc::words(writer, out));
            curlrc::words(words, out);
            self.document = Document::of(words, Lines::Config);
        }
        let piped = if self.is_piped { self.writers.as_slice() } else { &[] };
        let piped = &piped[piped.len().saturating_sub(MAX_WRITERS)..];
        self.variables.read(words, piped, out);
        out.extend(self.variables.given_file(&texts));
        self.write_file(words, &texts, out);
        self.variables.assign(words, out);
    }

    /// What a command writes to a file, in its words or in the lines that follow.
    fn write_file(&mut self, words: &[Word<'l>], texts: &[&str], out: &mut Vec<Span>) {
        self.variables.write_file(words, out);
        let of_tee = texts.iter().position(|word| base_name(word) == "tee");
        let of_tee = of_tee.and_then(|tee| texts[tee + 1..].iter().find(|word| !word.starts_with('-')).copied());
        let Some(path) = of_tee.or_else(|| target(texts, ">")) else { return };
        let is_config = path.ends_with("curlrc");
        if is_config {
            curlrc::words(words, out);
        }
        let lines = if is_config { Lines::Config } else { Lines::File(path.to_owned()) };
        self.document = self.document.take().or_else(|| Document::of(words, lines));
    }

    /// A command that reads a secret: what is given to it.
    fn read(&mut self, words: &[Word<'l>], is_given: bool, out: &mut Vec<Span>) {
        let writers = if self.is_piped { std::mem::take(&mut self.writers) } else { Vec::new() };
        writers.iter().for_each(|writer| self.writes(writer, out));
        if is_given {
            self.writes(words, out);
        }
        out.extend(target(&texts(words), "<").and_then(|path| self.variables.of_file(path)));
        let of = |words: &[Word<'_>]| Document::of(words, Lines::Secret);
        self.document = of(words).or_else(|| writers.iter().find_map(|writer| of(writer)));
    }

    /// A secret in a word from this place on, or where the variable was set that stands for it, or what a substitution
    /// prints: `$(echo x)`.
    fn secret(&self, word: &Word<'_>, start: usize, kind: Kind) -> Option<Span> {
        self.stated(word, start, kind).or_else(|| {
            word.text()[start..].strip_prefix("$(")?;
            let inner = word.inner(start + "$(".len(), word.text().len());
            let words = first_command(&inner);
            let printed = written::words(&texts(&words)).into_iter();
            covering(printed.filter_map(|(word, start)| self.stated(&words[word], start, kind)))
        })
    }

    fn stated(&self, word: &Word<'_>, start: usize, kind: Kind) -> Option<Span> {
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
    function: Option<String>,
}

/// Whether what a shell or another host is given to run reads a secret: `ssh h 'sudo -S id'`.
fn reads_within(texts: &[&str]) -> bool {
    if !texts.iter().any(|word| SHELLS.contains(&base_name(word))) {
        return false;
    }
    texts.iter().filter(|word| word.contains(' ')).any(|text| argv::reads(text))
}
