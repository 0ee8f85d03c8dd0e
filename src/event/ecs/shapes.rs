//! What is between the values of documents, remembered from one document to the next.
//!
//! A writer of documents writes the same keys in the same order, so that what is between two values, a *gap* such as
//! `","version":"8.19.0"},"event":{"action":"`, is nearly always one that an earlier document had there too. What a gap
//! leads to depends on its text and on the objects and arrays that are open where it begins: when the same text comes
//! there again, it is compared and not read.

use ahash::{HashMap, RandomState};
use hashbrown::Equivalent;

use super::tree::Node;
use crate::event::field::Field;

/// Gaps that are remembered, and the bytes of their texts; of a document with more, all is forgotten.
const MAX_GAPS: usize = 4096;
const MAX_BYTES: usize = 256 << 10;
/// The places in objects and arrays between which they are.
const MAX_PLACES: usize = 4096;
/// A longer one is not remembered.
const MAX_GAP: usize = 512;
/// Bytes that are compared at once.
const START: usize = size_of::<u128>();
/// Of how many gaps that came after one it is remembered that they did.
const FOLLOWERS: usize = 4;

/// A place in the objects and arrays of a document, by its position.
pub(super) type Place = u16;

/// A gap, by its position.
pub(super) type Gap = u16;

/// The objects and arrays that are open at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Open {
    /// Where the innermost of them began.
    pub(super) outer: Place,
    pub(super) is_array: bool,
    /// Where the innermost is in the tree of fields; below `None` none is wanted.
    pub(super) node: Option<Node>,
    /// How many there are.
    pub(super) depth: u8,
}

/// What comes after a gap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Text; its quote belongs to the gap.
    Text,
    Number,
    /// Nothing: the document has ended.
    End,
}

/// What a gap leads to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lead {
    pub(super) next: Next,
    /// Where the value that comes is in the tree of fields, and the field that it is a value of.
    pub(super) node: Option<Node>,
    pub(super) field: Option<Field>,
    /// The place behind that value.
    pub(super) place: Place,
}

impl Lead {
    /// To the end of the document.
    pub(super) fn end() -> Lead {
        Lead { next: Next::End, node: None, field: None, place: Shapes::OUTSIDE }
    }
}

/// A gap that is remembered.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) text: Box<[u8]>,
    /// Its first bytes, and those of them that there are.
    start: u128,
    mask: u128,
    pub(super) lead: Lead,
    /// The values of one word each that are in it.
    pub(super) flags: Box<[(Field, bool)]>,
    /// Those that came behind the value after it, the latest first.
    followers: [Option<Gap>; FOLLOWERS],
}

/// Where a gap begins, and its text.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Begun {
    from: Place,
    text: Box<[u8]>,
}

/// The same, to look for it.
#[derive(Hash)]
struct Sought<'t> {
    from: Place,
    text: &'t [u8],
}

impl Equivalent<Begun> for Sought<'_> {
    fn equivalent(&self, begun: &Begun) -> bool {
        (self.from, self.text) == (begun.from, &*begun.text)
    }
}

/// What the documents of one writer had between their values.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    open: Vec<Open>,
    places: HashMap<Open, Place>,
    gaps: Vec<Known>,
    begun: hashbrown::HashMap<Begun, Gap, RandomState>,
    bytes: usize,
    is_full: bool,
}

impl Shapes {
    /// Outside of the document.
    pub(super) const OUTSIDE: Place = 0;
    /// What is before the first gap.
    pub(super) const START: Gap = 0;

    fn new() -> Shapes {
        let lead = Lead::end();
        Shapes {
            open: vec![Open { outer: Shapes::OUTSIDE, is_array: false, node: None, depth: 0 }],
            gaps: vec![Known::new(Box::default(), lead, Vec::new())],
            ..Shapes::default()
        }
    }

