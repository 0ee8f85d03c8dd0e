//! Finds where a JSON value ends, without reading its content; whether it is valid, its decoder finds out.

use std::ops::Range;

/// How deep a value may nest, as serde_json limits it.
const MAX_DEPTH: u32 = 127;

/// Members of a search response, a scroll dump or an export whose arrays hold documents, or rows of values.
const ENVELOPES: &[&[u8]] = &[
    b"hits",
    b"responses",
    b"response",
    b"rawResponse",
    b"events",
    b"results",
    b"records",
    b"Records",
    b"rows",
    b"values",
    b"tables",
    b"docs",
    b"sequences",
    b"logEvents",
    b"data",
    b"result",
    b"streams",
    b"Messages",
    b"Tables",
    b"Rows",
    b"resourceLogs",
    b"scopeLogs",
    b"logRecords",
];

/// Which bytes mean something outside of strings; of a pretty-printed value, most are spaces.
static MARKS: [bool; 256] = {
    let (mut marks, bytes) = ([false; 256], b"\"{}[]:,");
    let mut at = 0;
    while at < bytes.len() {
        marks[bytes[at] as usize] = true;
        at += 1;
    }
    marks
};

/// What the scanner came to.
#[derive(Debug, PartialEq)]
pub(super) enum Found {
    /// The value ends before this place.
    End(usize),
    /// At this place an array begins that holds documents, inside of this many objects.
    Array(usize, u32),
    /// The text ends before the value does.
    More,
    /// The value cannot be JSON.
    Bad(usize, Fault),
    /// A line starts here, within what is skipped, and may be a value.
    Line(usize),
}

/// Why a value cannot be JSON.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fault {
    /// A line ends within a string.
    LineBreak,
    /// An object or array begins where none can.
    Unexpected,
    /// A bracket closes what was not opened.
    Unbalanced,
    /// It nests deeper than values are read.
    TooDeep,
}

/// Walks through one value; text may come in pieces.
#[derive(Debug)]
pub(super) struct Scanner {
    /// Where to continue.
    pub(super) at: usize,
    depth: u32,
    /// One bit for each level: whether it is an object.
    objects: u128,
    /// The outermost levels, as far as they may lead to an array of documents.
    envelope: u32,
    in_string: bool,
    /// The last quote, bracket, colon or comma; 0 at the start.
    last: u8,
    /// The string read last.
    string: Range<usize>,
    /// How deep it is, when brackets are only counted: it nests deeper than values are read.
    counting: Option<u64>,
}

impl Scanner {
    /// A scanner for the value that starts at this place.
    pub(super) fn new(at: usize) -> Scanner {
        Scanner { at, depth: 0, objects: 0, envelope: 0, in_string: false, last: 0, string: at..at, counting: None }
    }

    /// A scanner for what follows, at this place, an array of documents inside of this many objects.
    pub(super) fn after_array(at: usize, depth: u32) -> Scanner {
        let objects = (1_u128 << depth) - 1;
        Scanner { at, depth, objects, envelope: depth, in_string: false, last: b']', string: at..at, counting: None }
    }

    /// Continues until the value ends, or the text does. All places move with the text, see [`Scanner::shift`].
    pub(super) fn run(&mut self, text: &[u8]) -> Found {
        while self.at < text.len() {
            if self.in_string {
                match self.string(text) {
                    Some(found) => return found,
                    None => continue,
                }
            }
            let Some(byte) = self.next_mark(text) else { return Found::More };
            match byte {
                b'"' => {
                    self.in_string = true;
                    self.string = self.at + 1..self.at + 1;
                }
                b'{' | b'[' | b'}' | b']' if self.counting.is_some() => {
                    self.count(byte);
                    if self.counting == Some(0) {
                        self.at += 1;
                        return Found::End(self.at);
                    }
                }
                b'{' | b'[' => {
                    if let Some(found) = self.open(byte, text) {
                        return found;
                    }
                }
                b'}' | b']' => {
                    if self.depth == 0 || (byte == b'}') != self.in_object() {
                        return Found::Bad(self.at, Fault::Unbalanced);
                    }
                    self.depth -= 1;
                    self.envelope = self.envelope.min(self.depth);
                    self.last = byte;
                    if self.depth == 0 {
                        self.at += 1;
                        return Found::End(self.at);
                    }
                }
                b':' | b',' => self.last = byte,
                b'\n' if self.counting.is_some() => match text.get(self.at + 1) {
                    None => return Found::More,
                    Some(b'{') => return Found::Line(self.at + 1),
                    Some(_) => {}
                },
                _ => {}
            }
            self.at += 1;
        }
        Found::More
    }

    /// Goes on to the next byte that means something outside of strings.
    fn next_mark(&mut self, text: &[u8]) -> Option<u8> {
        let is_counting = self.counting.is_some();
        let is_mark = |byte: &u8| MARKS[usize::from(*byte)] || *byte == b'\n' && is_counting;
        let rest = &text[self.at..];
        self.at += rest.iter().position(is_mark).unwrap_or(rest.len());
        text.get(self.at).copied()
    }

    /// Takes the array that was found as a part of the value.
    pub(super) fn enter(&mut self) {
        self.push(b'[');
        self.at += 1;
    }

