//! Evidence is never changed: no output of a replay is one of its inputs, or a file of someone else's.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use super::exit::Failure;
use crate::source::recording::Sources;

/// What the first bytes of an alert file, of the case report and of a summary hold.
const ALERTS: &str = "\"dataset\":\"osawatch.";
const PAGE: &str = "<meta name=\"generator\" content=\"osawatch";
const SUMMARY: &str = "{\"osawatch\":";

/// The files that a replay writes.
pub(super) struct Outputs<'a> {
    pub(super) alerts: Option<&'a Path>,
    pub(super) html: Option<&'a Path>,
    pub(super) summary: Option<&'a Path>,
}

/// Refuses outputs that would change evidence, before anything is read.
pub(super) fn spare(outputs: &Outputs<'_>, sources: &Sources) -> Result<(), Failure> {
    for (option, path, mark) in [
        ("--alerts", outputs.alerts, ALERTS),
        ("--html", outputs.html, PAGE),
        ("--json-summary", outputs.summary, SUMMARY),
    ] {
        let Some(path) = path else { continue };
        let shown = path.display();
        let refuse = |why: &str| Err(Failure::new(Failure::CANNOT_CREATE, format!("{option} {shown}: {why}")));
        if sources.hold(path) {
            return refuse("is an input; refusing to overwrite it; name another file");
        }
        if !is_ours(path, mark).unwrap_or(true) {
            return refuse("exists and was not written by osawatch; refusing to overwrite it; name another file");
        }
    }
    Ok(())
}

/// Whether there is no such file, it is empty, or it begins like one of our files. What cannot be read is left to
/// those that open it for writing.
fn is_ours(path: &Path, mark: &str) -> io::Result<bool> {
    if !fs::metadata(path)?.is_file() {
        return Ok(true);
    }
    let mut start = Vec::new();
    File::open(path)?.take(4096).read_to_end(&mut start)?;
    Ok(start.is_empty() || memchr::memmem::find(&start, mark.as_bytes()).is_some())
}

/// Writes a file whole, in place of one of ours.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    fs::write(path, text)
        .map_err(|error| Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot write: {error}", path.display())))
}
