//! Wildcard patterns: `*` is any run of characters, `?` is one character, all else is itself.

/// Bytes of paths and command lines, the most common first.
const COMMON: &[u8] = b" /.-_aeitosrnlcdpmuhgbfvywkxjqz0123456789";

/// A compiled pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Pattern {
    /// In lower case when case does not count.
    pattern: Box<[u8]>,
    /// Where its byte is that is least likely in a text.
    rarest: usize,
    insensitive: bool,
    shape: Shape,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Shape {
    Exact,
    /// `text*`
    Prefix,
    /// `*text`
    Suffix,
    /// `*text*`
    Inner,
    Any,
}

impl Pattern {
    /// Compiles a pattern; `insensitive` disregards the case of ASCII letters.
    pub(super) fn new(text: &str, insensitive: bool) -> Pattern {
        let text = if insensitive { text.to_ascii_lowercase() } else { text.to_owned() };
        let inner = text.trim_matches('*');
        let plain = !inner.contains(['*', '?']) && !inner.is_empty();
        let (shape, pattern) = match (text.starts_with('*'), text.ends_with('*')) {
            (false, false) if plain || text.is_empty() => (Shape::Exact, text.as_str()),
            (false, true) if plain => (Shape::Prefix, inner),
            (true, false) if plain => (Shape::Suffix, inner),
            (true, true) if plain => (Shape::Inner, inner),
            _ => (Shape::Any, text.as_str()),
        };
        Pattern::of(pattern, insensitive, shape)
    }

    fn of(text: &str, insensitive: bool, shape: Shape) -> Pattern {
        let rank = |byte: &u8| COMMON.iter().position(|common| *common == byte.to_ascii_lowercase());
        let rarest = text.bytes().enumerate().max_by_key(|(_, byte)| rank(byte).unwrap_or(COMMON.len()));
        Pattern { pattern: text.as_bytes().into(), rarest: rarest.map_or(0, |(at, _)| at), insensitive, shape }
    }

    /// Text that begins with this, taken literally.
    pub(super) fn prefix(text: &str, insensitive: bool) -> Pattern {
        Pattern::of(text, insensitive, Shape::Prefix)
    }

    /// Text that ends with this, taken literally.
    pub(super) fn suffix(text: &str, insensitive: bool) -> Pattern {
        Pattern::of(text, insensitive, Shape::Suffix)
    }

    /// Text that holds this, taken literally.
    pub(super) fn inner(text: &str, insensitive: bool) -> Pattern {
        Pattern::of(text, insensitive, Shape::Inner)
    }

    /// Whether the whole text matches.
    pub(super) fn matches(&self, text: &str) -> bool {
        let (text, pattern) = (text.as_bytes(), &self.pattern);
        let same = |part: &[u8]| self.same(part);
        match self.shape {
            Shape::Exact => same(text),
            Shape::Prefix => text.len() >= pattern.len() && same(&text[..pattern.len()]),
            Shape::Suffix => text.len() >= pattern.len() && same(&text[text.len() - pattern.len()..]),
            Shape::Inner if pattern.is_empty() => true,
            Shape::Inner if self.insensitive => self.is_in(text),
            Shape::Inner => memchr::memmem::find(text, pattern).is_some(),
            Shape::Any => self.glob(text),
        }
    }

    fn same(&self, part: &[u8]) -> bool {
        if self.insensitive { part.eq_ignore_ascii_case(&self.pattern) } else { *part == *self.pattern }
    }

    /// Looks only where its rarest byte stands: a program can have a megabyte of arguments.
    fn is_in(&self, text: &[u8]) -> bool {
        let Some(last) = text.len().checked_sub(self.pattern.len()) else { return false };
        let (one, other) = self.cases(self.pattern[self.rarest]);
        memchr::memchr2_iter(one, other, &text[self.rarest..=last + self.rarest])
            .any(|at| self.same(&text[at..at + self.pattern.len()]))
    }

