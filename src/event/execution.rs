//! What the stream has reported about a process execution, and about those it descends from.

use std::sync::Arc;

use super::field::{self, Field};
use super::{Charge, Event, Ledger, Scalar, Script};

/// The place of the command line among [`TEXTS`].
const COMMAND_LINE: usize = 3;
const MAX_ARGS: usize = 64;
const MAX_ARG_BYTES: usize = 1024;
/// Of all arguments together: descendants hold the executions of their ancestors.
const MAX_ARGS_BYTES: usize = 8 * 1024;
const MAX_COMMAND_LINE_BYTES: usize = 4096;

/// The texts that an execution keeps, besides its arguments.
const TEXTS: [Field; 9] = [
    field::PROCESS_ENTITY_ID,
    field::PROCESS_NAME,
    field::PROCESS_EXECUTABLE,
    field::PROCESS_COMMAND_LINE,
    field::PROCESS_SIGNING_ID,
    field::PROCESS_TEAM_ID,
    field::AUDIT_TOKEN,
    field::PROCESS_START,
    field::PROCESS_CDHASH,
];

/// One execution of one program: what a process event reported about it.
///
/// Tens of thousands are held, and one is made for each exec, so all text is in one allocation, and arguments that
/// the command line consists of are parts of it.
#[derive(Debug, Default)]
pub struct Execution {
    pid: Option<i64>,
    is_signed: Option<bool>,
    is_trusted: Option<bool>,
    args_count: Option<i64>,
    /// The texts one after the other, then the arguments.
    text: String,
    /// Where each text ends, and whether there is one.
    ends: [(u32, bool); TEXTS.len()],
    /// Where each argument begins and ends.
    args: Box<[(u32, u32)]>,
    script: Option<Arc<Script>>,
    charge: Option<Charge>,
}

impl Execution {
    /// The execution that a process event is about. Long arguments are cut: the event has them whole.
    pub fn of(event: &Event) -> Execution {
        let texts = TEXTS.map(|field| event.str(field).map(|text| cut(text, MAX_COMMAND_LINE_BYTES)));
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
        let parts = parts_of(texts[COMMAND_LINE].unwrap_or_default(), args());
        let own = if parts.is_some() { 0 } else { args().map(str::len).sum() };
        let mut execution = Execution::joined(texts, own);
        execution.pid = event.int(field::PROCESS_PID);
        execution.args_count = event.int(field::PROCESS_ARGS_COUNT);
        execution.is_signed = flag(event, field::PROCESS_SIGNATURE_EXISTS);
        execution.is_trusted = flag(event, field::PROCESS_SIGNATURE_TRUSTED);
        let start = execution.ends[COMMAND_LINE - 1].0;
        execution.args = match parts {
            Some(parts) => parts.into_iter().map(|(from, to)| (start + from, start + to)).collect(),
            None => args().map(|arg| execution.append(arg)).collect(),
        };
        execution.script = event.script.clone();
        execution
    }

    /// An execution that only another process's event has reported.
    pub fn named(entity_id: &str, pid: Option<i64>, name: Option<&str>, executable: Option<&str>) -> Execution {
        let mut texts = [None; TEXTS.len()];
        (texts[0], texts[1], texts[2]) = (Some(entity_id), name, executable);
        Execution { pid, ..Execution::joined(texts, 0) }
    }

    /// Enters its bytes in a ledger, for as long as anything holds it.
    pub fn charged_to(mut self, ledger: &Ledger) -> Arc<Execution> {
        self.charge = Some(ledger.charge(self.bytes()));
        Arc::new(self)
    }

