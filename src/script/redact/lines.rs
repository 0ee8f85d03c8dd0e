//! Lines of what is no language of scripts: Tcl and consoles (`set NAME x`), netrc and FTP (`user ada x`), SQL
//! (`identified by 'x'`), PlistBuddy (`Add :Password string x`).

use super::mark::Kind;
use super::plain::{is_plain, looks_secret};
use super::search::Search;
use crate::shell::Shape;

/// Words that set the variable whose name follows, whatever it is called; `set` may be the word of a sentence.
const SETTERS: [&str; 3] = ["/set", "setg", "setenv"];
/// Tokens of an entry of a netrc before its password, each on a line or not.
const MAX_ENTRY: usize = 10;
/// Options of fish's `set`.
const SET_OPTIONS: [&str; 4] = ["-gx", "-x", "-Ux", "-xg"];

/// What follows a word that is the name of a secret.
pub(super) fn after_name(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let before = at.checked_sub(1).map_or("", |before| search.text(before));
    let is_line = begins_line(search, at) && is_word(search, at + 1) && ends_line(search, at + 2);
    if search.text(at) == "PASS" && is_line {
        return Some(bare(search, at + 1, kind));
    }
    // `machine h login ada password x`
    let is_netrc = || {
        let before = at.saturating_sub(MAX_ENTRY)..at;
        ["machine", "login"].iter().all(|name| before.clone().any(|at| search.text(at) == *name))
    };
    let is_login = at >= 2 && matches!(search.text(at - 2), "login" | "user" | "username") || is_netrc();
    if is_login && matches!(search.text(at), "password" | "pass" | "passwd") && is_word(search, at + 1) {
        return Some(bare(search, at + 1, kind));
    }
    // `name=DB_PASSWORD,value=x`
    if search.text(at + 1) == "," && search.text(at + 2).starts_with("value=") {
        let separator = search.tokens[at + 2].start + "value".len();
        return Some(search.separated_within(at + 2, separator, kind));
    }
    // `SET PASSWORD FOR 'ada'@'h' = 'x'`
    if search.is_word(at + 1, "for") && before.eq_ignore_ascii_case("set") {
        let equals = (at + 2..at + 8).find(|at| search.text(*at) == "=")?;
        let is_literal = search.shape(equals + 1) == Some(Shape::Quoted);
        return is_literal.then(|| search.literals(equals + 1, kind, false));
    }
    // AppleScript's way to write a name that has a meaning there: `|password|:"x"`.
    if before == "|" && search.text(at + 1) == "|" && search.text(at + 2).starts_with(':') {
        return Some(search.separated(at + 2, kind));
    }
    if search.text(at).starts_with(':') {
        return entry(search, at, before == "Add", kind);
    }
    set(search, at, kind)
}

/// PlistBuddy: `Add :Password string x`, `Set :Password x`.
fn entry(search: &mut Search<'_, '_>, at: usize, has_type: bool, kind: Kind) -> Option<usize> {
    let value = at + if has_type { 2 } else { 1 };
    let begins = at.checked_sub(1).is_some_and(|before| matches!(search.text(before), "Add" | "Set"));
    (begins && is_word(search, value)).then(|| search.rest_of_line(search.tokens[value].start, kind))
}

fn set(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let before = search.text(at.checked_sub(1)?);
    let is_value = is_word(search, at + 1) && !search.is_word(at + 1, "to");
    let is_setter = SETTERS.contains(&before)
        || SET_OPTIONS.contains(&before) && at >= 2 && search.text(at - 2) == "set"
        || before == "set" && search.text(at).starts_with(char::is_uppercase) && ends_line(search, at + 2)
        || before.eq_ignore_ascii_case("set") && looks_secret(search.text(at + 1));
    (is_value && is_setter).then(|| bare(search, at + 1, kind))
}

