//! One line of Apple's `eslogger` to a message of Endpoint Security and to an event, from a recording and from a
//! live child process alike.
//!
//! Made for the message versions 6 to 11 (macOS 13 to 27, FACT: message-version); another one is read as far as its
//! shape fits.

mod error;
mod line;
mod loose;
pub(crate) mod probe;
pub(crate) mod stream;
#[cfg(test)]
mod tests;
mod uptime;
mod written;

use super::endpoint_security::Translator;
use crate::event::{Decoded, Line, Machine};
pub(crate) use error::Error;
use line::Read;
pub(crate) use uptime::Uptime;
pub(crate) use written::written;

/// Reads one line.
fn read(line: &str) -> Result<Read<'_>, Error> {
    let line: line::Line<'_> = serde_json::from_str(line).map_err(Error::Json)?;
    line.message()
}

/// Decodes eslogger lines of one machine.
#[derive(Clone, Debug)]
pub(crate) struct Decoder(Translator);

impl Decoder {
    /// A decoder for lines from this machine, or from `local` when it has no id.
    pub(crate) fn new(machine: Machine, host_name: Option<String>) -> Decoder {
        Decoder(Translator::new(machine, host_name, "eslogger"))
    }

    /// Decodes one line: an exec, a fork or an exit. Others are skipped by eslogger's name for them.
    pub(crate) fn decode(&self, line: &Line) -> Result<Decoded, Error> {
        Ok(match read(line.as_str())? {
            Read::Message(message) => Decoded::Event(self.0.event(&message)),
            Read::Skipped(kind) => Decoded::Skipped(kind),
        })
    }
}

/// The version of the Endpoint Security message in a line, when it states one.
pub(crate) fn message_version(line: &Line) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        #[serde(default)]
        version: loose::Loose<i64>,
    }
    serde_json::from_str::<Versioned>(line.as_str()).ok()?.version.0
}
