//! Secrets in the words of commands, by the grammar of each command. Each word is looked at once.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::command::{ALWAYS, Command, Form, PASSWORD, Place, Placed, Take};
use super::commands;
use super::mark::Kind;
use super::names::{is_switch, kind_of, prints_secret};
use super::plain::{is_path, is_plain, looks_secret};
use super::taken;
use super::written::base_name;

static BY_NAME: LazyLock<HashMap<&str, &Command>> = LazyLock::new(|| {
    let names = commands::all().flat_map(|command| command.names.iter().map(move |name| (*name, command)));
    names.collect()
});

/// A secret within a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) word: usize,
    pub(super) start: usize,
    pub(super) kind: Kind,
}

/// The secrets of a command's words, each to the end of its word, and the variables that stand for one; and whether it reads one from standard input.
pub(super) fn find(words: &[&str]) -> (Vec<Found>, bool) {
    let mut reading =
        Reading { words, found: Vec::new(), command: None, place: None, before: Vec::new(), reads: false };
    let mut at = 0;
    while at < words.len() {
        at += reading.word(at);
    }
    (reading.found, reading.reads)
}

/// `--password-stdin`, `-stdinpass`, `--passwd-on-stdin`: of whatever command.
fn is_from_input(option: &str) -> bool {
    let option = option.get(..32.min(option.len())).unwrap_or_default().to_ascii_lowercase();
    option.contains("stdin") && ["pass", "token", "secret", "key"].iter().any(|name| option.contains(name))
}

/// Options before the name of a user.
const USER: [&str; 8] = ["-u", "-U", "--user", "--username", "-user", "-username", "--login", "-login"];

fn is_user(word: &str) -> bool {
    !word.starts_with('-') && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// Words that can precede `after` in a condition of the grammar.
const MAX_BEFORE: usize = 16;

struct Reading<'w> {
    words: &'w [&'w str],
    found: Vec<Found>,
    command: Option<&'static Command>,
    /// The place whose word has come: how many more words are skipped, and what follows.
    place: Option<(usize, Placed)>,
    before: Vec<&'w str>,
    reads: bool,
}

impl<'w> Reading<'w> {
    /// Looks at a word, and at the next when it is its value; how many these are.
    fn word(&mut self, at: usize) -> usize {
        let word = self.words[at];
        // `dscl . passwd` is not the command passwd.
        let known = BY_NAME.get(base_name(word)).filter(|_| !self.has_place(word));
        if let Some(command) = known {
            self.command = Some(command);
            self.place = None;
            self.before.clear();
            self.before.push(base_name(word));
            self.reads |= command.reads.contains(&ALWAYS);
            self.begin_places(base_name(word));
            return 1;
        }
        self.reads |= self.reads_input(word);
        if let Some(rest) = word.strip_prefix("<<<") {
            return self.here_string(at, rest);
        }
        if let Some(used) = self.placed(at) {
            return used;
        }
        if self.before.len() < MAX_BEFORE {
            self.before.push(word);
        }
        if self.begin_places(word) {
            return 1;
        }
        if word.len() > 1 && word.starts_with(['-', '/']) { self.option(at) } else { self.plain(at) }
    }

    fn reads_input(&self, word: &str) -> bool {
        if word.starts_with('-') && is_from_input(word) {
            return true;
        }
        let Some(command) = self.command else { return false };
        command.reads.iter().any(|option| {
            let letter = option.strip_prefix('-').filter(|rest| rest.len() == 1 && command.takes.is_some());
            match letter {
                Some(letter) => !word.starts_with("--") && word.starts_with('-') && word.contains(letter),
                None => word == *option || word == "fd:0",
            }
        })
    }

    fn here_string(&mut self, at: usize, rest: &str) -> usize {
        let (word, start, used) = if rest.is_empty() { (at + 1, 0, 2) } else { (at, 3, 1) };
        if self.reads && word < self.words.len() {
            self.emit(word, start, Kind::Password);
        }
        used
    }

    fn has_place(&self, word: &str) -> bool {
        self.command.is_some_and(|command| command.places.iter().any(|place| place.after.contains(&word)))
            && !self.before.contains(&word)
    }

    fn begin_places(&mut self, word: &str) -> bool {
        let places: &[Place] = self.command.map_or(&[], |command| command.places);
        let begins = |after: &&str| *after == word || after.ends_with('.') && word.starts_with(*after);
        let begun = places.iter().find(|place| place.after.iter().any(begins));
        if let Some(place) = begun {
            self.place = Some((place.skip, place.what));
        }
        begun.is_some()
    }

