//! One line of Apple's `eslogger` to an [`Event`], from a recording and from a live child process alike.
//!
//! Made for the message versions 6 to 11 (macOS 13 to 27); another one is read as far as its shape fits.

mod message;
#[cfg(test)]
mod tests;

use std::fmt;

use crate::event::{AuditToken, Categories, Event, Field, Line, Machine, Timestamp, field};
use message::{Body, Exec, File, Message, Process, Text, Token};

/// The `host.id` of lines from a machine that nothing names: eslogger states no host.
pub const LOCAL_HOST: &str = "local";

/// How many environment variables an event keeps.
const MAX_ENV_VARS: usize = 100;

/// `CS_VALID` of XNU's `cs_blobs.h`: the signature held so far.
const CS_VALID: i64 = 0x0000_0001;
/// `CS_SIGNED` of XNU's `cs_blobs.h`: there is a signature.
const CS_SIGNED: i64 = 0x2000_0000;

/// Why a line is not an event.
#[derive(Debug)]
pub enum Error {
    /// The line is not JSON, or not an eslogger message.
    Json(serde_json::Error),
    /// The message's `time` is not a time between the years 1678 and 2261.
    BadTime(String),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Json(error) if error.is_data() => write!(f, "not an eslogger message: {error}"),
            Error::Json(error) => write!(f, "not valid JSON: {error}"),
            Error::BadTime(text) => write!(f, "time {text:?} is not a time"),
        }
    }
}

impl std::error::Error for Error {}

/// What a line held.
#[derive(Debug)]
pub enum Decoded {
    /// A program started (exec), a process was made (fork) or ended (exit).
    Event(Event),
    /// A well-formed message about another event, by eslogger's name for it.
    Skipped(String),
}

/// Decodes eslogger lines of one machine.
#[derive(Clone, Debug)]
pub struct Decoder {
    machine: Machine,
    host_name: Option<String>,
}

impl Decoder {
    /// A decoder for lines from this machine, or from [`LOCAL_HOST`] when it has no id.
    pub fn new(mut machine: Machine, host_name: Option<String>) -> Decoder {
        if machine.host_id.is_empty() {
            machine.host_id = LOCAL_HOST.to_owned();
        }
        Decoder { machine, host_name }
    }

    /// Decodes one line.
    pub fn decode(&self, line: &Line) -> Result<Decoded, Error> {
        let message: Message<'_> = serde_json::from_str(line.as_str()).map_err(Error::Json)?;
        let time = Timestamp::parse(&message.time.0).ok_or_else(|| Error::BadTime(message.time.0.to_string()))?;
        let mut event = Event::new(time, Categories::PROCESS);
        match &message.event {
            Body::Other(name) => return Ok(Decoded::Skipped(name.clone())),
            Body::Exec(exec) => {
                self.head(&mut event, "exec", "start");
                self.process(&mut event, &exec.target);
                self.exec(&mut event, exec, &message.process);
            }
            Body::Fork(fork) => {
                self.head(&mut event, "fork", "start");
                let child = Process { parent_audit_token: None, ppid: None, ..copy(&fork.child) };
                self.process(&mut event, &child);
                self.parent(&mut event, &message.process);
            }
            Body::Exit(exit) => {
                self.head(&mut event, "end", "end");
                self.process(&mut event, &message.process);
                event.push_str(field::PROCESS_END, &message.time.0);
                event.push_int(field::EXIT_STATUS, exit.stat);
                // WIFEXITED and WEXITSTATUS of wait(2): the low seven bits name a signal.
                if exit.stat & 0x7f == 0 {
                    event.push_int(field::PROCESS_EXIT_CODE, (exit.stat >> 8) & 0xff);
                }
            }
        }
        for (field, number) in [
            (field::MESSAGE_VERSION, message.version),
            (field::SEQ_NUM, message.seq_num),
            (field::GLOBAL_SEQ_NUM, message.global_seq_num),
        ] {
            push_int(&mut event, field, number);
        }
        Ok(Decoded::Event(event))
    }
}
