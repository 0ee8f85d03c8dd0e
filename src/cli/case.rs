//! The directory of an incident: alerts, recording, report page and a summary with the hash of each, and nothing else.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, Mode, OFlags, unlinkat};
use serde_json::{Map, Value as Json, json};

use super::clock::now;
use super::exit::Failure;
use super::recorder::Recorded;
use crate::detect::RuleSet;
use crate::event::Timestamp;
use crate::event::hash::sha256_of;
use crate::output::Options;
use crate::report::{self, Case, html};
use crate::status::Status;

/// A longer line is not one of ours.
const MAX_LINE: u64 = 1 << 20;

const ALERTS: &str = "alerts.ndjson";
const RECORDING: &str = "recording.ndjson.gz";
const REPORT: &str = "report.html";
const SUMMARY: &str = "summary.json";

/// A case directory. Until the run has begun it is removed with what is in it, so that the next try can have its name.
#[derive(Debug)]
pub(super) struct CaseDirectory {
    path: PathBuf,
    directory: File,
    began: Timestamp,
    has_begun: bool,
}

impl Drop for CaseDirectory {
    fn drop(&mut self) {
        if !self.has_begun {
            for name in [ALERTS, RECORDING] {
                let _ = unlinkat(&self.directory, name, AtFlags::empty());
            }
            let _ = fs::remove_dir(&self.path);
        }
    }
}

impl CaseDirectory {
    /// Makes the directory, which must not exist, for its owner alone.
    pub(super) fn create(path: &Path) -> Result<CaseDirectory, Failure> {
        let create = || {
            DirBuilder::new().mode(0o700).create(path)?;
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            Ok(File::from(rustix::fs::open(path, flags, Mode::empty())?))
        };
        let directory = create().map_err(|error: io::Error| {
            let why = match error.kind() {
                io::ErrorKind::AlreadyExists => "exists already; name one that does not".to_owned(),
                _ => format!("cannot create: {error}"),
            };
            Failure::new(Failure::CANNOT_CREATE, format!("--case {}: {why}", path.display()))
        })?;
        Ok(CaseDirectory { path: path.to_owned(), directory, began: now(), has_begun: false })
    }

    /// Whatever comes now, what is in the directory stays.
    pub(super) fn begin(&mut self) {
        self.has_begun = true;
    }

    /// How to write its alerts.
    pub(super) fn alerts(&self) -> Options {
        Options { is_new: true, ..Options::new(&self.path.join(ALERTS)) }
    }

    /// What a recording leaves on the volume, for the alerts, the page and the summary.
    pub(super) const ROOM: u64 = 16 << 20;

    pub(super) fn recording(&self) -> PathBuf {
        self.path.join(RECORDING)
    }

    /// Writes the page and, last, the summary. What cannot be done does not keep the rest from being done.
    pub(super) fn close(&self, why: &str, status: &Status, recorded: &Recorded) -> Result<(), Failure> {
        let page = self.write_page();
        let files =
            [ALERTS, RECORDING, REPORT].map(|name| match File::open(self.path.join(name)).and_then(sha256_of) {
                Ok((bytes, sha256)) => json!({ "name": name, "bytes": bytes, "sha256": sha256 }),
                Err(error) => json!({ "name": name, "error": error.to_string() }),
            });
        let losses = status.losses.iter().filter(|loss| loss.count > 0);
        let summary = json!({
            "osawatch": env!("CARGO_PKG_VERSION"), "began": self.began.to_string(), "ended": now().to_string(),
            "why": why, "alerts": page.as_ref().ok(),
            "coverage": {
                "sources": status.sources, "processes": status.processes, "connections": status.connections,
                "unattributed": status.unattributed, "lost": losses.collect::<Vec<_>>(),
                "problems": status.problems,
            },
            "recording": { "events": recorded.events, "lost": recorded.lost, "error": recorded.error },
            "files": files,
        });
        let written = self.write(SUMMARY, &format!("{summary:#}\n"));
        let closed = page.and(written);
        closed.map_err(|error| Failure::new(Failure::IO, format!("{}: {error}", self.path.display())))
    }

    /// Writes the page of the alerts. Returns how many there are.
    fn write_page(&self) -> io::Result<u64> {
        let alerts = read(&self.path.join(ALERTS))?;
        let notes = RuleSet::built_in().rules.into_iter().map(|rule| (rule.id, rule.note)).collect();
        self.write(REPORT, &html::page(&alerts, Vec::new(), &notes, now()))?;
        let (shown, more) = alerts.counts();
        Ok(shown + more)
    }

