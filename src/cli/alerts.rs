//! `osawatch alerts`: the alert file and its rotations, for people.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use flate2::read::MultiGzDecoder;
use serde_json::{Map, Value as Json};

use super::args::duration;
use super::clock::now;
use super::exit::{self, Failure};
use super::rule_files::load;
use crate::config::Alerts;
use crate::config::trust::Trust;
use crate::event::Timestamp;
use crate::event::document::text;
use crate::output::{self, terminal};
use crate::report::html;
use crate::report::plural;
use crate::report::{self, visible};

/// A line longer than this is no alert; the rest of it is passed over.
const MAX_LINE: u64 = 4 << 20;
/// Alerts in one page: a browser still shows it.
const MAX_PAGE: usize = 10_000;
/// How often the file is looked at when it is followed.
const LOOK: Duration = Duration::from_millis(500);

/// Arguments of `alerts`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Alert files, each with its rotations [default: the file of an installed osawatch]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Follow the file: print new alerts until Ctrl-C
    #[arg(short, long, conflicts_with = "html")]
    follow: bool,
    /// Only alerts since a time, such as 2026-11-24T09:00:00Z, or a duration before now, such as 1h or 7d
    #[arg(long, value_name = "WHEN", value_parser = since)]
    since: Option<Timestamp>,
    /// Only alerts of this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// Also read triage notes from the rules in this file or directory
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// How to show alerts [default: text on a terminal, ndjson elsewhere]
    #[arg(long, value_enum)]
    output: Option<Output>,
    /// Export as one self-contained HTML page
    #[arg(long, value_name = "FILE", conflicts_with = "output")]
    html: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Ndjson,
}

fn since(text: &str) -> Result<Timestamp, String> {
    if let Some(time) = Timestamp::parse(text) {
        return Ok(time);
    }
    let span =
        duration(text).map_err(|_| "not a span such as 1h, nor a time such as 2026-11-24T09:00:00Z".to_owned())?;
    Ok(now().saturating_sub(span))
}

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    let files = if args.files.is_empty() { vec![Alerts::default().file] } else { args.files.clone() };
    let set = load(true, &args.rules, Trust::Anyone)?;
    let notes = set.rules.into_iter().map(|rule| (rule.id, rule.note)).collect();
    let output = args.output.unwrap_or(if io::stdout().is_terminal() { Output::Text } else { Output::Ndjson });
    let mut reader = Reader { args, notes, output, noted: HashSet::new(), page: Vec::new(), more: 0, bad: 0, shown: 0 };
    let mut live = Vec::new();
    for path in &files {
        for rotated in output::rotations(path) {
            reader.read(&rotated)?;
        }
        live.push(reader.read(path)?);
    }
    if let Some(path) = reader.args.html.clone() {
        return reader.write_page(&path);
    }
    while reader.args.follow {
        std::thread::sleep(LOOK);
        for (path, file) in files.iter().zip(&mut live) {
            reader.go_on(path, file)?;
        }
    }
    reader.tell_bad();
    Ok(ExitCode::SUCCESS)
}

struct Reader {
    args: Args,
    notes: BTreeMap<String, String>,
    output: Output,
    /// Rules whose note was shown.
    noted: HashSet<String>,
    page: Vec<Map<String, Json>>,
    more: u64,
    bad: u64,
    shown: u64,
}

/// A file at the place where it was read to.
struct Open {
    lines: BufReader<Box<dyn Read>>,
    identity: (u64, u64),
    name: String,
    number: u64,
    /// The begin of a line whose end is not written yet.
    begun: Vec<u8>,
}

fn open(path: &Path) -> Result<Open, Failure> {
    let name = path.display().to_string();
    let failed = |error: io::Error| Failure::new(Failure::NO_INPUT, format!("{name}: cannot read alerts: {error}"));
    let file = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(failed(io::Error::other("not a regular file")));
    }
    let is_packed = path.extension().is_some_and(|extension| extension == "gz");
    let input: Box<dyn Read> = if is_packed { Box::new(MultiGzDecoder::new(file)) } else { Box::new(file) };
    let identity = (metadata.dev(), metadata.ino());
    Ok(Open { lines: BufReader::new(input), identity, name, number: 0, begun: Vec::new() })
}

