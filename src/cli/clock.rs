//! The clock of commands.

use crate::event::Timestamp;

#[allow(clippy::disallowed_methods, reason = "when this program writes is wall-clock time")]
pub(super) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
