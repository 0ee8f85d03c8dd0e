//! As much of the shell's grammar as tells which command reads what another writes. It is read within AppleScript and
//! JavaScript too, where commands stand in quotes.

use std::ops::Range;

use super::download::{self, Command, Word};
use crate::shell::{Layer, Shape, Together, Token, lex};

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
    level(&Layer::outermost(text), MAX_DEPTH).runs_download
}

fn level(layer: &Layer, depth: usize) -> Done {
    if depth == 0 || !download::may_download(&layer.text) {
        return Done::default();
    }
    let tokens = lex(&layer.text);
    Reader::new(layer, &tokens, 0..tokens.len(), depth, &mut Together::new(layer, &tokens)).read()
}

/// Where the next word goes.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Role {
    #[default]
    Argument,
    Input,
    Output,
    /// An output other than the standard one, or the mark of a here-document.
    Ignored,
}

struct Reader<'t, 'r> {
    layer: &'t Layer,
    tokens: &'t [Token],
    at: usize,
    end: usize,
    depth: usize,
    together: &'r mut Together<'t>,
    word: Option<Word>,
    role: Role,
    command: Command,
    /// A command before it in the pipeline downloads.
    is_fed: bool,
    done: Done,
}

impl<'t, 'r> Reader<'t, 'r> {
    fn new(
        layer: &'t Layer,
        tokens: &'t [Token],
        part: Range<usize>,
        depth: usize,
        together: &'r mut Together<'t>,
    ) -> Self {
        Reader {
            layer,
            tokens,
            at: part.start,
            end: part.end,
            depth,
            together,
            word: None,
            role: Role::default(),
            command: Command::default(),
            is_fed: false,
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
                Shape::Quoted => self.quoted(self.at - 1),
                Shape::Word if self.word.is_none() && self.is_comment(text) => self.skip_line(),
                Shape::Word if is_opened && text.ends_with('$') => {
                    self.word().text.push_str(&text[..text.len() - 1]);
                    self.substitute(true);
                }
                Shape::Punctuation if is_opened && matches!(text, "<" | ">") => self.substitute(text == "<"),
                Shape::Punctuation if matches!(text, "<" | ">") => self.redirect(text),
                Shape::Operator('(' | ')') => self.end_word(),
                Shape::Operator(operator) => self.operator(operator),
                Shape::Word | Shape::Punctuation => self.word().text.push_str(&text.replace('\\', "")),
            }
        }
        self.end_command(false);
        self.done
    }

    /// The token that is next, if nothing is before it.
    fn joined(&self) -> Option<Shape> {
        self.tokens[..self.end].get(self.at).filter(|token| token.is_joined).map(|token| token.shape)
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
            self.done.runs_download |= level(&literal, self.depth - 1).runs_download;
        }
        // Behind the last literal an `&` may be the shell's.
        let last = (first..=text.last).rfind(|at| self.tokens[*at].shape == Shape::Quoted).unwrap_or(first);
        self.at = last + 1;
        let done = level(&text.layer, self.depth - 1);
        self.done.runs_download |= done.runs_download;
        // What a template of JavaScript holds is text, what the shell has in such quotes is a command.
        let is_command = self.layer.text[..self.tokens[first].start].ends_with('`');
        let is_download = if is_command { done.downloads } else { done.begins_with_download };
        let word = self.word();
        word.is_download |= word.text.is_empty() && is_download;
        word.is_quoted = true;
        if !is_command {
            word.text.push_str(&text.layer.text);
        }
    }

    /// `$(…)`, `<(…)` and `>(…)`, from the parenthesis on.
    fn substitute(&mut self, is_read: bool) {
        let start = self.at + 1;
        let end = self.closing(start);
        let mut done = Done::default();
        if self.depth > 1 {
            done = Reader::new(self.layer, self.tokens, start..end, self.depth - 1, self.together).read();
        }
        self.at = end + 1;
        self.done.runs_download |= done.runs_download;
        let word = self.word();
        word.is_download |= word.text.is_empty() && done.downloads && is_read;
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
        self.role = match (kind, run, descriptor.as_ref().map(|word| word.text.as_str())) {
            ("<", 2, None | Some("0")) => {
                self.command.input = Some(false);
                Role::Ignored
            }
            ("<", _, None | Some("0")) => Role::Input,
            (">", _, None | Some("1")) => Role::Output,
            _ => Role::Ignored,
        };
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
        let Some(word) = self.word.take() else { return };
        match std::mem::take(&mut self.role) {
            Role::Argument => self.command.words.push(word),
            Role::Input => self.command.input = Some(word.is_download),
            Role::Output => self.command.is_output_file = true,
            Role::Ignored => {}
        }
    }

    fn end_command(&mut self, is_piped: bool) {
        self.end_word();
        self.role = Role::Argument;
        let command = std::mem::take(&mut self.command);
        self.done.begins_with_download |=
            !self.done.downloads && command.words.first().is_some_and(|word| word.is_download);
        self.done.runs_download |= download::runs(&command, self.is_fed);
        let downloads = download::is_written(&command);
        self.done.downloads |= downloads;
        self.is_fed = is_piped && (downloads || self.is_fed);
    }
}

#[cfg(test)]
mod tests;
