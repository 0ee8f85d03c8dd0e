//! `osawatch alerts`: the alert file and its rotations, for people.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use super::alert_lines::{Followed, cannot_read};
use super::alert_page;
use super::alert_selection::Selection;
use super::config::LayerArgs;
use super::evidence::{self, OutputFile};
use super::exit::{self, Failure, source_failure};
use super::rule_files::load;
use super::written::Known;
use crate::alert::to_line;
use crate::config::trust::Trust;
use crate::event::document::{get, text};
use crate::output::{self, terminal};
use crate::report::{self, Case, plural, visible};
use crate::source::recording::{self, Documents, Error as SourceError, Input, NextDocument, Sources};

/// How often the file is looked at when it is followed.
const LOOK: Duration = Duration::from_millis(200);
/// Lines that are not alerts are named up to these; then they are counted.
const SHOWN_PROBLEMS: u64 = 10;

/// Arguments of `alerts`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Alert files, each with its rotations, directories of them, or what a search exported, plain or compressed; `-`
    /// is standard input [default: `file` of the configuration]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    #[command(flatten)]
    config: LayerArgs,
    /// Follow the files: print new alerts until Ctrl-C, and wait for a file that does not exist yet
    #[arg(short, long, conflicts_with_all = ["html", "list"])]
    follow: bool,
    #[command(flatten)]
    selection: Selection,
    /// Print one line per alert: time, severity, host, rule, reason
    #[arg(long, conflicts_with_all = ["output", "html"])]
    list: bool,
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

pub(super) fn run(args: Args) -> Result<ExitCode, Failure> {
    args.selection.check()?;
    let files = if args.files.is_empty() { vec![args.config.alert_file()?] } else { args.files.clone() };
    if let Some(page) = args.html.as_deref().filter(|path| path.as_os_str() != "-") {
        let rotations = files.iter().flat_map(|path| output::rotations(path));
        let inputs: Vec<Input> =
            files.iter().cloned().chain(rotations).map(|path| Input::from(path.as_path())).collect();
        evidence::spare(&[OutputFile::page(page)], &Sources::find(&inputs).map_err(source_failure)?)?;
    }
    let set = load(true, &args.rules, Trust::Anyone)?;
    args.selection.warn_of_unknown_rules(&set);
    let notes = set.rules.into_iter().map(|rule| (rule.id, rule.note)).collect();
    let default = if io::stdout().is_terminal() { Output::Text } else { Output::Ndjson };
    let output = args.output.unwrap_or(default);
    let mut reader = Reader::new(args, notes, output);
    let (streams, files): (Vec<PathBuf>, Vec<PathBuf>) =
        files.into_iter().partition(|path| !reader.args.follow || path.as_os_str() == "-");
    for path in streams {
        reader.read_whole(&path)?;
    }
    if let (Some(page), Some(path)) = (reader.page.take(), &reader.args.html) {
        reader.report_bad();
        // A page of no alerts would be an all-clear.
        if !(reader.is_refused && page.is_empty()) {
            let limits = alert_page::limits(reader.unwanted, reader.bad, reader.is_cut_off);
            alert_page::write((&page, limits), path, &reader.notes)?;
        }
        return Ok(reader.exit_code());
    }
    let mut followed: Vec<Followed> = files.iter().map(|path| Followed::new(path)).collect();
    while !followed.is_empty() && !reader.closed {
        for file in &mut followed {
            file.read(&mut |name, number, line| reader.line(name, number, line))?;
        }
        std::thread::sleep(LOOK);
    }
    reader.report_bad();
    Ok(reader.exit_code())
}

struct Reader {
    args: Args,
    notes: BTreeMap<String, String>,
    output: Output,
    layout: report::Layout,
    /// Rules whose note was shown.
    noted: HashSet<String>,
    /// The page to write, with `--html`.
    page: Option<Case>,
    bad: u64,
    /// What the input that is being read holds.
    holding: Holding,
    known: Known,
    /// Alerts that are not among those asked for.
    unwanted: u64,
    /// The reader of standard output has closed it.
    closed: bool,
    /// An input was cut off.
    is_cut_off: bool,
    /// An input is a file of another kind.
    is_refused: bool,
}

