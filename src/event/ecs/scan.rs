//! The usual form of a document, read in one pass.
//!
//! Most of a replay is reading JSON, and nearly all documents are written in one way. This reads that way only, several
//! times as fast as serde_json: whatever else it meets, from an escaped key to a fault, it leaves to serde_json, which so
//! decides what is JSON, and words each error. A value that takes more than a look (escaped text, a number with a
//! fraction) is given to serde_json alone. What is between the values is compared with what earlier documents had there,
//! and read only where it differs. Both ways give the same event: a property test and a fuzz target compare them.

use std::ops::Range;

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};

use super::marks::Marks;
use super::shapes::{Lead, Next, Open, Place, Shapes};
use super::tree::{Node, Tree};
use super::value::ValueSeed;
use crate::event::Event;
use crate::event::field::Field;
use crate::event::values::{Part, Value};

/// Objects and arrays inside each other; serde_json refuses more than 127.
const MAX_DEPTH: u8 = 64;
/// Digits that fit a number of 64 bits, whatever they are.
const MAX_DIGITS: usize = 18;

/// Reads a document into an event. `None`: it has another form, or is not JSON, and the event holds a part of it.
pub(super) fn scan(tree: &Tree, shapes: &mut Shapes, text: &str, event: &mut Event) -> Option<()> {
    shapes.begin();
    let mut scan = Scan { tree, text, marks: Marks::new(text.as_bytes()), at: 0, event };
    // Behind a gap that could not be remembered nothing is known to follow.
    let (mut before, mut place) = (Some(Shapes::START), Shapes::OUTSIDE);
    loop {
        let start = scan.at;
        let lead = match before.and_then(|before| shapes.follow(before, &text.as_bytes()[start..])) {
            Some((gap, known)) => {
                before = Some(gap);
                known.flags.iter().for_each(|(field, flag)| scan.event.push(*field, Value::Bool(*flag)));
                scan.at += known.text.len();
                known.lead
            }
            None => {
                let mut flags = Vec::new();
                let lead = scan.gap(shapes, place, &mut flags)?;
                before = shapes.learn((before, place), &text.as_bytes()[start..scan.at], lead, flags);
                lead
            }
        };
        place = lead.place;
        match lead.next {
            Next::Text => scan.text(&lead)?,
            Next::Number => scan.number(&lead)?,
            Next::End => return Some(()),
        }
    }
}

struct Scan<'t> {
    tree: &'t Tree,
    text: &'t str,
    marks: Marks<'t>,
    at: usize,
    event: &'t mut Event,
}

impl Scan<'_> {
    /// Reads up to the next text, behind its quote, or the next number, or the end.
    fn gap(&mut self, shapes: &mut Shapes, mut place: Place, flags: &mut Vec<(Field, bool)>) -> Option<Lead> {
        // `Some`: a value comes, else it has been.
        let mut value = if self.at == 0 { Some(Some(Tree::ROOT)) } else { None };
        loop {
            self.skip_space();
            let Some(node) = value.take() else {
                let Open { outer, is_array, node, .. } = shapes.open(place);
                if place == Shapes::OUTSIDE {
                    return (self.at == self.text.len()).then(Lead::end);
                }
                match self.next()? {
                    b',' => {
                        self.at += 1;
                        value = Some(if is_array { node } else { self.key(node)? });
                    }
                    b']' if is_array => (self.at, place) = (self.at + 1, outer),
                    b'}' if !is_array => (self.at, place) = (self.at + 1, outer),
                    _ => return None,
                }
                continue;
            };
            let next = self.next()?;
            if place == Shapes::OUTSIDE && next != b'{' {
                return None;
            }
            match next {
                b'"' => {
                    self.at += 1;
                    return Some(self.lead(Next::Text, node, place));
                }
                b'-' | b'0'..=b'9' => return Some(self.lead(Next::Number, node, place)),
                b'{' | b'[' => (place, value) = self.open(shapes, (place, node), next == b'[')?,
                b't' => self.flag("true", node, flags)?,
                b'f' => self.flag("false", node, flags)?,
                b'n' => self.word("null")?,
                _ => return None,
            }
        }
    }

    fn lead(&self, next: Next, node: Option<Node>, place: Place) -> Lead {
        Lead { next, node, field: node.and_then(|node| self.tree.field(node)), place }
    }

    /// Reads the bracket that opens an object or an array, and what comes before its first value: the place inside, and
    /// the node of that value, if there is one.
    fn open(
        &mut self,
        shapes: &mut Shapes,
        (outer, node): (Place, Option<Node>),
        is_array: bool,
    ) -> Option<(Place, Option<Option<Node>>)> {
        let depth = shapes.open(outer).depth + 1;
        if depth > MAX_DEPTH {
            return None;
        }
        let place = shapes.enter(Open { outer, is_array, node, depth })?;
        self.at += 1;
        self.skip_space();
        let first = match self.next()? {
            b']' if is_array => None,
            b'}' if !is_array => None,
            _ if is_array => Some(node),
            _ => Some(self.key(node)?),
        };
        Some((place, first))
    }

    /// Reads a key with its colon: the node that it leads to.
    fn key(&mut self, node: Option<Node>) -> Option<Option<Node>> {
        self.skip_space();
        self.expect(b'"')?;
        let key = self.plain()?;
        self.skip_space();
        self.expect(b':')?;
        Some(node.and_then(|node| self.tree.descend(node, &self.text.as_bytes()[key])))
    }

    fn flag(&mut self, word: &str, node: Option<Node>, flags: &mut Vec<(Field, bool)>) -> Option<()> {
        self.word(word)?;
        if let Some(field) = node.and_then(|node| self.tree.field(node)) {
            let flag = word == "true";
            flags.push((field, flag));
            self.event.push(field, Value::Bool(flag));
        }
        Some(())
    }

    /// Reads text, from behind its quote.
    #[inline]
    fn text(&mut self, lead: &Lead) -> Option<()> {
        let Some(Range { start, end }) = self.plain() else { return self.escaped(lead.node) };
        if let Some(field) = lead.field {
            self.event.push(field, Value::InLine(Part::new(start as u32, (end - start) as u32)));
        }
        Some(())
    }

    /// Has serde_json read the text that begins here.
    fn escaped(&mut self, node: Option<Node>) -> Option<()> {
        let (start, mut at) = (self.at - 1, self.at);
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

    fn number(&mut self, lead: &Lead) -> Option<()> {
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
            if let Some(field) = lead.field {
                self.event.push(field, Value::Int((if is_negative { -number } else { number }).to_ne_bytes()));
            }
            return Some(());
        }
        while matches!(bytes.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            end += 1;
        }
        self.other(end, lead.node)
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
