//! Where the alerts of a command go: standard output, a file, the system log.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use super::clock::now;
use super::exit::{Failure, stdout_failure};
use crate::agent;
use crate::alert::{Alert, pipeline_error, to_line};
use crate::event::Machine;
use crate::output::system_log::SystemLog;
use crate::output::{Options, Writer, terminal};
use crate::report;

/// How standard output shows alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// A few lines for people
    Text,
    /// One JSON document per line
    #[value(alias = "stdout")]
    Ndjson,
    /// One small JSON object per line: when, where, who, what
    JsonlSummary,
    /// The same as a table
    Csv,
    /// Nothing
    None,
}

/// What a command asks for.
pub(super) struct Wanted {
    /// `None`: text on a terminal; elsewhere ndjson, or nothing when there is a file.
    pub(super) format: Option<Format>,
    pub(super) file: Option<Options>,
    pub(super) system_log: bool,
    /// The Mac that is watched: alerts get the time they are written, and what fails does not end the run.
    /// `None` is a replay, which can be done again.
    pub(super) live: Option<Machine>,
}

/// Where alerts go.
pub(super) struct Sink {
    format: Format,
    stdout: io::BufWriter<io::Stdout>,
    file: Option<Writer>,
    system_log: Option<SystemLog>,
    live: Option<Machine>,
    /// Alerts that the file lost and that a document has reported.
    reported_lost: u64,
    counts: Counts,
    /// Standard output was closed by its reader, which is its way to say that it has enough.
    closed: bool,
    failed: Option<Failure>,
}

/// What went through a sink.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counts {
    pub(super) alerts: u64,
    pub(super) not_in_system_log: u64,
    pub(super) file: crate::output::Counts,
}

impl Sink {
    pub(super) fn open(wanted: Wanted) -> Result<Sink, Failure> {
        let format = match (wanted.format, io::stdout().is_terminal()) {
            (Some(format), _) => format,
            (None, true) => Format::Text,
            (None, false) if wanted.file.is_some() => Format::None,
            (None, false) => Format::Ndjson,
        };
        let open = |options| Writer::open(options, now()).map_err(|error| Failure::new(Failure::CANNOT_CREATE, error));
        let file = wanted.file.map(open).transpose()?;
        let system_log = wanted.system_log.then(SystemLog::open).transpose();
        let system_log = system_log
            .map_err(|error| Failure::new(Failure::UNAVAILABLE, format!("cannot open the system log: {error}")))?;
        let (stdout, live) = (io::BufWriter::new(io::stdout()), wanted.live);
        let counts = Counts::default();
        Ok(Sink { format, stdout, file, system_log, live, reported_lost: 0, counts, closed: false, failed: None })
    }

    /// The `event.sequence` of the next alert.
    pub(super) fn next_sequence(&self) -> u64 {
        self.file.as_ref().map_or(0, Writer::next_sequence)
    }

    pub(super) fn counts(&self) -> Counts {
        Counts { file: self.file.as_ref().map(Writer::counts).unwrap_or_default(), ..self.counts }
    }

    /// Whether there is no use in going on: a replay whose output takes nothing more.
    pub(super) fn is_done(&self) -> bool {
        self.closed || self.failed.is_some()
    }

    pub(super) fn write_alert(&mut self, alert: Alert) {
        let mut document = alert.document;
        self.counts.alerts += 1;
        if self.live.is_some()
            && let Some(Json::Object(event)) = document.get_mut("event")
        {
            event.insert("created".into(), now().to_string().into());
        }
        self.send(&document);
        let line = to_line(&document);
        self.append(&line);
        match self.format {
            Format::Text => self.print(&report::text(&document)),
            Format::Ndjson => self.print(&line),
            Format::JsonlSummary => self.print(&report::table::json(&document)),
            Format::Csv => {
                if self.counts.alerts == 1 {
                    self.print(&report::table::header());
                }
                self.print(&report::table::row(&document));
            }
            Format::None => {}
        }
    }

    fn append(&mut self, line: &str) {
        if let Some(file) = &mut self.file {
            file.write(line, now());
        }
        self.check_file();
    }

    /// A replay ends when its file fails; alerts that a live run lost are reported in the file when it is written
    /// again.
    fn check_file(&mut self) {
        let Some(file) = &mut self.file else { return };
        let Some(machine) = &self.live else {
            self.failed = file.trouble().map(|error| Failure::new(Failure::IO, error));
            return;
        };
        let lost = file.counts().lost - self.reported_lost;
        if lost > 0 && file.trouble().is_none() {
            self.reported_lost += lost;
            file.write(&to_line(&pipeline_error::document(now(), machine, &[("writer.alerts", lost)])), now());
        }
    }

    fn print(&mut self, text: &str) {
        let stdout = &mut self.stdout;
        let at_once = self.live.is_some() || self.format == Format::Text;
        let written = terminal::aside(|| {
            writeln!(stdout, "{text}")?;
            if at_once { stdout.flush() } else { Ok(()) }
        });
        self.note(written);
    }

    fn note(&mut self, written: io::Result<()>) {
        match written {
            Ok(()) => {}
            Err(error) if self.live.is_some() => {
                // The file still gets the alerts.
                self.format = Format::None;
                log::error!("cannot write to standard output: {error}");
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.closed = true,
            Err(error) => self.failed = Some(stdout_failure(&error)),
        }
    }

    fn send(&mut self, document: &Map<String, Json>) {
        if let Some(Err(error)) = self.system_log.as_ref().map(|log| log.send(document, now())) {
            self.counts.not_in_system_log += 1;
            if self.counts.not_in_system_log.is_power_of_two() {
                let count = report::plural(self.counts.not_in_system_log, "alert");
                log::warn!("the system log rejected {count}: {error}");
            }
        }
    }

    /// Writes what standard output still holds.
    pub(super) fn flush(&mut self) {
        if !self.closed && self.format != Format::None {
            let flushed = self.stdout.flush();
            self.note(flushed);
        }
    }

    /// Writes what waits, and closes the file.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.flush();
        let finished = self.file.as_mut().map_or(Ok(()), |file| file.finish(now()));
        self.check_file();
        let failed = self.failed.take();
        failed.map_or(Ok(()), Err).and(finished.map_err(|error| Failure::new(Failure::IO, error)))
    }
}

impl agent::Sink for Sink {
    fn alert(&mut self, alert: Alert) {
        self.write_alert(alert);
    }

    fn document(&mut self, document: Map<String, Json>) {
        let line = to_line(&document);
        self.append(&line);
        if self.format == Format::Ndjson {
            self.print(&line);
        }
    }

    fn wait(&self) -> Option<Duration> {
        let due = self.file.as_ref()?.due();
        let wait = due.nanoseconds().saturating_sub(now().nanoseconds()).max(0);
        Some(Duration::from_nanos(wait.unsigned_abs()))
    }

    fn tick(&mut self) {
        if let Some(file) = &mut self.file {
            file.tick(now());
        }
        self.check_file();
    }
}
