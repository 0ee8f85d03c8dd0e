//! One line of Apple's `eslogger` to a message of Endpoint Security and to an event, from a recording and from a
//! live child process alike.
//!
//! Made for the message versions 6 to 11 (macOS 13 to 27); another one is read as far as its shape fits.

mod error;
mod line;
pub mod probe;
pub mod stream;
#[cfg(test)]
mod tests;

pub use super::endpoint_security::LOCAL_HOST;
use super::endpoint_security::Translator;
use crate::event::{Decoded, Line, Machine};
pub use error::Error;
use line::Read;

/// Reads one line.
fn read(line: &str) -> Result<Read<'_>, Error> {
    let line: line::Line<'_> = serde_json::from_str(line).map_err(Error::Json)?;
    line.message()
}

/// Decodes eslogger lines of one machine.
#[derive(Clone, Debug)]
pub struct Decoder(Translator);

impl Decoder {
    /// A decoder for lines from this machine, or from [`LOCAL_HOST`] when it has no id.
    pub fn new(machine: Machine, host_name: Option<String>) -> Decoder {
        Decoder(Translator::new(machine, host_name))
    }

    /// Decodes one line: an exec, a fork or an exit. Others are skipped by eslogger's name for them.
    pub fn decode(&self, line: &Line) -> Result<Decoded, Error> {
        Ok(match read(line.as_str())? {
            Read::Message(message) => Decoded::Event(self.0.event(&message)),
            Read::Skipped(kind) => Decoded::Skipped(kind),
        })
    }
}

/// The version of the Endpoint Security message in a line, when it states one.
pub fn message_version(line: &Line) -> Option<i64> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        version: Option<i64>,
    }
    serde_json::from_str::<Versioned>(line.as_str()).ok()?.version
}
