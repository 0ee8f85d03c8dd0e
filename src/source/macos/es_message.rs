//! A message of Endpoint Security, as the engine reads it.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use endpoint_sec::sys::es_event_type_t;
use endpoint_sec::{Event, EventExec};

use crate::event::{AuditToken, Timestamp, hash};
use crate::source::endpoint_security::{
    Descriptor, Exec, Exit, File, Fork, Kind, Message, Notification, Outline, Process, Received, argument_limit,
};

/// Bytes of arguments that are read: long ones are cut until they fit, and what is cut off is counted.
const MAX_ARGUMENT_BYTES: usize = 256 * 1024;
/// Arguments that are read: the first. `ARG_MAX` allows for a million empty ones.
const MAX_ARGUMENTS: usize = 16_384;
/// What a message takes, nearly: `es_message_t`, the process that acts, with its files and their `stat`, and their paths.
const MESSAGE_BYTES: usize = 1024;
/// What an exec takes besides, without its arguments and its environment: the process with its new program.
const EXEC_BYTES: usize = 1024;

/// What a message of what is subscribed to reports; `None`: it is another.
pub(super) fn kind_of(message: &endpoint_sec::Message) -> Option<Kind> {
    match message.event_type() {
        es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXEC => Some(Kind::Exec),
        es_event_type_t::ES_EVENT_TYPE_NOTIFY_FORK => Some(Kind::Fork),
        es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXIT => Some(Kind::Exit),
        _ => None,
    }
}

/// A message that the system keeps until this is dropped.
#[derive(Clone, Debug)]
pub(super) struct Retained(pub(super) endpoint_sec::Message);

impl Received for Retained {
    fn message(&self) -> Option<Message<'_>> {
        let Retained(received) = self;
        let (event, process) = match &received.event()? {
            Event::NotifyExec(exec) => (Notification::Exec(Box::new(exec_of(exec))), actor(&received.process())),
            Event::NotifyFork(fork) => {
                let fork = Fork { child: process(&fork.child()) };
                (Notification::Fork(Box::new(fork)), actor(&received.process()))
            }
            // An exit is about this process; elsewhere it only acts.
            Event::NotifyExit(exit) => {
                (Notification::Exit(Exit { stat: Some(exit.stat().into()) }), process(&received.process()))
            }
            _ => return None,
        };
        Some(Message {
            time: received.time().into(),
            version: Some(received.version().into()),
            seq_num: received.seq_num(),
            global_seq_num: received.global_seq_num(),
            process,
            event,
        })
    }

    fn outline(&self) -> Outline<'_> {
        let acting = self.0.process();
        let pid = token(acting.audit_token()).pid();
        let subject = match self.0.event() {
            Some(Event::NotifyExec(exec)) => exec.target(),
            _ => acting,
        };
        let (signing_id, path) = (subject.signing_id().to_str(), subject.executable().path().to_str());
        Outline { pid, ppid: Some(subject.ppid().into()), signing_id, path }
    }

    fn bytes(&self) -> usize {
        let texts = match self.0.event() {
            Some(Event::NotifyExec(exec)) => EXEC_BYTES + lengths(exec.args()) + lengths(exec.envs()),
            _ => 0,
        };
        MESSAGE_BYTES + texts
    }
}

pub(super) fn token(token: endpoint_sec::AuditToken) -> AuditToken {
    AuditToken(token.raw_token().val)
}

/// The process that forked, or that was replaced: which it is, and its program.
fn actor<'a>(process: &endpoint_sec::Process<'a>) -> Process<'a> {
    Process {
        audit_token: token(process.audit_token()),
        executable: Some(file(&process.executable())),
        ..Process::default()
    }
}

fn process<'a>(process: &endpoint_sec::Process<'a>) -> Process<'a> {
    Process {
        audit_token: token(process.audit_token()),
        parent_audit_token: process.parent_audit_token().map(token),
        responsible_audit_token: process.responsible_audit_token().map(token),
        ppid: Some(process.ppid().into()),
        original_ppid: Some(process.original_ppid().into()),
        group_id: Some(process.group_id().into()),
        session_id: Some(process.session_id().into()),
        codesigning_flags: Some(process.codesigning_flags().into()),
        is_platform_binary: Some(process.is_platform_binary()),
        cdhash: Some(Cow::Owned(hash::hex(&process.cdhash()))),
        signing_id: Some(text(process.signing_id())),
        team_id: Some(text(process.team_id())),
        executable: Some(file(&process.executable())),
        tty: process.tty().map(|tty| file(&tty)),
        start_time: process.start_time().map(|time| Cow::Owned(Timestamp::from(time).to_string())),
    }
}

fn exec_of<'a>(exec: &EventExec<'a>) -> Exec<'a> {
    let lengths: Vec<usize> = exec.args().map(OsStr::len).collect();
    let limit = argument_limit(&lengths[..lengths.len().min(MAX_ARGUMENTS)], MAX_ARGUMENT_BYTES);
    // Cut in place: the position of an argument determines its meaning.
    let args: Vec<_> = exec.args().take(MAX_ARGUMENTS).map(|arg| text(beginning(arg, limit))).collect();
    let kept: usize = lengths.iter().take(MAX_ARGUMENTS).map(|length| length.min(&limit)).sum();
    Exec {
        target: process(&exec.target()),
        args: Some(args),
        args_count: Some(lengths.len()),
        args_left_out: lengths.iter().sum::<usize>() - kept,
        env: None,
        cwd: exec.cwd().map(|cwd| file(&cwd)),
        script: exec.script().map(|script| file(&script)),
        descriptors: descriptors(exec),
    }
}

fn beginning(text: &OsStr, length: usize) -> &OsStr {
    OsStr::from_bytes(&text.as_bytes()[..text.len().min(length)])
}

/// What standard input, output and error are. They come first.
fn descriptors(exec: &EventExec<'_>) -> [Descriptor; 3] {
    let mut first = [Descriptor::default(); 3];
    for fd in exec.fds().take(3) {
        if let Some(place) = usize::try_from(fd.fd()).ok().and_then(|fd| first.get_mut(fd)) {
            *place = Descriptor::of(fd.fdtype(), fd.pipe_id());
        }
    }
    first
}

fn file<'a>(file: &endpoint_sec::File<'a>) -> File<'a> {
    let device = Some(file.stat().st_rdev.into());
    File { path: text(file.path()), path_truncated: file.path_truncated(), device }
}

fn text(text: &OsStr) -> Cow<'_, str> {
    String::from_utf8_lossy(text.as_bytes())
}

/// How many bytes they take together, each with its end.
fn lengths<'a>(texts: impl Iterator<Item = &'a OsStr>) -> usize {
    texts.map(|text| text.len() + 1).sum()
}
