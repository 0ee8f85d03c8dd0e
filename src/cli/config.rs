//! `osawatch config`: check and show a configuration. `--config` of the other commands.

use std::collections::HashMap;
use std::fmt::Display;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::clock::now;
use super::exit::Failure;
use super::exit::print;
use super::rule_files;
use super::shown;
use crate::config::lint::{self, Lint};
use crate::config::trust::Trust;
use crate::config::{self, Config, Layers, Origin, Problem, Rules};
use crate::detect::RuleSet;
use crate::place::Place;
use crate::report::{plural, visible};

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
        let load = |path: &PathBuf| config::load(path).map_err(failure);
        self.config.as_ref().map(load).transpose()
    }
}

/// The configuration of an agent that is installed, or is to be.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct LayerArgs {
    /// Read the configuration of this file [default: /Library/Application Support/osawatch/config.toml, if it is there]
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    managed: ManagedArgs,
}

/// The option `--managed-preferences`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ManagedArgs {
    /// Read the managed preferences of this property list, which take precedence key by key [default: /Library/Managed
    /// Preferences/io.osawatch.agent.plist, if it is there]
    #[arg(long, value_name = "FILE")]
    managed_preferences: Option<PathBuf>,
}

impl LayerArgs {
    /// Where the layers are.
    pub(super) fn layers(&self) -> Layers {
        layers(self.config.as_deref(), &self.managed)
    }

    /// The values in effect; `None`: there is no configuration.
    pub(super) fn load(&self) -> Result<Option<Config>, Failure> {
        let layers = self.layers();
        layers.exist().then(|| layers.load().map_err(failure)).transpose()
    }

    /// The values as far as they are right, for a command that looks at what an agent does that may have refused them,
    /// and what is wrong. A file that is named has to be there.
    pub(super) fn read(&self) -> Result<(Config, Vec<Problem>), Failure> {
        let layers = self.layers();
        let (config, problems) = layers.read();
        match layers.lack_a_named_file() {
            true => Err(failure(config::Error { problems })),
            false => Ok((config, problems)),
        }
    }

    /// The alert file of the agent, with a warning where the configuration that names it is wrong.
    pub(super) fn alert_file(&self) -> Result<PathBuf, Failure> {
        let (config, problems) = self.read()?;
        refused(&problems).into_iter().for_each(|why| log::warn!("{why}"));
        Ok(config.alerts.file)
    }
}

/// That a configuration is wrong, with the first mistake.
pub(super) fn refused(problems: &[Problem]) -> Option<String> {
    let (first, others) = problems.split_first()?;
    let more = match others.len() as u64 {
        0 => String::new(),
        count => format!(" (and {}: `osawatch config check` has all)", plural(count, "other mistake")),
    };
    Some(format!("the configuration is refused: {first}{more}"))
}

fn layers(file: Option<&Path>, managed: &ManagedArgs) -> Layers {
    let managed = managed.managed_preferences.as_deref();
    Layers {
        file: file.unwrap_or(Path::new(Layers::FILE)).to_owned(),
        is_named: file.is_some(),
        managed: Some(managed.unwrap_or(Path::new(Layers::MANAGED)).to_owned()),
        is_managed_named: managed.is_some(),
    }
}

/// Which configuration `config` is about.
#[derive(Debug, clap::Args)]
pub(super) struct Named {
    /// The file [default: /Library/Application Support/osawatch/config.toml, if it is there]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    managed: ManagedArgs,
    /// As JSON
    #[arg(long)]
    json: bool,
}

