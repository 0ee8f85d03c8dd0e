//! A recording like one of a Mac at work, as Elastic Defend writes it: shells, daemons and builds fork, run programs that
//! connect, and exit. A process keeps its entity id when it runs a program, and its parent and ancestors are known. The
//! same for every run.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::rc::Rc;

use super::trace::Random;

/// Programs, of which those behind the first four connect.
const PROGRAMS: [&str; 8] = [
    "/bin/ls",
    "/usr/bin/clang",
    "/usr/bin/sed",
    "/bin/zsh",
    "/usr/bin/git",
    "/usr/bin/curl",
    "/usr/libexec/trustd",
    "/usr/sbin/mDNSResponder",
];
const OSASCRIPT: &str = "/usr/bin/osascript";
/// What runs from the start: each with the position of its parent.
const RUNNING: [(&str, Option<usize>); 7] = [
    ("/sbin/launchd", None),
    ("/System/Applications/Utilities/Terminal.app/Contents/MacOS/Terminal", Some(0)),
    ("/bin/zsh", Some(1)),
    ("/bin/zsh", Some(1)),
    ("/usr/bin/make", Some(2)),
    ("/usr/libexec/xpcproxy", Some(0)),
    ("/usr/sbin/cron", Some(0)),
];
/// How far apart forks are, on average.
const FORK_US: u64 = 4_500;

struct Process {
    pid: u64,
    entity_id: String,
    executable: &'static str,
    parent: Option<Rc<Process>>,
}

impl Process {
    fn name(&self) -> &'static str {
        self.executable.rsplit('/').next().unwrap_or(self.executable)
    }
}

/// What a process does next.
enum Action {
    Exec(&'static str),
    Connect(u64),
    Disconnect(u64),
    End,
}

struct Mac<'w, W> {
    out: &'w mut W,
    random: Random,
    time_us: u64,
    written: u64,
    forked: u64,
    /// What is to happen, by its time and a number of its own.
    due: BTreeMap<(u64, u64), (Rc<Process>, Action)>,
    /// Those that fork others: what runs from the start, and then shells while they run.
    parents: Vec<Rc<Process>>,
}

/// Writes so many events, on average one each millisecond.
pub fn write(events: u64, out: &mut impl Write) -> io::Result<()> {
    let (due, parents) = (BTreeMap::new(), Vec::new());
    let mut mac = Mac { out, random: Random(1), time_us: 0, written: 0, forked: 0, due, parents };
    for (executable, parent) in RUNNING {
        let parent = parent.map(|at| Rc::clone(&mac.parents[at]));
        let process = mac.fork(parent, executable);
        mac.start(&process, "exec")?;
        mac.parents.push(process);
    }
    let mut next_fork = 0;
    while mac.written < events {
        match mac.due.first_entry().filter(|first| first.key().0 <= next_fork) {
            Some(first) => {
                let ((time, _), (process, action)) = first.remove_entry();
                mac.time_us = time;
                mac.act(&process, action)?;
            }
            None => {
                mac.time_us = next_fork;
                next_fork += 1 + mac.random.below(2 * FORK_US);
                let parent = mac.parent();
                let child = mac.fork(Some(Rc::clone(&parent)), parent.executable);
                mac.start(&child, "fork")?;
                let program =
                    if mac.random.below(200) == 0 { OSASCRIPT } else { PROGRAMS[mac.random.below(8) as usize] };
                mac.later(300, 700, child, Action::Exec(program));
            }
        }
    }
    Ok(())
}

