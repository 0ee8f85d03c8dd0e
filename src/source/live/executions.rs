//! What may be asked of, and done to, the processes that run.

use std::io;

/// A process execution by its numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ExecutionId {
    /// Process id.
    pub pid: u32,
    /// `p_idversion`: new at every exec.
    pub pidversion: u32,
}

/// A process of a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Member {
    /// Its execution now.
    pub execution: ExecutionId,
    /// Its unique pid.
    pub unique_pid: u64,
    /// Its name.
    pub name: String,
}

/// A signal that ends a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// SIGTERM: it may clean up.
    Terminate,
    /// SIGKILL: it may not.
    Kill,
}

impl End {
    /// Its name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            End::Terminate => "SIGTERM",
            End::Kill => "SIGKILL",
        }
    }
}

/// The processes of this Mac.
pub(crate) trait Executions: Send {
    /// Whether this execution runs now: neither another has its pid, nor did it run another program, nor has it ended.
    fn is_running(&self, execution: ExecutionId) -> bool;
    /// The unique pid of the process of this execution, while it runs.
    fn unique_pid(&self, execution: ExecutionId) -> Option<u64>;
    /// The processes that run now, of those with these unique pids and of what descends from them, parents first.
    fn trees(&self, of: &[u64]) -> Vec<Member>;
    /// Sends the signal to the process that has the pid.
    fn signal(&self, pid: u32, end: End) -> io::Result<()>;
}
