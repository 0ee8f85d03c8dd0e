//! What is between two values of a document, read byte by byte.

use super::marks::Marks;
use super::shapes::{Gap, Lead, Next, Open, Place, Shapes};
use super::tree::{Node, Tree};
use crate::event::field::Field;

/// Objects and arrays inside each other; serde_json refuses more than 127.
const MAX_DEPTH: u8 = 64;

/// Reads from a place up to the next text, behind its quote, or the next number, or the end, and remembers what is there
/// as what follows another gap. `None`: it has another form, or is not JSON.
#[inline(never)]
pub(super) fn read(tree: &Tree, shapes: &mut Shapes, (text, at): (&str, usize), before: Gap) -> Option<Gap> {
    let from = shapes.known(before).lead.place;
    let mut reader = Reader { tree, bytes: text.as_bytes(), at, flags: Vec::new() };
    let lead = reader.read(shapes, from)?;
    Some(shapes.learn((before, from), &reader.bytes[at..reader.at], lead, reader.flags))
}

struct Reader<'t> {
    tree: &'t Tree,
    bytes: &'t [u8],
    at: usize,
    flags: Vec<(Field, bool)>,
}

impl Reader<'_> {
    fn read(&mut self, shapes: &mut Shapes, mut place: Place) -> Option<Lead> {
        // `Some`: a value comes, else it has been.
        let mut value = if self.at == 0 { Some(Some(Tree::ROOT)) } else { None };
        loop {
            self.skip_space();
            let Some(node) = value.take() else {
                let Open { outer, is_array, node, .. } = shapes.open(place);
                if place == Shapes::OUTSIDE {
                    return (self.at == self.bytes.len()).then(Lead::end);
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
                b't' => self.flag("true", node)?,
                b'f' => self.flag("false", node)?,
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
        let (start, end) = (self.at, Marks::new(self.bytes).from(self.at)?);
        self.at = end;
        // A key in which something is escaped is left to serde_json.
        self.expect(b'"')?;
        self.skip_space();
        self.expect(b':')?;
        Some(node.and_then(|node| self.tree.descend(node, &self.bytes[start..end])))
    }

    fn flag(&mut self, word: &str, node: Option<Node>) -> Option<()> {
        self.word(word)?;
        let field = node.and_then(|node| self.tree.field(node));
        self.flags.extend(field.map(|field| (field, word == "true")));
        Some(())
    }

    fn word(&mut self, word: &str) -> Option<()> {
        self.bytes[self.at..].starts_with(word.as_bytes()).then(|| self.at += word.len())
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.next() {
            self.at += 1;
        }
    }

    fn next(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }
}
