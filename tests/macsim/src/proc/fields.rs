//! What a step says of a process.
use super::record::SOCKET_INFO_SIZE;
use super::{Fd, Process, Sock, Table};
use crate::script::text;
use serde_json::Value;
use std::sync::Arc;

/// Sets each named field that the step has a number for.
macro_rules! numbers {
    ($process:ident, $step:ident: $($field:ident)*) => { $(
        if let Some(value) = $step[stringify!($field)].as_i64() {
            $process.$field = value as _;
        }
    )* };
}
/// Likewise texts.
macro_rules! texts {
    ($process:ident, $step:ident: $($field:ident)*) => { $(
        if let Some(value) = $step.get(stringify!($field)).filter(|value| !value.is_null()) {
            $process.$field = text::bytes(value);
        }
    )* };
}
/// Likewise what is true or false.
macro_rules! flags {
    ($process:ident, $step:ident: $($field:ident)*) => { $(
        if let Some(value) = $step[stringify!($field)].as_bool() {
            $process.$field = value;
        }
    )* };
}

impl Table {
    /// Applies the fields that the step gives.
    pub(super) fn fill(&self, process: &mut Process, step: &Value) {
        plain(process, step);
        signature(process, step);
        if step["group_id"] == "guest" {
            let guest = self.processes.get(&(std::process::id() as i32));
            process.group_id = guest.map_or(process.group_id, |guest| guest.group_id);
        }
        if ["args", "args_repeat", "args_count"].iter().any(|key| step.get(key).is_some()) {
            process.args = Arc::new(arguments(step));
        }
        if step["env"].is_array() {
            process.env = Arc::new(text::list(&step["env"]));
        }
        if let Some(list) = step["sockets"].as_array() {
            process.fds = list.iter().filter_map(socket).collect();
        }
        self.relatives(process, step);
    }

    /// Whose child it is, and who answers for it.
    fn relatives(&self, process: &mut Process, step: &Value) {
        let number = |key: &str| step[key].as_i64();
        let token = |pid: i64| {
            let known = self.processes.get(&(pid as i32)).map(|process| process.token());
            known.unwrap_or([0, 0, 0, 0, 0, pid as u32, 0, 0])
        };
        if let Some(pid) = number("responsible_pid") {
            process.responsible = token(pid);
        } else if process.responsible == [0; 8] {
            process.responsible = process.token();
        }
        match number("parent_pid") {
            Some(pid) => {
                process.parent = token(pid);
                if number("ppid").is_none() {
                    process.ppid = process.parent[5] as i32;
                }
            }
            None if process.parent == [0; 8] || number("ppid").is_some() => {
                process.parent = token(process.ppid as i64);
            }
            None => {}
        }
        if number("original_ppid").is_none() && number("ppid").or(number("parent_pid")).is_some() {
            process.original_ppid = process.ppid;
        }
    }
}

/// What stands in the process as it stands in the step.
fn plain(process: &mut Process, step: &Value) {
    numbers!(process, step: pidversion ppid original_ppid group_id session_id auid uid gid asid upid pupid errno);
    texts!(process, step: path cwd);
    flags!(process, step: platform es_client hidden zero_token path_truncated mortal ignores_term);
    if let Some(value) = step["idversion"].as_i64() {
        process.pidversion = value as i32;
    }
    if let Some(value) = step.get("tty") {
        process.tty = if value.is_null() { None } else { Some(text::bytes(value)) };
    }
    for (key, to) in [("comm", &mut process.comm), ("name", &mut process.name)] {
        if let Some(value) = step.get(key) {
            *to = Some(text::bytes(value));
        }
    }
    if let Some(value) = step["start_s"].as_i64() {
        process.start = (value as u64, step["start_us"].as_i64().unwrap_or(0) as u32);
    }
}

fn signature(process: &mut Process, step: &Value) {
    numbers!(process, step: cs_flags);
    texts!(process, step: signing_id team_id);
    if let Some(value) = step["cs_validation_category"].as_i64() {
        process.cs_validation_category = Some(value as u32);
    }
    if let Some(value) = step["cdhash"].as_str() {
        let digest = text::unhex(value);
        if digest.len() == 20 {
            process.cdhash.copy_from_slice(&digest);
        } else {
            note!("cdhash {value:?} is not 20 bytes of hex");
        }
    }
}

/// An open socket; `None` without a descriptor or a local end.
fn socket(socket: &Value) -> Option<Fd> {
    let address = |key: &str| socket[key].as_str().and_then(|text| text.parse().ok());
    let sock = Sock {
        tcp: socket["proto"] != "udp",
        local: address("local")?,
        remote: address("remote"),
        state: socket["state"].as_i64().unwrap_or(4) as i32,
        errno: socket["errno"].as_i64().unwrap_or(0) as i32,
        size: socket["size"].as_u64().map_or(SOCKET_INFO_SIZE, |size| size as usize),
    };
    Some(Fd { fd: socket["fd"].as_i64()? as i32, ty: 2, sock: Some(sock) })
}

/// The arguments that are named, one more that is a text over and over, and all of them over and over until there are
/// `args_count`.
fn arguments(step: &Value) -> Vec<Vec<u8>> {
    let mut args = text::list(&step["args"]);
    args.extend(step.get("args_repeat").map(text::bytes));
    match step["args_count"].as_u64() {
        Some(count) if args.is_empty() => vec![b"a".to_vec(); count as usize],
        Some(count) => args.iter().cycle().take(count as usize).cloned().collect(),
        None => args,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_few_words_make_many_arguments() {
        let args = |step| arguments(&step);
        assert_eq!(args(json!({"args": ["a", {"hex": "ff"}]})), [b"a".to_vec(), vec![0xff]]);
        assert_eq!(args(json!({"args": ["a"], "args_repeat": {"text": "bc", "times": 2}})), [&b"a"[..], b"bcbc"]);
        assert_eq!(args(json!({"args": ["a", "b"], "args_count": 3})), [b"a", b"b", b"a"]);
        assert_eq!(args(json!({"args_count": 2})), [b"a", b"a"]);
    }

    #[test]
    fn hostile_fields_of_a_process() {
        let mut table = Table { processes: Default::default(), next_version: 0 };
        let mut process = table.blank(7);
        let step = json!({"path": "", "signing_id": {"hex": "ff"}, "tty": {"hex": "00"}, "zero_token": true,
            "path_truncated": true});
        table.fill(&mut process, &step);
        assert_eq!(
            (process.path.len(), &process.signing_id[..], process.tty.as_deref()),
            (0, &[0xff][..], Some(&[0][..]))
        );
        assert_eq!((process.token(), process.path_truncated), ([0; 8], true));
        let child = table.fork(&process, 8, &Value::Null);
        assert_eq!((child.token()[5], child.path_truncated), (8, false));
    }
}