    /// The bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        let script = self.script.as_ref().map_or(0, |script| script.bytes());
        size_of::<Execution>() + self.text.capacity() + size_of_val::<[_]>(&self.args) + script
    }

    /// One with these texts, and room for so many bytes more.
    fn joined(texts: [Option<&str>; TEXTS.len()], more: usize) -> Execution {
        let mut text = String::with_capacity(texts.iter().flatten().map(|text| text.len()).sum::<usize>() + more);
        let ends = texts.map(|value| {
            text.push_str(value.unwrap_or_default());
            (text.len() as u32, value.is_some())
        });
        Execution { text, ends, ..Execution::default() }
    }

    fn append(&mut self, text: &str) -> (u32, u32) {
        let start = self.text.len() as u32;
        self.text.push_str(text);
        (start, self.text.len() as u32)
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
        self.args.iter().map(|(start, end)| &self.text[*start as usize..*end as usize])
    }

    fn get(&self, at: usize) -> Option<&str> {
        let (end, stated) = self.ends[at];
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].0);
        stated.then(|| &self.text[start as usize..end as usize])
    }
}

fn flag(event: &Event, field: Field) -> Option<bool> {
    event.stated(field).find_map(|value| match value {
        Scalar::Bool(flag) => Some(flag),
        Scalar::Str(text) => text.parse().ok(),
        _ => None,
    })
}

/// Where each argument is in the command line, when the arguments joined by spaces make it up.
fn parts_of<'a>(command_line: &str, args: impl Iterator<Item = &'a str>) -> Option<Vec<(u32, u32)>> {
    let (mut parts, mut at) = (Vec::new(), 0);
    for arg in args {
        let end = at + arg.len();
        let rest = command_line.get(at..).filter(|rest| rest.starts_with(arg))?;
        if !matches!(rest.as_bytes().get(arg.len()), None | Some(b' ')) {
            return None;
        }
        parts.push((at as u32, end as u32));
        at = end + 1;
    }
    Some(parts)
}

fn cut(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}

/// The executions that one descends from, nearest first, sharing the list of its parent.
#[derive(Debug)]
pub struct Ancestors {
    nearest: Arc<Execution>,
    further: Option<Arc<Ancestors>>,
    depth: usize,
}

impl Ancestors {
    /// At least this many of the nearest ancestors are known, if there are that many.
    pub const KEPT: usize = 32;

    /// A list with one more ancestor. Lists are at most twice [`Ancestors::KEPT`] long: a chain of
    /// processes has no end, and each would keep all before it in memory.
    pub fn new(nearest: Arc<Execution>, further: Option<&Arc<Ancestors>>) -> Arc<Ancestors> {
        let further = match further {
            Some(list) if list.depth >= 2 * Ancestors::KEPT => {
                let mut kept: Vec<_> = list.iter().take(Ancestors::KEPT).cloned().collect();
                let mut copy = None;
                while let Some(nearest) = kept.pop() {
                    copy = Some(Ancestors::new(nearest, copy.as_ref()));
                }
                copy
            }
            other => other.cloned(),
        };
        let depth = 1 + further.as_ref().map_or(0, |further| further.depth);
        Arc::new(Ancestors { nearest, further, depth })
    }

    /// The nearest of them.
    pub fn nearest(&self) -> &Arc<Execution> {
        &self.nearest
    }

    /// The ancestors, nearest first.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Execution>> {
        let lists = std::iter::successors(Some(self), |list| list.further.as_deref());
        lists.map(|list| &list.nearest).take(Ancestors::KEPT)
    }
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
        assert!(execution("tool -a", &["tool", "-a"]).text.len() < 24, "told once, held once");
    }

    #[test]
    fn a_chain_of_a_million_processes_keeps_its_nearest_ancestors_and_is_dropped_without_recursion() {
        let mut list = None;
        for pid in 0..1_000_000 {
            list = Some(Ancestors::new(Arc::new(Execution::named("", Some(pid), None, None)), list.as_ref()));
        }
        let pids: Vec<_> = list.unwrap().iter().map(|execution| execution.pid().unwrap()).collect();
        assert_eq!(pids, (1_000_000 - 32..1_000_000).rev().collect::<Vec<_>>());
    }
}
