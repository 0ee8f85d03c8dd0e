//! What the stream has reported about the process of an event, beside the event itself.

use std::sync::Arc;

use super::field::{self, Field};
use super::{Ancestors, Execution, Scalar};

/// What the stream reported earlier about the process of an event. It answers for fields that the event
/// itself does not state.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The process itself.
    pub process: Option<Arc<Execution>>,
    /// The parent process.
    pub parent: Option<Arc<Execution>>,
    /// The executions this one descends from: the program it replaced in place, its parent, its
    /// parent's parent, and so on.
    pub ancestors: Option<Arc<Ancestors>>,
    /// The process that macOS holds responsible.
    pub responsible: Option<Arc<Execution>>,
    /// Which `descendant of […]` queries an ancestor's events match: one bit each.
    pub lineage: u128,
}

impl Context {
    /// Whether the field describes the ancestry of a process, which no single event knows.
    pub(super) fn is_lineage(&self, field: Field) -> bool {
        matches!(
            field,
            field::ANCESTRY
                | field::EFFECTIVE_PARENT_ENTITY_ID
                | field::EFFECTIVE_PARENT_PID
                | field::EFFECTIVE_PARENT_NAME
                | field::EFFECTIVE_PARENT_EXECUTABLE
                | field::EFFECTIVE_PROCESS_ENTITY_ID
                | field::EFFECTIVE_PROCESS_PID
                | field::EFFECTIVE_PROCESS_NAME
                | field::EFFECTIVE_PROCESS_EXECUTABLE
        )
    }

    /// Whether the ancestors that are known are those of which a document states the first, and perhaps more.
    pub(super) fn extends(&self, first: &str) -> bool {
        self.ancestors.iter().flat_map(|list| list.iter()).any(|ancestor| ancestor.entity_id() == first)
    }

    /// Whether any value of the field passes the test.
    pub(super) fn any(&self, field: Field, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        match field {
            field::ANCESTRY => {
                let mut ancestors = self.ancestors.iter().flat_map(|list| list.iter());
                ancestors.any(|ancestor| test(Scalar::Str(ancestor.entity_id())))
            }
            field::PARENT_ARGS => {
                let mut args = self.parent.iter().flat_map(|parent| parent.args());
                args.any(|arg| test(Scalar::Str(arg)))
            }
            _ => self.single(field).is_some_and(test),
        }
    }

    fn single(&self, field: Field) -> Option<Scalar<'_>> {
        let (parent, responsible) = (self.parent.as_deref(), self.responsible.as_deref());
        match field {
            field::PARENT_ENTITY_ID => parent.map(|parent| Scalar::Str(parent.entity_id())),
            field::PARENT_PID => parent?.pid().map(Scalar::Int),
            field::PARENT_NAME => parent?.name().map(Scalar::Str),
            field::PARENT_EXECUTABLE => parent?.executable().map(Scalar::Str),
            field::PARENT_COMMAND_LINE => parent?.command_line().map(Scalar::Str),
            field::PARENT_ARGS_COUNT => parent?.args_count().map(Scalar::Int),
            field::PARENT_SIGNATURE_EXISTS => parent?.is_signed().map(Scalar::Bool),
            field::PARENT_SIGNATURE_TRUSTED => parent?.is_trusted().map(Scalar::Bool),
            field::PARENT_SIGNING_ID => parent?.signing_id().map(Scalar::Str),
            field::PARENT_TEAM_ID => parent?.team_id().map(Scalar::Str),
            field::EFFECTIVE_PARENT_ENTITY_ID | field::EFFECTIVE_PROCESS_ENTITY_ID => {
                responsible.map(|process| Scalar::Str(process.entity_id()))
            }
            field::EFFECTIVE_PARENT_PID | field::EFFECTIVE_PROCESS_PID => responsible?.pid().map(Scalar::Int),
            field::EFFECTIVE_PARENT_NAME | field::EFFECTIVE_PROCESS_NAME => responsible?.name().map(Scalar::Str),
            field::EFFECTIVE_PARENT_EXECUTABLE | field::EFFECTIVE_PROCESS_EXECUTABLE => {
                responsible?.executable().map(Scalar::Str)
            }
            _ => None,
        }
    }
}
