//! As much of the shell's grammar as tells which command reads what another writes. It is read within AppleScript and
//! JavaScript too, where commands stand in quotes.

mod command;
mod download;
mod group;
mod grouping;
mod interpreter;
mod known;
mod left;
mod role;

use crate::shell::{Layer, Shape, Together, Token, lex};
use command::{Command, Word};
use group::Groups;
use known::Known;
use role::Role;

pub(super) use download::is_downloader;

/// Levels of quoting and of substitution that are read.
const MAX_DEPTH: usize = 8;

/// What the commands of a text do.
#[derive(Clone, Copy, Debug, Default)]
struct Done {
    /// One runs what another downloads.
    runs_download: bool,
    /// One writes a download to its standard output.
    downloads: bool,
    /// The text begins with what such a command writes: `$(curl …)`.
    begins_with_download: bool,
}

/// Whether a text runs what it downloads.
pub(crate) fn runs_download(text: &str) -> bool {
    let mut known = Known::default();
    download::may_download(text) && level(&Layer::outermost(text), MAX_DEPTH, &mut known, true).runs_download
        || download::evaluates(text)
}

/// `is_command`: the text is known to be given to a shell, and not a value.
fn level(layer: &Layer, depth: usize, known: &mut Known, is_command: bool) -> Done {
    if depth == 0 {
        return Done::default();
    }
    let tokens = lex(&layer.text);
    let together = &mut Together::new(layer, &tokens);
    let reader = Reader::new(layer, &tokens, (0, tokens.len()), depth, (together, known));
    Reader { is_command, ..reader }.read()
}

struct Reader<'t, 'r> {
    layer: &'t Layer,
    tokens: &'t [Token],
    at: usize,
    end: usize,
    depth: usize,
    together: &'r mut Together<'t>,
    known: &'r mut Known,
    word: Option<Word>,
    role: Role,
    command: Command,
    is_command: bool,
    /// A command before it in the pipeline downloads.
    is_fed: bool,
    groups: Groups,
    /// Where a list of words ends: `{curl,-s,x}`.
    list: Option<usize>,
    /// Commands that were read.
    commands: usize,
    done: Done,
}

