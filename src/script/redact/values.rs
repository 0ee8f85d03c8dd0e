//! Secrets that follow a name: `password "x"`, `set pw to "x"`, `"password": "x"`, `DB_PASSWORD=x`,
//! `Authorization: Bearer x`. Of AppleScript, JavaScript, JSON and shells alike.

use super::mark::{Kind, Span};
use super::names::kind_of;
use super::plain::is_plain;
use super::search::{Search, scheme_of};
use super::{calls, lines, lists, typed};
use crate::shell::{Layer, OPENING, Shape, Token};

/// Finds the secrets of a layer that are outside its quotes or fill one of them.
pub(super) fn find(layer: &Layer, tokens: &[Token], out: &mut Vec<Span>) {
    let mut search = Search::new(layer, tokens, out);
    header(&mut search);
    let mut at = 0;
    while at < tokens.len() {
        // The search continues where a value ends: each token is looked at once.
        at = next(&mut search, at).max(at + 1);
    }
    (1..tokens.len()).for_each(|at| lists::assigned(&mut search, at));
}

/// A whole text that is a header: `X-Api-Key: x y`.
fn header(search: &mut Search<'_, '_>) {
    let text = search.layer.text.as_str();
    let line = text.lines().next().unwrap_or_default();
    let Some((name, value)) = line.split_once(": ") else { return };
    let is_name = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    let Some(kind) = kind_of(name.trim_start_matches("Set-")).filter(|_| is_name) else { return };
    let start = line.len() - value.trim_start().len();
    let start = start + scheme_of(&line[start..]).map_or(0, |(bytes, _)| bytes);
    if !is_plain(&line[start..]) && !line[start..].starts_with(['"', '\'', '\u{201C}']) {
        search.emit(start, line.trim_end().len(), kind);
    }
}

/// Looks at one token; returns where to continue.
fn next(search: &mut Search<'_, '_>, at: usize) -> usize {
    match search.shape(at) {
        Some(Shape::Word) => word(search, at),
        Some(Shape::Quoted) => match kind_of(search.text(at)) {
            Some(kind) if search.text(at + 1).starts_with([':', '=']) => search.separated(at + 1, kind),
            Some(kind) => calls::named(search, at, kind).unwrap_or_else(|| element(search, at + 1, kind)),
            None => calls::secret_data(search, at).unwrap_or(at + 1),
        },
        _ => at + 1,
    }
}

/// What is assigned to an element of that name, from its closing bracket on: `ENV["TOKEN"] = "x"`.
fn element(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> usize {
    let is_assigned = |text: &str| text.starts_with('=') && !text.starts_with("==");
    match search.text(at).strip_prefix(']') {
        Some(rest) if is_assigned(rest) => search.separated_within(at, search.tokens[at].start + 1, kind),
        Some("") if is_assigned(search.text(at + 1)) => search.separated(at + 1, kind),
        _ => at,
    }
}

fn word(search: &mut Search<'_, '_>, at: usize) -> usize {
    let token = search.tokens[at];
    let word = search.text(at);
    if word.starts_with(OPENING) {
        return at + 1;
    }
    let mut from = 0;
    while let Some(offset) = word[from..].find(['=', ':']) {
        let separator = from + offset;
        let name_start = word[..separator].rfind(|c: char| !c.is_alphanumeric() && !"_.-$".contains(c));
        let name_start =
            name_start.map_or(0, |before| before + word[before..].chars().next().map_or(1, char::len_utf8));
        let name_start = name_start.max(from);
        if let Some(kind) = kind_of(&word[name_start..separator]) {
            if word[..name_start].ends_with("${") && word[separator..].starts_with(":-") {
                return default(search, at, token.start + separator + ":-".len(), kind);
            }
            return search.separated_within(at, token.start + separator, kind);
        }
        from = separator + 1;
    }
    if let Some(kind) = kind_of(word) {
        return after_name(search, at, kind);
    }
    typed::typed(search, at).or_else(|| calls::call(search, at)).or_else(|| lines::word(search, at)).unwrap_or(at + 1)
}

/// What `${PASSWORD:-x}` is without the variable.
fn default(search: &mut Search<'_, '_>, at: usize, start: usize, kind: Kind) -> usize {
    let rest = &search.layer.text[start..search.tokens[at].end];
    let end = start + rest.find('}').unwrap_or(rest.len());
    if !is_plain(&search.layer.text[start..end]) {
        search.emit(start, end, kind);
    }
    at + 1
}

/// A name that is a word of its own.
fn after_name(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> usize {
    let next = search.text(at + 1);
    if search.shape(at + 1) == Some(Shape::Word) && next.starts_with([':', '=']) {
        return search.separated(at + 1, kind);
    }
    let is_name = !search.text(at).starts_with('-');
    if is_name
        && search.is_word(at + 1, "to")
        && let Some(end) = search.expression(at + 2, kind, false)
    {
        return end;
    }
    if is_name && search.is_word(at + 1, "is") && search.shape(at + 2) == Some(Shape::Quoted) {
        let is_sentence = search.text(at + 2).contains(' ');
        return if is_sentence { at + 3 } else { search.literals(at + 2, kind, false) };
    }
    if is_name && at >= 2 && search.is_word(at - 1, "to") && search.shape(at - 2) == Some(Shape::Quoted) {
        search.literals(at - 2, kind, false);
        return at + 1;
    }
    if let Some(end) = calls::call(search, at).or_else(|| lines::after_name(search, at, kind)) {
        return end;
    }
    if is_name && search.shape(at + 1) == Some(Shape::Quoted) && !search.tokens[at + 1].is_joined {
        let allows_paths = !search.is_script();
        return search.literals(at + 1, kind, allows_paths);
    }
    if is_name && search.is_word(at + 1, "of") && is_set(search, at) {
        let to = (at + 2..at + 2 + MAX_OWNER).find(|at| search.is_word(*at, "to"));
        return to.and_then(|to| search.expression(to + 1, kind, false)).unwrap_or(at + 1);
    }
    if is_name && search.is_script() {
        return of_script(search, at, kind);
    }
    at + 1
}

/// `set password`, `set the password`
fn is_set(search: &Search<'_, '_>, at: usize) -> bool {
    let has_article = at > 0 && ["the", "my", "its"].iter().any(|article| search.is_word(at - 1, article));
    let before = at.checked_sub(if has_article { 2 } else { 1 });
    before.is_some_and(|before| search.is_word(before, "set"))
}

/// Tokens between `set password` and `to`.
const MAX_OWNER: usize = 8;

/// What else a script that runs commands has after a name: `password ("x")`, `password p`.
fn of_script(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> usize {
    let end = search.expression(at + 1, kind, false).unwrap_or(at + 1);
    if let Some(token) = search.tokens.get(at + 1).filter(|token| token.shape == Shape::Word) {
        let (layer, token) = (search.layer, *token);
        search.variable(token.text(layer), kind);
    }
    end
}
