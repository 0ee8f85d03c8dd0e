//! Which events of the recordings a replay takes.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::event::{Event, Field, Scalar, Timestamp, field};
use crate::report::Coverage;

/// By what a host is chosen.
const HOST: [Field; 3] = [field::HOST_ID, field::HOST_NAME, field::HOST_HOSTNAME];

/// Which events are wanted, and until when any are.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    /// Those from this time on count as covered.
    pub(super) from: Option<Timestamp>,
    /// The last time.
    pub(super) to: Option<Timestamp>,
    /// Names or ids; all hosts where there are none.
    pub(super) hosts: Vec<String>,
    /// No more, once it is set: what was read before is whole.
    pub(super) stop: Arc<AtomicBool>,
}

impl Wanted {
    /// Whether the event counts as covered.
    pub(super) fn has_begun(&self, event: &Event) -> bool {
        self.from.is_none_or(|from| event.time >= from)
    }

    /// Counts an event as covered no more, which is a copy.
    pub(super) fn take_back(&self, coverage: &mut Coverage, copy: &Event) {
        if self.has_begun(copy) {
            coverage.take_back(copy);
        }
    }
}

/// Whether it is of the host with this id or name.
pub(super) fn is_of_host(event: &Event, host: &str) -> bool {
    let mut stated = event.values().filter(|(field, _)| HOST.contains(field));
    stated.any(|(_, value)| value == Scalar::Str(host))
}
