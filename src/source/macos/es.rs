//! The Endpoint Security client: copies exec, fork and exit messages, and never waits.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use endpoint_sec::sys::{NewClientError, es_event_type_t};
use endpoint_sec::{Client, Event, EventExec, Message as Received, MutedPath, version};

use super::es_mutes::Mutes;
use super::feed::Feed;
use super::host::{now, version_numbers};
use crate::event::{AuditToken, Timestamp, hash};
use crate::source::endpoint_security::{
    Descriptor, Exec, Exit, File, Fork, Message, Notification, Numbering, Process, argument_limit,
};
use crate::source::live::{Backoff, Level, Losses, Muted, Raw, Report, SourceKind};

/// Bytes of arguments that are copied: long ones are cut until they fit, and what is cut off is counted.
const MAX_ARGUMENT_BYTES: usize = 256 * 1024;
/// Arguments that are copied: the first. `ARG_MAX` allows for a million empty ones.
const MAX_ARGUMENTS: usize = 16_384;
/// What this source is called.
const NAME: &str = "endpoint_security";
/// What is subscribed to.
const TYPES: [es_event_type_t; 3] = [
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXEC,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_FORK,
    es_event_type_t::ES_EVENT_TYPE_NOTIFY_EXIT,
];
/// Full Disk Access can be granted at any time, and the client works at once when it is.
const PERMISSION_RETRY: Duration = Duration::from_secs(5);

/// How a client came to its end.
pub(super) enum Ending {
    /// This program does not have the entitlement: it never will in this run.
    NotEntitled,
    /// The effective user is not root.
    NotPrivileged,
    /// Trying again is of no use.
    Fatal(String),
}

/// Runs a client for the rest of the program; returns only why there can be none.
pub(super) fn run(feed: &Feed, os_version: Option<&str>, muted: &Muted) -> Ending {
    let (major, minor, patch) = version_numbers(os_version.unwrap_or_default());
    // Older than 10.15 there is no Endpoint Security; the call panics.
    if (major, minor) < (10, 15) {
        return Ending::Fatal("this version of macOS has no Endpoint Security".to_owned());
    }
    version::set_runtime_version(major, minor, patch);
    let mut backoff = Backoff::default();
    let mut said = None;
    loop {
        let error = match subscribed(feed, muted) {
            Ok((mut client, mut mutes)) => {
                feed.notice(Level::Info, "process events come from Endpoint Security".to_owned());
                feed.works(SourceKind::Exec, NAME, "subscribed".to_owned(), None);
                // The client works as long as it lives, on a thread of the system's own.
                // What started before the subscription is looked up after it, so that nothing lies between.
                feed.scan();
                while let Ok(()) = feed.scans.recv() {
                    mutes.exchange(&mut client, feed, &muted.programs());
                    feed.scan();
                }
                loop {
                    std::thread::park();
                }
            }
            Err(error) => error,
        };
        let (text, wait) = match &error {
            Failure::New(NewClientError::NotEntitled) => return Ending::NotEntitled,
            Failure::New(NewClientError::NotPrivileged) => return Ending::NotPrivileged,
            Failure::New(error @ NewClientError::InvalidArgument) => return Ending::Fatal(sentence(error).to_owned()),
            Failure::New(error @ NewClientError::NotPermitted) => (sentence(error), PERMISSION_RETRY),
            Failure::New(error) => (sentence(error), backoff.next_wait()),
            Failure::Subscribe => ("Endpoint Security refused the subscription", backoff.next_wait()),
        };
        if said.replace(text) != Some(text) {
            feed.notice(Level::Warning, format!("{text}; trying again"));
            feed.fails(SourceKind::Exec, NAME, text.to_owned());
        }
        std::thread::sleep(wait);
    }
}

/// Why there is no client, for an administrator.
pub(super) fn sentence(error: &NewClientError) -> &'static str {
    match error {
        NewClientError::NotEntitled => "this build has no Endpoint Security entitlement",
        NewClientError::NotPermitted => {
            "Endpoint Security needs Full Disk Access: allow osawatch (in an incident: Terminal) under System Settings \
             > Privacy & Security > Full Disk Access"
        }
        NewClientError::NotPrivileged => "Endpoint Security is open to root only; use sudo",
        NewClientError::TooManyClients => "too many Endpoint Security clients are connected",
        NewClientError::InvalidArgument => "Endpoint Security refused the client as invalid: a bug in osawatch",
        _ => "Endpoint Security does not answer",
    }
}

enum Failure {
    New(NewClientError),
    Subscribe,
}

