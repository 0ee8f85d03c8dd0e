//! `osawatch config`: check and show a configuration file. `--config` of the other commands.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::clock::now;
use super::exit::Failure;
use super::exit::print;
use super::rule_files;
use crate::config::lint::{self, Lint};
use crate::config::trust::Trust;
use crate::config::{self, Config};
use crate::detect::RuleSet;
use crate::detect::exception::Entry;
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
    /// Validate a configuration file, its exceptions and its rules
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
    match command {
        Command::Check { file } => check(&file),
        Command::Show { file } => show(&file),
    }
}

fn failure(error: config::Error) -> Failure {
    Failure::new(Failure::CONFIG, error)
}

/// All that is wrong, of all files, at once.
fn check(file: &Path) -> Result<ExitCode, Failure> {
    let config = config::load(file).map_err(failure)?;
    let mut set = RuleSet::built_in();
    let mut problems = Vec::new();
    match rule_files::read_all(&config.rules.paths, Trust::OwnerOnly) {
        Err(error) => problems.push(error.to_string()),
        Ok(files) => {
            for (origin, text) in files {
                let added = text.map_err(|error| error.to_string());
                let added = added.and_then(|text| set.add(&origin, &text).map_err(|error| error.to_string()).map(drop));
                problems.extend(added.err());
            }
        }
    }
    for (origin, text, entry) in entries(&config) {
        problems.extend(set.except(origin, text, entry).err().map(|error| error.to_string()));
    }
    if !problems.is_empty() {
        return Err(Failure::new(Failure::CONFIG, problems.join("\n")));
    }
    let lints = lint::lints(&config, &set, now());
    print(&format!("{}{}: ok\n", lint_lines(&lints), visible(&file.display().to_string())))?;
    Ok(ExitCode::from(u8::from(lints.iter().any(|lint| !lint.blinds))))
}

fn show(file: &Path) -> Result<ExitCode, Failure> {
    let config = config::load(file).map_err(failure)?;
    let mut set = RuleSet::default();
    add_exceptions(&config, &mut set)?;
    let mut text = config.to_toml().map_err(failure)?;
    for exception in &set.exceptions {
        let (name, reason) = (&exception.name, &exception.reason);
        let condition = exception.condition_text.split_whitespace().collect::<Vec<_>>().join(" ");
        text += &visible(&format!("# exception {name} ({reason}): {condition}"));
        text += "\n";
    }
    print(&text)
}

/// Findings as lines: `warning` for what hides attacks, `lint` for what has no effect.
pub(super) fn lint_lines(lints: &[Lint]) -> String {
    let kind = |lint: &Lint| if lint.blinds { "warning" } else { "lint" };
    lints.iter().map(|lint| format!("{:<7}  {}\n", kind(lint), visible(&lint.text))).collect()
}

/// The exceptions of a configuration, each with its file and the text of that.
fn entries(config: &Config) -> impl Iterator<Item = (&String, &String, &Entry)> {
    let (origin, text) = &config.source;
    let own = config.exceptions.iter().map(move |entry| (origin, text, entry));
    let files = config.exception_files.iter();
    own.chain(files.flat_map(|file| file.entries.iter().map(|entry| (&file.origin, &file.text, entry))))
}

/// Compiles the exceptions of a configuration into a set of rules.
pub(super) fn add_exceptions(config: &Config, set: &mut RuleSet) -> Result<(), Failure> {
    for (origin, text, entry) in entries(config) {
        set.except(origin, text, entry).map_err(|error| Failure::new(Failure::CONFIG, error))?;
    }
    Ok(())
}

/// All rules that a configuration could run, also those it turns off, with its exceptions.
pub(super) fn configured(config: &Config, paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut set = rule_files::load(true, paths, Trust::Anyone)?;
    rule_files::add(&mut set, &config.rules.paths, Trust::OwnerOnly)?;
    add_exceptions(config, &mut set)?;
    Ok(set)
}
