//! What a pipeline gives to its caller.

use crate::alert::{Alert, Draft};
use crate::detect::{Exception, Match, Rule};

/// What comes out.
#[derive(Debug)]
pub enum Output<'p> {
    /// An alert, to be written.
    Alert(Box<Draft>),
    /// A sequence that an exception held back.
    Suppressed {
        /// The rule that found it.
        rule: &'p Rule,
        /// The exception.
        exception: &'p Exception,
        /// Its position among the exceptions.
        position: usize,
        /// The events.
        found: Match,
    },
}

impl Output<'_> {
    /// The alert with this number, if it is one.
    pub fn alert(self, sequence: u64) -> Option<Alert> {
        match self {
            Output::Alert(draft) => Some(draft.alert(sequence)),
            Output::Suppressed { .. } => None,
        }
    }
}
