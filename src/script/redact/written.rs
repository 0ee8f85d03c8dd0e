//! What commands write that another one reads as a secret: `echo x | sudo -S`, `--password-command 'echo x'`,
//! `--password-file <(echo x)`.

use super::plain::is_plain;
use crate::shell::{Shape, Token, lex};

/// The words that `echo`, `printf`, `yes` or a here-string writes, of variables too, and where in each the text begins.
pub(super) fn words(words: &[&str]) -> Vec<(usize, usize)> {
    if let Some((at, start)) = words.iter().enumerate().find_map(|(at, word)| Some((at, here_string(word)?))) {
        let place = if start < words[at].len() { (at, start) } else { (at + 1, 0) };
        return words
            .get(place.0)
            .filter(|word| !is_plain(&word[place.1..]) || word[place.1..].starts_with('$'))
            .map(|_| place)
            .into_iter()
            .collect();
    }
    // What runs it may come first: `sh -c echo x`.
    let writes = |word: &&str| matches!(base_name(word), "echo" | "printf" | "yes" | "print");
    let Some(first) = words.iter().position(writes) else { return Vec::new() };
    let is_option = |word: &str| {
        matches!(word, "-n" | "-e" | "-E" | "-ne" | "-en" | "--") || words[first] == "print" && word.starts_with('-')
    };
    let end = words.iter().position(|word| word.starts_with(['>', '<'])).unwrap_or(words.len()).max(first + 1);
    let mut rest: Vec<usize> = (first + 1..end).skip_while(|at| is_option(words[*at])).collect();
    if base_name(words[first]) == "printf" && rest.first().is_some_and(|at| words[*at].contains('%')) {
        rest.remove(0);
    }
    rest.into_iter().filter(|at| !is_plain(words[*at]) || words[*at].starts_with('$')).map(|at| (at, 0)).collect()
}

/// Languages of which a line prints what another command reads: `python -c 'print("x")' | sudo -S id`.
const LANGUAGES: [&str; 11] =
    ["python", "perl", "ruby", "node", "php", "osascript", "awk", "gawk", "lua", "deno", "bun"];

/// Where the words begin that may be the code of a language.
pub(super) fn code(words: &[&str]) -> Option<usize> {
    let is_language = |word: &&str| {
        let name = base_name(word);
        LANGUAGES.contains(&name.trim_end_matches(|letter: char| letter.is_ascii_digit() || letter == '.'))
    };
    words.iter().position(is_language).map(|at| at + 1)
}

/// The literals of a line of code: in quotes, or perl's and ruby's `q(x)`.
pub(super) fn literals(code: &str) -> Vec<(usize, usize)> {
    let tokens = lex(code);
    let text = |token: &Token| &code[token.start..token.end];
    let is_open = |at: usize| {
        let [name, bracket] = &tokens[at - 2..at] else { return false };
        matches!(text(bracket), "(" | "{" | "[") && matches!(text(name), "q" | "qq" | "%q" | "%Q")
    };
    let is_literal = |at: &usize| tokens[*at].shape == Shape::Quoted || *at >= 2 && is_open(*at);
    let found = (0..tokens.len()).filter(is_literal).map(|at| &tokens[at]);
    found.filter(|token| !is_plain(text(token))).map(|token| (token.start, token.end)).collect()
}

/// The file that a command writes to or reads, as `operator` says.
pub(super) fn target<'w>(words: &[&'w str], operator: &str) -> Option<&'w str> {
    words.iter().enumerate().find_map(|(at, word)| {
        let path = word.strip_prefix(operator)?.trim_start_matches('>');
        let path = if path.is_empty() { words.get(at + 1).copied()? } else { path };
        (!path.starts_with(['<', '&'])).then_some(path)
    })
}

/// Where in a command that prints a secret the secret begins: `echo x`.
pub(super) fn by_command(command: &str) -> Option<usize> {
    let (name, rest) = command.trim_start().split_once(' ')?;
    if !matches!(base_name(name), "echo" | "printf") {
        return None;
    }
    let rest = ["-n ", "-e ", "-ne "].iter().fold(rest.trim_start(), |rest, option| rest.trim_start_matches(option));
    (!is_plain(rest.trim_matches(['"', '\'']))).then_some(command.len() - rest.len())
}

/// Where the text begins that `<<<` gives to a command: to its standard input, or to the descriptor before it.
pub(super) fn here_string(word: &str) -> Option<usize> {
    let descriptor = word.bytes().take_while(u8::is_ascii_digit).count();
    word[descriptor..].starts_with("<<<").then_some(descriptor + 3)
}

/// The last part of a path.
pub(super) fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
}
