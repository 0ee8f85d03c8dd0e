//! Lucene's regular expressions, which Elasticsearch asks a field, as those of the `regex` crate.
//!
//! A backslash makes what is no letter stand for itself, and begins the classes `\d \s \w`; `^` and `$` are no anchors;
//! what follows `*`, `+`, `?` or `{…}` repeats all of it; only ASCII letters have two cases, and none does in a range.

use std::fmt::Write;

/// Repetitions of repetitions.
const REPETITIONS: usize = 8;

/// A class as ranges of characters.
type Ranges = Vec<(char, char)>;

/// Where the case of letters does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caseless {
    Nowhere,
    /// `regex~`: `[abc]` is `[abcABC]`, and `[a-c]` is `[a-c]`.
    Characters,
    /// In a field whose values are indexed in lower case.
    Everywhere,
}

/// The expression in the syntax of the `regex` crate, or what is wrong with it.
pub(super) fn translated(pattern: &str, caseless: Caseless) -> Result<String, String> {
    let mut translator = Translator { rest: pattern, caseless, text: String::new(), atom: None, groups: Vec::new() };
    while let Some(c) = translator.next() {
        translator.take(c)?;
    }
    match (translator.groups.is_empty(), pattern.is_empty()) {
        (false, _) => Err("a closing parenthesis is missing".to_owned()),
        (true, true) => Ok(String::new()),
        (true, false) => translator.end_alternative().map(|()| translator.text),
    }
}

struct Translator<'p> {
    rest: &'p str,
    caseless: Caseless,
    text: String,
    /// Where in the text what can be repeated begins, and how often it is repeated already.
    atom: Option<(usize, usize)>,
    /// Where in the text each open parenthesis is.
    groups: Vec<usize>,
}

