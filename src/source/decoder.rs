//! One value of a recording to an event, in whichever format it is written.

use std::fmt;

use super::wrapped::{self, Wrapped};
use super::{Format, eslogger, jamf};
use crate::event::{Decoded, Fields, Line, Machine, ecs, field, surrogates};

/// How often one wrapper may be in another.
const MAX_WRAPPINGS: usize = 4;

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

    /// What decodes ECS documents.
    pub(super) fn ecs(&self) -> &ecs::Decoder {
        &self.ecs
    }

    /// eslogger lines are of this machine from now on.
    pub fn set_machine(&mut self, machine: Machine, host_name: Option<String>) {
        self.eslogger = eslogger::Decoder::new(machine, host_name);
    }

    /// Decodes a value. `likely` is the format of those before it, and tried first; the error of a value
    /// that has no format is about that one.
    ///
    /// Lone surrogates, which other writers let pass and serde_json refuses, are replaced.
    pub fn decode(&mut self, line: &Line, likely: Option<Format>) -> Result<Decoding, DecodeError> {
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

    /// Tries the formats in turn, and then what may be wrapped in the value.
    fn decode_whole(&mut self, line: &Line, likely: Option<Format>) -> Result<Decoding, DecodeError> {
        let is_ecs = matches!(likely, None | Some(Format::Ecs));
        let order = if is_ecs { [Format::Ecs, Format::Eslogger] } else { [Format::Eslogger, Format::Ecs] };
        let (mut first, mut skipped) = (None, None);
        for format in order {
            match self.decode_as(line, format) {
                Ok(decoding) if ecs::is_of_no_category(&decoding.decoded) => skipped = Some(decoding),
                Err(DecodeError::Json(error)) => return Err(DecodeError::Json(error)),
                Err(error) => first = first.or(Some(error)),
                decoding => return decoding,
            }
        }
        if let Some(decoding) = self.decode_wrapped(line, likely) {
            return Ok(decoding);
        }
        if wrapped::is_bulk_action(line) {
            let decoded = Decoded::Skipped("bulk action".to_owned());
            return Ok(Decoding { decoded, format: Format::Ecs, repaired: false });
        }
        // What has a time, though none that can be read, is a document.
        let is_document = |error: &DecodeError| matches!(error, DecodeError::Ecs(ecs::Error::BadTimestamp(_)));
        let told = first.filter(|error| likely.is_some() || is_document(error));
        skipped.ok_or(told.unwrap_or(DecodeError::UnknownFormat))
    }

    fn decode_as(&mut self, line: &Line, format: Format) -> Result<Decoding, DecodeError> {
        if format == Format::Ecs {
            let decoded = self.ecs.decode(line).map_err(|error| match error {
                ecs::Error::Json(error) => DecodeError::Json(error),
                error => DecodeError::Ecs(error),
            })?;
            return Ok(Decoding { decoded, format, repaired: false });
        }
        let decoded = self.eslogger.decode(line).map_err(|error| match error {
            eslogger::Error::Json(error) if !error.is_data() => DecodeError::Json(error),
            error => DecodeError::Eslogger(error),
        })?;
        let may_be_jamf = match &decoded {
            Decoded::Event(event) => event.int(field::GLOBAL_SEQ_NUM).is_none(),
            Decoded::Skipped(_) => true,
        };
        if may_be_jamf
            && jamf::is_telemetry(line)
            && let Some(decoded) = jamf::decode(line)
        {
            return Ok(Decoding { decoded, format: Format::JamfProtect, repaired: false });
        }
        Ok(Decoding { decoded, format: Format::Eslogger, repaired: false })
    }

    /// What is in a line that a shipper or a search wrapped, or several did, one what another had.
    fn decode_wrapped(&mut self, line: &Line, likely: Option<Format>) -> Option<Decoding> {
        let mut outer = Wrapped { line: line.clone(), machine: Machine::default(), host_name: None };
        for _ in 0..MAX_WRAPPINGS {
            let inner = wrapped::unwrapped(&outer.line)?;
            outer = if inner.machine.host_id.is_empty() { Wrapped { line: inner.line, ..outer } } else { inner };
            if let Some(decoding) = self.decode_unwrapped(&outer, likely) {
                return Some(decoding);
            }
        }
        None
    }

    /// Lines of eslogger are of the machine that the wrapper names.
    fn decode_unwrapped(&mut self, wrapped: &Wrapped, likely: Option<Format>) -> Option<Decoding> {
        let Wrapped { line, machine, host_name } = wrapped;
        let order =
            if likely == Some(Format::Ecs) { [Format::Ecs, Format::Eslogger] } else { [Format::Eslogger, Format::Ecs] };
        let named = (!machine.host_id.is_empty()).then(|| eslogger::Decoder::new(machine.clone(), host_name.clone()));
        order.into_iter().find_map(|format| {
            let decoding = self.decode_as(line, format).ok()?;
            match (&named, decoding.format) {
                (Some(eslogger), Format::Eslogger) => {
                    Some(Decoding { decoded: eslogger.decode(line).ok()?, ..decoding })
                }
                _ => Some(decoding),
            }
        })
    }
}