/// What an input holds, whether it is wanted or not.
#[derive(Debug, Default)]
struct Holding {
    /// Alerts and follow-ups.
    alerts: u64,
    /// What osawatch writes about itself beside them.
    own: u64,
    /// Other documents.
    others: u64,
    /// Values that are no documents.
    malformed: u64,
}

impl Holding {
    /// Whether it is no alert file. One of a quiet day holds what osawatch writes about itself, and perhaps a torn line.
    fn is_foreign(&self) -> bool {
        self.alerts == 0 && (self.others > 0 || self.own == 0 && self.malformed > 0)
    }
}

/// Whether it is an event that a recording by osawatch holds.
fn is_event(document: &Map<String, Json>) -> bool {
    text(document, "event.kind").as_deref() == Some("event") && get(document, "process").is_some()
}

impl Reader {
    fn new(args: Args, notes: BTreeMap<String, String>, output: Output) -> Reader {
        let page = args.html.as_ref().map(|_| Case::default());
        Reader {
            args,
            notes,
            output,
            layout: terminal::layout(),
            noted: HashSet::new(),
            page,
            bad: 0,
            holding: Holding::default(),
            known: Known::default(),
            unwanted: 0,
            closed: false,
            is_cut_off: false,
            is_refused: false,
        }
    }

    fn exit_code(&self) -> ExitCode {
        match (self.is_refused, self.is_cut_off) {
            (true, _) => Failure::DATA.into(),
            (false, true) => Failure::IO.into(),
            (false, false) => ExitCode::SUCCESS,
        }
    }

    /// What a file, its rotations, a directory or standard input holds, from the beginning to the end.
    fn read_whole(&mut self, path: &Path) -> Result<(), Failure> {
        self.holding = Holding::default();
        match Input::from(path) {
            Input::File(path) if path.is_dir() => {
                let sources = Sources::find(&[Input::File(path)]).map_err(source_failure)?;
                sources.left_out().for_each(|(name, why)| self.warn(&format!("{name}: {why}")));
                sources.inputs().try_for_each(|input| self.read(Documents::open(input.clone())))?;
            }
            Input::File(path) => self.read_rotated(&path)?,
            input => self.read(Documents::open(input))?,
        }
        if self.holding.is_foreign() {
            self.is_refused = true;
            log::warn!("{}: holds no alert; `osawatch replay` reads recordings", visible(&path.to_string_lossy()));
        }
        Ok(())
    }

    fn read_rotated(&mut self, path: &Path) -> Result<(), Failure> {
        // Opened before the rotations are listed: what is rotated meanwhile is read once.
        let live = File::open(path).map_err(|error| cannot_read(path, &error));
        let identity = |file: &File| file.metadata().ok().map(|found| (found.dev(), found.ino()));
        let read_already = live.as_ref().ok().and_then(identity);
        let rotations = output::rotations(path);
        for rotation in &rotations {
            // One that was compressed since it was listed has another name.
            let packed = PathBuf::from(format!("{}.gz", rotation.display()));
            let Ok(file) = File::open(rotation).or_else(|_| File::open(&packed)) else { continue };
            if identity(&file) != read_already {
                self.read(Documents::of_file(rotation, file))?;
            }
        }
        match live {
            Ok(file) => self.read(Documents::of_file(path, file)),
            Err(failure) if rotations.is_empty() => Err(failure),
            Err(_) => Ok(()),
        }
    }

