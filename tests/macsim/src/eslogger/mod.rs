//! Apple's eslogger, which the guest starts as a child ("eslogger" steps). The child is this program again, under that
//! name; it gets the events of the script through a socket and prints them as eslogger does.
pub(crate) mod child;
mod output;
mod record;

use crate::es::Event;
use crate::proc::Process;
use record::Numbers;
use serde_json::{Value, json};
use std::collections::{HashMap, VecDeque};
use std::io::{BufRead, BufReader, Write};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::sync::Mutex;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};

/// Messages that wait for one child before more are dropped.
const QUEUE: usize = 4096;
/// What the guest starts. FACT: eslogger-access
const PROGRAM: &str = "/usr/bin/eslogger";

/// One child that has subscribed.
struct Subscriber {
    pid: i32,
    group: i32,
    events: Vec<String>,
    lines: SyncSender<String>,
    seq: HashMap<u32, u64>,
    global: u64,
}
static SUBSCRIBERS: Mutex<Vec<Subscriber>> = Mutex::new(Vec::new());
/// How the next children behave; the last one stays. Without any there is no eslogger here.
static BEHAVIOURS: Mutex<VecDeque<Value>> = Mutex::new(VecDeque::new());

/// The socket of the guest with this pid.
fn address(guest: u32) -> std::io::Result<SocketAddr> {
    SocketAddr::from_abstract_name(format!("macsim-eslogger-{guest}"))
}

/// An "eslogger" step: what the next child does, or a list for one after the other.
pub(crate) fn step(value: &Value) -> Result<(), String> {
    let behaviours = match value {
        Value::Array(list) => list.clone(),
        Value::Object(_) => vec![value.clone()],
        _ => return Err("eslogger: not an object or a list of them".into()),
    };
    for behaviour in &behaviours {
        child::check(behaviour)?;
    }
    let mut known = BEHAVIOURS.lock().unwrap();
    let is_first = known.is_empty();
    *known = behaviours.into();
    drop(known);
    if is_first { listen().map_err(|error| format!("eslogger: {error}")) } else { Ok(()) }
}

fn listen() -> std::io::Result<()> {
    let program = std::env::current_exe()?.to_string_lossy().into_owned();
    crate::shims::world::with(|world| world.paths.push((PROGRAM.into(), program)));
    let listener = UnixListener::bind_addr(&address(std::process::id())?)?;
    std::thread::Builder::new().name("eslogger".into()).spawn(move || {
        crate::shims::signal::block_all_in_this_thread();
        listener.incoming().flatten().for_each(|stream| drop(accept(stream)));
    })?;
    Ok(())
}

/// The child says its group and what it wants; it is configured, and from then on it gets records.
fn accept(stream: UnixStream) -> std::io::Result<()> {
    let mut hello = String::new();
    BufReader::new(&stream).read_line(&mut hello)?;
    let hello: Value = serde_json::from_str(&hello)?;
    let events = hello["events"].as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned);
    let behaviour = {
        let mut known = BEHAVIOURS.lock().unwrap();
        if known.len() > 1 { known.pop_front() } else { known.front().cloned() }
    };
    let (lines, waiting) = sync_channel(QUEUE);
    (&stream).write_all(format!("{}\n", behaviour.unwrap_or_else(|| json!({}))).as_bytes())?;
    let number = |key: &str| hello[key].as_i64().unwrap_or(0) as i32;
    let (pid, group) = (number("pid"), number("group"));
    let (seq, global) = (HashMap::new(), 0);
    SUBSCRIBERS.lock().unwrap().push(Subscriber { pid, group, events: events.collect(), lines, seq, global });
    std::thread::Builder::new().name("eslogger-feed".into()).spawn(move || {
        crate::shims::signal::block_all_in_this_thread();
        let mut stream = stream;
        waiting.iter().try_for_each(|line: String| stream.write_all(line.as_bytes()))
    })?;
    Ok(())
}

/// Whether some child gets events; for "wait_es" steps.
pub(crate) fn is_subscribed() -> bool {
    !SUBSCRIBERS.lock().unwrap().is_empty()
}

/// What happened, to every child that wants it and is not of the same process group: what that does has numbers all
/// the same, so that leaving it out looks like a loss. FACT: eslogger-own-group, eslogger-own-numbers
pub(crate) fn send(step: &Value, ty: u32, actor: &Process, event: &Event) {
    let name = event.name();
    SUBSCRIBERS.lock().unwrap().retain_mut(|child| {
        // Its own exec was before it subscribed, though it is told of when posix_spawn has returned.
        if !child.events.iter().any(|wanted| wanted == name) || child.pid == actor.pid {
            return true;
        }
        let seq = child.seq.entry(ty).or_insert(0);
        let numbers = Numbers { seq: *seq, global: child.global };
        *seq += 1;
        child.global += 1;
        if child.group == actor.group_id {
            return true;
        }
        let line = record::line(step, ty, actor, event, numbers);
        !matches!(child.lines.try_send(line), Err(TrySendError::Disconnected(_)))
    });
}

/// As es::drop_events: gaps in the numbers of every child.
pub(crate) fn drop_events(count: u64, ty: u32) {
    for child in SUBSCRIBERS.lock().unwrap().iter_mut() {
        *child.seq.entry(ty).or_insert(0) += count;
        child.global += count;
    }
}