fn subscribed(feed: &Feed, muted: &Muted) -> Result<(Client<'static>, Mutes), Failure> {
    let (reports, losses, numbers) = (feed.reports.clone(), Arc::clone(&feed.losses), Numbering::default());
    let raw = feed.raw.clone();
    // On the system's thread: copy, send, count.
    let handler = move |_: &mut Client<'_>, received: Received| {
        let Some(message) = copy(&received) else { return };
        losses.add_gaps(numbers.gaps(&message));
        raw.iter().for_each(|raw| raw.take(message.bytes(), || Raw::Message(Box::new(message.clone()))));
        let is_full = !reports.try_send(Report::Message(Box::new(message)));
        Losses::add(&losses.process_channel_full, is_full.into());
    };
    let mut client = Client::new(handler).map_err(Failure::New)?;
    unmute_defaults(&mut client, feed);
    let mut mutes = Mutes::default();
    mutes.exchange(&mut client, feed, &muted.programs());
    // The kernel delivers at once; what is late is what the engine allows for anyway.
    feed.lateness.begin(Duration::ZERO, now());
    client.subscribe(&TYPES).map_err(|_| Failure::Subscribe)?;
    Ok((client, mutes))
}

/// Reports how many paths the system mutes in every client, and unmutes those muted for what is subscribed to. The
/// set changes with the release of macOS; it protects clients that answer, and none of these types asks for an answer.
fn unmute_defaults(client: &mut Client<'_>, feed: &Feed) {
    let Ok(muted) = client.muted_paths_events() else {
        return feed.notice(Level::Warning, "Endpoint Security does not report which paths it mutes".to_owned());
    };
    let is_ours = |path: &&MutedPath| path.events.is_empty() || path.events.iter().any(|kind| TYPES.contains(kind));
    let ours: Vec<&MutedPath> = muted.iter().filter(is_ours).collect();
    if !muted.is_empty() {
        let paths = if muted.len() == 1 { "path" } else { "paths" };
        let (count, number) = (muted.len(), ours.len());
        let text = format!(
            "Endpoint Security mutes {count} {paths} by default; {number} of them also for exec, fork or exit, which \
             osawatch unmutes"
        );
        feed.notice(Level::Info, text);
    }
    for path in ours {
        if client.unmute_path_events(&path.path, path.ty, &TYPES).is_err() {
            let text = format!("Endpoint Security mutes {} and does not unmute it", Path::new(&path.path).display());
            feed.notice(Level::Warning, text);
        }
    }
}

/// A message of what is subscribed to.
fn copy(received: &Received) -> Option<Message<'static>> {
    let (event, process) = match &received.event()? {
        Event::NotifyExec(exec) => (Notification::Exec(Box::new(copy_exec(exec))), copy_actor(&received.process())),
        Event::NotifyFork(fork) => {
            let fork = Fork { child: copy_process(&fork.child()) };
            (Notification::Fork(Box::new(fork)), copy_actor(&received.process()))
        }
        // An exit is about this process; elsewhere it only acts.
        Event::NotifyExit(exit) => {
            (Notification::Exit(Exit { stat: Some(exit.stat().into()) }), copy_process(&received.process()))
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

pub(super) fn token(token: endpoint_sec::AuditToken) -> AuditToken {
    AuditToken(token.raw_token().val)
}

/// The process that forked, or that was replaced: which it is, and its program.
fn copy_actor(process: &endpoint_sec::Process<'_>) -> Process<'static> {
    Process {
        audit_token: token(process.audit_token()),
        executable: Some(copy_file(&process.executable())),
        ..Process::default()
    }
}

fn copy_process(process: &endpoint_sec::Process<'_>) -> Process<'static> {
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
        executable: Some(copy_file(&process.executable())),
        tty: process.tty().map(|tty| copy_file(&tty)),
        start_time: process.start_time().map(|time| Cow::Owned(Timestamp::from(time).to_string())),
    }
}

fn copy_exec(exec: &EventExec<'_>) -> Exec<'static> {
    let lengths: Vec<usize> = exec.args().map(OsStr::len).collect();
    let limit = argument_limit(&lengths[..lengths.len().min(MAX_ARGUMENTS)], MAX_ARGUMENT_BYTES);
    // Cut in place: the position of an argument determines its meaning.
    let args: Vec<_> = exec.args().take(MAX_ARGUMENTS).map(|arg| text(beginning(arg, limit))).collect();
    let kept: usize = lengths.iter().take(MAX_ARGUMENTS).map(|length| length.min(&limit)).sum();
    Exec {
        target: copy_process(&exec.target()),
        args: Some(args),
        args_count: Some(lengths.len()),
        args_left_out: lengths.iter().sum::<usize>() - kept,
        env: None,
        cwd: exec.cwd().map(|file| copy_file(&file)),
        script: exec.script().map(|file| copy_file(&file)),
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

fn copy_file(file: &endpoint_sec::File<'_>) -> File<'static> {
    let device = Some(file.stat().st_rdev.into());
    File { path: text(file.path()), path_truncated: file.path_truncated(), device }
}

fn text(text: &OsStr) -> Cow<'static, str> {
    Cow::Owned(String::from_utf8_lossy(text.as_bytes()).into_owned())
}
