//! The commands: one file per verb.

mod alert_file;
mod alerts;
mod config;
mod exit;
mod out;
mod replay;
mod rules;
mod run;
mod summary;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

pub use exit::Failure;

use crate::alert::report::visible;

/// Detects AppleScript and Automator runs that go on to the network.
#[derive(Debug, Parser)]
#[command(name = "osawatch", version, about, after_help = exit::HELP, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Watch this Mac: process events and connections in, alerts out
    Run(run::Args),
    /// Run recorded events through the rules
    Replay(replay::Args),
    /// Read the alert file and its rotations, or make a page of them
    Alerts(alerts::Args),
    /// List, show, check and test rules
    #[command(subcommand)]
    Rules(rules::Command),
    /// Check and show the configuration
    #[command(subcommand)]
    Config(config::Command),
    /// Print a completion script for a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
}

/// Runs the command that the arguments name, prints what went wrong, and says how to exit.
pub fn main(args: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(args) {
        Ok(cli) => cli,
        Err(error) => {
            let _ = error.print();
            return if error.use_stderr() { Failure::USAGE.into() } else { ExitCode::SUCCESS };
        }
    };
    let result = match cli.command {
        Command::Run(args) => run::run(args),
        Command::Replay(args) => replay::run(args),
        Command::Alerts(args) => alerts::run(args),
        Command::Rules(command) => rules::run(command),
        Command::Config(command) => config::run(command),
        Command::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "osawatch", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
    };
    result.unwrap_or_else(|failure| {
        let text: Vec<String> = failure.to_string().lines().map(visible).collect();
        eprintln!("osawatch: {}", text.join("\n"));
        failure.code().into()
    })
}