impl<'t, 'r> Reader<'t, 'r> {
    fn new(
        layer: &'t Layer,
        tokens: &'t [Token],
        (at, end): (usize, usize),
        depth: usize,
        (together, known): (&'r mut Together<'t>, &'r mut Known),
    ) -> Self {
        Reader {
            layer,
            tokens,
            at,
            end,
            depth,
            together,
            known,
            word: None,
            role: Role::default(),
            command: Command::default(),
            is_command: true,
            is_fed: false,
            groups: Groups::default(),
            list: None,
            commands: 0,
            done: Done::default(),
        }
    }

    fn read(mut self) -> Done {
        while self.at < self.end {
            let token = self.tokens[self.at];
            let text = token.text(self.layer);
            if !token.is_joined {
                self.end_word();
            }
            self.at += 1;
            let is_opened = self.joined() == Some(Shape::Operator('('));
            match token.shape {
                Shape::Punctuation if matches!(text, "}" | ",") && self.is_of_list() => {}
                Shape::Punctuation if matches!(text, "{" | "}") && self.brace(text) => {}
                Shape::Quoted => self.quoted(self.at - 1),
                Shape::Word if self.word.is_none() && self.is_comment(text) => self.skip_line(),
                // `do shell script a & b`
                Shape::Word if self.is_for_shell() && self.together.is_set(self.at - 1) => self.quoted(self.at - 1),
                Shape::Word if is_opened && text.ends_with('$') => {
                    self.word().text.push_str(&text[..text.len() - 1]);
                    self.substitute(true);
                }
                Shape::Word if is_opened && text == "=" && self.word.is_none() => self.substitute(true),
                Shape::Punctuation if is_opened && matches!(text, "<" | ">") => self.substitute(text == "<"),
                Shape::Punctuation if matches!(text, "<" | ">") => self.redirect(text),
                Shape::Operator('(') => self.opening_parenthesis(),
                Shape::Operator(')') => self.closing_parenthesis(),
                Shape::Operator(operator) => self.operator(operator),
                Shape::Word | Shape::Punctuation => self.word().text.push_str(&text.replace('\\', "")),
            }
        }
        while self.close(self.groups.closes()) {}
        self.end_command(false);
        self.done.downloads = self.groups.current().downloads;
        self.done
    }

    /// The token that is next, if nothing is before it.
    fn joined(&self) -> Option<Shape> {
        self.tokens[..self.end].get(self.at).filter(|token| token.is_joined).map(|token| token.shape)
    }

    /// Whether what is next is given to a shell.
    fn is_for_shell(&self) -> bool {
        self.word.is_none() && download::is_for_shell(&self.command.words)
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    /// A comment of the shell, or of AppleScript and JavaScript at the begin of a line.
    fn is_comment(&self, word: &str) -> bool {
        word.starts_with('#') || self.command.words.is_empty() && (word.starts_with("--") || word.starts_with("//"))
    }

    fn skip_line(&mut self) {
        let is_end = |at: &usize| self.tokens[*at].shape == Shape::Operator('\n');
        self.at = (self.at..self.end).find(is_end).unwrap_or(self.end);
    }

    fn quoted(&mut self, first: usize) {
        let text = self.together.text(first);
        for passed in &text.passed {
            let literal = self.together.literal(*passed);
            self.done.runs_download |= level(&literal, self.depth - 1, self.known, false).runs_download;
        }
        // Behind the last literal an `&` may be the shell's.
        let is_literal = |at: &usize| self.tokens[*at].shape == Shape::Quoted;
        self.at = (first..=text.last).rfind(is_literal).unwrap_or(first) + 1;
        let is_command = self.is_for_shell();
        let done = level(&text.layer, self.depth - 1, self.known, is_command);
        self.done.runs_download |= done.runs_download;
        // What a template of JavaScript holds is text, what the shell has in such quotes is a command.
        let is_command = self.layer.text[..self.tokens[first].start].ends_with('`');
        let is_download = if is_command { done.downloads } else { done.begins_with_download };
        let word = self.word();
        word.put(is_download);
        word.writes_download |= done.downloads;
        word.is_quoted = true;
        if !is_command {
            word.text.push_str(&text.layer.text);
        }
    }

    /// `$(…)`, `<(…)`, `=(…)` and `>(…)`, from the parenthesis on.
    fn substitute(&mut self, is_read: bool) {
        let start = self.at + 1;
        let end = self.closing(start);
        let mut done = Done::default();
        if self.depth > 1 {
            // What is written to it is a download: `curl … | tee >(sh)`
            let is_fed = !is_read && (self.is_fed || download::downloader(&self.command.words).is_some());
            let shared = (&mut *self.together, &mut *self.known);
            let mut reader = Reader::new(self.layer, self.tokens, (start, end), self.depth - 1, shared);
            reader.is_fed = is_fed;
            reader.groups.current().is_fed = is_fed;
            done = reader.read();
        }
        self.at = end + 1;
        self.done.runs_download |= done.runs_download;
        let word = self.word();
        word.put(done.downloads && is_read);
        word.is_quoted = true;
    }

    /// Where the parenthesis ends that was opened before this token.
    fn closing(&self, start: usize) -> usize {
        let mut depth = 1_usize;
        let closes = |at: &usize| {
            match self.tokens[*at].shape {
                Shape::Operator('(') => depth += 1,
                Shape::Operator(')') => depth -= 1,
                _ => {}
            }
            depth == 0
        };
        (start..self.end).find(closes).unwrap_or(self.end)
    }

    fn redirect(&mut self, kind: &str) {
        let descriptor =
            self.word.take_if(|word| !word.is_quoted && word.text.bytes().all(|byte| byte.is_ascii_digit()));
        self.end_word();
        let mut run = 1;
        while self.joined() == Some(Shape::Punctuation) && self.tokens[self.at].text(self.layer) == kind {
            self.at += 1;
            run += 1;
        }
        // `>&2`, `2>&1`, `>|`
        if kind == ">" && matches!(self.joined(), Some(Shape::Operator('&' | '|'))) {
            self.at += 1;
        }
        self.role = Role::of(kind, run, descriptor.as_ref().map(|word| word.text.as_str()));
        if self.role == Role::Document {
            self.command.input = Some(false);
        }
    }

    fn operator(&mut self, operator: char) {
        let next = self.joined();
        // `&>` redirects.
        if operator == '&' && next == Some(Shape::Punctuation) && self.tokens[self.at].text(self.layer) == ">" {
            return;
        }
        let is_double = next == Some(Shape::Operator(operator));
        let is_pipe = operator == '|' && !is_double;
        self.at += usize::from(is_double || is_pipe && next == Some(Shape::Operator('&')));
        self.end_command(is_pipe);
        // A line goes on behind its `|`.
        while is_pipe && self.tokens.get(self.at).is_some_and(|token| token.shape == Shape::Operator('\n')) {
            self.at += 1;
        }
    }

    fn end_word(&mut self) {
        let Some(mut word) = self.word.take() else { return };
        self.known.complete(&mut word);
        match std::mem::take(&mut self.role) {
            Role::Argument if self.is_keyword(&word) => {}
            Role::Argument => {
                self.known.assign(&word);
                self.command.words.push(word);
            }
            Role::Input => self.command.input = Some(word.is_download),
            Role::Output => self.command.output = Some(word.text),
            Role::Document | Role::Ignored => {}
        }
    }

    fn end_command(&mut self, is_piped: bool) {
        self.end_word();
        self.role = Role::Argument;
        let command = Command { is_certain: self.is_command, ..std::mem::take(&mut self.command) };
        self.done.begins_with_download |= self.commands == 0
            && self.groups.is_outermost()
            && command.words.first().is_some_and(|word| word.is_download);
        // A text that is a path alone, and not piped on, is a value, unless it is known to be a command.
        let is_alone = self.commands == 0 && !is_piped && command.words.len() == 1;
        let is_path = !self.is_command && is_alone && command.words[0].is_file;
        self.done.runs_download |= !is_path && download::runs(&command, self.is_fed, self.known);
        let downloads = download::is_written(&command, self.known);
        left::leave(&command, downloads || self.is_fed, self.known);
        self.commands += usize::from(!command.words.is_empty());
        let group = self.groups.current();
        group.downloads |= downloads;
        self.is_fed = if is_piped { downloads || self.is_fed } else { group.is_fed };
    }
}

#[cfg(test)]
mod tests;
