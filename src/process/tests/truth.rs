//! Attribution against the truth: a small kernel in which it is known which execution made each connection.

use std::collections::HashMap;

use proptest::prelude::*;

use super::super::{Limits, Table};
use crate::event::{Categories, Event, Machine, Timestamp, field};

/// What happens next, to which of a few pids, and whether the unique pid of a new execution could be looked up.
#[derive(Clone, Copy, Debug)]
enum Step {
    Spawn(i64, bool),
    ExecInPlace(i64, bool),
    Exit(i64),
    OpenSocket(i64),
    /// Connects the oldest socket, which may be older than the program that runs; the report comes some steps later.
    Connect(i64, usize),
    /// Closes the oldest connection; the report may come when the process is gone.
    Close(i64),
}

fn step() -> impl Strategy<Value = Step> {
    (0..8_u8, 1..4_i64, any::<bool>(), 0..5_usize).prop_map(|(kind, pid, known, delay)| match kind {
        0 | 1 => Step::Spawn(pid, known),
        2 => Step::ExecInPlace(pid, known),
        3 => Step::Exit(pid),
        4 => Step::OpenSocket(pid),
        5 | 6 => Step::Connect(pid, delay),
        _ => Step::Close(pid),
    })
}

/// A process of the kernel.
#[derive(Clone, Debug)]
struct Process {
    pidversion: i64,
    unique: i64,
    /// When each socket that is not connected was made.
    sockets: Vec<Timestamp>,
}

/// A connection: its process's numbers when it was made, and when its socket was.
#[derive(Clone, Debug)]
struct Connection {
    unique: i64,
    pidversion: i64,
    made: Timestamp,
}

#[derive(Debug, Default)]
struct Kernel {
    processes: HashMap<i64, Process>,
    connections: HashMap<i64, Vec<Connection>>,
    numbers: i64,
    clock: i64,
}

fn machine() -> Machine {
    Machine { host_id: "h".into(), boot_id: "b".into() }
}

fn entity_id(pid: i64, pidversion: i64) -> String {
    machine().entity_id(pid as u32, pidversion as u32)
}

/// An event of a process, with its unique pid where that could be looked up.
fn told(time: Timestamp, action: &str, pid: i64, pidversion: i64, unique: Option<i64>) -> Event {
    let mut event = Event::new(time, Categories::PROCESS);
    event.push_str(field::EVENT_TYPE, if action == "end" { "end" } else { "start" });
    event.push_str(field::EVENT_ACTION, action);
    event.push_str(field::HOST_ID, "h");
    event.push_str(field::PROCESS_ENTITY_ID, &entity_id(pid, pidversion));
    event.push_int(field::PROCESS_PID, pid);
    event.push_int(field::PIDVERSION, pidversion);
    if let Some(unique) = unique {
        event.push_int(field::UNIQUE_PID, unique);
    }
    event
}

fn connection(time: Timestamp, pid: i64, unique: i64, made: Timestamp) -> Event {
    let mut event = Event::new(time, Categories::NETWORK);
    event.push_str(field::HOST_ID, "h");
    event.push_str(field::EVENT_START, &made.to_string());
    event.push_int(field::PROCESS_PID, pid);
    event.push_int(field::UNIQUE_PID, unique);
    event
}

/// Whose the table says that an event is.
fn owner(table: &mut Table, mut event: Event) -> Option<String> {
    table.observe(&mut event, |_| 0);
    event.str(field::PROCESS_ENTITY_ID).map(str::to_owned)
}

impl Kernel {
    fn now(&mut self) -> Timestamp {
        self.clock += 1_000_000;
        Timestamp::from_nanoseconds(self.clock)
    }

    fn number(&mut self) -> i64 {
        self.numbers += 1;
        self.numbers
    }

    /// Performs a step. Returns the event that reports it and, of a connection, who owns it.
    fn step(&mut self, step: Step) -> Option<(Event, Option<String>)> {
        let time = self.now();
        match step {
            Step::Spawn(pid, known) if !self.processes.contains_key(&pid) => {
                let (pidversion, unique) = (self.number(), self.number());
                self.processes.insert(pid, Process { pidversion, unique, sockets: Vec::new() });
                Some((told(time, "fork", pid, pidversion, known.then_some(unique)), None))
            }
            Step::ExecInPlace(pid, known) => {
                let pidversion = self.number();
                let process = self.processes.get_mut(&pid)?;
                let replaced = std::mem::replace(&mut process.pidversion, pidversion);
                let mut event = told(time, "exec", pid, pidversion, known.then_some(process.unique));
                event.push_str(field::REPLACED_ENTITY_ID, &entity_id(pid, replaced));
                Some((event, None))
            }
            Step::Exit(pid) => {
                let process = self.processes.remove(&pid)?;
                Some((told(time, "end", pid, process.pidversion, None), None))
            }
            Step::OpenSocket(pid) => {
                self.processes.get_mut(&pid)?.sockets.push(time);
                None
            }
            Step::Connect(pid, _) => {
                let process = self.processes.get_mut(&pid)?;
                let made = if process.sockets.is_empty() { time } else { process.sockets.remove(0) };
                let Process { pidversion, unique, .. } = *process;
                self.connections.entry(pid).or_default().push(Connection { unique, pidversion, made });
                Some((connection(time, pid, unique, made), Some(entity_id(pid, pidversion))))
            }
            Step::Close(pid) => {
                let connections = self.connections.get_mut(&pid).filter(|connections| !connections.is_empty())?;
                let Connection { unique, pidversion, made } = connections.remove(0);
                // Whoever runs in the process closes it; after its end it is the last one's.
                let running = self.processes.get(&pid).filter(|process| process.unique == unique);
                let pidversion = running.map_or(pidversion, |process| process.pidversion);
                Some((connection(time, pid, unique, made), running.map(|_| entity_id(pid, pidversion))))
            }
            Step::Spawn(..) => None,
        }
    }
}

