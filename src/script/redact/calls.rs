//! Secrets that functions and objects are given, in whatever language: `db.auth("ada", "x")`, `setPassword("x")`,
//! `setRequestHeader("X-Api-Key", "x")`, `setValue:"x" forHTTPHeaderField:"X-Api-Key"`.

use super::mark::Kind;
use super::names::kind_of;
use super::search::{Search, scheme_of};
use crate::shell::Shape;

/// Functions, and which of their arguments is a password, counted from none.
const FUNCTIONS: [(&str, usize); 16] = [
    ("auth", 1),
    ("login", 1),
    ("authenticate", 1),
    ("basicauth", 1),
    ("httpbasicauth", 1),
    ("ftp_login", 2),
    ("mysql_connect", 2),
    ("mysqli_connect", 2),
    ("mysqli", 2),
    ("pdo", 2),
    ("smtp_login", 2),
    ("ftp", 2),
    ("getconnection", 2),
    ("simple_bind_s", 1),
    ("createhmac", 1),
    ("fernet", 0),
];
/// The same of methods that others have too.
const METHODS: [(&str, usize); 7] = [
    ("ftp.open", 2),
    ("jwt.sign", 1),
    ("jwt.encode", 1),
    ("aes.encrypt", 1),
    ("aes.decrypt", 1),
    ("hmac.new", 0),
    ("pymysql.connect", 2),
];
/// Methods of a field that fill it.
const FILLS: [&str; 9] =
    [".val", ".fill", ".type", ".typeText", ".send_keys", ".sendKeys", ".setValue", ".set_value", ".setAttribute"];
/// Tokens of the arguments that are looked through.
const MAX_ARGUMENTS: usize = 16;
/// Tokens between the name of a field and what it is set to.
const MAX_BETWEEN: usize = 12;

/// The password among the arguments of the function that this word names.
pub(super) fn call(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    if search.shape(at + 1) != Some(Shape::Operator('(')) {
        return None;
    }
    let name = search.text(at).trim_end_matches('=');
    let whole = name.get(name.floor_char_boundary(name.len().saturating_sub(64))..)?.to_ascii_lowercase();
    let name = name.rsplit(|letter: char| !letter.is_alphanumeric() && letter != '_').next().unwrap_or(name);
    let lower = name.get(..64.min(name.len()))?.to_ascii_lowercase();
    let known = FUNCTIONS.iter().find(|(function, _)| *function == lower).map(|(_, index)| *index);
    let known = known.or_else(|| METHODS.iter().find(|(end, _)| whole.ends_with(end)).map(|(_, index)| *index));
    if lower == "connect" && known.is_none() {
        return connected(search, at + 2);
    }
    let of_name = || match kind_of(name) {
        // `credentialWithUser:password:`, as JavaScript writes it.
        Some(_) if lower.contains("userpassword") => Some(1),
        // `SET PASSWORD = PASSWORD('x')`
        Some(_) if lower.starts_with("set") || name == "PASSWORD" => Some(0),
        _ => None,
    };
    let value = argument(search, at + 2, known.or_else(of_name)?)?;
    Some(search.literals(value, Kind::Password, false))
}

/// `connect(host, "ada", "x")`, with a port or without.
fn connected(search: &mut Search<'_, '_>, first: usize) -> Option<usize> {
    let both = |index: usize| argument(search, first, index).and(argument(search, first, index + 1));
    let value = both(1).or_else(|| both(2))?;
    Some(search.literals(value, Kind::Password, false))
}

/// The literal that is this one of the arguments.
fn argument(search: &Search<'_, '_>, first: usize, index: usize) -> Option<usize> {
    let mut commas = 0;
    for at in first..first + MAX_ARGUMENTS {
        match search.shape(at)? {
            Shape::Operator(')' | '\n' | ';') => return None,
            Shape::Punctuation if search.text(at) == "," => commas += 1,
            Shape::Quoted if commas == index => return Some(at),
            _ => {}
        }
    }
    None
}

