//! As much of the shell's grammar as tells which command reads what another writes. It is read within AppleScript and
//! JavaScript too, where commands stand in quotes.

use std::sync::LazyLock;

use regex::Regex;

use super::download::{self, Command, Word};

/// Levels of quoting and of substitution that are read.
const MAX_DEPTH: usize = 8;
/// Bytes between two literals that a script puts together.
const MAX_BETWEEN: usize = 256;

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
pub(super) fn runs_download(text: &str) -> bool {
    level(text, MAX_DEPTH).runs_download
}

fn level(text: &str, depth: usize) -> Done {
    if depth == 0 || !download::may_download(text) {
        return Done::default();
    }
    let text = joined(text);
    let mut reader = Reader { text: &text, at: 0, depth, ..Reader::default() };
    reader.read();
    reader.done
}

/// In one line what is one: continued lines, and literals with what a script puts between them.
fn joined(text: &str) -> String {
    static CONTINUED: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"(?:\\|¬[ \t]*)\r?\n").ok());
    let text = CONTINUED.as_ref().map_or(text.into(), |continued| continued.replace_all(text, " "));
    let (mut out, mut from, mut at) = (String::with_capacity(text.len()), 0, 0);
    while let Some(byte) = text.as_bytes().get(at) {
        at += if *byte == b'\\' { 2 } else { 1 };
        let next = if matches!(byte, b'"' | b'\'') { next_literal(&text, at) } else { None };
        if let Some((next, has_value)) = next {
            out.push_str(&text[from..at - 1]);
            out.push_str(if has_value { "_" } else { "" });
            (from, at) = (next, next);
        }
    }
    out.push_str(&text[from..]);
    out
}

/// Where the literal goes on that ends before this place: behind `& x &`. True: there is something between the two.
fn next_literal(text: &str, from: usize) -> Option<(usize, bool)> {
    let (mut depth, mut is_joined, mut has_operator, mut has_value) = (0_usize, false, false, false);
    for (place, byte) in text.bytes().enumerate().skip(from).take(MAX_BETWEEN) {
        match byte {
            b'\n' => return None,
            b')' if depth > 0 => depth -= 1,
            b'(' if has_operator => {
                depth += 1;
                (has_value, is_joined) = (true, false);
            }
            _ if depth > 0 || byte.is_ascii_whitespace() => {}
            b'"' | b'\'' => return is_joined.then_some((place + 1, has_value)),
            b'&' | b'+' => (has_operator, is_joined) = (true, true),
            b'|' | b';' | b')' => return None,
            _ if has_operator => (has_value, is_joined) = (true, false),
            _ => return None,
        }
    }
    None
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

#[derive(Debug, Default)]
struct Reader<'t> {
    text: &'t str,
    at: usize,
    depth: usize,
    /// For each kind of quote, whether one is open to the end: it is an apostrophe. The last: a substitution.
    unclosed: [bool; 4],
    word: Option<Word>,
    role: Role,
    command: Command,
    /// A command before it in the pipeline downloads.
    is_fed: bool,
    done: Done,
}

