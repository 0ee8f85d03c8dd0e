//! The secrets of a text.

use super::expanded::Expanded;
use super::mark::{Span, joined};
use super::pipeline::Pipeline;
use super::{argv, shapes, values};
use crate::shell::{Layer, Shape, Together, Token, lex};

/// Levels of quoting that are looked into. Each costs as much as the text has bytes.
const MAX_LEVELS: usize = 8;

/// How often as many bytes as a text has are read again, with variables put in.
const MAX_AGAIN: usize = 2;

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
        level(&Layer::outermost(text), 0, &mut (MAX_AGAIN * text.len()), &mut spans);
    }
    joined(text, spans)
}

fn may_hold(text: &str) -> bool {
    let separates = |byte: u8| byte.is_ascii_whitespace() || matches!(byte, b'=' | b':' | b'"' | b'\'' | b'`' | b'$');
    text.len() >= MIN_TEXT && text.bytes().any(separates)
}

/// `left`: bytes that may yet be read again.
fn level(layer: &Layer, depth: usize, left: &mut usize, out: &mut Vec<Span>) {
    let tokens = lex(&layer.text);
    values::find(layer, &tokens, out);
    commands(layer, &tokens, out);
    argv::find(layer, &tokens, out);
    if let Some(expanded) = Expanded::of(layer, &tokens, left) {
        again(&expanded, depth, out);
    }
    if depth + 1 >= MAX_LEVELS {
        return;
    }
    let (mut at, mut together) = (0, Together::new(layer, &tokens));
    let mut read = |inner: &Layer| {
        if may_hold(&inner.text) {
            level(inner, depth + 1, left, out);
        }
    };
    while at < tokens.len() {
        if tokens[at].shape != Shape::Quoted {
            at += 1;
            continue;
        }
        let text = together.text(at);
        read(&text.layer);
        text.passed.iter().for_each(|passed| read(&together.literal(*passed)));
        at = text.last + 1;
    }
}

/// Reads a level with its variables put in, once: nothing is put in again.
fn again(expanded: &Expanded, depth: usize, out: &mut Vec<Span>) {
    let (mut shaped, mut found) = (Vec::new(), Vec::new());
    shapes::find(&expanded.layer.text, &mut shaped);
    let place = |span: Span| Span::of(&expanded.layer, span.start, span.end, span.kind);
    found.extend(shaped.into_iter().filter_map(place));
    level(&expanded.layer, depth, &mut 0, &mut found);
    out.extend(found.into_iter().flat_map(|span| expanded.in_values(span)));
}

/// Splits a level into the words of its commands, as a shell does, and applies their grammars.
fn commands(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut pipeline = Pipeline::default();
    for token in tokens {
        match token.shape {
            Shape::Operator(operator) => pipeline.operator(layer, token, operator, out),
            _ => pipeline.token(layer, token),
        }
    }
    pipeline.finish(layer, out);
}
