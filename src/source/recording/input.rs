//! One input of a recording: its format, its counters, and its events in its own order.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::Receiver;

use super::Problem;
use super::compression::Compression;
use super::error::{Error, hint};
use super::lines::{Lines, Piece};
use super::reader::Chunk;
use crate::event::{Decoded, Event, Line};
use crate::source::{Counters, DecodeError, Decoder, Decoding, Format, eslogger};

/// How many lines may pass before one is of a known format.
const LINES_TO_DETECT: u64 = 10_000;
/// How much of the start is kept until the format is known, to say what the input is if it is none.
const START: usize = 4096;
/// How many lines are looked at before the caller gets to look at its signals.
const LINES_PER_STEP: u32 = 4096;

/// One input of a recording.
pub struct RecordedInput {
    name: String,
    size: Option<u64>,
    consumed: Arc<AtomicU64>,
    lines: Lines,
    format: Option<Format>,
    message_version: Option<i64>,
    counters: Counters,
    /// The line that told the format, to be decoded next.
    held: Option<Line>,
    start: String,
    broken: Option<String>,
}

/// What came of looking at the next lines.
pub(super) enum Step {
    /// The next event.
    Event(Event),
    /// A line told the format.
    Detected,
    /// A line, or the reading, was bad.
    Problem(Problem),
    /// Nothing yet.
    Idle,
    /// There is no more.
    End,
    /// There is no more, and no line told the format.
    Failed(Error),
}

impl RecordedInput {
    pub(super) fn new(name: String, size: Option<u64>, consumed: Arc<AtomicU64>, chunks: Receiver<Chunk>) -> Self {
        RecordedInput {
            name,
            size,
            consumed,
            lines: Lines::new(chunks),
            format: None,
            message_version: None,
            counters: Counters::default(),
            held: None,
            start: String::new(),
            broken: None,
        }
    }

    /// The path as it was given, or `standard input`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its lines are, once one of them has told.
    pub fn format(&self) -> Option<Format> {
        self.format
    }

    /// The Endpoint Security message version of its first eslogger line.
    pub fn message_version(&self) -> Option<i64> {
        self.message_version
    }

    /// How it is compressed, once its first bytes are read.
    pub fn compression(&self) -> Option<Compression> {
        self.lines.compression
    }

    /// What became of its lines so far.
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

    /// Goes on to the next thing to tell. Waits for input as long as said, or without end.
    pub(super) fn advance(&mut self, decoder: &Decoder, wait: Option<Duration>) -> Step {
        for _ in 0..LINES_PER_STEP {
            if self.format.is_none() && self.counters.lines >= LINES_TO_DETECT {
                return Step::Failed(self.no_known_format());
            }
            let line = match self.held.take() {
                Some(line) => line,
                None => match self.next_line(wait) {
                    ControlFlow::Continue(line) => line,
                    ControlFlow::Break(step) => return step,
                },
            };
            match self.format {
                None => return self.detect(line, decoder),
                Some(format) => {
                    if let Some(step) = self.decode(&line, format, decoder) {
                        return step;
                    }
                }
            }
        }
        Step::Idle
    }

    fn next_line(&mut self, wait: Option<Duration>) -> ControlFlow<Step, Line> {
        let piece = self.lines.next(wait);
        self.counters.repaired_text += std::mem::take(&mut self.lines.repaired);
        match piece {
            Piece::Line(line) => {
                self.counters.lines += 1;
                ControlFlow::Continue(line)
            }
            Piece::TooLong => {
                self.counters.lines += 1;
                self.counters.malformed += 1;
                self.counters.too_long += 1;
                ControlFlow::Break(self.problem("longer than 8 MiB; not read".to_owned()))
            }
            Piece::Broken(text) => {
                self.broken = Some(text.clone());
                ControlFlow::Break(self.problem(format!("{text}; what was read before counts")))
            }
            Piece::Pending => ControlFlow::Break(Step::Idle),
            Piece::End if self.format.is_none() => ControlFlow::Break(Step::Failed(self.no_known_format())),
            Piece::End => ControlFlow::Break(Step::End),
        }
    }

    /// The first line that decodes in a format tells the format of the input.
    fn detect(&mut self, line: Line, decoder: &Decoder) -> Step {
        let room = START.saturating_sub(self.start.len());
        let text = line.as_str();
        self.start.push_str(&text[..text.floor_char_boundary(room.min(text.len()))]);
        self.start.push('\n');
        match decoder.decode(&line, None) {
            Ok(Decoding { format, .. }) => {
                if format == Format::Eslogger {
                    self.message_version = eslogger::message_version(&line);
                }
                (self.format, self.held, self.start) = (Some(format), Some(line), String::new());
                Step::Detected
            }
            Err(error) => self.bad(&error),
        }
    }

    /// What a line of known format comes to; `None` when it is skipped.
    fn decode(&mut self, line: &Line, format: Format, decoder: &Decoder) -> Option<Step> {
        let decoding = match decoder.decode(line, Some(format)) {
            Ok(decoding) => decoding,
            Err(error) => return Some(self.bad(&error)),
        };
        self.counters.repaired_text += u64::from(decoding.repaired);
        match decoding.decoded {
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

    fn bad(&mut self, error: &DecodeError) -> Step {
        if self.lines.terminated || !matches!(error, DecodeError::Json(_)) {
            self.counters.malformed += 1;
            self.problem(error.to_string())
        } else {
            self.counters.torn += 1;
            self.problem(format!("torn last line: {error}"))
        }
    }

    fn problem(&self, text: String) -> Step {
        // Every line is parsed alone: serde_json's own line number says nothing.
        let text = text.replace(" at line 1 column ", " at column ");
        Step::Problem(Problem { input: self.name.clone(), line: self.lines.number, text })
    }

    fn no_known_format(&mut self) -> Error {
        let shown = if self.size.is_some() { &self.name } else { "FILE" };
        let hint = match &self.broken {
            Some(text) => Some(text.clone()),
            None if self.counters.too_long > 0 && self.start.is_empty() => {
                Some("its lines are longer than 8 MiB; osawatch reads one JSON object per line".to_owned())
            }
            None => hint(&self.start, shown),
        };
        Error::NoKnownFormat { input: self.name.clone(), hint }
    }
}