    fn read(&mut self, documents: Result<Documents, SourceError>) -> Result<(), Failure> {
        let mut documents = documents.map_err(source_failure)?;
        self.known.begin();
        while !self.closed {
            match documents.next() {
                NextDocument::Document(document, line, place) => {
                    let is_alert = |found: &Map<String, Json>| text(found, "event.kind").as_deref() == Some("alert");
                    let inner = if is_alert(&document) { None } else { recording::unwrapped(&document, &line) };
                    let at = format!("{}:{}:{}", documents.name(), place.line, place.column);
                    let document = inner.filter(is_alert).unwrap_or(document);
                    if report::is_about_alert(&document) && self.known.holds(&document) {
                        self.holding.alerts += 1;
                    } else {
                        self.take(&at, document)?;
                    }
                }
                NextDocument::Problem(problem) => {
                    self.holding.malformed += 1;
                    if problem.is_of_input {
                        // That a file is cut off is told also where many values are no alerts.
                        log::warn!("{problem}");
                    } else {
                        self.warn(&problem.to_string());
                    }
                }
                NextDocument::End => break,
            }
        }
        self.is_cut_off |= documents.is_truncated();
        self.is_refused |= documents.is_refused();
        Ok(())
    }

    /// A line of a file that is followed.
    fn line(&mut self, name: &str, number: u64, line: &[u8]) -> Result<(), Failure> {
        let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line).trim_ascii();
        if line.is_empty() || self.closed {
            return Ok(());
        }
        self.take(&format!("{name}:{number}"), serde_json::from_slice(line).unwrap_or_default())
    }

    fn take(&mut self, place: &str, document: Map<String, Json>) -> Result<(), Failure> {
        match text(&document, "event.kind") {
            _ if report::is_about_alert(&document) => {
                self.holding.alerts += 1;
                if self.args.selection.wants(&document) {
                    return self.show(document);
                }
                self.unwanted += 1;
                Ok(())
            }
            // What osawatch writes about itself is for machines.
            Some(_) if text(&document, "event.module").as_deref() == Some("osawatch") && !is_event(&document) => {
                self.holding.own += 1;
                self.show_other(&document)
            }
            _ => {
                self.holding.others += 1;
                self.warn(&format!("{place}: not an alert, skipped"));
                Ok(())
            }
        }
    }

    fn warn(&mut self, problem: &str) {
        self.bad += 1;
        if self.bad <= SHOWN_PROBLEMS {
            log::warn!("{problem}");
        }
    }

    fn show_other(&mut self, document: &Map<String, Json>) -> Result<(), Failure> {
        let is_plain = self.output == Output::Ndjson && !self.args.list && self.page.is_none();
        if is_plain && self.args.selection.wants(document) { self.print(&to_line(document)) } else { Ok(()) }
    }

    fn show(&mut self, document: Map<String, Json>) -> Result<(), Failure> {
        if let Some(page) = &mut self.page {
            page.add(document);
            return Ok(());
        }
        let shown = match self.output {
            _ if self.args.list => report::line(&document, self.layout),
            Output::Ndjson => to_line(&document),
            Output::Text => self.with_note(&document),
        };
        self.print(&shown)
    }

    /// The report, with the triage note of its rule for the first alert of that.
    fn with_note(&mut self, document: &Map<String, Json>) -> String {
        let mut shown = report::text(document, self.layout);
        let id = text(document, "rule.id").unwrap_or_default();
        let note = self.notes.get(&id).filter(|note| !note.is_empty());
        if let Some(note) = note.filter(|_| self.noted.insert(id)) {
            let note: String = note.lines().map(|line| self.layout.indented(4, &visible(line))).collect();
            shown += &format!("  what to check\n{note}");
        }
        shown
    }

    fn print(&mut self, text: &str) -> Result<(), Failure> {
        match terminal::write(&format!("{text}\n")) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => return Err(exit::stdout_failure(&error)),
            Ok(()) => {}
        }
        Ok(())
    }

    fn report_bad(&self) {
        if self.bad > SHOWN_PROBLEMS {
            log::warn!("skipped {} that are not alerts", plural(self.bad, "value"));
        }
        if let copies @ 1.. = self.known.copies() {
            log::info!("{} of several files, shown once", plural(copies, "document"));
        }
    }
}
