//! A Mac whose processes start, connect and end; what they did is written in order of time.

use std::io::{self, Write};

use serde_json::{Value, json};

const HOST_ID: &str = "9C5A6B52-7C1E-5E0C-8F53-3E0B1D4C7A21";
const AGENT_ID: &str = "2b7e4f0a-51c3-4f0e-9d4e-7a3f2c8d6b10";
/// 2026-03-10T09:00:00Z, in milliseconds.
const START: i64 = 1_773_133_200_000;

/// Times are milliseconds since the beginning of the hour.
pub(crate) type Time = i64;

/// A program on disk, and who signed it.
#[derive(Clone, Copy)]
pub(crate) struct Program {
    pub(crate) path: &'static str,
    pub(crate) signing_id: &'static str,
    pub(crate) team: Option<&'static str>,
}

impl Program {
    fn name(self) -> &'static str {
        self.path.rsplit('/').next().unwrap_or(self.path)
    }
}

/// A process of the Mac: its place in the list.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Id(usize);

struct Process {
    program: Program,
    args: Vec<String>,
    parent: Option<Id>,
    responsible: Option<Id>,
    user: (u32, &'static str),
    pid: u32,
}

enum What {
    Running,
    Exec,
    End { code: i32 },
    Connect { to: Remote, port: u16 },
    Disconnect { to: Remote, port: u16 },
}

/// The remote side of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Remote {
    pub(crate) domain: &'static str,
    pub(crate) ip: &'static str,
    pub(crate) port: u16,
}

#[derive(Default)]
pub(crate) struct Mac {
    processes: Vec<Process>,
    events: Vec<(Time, Id, What)>,
    random: u64,
}

