//! What begins and ends groups of commands, as they are read.

use super::Reader;
use super::command::Word;
use super::group::{Close, Keyword, keyword, list_end};
use crate::shell::Shape;

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
