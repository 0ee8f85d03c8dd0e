//! The secrets of a text.

use ahash::HashMap;

use super::grammar;
use super::layer::{Layer, Shape, Token, lex};
use super::mark::{Kind, Span, joined};
use super::plain::is_plain;
use super::together::Together;
use super::{shapes, values, written};

/// Levels of quoting that are looked into. Each costs as much as the text has bytes.
const MAX_LEVELS: usize = 8;

/// A shorter text has no room for a secret and what tells it.
const MIN_TEXT: usize = 4;

/// The secrets of a text, in order.
pub(super) fn in_text(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    if text.len() < MIN_TEXT {
        return spans;
    }
    shapes::find(text, &mut spans);
    if may_hold(text) {
        level(&Layer::outermost(text), 0, &mut spans);
    }
    joined(text, spans)
}

fn may_hold(text: &str) -> bool {
    let separates = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b':' | b'"' | b'\'' | b'`');
    text.len() >= MIN_TEXT && text.bytes().any(separates)
}

fn level(layer: &Layer, depth: usize, out: &mut Vec<Span>) {
    let tokens = lex(&layer.text);
    values::find(layer, &tokens, out);
    commands(layer, &tokens, out);
    if depth + 1 >= MAX_LEVELS {
        return;
    }
    let (mut at, mut together) = (0, Together::new(layer, &tokens));
    while at < tokens.len() {
        if tokens[at].shape != Shape::Quoted {
            at += 1;
            continue;
        }
        let inner;
        (inner, at) = together.text(at);
        if may_hold(&inner.text) {
            level(&inner, depth + 1, out);
        }
        at += 1;
    }
}

/// Splits a level into the words of its commands, as a shell does, and applies their grammars.
fn commands(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut pipeline = Pipeline::default();
    for token in tokens {
        if let Shape::Operator(operator) = token.shape {
            pipeline.operator(operator, out);
            continue;
        }
        match pipeline.words.last_mut().filter(|_| token.is_joined) {
            Some(word) => word.append(token),
            None => pipeline.words.push(Word::of(layer, token)),
        }
    }
    pipeline.end_command(out);
}

/// A word of a command: one token as it stands, or several put together.
struct Word<'l> {
    layer: &'l Layer,
    token: Token,
    joined: Option<Layer>,
}

impl<'l> Word<'l> {
    fn of(layer: &'l Layer, token: &Token) -> Word<'l> {
        let mut word = Word { layer, token: *token, joined: None };
        if token.shape == Shape::Quoted && token.text(layer).contains('\\') {
            word.join();
        }
        word
    }

    fn join(&mut self) -> &mut Layer {
        let Word { layer, token, joined } = self;
        joined.get_or_insert_with(|| {
            let mut joined = Layer::default();
            append(&mut joined, layer, token);
            joined
        })
    }

    fn append(&mut self, token: &Token) {
        let layer = self.layer;
        append(self.join(), layer, token);
    }

    fn text(&self) -> &str {
        self.joined.as_ref().map_or_else(|| self.token.text(self.layer), |joined| &joined.text)
    }

    fn span(&self, start: usize, kind: Kind) -> Option<Span> {
        match &self.joined {
            Some(joined) => joined.span(start, joined.text.len(), kind),
            None => self.layer.span(self.token.start + start, self.token.end, kind),
        }
    }
}

fn append(word: &mut Layer, layer: &Layer, token: &Token) {
    match token.shape {
        Shape::Quoted => word.append_unescaped(layer, token.start, token.end),
        _ => word.append(layer, token.start, token.end),
    }
}

/// The command that is read, and those that write to it.
#[derive(Default)]
struct Pipeline<'l> {
    words: Vec<Word<'l>>,
    /// Commands before the `|`, several when they are in parentheses.
    writers: Vec<Vec<Word<'l>>>,
    depth: usize,
    is_piped: bool,
    /// `--password-file <(`: what follows writes a secret.
    is_substituted: bool,
    /// A secret is read from the lines that follow: `sudo -S id <<EOF`.
    is_on_next_line: bool,
    /// What variables were set to: `p=x; echo "$p" | sudo -S id`.
    variables: HashMap<String, Span>,
}

