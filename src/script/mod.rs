//! What script ran: from the arguments of osascript and automator, and from the bytes of its file. Pure: who reads
//! files is the agent, of this Mac; a recording is of another, so its files are never read.

mod arguments;
mod compiled;
mod content;
mod disguised;
mod encoded;
mod indicators;
mod literal;
mod places;
mod programs;
mod redact;
mod unpack;
mod unpacked;
mod workflow;

use serde::{Deserialize, Serialize};

use sha2::{Digest, Sha256};

use arguments::Invocation;
pub(crate) use indicators::{has_base64_run, marks, reason, shows};
pub(crate) use programs::{Delivery, PROGRAMS, Program, runs_scripts};
pub(crate) use redact::{Pseudonyms, Redactor};

use crate::event::hash::hex;
use crate::event::{Categories, Event, Scalar, Script, field};

/// How much of a script is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Capture {
    /// Its text and its hash.
    #[default]
    Full,
    /// Its hash.
    Hash,
    /// Nothing.
    Off,
}

/// What the arguments of an osascript or automator, or of an application made with them, show that it runs. `None`
/// for any other event.
pub(crate) fn of_arguments(event: &Event, capture: Capture) -> Option<Script> {
    let (mut script, text) = named_by_arguments(event, capture)?;
    if let Some(text) = text {
        describe_statements(&text, capture, &mut script);
    }
    Some(script)
}

/// As [`of_arguments`], with the text that the arguments hold not looked at yet: that takes a millisecond for some tens of
/// kilobytes.
pub(crate) fn named_by_arguments(event: &Event, capture: Capture) -> Option<(Script, Option<String>)> {
    let starts = event.categories.intersects(Categories::PROCESS) && event.is_type("start");
    if !starts || capture == Capture::Off {
        return None;
    }
    let given = given(event)?;
    let mut script =
        Script { source: given.source, language: given.language, arguments: given.arguments, ..Script::default() };
    if script.source == "stdin" && !reads_another_descriptor(event) {
        script.stdin_pipe = event.str(field::STDIN_PIPE).map(str::to_owned);
    }
    if let Some(path) = given.path {
        let path = match (path.starts_with('/'), event.str(field::PROCESS_WORKING_DIRECTORY)) {
            (false, Some(folder)) => format!("{}/{path}", folder.trim_end_matches('/')),
            _ => path,
        };
        script.language = script.language.or_else(|| language_of_name(&path));
        script.path = Some(path);
    }
    script.size = given.text.as_ref().map(|text| text.len() as u64);
    Some((script, given.text))
}

/// Fills in what the text of the arguments shows.
pub(crate) fn describe_statements(text: &str, capture: Capture, script: &mut Script) {
    script.sha256 = Some(hex(Sha256::digest(text).as_slice()));
    content::describe_text(text, script);
    leave_out(capture, script);
}

/// Whether it is the start of a program that runs scripts.
pub(crate) fn runs_one(event: &Event) -> bool {
    event.categories.intersects(Categories::PROCESS) && event.is_type("start") && given(event).is_some()
}

/// `/dev/fd/63` is a descriptor that the shell opened for it, not its standard input.
fn reads_another_descriptor(event: &Event) -> bool {
    event.any(
        field::PROCESS_ARGS,
        |arg| matches!(arg, Scalar::Str(path) if path.starts_with("/dev/fd/") && path != "/dev/fd/0"),
    )
}

/// Fills in what the bytes of the script's file show.
pub(crate) fn describe_file(bytes: &[u8], capture: Capture, script: &mut Script) {
    // What the file states of its language goes before its name.
    let named = script.path.as_deref().and_then(language_of_name);
    script.language = script.language.filter(|language| Some(*language) != named);
    script.size = Some(bytes.len() as u64);
    script.sha256 = Some(hex(Sha256::digest(bytes).as_slice()));
    content::describe(bytes, script);
    script.language = script.language.or(named);
    leave_out(capture, script);
}

/// Leaves out what is not to be taken.
fn leave_out(capture: Capture, script: &mut Script) {
    if capture == Capture::Hash {
        script.text = None;
        script.decoded.clear();
    }
}

fn language_of_name(path: &str) -> Option<&'static str> {
    match path.rsplit_once('.')?.1 {
        "js" | "jxa" => Some("JavaScript"),
        "applescript" => Some("AppleScript"),
        _ => None,
    }
}

fn given(event: &Event) -> Option<Invocation> {
    let program = Program::of(event)?;
    let args: Vec<&str> = event
        .stated(field::PROCESS_ARGS)
        .filter_map(|arg| match arg {
            Scalar::Str(text) => Some(text),
            _ => None,
        })
        .collect();
    let rest = args.get(1..).unwrap_or_default();
    match program.delivery {
        Delivery::Osascript => Some(arguments::osascript_of(&args, event.str(field::PROCESS_COMMAND_LINE))),
        Delivery::Automator => Some(arguments::automator(rest)),
        Delivery::Bundle(source) => Some(arguments::applet(event.str(field::PROCESS_EXECUTABLE)?, source)),
        Delivery::Messages => None,
    }
}

/// What the bytes of a script file show.
pub(crate) fn described(bytes: &[u8]) -> Script {
    let mut script = Script::default();
    content::describe(bytes, &mut script);
    script
}

#[cfg(test)]
mod tests;
