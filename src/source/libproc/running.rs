//! Processes that already run when the agent begins: events that are not starts.

use std::collections::HashMap;

use super::process::{BsdInfo, UniqueInfo};
use crate::event::{Categories, Event, Machine, Timestamp, field};
use crate::source::live::{ExecutionId, Member};

/// The numbers of a running process.
#[derive(Clone, Debug)]
pub(crate) struct Running {
    /// Process id.
    pub pid: u32,
    /// `PROC_PIDTBSDINFO`.
    pub info: BsdInfo,
    /// `PROC_PIDUNIQIDENTIFIERINFO`.
    pub unique: UniqueInfo,
}

/// What is run under a pid.
#[derive(Clone, Debug, Default)]
pub(crate) struct Program {
    /// proc_pidpath(3).
    pub path: Option<String>,
    /// `KERN_PROCARGS2`; empty when they are unavailable.
    pub arguments: Vec<String>,
    /// What had the pid after the above was read.
    pub of: Option<UniqueInfo>,
}

impl Program {
    /// The same if it is that of this process and execution. Long after the process was found, another can have its pid, or
    /// it can run another program, which is another execution.
    fn if_of(self, process: &Running) -> Program {
        let is_same =
            |of: UniqueInfo| (of.unique_pid, of.pidversion) == (process.unique.unique_pid, process.unique.pidversion);
        if self.of.is_some_and(is_same) { self } else { Program::default() }
    }
}

/// An event for each process, parents before their children. What runs is asked for one by one, as the events are
/// taken: all of it at once would be most of the memory.
pub(crate) fn events(
    mut processes: Vec<Running>,
    program: impl Fn(u32) -> Program,
    machine: &Machine,
    host_name: Option<&str>,
) -> impl Iterator<Item = Event> {
    processes.sort_by_key(|process| (process.info.started, process.unique.unique_pid));
    let numbers = processes.iter().map(|process| (process.pid, process.unique));
    let by_pid: HashMap<u32, UniqueInfo> = numbers.collect();
    processes.into_iter().map(move |process| {
        let mut event = event(&process, program(process.pid), machine, host_name);
        let parent = by_pid.get(&process.info.parent_pid);
        // A parent's pid can have been used again; its unique pid cannot.
        if let Some(parent) = parent.filter(|parent| parent.unique_pid == process.unique.parent_unique_pid) {
            event.push_str(field::PARENT_ENTITY_ID, &machine.entity_id(process.info.parent_pid, parent.pidversion));
            event.push_int(field::PARENT_PIDVERSION, parent.pidversion.into());
        }
        event.push_int(field::PARENT_PID, process.info.parent_pid.into());
        event
    })
}

/// The processes with these unique pids and those that descend from them, parents first. A pid that is used again
/// misleads nobody: the parent is known by its unique pid, also after its end.
pub(crate) fn trees(processes: &[Running], of: &[u64]) -> Vec<Member> {
    let (mut found, mut all) = (Vec::new(), of.to_vec());
    let mut at = 0;
    while let Some(unique_pid) = all.get(at).copied() {
        at += 1;
        for process in processes {
            if process.unique.unique_pid == unique_pid {
                let execution = ExecutionId { pid: process.pid, pidversion: process.unique.pidversion };
                found.push(Member { execution, unique_pid, name: process.info.name.clone() });
            }
            if process.unique.parent_unique_pid == unique_pid && !all.contains(&process.unique.unique_pid) {
                all.push(process.unique.unique_pid);
            }
        }
    }
    found
}