impl Reader {
    fn read(&mut self, path: &Path) -> Result<Open, Failure> {
        let mut file = open(path)?;
        self.drain(&mut file)?;
        if !self.args.follow && !file.begun.is_empty() {
            let line = std::mem::take(&mut file.begun);
            self.line(&file, &line)?;
        }
        Ok(file)
    }

    /// Reads what was added, and goes over to the new file after a rotation.
    fn go_on(&mut self, path: &Path, file: &mut Open) -> Result<(), Failure> {
        let found = fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()));
        self.drain(file)?;
        if found.is_ok_and(|identity| identity != file.identity)
            && let Ok(new) = open(path)
        {
            *file = new;
            self.drain(file)?;
        }
        Ok(())
    }

    fn drain(&mut self, file: &mut Open) -> Result<(), Failure> {
        loop {
            let room = MAX_LINE.saturating_sub(file.begun.len() as u64);
            let read = file.lines.by_ref().take(room).read_until(b'\n', &mut file.begun);
            let read = read.map_err(|error| Failure::new(Failure::IO, format!("{}: {error}", file.name)))?;
            let is_whole = file.begun.last() == Some(&b'\n');
            if !is_whole && file.begun.len() as u64 == MAX_LINE {
                let _ = file.lines.skip_until(b'\n');
            } else if !is_whole && read == 0 {
                return Ok(());
            } else if !is_whole {
                continue;
            }
            file.number += 1;
            let line = std::mem::take(&mut file.begun);
            self.line(file, &line)?;
        }
    }

    fn line(&mut self, file: &Open, line: &[u8]) -> Result<(), Failure> {
        let line = line.trim_ascii();
        if line.is_empty() {
            return Ok(());
        }
        let Ok(document) = serde_json::from_slice::<Map<String, Json>>(line) else {
            self.bad += 1;
            log::warn!("{}:{}: not an alert, skipped", file.name, file.number.max(1));
            return Ok(());
        };
        if self.wants(&document) { self.show(document) } else { Ok(()) }
    }

    fn wants(&self, document: &Map<String, Json>) -> bool {
        let rule = self.args.rule.as_ref();
        let of_rule = rule.is_none_or(|rule| text(document, "rule.id").as_ref() == Some(rule));
        let time = text(document, "@timestamp").and_then(|time| Timestamp::parse(&time));
        of_rule && self.args.since.is_none_or(|since| time.is_none_or(|time| time >= since))
    }

    fn show(&mut self, document: Map<String, Json>) -> Result<(), Failure> {
        self.shown += 1;
        if self.args.html.is_some() {
            if self.page.len() < MAX_PAGE {
                self.page.push(document)
            } else {
                self.more += 1
            }
            return Ok(());
        }
        let shown = match self.output {
            Output::Ndjson => Json::Object(document).to_string(),
            Output::Text => {
                let mut shown = report::text(&document);
                let id = text(&document, "rule.id").unwrap_or_default();
                let note = self.notes.get(&id).filter(|note| !note.is_empty());
                if let Some(note) = note.filter(|_| self.noted.insert(id)) {
                    let note: String = note.lines().map(|line| format!("    {}\n", visible(line))).collect();
                    shown += &format!("  what to check\n{note}");
                }
                shown
            }
        };
        match terminal::write(&format!("{shown}\n")) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.args.follow = false;
                Ok(())
            }
            other => other.map_err(|error| exit::stdout_failure(&error)),
        }
    }

    fn write_page(&mut self, path: &Path) -> Result<ExitCode, Failure> {
        let failed = |error: io::Error| {
            Failure::new(Failure::CANNOT_CREATE, format!("{}: cannot write: {error}", path.display()))
        };
        let mut options = OpenOptions::new();
        let flags = libc::O_NOFOLLOW | libc::O_NONBLOCK;
        let file: File = options
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .custom_flags(flags)
            .open(path)
            .map_err(failed)?;
        let page = html::page(&self.page, &self.notes, self.more, now());
        { file }.write_all(page.as_bytes()).map_err(failed)?;
        self.tell_bad();
        let count = plural(self.page.len() as u64, "alert");
        terminal::say(&format!("{count} in {}", visible(&path.display().to_string())));
        Ok(ExitCode::SUCCESS)
    }

    fn tell_bad(&self) {
        if self.bad > 0 {
            log::warn!("skipped {}", plural(self.bad, "invalid line"));
        }
    }
}
