//! The events of an example, from its text or from its recording: read as `replay` reads them.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use crate::event::Line;
use crate::place::Place;
use crate::source::recording::{Documents, Error, Input, NextDocument};

/// A recording of an example is small; this bounds what a mistaken path can cost.
const MAX_BYTES: usize = 16 << 20;

/// Events, each with its place.
#[derive(Default)]
pub(super) struct Events {
    pub lines: Vec<Line>,
    pub places: Vec<Place>,
    /// The first thing that is wrong among them, and where.
    pub fault: Option<String>,
}

/// The events in a text that stands at this place of the file `origin`.
pub(super) fn written(text: &str, origin: &str, first: Place) -> Result<Events, Error> {
    let documents = Documents::open(Input::Memory(Arc::from(text.as_bytes())))?;
    Ok(read(documents, origin, first))
}

/// The events in a file.
pub(super) fn recorded(path: &Path) -> Result<Events, String> {
    if !fs::metadata(path).map_err(|error| error.to_string())?.is_file() {
        return Err("not a regular file".to_owned());
    }
    let documents = Documents::open(Input::File(path.to_owned())).map_err(|error| error.to_string())?;
    Ok(read(documents, &path.display().to_string(), Place { line: 1, column: 1 }))
}

fn read(mut documents: Documents, origin: &str, first: Place) -> Events {
    let (mut events, mut bytes) = (Events::default(), 0);
    let place = |line: u64, column: u64| {
        let (line, column) = (usize::try_from(line).unwrap_or(1), usize::try_from(column).unwrap_or(1));
        let column = if line == 1 { first.column + column - 1 } else { column };
        Place { line: first.line + line - 1, column }
    };
    loop {
        match documents.next() {
            NextDocument::Document(_, line, at) => {
                bytes += line.as_str().len();
                if bytes > MAX_BYTES {
                    events.fault = Some(format!("{origin}: more than {} MiB of events", MAX_BYTES >> 20));
                    return events;
                }
                events.lines.push(line.detached());
                events.places.push(place(at.line, at.column));
            }
            NextDocument::Problem(problem) => {
                let at = problem.place.map_or(first, |at| place(at.line, at.column));
                events.fault.get_or_insert(format!("{origin}:{at}: {}", problem.text));
            }
            NextDocument::End => return events,
        }
    }
}
