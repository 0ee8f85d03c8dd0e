//! One input of a recording: its format, its counters, and its events in its own order.

use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::ahead::Ahead;
use super::compression::Compression;
use super::error::{Error, Unknown, Unreadable};
use super::lines::TOO_LONG;
use super::origin::{Input, Problem};
use super::packed::Records;
use super::place::Place;
use super::reader;
use super::sources::{self, Source};
use super::step::Step;
use super::values::Piece;
use crate::event::{Decoded, Line};
use crate::source::{Counters, DecodeError, Decoder, Format, eslogger};

/// How many values may pass before one is of a known format.
const VALUES_TO_DETECT: u64 = 10_000;
/// How much of the start is kept until the format is known, to report what the input is if it has none.
const START: usize = 4096;
/// How many values are read before the caller can check its signals.
const VALUES_PER_STEP: u32 = 4096;

/// What is said of a message that no Mac is named of, where another one sent that before it.
const OF_ANOTHER_MAC: &str = "this message is of another Mac than the one before it, or its clock was set: nothing tells the \
                              lines of one from those of the other, and pids are taken for each other's; replay one Mac at a time";

/// One input of a recording.
pub struct RecordedInput {
    source: Source,
    /// What decodes its blocks before their turn.
    ahead: Option<Ahead>,
    /// How many chunks of it are read before their turn.
    chunks: usize,
    size: Option<u64>,
    consumed: Arc<AtomicU64>,
    /// `None` while the input waits for its turn.
    values: Option<Records>,
    format: Option<Format>,
    message_version: Option<i64>,
    counters: Counters,
    compression: Option<Compression>,
    start: String,
    /// The first thing that is wrong in it, as long as the format is not known.
    first: Option<Box<Problem>>,
    truncated: bool,
    broken: Option<Unreadable>,
    /// That it has messages of several Macs was told.
    is_mixed: bool,
}

impl RecordedInput {
    pub(super) fn open(source: Source, ahead: Option<Ahead>, chunks: usize) -> Result<RecordedInput, Error> {
        let mut input = RecordedInput {
            source,
            ahead,
            chunks,
            size: None,
            consumed: Arc::default(),
            values: None,
            format: None,
            message_version: None,
            counters: Counters::default(),
            compression: None,
            start: String::new(),
            first: None,
            truncated: false,
            broken: None,
            is_mixed: false,
        };
        input.wake()?;
        Ok(input)
    }

    /// The path as it was given, or `standard input`.
    pub fn name(&self) -> String {
        self.source.input.to_string()
    }

    /// The format of its values, once one of them has shown it.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The Endpoint Security message version of its first eslogger line.
    pub fn message_version(&self) -> Option<i64> {
        self.message_version
    }

    /// How it is compressed, once its first bytes are read.
    pub fn compression(&self) -> Option<Compression> {
        self.compression
    }

