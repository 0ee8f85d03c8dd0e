//! A separate client for Endpoint Security's undocumented connect event: names the execution by audit token,
//! and the host. Nothing depends on it.

use std::net::TcpListener;
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, bounded};
use endpoint_sec::sys::es_event_type_t;
use endpoint_sec::{Client, Message, version};

use super::feed::Feed;
use super::host::version_numbers;
use super::{es, es_message, sys};
use crate::event::{Flow, FlowSource, Owner, ProcessRef, Timestamp};
use crate::source::endpoint_security::connect::{self, EVENT_TYPE, FIRST_RELEASE, PortOrder};
use crate::source::live::{Level, Losses, Raw, RingingSender};

/// Events that may wait to be read.
const CHANNEL: usize = 4_096;
/// How long the event of the self-test's connection may take.
const PATIENCE: Duration = Duration::from_secs(2);

/// An event, copied.
struct Copied {
    time: Timestamp,
    pid: u32,
    pidversion: u32,
    bytes: Vec<u8>,
    name: Option<String>,
}

impl Copied {
    /// As it is recorded, with what its pointers lead to.
    fn raw(&self) -> Raw {
        let Copied { time, pid, pidversion, bytes, name } = self;
        let what = format!("connect pid={pid} pidversion={pidversion} name={:?}", name.as_deref().unwrap_or_default());
        Raw::Bytes { time: *time, what: what.into(), bytes: bytes.clone() }
    }
}

/// Reports connections for the rest of the program, or returns why not.
pub(super) fn run(feed: &Feed, flows: &RingingSender<Flow>, os_version: Option<&str>) {
    match watch(feed, flows, version_numbers(os_version.unwrap_or_default())) {
        Ok(()) => {}
        Err(why) => feed.notice(Level::Warning, format!("Endpoint Security's connect event is not used: {why}")),
    }
}

fn watch(feed: &Feed, flows: &RingingSender<Flow>, (major, minor, patch): (u64, u64, u64)) -> Result<(), String> {
    if (major, minor) < FIRST_RELEASE {
        // FACT: unknown-event
        return Err("requires macOS 26.4; older kernels panic".to_owned());
    }
    version::set_runtime_version(major, minor, patch);
    let (sender, copies) = bounded(CHANNEL);
    let (losses, raw) = (Arc::clone(&feed.losses), feed.raw.clone());
    let handler = move |_: &mut Client<'_>, message: Message| {
        let copied = copy(&message);
        raw.iter().for_each(|raw| raw.take(copied.bytes.len(), || copied.raw()));
        let is_full = sender.try_send(copied).is_err();
        Losses::add(&losses.connect_channel_full, is_full.into());
    };
    let mut client = Client::new(handler).map_err(|error| es::sentence(&error))?;
    client.subscribe(&[es_event_type_t(EVENT_TYPE)]).map_err(|_| "the subscription was refused".to_owned())?;
    let order = validate(&copies)?;
    feed.notice(Level::Info, "Endpoint Security's connect event is also used".to_owned());
    for copied in copies {
        let Some(flow) = flow(&copied, order) else {
            Losses::add(&feed.losses.connect_malformed, u64::from(copied.bytes.is_empty()));
            continue;
        };
        let is_full = flow.owner.process().pid != std::process::id() && flows.try_send(flow).is_err();
        Losses::add(&feed.losses.flow_channel_full, is_full.into());
    }
    Ok(())
}

/// On the system's thread. The structure's place and layout are not certain, so the kernel copies, and refuses
/// what is not memory of ours.
fn copy(message: &Message) -> Copied {
    let token = es_message::token(message.process().audit_token());
    let bytes = sys::event_structure(message, connect::SIZE).unwrap_or_default();
    let name = connect::name_token(&bytes).and_then(|(address, length)| sys::read_memory(address, length));
    Copied {
        time: message.time().into(),
        pid: token.pid(),
        pidversion: token.pidversion(),
        name: name.and_then(|name| String::from_utf8(name).ok()),
        bytes,
    }
}

/// Connects to ourselves, and finds the event of it.
#[allow(clippy::disallowed_methods, reason = "to wait no longer than some time")]
fn validate(copies: &Receiver<Copied>) -> Result<PortOrder, String> {
    let failed = |error: std::io::Error| format!("no test connection could be made: {error}");
    let listener = TcpListener::bind(("127.0.0.1", 0)).map_err(failed)?;
    let stream = TcpStream::connect(listener.local_addr().map_err(failed)?).map_err(failed)?;
    let (local, remote) = (stream.local_addr().map_err(failed)?, stream.peer_addr().map_err(failed)?);
    let end = Instant::now() + PATIENCE;
    while let Ok(copied) = copies.recv_deadline(end) {
        if copied.pid == std::process::id()
            && let Some(order) = connect::detect(&copied.bytes, local, remote)
        {
            return Ok(order);
        }
    }
    Err("our own connection was not reported, or in an unknown layout".to_owned())
}

fn flow(copied: &Copied, order: PortOrder) -> Option<Flow> {
    let found = connect::parse(&copied.bytes, order)?;
    let process = ProcessRef { pid: copied.pid, unique_pid: None };
    let owner = Owner::Execution { process, pidversion: copied.pidversion };
    let flow = Flow::connected(FlowSource::EndpointSecurity, copied.time, found.transport, found.remote, owner);
    Some(flow.with_local(found.local).with_inbound(Some(false)).with_remote_name(copied.name.clone()))
}
