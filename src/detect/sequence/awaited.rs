//! By which values events are known that continue, or end, what waits.

use super::{Partial, Sequence};
use crate::eql::{JoinKey, Written, each_value, last_of};

/// Is told a field and one of its values, or that any value will do.
pub(in crate::detect) type Tell<'t> = &'t mut dyn FnMut(Option<JoinKey>, Option<Written<'_>>);

impl Sequence {
    /// Tells by what events are known that continue or end all that waits.
    pub(in crate::detect) fn tell_awaited(&self, tell: Tell<'_>) {
        for (stage, waiting) in self.waiting.iter().enumerate() {
            for (key, slot) in waiting {
                slot.partials().for_each(|partial| self.tell(stage, key, partial, tell));
            }
        }
    }

    /// Tells it of what waits at one stage under a key.
    pub(super) fn tell(&self, stage: usize, key: &str, partial: &Partial, tell: Tell<'_>) {
        for awaited in [Some(&self.stages[stage + 1]), self.until.as_ref()].into_iter().flatten() {
            let by = awaited.known_by();
            let Some(link) = awaited.link() else {
                tell(by, Some(last_of(key)));
                continue;
            };
            // Of an event that is not there yet no value is awaited.
            let Some(held) = partial.events.get(link.event) else { continue };
            if !each_value(Some(&link.of), &held.event, |kind, value| tell(by, Some((kind, value)))) {
                tell(by, None);
            }
        }
    }
}
