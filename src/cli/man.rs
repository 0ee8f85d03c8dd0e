//! `osawatch man` and `osawatch completions`: what other programs show of the command line.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Command;
use clap::builder::PossibleValuesParser;

use super::evidence::OutputFile;
use super::exit::{Failure, print};
use crate::detect::RuleSet;

/// Arguments that are ids of rules.
const RULE_IDS: [&str; 4] = ["only", "enable", "rule", "id"];

/// Arguments of `man`.
#[derive(Debug, clap::Args)]
pub(super) struct ManArgs {
    /// Write a page for each command into this directory [default: print the page of osawatch]
    #[arg(long, value_name = "DIR")]
    output: Option<PathBuf>,
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub(super) struct CompletionArgs {
    /// The shell
    shell: clap_complete::Shell,
}

/// Prints or writes manual pages.
pub(super) fn man(args: &ManArgs, command: Command) -> Result<ExitCode, Failure> {
    let command = without_help(command);
    let Some(folder) = &args.output else {
        return print(&page(command)?);
    };
    let mut command = command;
    command.build();
    write(folder, &command, "osawatch")?;
    Ok(ExitCode::SUCCESS)
}

/// `help` prints what the pages say: it has none of its own, and none refers to one.
fn without_help(command: Command) -> Command {
    command.disable_help_subcommand(true).mut_subcommands(without_help)
}

fn write(folder: &Path, command: &Command, name: &str) -> Result<(), Failure> {
    let path = folder.join(format!("{name}.1"));
    let named = command.clone().name(name.to_owned()).display_name(name.to_owned());
    OutputFile::manual(&path).write(&page(named)?)?;
    for inner in command.get_subcommands() {
        write(folder, inner, &format!("{name}-{}", inner.get_name()))?;
    }
    Ok(())
}

fn page(command: Command) -> Result<String, Failure> {
    let mut out = Vec::new();
    let written = clap_mangen::Man::new(command).render(&mut out);
    written.map_err(|error| Failure::new(Failure::IO, format!("cannot make the page: {error}")))?;
    Ok(String::from_utf8_lossy(&out).into_owned())
}

/// Prints a completion script, which knows the ids of the built-in rules.
pub(super) fn completions(args: &CompletionArgs, command: Command) -> Result<ExitCode, Failure> {
    let ids: Vec<String> = RuleSet::built_in().rules.into_iter().map(|rule| rule.id).collect();
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut with_ids(command, &ids), "osawatch", &mut script);
    print(&String::from_utf8_lossy(&script))
}

fn with_ids(command: Command, ids: &[String]) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    let is_of_ids = |arg: &clap::Arg| RULE_IDS.contains(&arg.get_id().as_str());
    let command = command
        .mut_args(|arg| if is_of_ids(&arg) { arg.value_parser(PossibleValuesParser::new(ids.to_vec())) } else { arg });
    names.into_iter().fold(command, |command, name| command.mut_subcommand(name, |inner| with_ids(inner, ids)))
}
