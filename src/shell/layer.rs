//! A text at one level of quoting, and where its bytes are in the outermost text.
//!
//! `do shell script "curl -d '{\"password\":\"x\"}'"` has three levels: AppleScript, the shell's, JSON. Each is read
//! by one lexer after the escapes of the level around it are resolved.

use std::ops::Range;

/// A text, with the place in the outermost text of each of its bytes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Layer {
    pub(crate) text: String,
    at: Vec<(u32, u32)>,
}

/// What an escape stands for, by what follows its backslash, and how many bytes of that belong to it.
fn resolved(text: &str) -> Option<(char, usize)> {
    let resolved = match text.chars().next()? {
        next @ ('"' | '\'' | '\\' | '`' | '$' | '/') => next,
        'n' | 'r' => '\n',
        't' => '\t',
        _ => return numbered(text),
    };
    Some((resolved, 1))
}

/// A letter that is spelled by its number: `\x63`, `\u0063`, `\143`.
fn numbered(text: &str) -> Option<(char, usize)> {
    let (skip, digits, radix) = match text.bytes().next()? {
        b'x' => (1, 2, 16),
        b'u' => (1, 4, 16),
        b'0' | b'1' => (0, 3, 8),
        _ => return None,
    };
    let number = text.get(skip..skip + digits).filter(|number| number.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
    let letter = u8::from_str_radix(number, radix).ok().filter(|byte| byte.is_ascii_graphic() || *byte == b' ')?;
    Some((char::from(letter), skip + digits))
}

fn place(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

impl Layer {
    /// The outermost text.
    pub(crate) fn outermost(text: &str) -> Layer {
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
    pub(crate) fn append(&mut self, other: &Layer, start: usize, end: usize) {
        self.text.push_str(&other.text[start..end]);
        self.at.extend_from_slice(&other.at[start..end]);
    }

    /// Adds a part of another layer with its escapes resolved.
    pub(crate) fn append_unescaped(&mut self, other: &Layer, start: usize, end: usize) {
        let mut from = start;
        while let Some(bytes) = other.text[from..end].find('\\') {
            let escape = from + bytes;
            let Some((resolved, bytes)) = resolved(&other.text[escape + 1..end]) else {
                self.append(other, from, escape + 1);
                from = escape + 1;
                continue;
            };
            self.append(other, from, escape);
            from = escape + 1 + bytes;
            self.push(resolved, (other.at[escape].0, other.at[from - 1].1));
        }
        self.append(other, from, end);
    }

    /// The same between single quotes, as AppleScript's `quoted form of` makes one word of it.
    pub(crate) fn append_word(&mut self, other: &Layer, start: usize, end: usize) {
        let Some((first, last)) = other.at.get(start).zip(other.at.get(end.saturating_sub(1))) else { return };
        self.push('\'', (first.0, first.0));
        self.append_unescaped(other, start, end);
        self.push('\'', (last.1, last.1));
    }

    /// Adds what stands for a variable: a space or a new line by its AppleScript name, else the name as a shell has it.
    pub(crate) fn append_reference(&mut self, other: &Layer, token: &Token, name: &str) {
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
    pub(crate) fn place(&self, start: usize, end: usize) -> Option<Range<usize>> {
        let (first, last) = (self.at.get(start)?, self.at.get(end.checked_sub(1)?)?);
        (start < end).then_some(first.0 as usize..last.1 as usize)
    }
}

/// What a lexer distinguishes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
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
pub(crate) struct Token {
    pub(crate) shape: Shape,
    /// Without the quotes.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Nothing is between this one and the one before.
    pub(crate) is_joined: bool,
}

impl Token {
    pub(crate) fn text<'l>(&self, layer: &'l Layer) -> &'l str {
        &layer.text[self.start..self.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unescaped_part_knows_where_it_stood() {
        let text = r#"say "a\"é\"b""#;
        let outer = Layer::outermost(text);
        let mut inner = Layer::default();
        inner.append_unescaped(&outer, 5, text.len() - 1);
        assert_eq!(inner.text, "a\"é\"b");
        let place = inner.place(1, 5).unwrap();
        assert_eq!(&text[place], r#"\"é\""#);
    }

    #[test]
    fn a_letter_that_is_spelled_by_its_number_is_that_letter() {
        let text = r"\x63\u0075\162l \x7 \u00e9 \101 \999 \u+063";
        let outer = Layer::outermost(text);
        let mut inner = Layer::default();
        inner.append_unescaped(&outer, 0, text.len());
        assert_eq!(inner.text, r"curl \x7 \u00e9 A \999 \u+063");
        assert_eq!(inner.place(0, 4), Some(0..15));
    }
}
