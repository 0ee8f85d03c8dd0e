//! From a step to the messages of the clients that subscribed to it.
use super::{CLIENTS, LIMIT, build, layout, mute};
use crate::proc::{Process, Table};
use crate::script::text;
use crate::shims::world;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

pub(crate) enum Event {
    Exec { target: Arc<Process> },
    Fork { child: Arc<Process> },
    Exit { stat: i32 },
    Connect(Connection),
}
pub(crate) struct Connection {
    pub(crate) local: SocketAddr,
    pub(crate) remote: SocketAddr,
    pub(crate) hostname: Vec<u8>,
    pub(crate) protocol: u32,
}

impl Event {
    /// As eslogger calls it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Event::Exec { .. } => "exec",
            Event::Fork { .. } => "fork",
            Event::Exit { .. } => "exit",
            Event::Connect(_) => "connect",
        }
    }
}

/// One "es" step: changes the process table and sends a message to every subscribed client.
pub(crate) fn step(step: &Value) -> Result<(), String> {
    let (ty, actor, event) = Table::with(|table| happen(table, step))?;
    send(ty, &actor, &event, step);
    Ok(())
}

/// The guest itself has tried to connect.
pub(crate) fn connected(local: SocketAddr, remote: SocketAddr) {
    if !world::at_least(26, 4) || !crate::shims::process::in_guest() {
        return;
    }
    let actor = Table::with(|table| table.get_or_make(std::process::id() as i32, &Value::Null));
    let connection = Connection { local, remote, hostname: Vec::new(), protocol: libc::IPPROTO_TCP as u32 };
    send(layout::NOTIFY_CONNECT, &actor, &Event::Connect(connection), &Value::Null);
}

fn happen(table: &mut Table, step: &Value) -> Result<(u32, Arc<Process>, Event), String> {
    let number = |key: &str| step.get(key).and_then(|value| value.as_i64());
    let pid = number("pid").ok_or("es step without pid")? as i32;
    Ok(match step["type"].as_str() {
        Some("exec") => {
            if !step["path"].is_string() && !step["path"].is_object() {
                return Err("exec without path".into());
            }
            let before = table.before_exec(pid, step);
            let target = table.exec(pid, &before, step);
            (layout::NOTIFY_EXEC, before, Event::Exec { target })
        }
        Some("fork") => {
            // An exec keeps the unique pid: the child has from the start the one that its exec will state.
            if step.get("upid").is_some() {
                return Err("fork with upid: child_upid is the child's".into());
            }
            let parent = table.get_or_make(pid, step);
            let child = table.fork(&parent, number("child_pid").ok_or("fork without child_pid")? as i32, step);
            (layout::NOTIFY_FORK, parent, Event::Fork { child: marked(child, step) })
        }
        Some("exit") => {
            let process = marked(table.get_or_make(pid, step), step);
            if step["keep"] != true {
                table.remove(pid);
            }
            let stat = number("stat").or(number("signal")).unwrap_or(number("code").unwrap_or(0) << 8) as i32;
            (layout::NOTIFY_EXIT, process, Event::Exit { stat })
        }
        Some("connect") => {
            if !world::at_least(26, 4) {
                return Err("es type connect: macOS has it from 26.4 on (--os)".into());
            }
            let address =
                |key: &str| step[key].as_str().unwrap_or("").parse().map_err(|error| format!("{key}: {error}"));
            let connection = Connection {
                local: address("local")?,
                remote: address("remote")?,
                hostname: step.get("hostname").map(text::bytes).unwrap_or_default(),
                protocol: number("protocol").unwrap_or(libc::IPPROTO_TCP.into()) as u32,
            };
            (layout::NOTIFY_CONNECT, marked(table.get_or_make(pid, step), step), Event::Connect(connection))
        }
        other => return Err(format!("es type {other:?}")),
    })
}

