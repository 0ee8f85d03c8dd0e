//! Commands that are one to what is around them: `( … )`, `{ …; }`, `if …; fi`, loops and functions.

use super::Reader;
use super::command::Word;
use crate::shell::{Layer, Shape, Token};

/// Groups within each other that are told apart.
const MAX_GROUPS: usize = 32;
/// Tokens of a list of words.
const MAX_LIST: usize = 64;

/// What a group ends with.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Close {
    /// The end of the text.
    #[default]
    End,
    Parenthesis,
    Brace,
    /// `fi`, `done`, `esac`
    Word,
}

/// A group that is read.
#[derive(Debug, Default)]
pub(super) struct Group {
    close: Close,
    /// What is before it in its pipeline downloads.
    pub(super) is_fed: bool,
    /// A command of it writes a download.
    pub(super) downloads: bool,
    /// Parentheses of calls that are open in it.
    calls: usize,
    /// The function whose body it is.
    pub(super) function: Option<String>,
}

/// The text itself, and the groups that are open in it.
#[derive(Debug, Default)]
pub(super) struct Groups {
    text: Group,
    open: Vec<Group>,
    /// `f()`: the group that follows is its body.
    pub(super) function: Option<String>,
}

impl Groups {
    pub(super) fn open(&mut self, close: Close, is_fed: bool) {
        if self.open.len() < MAX_GROUPS {
            let function = self.function.take();
            self.open.push(Group { close, is_fed, function, ..Group::default() });
        }
    }

    /// What ends the group that is read.
    pub(super) fn closes(&self) -> Close {
        self.open.last().map_or(Close::End, |group| group.close)
    }

    pub(super) fn pop(&mut self) -> Option<Group> {
        self.open.pop()
    }

    pub(super) fn is_outermost(&self) -> bool {
        self.open.is_empty()
    }

    /// The group that is read.
    pub(super) fn current(&mut self) -> &mut Group {
        self.open.last_mut().unwrap_or(&mut self.text)
    }

    pub(super) fn open_call(&mut self) {
        self.current().calls += 1;
    }

    /// What the group that a closing parenthesis stands in ends with, if it does not close a call.
    pub(super) fn close_parenthesis(&mut self) -> Option<Close> {
        let group = self.current();
        let is_call = group.calls > 0;
        group.calls -= usize::from(is_call);
        (!is_call).then(|| self.closes())
    }
}

impl Reader<'_, '_> {
    pub(super) fn opening_parenthesis(&mut self) {
        let is_first = self.command.words.is_empty();
        let is_empty = self.tokens[..self.end].get(self.at).is_some_and(|next| next.shape == Shape::Operator(')'));
        if is_empty && is_first && self.word.as_ref().is_some_and(|word| !word.is_quoted) {
            self.groups.function = self.word.take().map(|word| word.text);
            self.at += 1;
        } else if is_first && self.word.is_none() {
            self.groups.open(Close::Parenthesis, self.is_fed);
        } else {
            self.end_word();
            self.groups.open_call();
        }
    }

    pub(super) fn closing_parenthesis(&mut self) {
        self.end_word();
        match self.groups.close_parenthesis() {
            // `case $x in a)`
            Some(Close::Word) => self.end_command(false),
            Some(_) => _ = self.close(Close::Parenthesis),
            None => {}
        }
    }

    /// Ends the group that is read, if this closes it; whether it does.
    pub(super) fn close(&mut self, close: Close) -> bool {
        if self.groups.closes() != close || self.groups.is_outermost() {
            return false;
        }
        self.end_command(false);
        let Some(group) = self.groups.pop() else { return false };
        self.is_fed = group.is_fed;
        match group.function {
            Some(name) if group.downloads => self.known.define(&name),
            Some(_) => {}
            // Redirections may follow.
            None => self.command.has_written = group.downloads,
        }
        true
    }

    /// Takes a brace that begins or ends a group, or a list of words.
    pub(super) fn brace(&mut self, text: &str) -> bool {
        let is_function = self.command.words.first().is_some_and(|word| word.text == "function");
        if text == "{" && self.word.is_none() && self.joined().is_some() {
            self.list = list_end(self.layer, &self.tokens[self.at..self.end]).map(|end| self.at + end);
            return self.list.is_some();
        }
        if self.word.is_some() || !(self.command.words.is_empty() || is_function) {
            return false;
        }
        if text == "}" {
            return self.close(Close::Brace);
        }
        let name = std::mem::take(&mut self.command.words).into_iter().nth(1).map(|word| word.text);
        self.groups.function = name.or(self.groups.function.take());
        self.groups.open(Close::Brace, self.is_fed);
        true
    }

    /// Takes what separates or ends a list of words.
    pub(super) fn is_of_list(&mut self) -> bool {
        let Some(end) = self.list else { return false };
        self.end_word();
        self.list = self.list.filter(|_| self.at <= end);
        true
    }

    /// Whether a word is one of the shell's own.
    pub(super) fn is_keyword(&mut self, word: &Word) -> bool {
        let is_first = self.command.words.is_empty() && !word.is_quoted;
        match keyword(&word.text).filter(|_| is_first) {
            Some(Keyword::Opens) => self.groups.open(Close::Word, self.is_fed),
            Some(Keyword::Closes) => return self.close(Close::Word),
            Some(Keyword::Precedes) => {}
            None => return false,
        }
        true
    }
}

/// What a shell's own word at the begin of a command does.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keyword {
    Opens,
    Closes,
    /// A command follows.
    Precedes,
}

fn keyword(word: &str) -> Option<Keyword> {
    match word {
        "if" | "while" | "until" | "for" | "case" | "select" => Some(Keyword::Opens),
        "fi" | "done" | "esac" => Some(Keyword::Closes),
        "then" | "do" | "else" | "elif" | "!" => Some(Keyword::Precedes),
        _ => None,
    }
}

/// The brace that ends a list of words, of the tokens behind the one that opens it: `{curl,-s,https://x}`.
fn list_end(layer: &Layer, tokens: &[Token]) -> Option<usize> {
    let mut commas = 0;
    for (at, token) in tokens.iter().take(MAX_LIST).enumerate() {
        let text = token.text(layer);
        match token.shape {
            _ if !token.is_joined => return None,
            Shape::Punctuation if text == "," => commas += 1,
            Shape::Punctuation if text == "}" => return (commas > 0).then_some(at),
            Shape::Word | Shape::Quoted => {}
            _ => return None,
        }
    }
    None
}
