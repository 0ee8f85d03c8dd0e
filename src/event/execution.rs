//! What the stream has reported about a process execution.

use std::sync::Arc;

use super::args::{Args, Part, find_parts};
use super::field::{self, Field};
use super::{Charge, Event, Ledger, Scalar, Script};

/// The place of the command line among [`TEXTS`].
const COMMAND_LINE: usize = 3;
const MAX_ARGS: usize = 64;
const MAX_ARG_BYTES: usize = 1024;
/// Of all arguments together: descendants hold the executions of their ancestors.
const MAX_ARGS_BYTES: usize = 8 * 1024;
/// Of each text.
const MAX_TEXT_BYTES: usize = 4096;
/// Of the host, all texts and arguments: a place in them fits 16 bits.
const MAX_TEXT: usize = (1 + TEXTS.len()) * MAX_TEXT_BYTES + MAX_ARGS_BYTES + 1;
const _: () = assert!(MAX_TEXT <= u16::MAX as usize);

/// The texts that an execution keeps, besides its arguments.
const TEXTS: [Field; 11] = [
    field::PROCESS_ENTITY_ID,
    field::PROCESS_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_COMMAND_LINE,
    field::PROCESS_SIGNING_ID,
    field::PROCESS_TEAM_ID,
    field::AUDIT_TOKEN,
    field::PROCESS_START,
    field::PROCESS_CDHASH,
    field::USER_ID,
    field::USER_NAME,
];

/// One execution of one program: what a process event reported about it.
///
/// Tens of thousands are held, and one is made for each exec, so all text is in one allocation, that of its key in the
/// process table too, and arguments that the command line consists of are parts of it.
#[derive(Debug)]
pub struct Execution {
    pid: Option<i64>,
    is_signed: Option<bool>,
    is_trusted: Option<bool>,
    args_count: Option<i64>,
    /// The host with [`Execution::HOST_END`], the texts one after the other, then the arguments.
    text: Arc<str>,
    /// Where the first text begins.
    start: u16,
    /// Where each text ends.
    ends: [u16; TEXTS.len()],
    /// A bit for each text that there is.
    stated: u16,
    args: Args,
    script: Option<Arc<Script>>,
    charge: Option<Charge>,
}

impl Execution {
    /// What is between a host and an entity id; no host has it in its name.
    pub(crate) const HOST_END: char = '\0';

    /// The execution that a process event is about. Long arguments are cut: the event has them whole.
    pub fn of(event: &Event) -> Execution {
        Maker::default().execution(event)
    }

    /// An execution that only another process's event has reported.
    pub fn named(entity_id: &str, pid: Option<i64>, name: Option<&str>, executable: Option<&str>) -> Execution {
        let mut texts = [None; TEXTS.len()];
        (texts[0], texts[1], texts[2]) = (Some(entity_id), name, executable);
        Execution { pid, ..Text::new(&mut String::new(), "", texts).execution(&[]) }
    }

    /// Enters its bytes in a ledger, for as long as anything holds it.
    pub fn charged_to(mut self, ledger: &Ledger) -> Arc<Execution> {
        self.charge = Some(ledger.charge(self.bytes()));
        Arc::new(self)
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        let args = match &self.args {
            Args::Few(..) => 0,
            Args::Many(parts) => size_of_val::<[_]>(parts),
        };
        size_of::<Execution>() + self.text.len() + args + script
    }

    /// The text that begins with the host, [`Execution::HOST_END`] and the entity id.
    pub(crate) fn text(&self) -> &Arc<str> {
        &self.text
    }

    /// `process.entity_id`.
    pub fn entity_id(&self) -> &str {
        self.get(0).unwrap_or_default()
    }

    /// What it was given to run.
    pub fn script(&self) -> Option<&Arc<Script>> {
        self.script.as_ref()
    }

    /// `process.pid`.
    pub fn pid(&self) -> Option<i64> {
        self.pid
    }

    /// `process.name`.
    pub fn name(&self) -> Option<&str> {
        self.get(1)
    }

    /// `process.executable`.
    pub fn executable(&self) -> Option<&str> {
        self.get(2)
    }

    /// `process.command_line`, its first 4 KiB.
    pub fn command_line(&self) -> Option<&str> {
        self.get(3)
    }

    /// `process.code_signature.signing_id`.
    pub fn signing_id(&self) -> Option<&str> {
        self.get(4)
    }

    /// `process.code_signature.team_id`.
    pub fn team_id(&self) -> Option<&str> {
        self.get(5)
    }

    /// `osawatch.process.audit_token`: see [`super::AuditToken`].
    pub fn audit_token(&self) -> Option<&str> {
        self.get(6)
    }

    /// `process.start`.
    pub fn start(&self) -> Option<&str> {
        self.get(7)
    }

    /// `process.hash.cdhash`.
    pub fn cdhash(&self) -> Option<&str> {
        self.get(8)
    }

    /// `user.id`.
    pub fn user_id(&self) -> Option<&str> {
        self.get(9)
    }

    /// `user.name`.
    pub fn user_name(&self) -> Option<&str> {
        self.get(10)
    }

    /// `process.code_signature.exists`.
    pub fn is_signed(&self) -> Option<bool> {
        self.is_signed
    }

    /// `process.code_signature.trusted`.
    pub fn is_trusted(&self) -> Option<bool> {
        self.is_trusted
    }

    /// `process.args_count`.
    pub fn args_count(&self) -> Option<i64> {
        self.args_count
    }

