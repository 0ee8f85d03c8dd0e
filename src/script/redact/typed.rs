//! What a script types for the user: keys, hidden answers, and what expect(1) sends.

use super::mark::Kind;
use super::plain::{is_plain, looks_secret};
use super::search::Search;
use crate::shell::Shape;

/// What expect(1) sends that is no password.
const ANSWERS: [&str; 14] = [
    "yes", "no", "exit", "quit", "logout", "bye", "enable", "whoami", "root", "admin", "help", "done", "true", "shell",
];

/// Tokens between the two parts of what is asked with a hidden answer, and of what a field is set to.
const MAX_BETWEEN: usize = 32;

/// What a script types for the user, or fills in hidden.
pub(super) fn typed(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let value = at + if search.shape(at + 1) == Some(Shape::Operator('(')) { 2 } else { 1 };
    let word = search.text(at);
    if search.is_word(at, "keystroke") || word.ends_with(".keystroke") {
        return keystroke(search, at, value);
    }
    if search.is_word(at, "answer") && at > 0 && search.is_word(at - 1, "default") || word == "defaultAnswer:" {
        let mut near = at.saturating_sub(MAX_BETWEEN)..search.tokens.len().min(at + MAX_BETWEEN);
        let hides = near.any(|at| search.is_word(at, "hidden") || search.is_word(at, "hiddenAnswer:"));
        let is_secret = hides && search.shape(at + 1) == Some(Shape::Quoted);
        return is_secret.then(|| search.literals(at + 1, Kind::Password, false));
    }
    if search.is_word(at, "value") || word.ends_with(".value") {
        return field(search, at);
    }
    let is_sent = search.is_word(at, "send") || search.is_word(at, "exp_send");
    if is_sent || word.ends_with(".send") || word.ends_with(".sendline") { sent(search, at) } else { None }
}

/// A word that looks like a password, also of a variable, and what follows a tab and is sent with a return.
fn keystroke(search: &mut Search<'_, '_>, at: usize, value: usize) -> Option<usize> {
    let is_quoted = search.shape(value) == Some(Shape::Quoted);
    let name = search.text(value).to_owned();
    let literal = if is_quoted { value } else { search.literal_of(&name)? };
    let text = search.text(literal);
    let follows_tab = || (at.saturating_sub(4)..at).any(|at| matches!(search.text(at), "tab" | "48"));
    let is_sent = || (value + 1..value + 6).any(|at| matches!(search.text(at), "return" | "enter" | "36"));
    let is_word = text.len() >= 6 && !text.contains(char::is_whitespace) && !is_plain(text);
    let is_secret = looks_secret(text) || is_word && is_quoted && follows_tab() && is_sent();
    let end = is_secret.then(|| search.literals(literal, Kind::Typed, false))?;
    if is_quoted {
        return Some(end);
    }
    search.forget(&name);
    Some(at + 1)
}

/// `set value of text field 2 to "x"`, in a script that looks for fields of passwords.
fn field(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    if !search.has_secure_field() {
        return None;
    }
    let is_set = (at.saturating_sub(2)..at).any(|at| search.is_word(at, "set"));
    let value = if is_set {
        (at + 1..at + MAX_BETWEEN)
            .take_while(|at| search.shape(*at) != Some(Shape::Operator('\n')))
            .find(|at| search.is_word(*at, "to") && matches!(search.shape(at + 1), Some(Shape::Quoted | Shape::Word)))?
            + 1
    } else {
        (search.text(at + 1) == "=").then_some(at + 2)?
    };
    if search.shape(value) == Some(Shape::Quoted) {
        return Some(search.literals(value, Kind::Typed, false));
    }
    let name = search.text(value).to_owned();
    let literal = search.literal_of(&name)?;
    search.literals(literal, Kind::Typed, false);
    search.forget(&name);
    Some(value + 1)
}

/// expect(1): what is sent after a prompt for a password, and a word that is sent without a prompt.
fn sent(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let value = at
        + match search.text(at + 1) {
            "--" | "-s" | "-h" | "(" => 2,
            "-i" => 3,
            _ => 1,
        };
    let answers = |prompt: &str| ["assword", "assphrase", "asscode"].iter().any(|name| prompt.contains(name));
    let before = at.saturating_sub(8)..at;
    let is_answer = before.clone().any(|at| answers(&search.text(at).to_lowercase()));
    if search.text(value) == "{" {
        return if is_answer { braced(search, value) } else { None };
    }
    let text = search.text(value);
    let line = text.trim_end_matches(['\r', '\n']);
    let word = ["\\r", "\\n"].iter().fold(line, |word, end| word.strip_suffix(end).unwrap_or(word));
    if let Some(name) = word.strip_prefix('$').filter(|_| is_answer) {
        let name = name.to_owned();
        let set = search.set_to(&name)?;
        match search.shape(set)? {
            Shape::Quoted => search.literals(set, Kind::Password, false),
            _ => search.bare(set, search.tokens[set].start, Kind::Password),
        };
        return Some(value + 1);
    }
    if is_plain(word) || word.is_empty() {
        return None;
    }
    let is_prompted = || before.clone().any(|at| search.is_word(at, "expect"));
    let is_line = word.len() < text.len() || search.text(at).ends_with(".sendline");
    let is_word = is_line && word.len() >= 4 && !word.contains(char::is_whitespace);
    let is_secret =
        is_answer || is_word && !ANSWERS.contains(&word) && (looks_secret(word) || !is_prompted() && search.spawns());
    match search.shape(value)? {
        Shape::Quoted if is_secret => Some(search.literals(value, Kind::Password, false)),
        Shape::Word if is_answer => Some(search.bare(value, search.tokens[value].start, Kind::Password)),
        _ => None,
    }
}

/// `send {x}`
fn braced(search: &mut Search<'_, '_>, open: usize) -> Option<usize> {
    let first = (open..open + 3).find(|at| search.text(*at) != "{")?;
    let last =
        (first..first + MAX_BETWEEN).take_while(|at| search.shape(*at).is_some() && search.text(*at) != "}").last()?;
    search.emit(search.tokens[first].start, search.tokens[last].end, Kind::Password);
    Some(last + 1)
}
