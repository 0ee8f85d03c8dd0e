//! What a query may cost. A rule is a page of text; these bound a hostile one, and what a hostile event
//! can make a rule do.

/// The longest query, in bytes.
pub(super) const QUERY_BYTES: usize = 256 * 1024;

/// The stages of a sequence, runs written out.
pub(super) const STAGES: usize = 100;

/// Brackets, calls and `descendant of` within each other: deep enough for any rule, and no risk to the stack.
pub(super) const DEPTH: usize = 64;

/// The arithmetic operators of a query.
pub(super) const OPERATORS: usize = 256;

/// The regular expressions of one list.
pub(super) const REGEXES: usize = 1000;

/// The compiled size of one regular expression, in bytes.
pub(super) const REGEX_BYTES: usize = 1 << 20;

/// The compiled size of all regular expressions of a query, in bytes.
pub(super) const REGEXES_BYTES: usize = 16 << 20;

/// Combinations of values that one comparison looks at, when several arguments are arrays.
pub(super) const COMBINATIONS: u32 = 1 << 16;

/// The functions and values that one function is made of: each combination of them is looked at in a nest of calls.
pub(super) const OPERANDS: usize = 1000;

/// The longest text that a function builds, in bytes.
pub(super) const TEXT_BYTES: usize = 1 << 20;

/// The queries of `descendant of` in all loaded rules: one bit each.
pub(super) const LINEAGES: usize = 128;

/// A keyword of more characters is not indexed, and so missing (`ignore_above`).
const IGNORE_ABOVE: usize = 1024;

/// Whether Elasticsearch would not index this keyword.
pub(super) fn is_ignored(text: &str) -> bool {
    text.len() > IGNORE_ABOVE && text.chars().count() > IGNORE_ABOVE
}
