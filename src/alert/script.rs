//! Which script an alert is about.

use crate::detect::Match;
use crate::event::{Script, field};

/// The script of the sequence's own processes, the first one's first, or of the nearest ancestor that ran one; none when
/// scripts are not captured.
pub(super) fn script_of(found: &Match) -> Option<(&str, &Script)> {
    any_script_of(found).filter(|(_, script)| !script.source.is_empty())
}

fn any_script_of(found: &Match) -> Option<(&str, &Script)> {
    let own = found
        .events
        .iter()
        .find_map(|event| Some((event.str(field::PROCESS_ENTITY_ID).unwrap_or_default(), event.script.as_deref()?)));
    own.or_else(|| {
        let contexts = found.events.iter().filter_map(|event| event.context.as_deref());
        let mut executions = contexts.flat_map(|context| {
            let ancestors = context.ancestors.iter().flat_map(|list| list.iter());
            context.process.iter().chain(ancestors).chain(&context.responsible)
        });
        executions.find_map(|execution| Some((execution.entity_id(), execution.script()?.as_ref())))
    })
}
