//! All processes there are.
use super::Process;
use serde_json::Value;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// mDNSResponder runs on every Mac.
pub(crate) const MDNS_PID: i32 = 190;
pub(crate) struct Table {
    pub(super) processes: HashMap<i32, Arc<Process>>,
    pub(super) next_version: i32,
}
static TABLE: Mutex<Option<Table>> = Mutex::new(None);
impl Table {
    pub(crate) fn with<T>(change: impl FnOnce(&mut Table) -> T) -> T {
        let mut guard = TABLE.lock().unwrap();
        let table = guard.get_or_insert_with(|| {
            let mut table = Table { processes: HashMap::new(), next_version: 1000 };
            let launchd = Process {
                pidversion: 1,
                ppid: 0,
                path: b"/sbin/launchd".to_vec(),
                signing_id: b"com.apple.xpc.launchd".to_vec(),
                platform: true,
                ..table.blank(1)
            };
            // SAFETY: they ask the kernel for numbers of this process.
            let (me, ppid, uid, group_id) =
                unsafe { (libc::getpid(), libc::getppid(), libc::getuid(), libc::getpgrp()) };
            let path = crate::shims::process::exe().to_bytes().to_vec();
            let guest = Process { path, es_client: true, uid, ppid, group_id, ..table.blank(me) };
            let mdns = Process {
                path: b"/usr/sbin/mDNSResponder".to_vec(),
                signing_id: b"com.apple.mDNSResponder".to_vec(),
                platform: true,
                uid: 65,
                gid: 65,
                auid: u32::MAX,
                ..table.blank(MDNS_PID)
            };
            let mdns = Process { start: (mdns.start.0 - 86_400, 0), ..mdns };
            for process in [launchd, guest, mdns] {
                table.processes.insert(process.pid, Arc::new(process));
            }
            table
        });
        change(table)
    }
    pub(super) fn blank(&self, pid: i32) -> Process {
        let now = crate::shims::time::since_1970();
        Process {
            pid,
            pidversion: self.next_version,
            ppid: 1,
            original_ppid: 1,
            group_id: pid,
            session_id: 1,
            auid: 501,
            uid: 501,
            gid: 20,
            asid: 100001,
            path: format!("/usr/bin/unknown-{pid}").into_bytes(),
            signing_id: vec![],
            team_id: vec![],
            cdhash: [0; 20],
            cs_flags: 0,
            cs_validation_category: None,
            platform: false,
            es_client: false,
            tty: None,
            start: (now.as_secs(), now.subsec_micros()),
            responsible: [0; 8],
            parent: [0; 8],
            upid: 100_000 + pid as u64,
            pupid: 1,
            comm: None,
            name: None,
            cwd: b"/".to_vec(),
            args: Default::default(),
            env: Default::default(),
            fds: vec![],
            hidden: false,
            errno: 0,
            zero_token: false,
            path_truncated: false,
            mortal: false,
            ignores_term: false,
        }
    }
    fn version(&mut self) -> i32 {
        self.next_version += 1;
        self.next_version
    }

    pub(crate) fn get(&self, pid: i32) -> Option<&Arc<Process>> {
        self.processes.get(&pid)
    }
    fn keep(&mut self, process: Process) -> Arc<Process> {
        let process = Arc::new(process);
        self.processes.insert(process.pid, process.clone());
        process
    }
    pub(crate) fn get_or_make(&mut self, pid: i32, step: &Value) -> Arc<Process> {
        if let Some(process) = self.processes.get(&pid) {
            return process.clone();
        }
        let mut process = self.blank(pid);
        process.pidversion = self.version();
        let mut described = step.clone();
        if step["type"] == "fork"
            && let Some(object) = described.as_object_mut()
        {
            let version = object.remove("parent_pidversion");
            object.remove("pidversion");
            object.extend(version.map(|value| ("pidversion".into(), value)));
        }
        self.fill(&mut process, &described);
        self.keep(process)
    }
    /// The process as it was before the exec: what forked, or a copy of the parent.
    pub(crate) fn before_exec(&mut self, pid: i32, step: &Value) -> Arc<Process> {
        if let Some(process) = self.processes.get(&pid) {
            return process.clone();
        }
        let ppid = step["parent_pid"].as_i64().or(step["ppid"].as_i64()).unwrap_or(1) as i32;
        let parent = self.get_or_make(ppid, &Value::Null);
        let mut process = Process::clone(&self.fork(&parent, pid, &Value::Null));
        if let Some(value) = step["pidversion"].as_i64() {
            process.pidversion = value as i32 - 1;
        }
        for (key, to) in [
            ("uid", &mut process.uid),
            ("gid", &mut process.gid),
            ("auid", &mut process.auid),
            ("asid", &mut process.asid),
        ] {
            if let Some(value) = step[key].as_u64() {
                *to = value as u32;
            }
        }
        Arc::new(process)
    }
    /// A new image, and a new version of the pid. FACT: pid-version
    pub(crate) fn exec(&mut self, pid: i32, before: &Process, step: &Value) -> Arc<Process> {
        let mut process = Process {
            signing_id: vec![],
            team_id: vec![],
            cdhash: [0; 20],
            cs_flags: 0,
            cs_validation_category: None,
            platform: false,
            comm: None,
            name: None,
            hidden: false,
            errno: 0,
            zero_token: false,
            path_truncated: false,
            mortal: false,
            ignores_term: false,
            args: Default::default(),
            env: Default::default(),
            ..before.clone()
        };
        process.pid = pid;
        process.pidversion = self.version();
        self.fill(&mut process, step);
        if step["responsible_pid"].is_null() {
            process.responsible = process.token();
        }
        self.keep(process)
    }
    pub(crate) fn fork(&mut self, parent: &Process, pid: i32, step: &Value) -> Arc<Process> {
        let mut child = Process {
            pid,
            pidversion: self.version(),
            ppid: parent.pid,
            original_ppid: parent.pid,
            parent: parent.token(),
            upid: 100_000 + self.next_version as u64,
            pupid: parent.upid,
            fds: vec![],
            es_client: false,
            zero_token: false,
            path_truncated: false,
            ..parent.clone()
        };
        let now = crate::shims::time::since_1970();
        child.start = (now.as_secs(), now.subsec_micros());
        if let Some(value) = step["child_pidversion"].as_i64() {
            child.pidversion = value as i32;
        }
        if let Some(value) = step["child_upid"].as_u64() {
            child.upid = value;
        }
        self.keep(child)
    }
    pub(crate) fn remove(&mut self, pid: i32) {
        self.processes.remove(&pid);
    }
}
/// Whether it is a program that the guest has started.
pub(crate) fn is_child_of_guest(pid: i32) -> bool {
    let guest = std::process::id() as i32;
    Table::with(|table| table.get(pid).is_some_and(|process| process.original_ppid == guest))
}

pub(crate) fn is_scripted(pid: i32) -> bool {
    Table::with(|table| table.processes.contains_key(&pid))
}
/// One "proc" step: {"pid": n, fields...} or {"pid": n, "gone": true}.
pub(crate) fn step(step: &Value) -> Result<(), String> {
    let pid = step["pid"].as_i64().ok_or("proc step without pid")? as i32;
    Table::with(|table| {
        if step["gone"] == true {
            table.remove(pid);
            return;
        }
        let mut process = match table.processes.get(&pid) {
            Some(process) => Process::clone(process),
            None => Process { pidversion: table.version(), ..table.blank(pid) },
        };
        table.fill(&mut process, step);
        table.keep(process);
    });
    Ok(())
}
