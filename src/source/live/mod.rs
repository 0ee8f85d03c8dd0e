//! What the sensors of a live Mac report: reports on bounded channels, and what was lost before them.

mod bell;
mod health;
mod executions;
mod lateness;
mod losses;
mod muted;
mod raw;
mod reports;
mod tap;
mod watched;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use crossbeam_channel::{Receiver, Sender};
use serde::{Deserialize, Serialize};

pub(crate) use bell::{Bell, RingingSender};
pub(crate) use executions::{End, ExecutionId, Executions, Member, Process};
pub(crate) use health::{Health, SourceKind};
pub(crate) use lateness::ExecLateness;
pub(crate) use losses::Losses;
pub(crate) use muted::Muted;
pub(crate) use raw::Raw;
pub(crate) use reports::{Queued, ReportSender, report_channel};
pub(crate) use tap::{Tap, Tapped, tap};
pub(crate) use watched::Watched;

use super::endpoint_security::Received;
use crate::event::{Budget, Event, Flow, Machine, field};

/// Which source of process events to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ExecSource {
    /// Endpoint Security where this program has the entitlement, else `eslogger`.
    #[default]
    Auto,
    /// A client of Endpoint Security.
    #[serde(rename = "es")]
    #[value(name = "es")]
    EndpointSecurity,
    /// Apple's `/usr/bin/eslogger` as a child process.
    Eslogger,
}

/// Which source of connections to use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub(crate) enum NetworkSource {
    /// The kernel's network statistics, and libproc where they are unavailable.
    #[default]
    Auto,
    /// The control socket `com.apple.network.statistics`.
    Ntstat,
    /// The sockets of watched processes, looked at every 50 ms.
    Libproc,
}

/// How many reports may wait for the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queues {
    /// Process reports,
    pub processes: usize,
    /// their bytes,
    pub process_bytes: usize,
    /// and flows.
    pub flows: usize,
}

impl Default for Queues {
    /// Some seconds of a busy Mac.
    fn default() -> Queues {
        Queues { processes: 16_384, process_bytes: Budget::LIVE.reports, flows: 8192 }
    }
}

/// What the caller asks of the sensors.
#[derive(Clone, Debug)]
pub(crate) struct Options {
    /// The source of process events.
    pub exec: ExecSource,
    /// The source of connections.
    pub network: NetworkSource,
    /// Whether Endpoint Security's undocumented connect event is used as well.
    pub endpoint_security_connect_event: bool,
    /// Programs whose processes Endpoint Security does not report, by their whole path.
    pub muted: Arc<Muted>,
    /// The processes whose sockets are looked at one by one where no source reports connections.
    pub watched: Arc<Watched>,
    /// How many reports may wait for the engine.
    pub queues: Queues,
    /// Where a copy of all that the sources send goes.
    pub raw: Option<Tap<Raw>>,
    /// What wakes the engine.
    pub bell: Bell,
}

/// Why there are no live sensors.
#[derive(Debug)]
pub(crate) enum Error {
    /// This is another system.
    #[cfg_attr(target_os = "macos", expect(dead_code, reason = "for every other system"))]
    NotAMac,
    /// The effective user is not root.
    NotRoot,
    /// This program is for another processor, and Rosetta translates it.
    Translated,
    /// A thread could not be started.
    Thread(std::io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::NotAMac => {
                f.write_str("live events are available only on macOS; `osawatch replay FILE` reads a recording on any system")
            }
            Error::NotRoot => f.write_str("Endpoint Security and other users' sockets are open to root only; use sudo"),
            Error::Translated => f.write_str(
                "Rosetta translates this program, and its clock is not the kernel's, so connections would be missed: run \
                 the arm64 build, which is in the universal executable too, without `arch -x86_64`",
            ),
            Error::Thread(error) => write!(f, "cannot start a thread: {error}"),
        }
    }
}

impl std::error::Error for Error {}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Level {
    /// A source reports what it does.
    Info,
    /// A source cannot see at present.
    Warning,
    /// A source cannot see at all.
    Fatal,
    /// A source cannot see at all, for want of privilege.
    NotPermitted,
}

/// What a Mac says of itself, to whoever asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HostFacts {
    /// `host.os.version`.
    pub os_version: Option<String>,
    /// Rosetta translates this program.
    pub is_translated: bool,
}

/// Something that a person should know about a source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Notice {
    /// How bad it is.
    pub level: Level,
    /// What it is about.
    pub subject: Subject,
    /// One sentence.
    pub text: String,
}

/// What a notice is about, for a program that decides by it: the sentence is for people.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Subject {
    /// Nothing that a program decides by.
    #[default]
    Other,
    /// From here on a source of one kind is in use.
    Source {
        /// The kind.
        kind: SourceKind,
        /// Which source, for people.
        name: &'static str,
        /// What its self-test found, or what it cannot do; empty where there is nothing to say.
        finding: String,
    },
    /// The kernel's network statistics do not work.
    NoStatistics,
    /// Process events are refused without Full Disk Access.
    NoFullDiskAccess,
}