    /// Another document begins: it may need what those before it have used up.
    pub(super) fn begin(&mut self) {
        if self.is_full || self.gaps.is_empty() {
            *self = Shapes::new();
        }
    }

    /// What is open at a place.
    pub(super) fn open(&self, place: Place) -> Open {
        self.open[usize::from(place)]
    }

    /// The place inside an object or an array that begins here; `None` when there are too many.
    pub(super) fn enter(&mut self, open: Open) -> Option<Place> {
        if let Some(place) = self.places.get(&open) {
            return Some(*place);
        }
        if self.open.len() >= MAX_PLACES {
            self.is_full = true;
            return None;
        }
        let place = self.open.len() as Place;
        self.open.push(open);
        self.places.insert(open, place);
        Some(place)
    }

    /// The gap with which the text goes on behind another one and the value after that, if it has been there before.
    #[inline]
    pub(super) fn follow(&mut self, before: Gap, rest: &[u8]) -> Option<(Gap, &Known)> {
        let followers = self.gaps[usize::from(before)].followers;
        let at = followers.iter().position(|gap| gap.is_some_and(|gap| self.gaps[usize::from(gap)].fits(rest)))?;
        if at > 0 {
            self.gaps[usize::from(before)].followers[..=at].rotate_right(1);
        }
        followers[at].map(|gap| (gap, &self.gaps[usize::from(gap)]))
    }

    /// Remembers a gap that begins at a place, behind another one. `None`: it is too long, or there are too many.
    pub(super) fn learn(
        &mut self,
        (before, from): (Option<Gap>, Place),
        text: &[u8],
        lead: Lead,
        flags: Vec<(Field, bool)>,
    ) -> Option<Gap> {
        let known = self.begun.get(&Sought { from, text }).copied();
        let gap = known.or_else(|| self.add(text, from, lead, flags))?;
        if let Some(before) = before {
            let followers = &mut self.gaps[usize::from(before)].followers;
            followers.rotate_right(1);
            followers[0] = Some(gap);
        }
        Some(gap)
    }

    fn add(&mut self, text: &[u8], from: Place, lead: Lead, flags: Vec<(Field, bool)>) -> Option<Gap> {
        if text.len() > MAX_GAP {
            return None;
        }
        self.bytes += text.len();
        if self.gaps.len() >= MAX_GAPS || self.bytes > MAX_BYTES {
            self.is_full = true;
            return None;
        }
        let gap = self.gaps.len() as Gap;
        self.begun.insert(Begun { from, text: text.into() }, gap);
        self.gaps.push(Known::new(text.into(), lead, flags));
        Some(gap)
    }
}

impl Known {
    fn new(text: Box<[u8]>, lead: Lead, flags: Vec<(Field, bool)>) -> Known {
        let of = |byte: fn(u8) -> u8| {
            let mut bytes = [0; START];
            bytes.iter_mut().zip(&text).for_each(|(to, from)| *to = byte(*from));
            u128::from_le_bytes(bytes)
        };
        let (start, mask) = (of(|byte| byte), of(|_| u8::MAX));
        Known { text, start, mask, lead, flags: flags.into(), followers: [None; FOLLOWERS] }
    }

    #[inline]
    fn fits(&self, rest: &[u8]) -> bool {
        self.begins(rest)
            && match self.lead.next {
                Next::Text => true,
                Next::Number => matches!(rest.get(self.text.len()), Some(b'-' | b'0'..=b'9')),
                Next::End => rest.len() == self.text.len(),
            }
    }

    /// Whether the text begins with the gap. Most are short, and then two numbers are compared.
    #[inline]
    fn begins(&self, rest: &[u8]) -> bool {
        match rest.first_chunk() {
            Some(first) if self.text.len() <= START => u128::from_le_bytes(*first) & self.mask == self.start,
            Some(first) => u128::from_le_bytes(*first) == self.start && rest.starts_with(&self.text),
            None => rest.starts_with(&self.text),
        }
    }
}
