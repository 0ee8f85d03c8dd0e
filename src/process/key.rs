//! By what executions and processes are known in the table.

use crate::event::{Event, field};

/// The key of an execution: entity ids are unique on one host only.
pub(super) fn key_of<'k>(key: &'k mut String, event: &Event, entity_id: &str) -> &'k str {
    key.clear();
    key.push_str(event.str(field::HOST_ID).unwrap_or_default());
    key.push('\0');
    key.push_str(entity_id);
    key
}

/// Which process an event without a token means by a pid.
pub(super) fn process_of(event: &Event, pid: Option<i64>) -> Option<Box<str>> {
    let pid = pid.filter(|_| event.int(field::PIDVERSION).is_none())?;
    Some(process_key(event.str(field::HOST_ID).unwrap_or_default(), pid))
}

/// The key of a process by its pid.
pub(super) fn process_key(host: &str, pid: i64) -> Box<str> {
    format!("{host}\0{pid}").into()
}