fn event(process: &Running, program: Program, machine: &Machine, host_name: Option<&str>) -> Event {
    let Running { pid, info, unique } = process;
    let Program { path, arguments, .. } = program.if_of(process);
    let mut event = Event::new(Timestamp::from_nanoseconds(info.started), Categories::PROCESS);
    let name = path.as_deref().and_then(|path| path.rsplit('/').next()).unwrap_or(&info.name);
    for (field, value) in [
        (field::EVENT_KIND, "event"),
        (field::EVENT_CATEGORY, "process"),
        (field::EVENT_TYPE, "info"),
        (field::EVENT_ACTION, "already_running"),
        (field::EVENT_MODULE, "osawatch"),
        (field::EVENT_PROVIDER, "libproc"),
        (field::HOST_ID, &machine.host_id),
        (field::HOST_NAME, host_name.unwrap_or_default()),
        (field::HOST_HOSTNAME, host_name.unwrap_or_default()),
        (field::HOST_BOOT_ID, &machine.boot_id),
        (field::HOST_OS_TYPE, "macos"),
        (field::PROCESS_ENTITY_ID, &machine.entity_id(*pid, unique.pidversion)),
        (field::PROCESS_NAME, name),
        (field::PROCESS_EXECUTABLE, path.as_deref().unwrap_or_default()),
        (field::USER_ID, &info.real_user_id.to_string()),
        (field::PROCESS_START, &Timestamp::from_nanoseconds(info.started).to_string()),
    ] {
        if !value.is_empty() {
            event.push_str(field, value);
        }
    }
    event.push_int(field::PROCESS_PID, (*pid).into());
    event.push_int(field::PIDVERSION, unique.pidversion.into());
    event.push_int(field::UNIQUE_PID, i64::try_from(unique.unique_pid).unwrap_or(i64::MAX));
    if !arguments.is_empty() {
        arguments.iter().for_each(|argument| event.push_str(field::PROCESS_ARGS, argument));
        event.push_int(field::PROCESS_ARGS_COUNT, arguments.len() as i64);
        event.push_str(field::PROCESS_COMMAND_LINE, &arguments.join(" "));
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(pid: u32, parent: (u32, u64)) -> Running {
        let info = BsdInfo {
            parent_pid: parent.0,
            user_id: 0,
            real_user_id: 501,
            real_group_id: 20,
            name: "osascript-thread".into(),
            started: 1_700_000_000_000_000_000 + i64::from(pid),
        };
        let unique_pid = u64::from(pid) + 1000;
        let unique = UniqueInfo { unique_pid, parent_unique_pid: parent.1, pidversion: pid + 1 };
        Running { pid, info, unique }
    }

    fn program(pid: u32) -> Program {
        let path = (pid == 7).then(|| "/usr/bin/osascript".to_owned());
        let of = Some(running(pid, (0, 0)).unique);
        Program { path, arguments: vec!["osascript".into(), "x".into()], of }
    }

    #[test]
    fn what_a_pid_runs_by_now_is_not_the_program_of_another_execution_that_had_it() {
        let machine = Machine::default();
        let of = |unique_pid, pidversion| {
            let process = running(7, (5, 1005));
            let of = Some(UniqueInfo { unique_pid, pidversion, ..process.unique });
            let program = |pid| Program { of, ..program(pid) };
            events(vec![process], program, &machine, None).next().unwrap()
        };
        assert_eq!(of(1007, 8).str(field::PROCESS_EXECUTABLE), Some("/usr/bin/osascript"));
        for (unique_pid, pidversion) in [(1007, 9), (1008, 8)] {
            let event = of(unique_pid, pidversion);
            assert_eq!((event.str(field::PROCESS_EXECUTABLE), event.str(field::PROCESS_COMMAND_LINE)), (None, None));
            assert_eq!(event.str(field::PROCESS_NAME), Some("osascript-thread"), "the kernel's name was read with it");
        }
    }

    #[test]
    fn a_running_process_is_no_start_and_comes_after_its_parent() {
        let machine = Machine { host_id: "H".into(), boot_id: "B".into() };
        let processes = vec![running(7, (5, 1005)), running(5, (1, 1))];
        let events: Vec<Event> = events(processes, program, &machine, Some("mac")).collect();
        let [parent, child] = &events[..] else { panic!("{events:?}") };
        assert_eq!(parent.str(field::PROCESS_NAME), Some("osascript-thread"), "the kernel's name without a path");
        assert_eq!((parent.str(field::PARENT_ENTITY_ID), parent.int(field::PARENT_PID)), (None, Some(1)));
        assert!(child.is_type("info") && !child.is_type("start"));
        assert_eq!(child.str(field::PARENT_ENTITY_ID), Some(&*machine.entity_id(5, 6)));
        assert_eq!(child.str(field::PROCESS_COMMAND_LINE), Some("osascript x"));
        assert_eq!((child.int(field::UNIQUE_PID), child.str(field::USER_ID)), (Some(1007), Some("501")));
    }

    #[test]
    fn a_pid_that_was_used_again_is_not_taken_for_the_parent() {
        let machine = Machine::default();
        let processes = vec![running(7, (5, 900)), running(5, (1, 1))];
        let events: Vec<Event> = events(processes, program, &machine, None).collect();
        assert_eq!(events[1].str(field::PARENT_ENTITY_ID), None);
    }

    #[test]
    fn the_tree_of_a_process_that_has_ended_is_known_by_its_unique_pid() {
        let processes = [running(9, (1, 1007)), running(7, (1, 1005)), running(8, (5, 900))];
        let pids = |of: &[u64]| trees(&processes, of).iter().map(|member| member.execution.pid).collect::<Vec<_>>();
        assert_eq!(pids(&[1005]), [7, 9]);
        assert_eq!(pids(&[1007, 1005]), [7, 9]);
        assert_eq!(pids(&[1]), [0; 0]);
    }
}
