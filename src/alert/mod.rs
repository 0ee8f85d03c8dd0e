//! The alert: one ECS document per detection.

mod about;
pub mod blind_spots;
mod community_id;
mod draft;
mod ecs;
mod follow_up;
mod line;
pub(crate) mod lifecycle;
mod masquerade;
mod network;
pub(crate) mod pipeline_error;
mod process;
mod reason;
mod risk;
mod script;
mod shell;
mod shorten;
mod suppressed;
mod take_over;
mod threat;

use std::sync::Arc;

use serde_json::{Map, Value as Json};

pub use draft::Draft;
pub(crate) use draft::Tells;
pub(crate) use ecs::{ECS_VERSION, alert_id};
pub(crate) use follow_up::{RULE_ID as FOLLOW_UP, Told};
pub use line::to_line;
pub(crate) use shell::runs_download;

use crate::detect::{Match, Rule};
use crate::event::document::{self, insert};
use crate::event::{Event, Execution};
use crate::script::Redactor;

/// A detection as an analyst gets it.
#[derive(Clone, Debug)]
pub struct Alert {
    /// `rule.id`.
    pub rule_id: String,
    /// The contributing events, in order.
    pub events: Vec<Arc<Event>>,
    /// The document.
    pub document: Map<String, Json>,
}

impl Alert {
    /// How many bytes it holds, nearly.
    pub(crate) fn bytes(&self) -> usize {
        document::bytes(&self.document) + self.events.iter().map(|event| event.bytes()).sum::<usize>()
    }

    /// The alert of a detection. `sequence` is its number in this run, from 0: a gap is a lost alert. `fed_by` wrote
    /// its script to a pipe.
    fn new(rule: &Rule, found: Match, sequence: u64, fed_by: Option<&Execution>, redactor: Option<&Redactor>) -> Alert {
        let mut document = ecs::document(rule, &found, sequence);
        if let Some(feeder) = fed_by {
            insert(&mut document, "osawatch.script.fed_by", ecs::summary(feeder));
        }
        if let Some(redactor) = redactor {
            redactor.apply(&mut document);
        }
        shorten::shorten(&mut document);
        Alert { rule_id: rule.id.clone(), events: found.events, document }
    }

    /// The line for the alert file, without its newline.
    pub fn to_line(&self) -> String {
        to_line(&self.document)
    }

    /// The value of a field, by its dotted name.
    pub fn get(&self, name: &str) -> Option<&Json> {
        crate::event::document::get(&self.document, name)
    }
}
