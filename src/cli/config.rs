//! `osawatch config`: check and show a configuration file. `--config` of the other commands.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::exit::Failure;
use super::exit::print;
use crate::config::{self, Config};
use crate::detect::RuleSet;
use crate::report::visible;

/// Where an installed osawatch looks for its configuration.
const DEFAULT_FILE: &str = "/Library/Application Support/osawatch/config.toml";

/// The option `--config`, for commands that a configuration governs.
#[derive(Debug, clap::Args)]
pub(super) struct ConfigArgs {
    /// Read the configuration of this file
    #[arg(long, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
}

impl ConfigArgs {
    /// The configuration, when one is given.
    pub(super) fn load(&self) -> Result<Option<Config>, Failure> {
        let load = |path: &PathBuf| config::load(path).map_err(|error| Failure::new(Failure::CONFIG, error));
        self.config.as_ref().map(load).transpose()
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say whether a configuration file is right, or what is wrong and where
    Check {
        /// The file
        #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
    /// Print the values in effect, as TOML
    Show {
        /// The file
        #[arg(value_name = "FILE", default_value = DEFAULT_FILE)]
        file: PathBuf,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    let wrong = |error: config::Error| Failure::new(Failure::CONFIG, error);
    match command {
        Command::Check { file } => {
            let config = config::load(&file).map_err(wrong)?;
            add_exceptions(&config, &mut RuleSet::default())?;
            print(&format!("{}: right\n", visible(&file.display().to_string())))
        }
        Command::Show { file } => {
            let config = config::load(&file).map_err(wrong)?;
            let mut set = RuleSet::default();
            add_exceptions(&config, &mut set)?;
            let mut text = config.to_toml().map_err(wrong)?;
            for exception in &set.exceptions {
                let (name, reason) = (&exception.name, &exception.reason);
                let condition = exception.condition_text.split_whitespace().collect::<Vec<_>>().join(" ");
                text += &visible(&format!("# exception {name} ({reason}): {condition}"));
                text += "\n";
            }
            print(&text)
        }
    }
}

/// Compiles the exceptions of a configuration into a set of rules.
pub(super) fn add_exceptions(config: &Config, set: &mut RuleSet) -> Result<(), Failure> {
    let (origin, text) = &config.source;
    let own = config.exceptions.iter().map(|entry| (origin, text, entry));
    let files = config.exception_files.iter();
    let further = files.flat_map(|file| file.entries.iter().map(|entry| (&file.origin, &file.text, entry)));
    for (origin, text, entry) in own.chain(further) {
        set.except(origin, text, entry).map_err(|error| Failure::new(Failure::CONFIG, error))?;
    }
    Ok(())
}
