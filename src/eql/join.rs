//! What events of a sequence have in common.

use crate::event::{Field, FieldType};

/// A join key; an optional one joins missing values with missing values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JoinKey {
    /// The field; `None` for an optional one that no table knows, which is always missing.
    pub field: Option<Field>,
    /// How its values compare.
    pub kind: FieldType,
    /// Written `?field`.
    pub optional: bool,
}

/// A field that must have the exact text that a field of an earlier event of the sequence has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Link {
    /// The field.
    pub own: JoinKey,
    /// The position of the earlier event among those of the sequence.
    pub event: usize,
    /// Its field.
    pub of: JoinKey,
}
