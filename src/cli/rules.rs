//! `osawatch rules`: list, show, check and test rules.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::clock::now;
use super::config::{ConfigArgs, add_exceptions, configured, lint_lines};
use super::exit::Failure;
use super::exit::print;
use super::rule_files::{self, load, read_all};
use crate::config::Config;
use crate::config::lint;
use crate::config::trust::Trust;
use crate::detect::{Rule, RuleSet};
use crate::event::{Decoded, Line, Machine};
use crate::pipeline::{Limits, Pipeline};
use crate::report::{plural, visible};
use crate::source::Decoder;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List rules with id, severity, state and name
    List {
        /// Also list the rules in this file or directory
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
        /// Do not load the built-in rules
        #[arg(long)]
        no_builtin: bool,
    },
    /// Show a rule with its query and triage note
    Show {
        /// The id of the rule
        id: String,
        /// Also look in this file or directory
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
    },
    /// Check rule files: ok, skipped and why, or in error and where; with --config, also which exceptions have no
    /// effect
    Check {
        /// Rule files, or directories of them
        #[arg(required_unless_present = "config", value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Run the examples of rules: events that must and must not alert
    Test {
        /// Rule files, or directories of them [default: the built-in rules]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List { rules, no_builtin } => list(&load(!no_builtin, &rules, Trust::Anyone)?),
        Command::Show { id, rules } => show(&load(true, &rules, Trust::Anyone)?, &id),
        Command::Check { paths, config } => check(&paths, &config),
        Command::Test { paths } => test(&paths),
    }
}

/// Which rules a run uses.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Also load the rules in this file, or in every .toml file of this directory
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Do not load the built-in rules
    #[arg(long)]
    no_builtin: bool,
    /// Use only the rule with this id; may be given several times
    #[arg(long, value_name = "RULE_ID")]
    only: Vec<String>,
}

impl Selection {
    /// The rules; a wrong one is an error, one that cannot run is kept with its reason.
    /// `trust` is of the files on the command line; those of the configuration decide like it.
    pub(super) fn load(&self, config: Option<&Config>, trust: Trust) -> Result<RuleSet, Failure> {
        let mut set = if self.no_builtin { RuleSet::default() } else { RuleSet::built_in() };
        rule_files::add(&mut set, &self.rules, trust)?;
        if let Some(config) = config {
            rule_files::add(&mut set, &config.rules.paths, Trust::OwnerOnly)?;
            set.rules.retain(|rule| !config.rules.disable.contains(&rule.id));
            add_exceptions(config, &mut set)?;
            if set.rules.is_empty() {
                let why = format!("{}: no rules to run: `disable` lists them all", config.source.0);
                return Err(Failure::new(Failure::CONFIG, why));
            }
        } else if set.rules.is_empty() {
            let why = "no rules to run: --no-builtin needs --rules with a rule file";
            return Err(Failure::new(Failure::USAGE, why));
        }
        if !self.only.is_empty() {
            set.keep_only(&self.only).map_err(|id| {
                Failure::new(Failure::USAGE, format!("no rule has the id `{id}`; `osawatch rules list` shows them"))
            })?;
        }
        Ok(set)
    }
}

fn list(set: &RuleSet) -> Result<ExitCode, Failure> {
    let width = set.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for rule in &set.rules {
        let state = if rule.inert().is_some() { "skipped" } else { "ok" };
        let severity = rule.severity.to_string();
        out += &format!("{:width$}  {severity:8}  {state:7}  {}\n", visible(&rule.id), visible(&rule.name));
    }
    print(&out)
}

fn show(set: &RuleSet, id: &str) -> Result<ExitCode, Failure> {
    let Some(rule) = set.rules.iter().find(|rule| rule.id == id) else {
        let hint = set.nearest(id).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
        return Err(Failure::new(Failure::USAGE, format!("no rule has the id `{id}`{hint}")));
    };
    print(&describe(rule))
}

fn describe(rule: &Rule) -> String {
    let mut out = format!("{}\n\n", rule.name);
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            out += &format!("{label:<16}{value}\n");
        }
    };
    row("id", rule.id.clone());
    row("version", rule.version.clone());
    row("from", rule.origin.clone());
    row("severity", format!("{} ({}), risk score {}", rule.severity, rule.severity.number(), rule.risk_score));
    row("state", rule.inert().map_or_else(|| "ok".to_owned(), |why| format!("skipped: {why}")));
    row("tags", rule.tags.join(", "));
    for threat in &rule.threats {
        row("tactic", format!("{} {}", threat.tactic.id, threat.tactic.name));
        for technique in &threat.technique {
            row("technique", format!("{} {}", technique.id, technique.name));
            technique.subtechnique.iter().for_each(|sub| row("", format!("{} {}", sub.id, sub.name)));
        }
    }
    row("yields to", rule.yields_to.join(", "));
    rule.remarks.iter().for_each(|remark| row("remark", remark.clone()));
    rule.references.iter().for_each(|reference| row("reference", reference.clone()));
    for (title, text) in [("", &rule.description), ("Query", &rule.query_text), ("", &rule.note)] {
        if !text.is_empty() {
            out += if title.is_empty() { "\n" } else { "\n## Query\n" };
            out += text;
            out += "\n";
        }
    }
    out.lines().map(|line| visible(line) + "\n").collect()
}