impl Mac {
    /// A number below the bound: a linear congruential generator (Knuth's MMIX constants), so the same in every run.
    pub(crate) fn below(&mut self, bound: i64) -> i64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.random >> 33) % bound.unsigned_abs()) as i64
    }

    /// A process that was there before the hour, as Elastic Defend reports it when it starts.
    pub(crate) fn running(&mut self, program: Program, parent: Option<Id>, user: (u32, &'static str), pid: u32) -> Id {
        let process = Process { program, args: vec![program.path.to_owned()], parent, responsible: None, user, pid };
        let id = self.add(process);
        self.events.push((0, id, What::Running));
        id
    }

    /// A program starts, as its parent's user; an application is responsible for what it starts.
    pub(crate) fn exec(&mut self, at: Time, parent: Id, program: Program, args: &[&str]) -> Id {
        let of = &self.processes[parent.0];
        let is_application = of.program.path.contains(".app/Contents/MacOS/");
        let responsible = if is_application { Some(parent) } else { of.responsible };
        let args = args.iter().map(|arg| (*arg).to_owned()).collect();
        let process = Process { program, args, parent: Some(parent), responsible, user: of.user, pid: 0 };
        let id = self.add(process);
        self.events.push((at, id, What::Exec));
        id
    }

    /// The user that a process and what it starts later run as.
    pub(crate) fn run_as(&mut self, process: Id, user: (u32, &'static str)) {
        self.processes[process.0].user = user;
    }

    pub(crate) fn end(&mut self, at: Time, process: Id, code: i32) {
        self.events.push((at, process, What::End { code }));
    }

    /// A program that runs for a moment.
    pub(crate) fn run(&mut self, at: Time, parent: Id, program: Program, args: &[&str]) -> Id {
        let id = self.exec(at, parent, program, args);
        let lasts = 4 + self.below(120);
        self.end(at + lasts, id, 0);
        id
    }

    /// A connection, and its end.
    pub(crate) fn connect(&mut self, at: Time, process: Id, to: Remote, lasts: Time) {
        let port = 49_152 + self.below(16_000) as u16;
        self.events.push((at, process, What::Connect { to, port }));
        self.events.push((at + lasts, process, What::Disconnect { to, port }));
    }

    fn add(&mut self, process: Process) -> Id {
        self.processes.push(process);
        Id(self.processes.len() - 1)
    }

    /// Writes what happened within the hour, one document a line.
    pub(crate) fn write(mut self, out: &mut impl Write) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        events.retain(|(at, _, _)| (0..3_600_000).contains(at));
        events.sort_by_key(|(at, _, _)| *at);
        let mut pid = 2_140;
        for (number, (at, id, what)) in events.iter().enumerate() {
            if matches!(what, What::Exec) {
                pid += 1 + self.below(3) as u32;
                self.processes[id.0].pid = pid;
            }
            let nanoseconds = self.below(1_000_000);
            writeln!(out, "{}", self.document(number, *at * 1_000_000 + nanoseconds, *id, what))?;
        }
        out.flush()
    }

    fn document(&self, number: usize, at: i64, id: Id, what: &What) -> Value {
        let (category, action, kind) = match what {
            What::Running => ("process", "already_running", "info"),
            What::Exec => ("process", "exec", "start"),
            What::End { .. } => ("process", "end", "end"),
            What::Connect { .. } => ("network", "connection_attempted", "start"),
            What::Disconnect { .. } => ("network", "disconnect_received", "end"),
        };
        let time = jiff::Timestamp::from_nanosecond(i128::from(START) * 1_000_000 + i128::from(at)).unwrap_or_default();
        let (uid, user) = self.processes[id.0].user;
        let mut document = json!({
            "@timestamp": format!("{time:.9}"),
            "agent": { "id": AGENT_ID, "type": "endpoint", "version": "8.19.3" },
            "ecs": { "version": "8.10.0" },
            "event": {
                "action": action, "category": [category], "dataset": format!("endpoint.events.{category}"),
                "id": format!("NkXf{number:06}"), "kind": "event", "sequence": number, "type": [kind],
            },
            "host": {
                "architecture": "arm64", "hostname": "ada-mbp", "id": HOST_ID, "name": "ada-mbp",
                "os": { "name": "macOS", "type": "macos", "version": "15.3.2" },
            },
            "process": self.process(id, matches!(what, What::Running | What::Exec | What::End { .. })),
            "user": { "id": uid.to_string(), "name": user },
        });
        match what {
            What::End { code } => document["process"]["exit_code"] = json!(code),
            What::Connect { to, port } | What::Disconnect { to, port } => {
                document["source"] = json!({ "address": "192.168.64.7", "ip": "192.168.64.7", "port": port });
                document["destination"] =
                    json!({ "address": to.ip, "domain": to.domain, "ip": to.ip, "port": to.port });
                document["network"] = json!({ "direction": "egress", "transport": "tcp", "type": "ipv4" });
            }
            What::Running | What::Exec => {}
        }
        document
    }

    fn process(&self, id: Id, in_full: bool) -> Value {
        let process = &self.processes[id.0];
        let mut document = self.named(id);
        if in_full {
            document["args"] = json!(process.args);
            document["args_count"] = json!(process.args.len());
            document["command_line"] = json!(process.args.join(" "));
            document["code_signature"] = signature(process.program);
        }
        if let Some(parent) = process.parent {
            document["parent"] = self.named(parent);
            document["parent"]["code_signature"] = signature(self.processes[parent.0].program);
            let ancestors = std::iter::successors(Some(parent), |ancestor| self.processes[ancestor.0].parent);
            let ancestry: Vec<String> = ancestors.map(|ancestor| self.entity_id(ancestor)).collect();
            document["Ext"] = json!({ "ancestry": ancestry });
        }
        if let Some(responsible) = process.responsible {
            document["Ext"]["effective_parent"] = self.named(responsible);
        }
        document
    }

    fn named(&self, id: Id) -> Value {
        let process = &self.processes[id.0];
        json!({
            "entity_id": self.entity_id(id), "executable": process.program.path, "name": process.program.name(),
            "pid": process.pid,
        })
    }

    fn entity_id(&self, id: Id) -> String {
        format!("MmI3ZTRmMGEtNTFjMy00ZjBl-{}-{}", self.processes[id.0].pid, id.0)
    }
}

fn signature(program: Program) -> Value {
    if program.signing_id.is_empty() {
        return json!({ "exists": false });
    }
    let subject =
        program.team.map_or("Software Signing".to_owned(), |team| format!("Developer ID Application ({team})"));
    let mut signature = json!({ "exists": true, "signing_id": program.signing_id, "status": "No error.", "subject_name": subject, "trusted": true });
    if let Some(team) = program.team {
        signature["team_id"] = json!(team);
    }
    signature
}
