//! What rules find in recordings of ordinary work: how often each would alert, for what, and whether that changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::super::evidence::OutputFile;
use super::super::exit::{Failure, source_failure};
use super::suite::Suite;
use crate::alert::Alert;
use crate::config::trust::{self, Trust};
use crate::detect::RuleSet;
use crate::event::{Machine, field};
use crate::pipeline::{Limits, Output, Pipeline};
use crate::report::{plural, visible};
use crate::source::recording::{Input, Next, Recording};

/// How many causes of each rule are shown.
const SHOWN_CAUSES: usize = 5;
/// The counts take a line for each rule; this bounds what a mistaken path can cost.
const MAX_STATE_BYTES: u64 = 16 << 20;

/// How many alerts each rule had, by its id.
type Counts = BTreeMap<String, u64>;

/// What each rule finds, compared with the counts that the file holds, which are replaced.
pub(super) fn report(suites: &[Suite], recordings: &[PathBuf], state: Option<&Path>) -> Result<String, Failure> {
    let before = state.map(last_counts).transpose()?.flatten();
    let inputs: Vec<Input> = recordings.iter().map(|path| Input::from(path.as_path())).collect();
    let mut out = String::new();
    let mut counts = Counts::new();
    for suite in suites {
        let (alerts, causes) = run(suite, &inputs)?;
        let change = before.as_ref().map(|before| change(before.get(&suite.rule.id).copied(), alerts));
        out += &format!("{}: {}{}\n", suite.rule.id, plural(alerts, "alert"), change.unwrap_or_default());
        let mut causes: Vec<(String, u64)> = causes.into_iter().collect();
        causes.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        for (cause, count) in causes.into_iter().take(SHOWN_CAUSES) {
            out += &format!("  {count:>6}  {}\n", visible(&cause));
        }
        counts.insert(suite.rule.id.clone(), alerts);
    }
    if let Some(path) = state {
        let text = serde_json::to_string_pretty(&counts).unwrap_or_default();
        OutputFile::counts(path).write(&(text + "\n"))?;
    }
    Ok(out)
}

fn change(before: Option<u64>, now: u64) -> String {
    match before {
        None => " (new)".to_owned(),
        Some(before) if before == now => " (as before)".to_owned(),
        Some(before) => format!(" (before: {before})"),
    }
}

/// The counts that the last run kept; none when there was no run yet.
fn last_counts(path: &Path) -> Result<Option<Counts>, Failure> {
    let failure = |what: String| Failure::new(Failure::DATA, format!("{}: {what}", path.display()));
    match trust::read(path, Trust::Anyone, MAX_STATE_BYTES) {
        Ok(text) => serde_json::from_str(&text).map(Some).map_err(|error| {
            let place = format!("{}:{}:{}", path.display(), error.line(), error.column());
            Failure::new(Failure::DATA, format!("{place}: not the counts of an earlier run: {error}"))
        }),
        Err(trust::Error::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failure(error.to_string())),
    }
}

/// How often a rule alerts, and how often for each cause.
fn run(suite: &Suite, inputs: &[Input]) -> Result<(u64, BTreeMap<String, u64>), Failure> {
    let set = RuleSet::variant(&suite.rule, &suite.rule.query_text);
    let set = set.map_err(|error| Failure::new(Failure::CONFIG, error))?;
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut recording = Recording::open(inputs, pipeline.fields(), Machine::default()).map_err(source_failure)?;
    let (mut alerts, mut causes) = (0, BTreeMap::new());
    let mut note = |output: Output<'_>| {
        let Some(alert) = output.alert(0) else { return };
        alerts += 1;
        *causes.entry(cause(&alert)).or_insert(0) += 1;
    };
    loop {
        match recording.next() {
            Next::Event(event) => pipeline.push(event, &mut note),
            Next::Problem(problem) => log::warn!("{problem}"),
            Next::Idle => {}
            Next::Failed(error) => return Err(source_failure(error)),
            Next::End => break,
        }
    }
    pipeline.finish(&mut note);
    Ok((alerts, causes))
}

/// The program of the first event and that of the last.
fn cause(alert: &Alert) -> String {
    let names = [alert.events.first(), alert.events.last()].map(|event| {
        let event = event?;
        event.str(field::PROCESS_EXECUTABLE).or_else(|| event.str(field::PROCESS_NAME)).map(str::to_owned)
    });
    match names {
        [Some(first), Some(last)] if first != last => format!("{first}, then {last}"),
        [Some(name), _] | [None, Some(name)] => name,
        [None, None] => "a process without a name".to_owned(),
    }
}
