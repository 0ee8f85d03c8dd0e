//! What a step says of a process.
use super::{Fd, Process, Sock, Table};
use crate::script::text;
use serde_json::Value;
use std::sync::Arc;

impl Table {
    /// Applies the fields that the step gives.
    pub(super) fn fill(&self, p: &mut Process, v: &Value) {
        let n = |k: &str| v.get(k).and_then(|x| x.as_i64());
        macro_rules! num { ($($f:ident),*) => { $( if let Some(x) = n(stringify!($f)) { p.$f = x as _; } )* } }
        num!(pidversion, ppid, original_ppid, group_id, session_id, auid, uid, gid, asid, cs_flags, upid, pupid, errno);
        p.cs_validation_category = n("cs_validation_category").map(|x| x as u32).or(p.cs_validation_category);
        if let Some(x) = n("idversion") {
            p.pidversion = x as i32;
        }
        macro_rules! bytes { ($($f:ident),*) => { $( if let Some(x) = v.get(stringify!($f)).filter(|x| !x.is_null()) { p.$f = text::bytes(x); } )* } }
        bytes!(path, signing_id, team_id, cwd);
        if let Some(x) = v["cdhash"].as_str() {
            let b = text::unhex(x);
            if b.len() == 20 {
                p.cdhash.copy_from_slice(&b);
            } else {
                note!("cdhash {x:?} is not 20 bytes of hex");
            }
        }
        macro_rules! flags { ($($f:ident),*) => { $( if let Some(x) = v[stringify!($f)].as_bool() { p.$f = x; } )* } }
        flags!(platform, es_client, hidden, zero_token, path_truncated);
        if let Some(x) = v.get("tty") {
            p.tty = if x.is_null() { None } else { Some(text::bytes(x)) };
        }
        for (k, to) in [("comm", &mut p.comm), ("name", &mut p.name)] {
            if let Some(x) = v.get(k) {
                *to = Some(text::bytes(x));
            }
        }
        if ["args", "args_repeat", "args_count"].iter().any(|k| v.get(k).is_some()) {
            p.args = Arc::new(arguments(v));
        }
        if v["env"].is_array() {
            p.env = Arc::new(text::list(&v["env"]));
        }
        if let Some(x) = n("start_s") {
            p.start = (x as u64, n("start_us").unwrap_or(0) as u32);
        }
        if let Some(a) = v["sockets"].as_array() {
            p.fds = a
                .iter()
                .filter_map(|f| {
                    let addr = |k: &str| f[k].as_str().and_then(|s| s.parse().ok());
                    Some(Fd {
                        fd: f["fd"].as_i64()? as i32,
                        ty: 2,
                        sock: Some(Sock {
                            tcp: f["proto"] != "udp",
                            local: addr("local")?,
                            remote: addr("remote"),
                            state: f["state"].as_i64().unwrap_or(4) as i32,
                        }),
                    })
                })
                .collect();
        }
        let tok = |pid: Option<i64>| pid.map(|q| self.p.get(&(q as i32)).map(|x| x.token()).unwrap_or([0, 0, 0, 0, 0, q as u32, 0, 0]));
        if let Some(t) = tok(n("responsible_pid")) {
            p.responsible = t;
        } else if p.responsible == [0; 8] {
            p.responsible = p.token();
        }
        match tok(n("parent_pid")) {
            Some(t) => {
                p.parent = t;
                if n("ppid").is_none() {
                    p.ppid = t[5] as i32;
                }
            }
            None => {
                if p.parent == [0; 8] || n("ppid").is_some() {
                    p.parent = tok(Some(p.ppid as i64)).unwrap();
                }
            }
        }
        if n("original_ppid").is_none() && n("ppid").or(n("parent_pid")).is_some() {
            p.original_ppid = p.ppid;
        }
    }
}

/// The arguments that are named, one more that is a text over and over, and all of them over and over until there are
/// `args_count`.
fn arguments(v: &Value) -> Vec<Vec<u8>> {
    let mut args = text::list(&v["args"]);
    args.extend(v.get("args_repeat").map(text::bytes));
    match v["args_count"].as_u64() {
        Some(n) if args.is_empty() => vec![b"a".to_vec(); n as usize],
        Some(n) => args.iter().cycle().take(n as usize).cloned().collect(),
        None => args,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_few_words_make_many_arguments() {
        let args = |v| arguments(&v);
        assert_eq!(args(json!({"args": ["a", {"hex": "ff"}]})), [b"a".to_vec(), vec![0xff]]);
        assert_eq!(args(json!({"args": ["a"], "args_repeat": {"text": "bc", "times": 2}})), [&b"a"[..], b"bcbc"]);
        assert_eq!(args(json!({"args": ["a", "b"], "args_count": 3})), [b"a", b"b", b"a"]);
        assert_eq!(args(json!({"args_count": 2})), [b"a", b"a"]);
    }

    #[test]
    fn hostile_fields_of_a_process() {
        let mut t = Table { p: Default::default(), next_version: 0 };
        let mut p = t.blank(7);
        let v = json!({"path": "", "signing_id": {"hex": "ff"}, "tty": {"hex": "00"}, "zero_token": true, "path_truncated": true});
        t.fill(&mut p, &v);
        assert_eq!((p.path.len(), &p.signing_id[..], p.tty.as_deref()), (0, &[0xff][..], Some(&[0][..])));
        assert_eq!((p.token(), p.path_truncated), ([0; 8], true));
        let child = t.fork(&p, 8, &Value::Null);
        assert_eq!((child.token()[5], child.path_truncated), (8, false));
    }
}
