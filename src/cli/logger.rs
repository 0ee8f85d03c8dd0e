//! What the agent reports about itself: on standard error, or in the system log under launchd.

use std::fmt::Display;
use std::io::{self, IsTerminal};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Instant;

use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::syslog::{Facility, Priority, Severity};

use super::clock::now;
use super::log_limit::{Kind, Limiter};
use crate::config::{self, Config, LogLevel};
use crate::output::terminal::say;
use crate::report::visible;

/// How much is logged.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Verbosity {
    /// Log more: debug messages
    #[arg(short, long, global = true, conflicts_with = "quiet", help_heading = "Global options")]
    verbose: bool,
    /// Log less: only warnings; twice, only errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count, help_heading = "Global options")]
    quiet: u8,
}

impl Verbosity {
    /// The level that the options ask for, or else the configuration.
    pub(super) fn level_with(self, configured: LogLevel) -> LevelFilter {
        match (self.verbose, self.quiet, configured) {
            (true, ..) | (false, 0, LogLevel::Debug) => LevelFilter::Debug,
            (false, 0, LogLevel::Info) => LevelFilter::Info,
            (false, 1, _) | (false, 0, LogLevel::Warning) => LevelFilter::Warn,
            (false, ..) => LevelFilter::Error,
        }
    }
}

/// Where messages go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Destination {
    /// Standard error of a command that someone waits for.
    StandardError,
    /// Standard error of a command that runs for long, with the time and the level.
    StandardErrorWithTime,
    /// `syslog(3)`: on macOS that is the unified log.
    SystemLog,
}

struct Logger {
    destination: Destination,
    /// `None`: everything is written.
    limiter: Option<Mutex<Limiter>>,
}

static LOGGER: OnceLock<Logger> = OnceLock::new();

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && metadata.target().starts_with("osawatch")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        let text = record.args().to_string();
        let source = (record.file_static().unwrap_or_default(), record.line().unwrap_or_default());
        self.flush();
        let kind = Kind::of(source, record.level(), &text);
        let is_written = self.limited(|limiter, now| limiter.admit(kind, &text, now));
        if is_written.unwrap_or(true) {
            self.write(record.level(), &text);
        }
    }

    /// Writes how many messages were left out, of each kind whose minute is over.
    fn flush(&self) {
        let summaries = self.limited(Limiter::due).unwrap_or_default();
        summaries.iter().for_each(|(level, text)| self.write(*level, text));
    }
}

impl Logger {
    #[allow(clippy::disallowed_methods, reason = "messages are limited in real time")]
    fn limited<T>(&self, ask: impl FnOnce(&mut Limiter, Instant) -> T) -> Option<T> {
        let mut limiter = self.limiter.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner);
        Some(ask(&mut limiter, Instant::now()))
    }

    fn write(&self, level: Level, text: &str) {
        for line in text.lines().map(visible) {
            match self.destination {
                Destination::StandardError => say(&format!("osawatch: {line}")),
                Destination::StandardErrorWithTime => say(&format!("{} osawatch: {}: {line}", now(), name(level))),
                Destination::SystemLog => {
                    // There is nowhere else to report that the log cannot be written.
                    let _ = nix::syslog::syslog(priority(level), &line);
                }
            }
        }
    }
}

/// Sends the messages of this run to where its user looks. `is_agent`: it runs until it is stopped.
pub(super) fn start(verbosity: Verbosity, is_agent: bool) {
    let destination = match is_agent {
        true if is_started_by_launchd() => Destination::SystemLog,
        true => Destination::StandardErrorWithTime,
        false => Destination::StandardError,
    };
    let limiter = is_agent.then(Mutex::<Limiter>::default);
    // A second logger in one process, as in tests, changes nothing.
    if log::set_logger(LOGGER.get_or_init(|| Logger { destination, limiter })).is_ok() {
        set_level(verbosity, None);
    }
}

/// Writes how many messages were left out, and not said yet.
pub(super) fn finish() {
    if let Some(logger) = LOGGER.get() {
        let summaries = logger.limited(Limiter::rest).unwrap_or_default();
        summaries.iter().for_each(|(level, text)| logger.write(*level, text));
    }
}

/// What is logged from now on.
pub(super) fn set_level(verbosity: Verbosity, config: Option<&Config>) {
    let configured = config.map_or_else(|| config::Agent::default().log_level, |config| config.agent.log_level);
    log::set_max_level(verbosity.level_with(configured));
}

/// Reports why a command failed: on standard error always, as launchd keeps that, and in the system log where the other
/// messages are.
pub(super) fn failure(error: &dyn Display) {
    let text: Vec<String> = error.to_string().lines().map(visible).collect();
    say(&format!("osawatch: {}", text.join("\n")));
    if is_started_by_launchd() {
        log::error!("{error}");
    }
}

/// launchd is process 1, and no terminal is attached to what it starts.
fn is_started_by_launchd() -> bool {
    rustix::process::getppid().is_some_and(|parent| parent.is_init()) && !io::stderr().is_terminal()
}

fn name(level: Level) -> &'static str {
    match level {
        Level::Error => "error",
        Level::Warn => "warning",
        Level::Info => "info",
        Level::Debug | Level::Trace => "debug",
    }
}

fn priority(level: Level) -> Priority {
    let severity = match level {
        Level::Error => Severity::LOG_ERR,
        Level::Warn => Severity::LOG_WARNING,
        // The unified log keeps notices on disk, and drops what is below after minutes.
        Level::Info => Severity::LOG_NOTICE,
        Level::Debug | Level::Trace => Severity::LOG_DEBUG,
    };
    Priority::new(severity, Facility::LOG_DAEMON)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_options_come_before_the_configuration() {
        let of = |verbose, quiet, configured| Verbosity { verbose, quiet }.level_with(configured);
        assert_eq!(of(false, 0, LogLevel::Error), LevelFilter::Error);
        assert_eq!(of(false, 0, LogLevel::Warning), LevelFilter::Warn);
        assert_eq!(of(false, 0, LogLevel::Info), LevelFilter::Info);
        assert_eq!(of(false, 0, LogLevel::Debug), LevelFilter::Debug);
        assert_eq!(of(true, 0, LogLevel::Error), LevelFilter::Debug);
        assert_eq!(of(false, 1, LogLevel::Debug), LevelFilter::Warn);
        assert_eq!(of(false, 2, LogLevel::Debug), LevelFilter::Error);
    }
}
