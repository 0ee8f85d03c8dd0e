//! What of a value is secret, as the grammar of a command says it: where it begins, and its kind.

use super::command::Take;
use super::mark::Kind;
use super::names::kind_of;
use super::plain::{is_plain, looks_secret, separator};
use super::written;

/// Where the secret of a value begins, if it has one.
pub(super) fn secret_of(value: &str, take: Take, kind: Kind) -> Option<(usize, Kind)> {
    let start = match take {
        Take::Whole => 0,
        Take::Likely => looks_secret(value).then_some(0)?,
        Take::After(letter) => after(value, letter)?,
        Take::UserInfo => user_info(value)?,
        Take::Header => return header(value),
        Take::Cookie => value.contains('=').then_some(0)?,
        Take::Assignment => return assignment(value),
        Take::Setting => setting(value)?,
        Take::Unless(known) => (!known.contains(&value)).then_some(0)?,
        Take::Plain => return None,
        Take::Output => written::by_command(value)?,
    };
    Some((start, kind))
}

fn after(value: &str, letter: char) -> Option<usize> {
    // The numbers of users and groups are not secrets.
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let at = separator(value, letter).filter(|_| !is_plain(value))?;
    let rest = at + letter.len_utf8();
    (!(is_number(&value[..at]) && is_number(&value[rest..]))).then_some(rest)
}

fn setting(value: &str) -> Option<usize> {
    let (name, _) = value.split_once(':')?;
    matches!(name, "key" | "hexkey" | "pass" | "hexpass" | "secret" | "hexsecret").then_some(name.len() + 1)
}

/// Where the password of `user:password@host` begins.
pub(super) fn user_info(value: &str) -> Option<usize> {
    let from = value.find("://").map_or(0, |scheme| scheme + 3);
    let (user, _) = value[from..].rsplit_once('@').and_then(|(info, _)| info.split_once(':'))?;
    Some(from + user.len() + 1)
}

fn assignment(value: &str) -> Option<(usize, Kind)> {
    let (name, rest) = value.split_once('=')?;
    let before = value.len() - rest.len();
    // `user=x&password=y` has its ends within.
    let is_form = rest.split('&').skip(1).any(|part| part.contains('='));
    if let Some(kind) = kind_of(name.rsplit('.').next().unwrap_or(name)).filter(|_| !is_form) {
        return Some((before, kind));
    }
    let (start, kind) = header(rest).filter(|_| name.contains("eader"))?;
    Some((before + start, kind))
}

/// `Name: value`; of an authorization its scheme stays.
fn header(header: &str) -> Option<(usize, Kind)> {
    let (name, value) = header.split_once(':')?;
    let kind = kind_of(name.trim().trim_start_matches("Set-"))?;
    let spaces = value.len() - value.trim_start().len();
    let mut from = name.len() + 1 + spaces;
    if kind == Kind::Credential
        && let Some((scheme, rest)) = value.trim_start().split_once(' ')
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    {
        from += scheme.len() + 1 + (rest.len() - rest.trim_start().len());
    }
    Some((from, kind))
}
