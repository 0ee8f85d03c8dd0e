//! Where the alerts of a command go: standard output, a file, the system log.

use std::io::{self, IsTerminal, Write};
use std::mem;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use super::clock::now;
use super::exit::{Failure, stdout_failure};
use super::written::Written;
use crate::agent;
use crate::alert::{Alert, pipeline_error, to_line};
use crate::event::document::{get, insert};
use crate::event::{Machine, Timestamp};
use crate::output::system_log::SystemLog;
use crate::output::{Gauge, Options, Writer, WriterThread, terminal};
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

/// What was lost is written as soon as there is room, which is looked for this often.
const REPORT_LOST: Duration = Duration::from_secs(1);

/// The alert file.
enum File {
    /// Of a replay, which waits for it.
    Direct(Box<Writer>),
    /// Of a live run, which waits for no disk.
    Thread(WriterThread),
}

/// Where alerts go.
pub(super) struct Sink {
    format: Format,
    layout: report::Layout,
    stdout: io::BufWriter<io::Stdout>,
    /// The header of a table was printed.
    has_header: bool,
    file: Option<File>,
    /// What the file held before.
    written: Written,
    system_log: Option<SystemLog>,
    live: Option<Machine>,
    /// Alerts that the file lost and that a document has reported.
    reported_lost: u64,
    /// The `event.sequence` of the next alert.
    next_sequence: u64,
    counts: Counts,
    /// Standard output was closed by its reader, which wants no more.
    closed: bool,
    failed: Option<Failure>,
}

