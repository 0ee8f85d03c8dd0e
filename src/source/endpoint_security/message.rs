//! The Endpoint Security message, `es_message_t`: what of it osawatch reads.

use std::borrow::Cow;
use std::fmt;

use crate::event::{AuditToken, Timestamp};

/// A message, `es_message_t`. Text is borrowed while a line of a recording holds it.
#[derive(Clone)]
pub(crate) struct Message<'a> {
    /// When the event happened.
    pub time: Timestamp,
    /// The version of the structure.
    pub version: Option<i64>,
    /// Counts the messages of one kind.
    pub seq_num: Option<u64>,
    /// Counts all messages.
    pub global_seq_num: Option<u64>,
    /// The process that acts.
    pub process: Process<'a>,
    /// What happened.
    pub event: Notification<'a>,
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} at {}", self.kind(), self.time)
    }
}

impl Message<'_> {
    /// What it reports.
    pub(crate) fn kind(&self) -> Kind {
        match &self.event {
            Notification::Exec(_) => Kind::Exec,
            Notification::Fork(_) => Kind::Fork,
            Notification::Exit(_) => Kind::Exit,
        }
    }
}

/// The kinds of message that osawatch subscribes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A program started.
    Exec,
    /// A process was made.
    Fork,
    /// A process ended.
    Exit,
}

/// The event of a message, `es_events_t`: the kinds that osawatch subscribes to.
#[derive(Clone)]
pub(crate) enum Notification<'a> {
    /// A program started.
    Exec(Box<Exec<'a>>),
    /// A process was made.
    Fork(Box<Fork<'a>>),
    /// A process ended.
    Exit(Exit),
}

/// `es_event_exec_t`.
#[derive(Clone)]
pub(crate) struct Exec<'a> {
    /// The process with its new program.
    pub target: Process<'a>,
    /// The arguments; the client that osawatch opens may hold only the beginning of long ones, and leave out the last.
    pub args: Option<Vec<Cow<'a, str>>>,
    /// How many arguments there are, where `args` does not hold them all.
    pub args_count: Option<usize>,
    /// Bytes of arguments that were left out.
    pub args_left_out: usize,
    /// The environment; the client that osawatch opens does not copy it.
    pub env: Option<Vec<Cow<'a, str>>>,
    /// The working directory.
    pub cwd: Option<File<'a>>,
    /// The script whose interpreter the target is.
    pub script: Option<File<'a>>,
    /// What standard input, output and error are.
    pub descriptors: [Descriptor; 3],
}

/// One of the descriptors that a program starts with, `es_fd_t`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Descriptor {
    /// `file`, `socket`, `pipe` or `other`, when it is open.
    pub kind: Option<&'static str>,
    /// Which pipe it is: both ends have the same number.
    pub pipe: Option<u64>,
}

impl Descriptor {
    /// By the number of its kind, `PROX_FDTYPE_*` of `<sys/proc_info.h>`.
    pub(crate) fn of(kind: u32, pipe: Option<u64>) -> Descriptor {
        let kind = match kind {
            1 => "file",
            2 => "socket",
            6 => "pipe",
            _ => "other",
        };
        Descriptor { kind: Some(kind), pipe: pipe.filter(|_| kind == "pipe") }
    }
}

/// `es_event_fork_t`.
#[derive(Clone)]
pub(crate) struct Fork<'a> {
    /// The new process.
    pub child: Process<'a>,
}

/// `es_event_exit_t`.
#[derive(Clone, Copy)]
pub(crate) struct Exit {
    /// What wait(2) reports.
    pub stat: Option<i64>,
}

/// `es_process_t`.
#[derive(Clone, Default)]
pub(crate) struct Process<'a> {
    /// Which execution it is.
    pub audit_token: AuditToken,
    /// From message version 4.
    pub parent_audit_token: Option<AuditToken>,
    /// From message version 4.
    pub responsible_audit_token: Option<AuditToken>,
    /// The parent's pid.
    pub ppid: Option<i64>,
    /// The pid of the process that forked it; its parent is launchd once that one has exited.
    pub original_ppid: Option<i64>,
    /// The process group.
    pub group_id: Option<i64>,
    /// The session.
    pub session_id: Option<i64>,
    /// `CS_*` of XNU's `cs_blobs.h`. FACT: signature-flags
    pub codesigning_flags: Option<i64>,
    /// Whether the program is part of macOS.
    pub is_platform_binary: Option<bool>,
    /// The hash of the code directory, hexadecimal.
    pub cdhash: Option<Cow<'a, str>>,
    /// The identifier in the signature.
    pub signing_id: Option<Cow<'a, str>>,
    /// The team in the signature.
    pub team_id: Option<Cow<'a, str>>,
    /// The program.
    pub executable: Option<File<'a>>,
    /// The terminal.
    pub tty: Option<File<'a>>,
    /// When the process was made, as RFC 3339.
    pub start_time: Option<Cow<'a, str>>,
}

/// `es_file_t`.
#[derive(Clone)]
pub(crate) struct File<'a> {
    /// Its path.
    pub path: Cow<'a, str>,
    /// The path was longer than the system copies.
    pub path_truncated: bool,
    /// `st_rdev`: the device that it represents.
    pub device: Option<i64>,
}

/// How many bytes of each argument to copy, so that all together, each with one more byte, fit in `room`: the most
/// for which they do. Short arguments are then whole, and only the long ones are cut.
pub(crate) fn argument_limit(lengths: &[usize], room: usize) -> usize {
    let fits = |limit: usize| {
        let sum = lengths.iter().try_fold(0_usize, |sum, length| sum.checked_add(length.min(&limit).checked_add(1)?));
        sum.is_some_and(|sum| sum <= room)
    };
    let longest = lengths.iter().copied().max().unwrap_or(0);
    if fits(longest) {
        return longest;
    }
    let (mut low, mut high) = (0, longest);
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        *(if fits(middle) { &mut low } else { &mut high }) = middle;
    }
    low
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_argument_is_cut_and_those_behind_it_are_whole() {
        let lengths = [9, 2, 260 * 1024, 2, 400];
        let limit = argument_limit(&lengths, 256 * 1024);
        assert_eq!(limit, 256 * 1024 - 9 - 2 - 2 - 400 - 5);
        assert_eq!(argument_limit(&lengths, 300 * 1024), 260 * 1024, "nothing need be cut");
    }

    #[test]
    fn several_long_arguments_share_the_room_and_none_at_all_is_no_fault() {
        assert_eq!(argument_limit(&[1000, 1000, 10], 213), 100);
        assert_eq!(argument_limit(&[1000; 10], 5), 0, "not even one byte each");
        assert_eq!((argument_limit(&[], 5), argument_limit(&[usize::MAX, usize::MAX], 100)), (0, 49));
    }
}
