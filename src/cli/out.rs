//! Where the alerts of a live run go, and notices for people.

use std::io::{self, IsTerminal};
use std::path::Path;
use std::time::Duration;

use clap::ValueEnum;
use serde_json::{Map, Value as Json};

use super::exit::Failure;
use super::{alert_file, clock::now};
use crate::agent::Sink;
use crate::alert::{Alert, pipeline_error};
use crate::config::Config;
use crate::event::Machine;
use crate::output::Writer;
use crate::output::system_log::SystemLog;
use crate::output::terminal;
use crate::report;
use crate::source::live::{Level, Notice};

/// How standard output shows alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    Text,
    #[value(alias = "stdout")]
    Ndjson,
    None,
}

/// What the command line says of it.
pub(super) struct Wanted<'a> {
    pub(super) alerts: Option<&'a Path>,
    pub(super) syslog: bool,
    pub(super) output: Option<Output>,
}

/// Where alerts go, and notices for people.
pub(super) struct Out {
    output: Output,
    machine: Machine,
    pub(super) file: Option<Writer>,
    dropped: u64,
    syslog: Option<SystemLog>,
    pub(super) syslog_failed: u64,
    pub(super) alerts: u64,
}

impl Out {
    pub(super) fn new(wanted: &Wanted<'_>, config: Option<&Config>, machine: Machine) -> Result<Out, Failure> {
        let path = wanted.alerts.or(config.map(|config| config.alerts.file.as_path()));
        let output = match (wanted.output, io::stdout().is_terminal()) {
            (Some(output), _) => output,
            (None, true) => Output::Text,
            (None, false) if path.is_some() => Output::None,
            (None, false) => Output::Ndjson,
        };
        let file = path.map(|path| alert_file::open(alert_file::options(path, config))).transpose()?;
        let wants_syslog = wanted.syslog || config.is_some_and(|config| config.alerts.syslog);
        let syslog = wants_syslog.then(SystemLog::open).transpose();
        let syslog = syslog
            .map_err(|error| Failure::new(Failure::UNAVAILABLE, format!("cannot open the system log: {error}")))?;
        let mut out = Out { output, machine, file, dropped: 0, syslog, syslog_failed: 0, alerts: 0 };
        out.say_notes();
        Ok(out)
    }

    fn line(&mut self, line: &str) {
        if let Some(file) = &mut self.file {
            file.write(line, now());
        }
        self.say_notes();
    }

    fn say_notes(&mut self) {
        for note in self.file.as_mut().map(Writer::take_notes).unwrap_or_default() {
            let level = if note.is_warning { Level::Warning } else { Level::Info };
            self.notice(&Notice { level, text: note.text });
        }
        self.tell_dropped();
    }

    /// Alerts that nothing could hold are told of in the file when it is written again.
    fn tell_dropped(&mut self) {
        let Some(file) = self.file.as_mut().filter(|file| file.trouble().is_none()) else { return };
        let lost = file.counts().dropped - self.dropped;
        if lost > 0 {
            self.dropped += lost;
            let document = pipeline_error::document(now(), &self.machine, &[("writer.alerts", lost)]);
            file.write(&Json::Object(document).to_string(), now());
        }
    }

    fn print(&mut self, text: &str) {
        if let Err(error) = terminal::write(&format!("{text}\n")) {
            // The file still gets the alerts.
            self.output = Output::None;
            log::error!("cannot write to standard output: {error}");
        }
    }

    fn send(&mut self, document: &Map<String, Json>) {
        if let Some(syslog) = &self.syslog
            && let Err(error) = syslog.send(document, now())
        {
            self.syslog_failed += 1;
            if self.syslog_failed.is_power_of_two() {
                let text = format!("the system log did not take {} alerts: {error}", self.syslog_failed);
                self.notice(&Notice { level: Level::Warning, text });
            }
        }
    }

    /// Writes what waits, and closes the file.
    pub(super) fn finish(&mut self) -> Result<(), Failure> {
        let finished = self.file.as_mut().map_or(Ok(()), |file| file.finish(now()));
        self.say_notes();
        finished.map_err(|error| Failure::new(Failure::IO, error))
    }
}

impl Sink for Out {
    fn alert(&mut self, alert: &Alert) {
        let mut document = alert.document.clone();
        if let Some(Json::Object(event)) = document.get_mut("event") {
            event.insert("created".into(), now().to_string().into());
        }
        self.alerts += 1;
        self.send(&document);
        match self.output {
            Output::Text => {
                self.line(&Json::Object(document).to_string());
                self.print(&report::text(&alert.document));
            }
            _ => self.document(document),
        }
    }

    fn document(&mut self, document: Map<String, Json>) {
        let line = Json::Object(document).to_string();
        self.line(&line);
        if self.output == Output::Ndjson {
            self.print(&line);
        }
    }

    fn notice(&mut self, notice: &Notice) {
        let level = match notice.level {
            Level::Info => log::Level::Info,
            Level::Warning => log::Level::Warn,
            Level::Fatal | Level::NotPermitted => log::Level::Error,
        };
        log::log!(level, "{}", notice.text);
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
        self.say_notes();
    }
}
