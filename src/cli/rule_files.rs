//! Rule files, and folders of them.

use std::path::{Path, PathBuf};

use super::exit::Failure;
use crate::config::RulePaths;
use crate::config::trust::{self, Trust};
use crate::detect::{Error, Rule, RuleSet};
use crate::report::visible;
use crate::visible::{MAX_NAME, clipped};

/// A rule file is a page of text; this bounds what a mistaken path can cost.
const MAX_RULE_BYTES: u64 = 4 << 20;
/// All of Elastic's rules in one export take half of this.
const MAX_EXPORT_BYTES: u64 = 32 << 20;

/// A rule file by its path, with its text or why it cannot be read.
pub(super) type RuleFile = (String, Result<String, Failure>);

/// The rules of a run; a wrong one is an error, one that cannot run is kept with its reason.
pub(super) fn load(built_in: bool, paths: &[PathBuf], trust: Trust) -> Result<RuleSet, Failure> {
    let mut set = if built_in { RuleSet::built_in() } else { RuleSet::default() };
    add(&mut set, read_named(paths, trust)?)?;
    if set.rules.is_empty() {
        let why = "no rules to run: --no-builtin needs --rules with a rule file";
        return Err(Failure::new(Failure::USAGE, why));
    }
    Ok(set)
}

/// Adds the rules of these files to a set; returns why some of them cannot run.
pub(super) fn add(set: &mut RuleSet, files: Vec<RuleFile>) -> Result<Vec<String>, Failure> {
    let mut skipped = Vec::new();
    for (origin, text) in files {
        for rule in set.add_file(&origin, &text?) {
            skipped.extend(why_skipped(&rule.map_err(wrong)?));
        }
    }
    Ok(skipped)
}

/// That a rule file is wrong.
pub(super) fn wrong(error: Error) -> Failure {
    Failure::new(Failure::CONFIG, error)
}

/// The file of a rule that cannot run, and why.
pub(super) fn why_skipped(rule: &Rule) -> Option<String> {
    let why = rule.inert().filter(|_| !rule.is_off())?;
    Some(format!("{}: {}", visible(&rule.written_in()), visible(&clipped(why, MAX_NAME))))
}

/// The rule files at paths of the command line: each has to hold one.
pub(super) fn read_named(paths: &[PathBuf], trust: Trust) -> Result<Vec<RuleFile>, Failure> {
    let mut files = Vec::new();
    for path in paths {
        let found = read_all(path, trust)?;
        if found.is_empty() {
            let shown = visible(&path.to_string_lossy());
            return Err(Failure::new(
                Failure::NO_INPUT,
                format!("{shown}: no file in this directory is a rule (*.toml, *.ndjson)"),
            ));
        }
        files.extend(found);
    }
    Ok(files)
}

/// The rule files at a path, folders in order of name.
pub(super) fn read_all(path: &Path, trust: Trust) -> Result<Vec<RuleFile>, Failure> {
    let found = RulePaths::at(path).map_err(|(path, error)| {
        Failure::new(Failure::NO_INPUT, format!("{}: cannot read: {error}", visible(&path.to_string_lossy())))
    })?;
    Ok(found
        .without_recordings(path)
        .into_iter()
        .map(|file| (file.display().to_string(), read(&file, trust)))
        .collect())
}

fn read(path: &Path, trust: Trust) -> Result<String, Failure> {
    let max_bytes = if RulePaths::is_export(path) { MAX_EXPORT_BYTES } else { MAX_RULE_BYTES };
    trust::read(path, trust, max_bytes).map_err(|error| {
        let code = match error {
            trust::Error::Owner { .. } | trust::Error::Writable { .. } | trust::Error::Link(_) => Failure::CONFIG,
            _ => Failure::NO_INPUT,
        };
        Failure::new(code, format!("{}: {error}", visible(&path.to_string_lossy())))
    })
}
