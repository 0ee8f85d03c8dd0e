//! Text to tokens.

use std::ops::Range;

use super::Error;
use crate::event::Number;

/// A token and its place.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Token {
    pub kind: Kind,
    pub span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Kind {
    /// A keyword, a category, a function or a field with its dots; `quoted` when in backticks.
    Name {
        text: String,
        quoted: bool,
    },
    Text(String),
    Number(Number),
    /// An operator or a bracket.
    Sign(&'static str),
    End,
}

/// Longer signs first, so that `==` is not two `=`.
const SIGNS: [&str; 24] = [
    "==", "!=", "<=", ">=", "<", ">", "=", ":", "(", ")", "[", "]", ",", "|", "!", "?", "~", "+", "-", "*", "/", "%",
    ".", ";",
];

/// The tokens of a query, with an end token last.
pub(super) fn tokens(text: &str) -> Result<Vec<Token>, Error> {
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blank()?;
        let start = lexer.at;
        let kind = lexer.next_kind()?;
        if kind == Kind::End {
            // What is missing at the end is missing after the last token, not after blank lines.
            let end = tokens.last().map_or(0, |last: &Token| last.span.end);
            tokens.push(Token { kind, span: end..end });
            return Ok(tokens);
        }
        tokens.push(Token { kind, span: start..lexer.at });
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn skip_blank(&mut self) -> Result<(), Error> {
        loop {
            let rest = self.rest();
            if rest.starts_with("//") {
                self.at += rest.find('\n').unwrap_or(rest.len());
            } else if let Some(comment) = rest.strip_prefix("/*") {
                let Some(end) = end_of_comment(comment).or_else(|| Some(comment.find("*/")? + 2)) else {
                    return Err(Error::new("unterminated comment", self.at..self.at + 2));
                };
                self.at += 2 + end;
            } else if let Some(blank) = rest.chars().next().filter(|c| c.is_whitespace()) {
                self.at += blank.len_utf8();
            } else {
                return Ok(());
            }
        }
    }

    fn next_kind(&mut self) -> Result<Kind, Error> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Kind::End) };
        if rest.starts_with("\"\"\"") {
            return self.raw("\"\"\"", 3);
        }
        if rest.starts_with("?\"") || rest.starts_with("?'") {
            let quote = if rest.starts_with("?\"") { "\"" } else { "'" };
            return self.raw(quote, 2);
        }
        match first {
            '"' => self.string(),
            '\'' => Err(Error::new("strings are written in double quotes: \"…\"", self.at..self.at + 1)),
            '`' => self.name(),
            c if c.is_ascii_alphabetic() || c == '_' || c == '@' => self.name(),
            c if c.is_ascii_digit() => self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => self.number(),
            _ => self.sign(first),
        }
    }

    fn sign(&mut self, first: char) -> Result<Kind, Error> {
        let sign = SIGNS.iter().find(|sign| self.rest().starts_with(**sign));
        let Some(sign) = sign else {
            return Err(Error::new(format!("unexpected character {first:?}"), self.at..self.at + first.len_utf8()));
        };
        self.at += sign.len();
        Ok(Kind::Sign(sign))
    }

    /// Raw text: up to the closing quote, nothing escaped.
    fn raw(&mut self, quote: &str, opening: usize) -> Result<Kind, Error> {
        let body = &self.rest()[opening..];
        let Some(mut end) = body.find(quote) else {
            return Err(Error::new("unterminated string", self.at..self.at + opening));
        };
        // A triple-quoted text may itself end in quotes: """"a"""" is "a".
        while quote.len() == 3 && body[end + 3..].starts_with('"') {
            end += 1;
        }
        let text = body[..end].to_owned();
        self.at += opening + end + quote.len();
        Ok(Kind::Text(text))
    }

    fn string(&mut self) -> Result<Kind, Error> {
        let start = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let Some(c) = self.rest().chars().next().filter(|c| !matches!(c, '\n' | '\r')) else {
                return Err(Error::new("unterminated string", start..start + 1));
            };
            self.at += c.len_utf8();
            match c {
                '"' => return Ok(Kind::Text(text)),
                '\\' => text.push(self.escape()?),
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self) -> Result<char, Error> {
        let start = self.at - 1;
        let c = self.rest().chars().next().unwrap_or('\n');
        let wrong = |end: usize| {
            Error::new("unknown escape; write \\\\ for a backslash, or use \"\"\"raw text\"\"\"", start..end)
        };
        let plain = match c {
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'b' => '\u{8}',
            'f' => '\u{c}',
            '\\' | '"' | '\'' => c,
            'u' => return self.unicode(start),
            _ => return Err(wrong(start + 1)),
        };
        self.at += 1;
        Ok(plain)
    }

    fn unicode(&mut self, start: usize) -> Result<char, Error> {
        self.at += 1;
        let rest = self.rest();
        let (digits, length) = match rest.strip_prefix('{') {
            Some(inner) => {
                let end = inner.find('}').unwrap_or(0);
                (&inner[..end], end + 2)
            }
            None => (rest.get(..4).unwrap_or_default(), 4),
        };
        let c = u32::from_str_radix(digits, 16).ok().and_then(char::from_u32);
        let c = c.ok_or_else(|| Error::new("not a character: write one as \\u{1F600}", start..start + 2))?;
        self.at += length;
        Ok(c)
    }

    fn name(&mut self) -> Result<Kind, Error> {
        let start = self.at;
        let (mut text, mut quoted) = (String::new(), false);
        loop {
            let rest = self.rest();
            if let Some(body) = rest.strip_prefix('`') {
                let Some(end) = end_of_name(body) else {
                    return Err(Error::new("unterminated name: a backtick is missing", start..start + 1));
                };
                quoted = true;
                text.push_str(&body[..end].replace("``", "`"));
                self.at += end + 2;
            } else {
                let part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '@';
                let length = rest.find(|c| !part(c)).unwrap_or(rest.len());
                text.push_str(&rest[..length]);
                self.at += length;
            }
            let more = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '@' | '`');
            if !self.rest().strip_prefix('.').is_some_and(|rest| rest.starts_with(more)) {
                return Ok(Kind::Name { text, quoted });
            }
            text.push('.');
            self.at += 1;
        }
    }

    /// A number without its sign; `.5` and `5.` are numbers too.
    fn number(&mut self) -> Result<Kind, Error> {
        let start = self.at;
        let rest = self.rest().as_bytes();
        let digits = |from: usize| from + rest[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
        let mut end = digits(0);
        let letter = |byte: &u8| byte.is_ascii_alphabetic() || matches!(byte, b'_' | b'`');
        if rest.get(end) == Some(&b'.') && !rest.get(end + 1).is_some_and(letter) {
            end = digits(end + 1);
        }
        if matches!(rest.get(end), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(rest.get(end + 1), Some(b'+' | b'-')));
            if rest.get(end + 1 + sign).is_some_and(u8::is_ascii_digit) {
                end = digits(end + 1 + sign);
            }
        }
        self.at += end;
        let number = Number::parse(&self.text[start..self.at]);
        number.map(Kind::Number).ok_or_else(|| Error::new("not a number", start..self.at))
    }
}

/// Where a comment ends in which others may be; none where one of these has no end, and so is none.
fn end_of_comment(comment: &str) -> Option<usize> {
    let (mut depth, mut at) = (1, 0);
    while depth > 0 {
        let rest = &comment[at..];
        let next = rest.find(['/', '*'])?;
        depth += i32::from(rest[next..].starts_with("/*")) - i32::from(rest[next..].starts_with("*/"));
        let is_sign = rest[next..].starts_with("/*") || rest[next..].starts_with("*/");
        at += next + if is_sign { 2 } else { 1 };
    }
    Some(at)
}

/// Where the backtick is that ends a name: two of them are one of the name.
fn end_of_name(body: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let end = from + body[from..].find('`')?;
        if !body[end + 1..].starts_with('`') {
            return Some(end);
        }
        from = end + 2;
    }
}
