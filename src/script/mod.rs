//! What script ran: from the arguments of osascript and automator, and on a live Mac from the file at the
//! time of the exec. A recording tells of another machine, so its files are never looked for.

mod arguments;
mod compiled;
mod content;
mod executable;
mod file;
mod indicators;
mod places;
mod redact;
mod unpack;
mod workflow;

use serde::{Deserialize, Serialize};
use std::sync::Arc;

use sha2::{Digest, Sha256};

use arguments::Given;
pub use indicators::reason;
pub use redact::Redactor;

use crate::event::{Categories, Event, Scalar, Script, field};

/// The programs whose scripts are looked at.
const PROGRAMS: [&str; 6] =
    ["osascript", "automator", "applet", "droplet", "Automator Application Stub", "Application Stub"];
/// Bytes of text that an alert holds.
const MAX_TEXT: usize = 8192;

/// How much of a script is taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Capture {
    /// Its text and its hash.
    #[default]
    Full,
    /// Its hash.
    Hash,
    /// Nothing.
    Off,
}

/// Looks at the executions of osascript and automator.
#[derive(Debug)]
pub struct Examiner {
    capture: Capture,
    /// Files may be read: the event tells of this machine, now.
    is_live: bool,
    hashes: executable::Hashes,
}

impl Examiner {
    /// For events of this machine as they happen.
    pub fn live(capture: Capture) -> Examiner {
        Examiner { capture, is_live: true, hashes: executable::Hashes::default() }
    }

    /// For recorded events: the arguments tell all there is.
    pub fn recorded(capture: Capture) -> Examiner {
        Examiner { capture, is_live: false, hashes: executable::Hashes::default() }
    }

    /// Adds to the start of an osascript or automator what it was given to run.
    pub fn examine(&mut self, event: &mut Event) {
        if !event.categories.intersects(Categories::PROCESS) || !event.is_type("start") {
            return;
        }
        let Some(given) = given(event) else { return };
        if self.is_live {
            self.hashes.add(event);
        }
        if self.capture == Capture::Off {
            return;
        }
        let mut script =
            Script { source: given.source, language: given.language, arguments: given.arguments, ..Script::default() };
        if let Some(text) = given.text {
            script.sha256 = Some(hex(Sha256::digest(&text).as_slice()));
            script.size = Some(text.len() as u64);
            content::describe_text(&text, &mut script);
        }
        if let Some(path) = given.path {
            let path = match (path.starts_with('/'), event.str(field::PROCESS_WORKING_DIRECTORY)) {
                (false, Some(folder)) => format!("{}/{path}", folder.trim_end_matches('/')),
                _ => path,
            };
            if self.is_live {
                file::read(&path, event, &mut script);
            } else if script.language.is_none() {
                script.language = file::language_of_name(&path);
            }
            script.path = Some(path);
        }
        if self.capture == Capture::Hash {
            script.text = None;
            script.decoded.clear();
        }
        event.script = Some(Arc::new(script));
    }
}

fn given(event: &Event) -> Option<Given> {
    let name = event.str(field::PROCESS_NAME)?;
    if !PROGRAMS.contains(&name) {
        return None;
    }
    let args: Vec<&str> = event
        .stated(field::PROCESS_ARGS)
        .filter_map(|arg| match arg {
            Scalar::Str(text) => Some(text),
            _ => None,
        })
        .collect();
    match name {
        "osascript" => Some(arguments::osascript_of(&args, event.str(field::PROCESS_COMMAND_LINE))),
        "automator" => Some(arguments::automator(args.get(1..).unwrap_or_default())),
        "applet" | "droplet" => Some(arguments::applet(event.str(field::PROCESS_EXECUTABLE)?, "applet")),
        _ => Some(arguments::applet(event.str(field::PROCESS_EXECUTABLE)?, "workflow")),
    }
}

/// What the bytes of a script file tell.
pub(crate) fn described(bytes: &[u8]) -> Script {
    let mut script = Script::default();
    content::describe(bytes, &mut script);
    script
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests;
