//! Secrets that are assigned otherwise than by a name and a literal: in lists (`set {u, pw} to {"ada", "x"}`), where
//! nothing else is given (`pw = prompt() || "x"`), through a type or a conversion, and by a function that returns one.

use super::mark::Kind;
use super::names::kind_of;
use super::search::Search;
use crate::shell::{Layer, MAX_LIST, Shape, Token, opens, pairs, text, values};

/// What makes a text of a literal, or the text that a literal encodes.
pub(super) const CONVERSIONS: [&str; 12] = [
    "String",
    "str",
    "text",
    "bytes",
    "bytearray",
    "Buffer.from",
    "atob",
    "b64decode",
    "base64.b64decode",
    "unescape",
    "decodeURIComponent",
    "bytes.fromhex",
];
/// What begins a function that has a name.
const FUNCTIONS: [&str; 7] = ["on", "to", "function", "def", "func", "fn", "sub"];

/// What is assigned at this token, if it is such an assignment.
pub(super) fn assigned(search: &mut Search<'_, '_>, at: usize) {
    let (layer, tokens) = (search.layer, search.tokens);
    match search.shape(at) {
        Some(Shape::Word) => {}
        Some(Shape::Quoted) => return alternative(search, at),
        _ => return,
    }
    for (name, value) in pairs(layer, tokens, at) {
        if let Some(kind) = kind_of(name) {
            search.literals(value, kind, false);
        }
    }
    let word = text(layer, tokens, at);
    if word == "return" {
        return returned(search, at);
    }
    let named = match word {
        "to" | "=" | ":=" | "in" => at.checked_sub(1).and_then(|before| declared(layer, tokens, before)),
        _ => word.strip_suffix('=').filter(|_| opens(text(layer, tokens, at + 1))),
    };
    let Some(name) = named else { return };
    let next = text(layer, tokens, at + 1);
    let is_auth = name.ends_with(".auth");
    let Some(kind) = kind_of(name).or_else(|| of_several(name)).or(is_auth.then_some(Kind::Password)) else { return };
    if opens(next) {
        let literals: Vec<usize> = values(layer, tokens, at + 1).into_iter().flatten().collect();
        // Of a user and a password the password.
        let first = usize::from(literals.len() == 2 && (is_auth || kind == Kind::Credential));
        for literal in literals.into_iter().skip(first) {
            search.literals(literal, kind, false);
        }
    } else if search.shape(at + 1) == Some(Shape::Quoted)
        && word != "in"
        && kind_of(text(layer, tokens, at - 1)).is_none()
    {
        search.literals(at + 1, kind, false);
    } else if CONVERSIONS.contains(&next) && search.shape(at + 3) == Some(Shape::Quoted) {
        search.literals(at + 3, kind, false);
    }
}

/// The name before an assignment: `pw`, `pw: string`, `pw[]`.
fn declared<'l>(layer: &'l Layer, tokens: &[Token], before: usize) -> Option<&'l str> {
    let is_name = |at: usize| tokens[at].shape == Shape::Word;
    if text(layer, tokens, before) == "]" && before >= 2 && text(layer, tokens, before - 1) == "[" {
        return Some(text(layer, tokens, before - 2)).filter(|_| is_name(before - 2));
    }
    let of_type = before.checked_sub(1).and_then(|at| text(layer, tokens, at).strip_suffix(':'));
    of_type.or_else(|| is_name(before).then(|| text(layer, tokens, before)))
}

/// `passwords`, of a list.
fn of_several(name: &str) -> Option<Kind> {
    let one = name.strip_suffix('s').or_else(|| name.strip_suffix("List"))?;
    kind_of(one).filter(|kind| matches!(kind, Kind::Password | Kind::Secret))
}

/// `pw = prompt() || "x"`, `pw ?? "x"`, `pw = a ? "x" : "y"`; a text of several words is a message.
fn alternative(search: &mut Search<'_, '_>, at: usize) {
    let Some(before) = at.checked_sub(1) else { return };
    let is_choice = matches!(search.text(before), "?" | ":");
    let is_or = matches!(search.text(before), "??" | "or" | "?:")
        || search.text(before) == "|" && before > 0 && search.text(before - 1) == "|";
    if !is_or && !is_choice || search.text(at).contains(' ') {
        return;
    }
    let mut seen = !is_choice;
    for back in (at.saturating_sub(MAX_LIST)..before).rev() {
        let word = search.text(back);
        match search.shape(back) {
            Some(Shape::Operator(';' | '\n')) => return,
            Some(Shape::Punctuation) if matches!(word, "," | "{" | "}") => return,
            Some(Shape::Word) if word == "?" => seen = true,
            Some(Shape::Word) => {
                let name = word.trim_end_matches(['=', ':']);
                let is_assigned = name.len() < word.len() || search.text(back + 1) == "=";
                if let Some(kind) = kind_of(name).filter(|_| is_assigned || is_or) {
                    if seen || search.text(before) == "?" {
                        search.literals(at, kind, false);
                    }
                    return;
                }
            }
            _ => {}
        }
    }
}

/// `on getPassword()`, and what it returns.
fn returned(search: &mut Search<'_, '_>, at: usize) {
    if search.shape(at + 1) != Some(Shape::Quoted) {
        return;
    }
    let back = (at.saturating_sub(MAX_LIST / 2)..at).rev();
    let function = back.into_iter().find(|at| FUNCTIONS.contains(&search.text(*at)));
    if let Some(kind) = function.and_then(|function| kind_of(search.text(function + 1))) {
        search.literals(at + 1, kind, false);
    }
}
