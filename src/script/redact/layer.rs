//! A text at one level of quoting, and where its bytes are in the outermost text.
//!
//! `do shell script "curl -d '{\"password\":\"x\"}'"` has three levels: AppleScript, the shell's, JSON. Each is read
//! by one lexer after the escapes of the level around it are resolved.

use super::mark::{Kind, Span};

/// A text, with the place in the outermost text of each of its bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Layer {
    pub(super) text: String,
    at: Vec<(u32, u32)>,
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Layer {
    /// The outermost text.
    pub(super) fn outermost(text: &str) -> Layer {
        let mut at = Vec::with_capacity(text.len());
        if text.is_ascii() {
            at.extend((0..place(text.len())).map(|at| (at, at + 1)));
        } else {
            for (start, letter) in text.char_indices() {
                let both = (place(start), place(start + letter.len_utf8()));
                at.extend(std::iter::repeat_n(both, letter.len_utf8()));
            }
        }
        Layer { text: text.to_owned(), at }
    }

    fn push(&mut self, letter: char, place: (u32, u32)) {
        self.text.push(letter);
        self.at.extend(std::iter::repeat_n(place, letter.len_utf8()));
    }

    /// Adds a part of another layer unchanged.
    pub(super) fn append(&mut self, other: &Layer, start: usize, end: usize) {
        self.text.push_str(&other.text[start..end]);
        self.at.extend_from_slice(&other.at[start..end]);
    }

    /// Adds a part of another layer with its escapes resolved.
    pub(super) fn append_unescaped(&mut self, other: &Layer, start: usize, end: usize) {
        let mut from = start;
        while let Some(bytes) = other.text[from..end].find('\\') {
            let escape = from + bytes;
            let resolved = match other.text[escape + 1..end].chars().next() {
                Some(next @ ('"' | '\'' | '\\' | '`' | '$' | '/')) => Some(next),
                Some('n' | 'r') => Some('\n'),
                Some('t') => Some('\t'),
                _ => None,
            };
            let Some(resolved) = resolved else {
                self.append(other, from, escape + 1);
                from = escape + 1;
                continue;
            };
            self.append(other, from, escape);
            self.push(resolved, (other.at[escape].0, other.at[escape + 1].1));
            from = escape + 2;
        }
        self.append(other, from, end);
    }

    /// The same between single quotes, as AppleScript's `quoted form of` makes one word of it.
    pub(super) fn append_word(&mut self, other: &Layer, start: usize, end: usize) {
        let Some((first, last)) = other.at.get(start).zip(other.at.get(end.saturating_sub(1))) else { return };
        self.push('\'', (first.0, first.0));
        self.append_unescaped(other, start, end);
        self.push('\'', (last.1, last.1));
    }

    /// Adds what stands for a variable: a space or a new line by its AppleScript name, else the name as a shell has it.
    pub(super) fn append_reference(&mut self, other: &Layer, token: &Token, name: &str) {
        let Some(place) = other.at.get(token.start).copied() else { return };
        match name {
            "space" | "tab" => self.push(' ', place),
            "return" | "linefeed" => self.push('\n', place),
            _ => {
                self.push('$', place);
                self.push('{', place);
                self.append(other, token.start, token.end);
                self.push('}', place);
            }
        }
    }

    /// Where a part is in the outermost text.
    pub(super) fn span(&self, start: usize, end: usize, kind: Kind) -> Option<Span> {
        let (first, last) = (self.at.get(start)?, self.at.get(end.checked_sub(1)?)?);
        (start < end).then_some(Span { start: first.0 as usize, end: last.1 as usize, kind })
    }
}

/// What a lexer distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    Word,
    /// Of what is between the quotes.
    Quoted,
    /// Ends a command: `;`, `|`, `&`, a parenthesis, a new line.
    Operator(char),
    /// Ends a value, and not a command: a comma, a brace, a bracket, `<`, `>`.
    Punctuation,
}

