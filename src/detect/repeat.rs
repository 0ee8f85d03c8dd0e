//! What makes a detection the repeat of an earlier one: programs with the same arguments, started by the same programs
//! with the same arguments, for the same user and to the same destination. A launch agent that runs every minute does
//! that.

use super::Match;
use super::suppress::{destination, program};
use crate::event::hash::Id;
use crate::event::{Event, Execution, field};

/// The name that the detection of a rule shares with its repeats; none where the arguments of a program are not known,
/// as then nothing says that two runs do the same.
pub(super) fn name(rule: usize, found: &Match) -> Option<String> {
    let last = found.events.last()?;
    let mut id = Id::default();
    let user = last.str(field::USER_ID).unwrap_or_default();
    for text in [last.str(field::HOST_ID).unwrap_or_default(), &rule.to_string(), user, &destination(last)] {
        id.add(text);
    }
    for event in &found.events {
        add_program(&mut id, event)?;
    }
    let ancestors = last.context.as_deref().and_then(|context| context.ancestors.as_ref());
    for execution in ancestors.iter().flat_map(|list| list.iter()) {
        add_execution(&mut id, execution);
    }
    // The key of a process has a \0 in it, and this has none.
    Some(format!("repeat {}", id.text()))
}

/// The program that an event is about, with the arguments that it states, else those of its start.
fn add_program(id: &mut Id, event: &Event) -> Option<()> {
    id.add(&program(event));
    let mut count = 0;
    for arg in event.stated(field::PROCESS_ARGS) {
        id.add(&arg.text());
        count += 1;
    }
    if count == 0 {
        let execution = event.context.as_deref()?.process.as_deref()?;
        execution.args().next()?;
        add_execution(id, execution);
    }
    Some(())
}

fn add_execution(id: &mut Id, execution: &Execution) {
    id.add(execution.executable().or(execution.name()).unwrap_or_default());
    id.add(&execution.args_count().unwrap_or_default().to_string());
    execution.args().for_each(|arg| id.add(arg));
    let sha256 = execution.script().and_then(|script| script.sha256.as_deref());
    id.add(sha256.unwrap_or_default());
}