/// The system log, if it is wanted.
pub(super) fn system_log(is_wanted: bool) -> Result<Option<SystemLog>, Failure> {
    let opened = is_wanted.then(SystemLog::open).transpose();
    opened.map_err(|error| Failure::new(Failure::UNAVAILABLE, format!("cannot open the system log: {error}")))
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
        let file = wanted.file.map(|options| File::open(options, wanted.live.is_some())).transpose()?;
        let next_sequence = file.as_ref().map_or(0, File::next_sequence);
        let system_log = system_log(wanted.system_log)?;
        let (stdout, live) = (io::BufWriter::new(io::stdout()), wanted.live);
        let counts = Counts::default();
        let layout = terminal::layout();
        Ok(Sink {
            format,
            layout,
            stdout,
            has_header: false,
            file,
            written: Written::default(),
            system_log,
            live,
            reported_lost: 0,
            next_sequence,
            counts,
            closed: false,
            failed: None,
        })
    }

    /// Leaves out of the file what it holds already.
    pub(super) fn leave_out(&mut self, written: Written) {
        self.written = written;
    }

    /// Whether the alert stands in the file already.
    pub(super) fn holds(&self, document: &Map<String, Json>) -> bool {
        self.written.holds(document)
    }

    /// Continues with another alert file and system log.
    pub(super) fn exchange(&mut self, file: Options, system_log: Option<SystemLog>) {
        self.system_log = system_log;
        if let Some(File::Thread(thread)) = &mut self.file {
            thread.exchange(file);
        }
    }

    /// The `event.sequence` of the next alert.
    pub(super) fn next_sequence(&self) -> u64 {
        self.next_sequence
    }

    /// The line of a document about the agent, with the number of the next alert: of many, the last lines hold no alert.
    fn line(&self, mut document: Map<String, Json>) -> String {
        insert(&mut document, "osawatch.agent.next_sequence", self.next_sequence.into());
        to_line(&document)
    }

    pub(super) fn counts(&self) -> Counts {
        match &self.file {
            Some(File::Direct(file)) => Counts { file: file.counts(), ..self.counts },
            _ => self.counts,
        }
    }

    /// Whether it is useless to continue: a replay whose output is closed.
    pub(super) fn is_done(&self) -> bool {
        self.closed || self.failed.is_some()
    }

    pub(super) fn write_alert(&mut self, alert: Alert) {
        let mut document = alert.document;
        self.counts.alerts += u64::from(report::is_alert(&document));
        if self.live.is_some()
            && let Some(Json::Object(event)) = document.get_mut("event")
        {
            event.insert("created".into(), now().to_string().into());
        }
        self.send(&document);
        let line = to_line(&document);
        if !self.written.holds(&document) {
            let sequence = get(&document, "event.sequence").and_then(Json::as_u64);
            self.next_sequence = sequence.map_or(self.next_sequence, |sequence| sequence.saturating_add(1));
            self.append(&line, alert.events.last().map(|event| event.time));
        }
        match self.format {
            Format::Text => self.print(&report::text(&document, self.layout)),
            Format::Ndjson => self.print(&line),
            Format::JsonlSummary => self.print(&report::table::json(&document)),
            Format::Csv => {
                if !mem::replace(&mut self.has_header, true) {
                    self.print(&report::table::header());
                }
                self.print(&report::table::row(&document));
            }
            Format::None => {}
        }
    }

    /// The alert file of a live run, for others to look at.
    pub(super) fn gauge(&self) -> Option<Gauge> {
        match &self.file {
            Some(File::Thread(file)) => Some(file.gauge()),
            _ => None,
        }
    }

    fn append(&mut self, line: &str, time: Option<Timestamp>) {
        match &mut self.file {
            Some(File::Direct(file)) => {
                file.write(line, now());
                // A replay ends when its file fails.
                self.failed = file.trouble().map(|error| Failure::new(Failure::IO, error));
            }
            Some(File::Thread(file)) => {
                if !file.push_alert(line, time) && file.lost().is_power_of_two() {
                    let lost = report::plural(file.lost(), "alert");
                    log::warn!("{lost} lost so far: no disk accepts them, and the buffer in memory is full");
                }
                self.report_lost();
            }
            None => {}
        }
    }

    /// Alerts that a live run lost are reported in the file when it is written again.
    fn report_lost(&mut self) {
        let Some((machine, lost)) = self.live.as_ref().zip(self.unreported()) else { return };
        let line = self.line(pipeline_error::document(now(), machine, &[("writer.alerts", lost)]));
        if let Some(File::Thread(file)) = &self.file
            && file.has_room(line.len())
            && file.push(&line)
        {
            self.reported_lost += lost;
        }
    }

    /// Alerts that were lost and that no document has reported.
    fn unreported(&self) -> Option<u64> {
        let Some(File::Thread(file)) = &self.file else { return None };
        Some(file.lost() - self.reported_lost).filter(|lost| *lost > 0)
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

    /// Writes what waits, however long that takes, and closes the file.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        self.finish_within(Duration::MAX)
    }

    /// The same, but what the file of a live run does not take within this time stays in the state directory.
    pub(super) fn finish_within(&mut self, limit: Duration) -> Result<(), Failure> {
        self.flush();
        let finished = match self.file.take() {
            Some(File::Direct(mut file)) => {
                let finished = file.finish(now());
                file.end_maintenance(now());
                self.counts.file = file.counts();
                self.failed = self.failed.take().or(file.trouble().map(|error| Failure::new(Failure::IO, error)));
                finished
            }
            Some(File::Thread(file)) => {
                let (finished, counts) = file.finish(limit);
                self.counts.file = counts;
                finished
            }
            None => Ok(()),
        };
        let failed = self.failed.take();
        failed.map_or(Ok(()), Err).and(finished.map_err(|error| Failure::new(Failure::IO, error)))
    }
}

impl agent::Sink for Sink {
    fn alert(&mut self, alert: Alert) {
        self.write_alert(alert);
    }

    fn document(&mut self, document: Map<String, Json>) {
        let line = self.line(document);
        self.append(&line, None);
        if self.format == Format::Ndjson {
            self.print(&line);
        }
    }

    fn wait(&self) -> Option<Duration> {
        self.unreported().map(|_| REPORT_LOST)
    }

    fn tick(&mut self) {
        self.report_lost();
    }
}

impl File {
    fn next_sequence(&self) -> u64 {
        match self {
            File::Direct(file) => file.next_sequence(),
            File::Thread(file) => file.next_sequence(),
        }
    }

    fn open(options: Options, is_live: bool) -> Result<File, Failure> {
        let writer = Writer::open(options, now()).map_err(|error| Failure::new(Failure::CANNOT_CREATE, error))?;
        if !is_live {
            return Ok(File::Direct(Box::new(writer)));
        }
        let started = WriterThread::start(writer, now);
        started.map(File::Thread).map_err(|error| Failure::new(Failure::IO, format!("cannot start a thread: {error}")))
    }
}

#[cfg(test)]
mod tests;
