//! Which script an alert is about.

use std::sync::Arc;

use super::shell::is_downloader;
use crate::detect::Match;
use crate::event::{Categories, Event, Script, field};

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

/// The download that a script of the sequence is read from, as the two ends of a pipe that one parent started: of a
/// pipe itself only sources with descriptors know.
pub(super) fn download_of(events: &[Arc<Event>]) -> Option<&Event> {
    let starts = |event: &&Arc<Event>| event.categories.intersects(Categories::PROCESS) && event.is_type("start");
    let is_read = |event: &&Arc<Event>| event.script.as_deref().is_some_and(|script| script.source == "stdin");
    let is_download = |event: &&Arc<Event>| event.str(field::PROCESS_NAME).is_some_and(is_downloader);
    let parent = |event: &Event| event.str(field::PARENT_ENTITY_ID).map(str::to_owned);
    let script = events.iter().filter(starts).find(is_read)?;
    let of_parent = |event: &&Arc<Event>| parent(event).is_some() && parent(event) == parent(script);
    events.iter().filter(starts).filter(is_download).find(of_parent).map(|event| &**event)
}