    /// The name of the array that was found.
    pub(super) fn name<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        text.get(self.string.clone()).unwrap_or_default()
    }

    /// Only counts brackets from here on.
    pub(super) fn count_only(&mut self) {
        self.counting = Some(self.depth.into());
    }

    fn count(&mut self, byte: u8) {
        let depth = self.counting.unwrap_or(0);
        self.counting = Some(if matches!(byte, b'{' | b'[') { depth + 1 } else { depth.saturating_sub(1) });
    }

    /// This many bytes at the start of the text are gone.
    pub(super) fn shift(&mut self, gone: usize) {
        self.at = self.at.saturating_sub(gone);
        // Of a string that is gone in part, nothing is known.
        let start = self.string.start.checked_sub(gone);
        self.string = start.map_or(self.at..self.at, |start| start..self.string.end - gone);
    }

    /// From where the text is still needed, when the value itself is not kept.
    pub(super) fn needed_from(&self) -> usize {
        let key = self.in_string || matches!(self.last, b'"' | b':');
        if key && self.at - self.string.start < 256 { self.string.start.min(self.at) } else { self.at }
    }

    /// Goes to the end of a string; `None` when it ended.
    fn string(&mut self, text: &[u8]) -> Option<Found> {
        let Some(next) = memchr::memchr3(b'"', b'\\', b'\n', &text[self.at..]) else {
            self.at = text.len();
            return Some(Found::More);
        };
        let found = self.at + next;
        match (text[found], text.get(found + 1)) {
            (b'"', _) => {
                self.in_string = false;
                self.string.end = found;
                self.last = b'"';
                self.at = found + 1;
                None
            }
            (b'\\', None) => {
                self.at = found;
                Some(Found::More)
            }
            (b'\\', Some(escaped)) if *escaped != b'\n' => {
                self.at = found + 2;
                None
            }
            _ => Some(Found::Bad(found, Fault::LineBreak)),
        }
    }

    /// An object or array begins.
    fn open(&mut self, byte: u8, text: &[u8]) -> Option<Found> {
        let may_begin = match self.last {
            0 | b':' | b'[' => true,
            b',' => !self.in_object(),
            _ => false,
        };
        if !may_begin {
            return Some(Found::Bad(self.at, Fault::Unexpected));
        }
        if self.depth == MAX_DEPTH {
            return Some(Found::Bad(self.at, Fault::TooDeep));
        }
        let named = || ENVELOPES.contains(&self.name(text));
        if self.depth == self.envelope && (self.depth == 0 || self.last == b':' && named()) {
            if byte == b'[' && self.depth > 0 {
                return Some(Found::Array(self.at, self.depth));
            }
            self.envelope += u32::from(byte == b'{');
        }
        self.push(byte);
        None
    }

    fn push(&mut self, byte: u8) {
        let bit = 1 << self.depth;
        self.objects = if byte == b'{' { self.objects | bit } else { self.objects & !bit };
        self.depth += 1;
        self.last = byte;
    }

    fn in_object(&self) -> bool {
        self.depth > 0 && self.objects & (1 << (self.depth - 1)) != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str) -> Found {
        Scanner::new(0).run(text.as_bytes())
    }

    #[test]
    fn a_value_ends_with_its_last_bracket_whatever_its_strings_hold() {
        for (text, end) in [("{}", 2), (r#"{"a":"}\"]"} {}"#, 12), ("{\n \"a\": [1, {}, []]\n}\n", 21)] {
            assert_eq!(scan(text), Found::End(end), "{text}");
        }
        assert_eq!(scan(r#"{"a": "b\"#), Found::More);
    }

    #[test]
    fn a_torn_value_is_found_where_the_next_one_begins_or_at_the_line_break_in_its_text() {
        for (text, at, fault) in [
            ("{\"a\":{\"b\":1,\n{\"c\":1}", 13, Fault::Unexpected),
            ("{\"a\":\"b\n{\"c\":1}", 7, Fault::LineBreak),
            ("{\"a\":[1}", 7, Fault::Unbalanced),
        ] {
            assert_eq!(scan(text), Found::Bad(at, fault), "{text}");
        }
        assert_eq!(scan(&"{\"a\":".repeat(200)), Found::Bad(127 * 5, Fault::TooDeep));
    }

    #[test]
    fn the_array_of_a_search_response_is_found_and_others_are_not() {
        let text = r#"{"took":{"hits":[1]},"hits":{"total":[2],"hits":[{}],"x":[3]},"responses":[]}"#;
        let mut scanner = Scanner::new(0);
        let hits = text.find("[{}]").unwrap();
        assert_eq!(scanner.run(text.as_bytes()), Found::Array(hits, 2));
        let mut scanner = Scanner::after_array(hits + 4, 2);
        let responses = text.rfind('[').unwrap();
        assert_eq!(scanner.run(text.as_bytes()), Found::Array(responses, 1));
        let mut scanner = Scanner::after_array(responses + 2, 1);
        assert_eq!(scanner.run(text.as_bytes()), Found::End(text.len()));
    }

    #[test]
    fn the_pieces_of_a_value_may_end_anywhere() {
        let text = r#"{"a\"b": [{"hits": "\\"}], "hits": {"hits": {}}}"#;
        for end in 0..text.len() {
            let mut scanner = Scanner::new(0);
            assert_eq!(scanner.run(&text.as_bytes()[..end]), Found::More);
            assert_eq!(scanner.run(text.as_bytes()), Found::End(text.len()), "{end}");
        }
    }
}
