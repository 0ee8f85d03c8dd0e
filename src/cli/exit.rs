//! Why a command failed, and its exit code (sysexits(3)).

use std::fmt;
use std::io;
use std::process::ExitCode;

use crate::output::terminal;
use crate::source::live;
use crate::source::recording::{Error as SourceError, Unreadable};

pub(super) const HELP: &str = "\
Exit codes:
  0    success, with or without alerts
  1    a check failed (a test, a lint, a warning, a degraded agent), or a process was not ended
  2    doctor or selftest found a failure
  3    no rule could have matched (replay --strict)
  64   the command line is invalid
  65   an input is not in a known format, or no alert file (alerts)
  66   an input cannot be opened, or holds nothing to read
  69   not available on this system
  70   a bug in osawatch
  73   an output cannot be created
  74   reading or writing failed, or an input is cut off
  75   another osawatch runs with the same state directory
  77   not permitted
  78   a rule or the configuration is invalid
  130  interrupted (Ctrl-C)";

/// A failed command: a sentence and a sysexits code.
#[derive(Debug)]
pub struct Failure {
    code: Code,
    message: String,
}

/// An exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Code(u8);

impl From<Code> for ExitCode {
    fn from(code: Code) -> ExitCode {
        ExitCode::from(code.0)
    }
}

impl Failure {
    /// No rule could have matched what was replayed.
    pub const BLIND: Code = Code(3);
    /// EX_USAGE
    pub const USAGE: Code = Code(64);
    /// EX_DATAERR
    pub const DATA: Code = Code(65);
    /// EX_NOINPUT
    pub const NO_INPUT: Code = Code(66);
    /// EX_UNAVAILABLE
    pub const UNAVAILABLE: Code = Code(69);
    /// EX_NOPERM
    pub const NOT_PERMITTED: Code = Code(77);
    /// EX_CANTCREAT
    pub const CANNOT_CREATE: Code = Code(73);
    /// EX_IOERR
    pub const IO: Code = Code(74);
    /// EX_TEMPFAIL
    pub const HELD: Code = Code(75);
    /// EX_CONFIG
    pub const CONFIG: Code = Code(78);
    /// 128 and SIGINT
    pub const INTERRUPTED: Code = Code(130);

    /// A failure with a sentence about it.
    pub fn new(code: Code, message: impl fmt::Display) -> Failure {
        Failure { code, message: message.to_string() }
    }

    /// The exit code.
    pub fn code(&self) -> Code {
        self.code
    }
}

/// Standard output cannot be written.
pub(super) fn stdout_failure(error: &io::Error) -> Failure {
    Failure::new(Failure::IO, format!("cannot write to standard output: {error}"))
}

/// Prints to standard output; a closed pipe is not an error.
pub(super) fn print(text: &str) -> Result<ExitCode, Failure> {
    match terminal::write(text) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(stdout_failure(&error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// A recording cannot be read.
pub(super) fn source_failure(error: SourceError) -> Failure {
    let code = match &error {
        SourceError::Open { .. } | SourceError::NoRecording { .. } | SourceError::TooManyFiles { .. } => {
            Failure::NO_INPUT
        }
        SourceError::StdinTwice => Failure::USAGE,
        SourceError::NoKnownFormat { .. } | SourceError::Unreadable { unreadable: Unreadable::Content(_), .. } => {
            Failure::DATA
        }
        _ => Failure::IO,
    };
    Failure::new(code, error)
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Why there are no sensors, with its exit code.
pub(super) fn live_failure(error: live::Error) -> Failure {
    let code = match error {
        live::Error::NotAMac | live::Error::Translated => Failure::UNAVAILABLE,
        live::Error::NotRoot => Failure::NOT_PERMITTED,
        live::Error::Thread(_) => Failure::IO,
    };
    Failure::new(code, error)
}
