//! What a script types for the user: keys, hidden answers, and what expect(1) sends.

use super::layer::Shape;
use super::mark::Kind;
use super::plain::{is_plain, looks_secret};
use super::search::Search;

/// What expect(1) sends that is no password.
const ANSWERS: [&str; 14] = [
    "yes", "no", "exit", "quit", "logout", "bye", "enable", "whoami", "root", "admin", "help", "done", "true", "shell",
];

/// What a script types for the user, or fills in hidden.
pub(super) fn typed(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let value = at + if search.shape(at + 1) == Some(Shape::Operator('(')) { 2 } else { 1 };
    if search.is_word(at, "keystroke") || search.text(at).ends_with(".keystroke") {
        let is_secret = search.shape(value) == Some(Shape::Quoted) && looks_secret(search.text(value));
        return is_secret.then(|| search.literals(value, Kind::Typed, false));
    }
    if search.is_word(at, "answer") && at > 0 && search.is_word(at - 1, "default") {
        let hides = (at..search.tokens.len().min(at + 32)).any(|at| search.is_word(at, "hidden"));
        let is_secret = hides && search.shape(at + 1) == Some(Shape::Quoted);
        return is_secret.then(|| search.literals(at + 1, Kind::Password, false));
    }
    if search.is_word(at, "send") || search.is_word(at, "exp_send") { sent(search, at) } else { None }
}

/// expect(1): what is sent after a prompt for a password, and a word that is sent without a prompt.
fn sent(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let value = at + if matches!(search.text(at + 1), "--" | "-s" | "-h") { 2 } else { 1 };
    let answers = |prompt: &str| ["assword", "assphrase", "asscode"].iter().any(|name| prompt.contains(name));
    let before = at.saturating_sub(6)..at;
    let is_answer = before.clone().any(|at| answers(&search.text(at).to_lowercase()));
    let text = search.text(value);
    let line = text.trim_end_matches(['\r', '\n']);
    let word = ["\\r", "\\n"].iter().fold(line, |word, end| word.strip_suffix(end).unwrap_or(word));
    if is_plain(word) || word.is_empty() {
        return None;
    }
    let is_prompted = || before.clone().any(|at| search.is_word(at, "expect"));
    let is_word = word.len() < text.len() && word.len() >= 4 && !word.contains(char::is_whitespace);
    let is_secret =
        is_answer || is_word && !ANSWERS.contains(&word) && (looks_secret(word) || !is_prompted() && search.spawns());
    match search.shape(value)? {
        Shape::Quoted if is_secret => Some(search.literals(value, Kind::Password, false)),
        Shape::Word if is_answer => Some(search.bare(value, search.tokens[value].start, Kind::Password)),
        _ => None,
    }
}
