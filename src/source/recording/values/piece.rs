//! What the values of an input come as, and what is known of one that is still being looked at.

use std::sync::Arc;

use super::super::error::Unreadable;
use super::super::place::Place;
use super::super::scan::Scanner;
use super::table::Columns;
use crate::event::Line;

/// How many arrays are entered for the values in them.
pub(super) const MAX_ARRAYS: usize = 16;

/// What comes next in an input.
pub(in crate::source::recording) enum Piece {
    /// A line that looks like one whole value; `reread` looks closer.
    Line(Line),
    /// A value.
    Value(Line),
    /// Something that is not a value, and why.
    Bad(String),
    /// A value longer than is read.
    TooLong,
    /// The input ends within a line that began a value, as where a recording is still being written.
    Torn,
    /// The input ends within a value of several lines, or within an array.
    Truncated(String),
    /// Reading failed: only the end follows.
    Broken(Unreadable),
    /// Nothing yet.
    Pending,
    /// There is no more.
    End,
}

/// A value that is being looked at.
pub(super) struct Scan {
    pub(super) scanner: Scanner,
    pub(super) start: usize,
    pub(super) place: Place,
    /// The leading spaces of the line that it starts on.
    pub(super) indent: usize,
    /// It is skipped: too long, or what surrounds an array of documents.
    pub(super) discarded: bool,
    /// A name in it belongs to an event, and how much of it was searched for one.
    pub(super) names_event: bool,
    pub(super) searched: usize,
    /// It was not yet found to be no table.
    pub(super) may_be_table: bool,
}

/// An array whose values are given one by one.
pub(super) struct Array {
    /// The objects around it.
    pub(super) objects: u32,
    /// What the values of its rows are called, where it is a table.
    pub(super) columns: Option<Columns>,
    /// The machine of the records in it, where what is around it names one.
    pub(super) host: Option<Arc<str>>,
    pub(super) place: Place,
}