impl Notice {
    /// One that is for people alone.
    pub(crate) fn new(level: Level, text: String) -> Notice {
        Notice { level, subject: Subject::Other, text }
    }

    /// A source of one kind is in use.
    pub(crate) fn of_source(kind: SourceKind, name: &'static str, finding: String) -> Notice {
        let what = match kind {
            SourceKind::Exec => "process events come from",
            SourceKind::Network => "connections come from",
        };
        let text = if finding.is_empty() { format!("{what} {name}") } else { format!("{what} {name}: {finding}") };
        Notice { level: Level::Info, subject: Subject::Source { kind, name, finding }, text }
    }
}

/// One report of a source of process events.
#[derive(Debug)]
pub(crate) enum Report {
    /// A message of Endpoint Security.
    Message(Box<dyn Received>),
    /// A decoded line.
    Event(Box<Event>),
    /// A process that runs, looked up, after its parent: it is not a start.
    Running(Box<Event>),
    /// Something about the source itself.
    Notice(Notice),
    /// Whether a source works.
    Health(Health),
}

impl Report {
    /// Something about the source itself.
    pub(crate) fn notice(level: Level, text: String) -> Report {
        Report::Notice(Notice::new(level, text))
    }

    /// Whether it is about a watched process, one that may become so, or the source itself. The callback of Endpoint
    /// Security asks, which must not wait: what cannot be told at once is taken for one.
    fn is_about(&self, watched: &Watched) -> bool {
        match self {
            Report::Message(message) => {
                let outline = message.outline();
                let (signing_id, name) = outline.program();
                watched.is_program(signing_id, name) || outline.pids().any(|pid| watched.may_contain(pid))
            }
            Report::Event(event) | Report::Running(event) => {
                let (signing_id, name) = (event.str(field::PROCESS_SIGNING_ID), event.str(field::PROCESS_NAME));
                let pids = [field::PROCESS_PID, field::PARENT_PID].into_iter().filter_map(|pid| event.int(pid));
                let mut pids = pids.filter_map(|pid| u32::try_from(pid).ok());
                watched.is_program(signing_id, name) || pids.any(|pid| watched.may_contain(pid))
            }
            Report::Notice(_) | Report::Health(_) => true,
        }
    }

    /// How many bytes it holds, nearly.
    fn bytes(&self) -> usize {
        match self {
            Report::Message(message) => message.bytes(),
            Report::Event(event) | Report::Running(event) => event.bytes(),
            Report::Notice(notice) => size_of::<Notice>() + notice.text.len(),
            Report::Health(health) => size_of::<Health>() + health.finding.len(),
        }
    }
}

/// What only the running system knows about a process or a user.
pub(crate) trait Lookup: Send {
    /// `p_uniqueid` of a process, if it is still this execution.
    fn unique_pid(&self, pid: u32, pidversion: u32) -> Option<u64>;
    /// A process that runs now and its parent, as [`Report::Running`] has them, the parent first; empty if the
    /// process is gone or its pid is another's by now.
    fn running(&self, pid: u32, unique_pid: u64) -> Vec<Event>;
}

/// The names of users. A directory server may have to be asked.
pub(crate) trait UserNames: Send {
    /// The name of a user.
    fn name(&mut self, uid: u32) -> Option<String>;
}

/// The sensors at work. Dropping them ends the child process, if there is one.
pub(crate) struct Sensors {
    /// This machine.
    pub machine: Machine,
    /// `host.name`.
    pub host_name: Option<String>,
    /// `host.os.version`.
    pub os_version: Option<String>,
    /// Process events, in the order their source gave them.
    pub processes: Receiver<Queued>,
    /// Flows.
    pub flows: Receiver<Flow>,
    /// What every report rings.
    pub bell: Bell,
    /// How late the source in use may report an exec, and since when it does.
    pub exec_lateness: Arc<ExecLateness>,
    /// What was lost.
    pub losses: Arc<Losses>,
    /// Asks for [`Report::Running`] of every process, after process events were lost.
    pub scan: Sender<()>,
    /// Questions to the kernel.
    pub lookup: Box<dyn Lookup>,
    /// Questions to the directory.
    pub user_names: Box<dyn UserNames>,
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
pub(crate) struct Backoff(Duration);

impl Default for Backoff {
    fn default() -> Backoff {
        Backoff(Duration::from_secs(1))
    }
}

impl Backoff {
    /// The next wait.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let wait = self.0;
        self.0 = (wait * 2).min(Duration::from_secs(60));
        wait
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let waits: Vec<u64> = (0..8).map(|_| backoff.next_wait().as_secs()).collect();
        assert_eq!(waits, [1, 2, 4, 8, 16, 32, 60, 60]);
    }
}