    /// What became of its values so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// How many of its bytes were read, as they are stored.
    pub fn bytes_read(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// How many bytes it has; `None` for a stream.
    pub fn size(&self) -> Option<u64> {
        self.size
    }

    /// Whether it was cut off: within a value of several lines, an array or what it is compressed in, or because
    /// reading failed. A truncated last line is not an error: a recording that is being written ends in one.
    pub fn is_truncated(&self) -> bool {
        self.truncated
    }

    /// Whether it waits for its turn.
    pub(super) fn sleeps(&self) -> bool {
        self.values.is_none()
    }

    /// Closes the input until its turn comes, and discards what was read of it.
    pub(super) fn sleep(&mut self) {
        self.values = None;
        self.counters = Counters::default();
        (self.truncated, self.is_mixed) = (false, false);
        self.consumed = Arc::default();
    }

    /// Starts to read the input.
    pub(super) fn wake(&mut self) -> Result<(), Error> {
        let (consumed, ahead) = (Arc::clone(&self.consumed), self.ahead.clone());
        let chunks = match &self.source.input {
            Input::Stdin => reader::spawn(io::stdin(), consumed, ahead, self.chunks),
            Input::Memory(bytes) => {
                self.size = Some(bytes.len() as u64);
                reader::spawn(io::Cursor::new(Arc::clone(bytes)), consumed, ahead, self.chunks)
            }
            Input::File(path) => {
                let (file, size) = sources::open(path)?;
                self.size = size;
                reader::spawn(file, consumed, ahead, self.chunks)
            }
        };
        let chunks = chunks.map_err(|error| Error::Thread { input: self.name(), error })?;
        self.values = Some(Records::new(chunks, self.source.zone.clone()));
        Ok(())
    }

    /// Moves on to the next thing to report. Waits for input as long as `wait`, or without end.
    pub(super) fn advance(&mut self, decoder: &mut Decoder, wait: Option<Duration>) -> Step {
        for _ in 0..VALUES_PER_STEP {
            if self.format.is_none() && self.counters.lines >= VALUES_TO_DETECT {
                return Step::Failed(self.no_known_format());
            }
            let value = match self.next_value(wait) {
                ControlFlow::Continue(value) => value,
                ControlFlow::Break(step) => return step,
            };
            if let Some(step) = self.decode(value, decoder) {
                return step;
            }
        }
        Step::Idle
    }

    /// The next value; whether it appears to be a whole line.
    fn next_value(&mut self, wait: Option<Duration>) -> ControlFlow<Step, (Line, bool)> {
        let Some(values) = &mut self.values else { return ControlFlow::Break(Step::End) };
        let piece = values.next(wait);
        self.counters.repaired_text += values.take_repaired();
        self.compression = values.compression();
        if !matches!(piece, Piece::Broken(_) | Piece::Pending | Piece::End) {
            self.counters.lines += 1;
        }
        ControlFlow::Break(match piece {
            Piece::Line(line) => return ControlFlow::Continue((line, true)),
            Piece::Value(line) => return ControlFlow::Continue((line, false)),
            Piece::Bad(text) => {
                self.counters.malformed += 1;
                self.problem(text)
            }
            Piece::TooLong => {
                self.counters.malformed += 1;
                self.counters.too_long += 1;
                self.problem(format!("{TOO_LONG}; skipped"))
            }
            Piece::Torn => {
                self.counters.torn += 1;
                self.problem("truncated last line: the input ends within it".to_owned())
            }
            Piece::Truncated(text) => {
                self.counters.torn += 1;
                self.truncated = true;
                self.problem(format!("truncated: {text}"))
            }
            Piece::Broken(unreadable) => {
                self.counters.torn += 1;
                self.truncated = true;
                let text = format!("{unreadable}; the events before it are used");
                self.broken = Some(unreadable);
                self.problem(text)
            }
            Piece::Pending => Step::Idle,
            Piece::End if self.format.is_none() => Step::Failed(self.no_known_format()),
            Piece::End => Step::End,
        })
    }

    /// What a value comes to; `None` when it is skipped, or has to be looked at again.
    fn decode(&mut self, (value, is_line): (Line, bool), decoder: &mut Decoder) -> Option<Step> {
        if is_line
            && self.format == Some(Format::Ecs)
            && let Some(decoded) = self.values.as_mut().and_then(|values| values.decoded(&value))
        {
            return self.count(decoded);
        }
        let decoding = match decoder.decode(&value, self.format) {
            Ok(decoding) => decoding,
            Err(error) => {
                let is_looked_at_again = is_line && self.look_closer(&error);
                return if is_looked_at_again { None } else { self.refuse(&value, &error) };
            }
        };
        if decoding.is_of_another_mac && !self.is_mixed {
            self.is_mixed = true;
            let step = self.problem(OF_ANOTHER_MAC.to_owned());
            self.again(value);
            return Some(step);
        }
        if self.format.is_none() {
            self.format = Some(decoding.format);
            (self.start, self.first) = (String::new(), None);
            self.ahead.iter().filter(|_| decoding.format == Format::Ecs).for_each(Ahead::begin);
            if decoding.format != Format::Ecs {
                self.message_version = eslogger::message_version(&value);
            }
            // The machine of what follows may have to be found first.
            self.again(value);
            return Some(Step::Detected);
        }
        self.counters.repaired_text += u64::from(decoding.repaired);
        self.count(decoding.decoded)
    }

    fn count(&mut self, decoded: Decoded) -> Option<Step> {
        match decoded {
            Decoded::Event(event) => {
                self.counters.events += 1;
                Some(Step::Event(event))
            }
            Decoded::Skipped(kind) => {
                self.counters.skip(kind);
                None
            }
        }
    }

    fn again(&mut self, value: Line) {
        self.counters.lines -= 1;
        if let Some(values) = &mut self.values {
            values.give_again(value);
        }
    }

    /// Whether a line that was taken for a value is looked at again: it may hold the start of one, several,
    /// or an array of documents.
    fn look_closer(&mut self, error: &DecodeError) -> bool {
        let worth_it = match error {
            DecodeError::Json(error) => error.is_eof() || error.to_string().starts_with("trailing characters"),
            _ => true,
        };
        if worth_it {
            self.counters.lines -= 1;
            self.values.iter_mut().for_each(Records::reread);
        }
        worth_it
    }

    /// A value that is no event: what is in it comes next if it is a record, else it is bad.
    fn refuse(&mut self, value: &Line, error: &DecodeError) -> Option<Step> {
        match self.values.as_mut()?.enter(value) {
            Ok(true) => {
                self.counters.lines -= 1;
                None
            }
            Ok(false) => Some(self.bad(value, error)),
            Err(text) => {
                self.counters.malformed += 1;
                Some(self.problem(text))
            }
        }
    }

    fn bad(&mut self, value: &Line, error: &DecodeError) -> Step {
        if self.format.is_none() {
            let room = START.saturating_sub(self.start.len());
            let text = value.as_str();
            self.start.push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
            self.start.push('\n');
        }
        self.counters.malformed += 1;
        match error {
            DecodeError::Json(json) | DecodeError::Eslogger(eslogger::Error::Json(json)) => {
                // The place comes first; serde_json appends its own, within the value.
                let text = error.to_string();
                let end = text.rfind(" at line ").unwrap_or(text.len());
                let place = self.values.as_ref().map_or(Place::START, |values| values.place_of(json));
                self.problem_at(place, text[..end].to_owned())
            }
            error => self.problem(error.to_string()),
        }
    }

    fn problem(&mut self, text: String) -> Step {
        let place = self.values.as_ref().map_or(Place::START, Records::place);
        self.problem_at(place, text)
    }

    fn problem_at(&mut self, place: Place, text: String) -> Step {
        let problem = Problem { input: self.name(), place: Some(place), text, is_of_input: self.truncated };
        if self.format.is_none() && self.first.is_none() {
            self.first = Some(Box::new(problem.clone()));
        }
        Step::Problem(problem)
    }

    fn no_known_format(&mut self) -> Error {
        let input = self.name();
        if let Some(unreadable) = self.broken.take() {
            return Error::Unreadable { input, unreadable };
        }
        let entered = self.values.as_ref().is_some_and(Records::entered);
        let content = match self.counters.lines {
            _ if self.values.as_ref().is_some_and(Records::is_table) => Unknown::Separated,
            0 if entered => Unknown::NoDocuments,
            0 => Unknown::Empty,
            _ if self.counters.too_long > 0 && self.start.is_empty() => Unknown::TooLong,
            _ => Unknown::of(&self.start),
        };
        Error::NoKnownFormat { input, content, first: self.first.take() }
    }
}
