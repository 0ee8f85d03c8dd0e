//! The usual form of a document, read in one pass.
//!
//! Most of a replay is reading JSON, and nearly all documents are written in one way. This reads that way only, several
//! times as fast as serde_json: whatever else it meets, from an escaped key to a fault, it leaves to serde_json, which so
//! decides what is JSON, and words each error. A value that takes more than a look (escaped text, a number with a
//! fraction) is given to serde_json alone. What is between the values is compared with what earlier documents had there,
//! and read only where it differs. Both ways give the same event: a property test and a fuzz target compare them.

use serde::Deserialize;
use serde::de::{DeserializeSeed, IgnoredAny};

use super::gap;
use super::marks::Marks;
use super::shapes::{Lead, Next, Shapes};
use super::tree::{Node, Tree};
use super::value::ValueSeed;
use crate::event::Event;
use crate::event::values::{Part, Value};

/// Digits that fit a number of 64 bits, whatever they are.
const MAX_DIGITS: usize = 18;

/// Reads a document into an event. `None`: it has another form, or is not JSON, and the event holds a part of it.
pub(super) fn scan(tree: &Tree, shapes: &mut Shapes, text: &str, event: &mut Event) -> Option<()> {
    shapes.begin();
    let (bytes, values) = (text.as_bytes(), Values { tree, text });
    let (mut marks, mut gap, mut at) = (Marks::new(bytes), Shapes::START, 0);
    loop {
        gap = match shapes.follow(gap, bytes.get(at..)?) {
            Some(next) => next,
            None => gap::read(tree, shapes, (text, at), gap)?,
        };
        let known = shapes.known(gap);
        known.flags().iter().for_each(|(field, flag)| event.push(*field, Value::Bool(*flag)));
        at += known.len();
        let lead = &known.lead;
        at = match lead.next {
            Next::Text => {
                let end = marks.from(at)?;
                if bytes.get(end) == Some(&b'"') {
                    if let Some(field) = lead.field {
                        event.push(field, Value::InLine(Part::new(at as u32, (end - at) as u32)));
                    }
                    end + 1
                } else {
                    values.escaped((at, end), marks, lead.node, event)?
                }
            }
            Next::Number => values.number(at, lead, event)?,
            Next::End => return Some(()),
        };
    }
}

/// The values of a document that take more than a look; each is read from a place, and gives that behind it.
struct Values<'t> {
    tree: &'t Tree,
    text: &'t str,
}

impl Values<'_> {
    /// Has serde_json read a text that begins here, behind its quote, and has its first mark there.
    #[cold]
    fn escaped(
        &self,
        (start, mut at): (usize, usize),
        mut marks: Marks<'_>,
        node: Option<Node>,
        event: &mut Event,
    ) -> Option<usize> {
        let bytes = self.text.as_bytes();
        loop {
            match bytes.get(at)? {
                b'"' => return self.other((start - 1, at + 1), node, event),
                b'\\' => at = marks.from(at + 2)?,
                _ => return None,
            }
        }
    }

    fn number(&self, at: usize, lead: &Lead, event: &mut Event) -> Option<usize> {
        let bytes = self.text.as_bytes();
        let is_negative = bytes[at] == b'-';
        let start = at + usize::from(is_negative);
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
            if let Some(field) = lead.field {
                event.push(field, Value::Int((if is_negative { -number } else { number }).to_ne_bytes()));
            }
            return Some(end);
        }
        while matches!(bytes.get(end), Some(b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) {
            end += 1;
        }
        self.other((at, end), lead.node, event)
    }

    /// Has serde_json read the value that begins and ends here.
    #[cold]
    fn other(&self, (start, end): (usize, usize), node: Option<Node>, event: &mut Event) -> Option<usize> {
        let mut json = serde_json::Deserializer::from_str(&self.text[start..end]);
        match node {
            Some(node) => {
                let base = self.text.as_ptr() as usize;
                ValueSeed { tree: self.tree, node, base, event }.deserialize(&mut json).ok()?;
            }
            None => _ = IgnoredAny::deserialize(&mut json).ok()?,
        }
        json.end().ok()?;
        Some(end)
    }
}
