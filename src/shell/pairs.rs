//! Lists of variables and of their values: `set {u, pw} to {"ada", "x"}`, `user, password = "ada", "x"`.

use super::layer::{Layer, Shape, Token};

/// Tokens of a list, and before a value, that are looked at.
pub(crate) const MAX_LIST: usize = 24;

pub(crate) fn text<'l>(layer: &'l Layer, tokens: &[Token], at: usize) -> &'l str {
    tokens.get(at).map_or("", |token| token.text(layer))
}

pub(crate) fn opens(text: &str) -> bool {
    matches!(text, "{" | "[" | "(")
}

fn closes(text: &str) -> bool {
    matches!(text, "}" | "]" | ")")
}

/// Each name of the list before this `to` or `=`, with the literal that stands in its place behind it.
pub(crate) fn pairs<'l>(layer: &'l Layer, tokens: &[Token], at: usize) -> Vec<(&'l str, usize)> {
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
pub(crate) fn values(layer: &Layer, tokens: &[Token], first: usize) -> Vec<Option<usize>> {
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