/// What belongs to a text that is the name of a secret.
pub(super) fn named(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    header_before(search, at, kind)
        .or_else(|| item(search, at, kind))
        .or_else(|| beside(search, at, kind))
        .or_else(|| field(search, at, kind))
}

/// The values of a Kubernetes secret: `"stringData": {"license": "x"}`, and its `data` in base64.
pub(super) fn secret_data(search: &mut Search<'_, '_>, at: usize) -> Option<usize> {
    let is_data = match search.text(at) {
        "stringData" => true,
        "data" => search.is_manifest(),
        _ => false,
    };
    if !is_data || search.text(at + 2) != "{" {
        return None;
    }
    let mut next = at + 3;
    while search.shape(next).is_some() && search.text(next) != "}" {
        let is_value = search.shape(next) == Some(Shape::Quoted) && search.text(next - 1).starts_with(':');
        next = if is_value { search.literals(next, Kind::Secret, false) } else { next + 1 };
    }
    Some(next)
}

/// The value comes first: `setValue:"x" forHTTPHeaderField:"X-Api-Key"`.
fn header_before(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let value = at.checked_sub(2).filter(|value| search.shape(*value) == Some(Shape::Quoted))?;
    let is_message = search.text(at - 1).starts_with("forHTTPHeaderField");
    let is_call = || search.text(at - 1) == "," && at >= 4 && search.text(at - 4).contains("HeaderField");
    if !is_message && !is_call() {
        return None;
    }
    search.literals(value, kind, false);
    Some(at + 1)
}

/// `headers.set("X-Api-Key", "x")`; a text of several words is a sentence.
fn item(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let is_first = at > 0 && search.shape(at - 1) == Some(Shape::Operator('('));
    let is_second = search.text(at + 1) == "," && search.shape(at + 2) == Some(Shape::Quoted);
    let value = if is_first && is_second { search.text(at + 2) } else { return None };
    let is_sentence = value.contains(' ') && scheme_of(value).is_none();
    (!is_sentence).then(|| search.literals(at + 2, kind, false))
}

/// `"name": "DB_PASSWORD", "value": "x"`, `<add key="Password" value="x"/>`
fn beside(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let attribute = at.checked_sub(1).map_or("", |before| search.text(before));
    if matches!(attribute, "name=" | "key=" | "type=") {
        let tag = (at + 1..at + MAX_BETWEEN).take_while(|at| !matches!(search.text(*at), ">" | "<" | ""));
        let value = tag.into_iter().find(|at| search.text(*at).eq_ignore_ascii_case("value="));
        return value.map(|value| search.separated_within(value, search.tokens[value].start + "value".len(), kind));
    }
    let is_value = search.text(at + 1) == "," && search.text(at + 2).eq_ignore_ascii_case("value");
    (is_value && search.text(at + 3).starts_with([':', '='])).then(|| search.separated(at + 3, kind))
}

/// `getElementById("password").value = "x"`, `set value of text field "Password" of window 1 to "x"`.
fn field(search: &mut Search<'_, '_>, at: usize, kind: Kind) -> Option<usize> {
    let is_set = (at.saturating_sub(6)..at).any(|at| search.is_word(at, "set"));
    for next in at + 1..at + MAX_BETWEEN {
        match search.shape(next)? {
            Shape::Operator(')') => {}
            Shape::Operator(_) => return None,
            Shape::Word if search.text(next).starts_with(".value") => {
                return match search.text(next).strip_prefix(".value")? {
                    "" if search.text(next + 1) == "=" => Some(search.separated(next + 1, kind)),
                    "=" => Some(search.separated_within(next, search.tokens[next].start + 6, kind)),
                    _ => None,
                };
            }
            Shape::Word if FILLS.contains(&search.text(next)) => {
                let is_attribute = search.text(next) == ".setAttribute";
                let value = argument(search, next + 2, usize::from(is_attribute))?;
                return Some(search.literals(value, kind, false));
            }
            _ if is_set && search.is_word(next, "to") && search.shape(next + 1) == Some(Shape::Quoted) => {
                return Some(search.literals(next + 1, kind, false));
            }
            _ => {}
        }
    }
    None
}
