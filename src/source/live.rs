//! What the sensors of a live Mac hand over: reports on bounded channels, and what was lost before them.

use std::collections::HashSet;
use std::fmt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender};

use super::eslogger::Decoder;
use super::eslogger::message::Message;
use crate::event::{Event, Flow, Machine, Timestamp};

/// Which source of process events to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum ExecSource {
    /// Endpoint Security where this program has the entitlement, else `eslogger`.
    #[default]
    Auto,
    /// A client of Endpoint Security.
    EndpointSecurity,
    /// Apple's `/usr/bin/eslogger` as a child process.
    Eslogger,
}

/// Which source of connections to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub enum NetworkSource {
    /// The kernel's network statistics, and libproc where they cannot be had.
    #[default]
    Auto,
    /// The control socket `com.apple.network.statistics`.
    Ntstat,
    /// The sockets of watched processes, looked at every 50 ms.
    Libproc,
}

/// What the caller asks of the sensors.
#[derive(Clone, Debug)]
pub struct Options {
    /// The source of process events.
    pub exec: ExecSource,
    /// The source of connections.
    pub network: NetworkSource,
    /// Whether Endpoint Security's undocumented connect event is used besides it.
    pub connect_event: bool,
    /// Programs whose processes Endpoint Security does not tell of, by their whole path.
    pub muted: Vec<PathBuf>,
    /// The processes whose sockets are looked at one by one where no source tells of connections.
    pub watched: Arc<Watched>,
}

/// Why there are no live sensors.
#[derive(Debug)]
pub enum Error {
    /// This is another system.
    NotAMac,
    /// The effective user is not root.
    NotRoot,
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAMac => {
                f.write_str("live events exist on macOS only; `osawatch replay FILE` reads a recording on any system")
            }
            Error::NotRoot => f.write_str("Endpoint Security and other users' sockets are open to root only; use sudo"),
            Error::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A source says what it does.
    Info,
    /// A source cannot see for now.
    Warning,
    /// A source cannot see at all.
    Fatal,
    /// A source cannot see at all, for want of privilege.
    NotPermitted,
}

/// Something that a person should know about a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How bad it is.
    pub level: Level,
    /// One sentence.
    pub text: String,
}

/// One report of a source of process events.
#[derive(Debug)]
pub enum Report {
    /// An Endpoint Security message, copied.
    Message(Box<EndpointMessage>),
    /// A decoded line.
    Event(Box<Event>),
    /// A process that runs, looked up, after its parent: it is no start.
    Running(Box<Event>),
    /// Something about the source itself.
    Notice(Notice),
}

/// An Endpoint Security message with its time.
pub struct EndpointMessage {
    pub(super) time: Timestamp,
    pub(super) message: Message<'static>,
}

impl fmt::Debug for EndpointMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EndpointMessage at {}", self.time)
    }
}

impl EndpointMessage {
    /// The event that the message tells.
    pub fn event(&self, decoder: &Decoder) -> Event {
        decoder.event(self.time, &self.message)
    }
}

