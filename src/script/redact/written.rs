//! What commands write that another one reads as a secret: `echo x | sudo -S`, `--password-command 'echo x'`,
//! `--password-file <(echo x)`.

use super::plain::is_plain;

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
    let writes = |word: &&str| matches!(base_name(word), "echo" | "printf" | "yes");
    let Some(first) = words.iter().position(writes) else { return Vec::new() };
    let is_option = |word: &str| matches!(word, "-n" | "-e" | "-E" | "-ne" | "-en" | "--");
    let mut rest: Vec<usize> = (first + 1..words.len()).skip_while(|at| is_option(words[*at])).collect();
    if base_name(words[first]) == "printf" && rest.first().is_some_and(|at| words[*at].contains('%')) {
        rest.remove(0);
    }
    rest.into_iter().filter(|at| !is_plain(words[*at]) || words[*at].starts_with('$')).map(|at| (at, 0)).collect()
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