impl Translator<'_> {
    fn next(&mut self) -> Option<char> {
        let mut chars = self.rest.chars();
        let next = chars.next();
        self.rest = chars.as_str();
        next
    }

    fn take_if(&mut self, c: char) -> bool {
        let rest = self.rest.strip_prefix(c);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn take(&mut self, c: char) -> Result<(), String> {
        match c {
            '*' | '+' | '?' if self.atom.is_some() => self.repeat(&c.to_string())?,
            '{' if self.atom.is_some() => {
                let count = self.count()?;
                self.repeat(&count)?;
            }
            '|' => {
                self.end_alternative()?;
                self.text.push('|');
            }
            '(' if self.rest.starts_with('?') => {
                return Err("`(?` has no meaning in Elasticsearch; `regex~` disregards case".to_owned());
            }
            '(' if self.take_if(')') => self.begin("(?:)"),
            '(' => {
                self.groups.push(self.text.len());
                self.text.push_str("(?:");
                self.atom = None;
            }
            ')' => {
                let start = self.groups.pop().ok_or("an opening parenthesis is missing")?;
                self.end_alternative()?;
                self.text.push(')');
                self.atom = Some((start, 0));
            }
            _ => self.atom(c)?,
        }
        Ok(())
    }

    /// What may be repeated, and is neither a group nor empty.
    fn atom(&mut self, c: char) -> Result<(), String> {
        match c {
            '[' => self.class()?,
            '"' => {
                let (quoted, rest) =
                    self.rest.split_once('"').ok_or("`\"` quotes text: write \\\" for the character")?;
                self.rest = rest;
                self.begin("(?:");
                quoted.chars().for_each(|c| self.literal(c));
                self.text.push(')');
            }
            '@' => self.begin("(?:.*)"),
            '.' => self.begin("."),
            '~' | '&' | '<' | '#' => {
                return Err(format!("Lucene's operator `{c}` is not supported: write \\{c} for the character"));
            }
            '^' | '$' => {
                let why = "is no anchor in Elasticsearch, where a regular expression matches the whole value";
                return Err(format!("`{c}` {why}: leave it out, or write \\{c} for the character"));
            }
            '\\' => {
                let escaped = self.next().ok_or("a character is missing after the last backslash")?;
                let class = predefined(escaped)?;
                self.begin("");
                match class {
                    Some(ranges) => self.ranges(false, &ranges),
                    None => self.literal(escaped),
                }
            }
            plain => {
                self.begin("");
                self.literal(plain);
            }
        }
        Ok(())
    }

    /// Begins with this what may be repeated.
    fn begin(&mut self, text: &str) {
        self.atom = Some((self.text.len(), 0));
        self.text.push_str(text);
    }

    fn literal(&mut self, c: char) {
        let mut ranges = Ranges::new();
        self.add(c, &mut ranges);
        self.ranges(false, &ranges);
    }

    /// Adds a character to a class.
    fn add(&self, c: char, ranges: &mut Ranges) {
        ranges.push((c, c));
        if self.caseless == Caseless::Characters {
            ranges.extend(other_cases(c, c));
        }
    }

    fn repeat(&mut self, operator: &str) -> Result<(), String> {
        let Some((start, times)) = self.atom else { return Ok(()) };
        if times == REPETITIONS {
            return Err(format!("more than {REPETITIONS} repetitions follow each other"));
        }
        if times > 0 {
            // `a+?` is `(a+)?`, and not a lazy `a+`.
            self.text.insert_str(start, "(?:");
            self.text.push(')');
        }
        self.text.push_str(operator);
        self.atom = Some((start, times + 1));
        Ok(())
    }

    /// `n}`, `n,}` or `n,m}`.
    fn count(&mut self) -> Result<String, String> {
        let wrong = || "`{` counts as in {2}, {2,} or {2,5}: write \\{ for the character".to_owned();
        let (count, rest) = self.rest.split_once('}').ok_or_else(wrong)?;
        self.rest = rest;
        let number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u32>().ok())?;
        let (least, most) = count.split_once(',').unwrap_or((count, count));
        let least = number(least).ok_or_else(wrong)?;
        if most.is_empty() && count.contains(',') {
            return Ok(format!("{{{least},}}"));
        }
        let most = number(most).filter(|most| least <= *most).ok_or_else(wrong)?;
        Ok(format!("{{{least},{most}}}"))
    }

    fn end_alternative(&mut self) -> Result<(), String> {
        self.atom.take().map(|_| ()).ok_or_else(|| "an alternative is empty: write () for no text".to_owned())
    }

    /// After `[`, to its `]`.
    fn class(&mut self) -> Result<(), String> {
        let missing = || "`]` is missing: write \\[ for the character".to_owned();
        let negated = self.take_if('^');
        let mut ranges = Ranges::new();
        while ranges.is_empty() || !self.take_if(']') {
            let is_escaped = self.rest.starts_with('\\');
            let first = self.class_character().ok_or_else(missing)?;
            if let Some(class) = if is_escaped { predefined(first)? } else { None } {
                ranges.extend(class);
                continue;
            }
            // A hyphen begins a range that ends with the bracket; after what is escaped, it does so in some versions.
            if self.rest.starts_with('-') && self.rest.starts_with("-]") != is_escaped {
                return Err("`-` begins a range in Elasticsearch: write \\- for the character".to_owned());
            }
            let is_range = !is_escaped && self.take_if('-');
            if !is_range {
                self.add(first, &mut ranges);
                continue;
            }
            let last = self.class_character().ok_or_else(missing)?;
            if first > last {
                return Err(format!("the range {first}-{last} is empty"));
            }
            ranges.push((first, last));
        }
        self.begin("");
        self.ranges(negated, &ranges);
        Ok(())
    }

    fn class_character(&mut self) -> Option<char> {
        self.take_if('\\');
        self.next()
    }

    /// A character of these ranges, or of none of them.
    fn ranges(&mut self, negated: bool, ranges: &[(char, char)]) {
        self.text.push_str(if negated { "[^" } else { "[" });
        for (first, last) in ranges {
            self.range(*first, *last);
            if self.caseless == Caseless::Everywhere {
                other_cases(*first, *last).for_each(|(first, last)| self.range(first, last));
            }
        }
        self.text.push(']');
    }

    fn range(&mut self, first: char, last: char) {
        let _ = write!(self.text, "\\x{{{:x}}}-\\x{{{:x}}}", u32::from(first), u32::from(last));
    }
}

/// The ASCII letters of a range in their other case.
fn other_cases(first: char, last: char) -> impl Iterator<Item = (char, char)> {
    let cases = [('a', 'z', 'A'), ('A', 'Z', 'a')].into_iter();
    cases.filter_map(move |(from, to, other)| {
        let (first, last) = (first.max(from), last.min(to));
        let cased = |c: char| char::from(other as u8 + (c as u8 - from as u8));
        (first <= last).then(|| (cased(first), cased(last)))
    })
}

/// The classes that a letter after a backslash stands for; those in capitals are all other characters. No other letter
/// can be there.
fn predefined(letter: char) -> Result<Option<Ranges>, String> {
    let ranges = match letter.to_ascii_lowercase() {
        'd' => vec![('0', '9')],
        's' => vec![('\t', '\n'), ('\r', '\r'), (' ', ' ')],
        'w' => vec![('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')],
        'a'..='z' => {
            return Err(format!("`\\{letter}` has no meaning in Elasticsearch: write {letter} for the character"));
        }
        _ => return Ok(None),
    };
    if letter.is_ascii_lowercase() {
        return Ok(Some(ranges));
    }
    let after = |c: char| char::from(c as u8 + 1);
    let mut from = '\0';
    let mut others = Ranges::new();
    for (first, last) in ranges {
        if from < first {
            others.push((from, char::from(first as u8 - 1)));
        }
        from = after(last);
    }
    others.push((from, char::MAX));
    Ok(Some(others))
}