/// A word that is no name, and what may follow it.
pub(super) fn word(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let is_literal = |search: &Search<'_, '_>, at| search.shape(at) == Some(Shape::Quoted);
    if search.is_word(at, "user") {
        let is_login = begins_line(search, at) && is_word(search, at + 1) && is_word(search, at + 2);
        let is_secret = is_login && ends_line(search, at + 3) && looks_secret(search.text(at + 2));
        return is_secret.then(|| bare(search, at + 2, Kind::Password));
    }
    // lftp: `open -u ada,x h`
    if search.is_word(at, "open") && begins_line(search, at) && search.text(at + 1) == "-u" {
        let is_pair = search.text(at + 3) == "," && search.shape(at + 4) == Some(Shape::Word);
        return is_pair.then(|| bare(search, at + 4, Kind::Password));
    }
    if search.is_word(at, "by") {
        let is_sql = (at.saturating_sub(4)..at).any(|at| search.is_word(at, "identified"));
        return (is_sql && is_literal(search, at + 1)).then(|| search.literals(at + 1, Kind::Password, false));
    }
    if matches!(search.text(at), "data:" | "stringData:") && begins_line(search, at) && search.is_manifest() {
        return Some(entries(search, at));
    }
    if (search.is_word(at, "connect") || search.is_word(at, "conn")) && begins_line(search, at) {
        return oracle(search, at + 1);
    }
    let name = search.text(at).trim_end_matches('=');
    // `ATTACH 'a.db' AS a KEY 'x'`
    let attaches = |search: &Search<'_, '_>| (at.saturating_sub(6)..at).any(|at| search.is_word(at, "attach"));
    if name.eq_ignore_ascii_case("key") && is_literal(search, at + 1) && attaches(search) {
        return Some(search.literals(at + 1, Kind::Key, false));
    }
    if ["key", "rekey", "hexkey"].contains(&name) && at > 0 && search.is_word(at - 1, "pragma") {
        let value = at + if search.text(at + 1) == "=" { 2 } else { 1 };
        return is_literal(search, value).then(|| search.literals(value, Kind::Key, false));
    }
    if name.eq_ignore_ascii_case("ConvertTo-SecureString") {
        let value = at + if search.is_word(at + 1, "-String") { 2 } else { 1 };
        return is_literal(search, value).then(|| search.literals(value, Kind::Password, false));
    }
    None
}

/// The values of YAML lines that are indented below this one.
fn entries(search: &mut Search<'_, '_>, at: usize) -> usize {
    let layer = search.layer;
    let mut start = search.tokens[at].end;
    for line in layer.text[start..].split_inclusive('\n') {
        let is_below = line.trim().is_empty() || line.starts_with([' ', '\t']);
        if !is_below {
            break;
        }
        if let Some((name, value)) = line.split_once(':') {
            let from = start + name.len() + 1 + (value.len() - value.trim_start().len());
            if !is_plain(value) {
                search.emit(from, from + value.trim().len(), Kind::Secret);
            }
        }
        start += line.len();
    }
    search.tokens.partition_point(|token| token.start < start)
}

/// sqlplus: `connect user/password@database`.
fn oracle(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let (user, rest) = search.text(at).split_once('/')?;
    let is_database = rest.contains('@') || search.is_word(at + 1, "as");
    let start = search.tokens[at].start + user.len() + 1;
    (is_word(search, at) && !user.is_empty() && !rest.starts_with('/') && is_database)
        .then(|| search.bare(at, start, Kind::Password))
}

fn bare(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> usize {
    search.bare(at, search.tokens[at].start, kind)
}

fn is_word(search: &Search<'_, '_>, at: usize) -> bool {
    search.shape(at) == Some(Shape::Word) && !search.tokens[at].is_joined
}

fn begins_line(search: &Search<'_, '_>, at: usize) -> bool {
    at == 0 || matches!(search.shape(at - 1), Some(Shape::Operator(_)))
}

fn ends_line(search: &Search<'_, '_>, at: usize) -> bool {
    matches!(search.shape(at), None | Some(Shape::Operator(_)))
}
