//! From a step to the messages of the clients that subscribed to it.
use super::{build, layout as l, mute, CLIENTS, LIMIT};
use crate::proc::{Process, Table};
use crate::script::text;
use crate::shims::world;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::sync::Arc;

pub(super) enum Event {
    Exec { target: Arc<Process> },
    Fork { child: Arc<Process> },
    Exit { stat: i32 },
    Connect(Connection),
}
pub(super) struct Connection {
    pub(super) local: SocketAddr,
    pub(super) remote: SocketAddr,
    pub(super) hostname: Vec<u8>,
    pub(super) protocol: u32,
}

/// One "es" step: changes the process table and sends a message to every subscribed client.
pub fn step(v: &Value) -> Result<(), String> {
    let (ty, actor, event) = Table::with(|t| happen(t, v))?;
    send(ty, &actor, &event, v);
    Ok(())
}

/// The guest itself has tried to connect.
pub fn connected(local: SocketAddr, remote: SocketAddr) {
    if !world::at_least(26, 4) || !crate::shims::process::in_guest() {
        return;
    }
    let actor = Table::with(|t| t.get_or_make(std::process::id() as i32, &Value::Null));
    let connection = Connection { local, remote, hostname: Vec::new(), protocol: libc::IPPROTO_TCP as u32 };
    send(l::NOTIFY_CONNECT, &actor, &Event::Connect(connection), &Value::Null);
}

fn happen(t: &mut Table, v: &Value) -> Result<(u32, Arc<Process>, Event), String> {
    let n = |k: &str| v.get(k).and_then(|x| x.as_i64());
    let pid = n("pid").ok_or("es step without pid")? as i32;
    Ok(match v["type"].as_str() {
        Some("exec") => {
            if !v["path"].is_string() && !v["path"].is_object() {
                return Err("exec without path".into());
            }
            let before = t.before_exec(pid, v);
            let target = t.exec(pid, &before, v);
            (l::NOTIFY_EXEC, before, Event::Exec { target })
        }
        Some("fork") => {
            let parent = t.get_or_make(pid, v);
            let child = t.fork(&parent, n("child_pid").ok_or("fork without child_pid")? as i32, v);
            (l::NOTIFY_FORK, parent, Event::Fork { child: marked(child, v) })
        }
        Some("exit") => {
            let p = marked(t.get_or_make(pid, v), v);
            if v["keep"] != true {
                t.remove(pid);
            }
            let stat = n("stat").or(n("signal")).unwrap_or(n("code").unwrap_or(0) << 8) as i32;
            (l::NOTIFY_EXIT, p, Event::Exit { stat })
        }
        Some("connect") => {
            if !world::at_least(26, 4) {
                return Err("es type connect: macOS has it from 26.4 on (--os)".into());
            }
            let address = |k: &str| v[k].as_str().unwrap_or("").parse().map_err(|e| format!("{k}: {e}"));
            let connection = Connection {
                local: address("local")?,
                remote: address("remote")?,
                hostname: v.get("hostname").map(text::bytes).unwrap_or_default(),
                protocol: n("protocol").unwrap_or(libc::IPPROTO_TCP.into()) as u32,
            };
            (l::NOTIFY_CONNECT, marked(t.get_or_make(pid, v), v), Event::Connect(connection))
        }
        o => return Err(format!("es type {o:?}")),
    })
}

/// What an exec says of its own process holds for it from then on; here it is said for one message.
fn marked(p: Arc<Process>, v: &Value) -> Arc<Process> {
    if v["zero_token"] != true && v["path_truncated"] != true {
        return p;
    }
    let mut p = Process::clone(&p);
    p.zero_token |= v["zero_token"] == true;
    p.path_truncated |= v["path_truncated"] == true;
    Arc::new(p)
}

fn send(ty: u32, actor: &Process, event: &Event, v: &Value) {
    let target = match event {
        Event::Exec { target } => Some(&**target),
        _ => None,
    };
    for c in CLIENTS.lock().unwrap().iter_mut().filter(|c| c.subs.contains(&ty)) {
        if mute::is_muted(c, ty, actor, target) {
            continue;
        }
        let seq = c.seq.entry(ty).or_insert(0);
        let (s, g) = (*seq, c.global);
        *seq += 1;
        c.global += 1;
        let limit = LIMIT.load(Ordering::Relaxed);
        if limit > 0 && c.pending.load(Ordering::SeqCst) >= limit {
            continue;
        } // dropped: a gap in both numbers
        let m = build::message(v, ty, actor, event, (s, g));
        c.pending.fetch_add(1, Ordering::SeqCst);
        if let Some(tx) = &c.tx {
            let _ = tx.send(m);
        }
    }
}

/// Events the kernel "dropped": gaps in seq_num and global_seq_num of every client.
pub fn drop_events(n: u64, ty: Option<&str>) {
    let ty = match ty {
        Some("fork") => l::NOTIFY_FORK,
        Some("exit") => l::NOTIFY_EXIT,
        Some("connect") => l::NOTIFY_CONNECT,
        _ => l::NOTIFY_EXEC,
    };
    for c in CLIENTS.lock().unwrap().iter_mut() {
        *c.seq.entry(ty).or_insert(0) += n;
        c.global += n;
    }
}
