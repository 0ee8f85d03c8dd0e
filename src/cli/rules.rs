//! `osawatch rules`: list, show, check and test rules.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::clock::now;
use super::config::{ConfigArgs, add_exceptions};
use super::exit::Failure;
use super::exit::print;
use crate::config::Config;
use crate::detect::{Rule, RuleSet, lint};
use crate::event::{Decoded, Line, Machine};
use crate::pipeline::{Limits, Pipeline};
use crate::report::visible;
use crate::source::Decoder;

/// A rule file is a page of text; this bounds what a mistaken path can cost.
const MAX_RULE_BYTES: u64 = 4 << 20;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// List the rules: id, severity, whether they run, name
    List {
        /// Also list the rules of this file or folder
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
        /// Leave out the built-in rules
        #[arg(long)]
        no_builtin: bool,
    },
    /// Show a rule with its query and triage note
    Show {
        /// The id of the rule
        id: String,
        /// Also look in this file or folder
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
    },
    /// Say of each rule file: it loads, it is inert and why, or it is wrong and where; with --config, also which
    /// exceptions do nothing
    Check {
        /// Rule files, or folders of them
        #[arg(required_unless_present = "config", value_name = "PATH")]
        paths: Vec<PathBuf>,
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Run the examples that rules carry: events that must and must not alert
    Test {
        /// Rule files, or folders of them [default: the built-in rules]
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
}

pub(super) fn run(command: Command) -> Result<ExitCode, Failure> {
    match command {
        Command::List { rules, no_builtin } => list(&load(!no_builtin, &rules)?),
        Command::Show { id, rules } => show(&load(true, &rules)?, &id),
        Command::Check { paths, config } => check(&paths, &config),
        Command::Test { paths } => test(&paths),
    }
}

/// Which rules a run uses.
#[derive(Debug, clap::Args)]
pub(super) struct Selection {
    /// Also load the rules of this file, or of every .toml file in this folder
    #[arg(long, value_name = "PATH")]
    rules: Vec<PathBuf>,
    /// Leave out the built-in rules
    #[arg(long)]
    no_builtin: bool,
    /// Use only the rule with this id; may be given several times
    #[arg(long, value_name = "RULE_ID")]
    only: Vec<String>,
}

impl Selection {
    /// The rules; a wrong one is an error, an inert one is kept with its reason.
    pub(super) fn load(&self, config: Option<&Config>) -> Result<RuleSet, Failure> {
        let configured = config.map_or(&[][..], |config| &config.rules.paths);
        let mut set = load(!self.no_builtin, &[&self.rules, configured].concat())?;
        if let Some(config) = config {
            set.rules.retain(|rule| !config.rules.disable.contains(&rule.id));
            add_exceptions(config, &mut set)?;
            if set.rules.is_empty() {
                let why = format!("{}: there is no rule to run: `disable` names them all", config.source.0);
                return Err(Failure::new(Failure::CONFIG, why));
            }
        }
        if !self.only.is_empty() {
            set.keep_only(&self.only).map_err(|id| {
                Failure::new(Failure::USAGE, format!("no rule has the id `{id}`; `osawatch rules list` shows them"))
            })?;
        }
        Ok(set)
    }
}

/// The rules of a run; a wrong one is an error, an inert one is kept with its reason.
pub(super) fn load(built_in: bool, paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut set = if built_in { RuleSet::built_in() } else { RuleSet::default() };
    for (origin, text) in read_all(paths)? {
        set.add(&origin, &text?).map_err(|error| Failure::new(Failure::CONFIG, error))?;
    }
    if set.rules.is_empty() {
        return Err(Failure::new(
            Failure::USAGE,
            "there is no rule to run: --no-builtin needs --rules with a rule file",
        ));
    }
    Ok(set)
}

/// A rule file by its path, with its text or why it cannot be read.
type RuleFile = (String, Result<String, Failure>);

/// The rule files at these paths, folders in order of name.
fn read_all(paths: &[PathBuf]) -> Result<Vec<RuleFile>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        find(path, &mut files)?;
    }
    Ok(files.into_iter().map(|file| (file.display().to_string(), read(&file))).collect())
}