impl Named {
    fn layers(&self) -> Layers {
        layers(self.file.as_deref(), &self.managed)
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Validate a configuration: its files, managed preferences, exceptions and rules
    Check(Named),
    /// Print the values in effect, each with its origin
    Show(Named),
    /// List every key with its type, default and range
    Keys {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::Check(named) => check(&named),
        Command::Show(named) => show(&named),
        Command::Keys { json } => print(&if json { shown::keys_json() } else { shown::keys() }),
    }
}

fn failure(error: config::Error) -> Failure {
    Failure::new(Failure::CONFIG, error)
}

/// All that is wrong, of all files, at once.
fn check(named: &Named) -> Result<ExitCode, Failure> {
    let layers = named.layers();
    let (problems, lints) = findings(&layers);
    if named.json {
        print(&shown::check_json(&problems, &lints))?;
    } else if problems.is_empty() {
        let verdict = if layers.are_there() { "ok" } else { "there is none; the defaults apply" };
        print(&format!("{}{}: {verdict}\n", lint_lines(&lints), visible(&layers.file.display().to_string())))?;
    } else {
        print(&lint_lines(&lints))?;
        return Err(Failure::new(Failure::CONFIG, problems.join("\n")));
    }
    Ok(match lints.iter().any(|lint| !lint.blinds) {
        _ if !problems.is_empty() => Failure::CONFIG.into(),
        has_lints => ExitCode::from(u8::from(has_lints)),
    })
}

/// What is wrong with a configuration, its exceptions and its rules, and what should be looked at.
pub(super) fn findings(layers: &Layers) -> (Vec<String>, Vec<Lint>) {
    let (config, problems) = layers.read();
    let mut problems: Vec<Wrong> = problems.into_iter().map(Wrong::from).collect();
    let mut set = RuleSet::built_in();
    let (of_rules, unused) = rule_findings(&config, &mut set);
    let are_rules_known = of_rules.is_empty();
    problems.extend(of_rules);
    problems.extend(exceptions(&config, &mut set));
    problems.extend(in_the_way(&config));
    // Of a rule that is wrong nothing would be known.
    let mut lints = if are_rules_known { lint::lints(&config, &set, now()) } else { Vec::new() };
    lints.extend(unused);
    lints.extend(config.unknown_keys.into_iter().map(|text| Lint { blinds: false, text }));
    (in_order(problems), lints)
}

/// Something that is wrong, and where, as far as it has a place.
pub(super) struct Wrong {
    file: String,
    place: Option<Place>,
    text: String,
}

impl Wrong {
    /// Of a path that a key names.
    fn of_key(config: &Config, key: &str, why: impl Display) -> Wrong {
        let name = key.rsplit('.').next().unwrap_or(key);
        let text = format!("{}: `{name}`: {why}", visible(&config.place_of(key)));
        match config.origins.of(key) {
            Origin::File { file, place } => Wrong { file, place: Some(place), text },
            Origin::Managed { file } => Wrong { file, place: None, text },
            Origin::Default => Wrong { file: config.source.0.clone(), place: None, text },
        }
    }
}

impl From<config::Problem> for Wrong {
    fn from(problem: config::Problem) -> Wrong {
        Wrong { text: problem.to_string(), place: problem.place, file: problem.origin }
    }
}

/// One file after the other, each in the order of its lines.
fn in_order(mut problems: Vec<Wrong>) -> Vec<String> {
    let mut files = HashMap::new();
    for Wrong { file, .. } in &problems {
        let next = files.len();
        files.entry(file.clone()).or_insert(next);
    }
    problems.sort_by_key(|wrong| (files.get(&wrong.file).copied(), wrong.place));
    problems.into_iter().map(|wrong| wrong.text).collect()
}

/// What is in the place of a file or a folder that an agent makes.
fn in_the_way(config: &Config) -> Vec<Wrong> {
    let is_folder = |path: &Path| fs::metadata(path).ok().map(|found| found.is_dir());
    let (file, state) = (&config.alerts.file, &config.alerts.state_directory);
    let shown = |path: &Path| visible(&path.to_string_lossy());
    let mut found = Vec::new();
    if is_folder(file) == Some(true) {
        let why = format!("{} is a folder; name a file in it", shown(file));
        found.push(Wrong::of_key(config, "alerts.file", why));
    }
    if is_folder(state) == Some(false) {
        let why = format!("{} is not a folder; name another path, or move it away", shown(state));
        found.push(Wrong::of_key(config, "alerts.state_directory", why));
    }
    found
}

/// Adds the rules of a configuration to a set; returns what is wrong with them, and which have no effect.
pub(super) fn rule_findings(config: &Config, set: &mut RuleSet) -> (Vec<Wrong>, Vec<Lint>) {
    let (mut problems, mut unused) = (Vec::new(), Vec::new());
    let place = config.place_of("rules.paths");
    let own = Path::new(&config.source.0).with_file_name(Rules::FOLDER);
    for path in &config.rules.paths {
        match rule_files::read_all(path, Trust::OwnerOnly) {
            Err(error) => problems.push(Wrong::of_key(config, "rules.paths", &error)),
            Ok(files) if files.is_empty() && *path == own => {}
            Ok(files) if files.is_empty() => {
                unused.push(format!(
                    "{place}: `paths` names {}, where no file is a rule (*.toml, *.ndjson)",
                    path.display()
                ));
            }
            Ok(files) => {
                let before = set.rules.len();
                let mut wrong = 0;
                for (file, text) in files {
                    let rules = text.map(|text| set.add_file(&file, &text));
                    let errors: Vec<String> = match rules {
                        Ok(rules) => rules.into_iter().filter_map(Result::err).map(|error| error.to_string()).collect(),
                        Err(error) => vec![error.to_string()],
                    };
                    wrong += errors.len();
                    problems.extend(errors.into_iter().map(|text| Wrong { file: file.clone(), place: None, text }));
                }
                unused.extend(idle(set, before, wrong));
            }
        }
    }
    (problems, unused.into_iter().map(|text| Lint { blinds: false, text }).collect())
}

/// Of the rules from this one on, beside which so many are wrong, those of which it should be known that they do not run:
/// a path may hold rules for other systems as well, which is no mistake while one of its rules runs.
fn idle(set: &RuleSet, first: usize, wrong: usize) -> Vec<String> {
    let skipped: Vec<(usize, String)> =
        (first..set.rules.len()).filter_map(|at| Some((at, rule_files::why_skipped(&set.rules[at])?))).collect();
    let runs_none = wrong == 0 && skipped.len() == set.rules.len() - first;
    // One that has the id of another, which runs instead.
    let is_second = |at: usize| set.rules[..at].iter().any(|rule| rule.id == set.rules[at].id);
    let told = skipped.into_iter().filter(|(at, _)| runs_none || is_second(*at));
    told.map(|(_, why)| format!("the rule of {why}")).collect()
}

/// Adds the rules of a configuration to a set.
pub(super) fn add_rules(config: &Config, set: &mut RuleSet) -> Result<(), Failure> {
    for path in &config.rules.paths {
        rule_files::add(set, rule_files::read_all(path, Trust::OwnerOnly)?)?;
    }
    Ok(())
}

fn show(named: &Named) -> Result<ExitCode, Failure> {
    let config = named.layers().load().map_err(failure)?;
    let mut set = RuleSet::default();
    add_exceptions(&config, &mut set)?;
    print(&if named.json { shown::json(&config, &set.exceptions) } else { shown::text(&config, &set.exceptions) })
}

/// Findings as lines: `warning` for what hides attacks, `lint` for what has no effect.
pub(super) fn lint_lines(lints: &[Lint]) -> String {
    let kind = |lint: &Lint| if lint.blinds { "warning" } else { "lint" };
    lints.iter().map(|lint| format!("{:<7}  {}\n", kind(lint), visible(&lint.text))).collect()
}

/// Compiles the exceptions of a configuration into a set of rules; returns what is wrong with them.
fn exceptions(config: &Config, set: &mut RuleSet) -> Vec<Wrong> {
    let mut problems = Vec::new();
    let (origin, text) = &config.source;
    let own = config.exceptions.iter().map(|entry| (origin, text.as_str(), entry));
    let files = config.exception_files.iter().flat_map(|file| {
        // What is managed has no lines.
        let text = if file.is_managed { "" } else { &file.text };
        file.entries.iter().map(move |entry| (&file.origin, text, entry))
    });
    for (origin, text, entry) in own.chain(files) {
        if let Err(error) = set.except(origin, text, entry) {
            let (file, place) = (error.origin.clone(), Some(error.place).filter(|_| !text.is_empty()));
            let error = error.to_string();
            let text = if place.is_none() { error.replacen(":1:1: ", ": ", 1) } else { error };
            problems.push(Wrong { file, place, text });
        }
    }
    problems
}

/// Compiles the exceptions of a configuration into a set of rules.
pub(super) fn add_exceptions(config: &Config, set: &mut RuleSet) -> Result<(), Failure> {
    let problems = in_order(exceptions(config, set));
    if problems.is_empty() { Ok(()) } else { Err(Failure::new(Failure::CONFIG, problems.join("\n"))) }
}

/// All rules that a configuration could run, also those it turns off, with its exceptions.
pub(super) fn configured(config: &Config, paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut set = rule_files::load(true, paths, Trust::Anyone)?;
    add_rules(config, &mut set)?;
    add_exceptions(config, &mut set)?;
    Ok(set)
}
