//! A word of a command, and where its parts are in the outermost text.

use super::mark::{Kind, Span};
use crate::shell::{Layer, Shape, Token};

/// A word of a command: one token as it stands, or several put together.
pub(super) struct Word<'l> {
    layer: &'l Layer,
    token: Token,
    joined: Option<Layer>,
}

impl<'l> Word<'l> {
    pub(super) fn of(layer: &'l Layer, token: &Token) -> Word<'l> {
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

    pub(super) fn append(&mut self, token: &Token) {
        let layer = self.layer;
        append(self.join(), layer, token);
    }

    pub(super) fn text(&self) -> &str {
        self.joined.as_ref().map_or_else(|| self.token.text(self.layer), |joined| &joined.text)
    }

    /// From this place of the word to its end.
    pub(super) fn span(&self, start: usize, kind: Kind) -> Option<Span> {
        self.part(start, self.text().len(), kind)
    }

    pub(super) fn part(&self, start: usize, end: usize, kind: Kind) -> Option<Span> {
        match &self.joined {
            Some(joined) => Span::of(joined, start, end, kind),
            None => Span::of(self.layer, self.token.start + start, self.token.start + end, kind),
        }
    }

    /// A part of the word as a text of its own.
    pub(super) fn inner(&self, start: usize, end: usize) -> Layer {
        let mut inner = Layer::default();
        match &self.joined {
            Some(joined) => inner.append(joined, start, end),
            None => inner.append(self.layer, self.token.start + start, self.token.start + end),
        }
        inner
    }
}

fn append(word: &mut Layer, layer: &Layer, token: &Token) {
    match token.shape {
        Shape::Quoted => word.append_unescaped(layer, token.start, token.end),
        _ => word.append(layer, token.start, token.end),
    }
}

pub(super) fn texts<'w>(words: &'w [Word<'_>]) -> Vec<&'w str> {
    words.iter().map(Word::text).collect()
}
