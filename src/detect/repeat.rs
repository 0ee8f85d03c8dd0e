//! What makes a detection the repeat of an earlier one: programs with the same arguments, started by the same programs
//! with the same arguments, for the same user and to the same destination. A launch agent that runs every minute does
//! that.

use sha2::{Digest, Sha256};

use super::Match;
use super::suppress::{destination, program};
use crate::event::hash::short_hash;
use crate::event::{Event, Execution, field};

/// The name that the detection of a rule shares with its repeats; none where the arguments of a program are not known,
/// as then nothing says that two runs do the same.
pub(super) fn name(rule: usize, found: &Match) -> Option<String> {
    let last = found.events.last()?;
    let mut parts = Parts(Sha256::new());
    let user = last.str(field::USER_ID).unwrap_or_default();
    for text in [last.str(field::HOST_ID).unwrap_or_default(), &rule.to_string(), user, &destination(last)] {
        parts.add(text);
    }
    for event in &found.events {
        parts.add_program(event)?;
    }
    let ancestors = last.context.as_deref().and_then(|context| context.ancestors.as_ref());
    for execution in ancestors.iter().flat_map(|list| list.iter()) {
        parts.add_execution(execution);
    }
    // The key of a process has a \0 in it, and this has none.
    Some(format!("repeat {}", short_hash(parts.0)))
}

struct Parts(Sha256);

impl Parts {
    /// Each part begins with its length, so that no two lists of parts are one text.
    fn add(&mut self, text: &str) {
        self.0.update((text.len() as u64).to_be_bytes());
        self.0.update(text);
    }

    /// The program that an event is about, with the arguments that it states, else those of its start.
    fn add_program(&mut self, event: &Event) -> Option<()> {
        self.add(&program(event));
        let mut count = 0;
        for arg in event.stated(field::PROCESS_ARGS) {
            self.add(&arg.text());
            count += 1;
        }
        if count == 0 {
            let execution = event.context.as_deref()?.process.as_deref()?;
            execution.args().next()?;
            self.add_execution(execution);
        }
        Some(())
    }

    fn add_execution(&mut self, execution: &Execution) {
        self.add(execution.executable().or(execution.name()).unwrap_or_default());
        self.add(&execution.args_count().unwrap_or_default().to_string());
        execution.args().for_each(|arg| self.add(arg));
        let sha256 = execution.script().and_then(|script| script.sha256.as_deref());
        self.add(sha256.unwrap_or_default());
    }
}
