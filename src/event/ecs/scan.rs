//! The usual form of a document, read in one pass.
//!
//! Most of a replay is reading JSON, and nearly all documents are written in one way. This reads that way only, several
//! times as fast as serde_json: whatever else it meets, from an escaped key to a fault, it leaves to serde_json, which so
//! decides what is JSON, and words each error. A value that takes more than a look (escaped text, a number with a
//! fraction) is given to serde_json alone. Both ways give the same event: a property test and a fuzz target compare them.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};

use super::marks::Marks;
use super::tree::{Node, Tree};
use super::value::ValueSeed;
use crate::event::Event;
use crate::event::values::Value;

/// Objects and arrays inside each other; serde_json refuses more than 127.
const MAX_DEPTH: u32 = 64;
/// Digits that fit a number of 64 bits, whatever they are.
const MAX_DIGITS: usize = 18;

/// Reads a document into an event. `None`: it has another form, or is not JSON, and the event holds a part of it.
pub(super) fn scan(tree: &Tree, text: &str, event: &mut Event) -> Option<()> {
    let mut scan = Scan { tree, text, marks: Marks::new(text.as_bytes()), at: 0, event };
    scan.skip_space();
    scan.object(Some(Tree::ROOT), MAX_DEPTH)?;
    scan.skip_space();
    (scan.at == text.len()).then_some(())
}

struct Scan<'t> {
    tree: &'t Tree,
    text: &'t str,
    marks: Marks<'t>,
    at: usize,
    event: &'t mut Event,
}

impl Scan<'_> {
    /// One value; below a key that leads to no wanted field, `None`, it is only checked.
    fn value(&mut self, node: Option<Node>, depth: u32) -> Option<()> {
        match self.next()? {
            b'"' => self.text(node),
            b'{' => self.object(node, depth),
            b'[' => self.array(node, depth),
            b'-' | b'0'..=b'9' => self.number(node),
            b't' => self.word("true").map(|()| self.push(node, Value::Bool(true))),
            b'f' => self.word("false").map(|()| self.push(node, Value::Bool(false))),
            b'n' => self.word("null"),
            _ => None,
        }
    }

    fn object(&mut self, node: Option<Node>, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        if self.is_empty(b'{', b'}')? {
            return Some(());
        }
        loop {
            self.expect(b'"')?;
            let key = self.plain()?;
            let child = node.and_then(|node| self.tree.descend(node, &self.text.as_bytes()[key]));
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            self.value(child, depth)?;
            if self.is_last(b'}')? {
                return Some(());
            }
        }
    }

    fn array(&mut self, node: Option<Node>, depth: u32) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        if self.is_empty(b'[', b']')? {
            return Some(());
        }
        loop {
            self.value(node, depth)?;
            if self.is_last(b']')? {
                return Some(());
            }
        }
    }

    /// Reads the bracket that opens an object or an array, and the one that closes it if nothing is between them.
    fn is_empty(&mut self, open: u8, close: u8) -> Option<bool> {
        self.expect(open)?;
        self.skip_space();
        let is_empty = self.next()? == close;
        self.at += usize::from(is_empty);
        Some(is_empty)
    }

    /// After a value: whether it was the last one. Else it is before the next.
    fn is_last(&mut self, close: u8) -> Option<bool> {
        self.skip_space();
        let next = self.next()?;
        self.at += 1;
        if next == b',' {
            self.skip_space();
            return Some(false);
        }
        (next == close).then_some(true)
    }

    fn text(&mut self, node: Option<Node>) -> Option<()> {
        let start = self.at;
        self.at += 1;
        match self.plain() {
            Some(Range { start, end }) => {
                self.push(node, Value::InLine { start: start as u32, len: (end - start) as u32 });
                Some(())
            }
            None => self.escaped(start, node),
        }
    }

    /// Has serde_json read the text that begins here.
    fn escaped(&mut self, start: usize, node: Option<Node>) -> Option<()> {
        let mut at = start + 1;
        loop {
            at = self.marks.from(at)?;
            match self.text.as_bytes()[at] {
                b'"' => break,
                b'\\' => at += 2,
                _ => return None,
            }
        }
        self.at = start;
        self.other(at + 1, node)
    }

    /// Where the text is that begins here, behind its quote, unless something in it is escaped. Then the place is behind it.
    #[inline]
    fn plain(&mut self) -> Option<Range<usize>> {
        let (start, end) = (self.at, self.marks.from(self.at)?);
        if self.text.as_bytes()[end] != b'"' {
            return None;
        }
        self.at = end + 1;
        Some(start..end)
    }

    fn number(&mut self, node: Option<Node>) -> Option<()> {
        let bytes = self.text.as_bytes();
        let is_negative = bytes[self.at] == b'-';
        let start = self.at + usize::from(is_negative);
        let mut number = 0i64;
        let mut end = start;
        while let Some(digit @ b'0'..=b'9') = bytes.get(end) {
            number = number.wrapping_mul(10).wrapping_add(i64::from(digit - b'0'));
            end += 1;
        }
        let is_whole = !matches!(bytes.get(end), Some(b'.' | b'e' | b'E' | b'+' | b'-'));
        // Of several digits the first is not 0, and no zero is negative.
        let is_usual = bytes.get(start) != Some(&b'0') || (end == start + 1 && !is_negative);
        if is_whole && is_usual && (1..=MAX_DIGITS).contains(&(end - start)) {
            self.at = end;
            self.push(node, Value::Int((if is_negative { -number } else { number }).to_ne_bytes()));
            return Some(());
        }
        while matches!(bytes.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            end += 1;
        }
        self.other(end, node)
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.text.as_bytes()[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    /// Has serde_json read the value that ends here.
    fn other(&mut self, end: usize, node: Option<Node>) -> Option<()> {
        let mut json = serde_json::Deserializer::from_str(&self.text[self.at..end]);
        match node {
            Some(node) => {
                let base = self.text.as_ptr() as usize;
                ValueSeed { tree: self.tree, node, base, event: self.event }.deserialize(&mut json).ok()?;
            }
            None => _ = IgnoredAny::deserialize(&mut json).ok()?,
        }
        json.end().ok()?;
        self.at = end;
        Some(())
    }

    /// Adds a value, if the place is that of a wanted field.
    fn push(&mut self, node: Option<Node>, value: Value) {
        if let Some(field) = node.and_then(|node| self.tree.field(node)) {
            self.event.push(field, value);
        }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.text.as_bytes().get(self.at) {
            self.at += 1;
        }
    }

    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }
}
