//! The execution that an alert is about.

use serde_json::{Map, Value as Json};

use super::ExecutionId;
use crate::event::document::{get, text};
use crate::script::{PROGRAMS, Program};

/// What an alert says of the execution that it is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Target {
    /// `event.id` of the alert.
    pub alert_id: String,
    /// `rule.id`.
    pub rule_id: String,
    /// `process.name`.
    pub name: String,
    /// `process.entity_id`.
    pub entity_id: String,
    /// `process.pid`.
    pub pid: Option<u32>,
    /// Its pid version.
    pub pidversion: Option<u32>,
    /// The unique pid of its process, which only alerts of a live Mac have.
    pub unique_pid: Option<u64>,
    /// It is a program of the system that does not run scripts.
    pub is_other_platform_binary: bool,
}

impl Target {
    /// That of an alert; `None` for any other document.
    pub(crate) fn of(document: &Map<String, Json>) -> Option<Target> {
        if text(document, "event.kind").as_deref() != Some("alert") {
            return None;
        }
        let string = |name: &str| text(document, name).unwrap_or_default();
        let unsigned = |name: &str| get(document, name)?.as_u64();
        let number = |name: &str| unsigned(name)?.try_into().ok();
        let name = string("process.name");
        let signing_id = string("process.code_signature.signing_id");
        let is_platform = get(document, "osawatch.process.is_platform_binary") != Some(&Json::Bool(false));
        // A name alone says nothing: the signature has to be that of the program.
        let is_watched = PROGRAMS.iter().any(|program| program.signing_id.is_some() && program.is_signed(&signing_id));
        let is_application = Program::named(&name).is_some_and(|program| program.signing_id.is_none());
        Some(Target {
            alert_id: string("event.id"),
            rule_id: string("rule.id"),
            entity_id: string("process.entity_id"),
            pid: number("process.pid"),
            pidversion: number("osawatch.process.pidversion"),
            unique_pid: unsigned("osawatch.process.unique_pid"),
            is_other_platform_binary: is_platform && !is_watched && !is_application,
            name,
        })
    }

    /// The numbers of the execution, if it may be ended; else why not.
    pub(crate) fn execution(&self, own_pid: u32) -> Result<ExecutionId, &'static str> {
        match (self.pid, self.pidversion) {
            (None, _) => Err("the alert names no process"),
            (Some(0 | 1), _) => Err("it is the kernel or launchd"),
            (Some(pid), _) if pid == own_pid => Err("it is osawatch itself"),
            (Some(_), None) => Err("the alert does not name the execution: it has no pid version"),
            _ if self.is_other_platform_binary => {
                Err("it is a program of the system, or not known to be another, and not one that runs scripts")
            }
            (Some(pid), Some(pidversion)) => Ok(ExecutionId { pid, pidversion }),
        }
    }
}