    /// Writes a file whole; a part of one would take the room of the next.
    fn write(&self, name: &str, text: &str) -> io::Result<()> {
        let mut options = OpenOptions::new();
        let mut file = options.write(true).create_new(true).mode(0o600).open(self.path.join(name))?;
        let written = file.write_all(text.as_bytes()).and_then(|()| file.sync_all());
        written.inspect_err(|_| _ = unlinkat(&self.directory, name, AtFlags::empty()))
    }
}

/// The alerts of a file, with what follows them up.
fn read(path: &Path) -> io::Result<Case> {
    let mut reader = BufReader::new(File::open(path)?);
    let (mut alerts, mut line) = (Case::default(), Vec::new());
    loop {
        line.clear();
        if reader.by_ref().take(MAX_LINE).read_until(b'\n', &mut line)? == 0 {
            return Ok(alerts);
        }
        let document: Map<String, Json> = serde_json::from_slice(&line).unwrap_or_default();
        if report::is_about_alert(&document) {
            alerts.add(document);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_case_has_four_files_and_the_summary_counts_the_alerts_and_has_the_hash_of_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case");
        let mut case = CaseDirectory::create(&path).unwrap();
        case.begin();
        let documents = [
            json!({ "event": { "kind": "alert" }, "message": "found" }),
            json!({ "event": { "kind": "event", "action": "follow_up", "reason": "went on" } }),
            json!({ "event": { "kind": "alert", "reason": "2 more" }, "osawatch": { "held_back": { "alerts": 2 } } }),
            json!({ "event": { "kind": "event" } }),
        ];
        fs::write(case.alerts().path, documents.map(|document| format!("{document}\n")).concat()).unwrap();
        fs::write(case.recording(), "abc").unwrap();
        let status = Status { processes: 3, ..Status::default() };
        case.close("time limit reached", &status, &Recorded { events: 3, ..Recorded::default() }).unwrap();
        let mut names: Vec<_> = fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, [ALERTS, RECORDING, REPORT, SUMMARY]);
        let summary: Json = serde_json::from_str(&fs::read_to_string(path.join(SUMMARY)).unwrap()).unwrap();
        assert_eq!((&summary["alerts"], &summary["coverage"]["processes"]), (&json!(1), &json!(3)));
        // sha256 of `abc`, from FIPS 180-2.
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((&summary["files"][1]["bytes"], &summary["files"][1]["sha256"]), (&json!(3), &json!(abc)));
        let page = fs::read_to_string(path.join(REPORT)).unwrap();
        assert!(page.contains("<title>osawatch: 1 alert</title>"), "{page}");
        assert!(["found", "went on", "2 more"].into_iter().all(|text| page.contains(text)), "{page}");
    }

    #[test]
    fn a_case_whose_recording_failed_or_is_gone_has_its_page_its_summary_and_the_other_hashes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case");
        let mut case = CaseDirectory::create(&path).unwrap();
        case.begin();
        fs::write(case.alerts().path, "{\"event\":{\"kind\":\"alert\"},\"message\":\"found\"}\n").unwrap();
        let recorded = Recorded { events: 3, lost: 4, error: Some("no space".into()) };
        case.close("stopped", &Status::default(), &recorded).unwrap();
        assert!(fs::read_to_string(path.join(REPORT)).unwrap().contains("found"));
        let summary: Json = serde_json::from_str(&fs::read_to_string(path.join(SUMMARY)).unwrap()).unwrap();
        assert_eq!(summary["recording"], json!({ "events": 3, "lost": 4, "error": "no space" }));
        let names = [0, 1, 2].map(|at| summary["files"][at]["sha256"].is_string());
        assert_eq!((summary["alerts"].as_u64(), names), (Some(1), [true, false, true]));
        assert!(summary["files"][1]["error"].as_str().unwrap().starts_with("No such file"), "{summary}");
    }

    #[test]
    fn a_start_that_fails_leaves_no_directory_and_one_that_has_begun_leaves_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("case");
        let case = CaseDirectory::create(&path).unwrap();
        fs::write(case.alerts().path, "").unwrap();
        fs::write(case.recording(), "").unwrap();
        drop(case);
        assert!(!path.exists());
        CaseDirectory::create(&path).unwrap().begin();
        assert!(path.exists());
    }

    #[test]
    fn a_directory_that_exists_is_refused_and_left_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let error = CaseDirectory::create(folder.path()).unwrap_err().to_string();
        assert!(error.ends_with("exists already; name one that does not"), "{error}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
