//! What the agent reports about itself: on standard error, or in the system log under launchd.

use std::fmt::Display;
use std::io::{self, IsTerminal};

use log::{Level, LevelFilter, Log, Metadata, Record};
use nix::syslog::{Facility, Priority, Severity};

use super::clock::now;
use crate::output::terminal::say;
use crate::report::visible;

/// How much is logged.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Verbosity {
    /// Log more: debug messages
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Log less: only warnings; twice, only errors
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    quiet: u8,
}

impl Verbosity {
    fn level(self) -> LevelFilter {
        match (self.verbose, self.quiet) {
            (true, _) => LevelFilter::Debug,
            (false, 0) => LevelFilter::Info,
            (false, 1) => LevelFilter::Warn,
            (false, _) => LevelFilter::Error,
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

struct Logger(Destination);

impl Log for Logger {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level() && metadata.target().starts_with("osawatch")
    }

    fn log(&self, record: &Record<'_>) {
        if !self.enabled(record.metadata()) {
            return;
        }
        for line in record.args().to_string().lines().map(visible) {
            match self.0 {
                Destination::StandardError => say(&format!("osawatch: {line}")),
                Destination::StandardErrorWithTime => {
                    say(&format!("{} osawatch: {}: {line}", now(), name(record.level())));
                }
                Destination::SystemLog => {
                    // There is nowhere else to report that the log cannot be written.
                    let _ = nix::syslog::syslog(priority(record.level()), &line);
                }
            }
        }
    }

    fn flush(&self) {}
}

/// Sends the messages of this run to where its user looks. `is_agent`: it runs until it is stopped.
pub(super) fn start(verbosity: Verbosity, is_agent: bool) {
    let destination = match is_agent {
        true if is_started_by_launchd() => Destination::SystemLog,
        true => Destination::StandardErrorWithTime,
        false => Destination::StandardError,
    };
    // A second logger in one process, as in tests, changes nothing.
    if log::set_boxed_logger(Box::new(Logger(destination))).is_ok() {
        log::set_max_level(verbosity.level());
    }
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
