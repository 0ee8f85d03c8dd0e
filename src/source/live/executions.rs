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
    /// The processes that descend from this one now, parents first, each with its name.
    fn descendants(&self, execution: ExecutionId) -> Vec<(ExecutionId, String)>;
    /// Sends the signal to the process that has the pid.
    fn signal(&self, pid: u32, end: End) -> io::Result<()>;
}
