//! Secrets that are assigned otherwise than by a name and a literal: in lists (`set {u, pw} to {"ada", "x"}`), where
//! nothing else is given (`pw = prompt() || "x"`), through a type or a conversion, and by a function that returns one.

use super::layer::{Layer, Shape, Token};
use super::mark::Kind;
use super::names::kind_of;
use super::search::Search;

/// Tokens of a list, and before a value, that are looked at.
const MAX_LIST: usize = 24;
/// What makes a text of a literal, or the text that a literal encodes.
const CONVERSIONS: [&str; 10] =
    ["String", "str", "text", "bytes", "bytearray", "Buffer.from", "atob", "b64decode", "base64.b64decode", "unescape"];
/// What begins a function that has a name.
const FUNCTIONS: [&str; 7] = ["on", "to", "function", "def", "func", "fn", "sub"];

fn text<'l>(layer: &'l Layer, tokens: &[Token], at: usize) -> &'l str {
    tokens.get(at).map_or("", |token| token.text(layer))
}

fn opens(text: &str) -> bool {
    matches!(text, "{" | "[" | "(")
}

fn closes(text: &str) -> bool {
    matches!(text, "}" | "]" | ")")
}

/// Each name of the list before this `to` or `=`, with the literal that stands in its place behind it.
pub(super) fn pairs<'l>(layer: &'l Layer, tokens: &[Token], at: usize) -> Vec<(&'l str, usize)> {
    if !matches!(text(layer, tokens, at), "to" | "=" | ":=") || at < 3 {
        return Vec::new();
    }
    let is_bracketed = closes(text(layer, tokens, at - 1));
    if !is_bracketed && text(layer, tokens, at - 2) != "," {
        return Vec::new();
    }
    let mut names = vec![""];
    let mut back = at - 1 - usize::from(is_bracketed);
    while back + MAX_LIST > at {
        let name = text(layer, tokens, back);
        match tokens[back].shape {
            Shape::Punctuation if name == "," => names.push(""),
            Shape::Word if is_bracketed || names.last() == Some(&"") => {
                names.last_mut().into_iter().for_each(|last| *last = name);
            }
            _ => break,
        }
        let Some(before) = back.checked_sub(1) else { break };
        back = before;
    }
    names.reverse();
    let values = values(layer, tokens, at + 1);
    names.into_iter().enumerate().filter_map(|(place, name)| Some((name, (*values.get(place)?)?))).collect()
}

/// The literals of a list, in the places they have in it.
fn values(layer: &Layer, tokens: &[Token], first: usize) -> Vec<Option<usize>> {
    let first = first + usize::from(!opens(text(layer, tokens, first)) && text(layer, tokens, first + 1) == "(");
    let is_bracketed = opens(text(layer, tokens, first));
    let mut values = vec![None];
    for at in first + usize::from(is_bracketed)..first + MAX_LIST {
        let Some(token) = tokens.get(at) else { break };
        match token.shape {
            Shape::Quoted => values.last_mut().into_iter().for_each(|value| *value = value.or(Some(at))),
            Shape::Punctuation if token.text(layer) == "," => values.push(None),
            Shape::Word if !is_bracketed || !closes(token.text(layer)) => {}
            _ => break,
        }
    }
    values
}

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
