//! The secrets of a text, and of the arguments of a program.

use super::grammar;
use super::layer::{Layer, Shape, Token, lex};
use super::mark::{Span, joined};
use super::{shapes, values};

/// Levels of quoting that are looked into. Each costs as much as the text has bytes.
const MAX_LEVELS: usize = 8;

/// The secrets of a text, in order.
pub(super) fn in_text(text: &str) -> Vec<Span> {
    let mut spans = Vec::new();
    shapes::find(text, &mut spans);
    if may_hold(text) {
        level(&Layer::outermost(text), 0, &mut spans);
    }
    joined(text, spans)
}

/// The secrets of arguments: of each alone, of all by the grammar of the command, and of all as one text.
pub(super) fn in_args(args: &[&str]) -> Vec<Vec<Span>> {
    let mut spans: Vec<Vec<Span>> = args.iter().map(|arg| in_text(arg)).collect();
    for found in grammar::find(args).0 {
        let end = args[found.word].len();
        spans[found.word].push(Span { start: found.start, end, kind: found.kind });
    }
    if args.len() > 1 {
        divide(&in_text(&args.join(" ")), args, &mut spans);
    }
    args.iter().zip(spans).map(|(arg, spans)| joined(arg, spans)).collect()
}

/// Gives spans of the joined arguments to those that they lie in.
pub(super) fn divide(of_joined: &[Span], args: &[&str], spans: &mut [Vec<Span>]) {
    let (mut start, mut first) = (0, 0);
    for (at, arg) in args.iter().enumerate() {
        let end = start + arg.len();
        while of_joined.get(first).is_some_and(|span| span.end <= start) {
            first += 1;
        }
        for span in of_joined[first..].iter().take_while(|span| span.start < end) {
            let (from, to) = (span.start.max(start) - start, span.end.min(end) - start);
            spans[at].push(Span { start: from, end: to, kind: span.kind });
        }
        start = end + 1;
    }
}

fn may_hold(text: &str) -> bool {
    text.len() >= 4 && text.bytes().any(|byte| byte.is_ascii_whitespace() || b"=:\"'`".contains(&byte))
}

fn level(layer: &Layer, depth: usize, out: &mut Vec<Span>) {
    let tokens = lex(&layer.text);
    values::find(layer, &tokens, out);
    commands(layer, &tokens, out);
    if depth + 1 >= MAX_LEVELS {
        return;
    }
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].shape != Shape::Quoted {
            at += 1;
            continue;
        }
        let mut inner = Layer::default();
        inner.append_unescaped(layer, tokens[at].start, tokens[at].end);
        // What a script puts together of literals is one text: `"curl -u x:" & "y"`.
        while joins(layer, &tokens, at) {
            at += 2;
            inner.append_unescaped(layer, tokens[at].start, tokens[at].end);
        }
        if may_hold(&inner.text) {
            level(&inner, depth + 1, out);
        }
        at += 1;
    }
}

fn joins(layer: &Layer, tokens: &[Token], at: usize) -> bool {
    let sign = tokens.get(at + 1).is_some_and(|sign| matches!(sign.text(layer), "&" | "+"));
    sign && tokens.get(at + 2).is_some_and(|next| next.shape == Shape::Quoted)
}

/// Splits a level into the words of its commands, as a shell does, and applies their grammars.
fn commands(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut before: Vec<Layer> = Vec::new();
    let mut words: Vec<Layer> = Vec::new();
    let mut is_piped = false;
    for token in tokens {
        if let Shape::Operator(operator) = token.shape {
            command(&words, is_piped.then_some(before.as_slice()), out);
            is_piped = operator == '|';
            before = std::mem::take(&mut words);
            continue;
        }
        if !token.is_joined || words.is_empty() {
            words.push(Layer::default());
        }
        if let Some(word) = words.last_mut() {
            match token.shape {
                Shape::Quoted => word.append_unescaped(layer, token.start, token.end),
                _ => word.append(layer, token.start, token.end),
            }
        }
    }
    command(&words, is_piped.then_some(before.as_slice()), out);
}

fn command(words: &[Layer], piped_from: Option<&[Layer]>, out: &mut Vec<Span>) {
    let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
    let (found, reads_secret) = grammar::find(&texts);
    let span = |words: &[Layer], found: grammar::Found| {
        let word = &words[found.word];
        word.span(found.start, word.text.len(), found.kind)
    };
    out.extend(found.into_iter().filter_map(|found| span(words, found)));
    if let Some(writer) = piped_from.filter(|_| reads_secret) {
        let texts: Vec<&str> = writer.iter().map(|word| word.text.as_str()).collect();
        out.extend(grammar::written(&texts).into_iter().filter_map(|found| span(writer, found)));
    }
}
