//! What a script puts together of literals and variables is one text: `"curl -u x:" & p & " https://y"`.

use ahash::HashMap;

use super::layer::{Layer, Shape, Token};
use super::search::{is_quoted_form, literals_of};

/// Puts together the texts of one level.
pub(super) struct Together<'l> {
    layer: &'l Layer,
    tokens: &'l [Token],
    /// The literals of variables, once one is asked for.
    variables: Option<HashMap<&'l str, Vec<usize>>>,
    /// Bytes of variables that may yet be put in: all together no more than the level is long.
    left: usize,
}

impl<'l> Together<'l> {
    pub(super) fn new(layer: &'l Layer, tokens: &'l [Token]) -> Together<'l> {
        Together { layer, tokens, variables: None, left: layer.text.len() }
    }

    /// The text that begins with the literal at this token, and its last token.
    pub(super) fn text(&mut self, first: usize) -> (Layer, usize) {
        let (mut text, mut at) = (Layer::default(), first);
        text.append_unescaped(self.layer, self.tokens[at].start, self.tokens[at].end);
        while matches!(self.word(at + 1), "&" | "+") {
            let is_word = is_quoted_form(self.layer, self.tokens, at + 2);
            let next = if is_word { at + 5 } else { at + 2 };
            let Some(token) = self.tokens.get(next) else { break };
            match token.shape {
                Shape::Quoted => append(&mut text, self.layer, token, is_word),
                Shape::Word => self.variable(&mut text, token, is_word),
                _ => break,
            }
            at = next;
        }
        (text, at)
    }

    fn word(&self, at: usize) -> &'l str {
        self.tokens.get(at).map_or("", |token| token.text(self.layer))
    }

    /// What a variable was set to last, or a reference to it.
    fn variable(&mut self, text: &mut Layer, token: &Token, is_word: bool) {
        let name = token.text(self.layer);
        let (layer, tokens) = (self.layer, self.tokens);
        let variables = self.variables.get_or_insert_with(|| literals_of(layer, tokens));
        let literal = variables.get(name).and_then(|literals| literals.last()).map(|at| &tokens[*at]);
        match literal.filter(|literal| literal.end - literal.start <= self.left) {
            Some(literal) => {
                self.left -= literal.end - literal.start;
                append(text, layer, literal, is_word);
            }
            None => text.append_reference(layer, token, name),
        }
    }
}

fn append(text: &mut Layer, layer: &Layer, token: &Token, is_word: bool) {
    let append = if is_word { Layer::append_word } else { Layer::append_unescaped };
    append(text, layer, token.start, token.end);
}
