//! What this Mac reports about itself.

use std::time::SystemTime;

use super::sys;
use crate::event::{Machine, Timestamp};

/// Whose events these are.
#[derive(Clone)]
pub(super) struct Host {
    /// Hardware and boot.
    pub(super) machine: Machine,
    /// `host.name`.
    pub(super) name: Option<String>,
    /// `host.os.version`.
    pub(super) os_version: Option<String>,
}

impl Host {
    /// This Mac.
    pub(super) fn this() -> Host {
        let machine = Machine {
            host_id: sys::host_uuid().unwrap_or_default(),
            boot_id: sys::sysctl_text("kern.bootsessionuuid").unwrap_or_default(),
        };
        // One id in the events of all sources, also when the system does not state it.
        let machine = machine.named();
        sys::end_version_compat();
        let (name, os_version) = (sys::sysctl_text("kern.hostname"), sys::sysctl_text("kern.osproductversion"));
        Host { machine, name, os_version }
    }
}

/// The time of day.
#[allow(clippy::disallowed_methods, reason = "what has no time of its own gets that of its arrival")]
pub(super) fn now() -> Timestamp {
    Timestamp::from(SystemTime::now())
}

/// The numbers of a version such as `14.5` or `26.4.1`; 0 where it has none.
pub(super) fn version_numbers(text: &str) -> (u64, u64, u64) {
    let mut numbers = text.split('.').map(|part| part.parse().unwrap_or(0));
    let mut next = || numbers.next().unwrap_or(0);
    (next(), next(), next())
}
