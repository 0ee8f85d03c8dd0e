//! Secrets in the words of commands, by the grammar of each command. Each word is looked at once.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::command::{ALWAYS, Command, Form, Place, Placed, Take};
use super::commands;
use super::mark::Kind;
use super::names::{is_path, is_plain, is_switch, kind_of, looks_secret};

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

/// The secrets of a command's words, each to the end of its word; and whether it reads one from standard input.
pub(super) fn find(words: &[&str]) -> (Vec<Found>, bool) {
    let mut reading =
        Reading { words, found: Vec::new(), command: None, place: None, before: Vec::new(), reads: false };
    let mut at = 0;
    while at < words.len() {
        at += reading.word(at);
    }
    (reading.found, reading.reads)
}

/// What `echo` or `printf` writes to a command that reads a secret.
pub(super) fn written(words: &[&str]) -> Vec<Found> {
    let Some(name) = words.first().map(|word| base_name(word)).filter(|name| matches!(*name, "echo" | "printf")) else {
        return Vec::new();
    };
    let is_option = |word: &str| matches!(word, "-n" | "-e" | "-E" | "-ne" | "--");
    let mut rest: Vec<usize> = (1..words.len()).skip_while(|at| is_option(words[*at])).collect();
    let is_format = |word: &str| word.contains('%');
    if name == "printf" && rest.first().is_some_and(|at| is_format(words[*at])) {
        rest.remove(0);
    }
    rest.retain(|at| !is_plain(words[*at]));
    rest.into_iter().map(|word| Found { word, start: 0, kind: Kind::Password }).collect()
}

fn base_name(word: &str) -> &str {
    word.rsplit('/').next().unwrap_or(word)
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
        if let Some(command) = BY_NAME.get(base_name(word)) {
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
            // `git config --global name value`
            Placed::NameAndValue if word.starts_with('-') => return None,
            Placed::NameAndValue => {
                self.place = None;
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
        if let Some(used) = self.letters(at) {
            return used;
        }
        let generic = name.trim_start_matches('-');
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
        let value = &self.words[word][start..];
        match take {
            Take::Whole => self.emit(word, start, kind),
            Take::Likely if looks_secret(value) => self.emit(word, start, kind),
            Take::Likely => {}
            Take::After(letter) => {
                // The numbers of users and groups are not secrets.
                let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
                let parts = value.split_once(letter).filter(|_| !is_plain(value));
                if let Some((user, _)) = parts.filter(|(user, rest)| !(is_number(user) && is_number(rest))) {
                    self.emit(word, start + user.len() + letter.len_utf8(), kind);
                }
            }
            Take::UserInfo => {
                let from = value.find("://").map_or(0, |scheme| scheme + 3);
                let info = value[from..].rsplit_once('@').and_then(|(info, _)| info.split_once(':'));
                if let Some((user, _)) = info {
                    self.emit(word, start + from + user.len() + 1, kind);
                }
            }
            Take::Header => self.header(word, start, value),
            Take::Cookie if value.contains('=') => self.emit(word, start, kind),
            Take::Cookie => {}
            Take::Assignment => {
                if let Some((name, rest)) = value.split_once('=') {
                    let before = self.words[word].len() - rest.len();
                    let is_form = rest.split('&').skip(1).any(|part| part.contains('='));
                    if let Some(kind) = kind_of(name.rsplit('.').next().unwrap_or(name)).filter(|_| !is_form) {
                        self.emit(word, before, kind);
                    } else if let Some((header, _)) = rest.split_once(':').filter(|_| name.contains("eader")) {
                        let _ = header;
                        self.header(word, before, rest);
                    }
                }
            }
        }
    }

    /// `Name: value`; of an authorization its scheme stays.
    fn header(&mut self, word: usize, start: usize, header: &str) {
        let Some((name, value)) = header.split_once(':') else { return };
        let Some(kind) = kind_of(name.trim().trim_start_matches("Set-")) else { return };
        let spaces = value.len() - value.trim_start().len();
        let mut from = start + name.len() + 1 + spaces;
        if kind == Kind::Credential
            && let Some((scheme, rest)) = value.trim_start().split_once(' ')
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            from += scheme.len() + 1 + (rest.len() - rest.trim_start().len());
        }
        self.emit(word, from, kind);
    }

    fn emit(&mut self, word: usize, start: usize, kind: Kind) {
        let value = &self.words[word][start..];
        let is_place = matches!(kind, Kind::Key | Kind::Credential) && is_path(value);
        if !is_plain(value) && !is_place {
            self.found.push(Found { word, start, kind });
        }
    }
}
