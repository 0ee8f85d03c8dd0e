//! Why a line of eslogger is not an event.

use std::fmt;

/// Why a line is not an event.
#[derive(Debug)]
pub enum Error {
    /// The line is not JSON, or not an eslogger message.
    Json(serde_json::Error),
    /// The message states no `time`.
    NoTime,
    /// The message's `time` is not a time between the years 1678 and 2261.
    BadTime(String),
    /// The process has no audit token with a pid and a pid version, so no execution is named.
    NoToken,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Json(error) if error.is_data() => write!(f, "not an eslogger message: {error}"),
            Error::Json(error) => write!(f, "not valid JSON: {error}"),
            Error::NoTime => f.write_str("an eslogger message without a `time`: `mach_time` alone is no date"),
            Error::BadTime(text) => write!(f, "time {text:?} is not a time"),
            Error::NoToken => f.write_str("not an eslogger message: no audit token with `pid` and `pidversion`"),
        }
    }
}

impl std::error::Error for Error {}