/// A part of a layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Token {
    pub(super) shape: Shape,
    /// Without the quotes.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Nothing is between this one and the one before.
    pub(super) is_joined: bool,
}

impl Token {
    pub(super) fn text<'l>(&self, layer: &'l Layer) -> &'l str {
        &layer.text[self.start..self.end]
    }
}

/// Splits a layer into tokens, each byte once.
pub(super) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), is_joined: false };
    while lexer.at < text.len() {
        lexer.step();
    }
    lexer.tokens
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
    tokens: Vec<Token>,
    is_joined: bool,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(letter) = rest.chars().next() else { return };
        match letter {
            '\n' | '\r' => self.add(Shape::Operator('\n'), 1),
            _ if letter.is_whitespace() => {
                self.at += letter.len_utf8();
                self.is_joined = false;
            }
            ';' | '|' | '&' | '(' | ')' => self.add(Shape::Operator(letter), 1),
            ',' | '{' | '}' | '[' | ']' | '<' | '>' => self.add(Shape::Punctuation, 1),
            '"' | '`' => self.quoted(1, &[letter], 0),
            '\u{201C}' | '\u{201E}' => self.quoted(3, &['\u{201D}', '\u{201C}', '"'], 0),
            '\'' if self.opens_here() && rest[1..].contains('\'') => self.quoted(1, &['\''], 0),
            '\\' => self.backslashes(rest),
            _ => self.word(rest),
        }
    }

    fn add(&mut self, shape: Shape, bytes: usize) {
        self.tokens.push(Token { shape, start: self.at, end: self.at + bytes, is_joined: self.is_joined });
        self.at += bytes;
        self.is_joined = true;
    }

    /// An apostrophe within a word opens nothing, but for an option's value: `don't`, `-p'x y'`.
    fn opens_here(&self) -> bool {
        let before = self.text[..self.at].chars().next_back();
        let in_option = || {
            let word = self.tokens.last().filter(|token| token.shape == Shape::Word && token.end == self.at);
            word.is_some_and(|token| self.text[token.start..].starts_with('-'))
        };
        before.is_none_or(|before| !before.is_alphanumeric()) || in_option() || is_prefix(&self.text[..self.at])
    }

    /// `\"` outside of quotes opens a text of a level that is not around here.
    fn backslashes(&mut self, rest: &str) {
        let count = rest.bytes().take_while(|byte| *byte == b'\\').count();
        match rest.as_bytes().get(count) {
            Some(b'"') => self.quoted(count + 1, &['"'], count),
            Some(b'\n') => {
                self.at += count + 1;
                self.is_joined = false;
            }
            _ => self.word(rest),
        }
    }

    /// A quoted text that begins after `opening` bytes and ends at one of `closing`, after this many backslashes.
    fn quoted(&mut self, opening: usize, closing: &[char], backslashes: usize) {
        let start = self.at + opening;
        let mut run = 0;
        let (mut end, mut next) = (self.text.len(), self.text.len());
        let mut skip_to = start;
        for (offset, letter) in self.text[start..].char_indices() {
            let at = start + offset;
            if at < skip_to {
                continue;
            }
            if letter == '\\' {
                run += 1;
                continue;
            }
            if closing.contains(&letter) {
                let closes = if backslashes == 0 { run % 2 == 0 } else { run <= backslashes };
                match continued(&self.text[at..]) {
                    Some(bytes) if closes && closing == ['\''] => skip_to = at + bytes,
                    _ if closes => {
                        // A text that ends with fewer backslashes ends where the one around it does.
                        end = at - run.min(backslashes);
                        next = if run < backslashes { at } else { at + letter.len_utf8() };
                        break;
                    }
                    _ => {}
                }
            }
            run = 0;
        }
        self.tokens.push(Token { shape: Shape::Quoted, start, end, is_joined: self.is_joined });
        self.at = next;
        self.is_joined = true;
    }

    fn word(&mut self, rest: &str) {
        let mut at = rest.chars().next().map_or(0, |first| if first == '\\' { 0 } else { first.len_utf8() });
        let mut before = rest.chars().next().unwrap_or(' ');
        while let Some(letter) = rest[at..].chars().next() {
            let left = &rest[at..];
            if letter == '\\' {
                let count = left.bytes().take_while(|byte| *byte == b'\\').count();
                if at > 0 && matches!(left.as_bytes().get(count), Some(b'"' | b'\n')) {
                    break;
                }
                at += count;
                before = letter;
                // What is escaped belongs to the word.
                at += left[count..].chars().next().filter(|next| !next.is_whitespace()).map_or(0, char::len_utf8);
                continue;
            }
            let starts_reference = letter == '{' && before == '$';
            if starts_reference && let Some(close) = left.bytes().take(64).position(|byte| byte == b'}') {
                at += close + 1;
                before = '}';
                continue;
            }
            let is_apostrophe = letter == '\''
                && before.is_alphanumeric()
                && !rest.starts_with('-')
                && !(is_prefix(&rest[..at]) && rest[at + 1..].contains('\''));
            let ends = letter.is_whitespace() || is_special(letter);
            if ends && !is_apostrophe {
                break;
            }
            at += letter.len_utf8();
            before = letter;
        }
        self.add(Shape::Word, at);
    }
}

