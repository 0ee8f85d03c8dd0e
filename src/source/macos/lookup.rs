//! Questions to this system: about its processes and its users.

use std::io;

use rustix::process::{Pid, Signal, kill_process};

use super::libproc;
use crate::event::{Event, Machine};
use crate::source::libproc::running;
use crate::source::live::{End, ExecutionId, Executions, Lookup, Member, Process, UserNames};

/// The name of a user, getpwuid_r(3).
fn user_name(uid: u32) -> Option<String> {
    let user = nix::unistd::User::from_uid(nix::unistd::Uid::from_raw(uid));
    user.ok().flatten().map(|user| user.name)
}

/// Questions to this system.
pub(super) struct System {
    pub(super) machine: Machine,
    pub(super) host_name: Option<String>,
}

impl Lookup for System {
    fn unique_pid(&self, pid: u32, pidversion: u32) -> Option<u64> {
        libproc::unique_info(pid).filter(|info| info.pidversion == pidversion).map(|info| info.unique_pid)
    }

    fn running(&self, pid: u32, unique_pid: u64) -> Vec<Event> {
        let processes = libproc::with_parent(pid);
        if processes.last().is_none_or(|process| process.unique.unique_pid != unique_pid) {
            return Vec::new();
        }
        running::events(processes, libproc::program, &self.machine, self.host_name.as_deref()).collect()
    }
}

impl Executions for System {
    fn process(&self, pid: u32) -> Option<Process> {
        libproc::process(pid)
    }

    fn entity_id(&self, execution: ExecutionId) -> String {
        self.machine.entity_id(execution.pid, execution.pidversion)
    }

    fn trees(&self, of: &[u64]) -> Vec<Member> {
        running::trees(&libproc::running(), of)
    }

    fn signal(&self, pid: u32, end: End) -> io::Result<()> {
        let pid = i32::try_from(pid).ok().filter(|pid| *pid > 1).and_then(Pid::from_raw);
        let signal = match end {
            End::Terminate => Signal::TERM,
            End::Kill => Signal::KILL,
        };
        Ok(kill_process(pid.ok_or(io::ErrorKind::InvalidInput)?, signal)?)
    }
}

/// Questions to the directory.
pub(super) struct Directory;

impl UserNames for Directory {
    fn name(&mut self, uid: u32) -> Option<String> {
        user_name(uid)
    }
}
