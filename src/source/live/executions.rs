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

/// The process that has a pid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Process {
    /// Its unique pid, which it keeps when it runs another program.
    pub unique_pid: u64,
    /// The pid version of what it runs now.
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
    /// The process that has this pid, if there is one that has not ended.
    fn process(&self, pid: u32) -> Option<Process>;
    /// The entity id of an execution of this Mac since its start.
    fn entity_id(&self, execution: ExecutionId) -> String;
    /// The processes that run now, of those with these unique pids and of what descends from them, parents first.
    fn trees(&self, of: &[u64]) -> Vec<Member>;
    /// Sends the signal to the process that has the pid.
    fn signal(&self, pid: u32, end: End) -> io::Result<()>;
}
