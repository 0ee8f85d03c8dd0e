//! The programs that run scripts and workflows: one list for whoever looks for them.

use crate::event::{Event, Execution, field};

/// A program that runs scripts or workflows.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Program {
    /// `process.name`.
    pub name: &'static str,
    /// The signing ids of Apple's program begin with this; `None`: each application signs its own copy.
    pub signing_id: Option<&'static str>,
    /// How the script reaches it.
    pub delivery: Delivery,
}

/// How the script reaches a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// By the arguments of osascript(1).
    Osascript,
    /// By the arguments of automator(1).
    Automator,
    /// By what lies in its bundle, of this source.
    Bundle(&'static str),
    /// By messages of other processes.
    Messages,
}

/// The list.
pub(crate) const PROGRAMS: [Program; 8] = [
    Program { name: "osascript", signing_id: Some("com.apple.osascript"), delivery: Delivery::Osascript },
    Program { name: "automator", signing_id: Some("com.apple.automator"), delivery: Delivery::Automator },
    Program { name: "Automator", signing_id: Some("com.apple.automator"), delivery: Delivery::Messages },
    Program {
        name: "com.apple.automator.runner",
        signing_id: Some("com.apple.automator"),
        delivery: Delivery::Messages,
    },
    Program { name: "applet", signing_id: None, delivery: Delivery::Bundle("applet") },
    Program { name: "droplet", signing_id: None, delivery: Delivery::Bundle("applet") },
    Program { name: "Automator Application Stub", signing_id: None, delivery: Delivery::Bundle("workflow") },
    Program { name: "Application Stub", signing_id: None, delivery: Delivery::Bundle("workflow") },
];

/// Programs that run scripts for others, or in a window.
const HOSTS: [&str; 3] = ["Script Editor", "WorkflowServiceRunner", "com.apple.foundation.UserScriptService"];

/// Whether what this execution starts is the work of a script.
pub(crate) fn runs_scripts(execution: &Execution) -> bool {
    let by_name = |name: &str| Program::named(name).is_some() || HOSTS.contains(&name);
    execution.name().is_some_and(by_name) || execution.signing_id() == Some("com.apple.osascript")
}

impl Program {
    /// The program with this name, its very letters or, on a file system that ignores case, others.
    pub(crate) fn named(name: &str) -> Option<&'static Program> {
        let exact = PROGRAMS.iter().find(|program| program.name == name);
        exact.or_else(|| PROGRAMS.iter().find(|program| program.name.eq_ignore_ascii_case(name)))
    }

    /// The program that an event is about.
    pub(crate) fn of(event: &Event) -> Option<&'static Program> {
        Program::known_by(event.str(field::PROCESS_SIGNING_ID), event.str(field::PROCESS_NAME))
    }

    /// A program: by its signature, whatever it is called, or by its name.
    pub(crate) fn known_by(signing_id: Option<&str>, name: Option<&str>) -> Option<&'static Program> {
        let signed = signing_id.and_then(|signing_id| {
            PROGRAMS.iter().find(|program| program.delivery == Delivery::Osascript && program.is_signed(signing_id))
        });
        signed.or_else(|| Program::named(name?))
    }

    /// Whether this is a signing id of Apple's program; also where Apple signs none.
    pub(crate) fn is_signed(&self, signing_id: &str) -> bool {
        self.signing_id.is_none_or(|wanted| {
            let begins = signing_id.get(..wanted.len()).is_some_and(|begins| begins.eq_ignore_ascii_case(wanted));
            begins && (self.delivery != Delivery::Osascript || signing_id.len() == wanted.len())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Categories, Timestamp};

    fn program(name: &str, signing_id: &str) -> Option<&'static str> {
        let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
        event.push_str(field::PROCESS_NAME, name);
        event.push_str(field::PROCESS_SIGNING_ID, signing_id);
        Program::of(&event).map(|program| program.name)
    }

    #[test]
    fn a_renamed_osascript_is_known_by_its_signature_and_another_program_by_its_name() {
        assert_eq!(program("updater", "com.apple.osascript"), Some("osascript"));
        assert_eq!(program("osascript", "evil"), Some("osascript"));
        assert_eq!(program("updater", "com.apple.osascript.evil"), None);
        assert_eq!(program("Automator", "com.apple.Automator"), Some("Automator"));
    }
}
