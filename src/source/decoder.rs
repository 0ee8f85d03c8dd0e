//! One value of a recording to an event, in whichever format it is written.

use std::fmt;

use super::{Format, eslogger};
use crate::event::{Decoded, Fields, Line, Machine, ecs, surrogates};

/// A value that was read: what it held, and how.
#[derive(Debug)]
pub struct Decoding {
    /// What it held.
    pub decoded: Decoded,
    /// The format that it is written in.
    pub format: Format,
    /// Lone surrogates were replaced in it.
    pub repaired: bool,
}

/// Why a value is not an event.
#[derive(Debug)]
pub enum DecodeError {
    /// It is not JSON.
    Json(serde_json::Error),
    /// It is not an ECS document, in a recording of such.
    Ecs(ecs::Error),
    /// It is not an eslogger message, in a recording of such.
    Eslogger(eslogger::Error),
    /// It is JSON of no known format.
    UnknownFormat,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            DecodeError::Json(error) => write!(f, "not valid JSON: {error}"),
            DecodeError::Ecs(error) => error.fmt(f),
            DecodeError::Eslogger(error) => error.fmt(f),
            DecodeError::UnknownFormat => f.write_str("neither an ECS document nor an eslogger message"),
        }
    }
}

impl std::error::Error for DecodeError {}

/// Decodes values of every format.
#[derive(Debug)]
pub struct Decoder {
    ecs: ecs::Decoder,
    eslogger: eslogger::Decoder,
}

impl Decoder {
    /// A decoder for these fields; eslogger lines are of this machine.
    pub fn new(fields: &Fields, machine: Machine) -> Decoder {
        Decoder { ecs: ecs::Decoder::new(fields), eslogger: eslogger::Decoder::new(machine, None) }
    }

    /// eslogger lines are of this machine from now on.
    pub fn set_machine(&mut self, machine: Machine, host_name: Option<String>) {
        self.eslogger = eslogger::Decoder::new(machine, host_name);
    }

    /// Decodes a value. `likely` is the format of those before it, and tried first; the error of a value
    /// that has no format is about that one.
    ///
    /// Lone surrogates, which other writers let pass and serde_json refuses, are replaced.
    pub fn decode(&self, line: &Line, likely: Option<Format>) -> Result<Decoding, DecodeError> {
        match self.decode_whole(line, likely) {
            Err(DecodeError::Json(error)) => match surrogates::repaired(line.as_str()) {
                Some(text) => {
                    let decoding = self.decode_whole(&Line::from(text), likely)?;
                    Ok(Decoding { repaired: true, ..decoding })
                }
                None => Err(DecodeError::Json(error)),
            },
            whole => whole,
        }
    }

    fn decode_whole(&self, line: &Line, likely: Option<Format>) -> Result<Decoding, DecodeError> {
        let first = likely.unwrap_or(Format::Ecs);
        let error = match self.decode_as(line, first) {
            Err(error) if !matches!(error, DecodeError::Json(_)) => error,
            done => return done,
        };
        let other = match first {
            Format::Ecs => Format::Eslogger,
            Format::Eslogger => Format::Ecs,
        };
        match (self.decode_as(line, other), likely) {
            (Ok(decoding), _) => Ok(decoding),
            // Text that the first decoder passed over unread.
            (Err(DecodeError::Json(error)), _) => Err(DecodeError::Json(error)),
            (Err(_), Some(_)) => Err(error),
            (Err(_), None) => Err(DecodeError::UnknownFormat),
        }
    }

    fn decode_as(&self, line: &Line, format: Format) -> Result<Decoding, DecodeError> {
        let decoded = match format {
            Format::Ecs => self.ecs.decode(line).map_err(|error| match error {
                ecs::Error::Json(error) => DecodeError::Json(error),
                error => DecodeError::Ecs(error),
            }),
            Format::Eslogger => self.eslogger.decode(line).map_err(|error| match error {
                eslogger::Error::Json(error) if !error.is_data() => DecodeError::Json(error),
                error => DecodeError::Eslogger(error),
            }),
        };
        Ok(Decoding { decoded: decoded?, format, repaired: false })
    }
}
