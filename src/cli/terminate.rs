//! `osawatch terminate`: ends the execution of an alert, by hand.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use serde_json::{Map, Value as Json, json};

use super::alert_lines::Followed;
use super::args::duration;
use super::config::LayerArgs;
use super::exit::{Failure, live_failure, print};
use crate::config::trust;
use crate::event::document::text;
use crate::report::visible;
use crate::response::{Member, Outcome, Responder, Settings, Target};
use crate::source;

/// How often a tree is read again for what it started meanwhile.
const MAX_LOOKS: usize = 16;

/// Arguments of `terminate`.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The `event.id` of the alert
    #[arg(long, value_name = "EVENT_ID")]
    alert: String,
    /// The alert file, with its rotations [default: `file` of the configuration]
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
    #[command(flatten)]
    config: LayerArgs,
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
    let file = args.file.clone().map_or_else(|| args.config.alert_file(), Ok)?;
    let target = find(&file, &args.alert)?;
    let executions = source::executions().map_err(live_failure)?;
    let settings = Settings { dry_run: args.dry_run, grace: args.grace };
    let mut responder = Responder::new(executions, settings, std::process::id());
    let outcomes = end(&mut responder, &target, args.tree);
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
fn end(responder: &mut Responder, target: &Target, tree: bool) -> Vec<(Target, Outcome)> {
    let began = Instant::now();
    let mut outcomes = Vec::new();
    let mut tree = Tree::of(responder, target, tree);
    // Those below are found before the one above has ended.
    let mut next: Vec<Target> = std::iter::once(target.clone()).chain(tree.grown(responder)).collect();
    for _ in 0..MAX_LOOKS {
        for target in next {
            outcomes.extend(responder.take(&target, began.elapsed()).map(|outcome| (target, outcome)));
        }
        while let Some(due) = responder.deadline(began.elapsed()) {
            std::thread::sleep(due.saturating_sub(began.elapsed()));
            outcomes.extend(responder.look(began.elapsed()));
        }
        // What was started after the tree was read, by what has ended by now.
        next = tree.grown(responder).collect();
        if next.is_empty() || responder.is_dry_run() {
            return outcomes;
        }
    }
    let why = "its tree starts processes faster than they can be ended";
    outcomes.extend(next.into_iter().map(|target| (target, Outcome::Refused(why))));
    outcomes
}

/// The process tree of an execution.
struct Tree<'t> {
    target: &'t Target,
    /// The unique pids of its processes, which may have ended: what they started is of the tree. One that runs another
    /// program is the same process.
    processes: Vec<u64>,
}

impl Tree<'_> {
    /// That of the target, or one of nothing.
    fn of<'t>(responder: &Responder, target: &'t Target, is_wanted: bool) -> Tree<'t> {
        let root = target.execution(std::process::id()).ok().filter(|_| is_wanted);
        let known = |root| responder.unique_pid(target, root).or_else(|| responder.running(target, root));
        let process = root.and_then(known);
        Tree { target, processes: process.into_iter().collect() }
    }

    /// The processes of the tree that are new since the last call.
    fn grown(&mut self, responder: &Responder) -> impl Iterator<Item = Target> {
        let mut found =
            if self.processes.is_empty() { Vec::new() } else { responder.executions().trees(&self.processes) };
        found.retain(|member| !self.processes.contains(&member.unique_pid));
        self.processes.extend(found.iter().map(|member| member.unique_pid));
        let of = self.target.clone();
        found.into_iter().map(move |Member { execution, name, unique_pid }| Target {
            name,
            entity_id: responder.executions().entity_id(execution),
            pid: Some(execution.pid),
            pidversion: Some(execution.pidversion),
            unique_pid: Some(unique_pid),
            is_other_platform_binary: false,
            ..of.clone()
        })
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
    use crate::response::tests::Table;

    fn alert(id: &str, pid: u32) -> String {
        let document = json!({
            "event": { "id": id, "kind": "alert" }, "rule": { "id": "r" },
            "process": { "pid": pid, "name": "osascript", "entity_id": "e", "code_signature": { "signing_id": "com.apple.osascript" } },
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

    #[test]
    fn what_a_process_of_the_tree_starts_while_it_ends_is_ended_too() {
        let table = Table::default();
        {
            let mut state = table.state.lock().unwrap();
            state.running.extend([(10, (7, false)), (11, (7, false))]);
            state.forks_at_its_end.extend([(11, 12), (12, 13)]);
            state.children.extend([(10, 11)]);
            // It runs another program when it is about to be told to end.
            state.runs_another = Some(11);
        }
        let target = Target::of(&serde_json::from_str(&alert("a", 10)).unwrap()).unwrap();
        let settings = Settings { dry_run: false, grace: Duration::from_secs(5) };
        let mut responder = Responder::new(Box::new(table.clone()), settings, 99);
        let ended: Vec<_> = end(&mut responder, &target, true).into_iter().map(|(t, o)| (t.pid.unwrap(), o)).collect();
        assert_eq!(ended, [10, 11, 12, 13].map(|pid| (pid, Outcome::Terminated)));
        assert!(table.state.lock().unwrap().running.is_empty());
    }

    #[test]
    fn what_a_process_that_has_ended_left_is_of_its_tree_where_the_alert_names_the_process() {
        let table = Table::default();
        {
            let mut state = table.state.lock().unwrap();
            state.running.insert(11, (7, false));
            state.children.push((10, 11));
        }
        let settings = Settings { dry_run: false, grace: Duration::from_secs(5) };
        let ended = |unique_pid| {
            let target = Target::of(&serde_json::from_str(&alert("a", 10)).unwrap()).unwrap();
            let mut responder = Responder::new(Box::new(table.clone()), settings, 99);
            let outcomes = end(&mut responder, &Target { unique_pid, ..target }, true).into_iter();
            outcomes.map(|(target, outcome)| (target.pid.unwrap(), outcome)).collect::<Vec<_>>()
        };
        assert_eq!(ended(None), [(10, Outcome::Gone)]);
        assert_eq!(ended(Some(10)), [(10, Outcome::Gone), (11, Outcome::Terminated)]);
    }

    #[test]
    fn a_tree_that_grows_without_end_is_given_up_and_said_to_be() {
        let table = Table::default();
        {
            let mut state = table.state.lock().unwrap();
            state.running.insert(10, (7, false));
            state.forks_at_its_end.extend((10..100).map(|pid| (pid, pid + 1)));
        }
        let target = Target::of(&serde_json::from_str(&alert("a", 10)).unwrap()).unwrap();
        let settings = Settings { dry_run: false, grace: Duration::from_secs(5) };
        let mut responder = Responder::new(Box::new(table), settings, 9999);
        let outcomes = end(&mut responder, &target, true);
        assert_eq!(outcomes.len(), MAX_LOOKS + 1);
        assert!(matches!(outcomes.last(), Some((_, Outcome::Refused(_)))));
    }
}
