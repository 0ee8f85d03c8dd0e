//! `osawatch terminate`: ends the execution of an alert, by hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use super::alert_lines::Followed;
use super::args::duration;
use super::exit::{Failure, print};
use crate::config::Alerts;
use crate::config::trust;
use crate::event::document::text;
use crate::report::visible;
use crate::response::{ExecutionId, Outcome, Responder, Settings, Target};
use crate::source;
use crate::source::live::Error as LiveError;

/// Arguments of `terminate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The `event.id` of the alert
    #[arg(long, value_name = "EVENT_ID")]
    alert: String,
    /// The alert file, with its rotations [default: the file of an installed osawatch]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    /// Also what descends from it, programs of the system too
    #[arg(long)]
    tree: bool,
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
    /// How long a process may take for its end before it is killed
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    grace: Duration,
    /// As JSON
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> Result<ExitCode, Failure> {
    let file = args.file.clone().unwrap_or_else(|| Alerts::default().file);
    let target = find(&file, &args.alert)?;
    let executions = source::executions().map_err(|error| {
        let code = if matches!(error, LiveError::NotRoot) { Failure::NOT_PERMITTED } else { Failure::UNAVAILABLE };
        Failure::new(code, error)
    })?;
    let settings = Settings { dry_run: args.dry_run, grace: args.grace };
    let mut responder = Responder::new(executions, settings, std::process::id());
    let outcomes = end(&mut responder, target, args.tree);
    let out: String = if args.json {
        format!("{:#}\n", Json::Array(outcomes.iter().map(|(target, outcome)| as_json(target, outcome)).collect()))
    } else {
        outcomes.iter().map(|(target, outcome)| line(target, outcome)).collect()
    };
    print(&out)?;
    let is_done = |outcome: &Outcome| matches!(outcome, Outcome::DryRun | Outcome::Terminated | Outcome::Killed);
    Ok(ExitCode::from(u8::from(!outcomes.iter().all(|(_, outcome)| is_done(outcome)))))
}

/// The execution of the alert with this id. Who could have written the file could have any process ended.
fn find(file: &Path, id: &str) -> Result<Target, Failure> {
    trust::trusted(file).map_err(|error| {
        let code = if matches!(error, trust::Error::Io(_)) { Failure::NO_INPUT } else { Failure::NOT_PERMITTED };
        Failure::new(code, format!("{}: {error}", file.display()))
    })?;
    let mut found = None;
    Followed::new(file).read(&mut |_, _, line| {
        let read = || serde_json::from_slice::<Map<String, Json>>(line).ok();
        let is_it = |document: &Map<String, Json>| text(document, "event.id").as_deref() == Some(id);
        if memchr::memmem::find(line, id.as_bytes()).is_some()
            && let Some(document) = read().filter(is_it)
        {
            found = Target::of(&document);
        }
        Ok(())
    })?;
    found.ok_or_else(|| {
        let why = format!("{}: no alert has the event.id `{id}`", file.display());
        Failure::new(Failure::NO_INPUT, visible(&why))
    })
}

/// Ends the execution, and what descends from it if asked for, and waits for that.
#[allow(clippy::disallowed_methods, reason = "a process has real time for its end")]
fn end(responder: &mut Responder, target: Target, tree: bool) -> Vec<(Target, Outcome)> {
    let began = Instant::now();
    // Those below are found before the one above has ended.
    let descendants = match target.execution(std::process::id()) {
        Ok(execution) if tree => responder.executions().descendants(execution),
        _ => Vec::new(),
    };
    let below = descendants.into_iter().map(|(execution, name)| descendant(&target, execution, name));
    let targets: Vec<Target> = std::iter::once(target.clone()).chain(below).collect();
    let mut outcomes = Vec::new();
    for target in targets {
        outcomes.extend(responder.take(&target, began.elapsed()).map(|outcome| (target, outcome)));
    }
    while let Some(due) = responder.deadline(began.elapsed()) {
        std::thread::sleep(due.saturating_sub(began.elapsed()));
        outcomes.extend(responder.look(began.elapsed()));
    }
    outcomes
}

fn descendant(of: &Target, execution: ExecutionId, name: String) -> Target {
    Target {
        name,
        entity_id: String::new(),
        pid: Some(execution.pid),
        pidversion: Some(execution.pidversion),
        is_other_platform_binary: false,
        ..of.clone()
    }
}

fn line(target: &Target, outcome: &Outcome) -> String {
    visible(&format!("{} ({}) {}", target.name, target.pid.unwrap_or_default(), outcome.sentence())) + "\n"
}

fn as_json(target: &Target, outcome: &Outcome) -> Json {
    json!({
        "pid": target.pid, "pidversion": target.pidversion, "name": target.name, "outcome": outcome.name(),
        "message": outcome.sentence(), "alert_id": target.alert_id,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn alert(id: &str, pid: u32) -> String {
        let document = json!({
            "event": { "id": id, "kind": "alert" }, "rule": { "id": "r" },
            "process": { "pid": pid, "name": "osascript", "code_signature": { "signing_id": "com.apple.osascript" } },
            "osawatch": { "process": { "pidversion": 7, "is_platform_binary": true } },
        });
        format!("{document}\n")
    }

    #[test]
    fn the_alert_is_found_by_its_id_in_the_file_and_its_rotations() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.ndjson");
        fs::write(&file, format!("{}{}", alert("a", 10), alert("b", 11))).unwrap();
        assert_eq!(find(&file, "b").unwrap().pid, Some(11));
        assert_eq!(find(&file, "c").unwrap_err().code(), Failure::NO_INPUT);
        assert_eq!(find(&folder.path().join("none"), "c").unwrap_err().code(), Failure::NO_INPUT);
    }

    #[test]
    fn a_file_that_others_can_write_ends_no_process() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("alerts.ndjson");
        fs::write(&file, alert("a", 10)).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
        let error = find(&file, "a").unwrap_err();
        assert_eq!(error.code(), Failure::NOT_PERMITTED);
        assert!(error.to_string().contains("writable by group or others"), "{error}");
    }
}