fn find(path: &Path, files: &mut Vec<PathBuf>) -> Result<(), Failure> {
    let failure =
        |error: io::Error| Failure::new(Failure::NO_INPUT, format!("{}: cannot read: {error}", path.display()));
    if !fs::metadata(path).map_err(failure)?.is_dir() {
        files.push(path.to_owned());
        return Ok(());
    }
    let mut entries = Vec::new();
    for entry in fs::read_dir(path).map_err(failure)? {
        entries.push(entry.map_err(failure)?);
    }
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        // A link to a folder is not followed: it may lead back.
        let kind = entry.file_type().map_err(failure)?;
        let is_rule = entry.path().extension().is_some_and(|extension| extension == "toml");
        if kind.is_dir() || (is_rule && !entry.path().is_dir()) {
            find(&entry.path(), files)?;
        }
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, Failure> {
    let failure = |error: String| Failure::new(Failure::NO_INPUT, format!("{}: {error}", path.display()));
    let size = fs::metadata(path).map_err(|error| failure(format!("cannot read: {error}")))?.len();
    if size > MAX_RULE_BYTES {
        return Err(failure(format!("{size} bytes is too long for a rule file")));
    }
    fs::read_to_string(path).map_err(|error| failure(format!("cannot read: {error}")))
}

fn list(set: &RuleSet) -> Result<ExitCode, Failure> {
    let width = set.rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for rule in &set.rules {
        let state = if rule.inert().is_some() { "inert" } else { "runs" };
        let severity = rule.severity.to_string();
        out += &format!("{:width$}  {severity:8}  {state:5}  {}\n", visible(&rule.id), visible(&rule.name));
    }
    print(&out)
}

fn show(set: &RuleSet, id: &str) -> Result<ExitCode, Failure> {
    let Some(rule) = set.rules.iter().find(|rule| rule.id == id) else {
        let near = set.rules.iter().map(|rule| &rule.id).min_by_key(|known| strsim::damerau_levenshtein(known, id));
        let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
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
    row("state", rule.inert().map_or_else(|| "runs".to_owned(), |why| format!("inert: {why}")));
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
    for (origin, text) in read_all(paths)? {
        let loaded = text.map_err(|error| error.to_string());
        let loaded = loaded.and_then(|text| set.add(&origin, &text).map_err(|error| error.to_string()));
        let (state, line) = match loaded.map(|rule| (rule, rule.inert())) {
            Err(error) => (2, format!("wrong  {error}\n")),
            Ok((_, Some(why))) => (1, format!("inert  {origin}: {why}\n")),
            Ok((rule, None)) => (0, format!("loads  {origin}{}\n", remarks(rule))),
        };
        counts[state] += 1;
        out += &line;
    }
    if !paths.is_empty() {
        out += &format!("{} load, {} inert, {} wrong\n", counts[0], counts[1], counts[2]);
    }
    if let Some(config) = config.load()? {
        let set = configured(&config, paths)?;
        let found = lints(&config, &set);
        counts[2] += found.len();
        out += &found.iter().map(|lint| format!("lint   {lint}\n")).collect::<String>();
        out += &format!("{} exceptions, {} lints\n", set.exceptions.len(), found.len());
    }
    print(&out.lines().map(|line| visible(line) + "\n").collect::<String>())?;
    Ok(ExitCode::from(u8::from(counts[2] > 0)))
}

/// All rules that a configuration could run, also those it disables, with its exceptions.
fn configured(config: &Config, paths: &[PathBuf]) -> Result<RuleSet, Failure> {
    let mut set = load(true, &[&config.rules.paths, paths].concat())?;
    add_exceptions(config, &mut set)?;
    Ok(set)
}

/// What a configuration says that has no effect.
fn lints(config: &Config, set: &RuleSet) -> Vec<String> {
    let unknown = |id: &&String| !set.rules.iter().any(|rule| rule.id == **id);
    let mut found = Vec::new();
    for id in config.rules.disable.iter().filter(unknown) {
        found.push(format!("{}: `disable` names `{id}`, and no rule has that id", config.source.0));
    }
    for id in config.volume.rules.keys().filter(unknown) {
        found.push(format!("{}: [volume.rules] names `{id}`, and no rule has that id", config.source.0));
    }
    found.extend(lint::exceptions(set, now()));
    found
}

fn remarks(rule: &Rule) -> String {
    rule.remarks.iter().map(|remark| format!(" ({remark})")).collect()
}

fn test(paths: &[PathBuf]) -> Result<ExitCode, Failure> {
    let (set, files) =
        if paths.is_empty() { (RuleSet::built_in(), Vec::new()) } else { (RuleSet::default(), read_all(paths)?) };
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
                Ok(count) => format!("FAIL: {count} alerts, not {}", example.alerts),
                Err(error) => format!("FAIL: {error}"),
            };
            *(if verdict == "pass" { &mut passed } else { &mut failed }) += 1;
            out += &visible(&format!("{}: {}: {verdict}", rule.id, example.name));
            out += "\n";
        }
        if rule.examples.is_empty() {
            out += &visible(&format!("{}: carries no example", rule.id));
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