fn check(paths: &[PathBuf], config: &ConfigArgs) -> Result<ExitCode, Failure> {
    let (mut out, mut counts) = (String::new(), [0_usize; 3]);
    let mut set = RuleSet::default();
    for (origin, text) in read_all(paths, Trust::Anyone)? {
        let loaded = text.map_err(|error| error.to_string());
        let loaded = loaded.and_then(|text| set.add(&origin, &text).map_err(|error| error.to_string()));
        let (state, line) = match loaded.map(|rule| (rule, rule.inert())) {
            Err(error) => (2, format!("error    {error}\n")),
            Ok((_, Some(why))) => (1, format!("skipped  {origin}: {why}\n")),
            Ok((rule, None)) => (0, format!("ok       {origin}{}\n", remarks(rule))),
        };
        counts[state] += 1;
        out += &line;
    }
    if !paths.is_empty() {
        out += &format!("{} ok, {} skipped, {} in error\n", counts[0], counts[1], counts[2]);
    }
    if let Some(config) = config.load()? {
        let set = configured(&config, paths)?;
        let found = lint::lints(&config, &set, now());
        counts[2] += found.iter().filter(|lint| !lint.blinds).count();
        out += &lint_lines(&found);
        out +=
            &format!("{}, {}\n", plural(set.exceptions.len() as u64, "exception"), plural(found.len() as u64, "lint"));
    }
    print(&out.lines().map(|line| visible(line) + "\n").collect::<String>())?;
    Ok(ExitCode::from(u8::from(counts[2] > 0)))
}

fn remarks(rule: &Rule) -> String {
    rule.remarks.iter().map(|remark| format!(" ({remark})")).collect()
}

fn test(paths: &[PathBuf]) -> Result<ExitCode, Failure> {
    let (set, files) = if paths.is_empty() {
        (RuleSet::built_in(), Vec::new())
    } else {
        (RuleSet::default(), read_all(paths, Trust::Anyone)?)
    };
    let mut rules = set.rules;
    let mut texts = std::collections::HashMap::new();
    for (origin, text) in files {
        let text = text?;
        let mut set = RuleSet::default();
        rules.push(set.add(&origin, &text).map_err(|error| Failure::new(Failure::CONFIG, error))?.clone());
        texts.insert(origin, text);
    }
    let (mut out, mut passed, mut failed) = (String::new(), 0, 0);
    for rule in rules.iter().filter(|rule| rule.inert().is_none()) {
        for example in &rule.examples {
            let found = alerts_of(rule, texts.get(&rule.origin), &example.events);
            let verdict = match found {
                Ok(count) if count == example.alerts => "pass".to_owned(),
                Ok(count) => format!("FAIL: {}, expected {}", plural(count as u64, "alert"), example.alerts),
                Err(error) => format!("FAIL: {error}"),
            };
            *(if verdict == "pass" { &mut passed } else { &mut failed }) += 1;
            out += &visible(&format!("{}: {}: {verdict}", rule.id, example.name));
            out += "\n";
        }
        if rule.examples.is_empty() {
            out += &visible(&format!("{}: has no example", rule.id));
            out += "\n";
        }
    }
    out += &format!("{passed} passed, {failed} failed\n");
    print(&out)?;
    Ok(ExitCode::from(u8::from(failed > 0)))
}

/// How many alerts a rule alone raises on the events of an example.
fn alerts_of(rule: &Rule, text: Option<&String>, events: &str) -> Result<usize, String> {
    let mut set = match text {
        None => RuleSet::built_in(),
        Some(text) => {
            let mut set = RuleSet::default();
            set.add(&rule.origin, text).map_err(|error| error.to_string())?;
            set
        }
    };
    let id = [rule.id.clone()];
    set.keep_only(&id).map_err(str::to_owned)?;
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut alerts = 0;
    for (number, line) in events.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let decoding = decoder.decode(&Line::from(line.to_owned()), None);
        match decoding.map_err(|error| format!("line {} of the example: {error}", number + 1))?.decoded {
            Decoded::Event(event) => pipeline.push(event, |_| alerts += 1),
            Decoded::Skipped(_) => {}
        }
    }
    pipeline.finish(|_| alerts += 1);
    Ok(alerts)
}
