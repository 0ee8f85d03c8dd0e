//! What a script puts together of literals and variables is one text: `"curl -u x:" & p & " https://y"`. So is what a
//! shell does, of what stands side by side: `'{"user":"'"$USER"'","id":1}'`.

use ahash::HashMap;

use super::assigned::{joined, literals_of};
use super::layer::{Layer, Shape, Token};
use super::operands::{Operand, Operands};
use super::reference::reference;

/// Tokens of a substitution that stands between quoted texts, or that a variable is set to.
pub(crate) const MAX_SUBSTITUTION: usize = 24;

/// Puts together the texts of one level.
pub(crate) struct Together<'l> {
    operands: Operands<'l>,
    /// The literals of variables, once one is asked for.
    variables: Option<HashMap<&'l str, Vec<usize>>>,
    /// Bytes of variables that may yet be put in: all together no more than the level is long.
    left: usize,
}

/// A text, and where it ends.
pub(crate) struct Text {
    pub(crate) layer: Layer,
    pub(crate) last: usize,
    /// Literals before the end that are texts of their own.
    pub(crate) passed: Vec<usize>,
}

impl<'l> Together<'l> {
    pub(crate) fn new(layer: &'l Layer, tokens: &'l [Token]) -> Together<'l> {
        Together { operands: Operands { layer, tokens }, variables: None, left: layer.text.len() }
    }

    /// The text of the literal at this token alone.
    pub(crate) fn literal(&mut self, at: usize) -> Layer {
        let mut text = Layer::default();
        self.quoted(&mut text, at, false);
        text
    }

    /// Adds a literal; one in backquotes with what its variables were set to: `dscl . -authonly ada ${p}`.
    fn quoted(&mut self, text: &mut Layer, at: usize, is_word: bool) {
        let (operands, token) = (self.operands, self.operands.tokens[at]);
        let layer = operands.layer;
        let mut from = token.start;
        if layer.text[..token.start].ends_with('`') {
            while let Some(bytes) = layer.text[from..token.end].find("${") {
                let (start, end) = (from + bytes, from + bytes + reference(&layer.text[from + bytes..token.end]));
                let name = layer.text[start..end].trim_start_matches("${").trim_end_matches('}');
                let literal = self.literal_of(name);
                text.append_unescaped(layer, from, if literal.is_some() { start } else { end });
                literal.into_iter().for_each(|literal| self.put_in(text, literal, false));
                from = end;
            }
        }
        let append = if is_word { Layer::append_word } else { Layer::append_unescaped };
        append(text, layer, from, token.end);
    }

    /// The literal that a variable was set to last, if there is room for it.
    fn literal_of(&mut self, name: &str) -> Option<usize> {
        let operands = self.operands;
        let variables = self.variables.get_or_insert_with(|| literals_of(operands.layer, operands.tokens));
        let literal = variables.get(name)?.last().copied()?;
        let is_quoted = operands.shape(literal) == Some(Shape::Quoted);
        (is_quoted && self.cost(literal) <= self.left).then_some(literal)
    }

    fn cost(&self, at: usize) -> usize {
        (self.operands.tokens[at].end - self.operands.tokens[at].start).max(1)
    }

    /// Adds what a variable was set to: this literal, and those that are joined to it.
    fn put_in(&mut self, text: &mut Layer, literal: usize, is_word: bool) {
        let operands = self.operands;
        let mut next = Some(literal);
        while let Some(at) = next.filter(|at| self.cost(*at) <= self.left) {
            self.left -= self.cost(at);
            append(text, operands, at, is_word);
            next = joined(operands.layer, operands.tokens, at);
        }
    }

    /// Whether the token is a variable that was set to a literal.
    pub(crate) fn is_set(&mut self, at: usize) -> bool {
        self.literal_of(self.operands.text(at)).is_some()
    }

    /// The text that begins with the literal, or with the variable, at this token.
    pub(crate) fn text(&mut self, first: usize) -> Text {
        let operands = self.operands;
        let mut open = operands.open_before(first);
        let mut text = Text { layer: Layer::default(), last: first, passed: Vec::new() };
        match operands.shape(first) {
            Some(Shape::Quoted) => text.layer = self.literal(first),
            _ => self.variable(&mut text.layer, &Operand { first, last: first, ..Operand::default() }),
        }
        loop {
            if let Some(last) = beside(operands, text.last + 1, &mut text.passed) {
                match operands.shape(text.last + 1) {
                    Some(Shape::Quoted) => self.quoted(&mut text.layer, last, false),
                    _ => {
                        let (from, to) = (operands.tokens[text.last + 1].start, operands.tokens[last].end);
                        text.layer.append(operands.layer, from, to);
                    }
                }
                text.last = last;
                continue;
            }
            let Some(operand) = operands.next(text.last, &mut open) else { return text };
            match operands.shape(operand.first) {
                Some(Shape::Quoted) => self.quoted(&mut text.layer, operand.first, operand.is_quoted_form),
                _ => self.variable(&mut text.layer, &operand),
            }
            text.last = operand.last;
            text.passed.extend(operand.passed);
        }
    }

    /// What a variable was set to last, or a reference to it.
    fn variable(&mut self, text: &mut Layer, operand: &Operand) {
        let operands = self.operands;
        let name = operands.text(operand.first);
        let is_alone = operand.first == operand.last;
        match self.literal_of(name).filter(|_| is_alone) {
            Some(literal) => self.put_in(text, literal, operand.is_quoted_form),
            None => text.append_reference(operands.layer, &operands.tokens[operand.first], name),
        }
    }
}

/// The last token of what stands right beside the one before: a quoted text, `$x`, `$(…)`.
fn beside(operands: Operands<'_>, at: usize, passed: &mut Vec<usize>) -> Option<usize> {
    let token = operands.tokens.get(at).filter(|token| token.is_joined)?;
    match token.shape {
        Shape::Quoted => return Some(at),
        Shape::Word if token.text(operands.layer).starts_with('$') => {}
        _ => return None,
    }
    if token.text(operands.layer) != "$" || operands.shape(at + 1) != Some(Shape::Operator('(')) {
        return Some(at);
    }
    let (mut depth, before) = (0_usize, passed.len());
    for at in at + 1..at + MAX_SUBSTITUTION {
        match operands.shape(at) {
            Some(Shape::Operator('(')) => depth += 1,
            Some(Shape::Operator(')')) if depth == 1 => return Some(at),
            Some(Shape::Operator(')')) => depth -= 1,
            Some(Shape::Quoted) => passed.push(at),
            Some(_) => {}
            None => break,
        }
    }
    passed.truncate(before);
    None
}

fn append(text: &mut Layer, operands: Operands<'_>, at: usize, is_word: bool) {
    let (layer, token) = (operands.layer, &operands.tokens[at]);
    let append = if is_word { Layer::append_word } else { Layer::append_unescaped };
    append(text, layer, token.start, token.end);
}