impl<'t> Reader<'t> {
    fn read(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b'\\' => self.escaped(),
                b'"' | b'\'' | b'`' => self.quote(byte),
                b'$' | b'<' | b'>' if self.peek(1) == Some(b'(') => self.substitute(byte),
                b'<' | b'>' => self.redirect(byte),
                b'|' | b'&' | b';' | b'\n' => self.operator(byte),
                b' ' | b'\t' | b'\r' | b'(' | b')' => {
                    self.end_word();
                    self.at += 1;
                }
                _ => self.plain(),
            }
        }
        self.end_command(false);
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    /// What means nothing to a shell.
    fn plain(&mut self) {
        let rest: &'t str = &self.text[self.at..];
        let end = rest.find(|ch| "\\\"'`$<>|&; \t\r\n()".contains(ch)).unwrap_or(rest.len()).max(1);
        self.word().text.push_str(&rest[..end]);
        self.at += end;
    }

    fn escaped(&mut self) {
        let next = self.text[self.at + 1..].chars().next();
        // What is escaped here for an outer text is a quote of this one.
        match next {
            Some(quote @ ('"' | '\'')) if self.closing(self.at + 2, quote as u8, true).is_some() => {
                self.quoted(self.at + 2, quote as u8, true);
            }
            Some(next) => {
                self.word().text.push(next);
                self.at += 1 + next.len_utf8();
            }
            None => self.at += 1,
        }
    }

    fn quote(&mut self, quote: u8) {
        // "don't", and the end of a text that this one is in.
        let is_apostrophe = quote == b'\'' && self.word.as_ref().is_some_and(|word| word.text.ends_with(is_letter));
        if is_apostrophe || self.closing(self.at + 1, quote, false).is_none() {
            self.at += 1;
            return self.end_word();
        }
        self.quoted(self.at + 1, quote, false);
    }

    /// Reads to the quote that closes what begins here. `is_escaped`: each quote has a backslash before it.
    fn quoted(&mut self, start: usize, quote: u8, is_escaped: bool) {
        let Some(end) = self.closing(start, quote, is_escaped) else { return };
        let inner = unescaped(&self.text[start..end]);
        self.at = end + 1 + usize::from(is_escaped);
        let done = level(&inner, self.depth - 1);
        self.done.runs_download |= done.runs_download;
        // What a template of JavaScript holds is text, what the shell has in such quotes is a command.
        let is_download = if quote == b'`' { done.downloads } else { done.begins_with_download };
        let word = self.word();
        word.is_download |= word.text.is_empty() && is_download;
        word.is_quoted = true;
        if quote != b'`' {
            word.text.push_str(&inner);
        }
    }

    /// Where the quote is that closes what begins at `start`.
    fn closing(&mut self, start: usize, quote: u8, is_escaped: bool) -> Option<usize> {
        let kind = usize::from(quote == b'\'') + 2 * usize::from(quote == b'`');
        if self.unclosed[kind] && !is_escaped {
            return None;
        }
        let bytes = self.text.as_bytes();
        let mut at = start;
        while at < bytes.len() {
            match (bytes[at], is_escaped) {
                (b'\\', true) if bytes.get(at + 1) == Some(&quote) => return Some(at),
                // The text that this one is in ends here.
                (byte, true) if byte == quote => return None,
                (b'\\', _) => at += 2,
                (byte, false) if byte == quote => return Some(at),
                // Quotes within are others.
                (b'$', false) if quote == b'"' && bytes.get(at + 1) == Some(&b'(') && !self.unclosed[3] => {
                    let end = parenthesis(&self.text[at + 2..]);
                    self.unclosed[3] = end.is_none();
                    at += 2 + end.unwrap_or_default();
                }
                _ => at += 1,
            }
        }
        self.unclosed[kind] |= !is_escaped;
        None
    }

    /// `$(…)`, `<(…)` and `>(…)`.
    fn substitute(&mut self, kind: u8) {
        let start = self.at + 2;
        let end = parenthesis(&self.text[start..]).map_or(self.text.len(), |end| start + end);
        let done = level(&self.text[start..end], self.depth - 1);
        self.at = (end + 1).min(self.text.len());
        self.done.runs_download |= done.runs_download;
        let word = self.word();
        word.is_download |= word.text.is_empty() && done.downloads && kind != b'>';
        word.is_quoted = true;
    }

    fn redirect(&mut self, kind: u8) {
        let descriptor =
            self.word.take_if(|word| !word.is_quoted && word.text.bytes().all(|byte| byte.is_ascii_digit()));
        self.end_word();
        let run = self.text[self.at..].bytes().take_while(|byte| *byte == kind).count();
        self.at += run;
        // `>&2`, `2>&1`, `>|`
        if kind == b'>' && matches!(self.peek(0), Some(b'&' | b'|')) {
            self.at += 1;
        }
        self.role = match (kind, run, descriptor.as_ref().map(|word| word.text.as_str())) {
            (b'<', 2, None | Some("0")) => {
                self.command.input = Some(false);
                Role::Ignored
            }
            (b'<', _, None | Some("0")) => Role::Input,
            (b'>', _, None | Some("1")) => Role::Output,
            _ => Role::Ignored,
        };
    }

    fn operator(&mut self, operator: u8) {
        // `&>` redirects.
        if operator == b'&' && self.peek(1) == Some(b'>') {
            self.at += 1;
            return;
        }
        let is_double = self.peek(1) == Some(operator);
        let is_pipe = operator == b'|' && !is_double;
        self.at += 1 + usize::from(is_double || is_pipe && self.peek(1) == Some(b'&'));
        self.end_command(is_pipe);
        if is_pipe {
            // A line goes on behind its `|`.
            let rest = &self.text[self.at..];
            self.at += rest.len() - rest.trim_start().len();
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

fn is_letter(ch: char) -> bool {
    ch.is_alphanumeric()
}

/// A text as it is without the backslashes before quotes, signs of substitution and backslashes.
fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(ch) = chars.next() {
        let escaped = chars.next_if(|next| ch == '\\' && matches!(next, '"' | '\'' | '\\' | '`' | '$'));
        out.push(escaped.unwrap_or(ch));
    }
    out
}

/// Where the parenthesis ends that the text begins in. Quotes in it are in pairs, or are none.
fn parenthesis(text: &str) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 1,
            b'(' => depth += 1,
            b')' if depth == 0 => return Some(at),
            b')' => depth -= 1,
            quote @ (b'"' | b'\'') => {
                at += text[at + 1..].bytes().position(|byte| byte == quote).map_or(0, |length| length + 1);
            }
            _ => {}
        }
        at += 1;
    }
    None
}

#[cfg(test)]
mod tests;
