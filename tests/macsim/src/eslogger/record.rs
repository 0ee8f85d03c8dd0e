//! One record of eslogger: a line of JSON with everything that the message has. FACT: eslogger-record
use crate::es::{Connection, Event, Exec, default_version, event_time};
use crate::proc::Process;
use serde_json::{Map, Value, json};

/// Its numbers among those of its type and among all.
pub(super) struct Numbers {
    pub(super) seq: u64,
    pub(super) global: u64,
}

/// The record with its line feed. Solidi are escaped, as NSJSONSerialization does.
pub(super) fn line(step: &Value, ty: u32, actor: &Process, event: &Event, numbers: Numbers) -> String {
    let version = step["version"].as_u64().map_or_else(default_version, |version| version as u32);
    let (time, nanoseconds) = event_time(step);
    let of_event = match event {
        Event::Exec { target } => exec(&Exec::of(step, target), target, version),
        Event::Fork { child } => json!({"child": process(child, version)}),
        Event::Exit { stat } => json!({"stat": stat}),
        Event::Connect(Connection { .. }) => json!({}),
    };
    let record = json!({
        "schema_version": 1, "version": version, "event_type": ty, "action_type": 1,
        "action": {"result": {"result_type": 0, "result": {"auth": 0}}},
        "time": format!("{}.{nanoseconds:09}Z", calendar(time)),
        "mach_time": crate::shims::time::kernel_absolute_ticks(),
        "seq_num": numbers.seq, "global_seq_num": numbers.global,
        "thread": {"thread_id": 0x5000 + actor.pid},
        "process": process(actor, version),
        "event": {event.name(): of_event},
    });
    record.to_string().replace('/', "\\/") + "\n"
}

fn exec(exec: &Exec, target: &Process, version: u32) -> Value {
    let fds = exec.fds.iter().map(|(fd, ty, pipe)| match pipe {
        0 => json!({"fd": fd, "fdtype": ty}),
        pipe => json!({"fd": fd, "fdtype": ty, "pipe": {"pipe_id": pipe}}),
    });
    let mut members = Map::new();
    let texts = |list: &[Vec<u8>]| list.iter().map(|text| lossy(text)).collect::<Value>();
    members.insert("target".into(), process(target, version));
    members.insert("args".into(), texts(&target.args));
    members.insert("env".into(), texts(&target.env));
    members.insert("cwd".into(), file(&exec.cwd, 0o40755));
    members.insert("script".into(), exec.script.as_ref().map_or(Value::Null, |path| file(path, 0o100755)));
    members.insert("fds".into(), fds.collect());
    members.insert("last_fd".into(), exec.last_fd.into());
    members.insert("image_cputype".into(), 0x0100_000c.into());
    members.insert("image_cpusubtype".into(), 2.into());
    if version >= 7 {
        members.insert("dyld_exec_path".into(), lossy(&exec.dyld_exec_path));
    }
    members.into()
}

fn process(process: &Process, version: u32) -> Value {
    let (start, microseconds) = process.start;
    let mut members = json!({
        "audit_token": token(process.token()),
        "parent_audit_token": token(process.parent),
        "responsible_audit_token": token(process.responsible),
        "ppid": process.ppid, "original_ppid": process.original_ppid,
        "group_id": process.group_id, "session_id": process.session_id,
        "codesigning_flags": process.cs_flags,
        "is_platform_binary": process.platform, "is_es_client": process.es_client,
        "cdhash": process.cdhash.iter().map(|byte| format!("{byte:02X}")).collect::<String>(),
        "signing_id": lossy(&process.signing_id),
        "team_id": if process.team_id.is_empty() { Value::Null } else { lossy(&process.team_id) },
        "executable": file(&process.path, 0o100755),
        "tty": process.tty.as_ref().map_or(Value::Null, |path| file(path, 0o20620)),
        "start_time": format!("{}.{microseconds:06}Z", calendar(start)),
    });
    members["executable"]["path_truncated"] = process.path_truncated.into();
    if version >= 10 {
        members["cs_validation_category"] = process.cs_validation_category().into();
    }
    members
}

fn token([auid, euid, egid, ruid, rgid, pid, asid, pidversion]: [u32; 8]) -> Value {
    json!({"auid": auid, "euid": euid, "egid": egid, "ruid": ruid, "rgid": rgid, "pid": pid, "asid": asid,
        "pidversion": pidversion})
}

fn file(path: &[u8], mode: u32) -> Value {
    const TIME: &str = "2025-07-09T06:27:14.000000000Z";
    json!({"path": lossy(path), "path_truncated": false, "stat": {
        "st_dev": 16_777_234, "st_ino": 1_152_921_500_312_525_701_u64, "st_mode": mode, "st_nlink": 1, "st_uid": 0,
        "st_gid": 0, "st_rdev": 0, "st_size": 259_504, "st_blocks": 152, "st_blksize": 4096, "st_flags": 524_320,
        "st_gen": 0, "st_atimespec": TIME, "st_mtimespec": TIME, "st_ctimespec": TIME, "st_birthtimespec": TIME}})
}

fn lossy(text: &[u8]) -> Value {
    String::from_utf8_lossy(text).into()
}

/// Seconds since 1970 as `2025-07-09T06:27:14`.
fn calendar(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    // SAFETY: zero is a valid value of every member.
    let mut parts: libc::tm = unsafe { std::mem::zeroed() };
    // SAFETY: both are of this function.
    unsafe { libc::gmtime_r(&seconds, &mut parts) };
    let (year, month, day) = (parts.tm_year + 1900, parts.tm_mon + 1, parts.tm_mday);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", parts.tm_hour, parts.tm_min, parts.tm_sec)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::Table;

    #[test]
    fn an_exec_has_several_kilobytes_as_on_a_mac() {
        let step = json!({"path": "/usr/bin/osascript", "args": ["osascript", "-e", "beep"], "version": 10,
            "time_s": 1_700_000_000, "time_ns": 5, "team_id": "", "cwd": "/Users/admin", "script": "/tmp/a.scpt"});
        let process = Table::with(|table| {
            let before = table.get_or_make(79, &step);
            table.exec(79, &before, &step)
        });
        let event = Event::Exec { target: process.clone() };
        let text = line(&step, 9, &process, &event, Numbers { seq: 3, global: 4 });
        assert!(text.len() > 3000 && text.ends_with("}\n") && text.contains(r"\/usr\/bin\/osascript"), "{text}");
        let record: Value = serde_json::from_str(&text).unwrap();
        let target = &record["event"]["exec"]["target"];
        assert_eq!((&record["time"], &record["seq_num"]), (&json!("2023-11-14T22:13:20.000000005Z"), &json!(3)));
        assert_eq!((&target["audit_token"]["pid"], &target["team_id"]), (&json!(79), &Value::Null));
        assert_eq!(record["event"]["exec"]["script"]["path"], "/tmp/a.scpt");
        assert_eq!(target["cs_validation_category"], 10);
    }
}
