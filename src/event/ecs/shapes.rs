//! What is between the values of documents, remembered from one document to the next.
//!
//! A writer of documents writes the same keys in the same order, so that what is between two values, a *gap* such as
//! `","version":"8.19.0"},"event":{"action":"`, is nearly always one that an earlier document had there too. What a gap
//! leads to depends on its text and on the objects and arrays that are open where it begins: when the same text comes
//! there again, it is compared and not read.

use ahash::{HashMap, RandomState};
use hashbrown::Equivalent;

use super::marks::{BLOCK, equal};
use super::tree::Node;
use crate::event::field::Field;

/// Gaps that are remembered, and the bytes of their texts; of a document with more, all is forgotten.
const MAX_GAPS: usize = 4096;
const MAX_BYTES: usize = 256 << 10;
/// The places in objects and arrays between which they are.
const MAX_PLACES: usize = 4096;
/// A longer one is not remembered.
const MAX_GAP: usize = 512;
/// Of how many gaps that came after one it is remembered that they did.
const FOLLOWERS: usize = 4;

/// No text has this byte, which is not UTF-8.
const NO_TEXT: &[u8] = &[0xff];

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
    /// Its first bytes, and a bit for each of them that there is.
    start: [u8; BLOCK],
    wanted: u32,
    len: u32,
    /// Those that came behind the value after it, the latest first; where there is none, one that no text fits.
    followers: [Gap; FOLLOWERS],
    pub(super) lead: Lead,
    more: Option<Box<More>>,
}

/// What few gaps have.
#[derive(Debug)]
struct More {
    /// The text behind its first bytes.
    rest: Box<[u8]>,
    /// The values of one word each that are in it.
    flags: Box<[(Field, bool)]>,
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
    /// One that is not remembered: the next that is not has its position.
    const PASSING: Gap = 1;

    fn new() -> Shapes {
        let none = || Known::new(NO_TEXT, Lead::end(), Vec::new());
        Shapes {
            open: vec![Open { outer: Shapes::OUTSIDE, is_array: false, node: None, depth: 0 }],
            gaps: vec![none(), none()],
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

    /// A gap by its position.
    #[inline]
    pub(super) fn known(&self, gap: Gap) -> &Known {
        &self.gaps[usize::from(gap)]
    }

    /// The gap with which the text goes on behind another one and the value after that, if it has been there before.
    #[inline]
    pub(super) fn follow(&mut self, before: Gap, rest: &[u8]) -> Option<Gap> {
        let latest = self.known(before).followers[0];
        if self.known(latest).fits(rest) { Some(latest) } else { self.follow_older(before, rest) }
    }

    #[inline(never)]
    fn follow_older(&mut self, before: Gap, rest: &[u8]) -> Option<Gap> {
        let mut followers = self.known(before).followers;
        let at = followers.iter().skip(1).position(|gap| self.known(*gap).fits(rest))? + 1;
        followers[..=at].rotate_right(1);
        self.gaps[usize::from(before)].followers = followers;
        Some(followers[0])
    }

    /// A gap that begins at a place, behind another one: it is remembered, unless it is too long, or there are too many.
    pub(super) fn learn(
        &mut self,
        (before, from): (Gap, Place),
        text: &[u8],
        lead: Lead,
        flags: Vec<(Field, bool)>,
    ) -> Gap {
        let known = self.begun.get(&Sought { from, text }).copied();
        let gap = known.unwrap_or_else(|| self.add(text, from, lead, flags));
        // What follows one that is not remembered is not known of the next.
        if ![before, gap].contains(&Shapes::PASSING) {
            let followers = &mut self.gaps[usize::from(before)].followers;
            followers.rotate_right(1);
            followers[0] = gap;
        }
        gap
    }

    fn add(&mut self, text: &[u8], from: Place, lead: Lead, flags: Vec<(Field, bool)>) -> Gap {
        let known = Known::new(text, lead, flags);
        let bytes = self.bytes + text.len();
        if text.len() > MAX_GAP || self.gaps.len() >= MAX_GAPS || bytes > MAX_BYTES {
            self.is_full |= text.len() <= MAX_GAP;
            self.gaps[usize::from(Shapes::PASSING)] = known;
            return Shapes::PASSING;
        }
        self.bytes = bytes;
        let gap = self.gaps.len() as Gap;
        self.begun.insert(Begun { from, text: text.into() }, gap);
        self.gaps.push(known);
        gap
    }
}

impl Known {
    fn new(text: &[u8], lead: Lead, flags: Vec<(Field, bool)>) -> Known {
        let (first, rest) = text.split_at(text.len().min(BLOCK));
        let mut start = [0; BLOCK];
        start[..first.len()].copy_from_slice(first);
        let more = More { rest: rest.into(), flags: flags.into() };
        Known {
            start,
            wanted: u32::MAX.checked_shr((BLOCK - first.len()) as u32).unwrap_or(0),
            len: text.len() as u32,
            followers: [Shapes::START; FOLLOWERS],
            lead,
            more: (!more.rest.is_empty() || !more.flags.is_empty()).then(|| Box::new(more)),
        }
    }

    /// How many bytes it has.
    #[inline]
    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    /// The values of one word each that are in it.
    #[inline]
    pub(super) fn flags(&self) -> &[(Field, bool)] {
        self.more.as_ref().map_or(&[], |more| &more.flags)
    }

    /// Whether the text goes on with it, and with what it leads to.
    #[inline]
    fn fits(&self, rest: &[u8]) -> bool {
        let begins = match rest.first_chunk() {
            Some(first) => equal(first, &self.start) & self.wanted == self.wanted,
            None => self.start.get(..self.len()).is_some_and(|start| rest.starts_with(start)),
        };
        begins
            && self.more.as_ref().is_none_or(|more| rest.get(BLOCK..).unwrap_or_default().starts_with(&more.rest))
            && match self.lead.next {
                Next::Text => true,
                Next::Number => matches!(rest.get(self.len()), Some(b'-' | b'0'..=b'9')),
                Next::End => rest.len() == self.len(),
            }
    }
}
