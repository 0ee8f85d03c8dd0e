//! `osawatch rules`: list, show, check and test rules.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Subcommand;

use super::clock::now;
use super::config::{ConfigArgs, add_exceptions, add_rules, configured, lint_lines, rule_findings};
use super::exit::Failure;
use super::exit::print;
use super::rule_files::{self, load, read_named, wrong};
use super::rule_tests;
use crate::config::lint;
use crate::config::trust::Trust;
use crate::config::{Action, Config};
use crate::detect::{Rule, RuleSet};
use crate::report::{plural, visible};
use crate::visible::{MAX_NAME, clipped};

/// The column of ids is no wider.
const MAX_WIDTH: usize = 80;
/// Rules that cannot run are named up to these; then they are counted.
const SHOWN_SKIPPED: usize = 10;

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
    /// Check rule files: ok, skipped (and why) or in error (and where); with --config, also which exceptions have no
    /// effect
    Check {
        /// Rule files, or directories of them
        #[arg(required_unless_present = "config", value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Also name the rules that can never alert on a live Mac, and why
        #[arg(long)]
        live: bool,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Run the examples of rules: events that must and must not alert
    Test(rule_tests::Args),
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List { rules, no_builtin } => list(&load(!no_builtin, &rules, Trust::Anyone)?),
        Command::Show { id, rules } => show(&load(true, &rules, Trust::Anyone)?, &id),
        Command::Check { paths, live, config } => check(&paths, live, &config),
        Command::Test(args) => rule_tests::run(&args),
    }
}

/// Which rules a run uses.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct Selection {
    /// Also load the rules in this file, or in every .toml and .ndjson file of this directory
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Do not load the built-in rules
    #[arg(long)]
    no_builtin: bool,
    /// Use only the rule with this id, even one that is off by default; may be given several times
    #[arg(long, value_name = "RULE_ID")]
    only: Vec<String>,
    /// Also use the rule with this id, which is off by default; may be given several times
    #[arg(long, value_name = "RULE_ID")]
    enable: Vec<String>,
}

impl Selection {
    /// The rules; a wrong one is an error, one that cannot run is kept with its reason.
    /// `trust` is of the files on the command line; those of the configuration decide like it.
    pub(super) fn load(&self, config: Option<&Config>, trust: Trust) -> Result<RuleSet, Failure> {
        self.load_into(RuleSet::default(), config, trust)
    }

    /// The same, into a set that has no rules yet.
    pub(super) fn load_into(&self, set: RuleSet, config: Option<&Config>, trust: Trust) -> Result<RuleSet, Failure> {
        let (set, skipped) = self.read_into(set, config, trust)?;
        warn_of_skipped(&skipped);
        Ok(set)
    }

    /// The same, and why rules of the command line cannot run, which is for the caller to say.
    pub(super) fn read_into(
        &self,
        mut set: RuleSet,
        config: Option<&Config>,
        trust: Trust,
    ) -> Result<(RuleSet, Vec<String>), Failure> {
        if !self.no_builtin {
            set.add_built_in();
        }
        let skipped = rule_files::add(&mut set, read_named(&self.rules, trust)?)?;
        if let Some(config) = config {
            add_rules(config, &mut set)?;
            let is_known = |id: &&String| set.rules.iter().any(|rule| rule.id == **id);
            let enabled: Vec<String> = config.rules.enable.iter().filter(is_known).cloned().collect();
            let _ = set.turn_on(&enabled);
            set.rules.retain(|rule| !config.rules.disable.contains(&rule.id));
            add_exceptions(config, &mut set)?;
            let response = &config.response;
            set.rules.iter_mut().for_each(|rule| rule.each_run = response.action_of(&rule.id) != Action::None);
            if set.rules.is_empty() {
                let why = format!("{}: no rules to run: `disable` lists them all", config.source.0);
                return Err(Failure::new(Failure::CONFIG, why));
            }
        } else if set.rules.is_empty() {
            let why = "no rules to run: --no-builtin needs --rules with a rule file";
            return Err(Failure::new(Failure::USAGE, why));
        }
        let hint = if self.no_builtin {
            "--no-builtin leaves out the built-in ones"
        } else {
            "`osawatch rules list` shows them"
        };
        let unknown = |id: &str| Failure::new(Failure::USAGE, format!("no rule has the id `{id}`; {hint}"));
        set.turn_on(&self.enable).map_err(unknown)?;
        if !self.only.is_empty() {
            set.keep_only(&self.only).map_err(unknown)?;
        }
        // What is off is no part of the run, as what the configuration disables is none.
        set.rules.retain(|rule| !rule.is_off());
        if set.rules.is_empty() {
            let why = "no rules to run: all of them are off; --enable turns one on";
            return Err(Failure::new(Failure::USAGE, why));
        }
        Ok((set, skipped))
    }
}

