//! Splits a layer into tokens: the words, quotes and operators that shells, AppleScript, JavaScript and JSON share.

use super::layer::{Shape, Token};

/// How every mark begins of what was left out.
pub(crate) const OPENING: &str = "[redacted";
/// Bytes of a mark, after its begin.
const MAX_MARK: usize = 32;

/// Splits a layer into tokens, each byte once.
pub(crate) fn lex(text: &str) -> Vec<Token> {
    let mut lexer = Lexer { text, at: 0, tokens: Vec::new(), is_joined: false, left: text.len() };
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
    /// Bytes that may yet be read for a substitution that does not end.
    left: usize,
}

impl Lexer<'_> {
    fn step(&mut self) {
        let rest = &self.text[self.at..];
        let Some(letter) = rest.chars().next() else { return };
        match letter {
            // What was left out before is read as one word.
            '[' if mark(rest).is_some() => self.add(Shape::Word, mark(rest).unwrap_or_default()),
            '\n' | '\r' => self.add(Shape::Operator('\n'), 1),
            '\u{AC}' if line_goes_on(rest).is_some() => {
                self.at += line_goes_on(rest).unwrap_or_default();
                self.is_joined = false;
            }
            // What a script puts together, and not a letter of a word.
            '+' if self.is_joined && self.tokens.last().is_some_and(|last| last.shape == Shape::Quoted) => {
                self.add(Shape::Word, 1);
            }
            _ if letter.is_whitespace() || separator(rest) > 0 => {
                self.at += letter.len_utf8().max(separator(rest));
                self.is_joined = false;
            }
            // The shell's `$'…'` and `$"…"`.
            '$' if opens_after_dollar(rest) => {
                let closing = if rest[1..].starts_with('"') { '"' } else { '\'' };
                self.quoted(2, &[closing], 0);
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
        // `'x'$y'z'`
        let after_reference = || match self.tokens.as_slice() {
            [.., quoted, word] => word.is_joined && word.end == self.at && self.is_reference(quoted, word.start),
            _ => false,
        };
        after_reference()
            || before.is_none_or(|before| !before.is_alphanumeric())
            || in_option()
            || is_prefix(&self.text[..self.at])
    }

    /// Whether a reference of the shell begins here, right behind a quoted text.
    fn is_reference(&self, before: &Token, start: usize) -> bool {
        before.shape == Shape::Quoted && self.text[start..].starts_with('$')
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
            if letter == '$' && run == 0 && backslashes == 0 && closing == ['"'] {
                skip_to = at + self.substitution(at).unwrap_or_default();
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

    /// The bytes of a substitution within double quotes, whose own quotes end nothing: `"$(echo "x y")"`.
    fn substitution(&mut self, at: usize) -> Option<usize> {
        let inner = self.text[at..].strip_prefix("$(")?;
        let bytes = inner.as_bytes();
        let (mut at, mut depth, mut quote) = (0, 0_usize, None);
        while at < bytes.len().min(self.left) {
            match (bytes[at], quote) {
                (b'\\', _) => at += 1,
                (byte, Some(open)) => quote = Some(open).filter(|open| *open != byte),
                (b'"' | b'\'', None) if ends_literal(&inner[at + 1..]) => break,
                (byte @ (b'"' | b'\''), None) => quote = Some(byte),
                (b'(', None) => depth += 1,
                (b')', None) if depth == 0 => return Some("$(".len() + at + 1),
                (b')', None) => depth -= 1,
                _ => {}
            }
            at += 1;
        }
        self.left = self.left.saturating_sub(at);
        None
    }

    fn word(&mut self, rest: &str) {
        let is_beside = self.is_joined && self.tokens.last().is_some_and(|last| self.is_reference(last, self.at));
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
                let belongs = |next: &char| !next.is_whitespace() || *next == ' ' && count % 2 == 1;
                at += left[count..].chars().next().filter(belongs).map_or(0, char::len_utf8);
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
                && !(is_beside && rest[at + 1..].contains('\''))
                && !(is_prefix(&rest[..at]) && rest[at + 1..].contains('\''));
            let is_joint = letter == '+' && left[1..].starts_with(['"', '\'']);
            let ends = letter.is_whitespace()
                || is_special(letter)
                || at > 0 && letter == '$' && (opens_after_dollar(left) || separator(left) > 0)
                || at > 0 && is_joint
                || letter == '\u{AC}' && line_goes_on(left).is_some();
            if ends && !is_apostrophe {
                break;
            }
            at += letter.len_utf8();
            before = letter;
        }
        self.add(Shape::Word, at);
    }
}

/// Whether a text begins with a quote of the shell that has a `$` before it.
fn opens_after_dollar(text: &str) -> bool {
    let mut letters = text.chars().skip(1).take(1);
    let Some(quote @ ('\'' | '"')) = letters.next().filter(|_| text.starts_with('$')) else { return false };
    text[2..].contains(quote)
}

/// The bytes of the variable that the shell splits words at, which stands for a space: `${IFS}`, `$IFS`, `$IFS$9`.
fn separator(text: &str) -> usize {
    if let Some(rest) = text.strip_prefix("${IFS") {
        let bytes = rest.bytes().take_while(|byte| b":%?0123456789".contains(byte)).count();
        return if rest[bytes..].starts_with('}') { "${IFS".len() + bytes + 1 } else { 0 };
    }
    let Some(rest) = text.strip_prefix("$IFS") else { return 0 };
    match rest.chars().next() {
        Some(next) if next.is_alphanumeric() || next == '_' => 0,
        _ if rest.starts_with("$9") => "$IFS$9".len(),
        _ => "$IFS".len(),
    }
}

/// Whether a text ends with what Python writes before a quote: `b'x'`.
fn is_prefix(text: &str) -> bool {
    let mut letters = text.chars().rev();
    let is_last = letters.next().is_some_and(|letter| "bBrRuUfF".contains(letter));
    is_last && letters.next().is_none_or(|letter| "=(,[{: \n".contains(letter))
}

/// The bytes of the mark that a text begins with.
fn mark(text: &str) -> Option<usize> {
    let mark = text.strip_prefix(OPENING)?;
    mark.bytes().take(MAX_MARK).position(|byte| byte == b']').map(|end| OPENING.len() + end + 1)
}

/// The bytes of AppleScript's mark of a line that goes on, with the end of its line.
fn line_goes_on(text: &str) -> Option<usize> {
    let rest = text.strip_prefix('\u{AC}')?.trim_start_matches([' ', '\t']);
    let end = ["\r\n", "\n", "\r"].into_iter().find(|end| rest.starts_with(end))?;
    Some(text.len() - rest.len() + end.len())
}

/// Whether what follows a quote shows that a literal of AppleScript, JavaScript or JSON ends there: `"$(" & x & ")"`.
fn ends_literal(rest: &str) -> bool {
    let rest = rest.trim_start_matches([' ', '\t']);
    rest.is_empty() || rest.starts_with(['&', '+', ',', ';', ':', ')', '}', ']', '\n', '\r'])
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
            ("pw \u{AC}\n\"a b\" x\u{AC} \r\ny \u{AC}z", &["pw", "a b", "x", "y", "\u{AC}z"]),
            (
                "-p[redacted: password] [redacted: key #a1b2c3]a",
                &["-p", "[redacted: password]", "[redacted: key #a1b2c3]", "a"],
            ),
            ("'a'+b+'c' d+e+", &["a", "+", "b", "+", "c", "d+e+"]),
            ("'a'$B'c d' $B's", &["a", "$B", "c d", "$B's"]),
            (r#"a "$(b "c d" $(e))" f"#, &["a", r#"$(b "c d" $(e))"#, "f"]),
            (r#""$(" & a & ")" "$(b" "$(c)""#, &["$(", "&", "a", "&", ")", "$(b", "$(c)"]),
            ("a|b;c&d", &["a", "|", "b", ";", "c", "&", "d"]),
            (r#"a $'b c' -p$'d\'e' $"f g" $h'i"#, &["a", "b c", "-p", r"d\'e", "f g", "$h'i"]),
            (r"a\ b c\\ d", &[r"a\ b", r"c\\", "d"]),
            ("a${IFS}b$IFS-c$IFS$9d${IFS%??}e $IFSX", &["a", "b", "-c", "d", "e", "$IFSX"]),
        ] {
            assert_eq!(split(text), wanted, "{text}");
        }
    }
}
