//! Where events come from: recordings, and the sensors of a live Mac.
#![cfg_attr(
    not(target_os = "macos"),
    allow(dead_code, unused_imports, reason = "what only the sensors of a live Mac use is tested everywhere")
)]

mod bytes;
mod decoder;
pub(crate) mod endpoint_security;
pub(crate) mod eslogger;
pub(crate) mod flow_event;
mod jamf;
pub(crate) mod libproc;
pub(crate) mod live;
#[cfg(target_os = "macos")]
mod macos;
pub(crate) mod ntstat;
mod open_telemetry;
pub mod recording;
mod wrapped;

use std::collections::BTreeMap;
use std::fmt;

pub use decoder::{DecodeError, Decoder, Decoding};

/// How a line of input states an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Format {
    /// ECS documents, as Elastic Defend and osawatch itself write them, or search hits that hold them.
    Ecs,
    /// What Apple's `eslogger` prints.
    Eslogger,
    /// Telemetry of Jamf Protect.
    JamfProtect,
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Format::Ecs => "ECS documents",
            Format::Eslogger => "eslogger lines",
            Format::JamfProtect => "Jamf Protect telemetry",
        })
    }
}

/// The signal of Ctrl-T, which asks a program in a terminal how it is.
pub(crate) const SIGINFO: Option<i32> = siginfo();

const fn siginfo() -> Option<i32> {
    #[cfg(target_os = "macos")]
    return Some(libc::SIGINFO);
    #[cfg(not(target_os = "macos"))]
    None
}

/// Bytes in a unit of `ru_maxrss`.
pub(crate) const MAXRSS_UNIT: u64 = if cfg!(target_os = "macos") { 1 } else { 1024 };

/// Resident memory of this program; `None`: the system does not say.
pub(crate) fn resident_bytes() -> Option<u64> {
    #[cfg(target_os = "macos")]
    return macos::resident_bytes();
    #[cfg(not(target_os = "macos"))]
    {
        let status = std::fs::read_to_string("/proc/self/status").ok()?;
        let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?.trim().strip_suffix(" kB")?;
        Some(kib.parse::<u64>().ok()? * 1024)
    }
}

/// Starts the sensors of this Mac.
pub(crate) fn live(options: &live::Options) -> Result<live::Sensors, live::Error> {
    #[cfg(target_os = "macos")]
    return macos::live(options);
    #[cfg(not(target_os = "macos"))]
    {
        let _ = options;
        Err(live::Error::NotAMac)
    }
}

/// The processes of this Mac, to end one.
pub(crate) fn executions() -> Result<Box<dyn live::Executions>, live::Error> {
    #[cfg(target_os = "macos")]
    return macos::executions();
    #[cfg(not(target_os = "macos"))]
    Err(live::Error::NotAMac)
}

/// How many processes libproc names now; `None`: this is another system.
pub(crate) fn processes() -> Option<usize> {
    #[cfg(target_os = "macos")]
    return Some(macos::processes());
    #[cfg(not(target_os = "macos"))]
    None
}

/// What this Mac says of itself; `None`: this is another system.
pub(crate) fn host_facts() -> Option<live::HostFacts> {
    #[cfg(target_os = "macos")]
    return Some(macos::host_facts());
    #[cfg(not(target_os = "macos"))]
    None
}

/// How many kinds of skipped event are counted by name.
const KINDS: usize = 32;

/// What became of the values of a source. Each is an event, skipped, malformed or torn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Values, and what replaces them.
    pub lines: u64,
    /// Values that were events.
    pub events: u64,
    /// Well-formed values of a kind that osawatch does not use.
    pub skipped: u64,
    /// Values that could not be decoded, those too long among them.
    pub malformed: u64,
    /// Values and arrays within which the input ended.
    pub torn: u64,
    /// Lines in which text that is not Unicode was replaced by U+FFFD.
    pub repaired_text: u64,
    /// Values too long to be read.
    pub too_long: u64,
    /// The skipped values by kind: 32 names, and the rest under `other`.
    pub skipped_kinds: BTreeMap<String, u64>,
}

impl Counters {
    /// Counts a line of a kind that osawatch does not use.
    pub fn skip(&mut self, kind: String) {
        self.skipped += 1;
        self.add_kind(kind, 1);
    }

    /// Adds what another source counted.
    pub fn add(&mut self, other: &Counters) {
        self.lines += other.lines;
        self.events += other.events;
        self.skipped += other.skipped;
        self.malformed += other.malformed;
        self.torn += other.torn;
        self.repaired_text += other.repaired_text;
        self.too_long += other.too_long;
        for (kind, count) in &other.skipped_kinds {
            self.add_kind(kind.clone(), *count);
        }
    }

    /// Kinds are named by the input: unbounded, they would let it fill the memory.
    fn add_kind(&mut self, kind: String, count: u64) {
        let known = self.skipped_kinds.contains_key(&kind);
        let names = self.skipped_kinds.len() - usize::from(self.skipped_kinds.contains_key("other"));
        let kind = if known || (names < KINDS && kind.len() <= 128) { kind } else { "other".to_owned() };
        *self.skipped_kinds.entry(kind).or_default() += count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_beyond_the_first_32_are_counted_together() {
        let mut counters = Counters::default();
        (0..40).for_each(|kind| counters.skip(format!("kind{kind}")));
        counters.skip("kind3".into());
        counters.skip("x".repeat(1000));
        assert_eq!(counters.skipped, 42);
        assert_eq!(counters.skipped_kinds.len(), 33);
        assert_eq!((counters.skipped_kinds["kind3"], counters.skipped_kinds["other"]), (2, 9));
        let mut total = Counters::default();
        total.add(&counters);
        assert_eq!(total.skipped_kinds.values().sum::<u64>(), 42);
        assert_eq!(total.skipped_kinds.len(), 33);
    }
}