/// Names the rules that cannot run, of files that the user named.
fn warn_of_skipped(skipped: &[String]) {
    skipped.iter().take(SHOWN_SKIPPED).for_each(|why| log::warn!("skipped {why}"));
    if let more @ 1.. = skipped.len().saturating_sub(SHOWN_SKIPPED) as u64 {
        log::warn!("skipped {} more; `osawatch rules check` says why", plural(more, "rule"));
    }
}

fn list(set: &RuleSet) -> Result<ExitCode, Failure> {
    let width = set.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0).min(MAX_WIDTH);
    let mut out = String::new();
    for rule in &set.rules {
        let state = match rule.inert() {
            None => "ok",
            Some(_) if rule.is_off() => "off",
            Some(_) => "skipped",
        };
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
    let mut out = format!("{}\n\n", visible(&rule.name));
    let mut row = |label: &str, value: String| {
        if !value.is_empty() {
            out += &format!("{label:<16}{}\n", visible(&value));
        }
    };
    row("id", rule.id.clone());
    row("version", rule.version.clone());
    row("from", rule.written_in());
    row("severity", format!("{} ({}), risk score {}", rule.severity, rule.severity.number(), rule.risk_score));
    row(
        "state",
        rule.inert().map_or_else(
            || "ok".to_owned(),
            |why| if rule.is_off() { why.to_owned() } else { format!("skipped: {why}") },
        ),
    );
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

fn check(paths: &[PathBuf], live: bool, config: &ConfigArgs) -> Result<ExitCode, Failure> {
    let (mut out, mut counts) = (String::new(), [0_usize; 3]);
    let (mut set, mut built_in) = (RuleSet::default(), RuleSet::built_in());
    for (origin, text) in read_named(paths, Trust::Anyone)? {
        let rules = match text {
            Ok(text) => set.add_file(&origin, &text).into_iter().map(|rule| rule.map_err(wrong)).collect(),
            Err(error) => vec![Err(error)],
        };
        for rule in rules {
            let (state, line) = checked(rule, &built_in);
            counts[state] += 1;
            out += &line;
        }
    }
    if live {
        out += &never_live(&set);
    }
    if !paths.is_empty() {
        out += &format!("{} ok, {} skipped, {} in error\n", counts[0], counts[1], counts[2]);
    }
    if let Some(config) = config.load()? {
        let set = configured(&config, paths)?;
        let mut found = lint::lints(&config, &set, now());
        found.extend(rule_findings(&config, &mut built_in).1);
        counts[2] += found.iter().filter(|lint| !lint.blinds).count();
        out += &lint_lines(&found);
        out +=
            &format!("{}, {}\n", plural(set.exceptions.len() as u64, "exception"), plural(found.len() as u64, "lint"));
    }
    print(&out.lines().map(|line| visible(line) + "\n").collect::<String>())?;
    Ok(ExitCode::from(u8::from(counts[2] > 0)))
}

/// A line about a rule, and what is counted: ok, skipped or in error.
fn checked(rule: Result<Rule, Failure>, built_in: &RuleSet) -> (usize, String) {
    let rule = match rule {
        Ok(rule) => rule,
        Err(error) => return (2, format!("error    {error}\n")),
    };
    let origin = visible(&rule.written_in());
    match rule.inert() {
        Some(why) if rule.is_off() => (0, format!("ok       {origin} ({why}){}\n", remarks(&rule))),
        Some(why) => (1, format!("skipped  {origin}: {}\n", visible(&clipped(why, MAX_NAME)))),
        None => (0, format!("ok       {origin}{}{}\n", remarks(&rule), shadowed(&rule, built_in))),
    }
}

/// The rules that can never alert on a live Mac.
fn never_live(set: &RuleSet) -> String {
    let found = set.rules.iter().filter_map(|rule| Some((rule, set.never_live(rule)?)));
    found.map(|(rule, why)| format!("never    {}: {why}\n", visible(&rule.written_in()))).collect()
}

/// That a rule runs only where the built-in one of its id does not.
fn shadowed(rule: &Rule, built_in: &RuleSet) -> &'static str {
    let is_taken = built_in.rules.iter().any(|other| other.id == rule.id);
    if is_taken { " (the built-in rule of this id runs instead, unless --no-builtin leaves it out)" } else { "" }
}

fn remarks(rule: &Rule) -> String {
    rule.remarks.iter().map(|remark| format!(" ({})", visible(&clipped(remark, MAX_NAME)))).collect()
}
