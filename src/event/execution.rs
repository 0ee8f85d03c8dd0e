//! What the stream has said about a process execution, and what that adds to an event.

use std::sync::Arc;

use super::field::{self, Field};
use super::{Scalar, Timestamp};

/// One execution of one program: what a process event told about it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Execution {
    /// `process.entity_id`.
    pub entity_id: Arc<str>,
    /// `process.pid`.
    pub pid: Option<i64>,
    /// `process.name`.
    pub name: Option<Box<str>>,
    /// `process.executable`.
    pub executable: Option<Box<str>>,
    /// `process.args`, the first 64 of them.
    pub args: Box<[Box<str>]>,
    /// `process.command_line`, its first 4 KiB.
    pub command_line: Option<Box<str>>,
    /// `process.code_signature.signing_id`.
    pub signing_id: Option<Box<str>>,
    /// `process.code_signature.team_id`.
    pub team_id: Option<Box<str>>,
    /// When the event that told of it happened; `None` when only others named it.
    pub seen: Option<Timestamp>,
}

/// What the stream said earlier about the process of an event. It answers for fields that the event
/// itself does not state.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// The process itself.
    pub process: Option<Arc<Execution>>,
    /// The parent process.
    pub parent: Option<Arc<Execution>>,
    /// The executions this one descends from, nearest first: the program it replaced in place, its
    /// parent, its parent's parent, and so on.
    pub ancestors: Option<Arc<[Arc<Execution>]>>,
    /// The process that macOS holds responsible.
    pub responsible: Option<Arc<Execution>>,
    /// Which `descendant of […]` queries an ancestor's events match: one bit each.
    pub lineage: u128,
}

impl Context {
    /// Whether any value of the field passes the test.
    pub(super) fn any(&self, field: Field, test: &mut dyn FnMut(Scalar<'_>) -> bool) -> bool {
        match field {
            field::ANCESTRY => {
                let mut ancestors = self.ancestors.iter().flat_map(|list| list.iter());
                ancestors.any(|ancestor| test(Scalar::Str(&ancestor.entity_id)))
            }
            field::PARENT_ARGS => {
                let mut args = self.parent.iter().flat_map(|parent| parent.args.iter());
                args.any(|arg| test(Scalar::Str(arg)))
            }
            _ => self.single(field).is_some_and(test),
        }
    }

    fn single(&self, field: Field) -> Option<Scalar<'_>> {
        let (parent, responsible) = (self.parent.as_deref(), self.responsible.as_deref());
        match field {
            field::PARENT_ENTITY_ID => parent.map(|parent| Scalar::Str(&parent.entity_id)),
            field::PARENT_PID => parent?.pid.map(Scalar::Int),
            field::PARENT_NAME => text(parent?.name.as_deref()),
            field::PARENT_EXECUTABLE => text(parent?.executable.as_deref()),
            field::PARENT_COMMAND_LINE => text(parent?.command_line.as_deref()),
            field::PARENT_SIGNING_ID => text(parent?.signing_id.as_deref()),
            field::PARENT_TEAM_ID => text(parent?.team_id.as_deref()),
            field::EFFECTIVE_PARENT_ENTITY_ID | field::EFFECTIVE_PROCESS_ENTITY_ID => {
                responsible.map(|process| Scalar::Str(&process.entity_id))
            }
            field::EFFECTIVE_PARENT_PID | field::EFFECTIVE_PROCESS_PID => responsible?.pid.map(Scalar::Int),
            field::EFFECTIVE_PARENT_NAME | field::EFFECTIVE_PROCESS_NAME => text(responsible?.name.as_deref()),
            field::EFFECTIVE_PARENT_EXECUTABLE | field::EFFECTIVE_PROCESS_EXECUTABLE => {
                text(responsible?.executable.as_deref())
            }
            _ => None,
        }
    }
}

fn text(value: Option<&str>) -> Option<Scalar<'_>> {
    value.map(Scalar::Str)
}