/// What an exec says of its own process holds for it from then on; here it is said for one message.
fn marked(process: Arc<Process>, step: &Value) -> Arc<Process> {
    if step["zero_token"] != true && step["path_truncated"] != true {
        return process;
    }
    let mut process = Process::clone(&process);
    process.zero_token |= step["zero_token"] == true;
    process.path_truncated |= step["path_truncated"] == true;
    Arc::new(process)
}

/// The guest has started a program of the host: a fork and an exec, as every start is on a Mac.
pub(crate) fn spawned(pid: i32, group: i32, path: &[u8], args: &[Vec<u8>]) {
    if crate::proc::is_scripted(pid) {
        return;
    }
    let guest = std::process::id() as i32;
    let fork = json!({"type": "fork", "pid": guest, "child_pid": pid});
    let texts: Vec<_> = args.iter().map(|text| String::from_utf8_lossy(text)).collect();
    let exec = json!({"type": "exec", "pid": pid, "path": String::from_utf8_lossy(path), "args": texts,
        "parent_pid": guest, "responsible_pid": guest, "group_id": group, "platform": true});
    happened(&fork);
    // The group is set before the new image runs. FACT: spawn-group
    let _ = crate::proc::step(&json!({"pid": pid, "group_id": group}));
    if !crate::programs::is_exec_hidden(path) {
        happened(&exec);
    }
    crate::programs::started(pid);
}
/// A child of the guest has ended; here it is known when the guest waits for it.
pub(crate) fn reaped(pid: i32, stat: i32) {
    if crate::proc::is_child_of_guest(pid) {
        happened(&json!({"type": "exit", "pid": pid, "stat": stat}));
    }
}
/// The guest has sent a signal to a process of the script: it ends it, or not. False: the guest may not.
pub(crate) fn signalled(pid: i32, number: i32) -> bool {
    let Some(process) = Table::with(|table| table.get(pid).cloned()).filter(|process| process.mortal) else {
        return false;
    };
    note!("signal {number} to process {pid} of the script");
    if number != libc::SIGTERM || !process.ignores_term {
        happened(&json!({"type": "exit", "pid": pid, "signal": number}));
    }
    true
}
fn happened(step: &Value) {
    if let Err(error) = self::step(step) {
        note!("a child of the guest: {error}");
    }
}

/// To every client that subscribed; their numbers begin at 0. FACT: first-numbers
fn send(ty: u32, actor: &Process, event: &Event, step: &Value) {
    let target = match event {
        Event::Exec { target } => Some(&**target),
        _ => None,
    };
    crate::eslogger::send(step, ty, actor, event);
    for client in CLIENTS.lock().unwrap().iter_mut().filter(|client| client.subs.contains(&ty)) {
        if mute::is_muted(client, ty, actor, target) {
            continue;
        }
        let seq = client.seq.entry(ty).or_insert(0);
        let (number, global) = (*seq, client.global);
        *seq += 1;
        client.global += 1;
        let limit = LIMIT.load(Ordering::Relaxed);
        if limit > 0 && client.pending.load(Ordering::SeqCst) >= limit {
            continue;
        } // dropped: a gap in both numbers
        let message = build::message(step, ty, actor, event, (number, global));
        client.pending.fetch_add(1, Ordering::SeqCst);
        if let Some(tx) = &client.tx {
            let _ = tx.send(message);
        }
    }
}

/// Events the kernel "dropped": gaps in seq_num and global_seq_num of every client.
pub(crate) fn drop_events(count: u64, ty: Option<&str>) {
    let ty = match ty {
        Some("fork") => layout::NOTIFY_FORK,
        Some("exit") => layout::NOTIFY_EXIT,
        Some("connect") => layout::NOTIFY_CONNECT,
        _ => layout::NOTIFY_EXEC,
    };
    crate::eslogger::drop_events(count, ty);
    for client in CLIENTS.lock().unwrap().iter_mut() {
        *client.seq.entry(ty).or_insert(0) += count;
        client.global += count;
    }
}