    /// `process.args`: the first 64, the first KiB of each, 8 KiB in all.
    pub fn args(&self) -> impl Iterator<Item = &str> {
        self.args.parts().iter().map(|(start, end)| &self.text[usize::from(*start)..usize::from(*end)])
    }

    /// Whether an event of its process is of another program than this one.
    pub(crate) fn is_another(&self, event: &Event) -> bool {
        match (self.executable(), event.str(field::PROCESS_EXECUTABLE)) {
            (Some(before), Some(now)) => before != now,
            _ => self.name().zip(event.str(field::PROCESS_NAME)).is_some_and(|(before, now)| before != now),
        }
    }

    fn get(&self, at: usize) -> Option<&str> {
        let start = at.checked_sub(1).map_or(self.start, |before| self.ends[before]);
        (self.stated >> at & 1 == 1).then(|| &self.text[usize::from(start)..usize::from(self.ends[at])])
    }
}

/// Makes one execution after the other in the same room.
#[derive(Debug, Default)]
pub(crate) struct Maker {
    text: String,
    parts: Vec<Part>,
}

impl Maker {
    /// As [`Execution::of`].
    pub(crate) fn execution(&mut self, event: &Event) -> Execution {
        let texts = TEXTS.map(|field| event.str(field));
        let args = || {
            let strings = event.stated(field::PROCESS_ARGS).filter_map(|arg| match arg {
                Scalar::Str(text) => Some(cut(text, MAX_ARG_BYTES)),
                _ => None,
            });
            strings.take(MAX_ARGS).scan(MAX_ARGS_BYTES, |left, arg| {
                *left = left.checked_sub(arg.len())?;
                Some(arg)
            })
        };
        let Maker { text, parts } = self;
        let mut text = Text::new(text, event.str(field::HOST_ID).unwrap_or_default(), texts);
        let start = text.ends[COMMAND_LINE - 1];
        let command_line = cut(texts[COMMAND_LINE].unwrap_or_default(), MAX_TEXT_BYTES);
        if !find_parts(command_line, args(), start, parts) {
            parts.clear();
            parts.extend(args().map(|arg| text.append(arg)));
        }
        Execution {
            pid: event.int(field::PROCESS_PID),
            args_count: event.int(field::PROCESS_ARGS_COUNT),
            is_signed: flag(event, field::PROCESS_SIGNATURE_EXISTS),
            is_trusted: flag(event, field::PROCESS_SIGNATURE_TRUSTED),
            script: event.script.clone(),
            ..text.execution(parts)
        }
    }
}

/// The text of an execution while it is put together.
struct Text<'t> {
    text: &'t mut String,
    start: u16,
    ends: [u16; TEXTS.len()],
    stated: u16,
}

impl<'t> Text<'t> {
    /// These texts, in place of what was there.
    fn new(text: &'t mut String, host: &str, texts: [Option<&str>; TEXTS.len()]) -> Text<'t> {
        text.clear();
        text.push_str(cut(host, MAX_TEXT_BYTES));
        text.push(Execution::HOST_END);
        let start = text.len() as u16;
        let ends = texts.map(|value| {
            text.push_str(cut(value.unwrap_or_default(), MAX_TEXT_BYTES));
            text.len() as u16
        });
        let stated = texts.iter().rev().fold(0, |stated, text| stated << 1 | u16::from(text.is_some()));
        Text { text, start, ends, stated }
    }

    fn append(&mut self, text: &str) -> Part {
        let start = self.text.len() as u16;
        self.text.push_str(text);
        (start, self.text.len() as u16)
    }

    /// An execution with these texts, of which the arguments are parts.
    fn execution(self, args: &[Part]) -> Execution {
        let Text { text, start, ends, stated } = self;
        Execution {
            pid: None,
            is_signed: None,
            is_trusted: None,
            args_count: None,
            text: (&**text).into(),
            start,
            ends,
            stated,
            args: args.into(),
            script: None,
            charge: None,
        }
    }
}

fn flag(event: &Event, field: Field) -> Option<bool> {
    event.stated(field).find_map(|value| match value {
        Scalar::Bool(flag) => Some(flag),
        Scalar::Str(text) => text.parse().ok(),
        _ => None,
    })
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn execution(command_line: &str, args: &[&str]) -> Execution {
        let mut event = Event::new(super::super::Timestamp::default(), super::super::Categories::PROCESS);
        event.push_str(field::PROCESS_NAME, "tool");
        event.push_str(field::PROCESS_COMMAND_LINE, command_line);
        event.push_str(field::PROCESS_TEAM_ID, "TEAM");
        args.iter().for_each(|arg| event.push_str(field::PROCESS_ARGS, arg));
        Execution::of(&event)
    }

    #[test]
    fn arguments_are_the_same_whether_they_are_the_command_line_or_not() {
        let long = "é".repeat(MAX_ARG_BYTES);
        for (command_line, args) in [
            ("tool -a  b", vec!["tool", "-a", "", "b"]),
            ("tool -a  b", vec!["tool", "-a", "b"]),
            ("tool", vec!["tool", "-a"]),
            ("", vec![""]),
            ("", vec!["tool"]),
            ("toolbox", vec!["tool"]),
            (&*long, vec!["é", &*long]),
        ] {
            let execution = execution(command_line, &args);
            let wanted: Vec<&str> = args.iter().map(|arg| cut(arg, MAX_ARG_BYTES)).collect();
            assert_eq!(execution.args().collect::<Vec<_>>(), wanted, "{command_line:?}");
            assert_eq!((execution.name(), execution.team_id()), (Some("tool"), Some("TEAM")));
        }
        assert!(execution("tool -a", &["tool", "-a"]).text.len() < 25, "told once, held once");
    }
}
