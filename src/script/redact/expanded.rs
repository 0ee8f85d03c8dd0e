//! A text in which variables of a shell are what they were set to: `P=x; curl -u "ada:$P" https://h`. What is a secret where
//! a variable is used is left out where it was set.

use std::ops::Range;

use ahash::HashMap;

use super::mark::Span;
use super::pipeline::MAX_SUBSTITUTION;
use super::variables::{DECLARE, first_command};
use super::words::texts;
use super::written;
use crate::shell::{self, Layer, Shape, Token, reference};

/// Words behind which an assignment may stand.
const BEFORE: [&str; 6] = ["env", "then", "do", "else", "if", "while"];
/// How openssl and altool name a variable.
const OF_ENVIRONMENT: [&str; 2] = ["env:", "@env:"];

/// A level with its variables put in.
pub(super) struct Expanded {
    pub(super) layer: Layer,
    /// Where variables are set to what was put in, in order.
    values: Vec<Range<usize>>,
}

impl Expanded {
    /// `None` if no variable is used, or more than `left` bytes would be read again.
    pub(super) fn of(layer: &Layer, tokens: &[Token], left: &mut usize) -> Option<Expanded> {
        let rest = left.checked_sub(layer.text.len())?;
        let mut expander =
            Expander { layer, tokens, variables: HashMap::default(), values: Vec::new(), left: rest, is_used: false };
        let layer = expander.expand();
        if !expander.is_used {
            return None;
        }
        *left = expander.left;
        expander.values.sort_by_key(|value| value.start);
        Some(Expanded { layer, values: expander.values })
    }

    /// What of a secret that was found in this text is the value of a variable. A secret that is put together begins in
    /// one place and ends in another.
    pub(super) fn in_values(&self, span: Span) -> Vec<Span> {
        let value_at = |at: usize| {
            let next = self.values.partition_point(|value| value.start <= at);
            self.values[..next].last().filter(|value| value.contains(&at))
        };
        let (first, last) = (value_at(span.start), value_at(span.end.saturating_sub(1)));
        if first == last && span.start < span.end {
            return first.map(|_| span).into_iter().collect();
        }
        let begin = first.map(|value| Span { end: value.end, ..span });
        begin.into_iter().chain(last.map(|value| Span { start: value.start, ..span })).collect()
    }
}

struct Expander<'l> {
    layer: &'l Layer,
    tokens: &'l [Token],
    variables: HashMap<&'l str, Layer>,
    values: Vec<Range<usize>>,
    /// Bytes that may yet be put in.
    left: usize,
    is_used: bool,
}

impl<'l> Expander<'l> {
    fn expand(&mut self) -> Layer {
        let (layer, tokens) = (self.layer, self.tokens);
        let (mut out, mut from, mut begins) = (Layer::default(), 0, true);
        for (at, token) in tokens.iter().enumerate() {
            match token.shape {
                Shape::Operator(_) => begins = true,
                Shape::Punctuation => begins |= token.text(layer) == "{",
                Shape::Word | Shape::Quoted => {
                    out.append(layer, from, token.start);
                    self.put(&mut out, token.start, token);
                    from = token.end;
                    let text = token.text(layer);
                    if begins && !self.assign(at) && !self.is_part(at) {
                        begins = DECLARE.contains(&text) || BEFORE.contains(&text) || text.starts_with('-');
                    }
                }
            }
        }
        out.append(layer, from, layer.text.len());
        out
    }

    /// Whether a token is the rest of the word before it.
    fn is_part(&self, at: usize) -> bool {
        let is_word = |at: usize| matches!(self.tokens[at].shape, Shape::Word | Shape::Quoted);
        self.tokens[at].is_joined && is_word(at) && at > 0 && is_word(at - 1)
    }

