//! What is done about an alert besides writing it: the execution that it is about is ended.
//!
//! Nothing is ended by its name. Before each signal the kernel is asked whether the pid is still that of the process in
//! the alert, by its unique pid; between the answer and the signal lie microseconds in which it could end. A process that
//! runs another program by then is the same process: to exec would be a way out. FACT: pid-version

pub(crate) mod document;
mod sink;
mod target;

use std::time::Duration;

pub(crate) use crate::source::live::{End, ExecutionId, Executions, Member, Process};
pub(crate) use sink::{Policy, Responding, Started};
pub(crate) use target::Target;

/// How often an execution that was told to end is looked at.
const LOOK: Duration = Duration::from_millis(20);
/// Executions that are told to end at once.
const MAX_PENDING: usize = 256;

/// How responses are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Nothing is done, and what would have been is reported.
    pub dry_run: bool,
    /// How long an execution may take for its end before it is killed.
    pub grace: Duration,
}

/// What became of an execution.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It would have been ended.
    DryRun,
    /// It ended after SIGTERM.
    Terminated,
    /// It did not, and was sent SIGKILL.
    Killed,
    /// It did not run any more: it had ended, and another process can have its pid. So it is of an execution that has run
    /// another program since, where the alert does not name its process.
    Gone,
    /// It must not be ended.
    Refused(&'static str),
    /// The signal could not be sent.
    Failed(String),
}

impl Outcome {
    /// Its name in documents.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Outcome::DryRun => "dry_run",
            Outcome::Terminated => "terminated",
            Outcome::Killed => "killed",
            Outcome::Gone => "gone",
            Outcome::Refused(_) => "refused",
            Outcome::Failed(_) => "failed",
        }
    }

    /// What it means, in a sentence about the process.
    pub(crate) fn sentence(&self) -> String {
        match self {
            Outcome::DryRun => "would have been terminated; `dry_run` is on".to_owned(),
            Outcome::Terminated => "ended after SIGTERM".to_owned(),
            Outcome::Killed => "was sent SIGKILL, as it had not ended after SIGTERM".to_owned(),
            Outcome::Gone => "was not running any more".to_owned(),
            Outcome::Refused(why) => format!("was left alone: {why}"),
            Outcome::Failed(why) => format!("could not be terminated: {why}"),
        }
    }
}

/// An execution that was sent SIGTERM.
struct Pending {
    target: Target,
    pid: u32,
    unique_pid: u64,
    kill_at: Duration,
}

/// Ends executions, without waiting: the caller comes back at [`Responder::deadline`].
pub(crate) struct Responder {
    executions: Box<dyn Executions>,
    settings: Settings,
    own_pid: u32,
    pending: Vec<Pending>,
}

impl Responder {
    /// One that has nothing to do yet.
    pub(crate) fn new(executions: Box<dyn Executions>, settings: Settings, own_pid: u32) -> Responder {
        Responder { executions, settings, own_pid, pending: Vec::new() }
    }

    /// How responses are made from now on; what was begun goes on as it began.
    pub(crate) fn work_by(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Nothing is done.
    pub(crate) fn is_dry_run(&self) -> bool {
        self.settings.dry_run
    }

    /// The processes of this Mac.
    pub(crate) fn executions(&self) -> &dyn Executions {
        &*self.executions
    }

    /// The unique pid of the process of a target, also when it has ended. It is counted from the start of the Mac: in an
    /// alert of another start, or of another Mac, it is that of another process.
    pub(crate) fn unique_pid(&self, target: &Target, execution: ExecutionId) -> Option<u64> {
        target.unique_pid.filter(|_| self.executions.entity_id(execution) == target.entity_id)
    }

    /// The unique pid of the process of a target, if it has not ended. Where that is known it can run another program by
    /// now; else the pid version must be the same.
    pub(crate) fn running(&self, target: &Target, execution: ExecutionId) -> Option<u64> {
        let Process { unique_pid, pidversion } = self.executions.process(execution.pid)?;
        let is_same = target.unique_pid.is_none_or(|named| named == unique_pid);
        let is_it = is_same && (pidversion == execution.pidversion || self.unique_pid(target, execution).is_some());
        is_it.then_some(unique_pid)
    }

    /// Begins to end an execution. `None`: it was sent SIGTERM, and its outcome is to come.
    pub(crate) fn take(&mut self, target: &Target, now: Duration) -> Option<Outcome> {
        let execution = match target.execution(self.own_pid) {
            Ok(execution) => execution,
            Err(why) => return Some(Outcome::Refused(why)),
        };
        let Some(unique_pid) = self.running(target, execution) else { return Some(Outcome::Gone) };
        if self.settings.dry_run {
            return Some(Outcome::DryRun);
        }
        if self.pending.len() >= MAX_PENDING {
            return Some(Outcome::Refused("too many executions are being terminated"));
        }
        if let Err(error) = self.executions.signal(execution.pid, End::Terminate) {
            return Some(Outcome::Failed(format!("{}: {error}", End::Terminate.name())));
        }
        let kill_at = now.saturating_add(self.settings.grace);
        self.pending.push(Pending { target: target.clone(), pid: execution.pid, unique_pid, kill_at });
        None
    }

    /// What became of executions since the last call.
    pub(crate) fn look(&mut self, now: Duration) -> Vec<(Target, Outcome)> {
        let mut outcomes = Vec::new();
        for pending in std::mem::take(&mut self.pending) {
            let process = self.executions.process(pending.pid);
            if process.is_none_or(|process| process.unique_pid != pending.unique_pid) {
                outcomes.push((pending.target, Outcome::Terminated));
            } else if now < pending.kill_at {
                self.pending.push(pending);
            } else {
                let outcome = match self.executions.signal(pending.pid, End::Kill) {
                    Ok(()) => Outcome::Killed,
                    Err(error) => Outcome::Failed(format!("{}: {error}", End::Kill.name())),
                };
                outcomes.push((pending.target, outcome));
            }
        }
        outcomes
    }

    /// What still runs at this time is killed then, if it would not be before.
    pub(crate) fn kill_by(&mut self, at: Duration) {
        self.pending.iter_mut().for_each(|pending| pending.kill_at = pending.kill_at.min(at));
    }

    /// When to look again; `None`: there is nothing to wait for.
    pub(crate) fn deadline(&self, now: Duration) -> Option<Duration> {
        let first = self.pending.iter().map(|pending| pending.kill_at).min()?;
        Some(first.min(now + LOOK))
    }
}

#[cfg(test)]
pub(crate) mod tests;