impl Pipeline<'_> {
    fn operator(&mut self, operator: char, out: &mut Vec<Span>) {
        let is_substituted = operator == '(' && self.takes_substitution();
        self.end_command(out);
        self.is_substituted = is_substituted;
        self.is_piped = operator == '|';
        match operator {
            '(' => self.depth += 1,
            ')' => self.depth = self.depth.saturating_sub(1),
            '|' => {}
            _ if self.depth == 0 => self.writers.clear(),
            _ => {}
        }
    }

    fn takes_substitution(&self) -> bool {
        let Some((last, before)) = self.words.split_last() else { return false };
        let Some(option) = last.text().strip_suffix('<') else { return false };
        let option = if option.is_empty() { before.last().map_or("", Word::text) } else { option };
        let option = option.get(..64.min(option.len())).unwrap_or_default().to_ascii_lowercase();
        let is_of_sshpass = || before.iter().any(|word| written::base_name(word.text()) == "sshpass");
        ["pass", "key", "secret", "token", "pw", "auth"].iter().any(|name| option.contains(name)) || is_of_sshpass()
    }

    fn end_command(&mut self, out: &mut Vec<Span>) {
        let words = std::mem::take(&mut self.words);
        if self.is_on_next_line && !words.is_empty() {
            self.is_on_next_line = false;
            let ends = words.iter().filter(|word| !is_plain(word.text()));
            return out.extend(ends.filter_map(|word| word.span(0, Kind::Password)));
        }
        match words.first().map(Word::text) {
            Some("{") => self.depth += 1,
            Some("}") => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
        let texts: Vec<&str> = words.iter().map(Word::text).collect();
        let (found, reads_secret) = grammar::find(&texts);
        out.extend(found.into_iter().filter_map(|found| self.secret(&words[found.word], found.start, found.kind)));
        if self.is_substituted {
            self.writes(&words, out);
        }
        if self.is_piped {
            let writers = std::mem::take(&mut self.writers);
            writers.iter().filter(|_| reads_secret).for_each(|writer| self.writes(writer, out));
            self.is_on_next_line = reads_secret && writers.iter().any(|writer| has_document(writer));
        }
        self.is_on_next_line |= reads_secret && has_document(&words);
        self.assign(&words);
        if !words.is_empty() {
            self.writers.push(words);
        }
    }

    /// Remembers what `NAME=value` at the begin of a command sets.
    fn assign(&mut self, words: &[Word<'_>]) {
        let is_name = |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        for word in words {
            let Some((name, value)) = word.text().split_once('=').filter(|(name, _)| is_name(name)) else {
                if matches!(word.text(), "export" | "local" | "readonly") {
                    continue;
                }
                return;
            };
            if let Some(span) = word.span(name.len() + 1, Kind::Password).filter(|_| !is_plain(value)) {
                self.variables.insert(name.to_owned(), span);
            }
        }
    }

    /// A secret in a word from this place on, or where the variable was set that stands for it.
    fn secret(&self, word: &Word<'_>, start: usize, kind: Kind) -> Option<Span> {
        let value = &word.text()[start..];
        if !is_plain(value) {
            return word.span(start, kind);
        }
        let name = value.strip_prefix('$')?.trim_matches(['{', '}']);
        self.variables.get(name).map(|span| Span { kind, ..*span })
    }

    /// What a command writes to one that reads a secret.
    fn writes(&self, words: &[Word<'_>], out: &mut Vec<Span>) {
        let texts: Vec<&str> = words.iter().map(Word::text).collect();
        let written = written::words(&texts).into_iter();
        out.extend(written.filter_map(|(word, start)| self.secret(&words[word], start, Kind::Password)));
    }
}

/// Whether the lines after it are what it reads: `<<EOF`.
fn has_document(words: &[Word<'_>]) -> bool {
    words
        .iter()
        .any(|word| word.text().strip_prefix("<<").is_some_and(|rest| !rest.is_empty() && !rest.starts_with('<')))
}
