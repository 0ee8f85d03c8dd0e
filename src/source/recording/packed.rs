//! Records whose content is base64, as the streams of AWS and Google carry it, also compressed: the values in it come in
//! place of the record.

use std::io::{self, Read};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value};

use super::compression::{Compression, decompressed};
use super::lines::{MAX_VALUE, TOO_LONG};
use super::place::Place;
use super::reader::{Chunk, text_of};
use super::values::{Piece, Values};
use crate::event::{Decoded, Line, Zone, document};
use crate::queue::Receiver;

/// Members that hold the content of a record: those of Kinesis and Firehose, of what Lambda is given of Kinesis and of
/// CloudWatch's subscriptions, and of Google's Pub/Sub.
const CONTENTS: [&str; 5] = ["data", "Data", "kinesis.data", "awslogs.data", "message.data"];

/// The values of an input, and of what is in its records.
pub(super) struct Records {
    values: Values,
    /// The values of the record at hand.
    inner: Option<Values>,
}

impl Records {
    /// Dates of a table that state no zone are of this one.
    pub(super) fn new(chunks: Receiver<Chunk>, zone: Option<Zone>) -> Records {
        Records { values: Values::of_recording(chunks, zone), inner: None }
    }

    /// The next piece; waits for it no longer than `wait`, or until it comes.
    pub(super) fn next(&mut self, wait: Option<Duration>) -> Piece {
        match self.inner.as_mut().map(|inner| inner.next(wait)) {
            None | Some(Piece::End) => {
                self.inner = None;
                self.values.next(wait)
            }
            // That it ends too early says nothing of the input.
            Some(Piece::Torn) => Piece::Bad("the content of a record ends within a value".to_owned()),
            Some(Piece::Truncated(text)) => Piece::Bad(format!("in the content of a record: {text}")),
            Some(piece) => piece,
        }
    }

    /// Goes on with what is in this record, the value returned last; false when it is none.
    pub(super) fn enter(&mut self, record: &Line) -> Result<bool, String> {
        let content = if self.inner.is_some() { None } else { content(record) };
        let Some(content) = content.transpose()? else { return Ok(false) };
        let (text, repaired) = text_of(content);
        self.inner = Some(Values::of_text(text, repaired));
        Ok(true)
    }

    /// Examines the line returned last, as [`Values::reread`] does.
    pub(super) fn reread(&mut self) {
        self.current().reread();
    }

    /// What this line, the last that was returned, holds, if it was decoded ahead.
    pub(super) fn decoded(&mut self, line: &Line) -> Option<Decoded> {
        self.current().decoded(line)
    }

    /// Returns the value again.
    pub(super) fn give_again(&mut self, value: Line) {
        self.current().give_again(value);
    }

    /// Where the piece given last is, or the record that it is in.
    pub(super) fn place(&self) -> Place {
        self.values.place
    }

    /// Where the error in a value is: of one in a record, where that is.
    pub(super) fn place_of(&self, error: &serde_json::Error) -> Place {
        if self.inner.is_some() { self.place() } else { self.place().within(error) }
    }

    /// Lines that were not UTF-8, in what was received since the last call.
    pub(super) fn take_repaired(&mut self) -> u64 {
        let repaired = |values: &mut Values| std::mem::take(&mut values.repaired);
        repaired(&mut self.values) + self.inner.as_mut().map_or(0, repaired)
    }

    /// How the input is compressed, once it is known.
    pub(super) fn compression(&self) -> Option<Compression> {
        self.values.compression
    }

    /// Whether there was an array whose values are given one by one.
    pub(super) fn entered(&self) -> bool {
        self.values.entered
    }

    /// Whether the values are the rows of a table.
    pub(super) fn is_table(&self) -> bool {
        self.values.is_table()
    }

    fn current(&mut self) -> &mut Values {
        self.inner.as_mut().unwrap_or(&mut self.values)
    }
}

/// What is in a record, if it is one; what starts as such and cannot be unpacked is an error.
fn content(record: &Line) -> Option<Result<Vec<u8>, String>> {
    let text = record.as_str();
    let holds = |member: &str| memchr::memmem::find(text.as_bytes(), member.as_bytes()).is_some();
    if !(holds("\"data\"") || holds("\"Data\"")) || document::may_exceed_values(text) {
        return None;
    }
    let outer: Map<String, Value> = serde_json::from_str(text).ok()?;
    let packed = CONTENTS.iter().find_map(|name| document::get(&outer, name)?.as_str())?;
    let bytes = STANDARD.decode(packed.trim_ascii()).ok()?;
    let is_json = |bytes: &[u8]| matches!(bytes.trim_ascii_start().first(), Some(b'{' | b'['));
    match unpacked(bytes) {
        Ok(bytes) if bytes.len() > MAX_VALUE => Some(Err(format!("the content of a record is {TOO_LONG}; skipped"))),
        Ok(bytes) => is_json(&bytes).then_some(Ok(bytes)),
        Err(error) => Some(Err(format!("the content of a record cannot be unpacked: {error}"))),
    }
}

/// The bytes, or what is compressed in them, up to a byte more than is read.
fn unpacked(bytes: Vec<u8>) -> io::Result<Vec<u8>> {
    let (_, reader) = decompressed(io::Cursor::new(bytes))?;
    let mut content = Vec::new();
    reader.take(MAX_VALUE as u64 + 1).read_to_end(&mut content)?;
    Ok(content)
}
