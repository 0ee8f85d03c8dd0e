//! The clock of commands.

use crate::event::Timestamp;

#[allow(clippy::disallowed_methods, reason = "when this program writes is wall-clock time")]
pub(super) fn now() -> Timestamp {
    let now = jiff::Timestamp::now();
    Timestamp::from_nanoseconds(i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX))
}