impl<W: Write> Mac<'_, W> {
    /// One of those that run from the start, or a shell.
    fn parent(&mut self) -> Rc<Process> {
        let shells = self.parents.len() - RUNNING.len();
        let at = match self.random.below(10) {
            0..3 if shells > 0 => RUNNING.len() + self.random.below(shells as u64) as usize,
            _ => self.random.below(RUNNING.len() as u64) as usize,
        };
        Rc::clone(&self.parents[at])
    }

    fn fork(&mut self, parent: Option<Rc<Process>>, executable: &'static str) -> Rc<Process> {
        self.forked += 1;
        // Pids are used again after 99,998.
        let pid = if parent.is_none() { 1 } else { 2 + (400 + self.forked) % 99_997 };
        // Ids have nothing in common but the id of the agent, with which they begin.
        let (agent, mixed) = ("N2YwZTFhNTItOWE2ZS00YjVlLThiNGUtNmQwYTdmMWMyYjMzL", Random(self.forked).below(1 << 30));
        let entity_id = format!("{agent}{mixed:08x}{:06x}", self.forked);
        Rc::new(Process { pid, entity_id, executable, parent })
    }

    /// Lets a process do something after at least and at most so many microseconds.
    fn later(&mut self, least: u64, most: u64, process: Rc<Process>, action: Action) {
        let time = self.time_us + least + self.random.below(most - least + 1);
        self.due.insert((time, self.forked << 8 | self.due.len() as u64 & 0xff), (process, action));
    }

    fn act(&mut self, process: &Rc<Process>, action: Action) -> io::Result<()> {
        match action {
            Action::Exec(executable) => self.exec(process, executable),
            Action::Connect(port) => {
                self.later(500, 400_000, Rc::clone(process), Action::Disconnect(port));
                self.connection(process, port, ("connection_attempted", "start"))
            }
            Action::Disconnect(port) => self.connection(process, port, ("disconnect_received", "end")),
            Action::End => {
                self.parents.retain(|parent| parent.entity_id != process.entity_id);
                self.head("process", "end", "end")?;
                self.process(process)?;
                write!(self.out, r#","exit_code":0}},"user":{{"id":501,"name":"ada"}}}}"#)?;
                self.out.write_all(b"\n")
            }
        }
    }

    fn exec(&mut self, forked: &Process, executable: &'static str) -> io::Result<()> {
        let (pid, entity_id, parent) = (forked.pid, forked.entity_id.clone(), forked.parent.clone());
        let process = Rc::new(Process { pid, entity_id, executable, parent });
        self.start(&process, "exec")?;
        // Most programs are over at once, and few run for a minute.
        let life = match self.random.below(10) {
            0..6 => 5_000 + self.random.below(200_000),
            6..9 => 200_000 + self.random.below(5_000_000),
            _ => 5_000_000 + self.random.below(55_000_000),
        };
        let connects = PROGRAMS[4..].contains(&executable) || executable == OSASCRIPT;
        for _ in 0..if connects { 1 + self.random.below(3) } else { 0 } {
            let port = 49_152 + self.random.below(16_384);
            self.later(1_000, life, Rc::clone(&process), Action::Connect(port));
        }
        if executable == "/bin/zsh" {
            self.parents.push(Rc::clone(&process));
        }
        self.later(life + 500_000, life + 600_000, process, Action::End);
        Ok(())
    }

    fn head(&mut self, category: &str, action: &str, kind: &str) -> io::Result<()> {
        let (number, time) = (self.written, self.time_us / 1_000);
        self.written += 1;
        let (minute, second, millisecond) = (time / 60_000, time / 1_000 % 60, time % 1_000);
        let (hour, minute, nanosecond) = (8 + minute / 60, minute % 60, self.time_us % 1_000 * 1_000 + number % 1_000);
        write!(
            self.out,
            r#"{{"@timestamp":"2026-01-15T{hour:02}:{minute:02}:{second:02}.{millisecond:03}{nanosecond:06}Z","agent":{{"id":"7f0e1a52-9a6e-4b5e-8b4e-6d0a7f1c2b33","type":"endpoint","version":"8.19.0"}},"ecs":{{"version":"8.10.0"}},"event":{{"action":"{action}","category":["{category}"],"id":"N{number:012}","kind":"event","sequence":{number},"type":["{kind}"]}},"host":{{"architecture":"arm64","hostname":"mac-7","id":"564D8F2C-0B1E-5C5A-9F0E-2F3B7C1D9A44","os":{{"type":"macos"}}}}"#
        )
    }

    /// What all events of a process state of it; its object is left open.
    fn process(&mut self, process: &Process) -> io::Result<()> {
        let Process { pid, entity_id, executable, parent } = process;
        let name = process.name();
        write!(self.out, r#","process":{{"Ext":{{"ancestry":["#)?;
        let ancestors = std::iter::successors(parent.as_ref(), |ancestor| ancestor.parent.as_ref());
        for (at, ancestor) in ancestors.take(20).enumerate() {
            write!(self.out, r#"{}"{}""#, if at > 0 { "," } else { "" }, ancestor.entity_id)?;
        }
        write!(self.out, r#"]}},"entity_id":"{entity_id}","executable":"{executable}","name":"{name}","pid":{pid}"#)?;
        if let Some(parent) = parent {
            let (name, Process { pid, entity_id, executable, .. }) = (parent.name(), &**parent);
            write!(
                self.out,
                r#","parent":{{"entity_id":"{entity_id}","executable":"{executable}","name":"{name}","pid":{pid}}}"#
            )?;
        }
        Ok(())
    }

    fn start(&mut self, process: &Process, action: &str) -> io::Result<()> {
        let (name, number) = (process.name(), self.written);
        self.head("process", action, "start")?;
        self.process(process)?;
        write!(
            self.out,
            r#","args":["{name}","--option","value-{number}"],"args_count":3,"code_signature":{{"exists":true,"signing_id":"com.apple.{name}","trusted":true}},"command_line":"{name} --option value-{number}"}},"user":{{"id":501,"name":"ada"}}}}"#
        )?;
        self.out.write_all(b"\n")
    }

    fn connection(&mut self, process: &Process, port: u64, (action, kind): (&str, &str)) -> io::Result<()> {
        self.head("network", action, kind)?;
        self.process(process)?;
        let octet = port % 250;
        write!(
            self.out,
            r#"}},"destination":{{"address":"93.184.216.{octet}","ip":"93.184.216.{octet}","port":443}},"network":{{"direction":"egress","transport":"tcp","type":"ipv4"}},"source":{{"address":"192.168.64.7","ip":"192.168.64.7","port":{port}}},"user":{{"id":501,"name":"ada"}}}}"#
        )?;
        self.out.write_all(b"\n")
    }
}