    fn cases(&self, byte: u8) -> (u8, u8) {
        if self.insensitive { (byte.to_ascii_lowercase(), byte.to_ascii_uppercase()) } else { (byte, byte) }
    }

    /// The first place from here on at which what follows a `*` can begin.
    fn next(&self, text: &[u8], from: usize, after_star: usize) -> Option<usize> {
        match self.pattern.get(after_star) {
            None | Some(b'*' | b'?') => Some(from),
            Some(byte) => {
                let (one, other) = self.cases(*byte);
                memchr::memchr2(one, other, &text[from..]).map(|skipped| from + skipped)
            }
        }
    }

    /// Backtracks only to the last `*`: linear in the product of the lengths, whatever the pattern.
    fn glob(&self, text: &[u8]) -> bool {
        let (mut at, mut in_pattern) = (0, 0);
        let mut resume: Option<(usize, usize)> = None;
        while at < text.len() {
            match self.pattern.get(in_pattern) {
                Some(b'*') => {
                    in_pattern += 1;
                    resume = Some((at, in_pattern));
                }
                Some(b'?') => {
                    at += character_length(text[at]);
                    in_pattern += 1;
                }
                Some(byte) if *byte == self.fold(text[at]) => {
                    at += 1;
                    in_pattern += 1;
                }
                _ => match resume {
                    Some((from, after_star)) => {
                        let from = from + character_length(text[from]);
                        let Some(from) = self.next(text, from, after_star) else { return false };
                        resume = Some((from, after_star));
                        at = from;
                        in_pattern = after_star;
                    }
                    None => return false,
                },
            }
        }
        self.pattern[in_pattern.min(self.pattern.len())..].iter().all(|byte| *byte == b'*')
    }

    fn fold(&self, byte: u8) -> u8 {
        if self.insensitive { byte.to_ascii_lowercase() } else { byte }
    }
}

/// The length in bytes of the UTF-8 character that begins with this byte.
fn character_length(first: u8) -> usize {
    match first {
        0xc0..0xe0 => 2,
        0xe0..0xf0 => 3,
        0xf0.. => 4,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use proptest::prelude::*;

    #[test]
    fn star_is_any_run_and_question_mark_one_character() {
        for (pattern, text, matches) in [
            ("*", "", true),
            ("?", "", false),
            ("?", "é", true),
            ("??", "é", false),
            ("a*c", "abbc", true),
            ("a*c", "abbd", false),
            ("*b*b*", "abab", true),
            ("**", "x", true),
            ("a?c*", "abcd", true),
            ("com.apple.*", "comXapple.x", false),
            ("", "", true),
            ("", "a", false),
            ("*a", "ba", true),
            ("a*", "b", false),
        ] {
            assert_eq!(Pattern::new(pattern, false).matches(text), matches, "{pattern} on {text}");
        }
        assert!(Pattern::new("*CuRl*", true).matches("/usr/bin/cURL x"));
        assert!(!Pattern::new("É", true).matches("é"), "only ASCII letters have two cases");
        assert!(!Pattern::new("*curl*", false).matches("CURL"));
    }

    /// By recursion over characters: slow, and plainly the definition.
    fn model(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| model(rest, &text[at..])),
            Some(('?', rest)) => !text.is_empty() && model(rest, &text[1..]),
            Some((c, rest)) => text.first() == Some(c) && model(rest, &text[1..]),
        }
    }

    proptest! {
        #[test]
        fn text_in_either_case_is_found_wherever_it_stands(inner in "[aBy é]{1,4}", text in "[AbyY éÉ]{0,12}") {
            let found = text.to_ascii_lowercase().contains(&inner.to_ascii_lowercase());
            prop_assert_eq!(Pattern::new(&format!("*{inner}*"), true).matches(&text), found);
            prop_assert_eq!(Pattern::inner(&inner, true).matches(&text), found);
        }

        #[test]
        fn agrees_with_the_definition(pattern in "[ab*?é]{0,8}", text in "[abé]{0,10}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(Pattern::new(&pattern, false).matches(&text), model(&chars(&pattern), &chars(&text)));
        }
    }
}
