//! Commands that are one to what is around them: `( … )`, `{ …; }`, `if …; fi`, loops and functions.

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

/// What a shell's own word at the begin of a command does.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Keyword {
    Opens,
    Closes,
    /// A command follows.
    Precedes,
}

pub(super) fn keyword(word: &str) -> Option<Keyword> {
    match word {
        "if" | "while" | "until" | "for" | "case" | "select" => Some(Keyword::Opens),
        "fi" | "done" | "esac" => Some(Keyword::Closes),
        "then" | "do" | "else" | "elif" | "!" => Some(Keyword::Precedes),
        _ => None,
    }
}

/// The brace that ends a list of words, of the tokens behind the one that opens it: `{curl,-s,https://x}`.
pub(super) fn list_end(layer: &Layer, tokens: &[Token]) -> Option<usize> {
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
