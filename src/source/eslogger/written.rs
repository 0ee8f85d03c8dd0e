//! A message of Endpoint Security as `eslogger` writes it: what osawatch copies of it, under the same names.

use serde_json::{Map, Value as Json, json};

use crate::event::AuditToken;
use crate::source::endpoint_security::{Descriptor, Exec, File, Message, Notification, Process};

/// `es_event_type_t`: exec, fork, exit.
const TYPES: [u32; 3] = [9, 11, 15];

/// The message as a line, without its newline. What was not copied is missing: the action, the thread, most of a file's
/// `stat`.
pub(crate) fn written(message: &Message<'_>) -> String {
    let (kind, name, event) = match &message.event {
        Notification::Exec(exec) => (TYPES[0], "exec", of_exec(exec)),
        Notification::Fork(fork) => (TYPES[1], "fork", json!({ "child": of_process(&fork.child) })),
        Notification::Exit(exit) => (TYPES[2], "exit", json!({ "stat": exit.stat })),
    };
    let mut line = json!({
        "time": message.time.to_string(),
        "version": message.version,
        "seq_num": message.seq_num,
        "global_seq_num": message.global_seq_num,
        "event_type": kind,
        "process": of_process(&message.process),
        "event": {},
    });
    line["event"][name] = event;
    line.to_string()
}

fn of_exec(exec: &Exec<'_>) -> Json {
    let descriptors = (0..).zip(exec.descriptors).filter_map(|(fd, descriptor)| of_descriptor(fd, descriptor));
    let mut written = json!({
        "target": of_process(&exec.target),
        "args": exec.args,
        "env": exec.env,
        "cwd": exec.cwd.as_ref().map(of_file),
        "script": exec.script.as_ref().map(of_file),
        "fds": descriptors.collect::<Vec<_>>(),
    });
    if exec.args_left_out > 0 {
        // Not eslogger's: of what was cut only the size is known.
        written["osawatch"] = json!({ "args_count": exec.args_count, "args_left_out": exec.args_left_out });
    }
    written
}

/// By the number of its kind, `PROX_FDTYPE_*`; `other` has several, and is written as one of them.
fn of_descriptor(fd: i32, Descriptor { kind, pipe }: Descriptor) -> Option<Json> {
    let number = match kind? {
        "file" => 1,
        "socket" => 2,
        "pipe" => 6,
        _ => 0,
    };
    let mut written = json!({ "fd": fd, "fdtype": number });
    if let Some(pipe) = pipe {
        written["pipe"] = json!({ "pipe_id": pipe });
    }
    Some(written)
}

fn of_process(process: &Process<'_>) -> Json {
    let mut written = json!({
        "audit_token": of_token(process.audit_token),
        "parent_audit_token": process.parent_audit_token.map(of_token),
        "responsible_audit_token": process.responsible_audit_token.map(of_token),
        "ppid": process.ppid,
        "original_ppid": process.original_ppid,
        "group_id": process.group_id,
        "session_id": process.session_id,
        "codesigning_flags": process.codesigning_flags,
        "is_platform_binary": process.is_platform_binary,
        "cdhash": process.cdhash,
        "signing_id": process.signing_id,
        "team_id": process.team_id,
        "executable": process.executable.as_ref().map(of_file),
        "tty": process.tty.as_ref().map(of_file),
        "start_time": process.start_time,
    });
    written.as_object_mut().into_iter().for_each(|members: &mut Map<_, _>| members.retain(|_, value| !value.is_null()));
    written
}

fn of_file(file: &File<'_>) -> Json {
    json!({ "path": file.path, "path_truncated": file.path_truncated, "stat": { "st_rdev": file.device } })
}

fn of_token(token: AuditToken) -> Json {
    json!({
        "auid": token.auid(), "euid": token.euid(), "egid": token.egid(), "ruid": token.ruid(), "rgid": token.rgid(),
        "pid": token.pid(), "asid": token.asid(), "pidversion": token.pidversion(),
    })
}
