//! By what executions are known in the table.

use crate::event::{Event, field};

/// The key of an execution: entity ids are unique on one host only.
pub(super) fn key_of<'k>(key: &'k mut String, event: &Event, entity_id: &str) -> &'k str {
    key.clear();
    key.push_str(event.str(field::HOST_ID).unwrap_or_default());
    key.push('\0');
    key.push_str(entity_id);
    key
}