    /// `NAME=value`, of the token that begins it.
    fn assign(&mut self, at: usize) -> bool {
        let (layer, tokens, token) = (self.layer, self.tokens, &self.tokens[at]);
        let Some((name, _)) = token.text(layer).split_once('=').filter(|(name, _)| is_variable(name)) else {
            return false;
        };
        if token.shape != Shape::Word || self.is_part(at) {
            return false;
        }
        let start = token.start + name.len() + 1;
        let (mut value, mut last) = (Layer::default(), at);
        self.put(&mut value, start, token);
        while last + 1 < tokens.len() && self.is_part(last + 1) {
            last += 1;
            match tokens[last].shape {
                Shape::Quoted => {
                    let mut quoted = Layer::default();
                    self.put(&mut quoted, tokens[last].start, &tokens[last]);
                    value.append_unescaped(&quoted, 0, quoted.text.len());
                }
                _ => self.put(&mut value, tokens[last].start, &tokens[last]),
            }
        }
        if value.text == "$" && self.shape(last + 1) == Some(Shape::Operator('(')) {
            last = self.closing(last + 1);
            value = Layer::default();
            value.append(layer, start, tokens[last].end);
        }
        if value.text.starts_with("$(") {
            value = printed(&value);
        }
        self.values.extend(layer.place(start, tokens[last].end));
        self.variables.insert(name, value);
        true
    }

    fn shape(&self, at: usize) -> Option<Shape> {
        self.tokens.get(at).filter(|token| token.is_joined).map(|token| token.shape)
    }

    /// Where the parenthesis ends that a token opens, if that is near.
    fn closing(&self, open: usize) -> usize {
        let end = self.tokens.len().min(open + shell::MAX_SUBSTITUTION);
        let is_near = |at: &usize| self.tokens[*at].end - self.tokens[open].start <= MAX_SUBSTITUTION;
        let is_end = |at: &usize| self.tokens[*at].shape == Shape::Operator(')');
        (open..end).take_while(is_near).find(is_end).unwrap_or(open)
    }

    /// Adds a token from this place on, with what its variables are set to.
    fn put(&mut self, out: &mut Layer, start: usize, token: &Token) {
        let (layer, mut from) = (self.layer, start);
        let text = &layer.text[..token.end];
        if let Some(named) = OF_ENVIRONMENT.iter().find(|named| text[start..].starts_with(**named)) {
            // Like `pass:x`.
            let name = start + named.len();
            out.append(layer, name - 1, name);
            from = if self.put_in(out, &text[name..], token) { token.end } else { name };
        }
        while let Some(bytes) = text[from..].find('$') {
            let (begin, end) = (from + bytes, from + bytes + reference(&text[from + bytes..]));
            let name = text[begin..end].trim_start_matches(['$', '{']).trim_end_matches('}');
            out.append(layer, from, begin);
            if text[..begin].ends_with('\\') || !(self.put_in(out, name, token) || self.print(out, begin, end)) {
                out.append(layer, begin, end);
            }
            from = end;
        }
        out.append(layer, from, token.end);
    }

    /// Adds what `$(echo x)` prints.
    fn print(&mut self, out: &mut Layer, begin: usize, end: usize) -> bool {
        if !self.layer.text[begin..end].starts_with("$(") {
            return false;
        }
        let mut substitution = Layer::default();
        substitution.append(self.layer, begin, end);
        let printed = printed(&substitution);
        self.values.extend(self.layer.place(begin, end));
        self.is_used |= !printed.text.is_empty();
        out.append(&printed, 0, printed.text.len());
        !printed.text.is_empty()
    }

    /// Adds what a variable is set to, as one word or as a part of what is quoted, if that can be.
    fn put_in(&mut self, out: &mut Layer, name: &str, token: &Token) -> bool {
        let Some(value) = self.variables.get(name).filter(|value| !value.text.is_empty()) else { return false };
        let fits = value.text.len() <= self.left && !value.text.contains(['"', '\'', '`', '\\']);
        if !fits {
            return false;
        }
        self.left -= value.text.len();
        self.is_used = true;
        let is_word = value.text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.:/@%=+".contains(&byte));
        if is_word || token.shape == Shape::Quoted {
            out.append(value, 0, value.text.len());
        } else {
            out.append_word(value, 0, value.text.len());
        }
        true
    }
}

fn is_variable(name: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    !name.starts_with(|first: char| first.is_ascii_digit()) && !name.is_empty() && name.bytes().all(is_letter)
}

/// What `$(echo x)` prints.
fn printed(substitution: &Layer) -> Layer {
    let mut inner = Layer::default();
    inner.append(substitution, "$(".len(), substitution.text.len());
    let words = first_command(&inner);
    let mut printed = Layer::default();
    for (word, start) in written::words(&texts(&words)) {
        let part = words[word].inner(start, words[word].text().len());
        printed.append(&part, 0, part.text.len());
    }
    printed
}