    /// A word in a place that the grammar names.
    fn placed(&mut self, at: usize) -> Option<usize> {
        let (skip, what) = self.place.as_mut()?;
        let word = self.words[at];
        if *skip > 0 {
            *skip -= 1;
            return None;
        }
        match what {
            Placed::Words(..) | Placed::After(..) if word.starts_with('-') => return None,
            Placed::After(letter, kind) => {
                let (letter, kind) = (*letter, *kind);
                let (before, after) = word.split_once(letter)?;
                if before.is_empty() || after.starts_with("//") {
                    return None;
                }
                self.place = None;
                self.emit(at, before.len() + letter.len_utf8(), kind);
            }
            Placed::Words(count, kind) => {
                let kind = *kind;
                *count -= 1;
                if *count == 0 {
                    self.place = None;
                }
                self.emit(at, 0, kind);
            }
            Placed::Assignments(_) if word.starts_with('-') => return None,
            Placed::Assignments(kind) => {
                let (kind, (name, _)) = (*kind, word.split_once('=')?);
                self.emit(at, name.len() + 1, kind);
            }
            // `git config --global name value`
            Placed::NameAndValue | Placed::NamesAndValues if word.starts_with('-') => return None,
            Placed::NameAndValue | Placed::NamesAndValues => {
                self.place = self.place.filter(|(_, what)| matches!(what, Placed::NamesAndValues));
                let last = word.rsplit(['/', ':', '.']).next().unwrap_or(word);
                let kind = kind_of(last)?;
                let types = ["-string", "-data", "-add", "--add"];
                let value = (at + 1..self.words.len()).find(|at| !types.contains(&self.words[*at]))?;
                if !self.words[value].starts_with('-') {
                    self.emit(value, 0, kind);
                }
                return Some(value + 1 - at);
            }
        }
        Some(1)
    }

    /// `NAME=value`, as the whole of a word.
    fn plain(&mut self, at: usize) -> usize {
        // What a shell or osascript is given to run is a separate text.
        let before = at.checked_sub(1).map_or("", |before| self.words[before]);
        let is_script = before.starts_with('-') && before.ends_with(['c', 'e']) || before == "script";
        if let Some((name, value)) = self.words[at].split_once('=').filter(|_| !is_script) {
            match self.taking(name) {
                Some((_, take, kind)) => self.take(at, name.len() + 1, take, kind),
                None if name.ends_with("auth") && value.contains(':') => {
                    self.take(at, name.len() + 1, Take::After(':'), PASSWORD);
                }
                None if prints_secret(name) => self.take(at, name.len() + 1, Take::Output, Kind::Password),
                None => self.assigned(at, name, value),
            }
        }
        1
    }

    fn assigned(&mut self, at: usize, name: &str, value: &str) {
        let is_name = name.chars().all(|letter| letter.is_alphanumeric() || "_.-:/".contains(letter));
        // `user=x&password=y` has its ends within.
        let is_form = value.split('&').skip(1).any(|part| part.contains('='));
        if let Some(kind) = kind_of(name.rsplit(['/', ':']).next().unwrap_or(name)).filter(|_| is_name && !is_form) {
            self.emit(at, name.len() + 1, kind);
        }
    }

    fn option(&mut self, at: usize) -> usize {
        let word = self.words[at];
        // As Windows writes options: `/p:x`.
        let separator = if word.starts_with('/') { ':' } else { '=' };
        let (name, joined) = match word.split_once(separator) {
            Some((name, _)) => (name, Some(name.len() + 1)),
            None => (word, None),
        };
        let named = self.taking(name);
        if let Some((form, take, kind)) = named.filter(|(form, ..)| *form != Form::Joined || joined.is_some()) {
            let _ = form;
            return self.value(at, joined, take, kind);
        }
        let generic = name.trim_start_matches('-');
        if prints_secret(generic) {
            return self.value(at, joined, Take::Output, Kind::Password);
        }
        if let Some(used) = self.letters(at) {
            return used;
        }
        if let Some((take, kind)) = self.customary(name, at) {
            return self.value(at, joined, take, kind);
        }
        let is_long = name.starts_with("--") || generic.len() >= 4 && name.starts_with('-');
        let Some(kind) = kind_of(generic).filter(|_| is_long) else { return 1 };
        match joined {
            Some(start) => {
                self.take(at, start, Take::Whole, kind);
                1
            }
            None if is_switch(generic) || self.words.get(at + 1).is_none_or(|next| next.starts_with('-')) => 1,
            None => self.value(at, None, Take::Whole, kind),
        }
    }

