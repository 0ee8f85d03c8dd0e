//! The Endpoint Security client: retains exec, fork and exit messages for the engine, and never waits.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use endpoint_sec::sys::{NewClientError, es_event_type_t};
use endpoint_sec::{Client, Message, MutedPath, version};

use super::es_message::{Retained, kind_of};
use super::es_mutes::Mutes;
use super::feed::Feed;
use super::host::{now, version_numbers};
use crate::source::endpoint_security::{Numbering, Received};
use crate::source::live::{Backoff, Level, Losses, Muted, Notice, Raw, Report, SourceKind, Subject};

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
                feed.say(Notice::of_source(SourceKind::Exec, "Endpoint Security", String::new()));
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
            let is_permission = matches!(error, Failure::New(NewClientError::NotPermitted));
            let subject = if is_permission { Subject::NoFullDiskAccess } else { Subject::Other };
            feed.say(Notice { level: Level::Warning, subject, text: format!("{text}; trying again") });
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
    // On the system's thread: retain, send, count. The engine reads the message.
    let handler = move |_: &mut Client<'_>, message: Message| {
        let Some(kind) = kind_of(&message) else { return };
        losses.add_gaps(numbers.gaps(kind, message.seq_num(), message.global_seq_num()));
        let message = Retained(message);
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
