//! The commands: one file per verb.

mod alert_file;
mod alert_lines;
mod alert_page;
mod alert_selection;
mod alerts;
mod args;
mod case;
mod clock;
mod command;
mod config;
mod descriptors;
mod doctor;
mod doctor_sources;
mod effective;
mod exit;
mod evidence;
mod given;
mod life;
mod live_sink;
mod log_limit;
mod logger;
mod panics;
mod man;
mod progress;
mod publish;
mod record;
mod raw_recording;
mod recorder;
mod recording_file;
mod reload;
mod replay;
mod rule_files;
mod rule_tests;
mod rules;
mod run;
mod seen;
mod selftest;
mod selftest_player;
mod shown;
mod signals;
mod sink;
mod status;
mod summary;
mod terminate;
mod written;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Failure;

/// Detects AppleScript and Automator processes that make network connections.
#[derive(Debug, Parser)]
#[command(name = "osawatch", version, about, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    verbosity: logger::Verbosity,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this Mac: process events and connections in, alerts out
    Run(run::Args),
    /// Show how the agent is: healthy (exit 0), degraded (1) or not running (69)
    Status(status::Args),
    /// Record the events of this Mac in a file, for `replay`
    Record(record::Args),
    /// Replay recorded events through the rules
    Replay(replay::Args),
    /// Read the alert file and its rotations, or export them as HTML
    Alerts(alerts::Args),
    /// List, show, check and test rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Find what is wrong with this installation, and how to mend it; exits with 1 for a warning, 2 for a failure
    Doctor(doctor::Args),
    /// Prove on this Mac that a connection of osascript becomes an alert; exits with 1 for what could not be tried, 2 for
    /// a missing link
    Selftest(selftest::Args),
    /// End the process execution that an alert is about
    Terminate(terminate::Args),
    /// Print a completion script for a shell
    Completions(man::CompletionArgs),
    /// Print the manual page, or write one for each command
    Man(man::ManArgs),
}

/// Runs the command that the arguments name, prints what went wrong, and returns the exit code.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    crate::agent::end_program_after_panics();
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Failure::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    logger::start(cli.verbosity, matches!(cli.command, Command::Run(_) | Command::Record(_)));
    let result = match cli.command {
        Command::Run(args) => run::run(args, cli.verbosity),
        Command::Status(args) => status::run(args),
        Command::Record(args) => record::run(&args),
        Command::Replay(args) => replay::run(args),
        Command::Alerts(args) => alerts::run(args),
        Command::Rules(command) => rules::run(command),
        Command::Config(command) => config::run(command),
        Command::Doctor(args) => doctor::run(&args),
        Command::Selftest(args) => selftest::run(&args),
        Command::Terminate(args) => terminate::run(&args),
        Command::Completions(args) => man::completions(&args, Cli::command()),
        Command::Man(args) => man::man(&args, Cli::command()),
    };
    logger::finish();
    result.unwrap_or_else(|failure| {
        logger::failure(&failure);
        failure.code().into()
    })
}