/// Whether a text ends with what Python writes before a quote: `b'x'`.
fn is_prefix(text: &str) -> bool {
    let mut letters = text.chars().rev();
    let is_last = letters.next().is_some_and(|letter| "bBrRuUfF".contains(letter));
    is_last && letters.next().is_none_or(|letter| "=(,[{: \n".contains(letter))
}

/// What ends a word.
fn is_special(letter: char) -> bool {
    let is_operator = matches!(letter, ';' | '|' | '&' | '(' | ')' | ',' | '{' | '}' | '[' | ']' | '<' | '>');
    is_operator || matches!(letter, '"' | '`' | '\'' | '\u{201C}' | '\u{201E}')
}

/// The shell's ways to put a single quote between single quotes; how many bytes they have.
fn continued(rest: &str) -> Option<usize> {
    [r"'\''", r#"'"'"'"#].into_iter().find(|way| rest.starts_with(way)).map(str::len)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        lex(text).iter().map(|token| &text[token.start..token.end]).collect()
    }

    #[test]
    fn quotes_end_where_their_level_ends() {
        for (text, wanted) in [
            (r#"password "a b" x"#, &["password", "a b", "x"][..]),
            (r#"password "a\"b" x"#, &["password", r#"a\"b"#, "x"]),
            (r#"password "a\\" x"#, &["password", r"a\\", "x"]),
            ("password \u{201C}a b\u{201D} x", &["password", "a b", "x"]),
            (r"echo 'it'\''s' x", &["echo", r"it'\''s", "x"]),
            ("don't say 'a b'", &["don't", "say", "a b"]),
            ("-p'a b' c", &["-p", "a b", "c"]),
            (r#"{\"a\":\"b c\"} d"#, &["{", "a", ":", "b c", "}", "d"]),
            ("pw=${A B} x", &["pw=${A B}", "x"]),
            ("a=\"b", &["a=", "b"]),
            ("the users' file", &["the", "users'", "file"]),
            ("a 'b", &["a", "'b"]),
            ("x=b'y z' u'v w'", &["x=b", "y z", "u", "v w"]),
            ("an mb's users'", &["an", "mb's", "users'"]),
            ("a|b;c&d", &["a", "|", "b", ";", "c", "&", "d"]),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
    }

    #[test]
    fn an_unescaped_part_knows_where_it_stood() {
        let text = r#"say "a\"é\"b""#;
        let outer = Layer::outermost(text);
        let mut inner = Layer::default();
        inner.append_unescaped(&outer, 5, text.len() - 1);
        assert_eq!(inner.text, "a\"é\"b");
        let span = inner.span(1, 5, Kind::Password).unwrap();
        assert_eq!(&text[span.start..span.end], r#"\"é\""#);
    }
}
