//! The arguments of a program that a script starts: `subprocess.run(["sshpass", "-p", "x"])`, and what it writes to a
//! program that reads a password: `input="x"`, `.communicate("x")`.

use super::grammar;
use super::mark::{Kind, Span};
use super::plain::is_plain;
use crate::shell::{Layer, Shape, Token, lex};

/// Tokens between a program and what is written to it.
const MAX_BETWEEN: usize = 24;
/// What writes to a program, as a method or as an argument.
const WRITES: [&str; 10] =
    ["input=", "input:", "input", "communicate", "write", "writeln", "puts", "print", "sendline", "end"];

/// Finds the secrets of the lists of a level that are arguments.
pub(super) fn find(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut at = 0;
    while at < tokens.len() {
        if tokens[at].shape != Shape::Quoted {
            at += 1;
            continue;
        }
        let arguments = arguments(layer, tokens, at);
        let last = arguments.last().copied().unwrap_or(at);
        let texts: Vec<&str> = arguments.iter().map(|at| tokens[*at].text(layer)).collect();
        let reads = if texts[0].contains(' ') || texts.len() == 1 {
            written(layer, tokens, last).is_some() && reads(texts[0])
        } else {
            let (found, reads) = grammar::find(&texts);
            for found in found.iter().filter(|found| !is_plain(&texts[found.word][found.start..])) {
                let token = &tokens[arguments[found.word]];
                out.extend(Span::of(layer, token.start + found.start, token.end, found.kind));
            }
            reads
        };
        if let Some(literal) = written(layer, tokens, last).filter(|_| reads) {
            out.extend(Span::of(layer, tokens[literal].start, tokens[literal].end, Kind::Password));
        }
        at = last + 1;
    }
}

/// The literals of a list that begins here; the program may stand before the bracket.
fn arguments(layer: &Layer, tokens: &[Token], first: usize) -> Vec<usize> {
    let mut arguments = vec![first];
    let mut at = first + 1;
    while tokens.get(at).is_some_and(|token| token.shape == Shape::Punctuation && token.text(layer) == ",") {
        let is_open = tokens.get(at + 1).is_some_and(|token| matches!(token.text(layer), "[" | "{"));
        let next = at + 1 + usize::from(is_open);
        if tokens.get(next).is_none_or(|token| token.shape != Shape::Quoted) {
            break;
        }
        arguments.push(next);
        at = next + 1;
    }
    arguments
}

/// The literal that is written to a program, soon behind it.
fn written(layer: &Layer, tokens: &[Token], last: usize) -> Option<usize> {
    let end = tokens.len().min(last + MAX_BETWEEN);
    let is_writer = |at: &usize| {
        let text = tokens[*at].text(layer);
        // `input=b'x'`
        let text = text.strip_suffix("=b").unwrap_or(text);
        tokens[*at].shape == Shape::Word && WRITES.contains(&text.rsplit('.').next().unwrap_or(text))
    };
    let writer = (last + 1..end).find(is_writer)?;
    (writer + 1..end.min(writer + 4)).find(|at| tokens[*at].shape == Shape::Quoted)
}

/// Whether a command line, with its pipes, reads a secret.
pub(super) fn reads(line: &str) -> bool {
    let tokens = lex(line);
    let words = |command: &[Token]| command.iter().map(|token| &line[token.start..token.end]).collect::<Vec<_>>();
    tokens.split(|token| matches!(token.shape, Shape::Operator(_))).any(|command| grammar::find(&words(command)).1)
}
