//! One value of a recording to an event, in whichever format it is written.

use std::fmt;
use std::mem;

use super::eslogger::Uptime;
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
    /// It is a message of eslogger that names no Mac, and is of another one than the message before it, for all that their
    /// times tell.
    pub is_of_another_mac: bool,
}

impl Decoding {
    fn new(decoded: Decoded, format: Format) -> Decoding {
        Decoding { decoded, format, repaired: false, is_of_another_mac: false }
    }
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

impl DecodeError {
    /// Whether the value is of this format for certain: one that has a time, though none that can be read, is a document,
    /// and one with all else of a message is a message.
    fn names_format(&self) -> bool {
        match self {
            DecodeError::Ecs(error) => matches!(error, ecs::Error::BadTimestamp(_)),
            DecodeError::Eslogger(error) => !matches!(error, eslogger::Error::Json(_)),
            DecodeError::Json(_) | DecodeError::UnknownFormat => false,
        }
    }
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
    /// Whether the machine of eslogger lines has an id, and its name.
    has_id: bool,
    host_name: Option<String>,
    /// When the last message of a Mac that is not named was sent.
    last: Option<Uptime>,
}

impl Decoder {
    /// A decoder for these fields; eslogger lines are of this machine.
    pub fn new(fields: &Fields, machine: Machine) -> Decoder {
        let (ecs, has_id) = (ecs::Decoder::new(fields), !machine.host_id.is_empty());
        Decoder { ecs, eslogger: eslogger::Decoder::new(machine, None), has_id, host_name: None, last: None }
    }

    /// What decodes ECS documents.
    pub(super) fn ecs(&self) -> &ecs::Decoder {
        &self.ecs
    }

    /// eslogger lines are of this machine from now on.
    pub fn set_machine(&mut self, machine: Machine, host_name: Option<String>) {
        self.has_id = !machine.host_id.is_empty();
        self.host_name.clone_from(&host_name);
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
        let (mut errors, mut skipped) = (Vec::new(), None);
        for format in order {
            match self.decode_as(line, format) {
                Ok(decoding) if ecs::is_of_no_category(&decoding.decoded) => skipped = Some(decoding),
                Err(DecodeError::Json(error)) => return Err(DecodeError::Json(error)),
                Err(error) => errors.push(error),
                mut decoding => {
                    decoding.iter_mut().for_each(|decoding| self.compare(line, decoding));
                    return decoding;
                }
            }
        }
        if let Some(decoding) = self.decode_wrapped(line, likely) {
            return Ok(decoding);
        }
        if let Some(what) = wrapped::accompanies(line) {
            let decoded = Decoded::Skipped(what.to_owned());
            return Ok(Decoding::new(decoded, Format::Ecs));
        }
        let told = errors.into_iter().find(|error| likely.is_some() || error.names_format());
        skipped.ok_or(told.unwrap_or(DecodeError::UnknownFormat))
    }

    fn decode_as(&mut self, line: &Line, format: Format) -> Result<Decoding, DecodeError> {
        if format == Format::Ecs {
            let decoded = self.ecs.decode(line).map_err(|error| match error {
                ecs::Error::Json(error) => DecodeError::Json(error),
                error => DecodeError::Ecs(error),
            })?;
            return Ok(Decoding::new(decoded, format));
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
            return Ok(Decoding::new(decoded, Format::JamfProtect));
        }
        Ok(Decoding::new(decoded, Format::Eslogger))
    }

    /// What is in a line that a shipper or a search wrapped, or several did, one what another had.
    fn decode_wrapped(&mut self, line: &Line, likely: Option<Format>) -> Option<Decoding> {
        let mut outer = Wrapped { line: line.clone(), machine: Machine::default(), host_name: None };
        for _ in 0..MAX_WRAPPINGS {
            let inner = wrapped::unwrapped(&outer.line)?;
            let names_host = !inner.machine.host_id.is_empty() || inner.host_name.is_some();
            outer = if names_host { inner } else { Wrapped { line: inner.line, ..outer } };
            if let Some(decoding) = self.decode_unwrapped(&outer, likely) {
                return Some(decoding);
            }
        }
        None
    }

    /// Lines of eslogger are of the machine that the wrapper names.
    fn decode_unwrapped(&mut self, wrapped: &Wrapped, likely: Option<Format>) -> Option<Decoding> {
        let line = &wrapped.line;
        let order =
            if likely == Some(Format::Ecs) { [Format::Ecs, Format::Eslogger] } else { [Format::Eslogger, Format::Ecs] };
        let named = self.machine_of(wrapped).map(|machine| eslogger::Decoder::new(machine, wrapped.host_name.clone()));
        order.into_iter().find_map(|format| {
            let mut decoding = self.decode_as(line, format).ok()?;
            match (&named, decoding.format) {
                (Some(eslogger), Format::Eslogger) => {
                    Some(Decoding { decoded: eslogger.decode(line).ok()?, ..decoding })
                }
                _ => {
                    self.compare(line, &mut decoding);
                    Some(decoding)
                }
            }
        })
    }

    /// Compares a message of a Mac that is not named with the one before it.
    fn compare(&mut self, line: &Line, decoding: &mut Decoding) {
        let Decoded::Event(event) = &decoding.decoded else { return };
        let sent = if decoding.format == Format::Eslogger { Uptime::of(line, event.time) } else { None };
        let before = if sent.is_some() { mem::replace(&mut self.last, sent) } else { None };
        decoding.is_of_another_mac = before.zip(sent).is_some_and(|(before, sent)| !before.may_be_of_one_mac(sent));
    }

    /// The machine that a wrapper names, where that is another one than that of the lines: its name is its id where it has
    /// none, as pids of two Macs must not be taken for those of one.
    fn machine_of(&self, wrapped: &Wrapped) -> Option<Machine> {
        let Wrapped { machine, host_name, .. } = wrapped;
        if !machine.host_id.is_empty() {
            return Some(machine.clone());
        }
        let name = host_name.as_deref()?;
        let is_same = match &self.host_name {
            Some(known) => is_same_host(known, name),
            None => self.has_id,
        };
        (!is_same).then(|| Machine { host_id: name.to_owned(), ..machine.clone() })
    }
}

/// Whether two names are of one host: one tool tells its domain, and another does not.
fn is_same_host(one: &str, other: &str) -> bool {
    let first = |name: &'_ str| name.split('.').next().unwrap_or_default().to_ascii_lowercase();
    first(one) == first(other)
}