macro_rules! losses {
    ($($(#[$doc:meta])* $name:ident: $text:literal,)*) => {
        /// Events lost before the engine saw them, counted where they are lost.
        #[derive(Debug, Default)]
        pub struct Losses {
            $($(#[$doc])* pub $name: AtomicU64,)*
            /// Reports of the network statistics that the kernel could not deliver since it started, to this
            /// program or another: a hint for people, and nobody's loss in particular.
            pub undelivered: AtomicU64,
        }

        impl Losses {
            /// The counters by name.
            pub fn snapshot(&self) -> [(&'static str, u64); [$($text),*].len()] {
                [$(($text, self.$name.load(Ordering::Relaxed)),)*]
            }
        }
    };
}

losses! {
    /// Gaps in `seq_num` of exec messages.
    exec_gaps: "endpoint_security.exec_gaps",
    /// Gaps in `seq_num` of fork messages.
    fork_gaps: "endpoint_security.fork_gaps",
    /// Gaps in `seq_num` of exit messages.
    exit_gaps: "endpoint_security.exit_gaps",
    /// Gaps in `global_seq_num`.
    global_gaps: "endpoint_security.global_gaps",
    /// Process reports that found their channel full.
    process_channel_full: "channel.process_full",
    /// Flow reports that found their channel full.
    flow_channel_full: "channel.flow_full",
    /// Messages of the kernel's network statistics that are cut off or of no known layout.
    ntstat_malformed: "ntstat.malformed",
    /// Sources that the kernel's network statistics could not tell of.
    ntstat_lost_sources: "ntstat.lost_sources",
    /// Flows that ended with their last report dropped.
    ntstat_closed_after_drop: "ntstat.closed_after_drop",
    /// Answers of the kernel's network statistics for which there was no room.
    ntstat_no_room: "ntstat.no_room",
    /// Sources given up because too many were held.
    ntstat_evicted: "ntstat.evicted",
    /// Connect events that found their channel full.
    connect_channel_full: "channel.connect_full",
    /// Connect events whose structure could not be read.
    connect_malformed: "endpoint_security.connect_malformed",
    /// Lines of `eslogger` that are not messages.
    malformed_lines: "eslogger.malformed_lines",
    /// Times that `eslogger` ended.
    eslogger_ended: "eslogger.ended",
}

impl Losses {
    /// Lost process events, without which executions are not known.
    pub fn processes(&self) -> u64 {
        let counters = [&self.exec_gaps, &self.fork_gaps, &self.process_channel_full, &self.eslogger_ended];
        counters.map(|counter| counter.load(Ordering::Relaxed)).iter().sum()
    }

    /// Adds to a counter.
    pub fn add(counter: &AtomicU64, count: u64) {
        counter.fetch_add(count, Ordering::Relaxed);
    }
}

/// Sequence numbers of one stream, which the kernel counts from 0 up by one: what is missing was lost.
#[derive(Debug, Default)]
pub struct Numbering(AtomicU64);

impl Numbering {
    /// How many numbers were passed over before this one.
    pub fn gap(&self, number: u64) -> u64 {
        let expected = self.0.swap(number.wrapping_add(1), Ordering::Relaxed);
        number.saturating_sub(expected)
    }
}

/// The pids of processes that rules are about, and of their descendants.
#[derive(Debug, Default)]
pub struct Watched {
    pids: Mutex<HashSet<u32>>,
    some: Condvar,
}

impl Watched {
    /// More pids than these are not watched: a fork bomb must not fill the memory.
    pub const MOST: usize = 4096;

    /// Watches a process. Gives back whether it could be added.
    pub fn insert(&self, pid: u32) -> bool {
        let mut pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        let added = pids.len() < Watched::MOST && pids.insert(pid);
        self.some.notify_all();
        added
    }

    /// Stops watching a process.
    pub fn remove(&self, pid: u32) {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).remove(&pid);
    }

    /// Whether the process is watched.
    pub fn contains(&self, pid: u32) -> bool {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).contains(&pid)
    }

    /// Whether none is watched.
    pub fn is_empty(&self) -> bool {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }

    /// The watched processes.
    pub fn all(&self) -> Vec<u32> {
        self.pids.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }

    /// The watched processes; waits until there is one.
    pub fn wait(&self) -> Vec<u32> {
        let pids = self.pids.lock().unwrap_or_else(PoisonError::into_inner);
        let pids = self.some.wait_while(pids, |pids| pids.is_empty()).unwrap_or_else(PoisonError::into_inner);
        pids.iter().copied().collect()
    }
}

/// What only the running system knows about a process or a user.
pub trait Lookup: Send {
    /// `p_uniqueid` of a process, if it is still this execution.
    fn unique_pid(&self, pid: u32, pidversion: u32) -> Option<u64>;
    /// The name of a user.
    fn user_name(&mut self, uid: u32) -> Option<String>;
}

/// The sensors at work. Dropping them ends the child process, if there is one.
pub struct Sensors {
    /// This machine.
    pub machine: Machine,
    /// `host.name`.
    pub host_name: Option<String>,
    /// `host.os.version`.
    pub os_version: Option<String>,
    /// Process events, in the order their source gave them.
    pub processes: Receiver<Report>,
    /// Flows.
    pub flows: Receiver<Flow>,
    /// What was lost.
    pub losses: Arc<Losses>,
    /// Asks for [`Report::Running`] of every process, after process events were lost.
    pub scan: Sender<()>,
    /// Questions to the system.
    pub lookup: Box<dyn Lookup>,
    /// Ends what the sensors started, when dropped.
    pub guard: Option<Box<dyn Send>>,
}

impl fmt::Debug for Sensors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sensors").field("machine", &self.machine).finish_non_exhaustive()
    }
}

/// How long to wait before a source is tried again: doubled from 1 s to 60 s.
#[derive(Clone, Copy, Debug)]
pub struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff(Duration::from_secs(1))
    }
}

impl Backoff {
    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(Duration::from_secs(60));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_is_what_lies_between_two_numbers_or_before_the_first() {
        let numbering = Numbering::default();
        let gaps: Vec<u64> = [1, 2, 5, 6, 3, 4].map(|number| numbering.gap(number)).into();
        assert_eq!(gaps, [1, 0, 2, 0, 0, 0]);
    }

    #[test]
    fn watching_has_a_limit() {
        let watched = Watched::default();
        assert!((0..Watched::MOST as u32).all(|pid| watched.insert(pid)));
        assert!(!watched.insert(70_000));
        watched.remove(5);
        assert!(!watched.contains(5) && watched.insert(70_000));
    }

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