/// Steps so far apart that five seconds of delay let several be told in a wrong order.
const STEP_MS: i64 = 700;

/// What a source tells, in the order in which it does: each up to five seconds late, and flows when all that happened
/// before them has been told.
fn told_late(steps: &[(Step, i64)]) -> (Kernel, Vec<(Event, Option<String>)>) {
    let mut kernel = Kernel::default();
    let mut told: Vec<(i64, Event, Option<String>)> = Vec::new();
    for (step, delay_ms) in steps {
        kernel.clock += STEP_MS * 1_000_000;
        let Some((event, truth)) = kernel.step(*step) else { continue };
        let is_flow = event.categories.intersects(Categories::NETWORK);
        let delay_ms = if is_flow { 5001 } else { *delay_ms };
        told.push((event.time.milliseconds() + delay_ms, event, truth));
    }
    told.sort_by_key(|(arrival, ..)| *arrival);
    (kernel, told.into_iter().map(|(_, event, truth)| (event, truth)).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_connection_is_given_to_the_execution_that_made_it(steps in prop::collection::vec(step(), 0..60)) {
        let (mut kernel, mut table) = (Kernel::default(), Table::new(Limits::default()));
        let mut reports: Vec<(usize, Event, Option<String>)> = Vec::new();
        for (at, step) in steps.iter().enumerate() {
            match (kernel.step(*step), step) {
                (Some((event, truth)), Step::Connect(_, delay)) => reports.push((at + delay, event, truth)),
                (Some((event, truth)), Step::Close(_)) => reports.push((at, event, truth)),
                (Some((event, _)), _) => _ = owner(&mut table, event),
                (None, _) => {}
            }
            let (due, rest) = reports.into_iter().partition(|(due, ..)| *due <= at);
            reports = rest;
            for (_, event, truth) in due {
                let unique = event.int(field::UNIQUE_PID);
                let found = owner(&mut table, event);
                if truth.is_some() {
                    prop_assert_eq!(found, truth, "after step {}", at);
                    continue;
                }
                // The end of a connection, told after that of its process: it is not given to another process.
                let is_it = |(pid, process): &(&i64, &Process)| Some(entity_id(**pid, process.pidversion)) == found;
                let whose = kernel.processes.iter().find(is_it);
                prop_assert!(whose.is_none_or(|(_, process)| Some(process.unique) == unique), "after step {}", at);
            }
        }
    }

    #[test]
    fn no_connection_is_given_to_a_wrong_execution_when_processes_are_told_of_up_to_five_seconds_late(
        steps in prop::collection::vec((step(), 0..=5000_i64), 0..60),
    ) {
        let (_, told) = told_late(&steps);
        let mut table = Table::new(Limits::default());
        for (event, truth) in told {
            let is_connect = truth.is_some();
            let time = event.time;
            let found = owner(&mut table, event);
            if is_connect && found.is_some() {
                prop_assert_eq!(found, truth, "at {}", time);
            }
        }
    }
}

#[test]
fn the_end_of_a_connection_is_not_given_to_the_process_that_has_the_pid_now() {
    let at = |seconds: i64| Timestamp::from_nanoseconds(seconds * 1_000_000_000);
    let mut table = Table::new(Limits::default());
    owner(&mut table, told(at(1), "fork", 7, 1, None));
    owner(&mut table, told(at(3), "end", 7, 1, None));
    owner(&mut table, told(at(4), "fork", 7, 2, None));
    assert_eq!(owner(&mut table, connection(at(5), 7, 99, at(2))), Some(entity_id(7, 1)), "who made its socket");
}

#[test]
fn an_execution_whose_exit_is_told_before_its_start_does_not_run_on() {
    let at = |seconds: i64| Timestamp::from_nanoseconds(seconds * 1_000_000_000);
    let mut table = Table::new(Limits::default());
    owner(&mut table, told(at(2), "end", 7, 1, None));
    owner(&mut table, told(at(1), "fork", 7, 1, None));
    assert_eq!(owner(&mut table, connection(at(3), 7, 99, at(3))), None, "another process, whose fork was not told");
    let mut table = Table::new(Limits::default());
    owner(&mut table, told(at(1), "fork", 7, 1, None));
    assert_eq!(owner(&mut table, connection(at(3), 7, 99, at(3))), Some(entity_id(7, 1)), "it may run");
}
