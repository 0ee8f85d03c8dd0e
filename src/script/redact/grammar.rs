//! Secrets in the words of commands, by the grammar of each command. Each word is looked at once.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::command::{ALWAYS, Command, Form, PASSWORD, Placed, Take};
use super::commands;
use super::mark::Kind;
use super::names::{is_switch, kind_of, prints_secret};
use super::plain::{is_identifier, is_path, is_plain, looks_secret};
use super::taken;
use super::written::{base_name, here_string};

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
const USER: [&str; 10] = ["-u", "-U", "/u", "/U", "--user", "--username", "-user", "-username", "--login", "-login"];

fn is_user(word: &str) -> bool {
    !word.starts_with('-') && word.bytes().any(|byte| byte.is_ascii_alphabetic())
}

/// `ada:x`, and not the numbers or names of a user and a group.
fn is_login(value: &str) -> bool {
    value.split_once(':').is_some_and(|(user, rest)| is_user(user) && looks_secret(rest))
}

/// Words that can precede `after` in a condition of the grammar.
const MAX_BEFORE: usize = 16;

pub(super) struct Reading<'w> {
    pub(super) words: &'w [&'w str],
    found: Vec<Found>,
    pub(super) command: Option<&'static Command>,
    /// The place whose word has come: how many more words are skipped, and what follows.
    pub(super) place: Option<(usize, Placed)>,
    pub(super) before: Vec<&'w str>,
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
            self.reads |= command.reads.iter().any(|name| [ALWAYS, base_name(word)].contains(name));
            self.begin_places(base_name(word));
            return 1;
        }
        self.reads |= self.reads_input(word);
        if let Some(start) = here_string(word) {
            return self.here_string(at, start);
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

    fn here_string(&mut self, at: usize, start: usize) -> usize {
        let (word, start, used) = if start == self.words[at].len() { (at + 1, 0, 2) } else { (at, start, 1) };
        if self.reads && word < self.words.len() {
            self.emit(word, start, Kind::Password);
        }
        used
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
        let is_name = name.chars().all(|letter| letter.is_alphanumeric() || "_.-:/[]".contains(letter));
        // `user=x&password=y` has its ends within.
        let is_form = value.split('&').skip(1).any(|part| part.contains('='));
        // A field of 1Password: `sign-in[concealed]=x`.
        let named = if name.ends_with("[concealed]") {
            Some(Kind::Secret)
        } else {
            kind_of(name.rsplit(['/', ':']).next().unwrap_or(name))
        };
        // `token=os.environ['T']`
        let is_element = value.split_once('[').is_some_and(|(list, _)| is_identifier(list) && value.ends_with(']'));
        if let Some(kind) = named.filter(|_| is_name && !is_form && !is_element) {
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
        let is_long = name.starts_with("--")
            || name.starts_with('-') && (generic.len() >= 4 || matches!(generic, "pw" | "pwd" | "psk"));
        let Some(kind) = kind_of(generic).filter(|_| is_long) else { return 1 };
        match joined {
            Some(start) => {
                self.take(at, start, Take::Whole, kind);
                1
            }
            None if is_switch(generic) || is_from_input(name) => 1,
            None if self.words.get(at + 1).is_none_or(|next| next.starts_with('-')) => 1,
            None => self.value(at, None, Take::Whole, kind),
        }
    }

    /// What options mean in most commands: `-u ada -p x`, `--auth ada:x`, `--user ada:x`.
    fn customary(&self, name: &str, at: usize) -> Option<(Take, Kind)> {
        let joined = self.words[at].get(name.len() + 1..);
        let value = joined.or_else(|| self.words.get(at + 1).copied()).unwrap_or_default();
        let is_pair = |name: &str| name.starts_with("--") && (name.ends_with("auth") || name.ends_with("auth-cred"));
        if is_pair(name) || name == "-auth" && value.contains(':') {
            return Some((Take::After(':'), PASSWORD));
        }
        // What a device or an app shows once, or a card asks for.
        let is_code = value.len() >= 4 && value.bytes().all(|byte| byte.is_ascii_digit()) || looks_secret(value);
        if name.len() >= 4 && is_code && ["pin", "puk", "otp"].contains(&name.rsplit('-').next().unwrap_or_default()) {
            return Some((Take::Whole, Kind::Secret));
        }
        if name == "--login" {
            return is_login(value).then_some((Take::After(':'), PASSWORD));
        }
        let is_known = self.command.is_some_and(|command| {
            command.takes.is_some_and(|takes| takes.contains('p')) || self.taking("-p").is_some()
        });
        if is_known {
            return None;
        }
        if matches!(name, "-u" | "-U" | "--user") {
            return is_login(value).then_some((Take::After(':'), PASSWORD));
        }
        let is_number = value.bytes().all(|byte| byte.is_ascii_digit() || b",.:-".contains(&byte));
        let is_value = !value.starts_with('-') && !is_number && !is_path(value) && !value.contains(' ');
        let is_user_named = || self.before.windows(2).any(|pair| USER.contains(&pair[0]) && is_user(pair[1]));
        let is_password = matches!(name, "-p" | "-P" | "/p" | "/P");
        (is_password && is_value && is_user_named()).then_some((Take::Whole, PASSWORD))
    }

    fn taking(&self, name: &str) -> Option<(Form, Take, Kind)> {
        let options = self.command?.options.iter();
        let mut named = options.filter(|(option, ..)| *option == name);
        let holds = |form: &Form| match form {
            Form::After(part) if part.starts_with('-') || part.ends_with(['-', '/']) => {
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
        let is_redirected = |word: &&str| here_string(word).is_some() || matches!(*word, "<" | ">");
        if start == 0 && self.words.get(word).is_some_and(is_redirected) {
            return 1;
        }
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

    pub(super) fn emit(&mut self, word: usize, start: usize, kind: Kind) {
        let value = &self.words[word][start..];
        let is_place = matches!(kind, Kind::Key | Kind::Credential) && is_path(value);
        if (!is_plain(value) || value.starts_with('$')) && !is_place {
            self.found.push(Found { word, start, kind });
        }
    }
}
