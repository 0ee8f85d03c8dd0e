//! A line of either format to an event: for the examples of rules, which name no format.

use std::fmt;

use super::eslogger;
use crate::event::{Event, Fields, Line, Machine, ecs, surrogates};

/// What a line held.
#[derive(Debug)]
pub enum Decoded {
    /// An event of a kind that osawatch sees.
    Event(Event),
    /// A well-formed line of another kind.
    Skipped(String),
}

/// A line that is neither an ECS document nor an eslogger line.
#[derive(Debug)]
pub struct DecodeError(ecs::Error);

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "neither an ECS document nor an eslogger line: {}", self.0)
    }
}

impl std::error::Error for DecodeError {}

/// Decodes lines of either format.
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

    /// Decodes a line; lone surrogates in it are replaced, as when it is replayed.
    pub fn decode(&self, line: &Line) -> Result<Decoded, DecodeError> {
        self.decode_whole(line).or_else(|error| match surrogates::repaired(line.as_str()) {
            Some(text) => self.decode_whole(&Line::from(text)),
            None => Err(error),
        })
    }

    fn decode_whole(&self, line: &Line) -> Result<Decoded, DecodeError> {
        let error = match self.ecs.decode(line) {
            Ok(ecs::Decoded::Event(event)) => return Ok(Decoded::Event(event)),
            Ok(ecs::Decoded::Skipped(kind)) => return Ok(Decoded::Skipped(kind)),
            Err(error) => error,
        };
        match self.eslogger.decode(line) {
            Ok(eslogger::Decoded::Event(event)) => Ok(Decoded::Event(event)),
            Ok(eslogger::Decoded::Skipped(kind)) => Ok(Decoded::Skipped(kind)),
            Err(_) => Err(DecodeError(error)),
        }
    }
}