    /// What options mean in most commands: `-u ada -p x`, `--auth ada:x`, `--user ada:x`.
    fn customary(&self, name: &str, at: usize) -> Option<(Take, Kind)> {
        let value = self.words.get(at + 1).copied().unwrap_or_default();
        let is_pair = |name: &str| name.starts_with("--") && (name.ends_with("auth") || name.ends_with("auth-cred"));
        if is_pair(name) {
            return Some((Take::After(':'), PASSWORD));
        }
        let is_known = self.command.is_some_and(|command| {
            command.takes.is_some_and(|takes| takes.contains('p')) || self.taking("-p").is_some()
        });
        if is_known {
            return None;
        }
        if matches!(name, "-u" | "-U" | "--user") {
            let is_secret = value.split_once(':').is_some_and(|(user, rest)| is_user(user) && looks_secret(rest));
            return is_secret.then_some((Take::After(':'), PASSWORD));
        }
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b",.:-".contains(&byte));
        let is_value = !value.starts_with('-') && !is_number && !is_path(value) && !value.contains(' ');
        let is_user_named = || self.before.windows(2).any(|pair| USER.contains(&pair[0]) && is_user(pair[1]));
        (matches!(name, "-p" | "-P") && is_value && is_user_named()).then_some((Take::Whole, PASSWORD))
    }

    fn taking(&self, name: &str) -> Option<(Form, Take, Kind)> {
        let options = self.command?.options.iter();
        let mut named = options.filter(|(option, ..)| *option == name);
        let holds = |form: &Form| match form {
            Form::After(part) if part.starts_with('-') || part.ends_with('-') => {
                self.before.iter().any(|before| before.contains(part))
            }
            Form::After(word) => self.before.contains(word),
            Form::Without(option) => !self.before.iter().any(|before| before.starts_with(option)),
            _ => true,
        };
        named.find(|(_, form, ..)| holds(form)).map(|(_, form, take, kind)| (*form, *take, *kind))
    }

    /// Letters that are joined: `-su user:x`, `-pX`.
    fn letters(&mut self, at: usize) -> Option<usize> {
        let word = self.words[at];
        let command = self.command?;
        if word.starts_with("--") || word.len() < 3 {
            let letter = word.strip_prefix('-')?.chars().next()?;
            // The value of an option is not the name of a command.
            return command.takes.is_some_and(|takes| word.len() == 2 && takes.contains(letter)).then_some(2);
        }
        let Some(takes) = command.takes else {
            let (option, _, take, kind) =
                command.options.iter().find(|(option, form, ..)| *form == Form::Joined && word.starts_with(option))?;
            self.take(at, option.len(), *take, *kind);
            return Some(1);
        };
        for (offset, letter) in word.char_indices().skip(1) {
            let rest = offset + letter.len_utf8();
            let mut name = [b'-', 0];
            name[1] = u8::try_from(letter).ok()?;
            let named = std::str::from_utf8(&name).ok().and_then(|name| self.taking(name));
            if let Some((form, take, kind)) = named {
                let joined = (rest < word.len()).then_some(rest);
                if joined.is_none() && form == Form::Joined {
                    return Some(1);
                }
                return Some(self.value(at, joined, take, kind));
            }
            if takes.contains(letter) {
                // `-password` is a name.
                if word.len() > 4 && kind_of(&word[1..]).is_some() {
                    return None;
                }
                return Some(if rest < word.len() { 1 } else { 2 });
            }
            if !letter.is_ascii_alphanumeric() {
                break;
            }
        }
        None
    }

    fn value(&mut self, at: usize, joined: Option<usize>, take: Take, kind: Kind) -> usize {
        let (word, start, used) = match joined {
            Some(start) => (at, start, 1),
            None => (at + 1, 0, 2),
        };
        if word < self.words.len() {
            self.reads |= self.reads_input(&self.words[word][start..]);
            self.take(word, start, take, kind);
        }
        used
    }

    fn take(&mut self, word: usize, start: usize, take: Take, kind: Kind) {
        if let Some((offset, kind)) = taken::secret_of(&self.words[word][start..], take, kind) {
            self.emit(word, start + offset, kind);
        }
    }

    fn emit(&mut self, word: usize, start: usize, kind: Kind) {
        let value = &self.words[word][start..];
        let is_place = matches!(kind, Kind::Key | Kind::Credential) && is_path(value);
        if (!is_plain(value) || value.starts_with('$')) && !is_place {
            self.found.push(Found { word, start, kind });
        }
    }
}
