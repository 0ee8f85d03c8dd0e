mod sink;

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use serde_json::{Map, Value as Json, json};

use super::*;

/// Processes: what runs under each pid, and the signals that were sent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Table {
    pub(crate) state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
pub(crate) struct State {
    /// The pid version, and whether SIGTERM is ignored.
    pub(crate) running: HashMap<u32, (u32, bool)>,
    pub(crate) sent: Vec<(u32, End)>,
    pub(crate) refuses: bool,
    /// Parents and their children by pid, which is the unique pid too.
    pub(crate) children: Vec<(u32, u32)>,
    /// What a process starts when it is told to end.
    pub(crate) forks_at_its_end: HashMap<u32, u32>,
    /// A process that runs another program when the first signal is sent.
    pub(crate) runs_another: Option<u32>,
    /// Unique pids that are not the pid.
    pub(crate) unique_pids: HashMap<u32, u64>,
}

impl Table {
    fn of(processes: &[(u32, u32, bool)]) -> Table {
        let table = Table::default();
        let running = processes.iter().map(|(pid, version, is_stubborn)| (*pid, (*version, *is_stubborn)));
        table.state.lock().unwrap().running.extend(running);
        table
    }

    /// The pid is that of another process.
    fn reuse(&self, pid: u32, version: u32) {
        let mut state = self.state.lock().unwrap();
        state.running.insert(pid, (version, false));
        state.unique_pids.insert(pid, 5000 + u64::from(pid));
    }

    /// The process runs another program, in which SIGTERM is ignored or not.
    fn exec(&self, pid: u32, version: u32, is_stubborn: bool) {
        self.state.lock().unwrap().running.insert(pid, (version, is_stubborn));
    }

    fn sent(&self) -> Vec<(u32, End)> {
        self.state.lock().unwrap().sent.clone()
    }
}

impl Executions for Table {
    fn process(&self, pid: u32) -> Option<Process> {
        let state = self.state.lock().unwrap();
        let unique_pid = state.unique_pids.get(&pid).copied().unwrap_or(pid.into());
        state.running.get(&pid).map(|(pidversion, _)| Process { unique_pid, pidversion: *pidversion })
    }

    fn entity_id(&self, _: ExecutionId) -> String {
        "e".into()
    }

    fn trees(&self, of: &[u64]) -> Vec<Member> {
        let state = self.state.lock().unwrap();
        let mut all = of.to_vec();
        for (parent, child) in &state.children {
            if all.contains(&u64::from(*parent)) && !all.contains(&u64::from(*child)) {
                all.push(u64::from(*child));
            }
        }
        let member = |unique_pid: u64| {
            let pid = u32::try_from(unique_pid).unwrap();
            let (pidversion, _) = *state.running.get(&pid)?;
            Some(Member { execution: ExecutionId { pid, pidversion }, unique_pid, name: "child".into() })
        };
        all.into_iter().filter_map(member).collect()
    }

    fn signal(&self, pid: u32, end: End) -> io::Result<()> {
        let mut state = self.state.lock().unwrap();
        if state.refuses {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        state.sent.push((pid, end));
        if let Some(other) = state.runs_another.take() {
            state.running.insert(other, (8, false));
        }
        if let Some(child) = state.forks_at_its_end.remove(&pid) {
            state.running.insert(child, (7, false));
            state.children.push((pid, child));
        }
        if end == End::Kill || state.running.get(&pid).is_some_and(|(_, is_stubborn)| !is_stubborn) {
            state.running.remove(&pid);
        }
        Ok(())
    }
}

const GRACE: Duration = Duration::from_secs(5);
const ACTS: Settings = Settings { dry_run: false, grace: GRACE };

fn responder(table: &Table, settings: Settings) -> Responder {
    Responder::new(Box::new(table.clone()), settings, 99)
}

fn alert(process: Json, ours: Json) -> Map<String, Json> {
    let document = json!({
        "event": { "kind": "alert", "id": "a1" }, "rule": { "id": "r" }, "process": process,
        "osawatch": { "process": ours },
    });
    document.as_object().unwrap().clone()
}

fn osascript(pid: u32, pidversion: u32) -> Target {
    let process = json!({ "pid": pid, "name": "osascript", "entity_id": "e", "code_signature": { "signing_id": "com.apple.osascript" } });
    Target::of(&alert(process, json!({ "pidversion": pidversion, "is_platform_binary": true }))).unwrap()
}

#[test]
fn an_execution_is_sent_sigterm_and_only_when_it_stays_sigkill() {
    let table = Table::of(&[(10, 1, false), (11, 1, true)]);
    let mut responder = responder(&table, ACTS);
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), None);
    assert_eq!(responder.take(&osascript(11, 1), Duration::ZERO), None);
    assert_eq!(responder.look(Duration::from_millis(100)), [(osascript(10, 1), Outcome::Terminated)]);
    assert!(responder.look(GRACE - Duration::from_millis(1)).is_empty());
    assert_eq!(responder.look(GRACE), [(osascript(11, 1), Outcome::Killed)]);
    assert_eq!(table.sent(), [(10, End::Terminate), (11, End::Terminate), (11, End::Kill)]);
    assert_eq!(responder.deadline(GRACE), None);
}

#[test]
fn a_pid_that_another_execution_has_is_sent_nothing() {
    let table = Table::of(&[(10, 2, false)]);
    let mut responder = responder(&table, ACTS);
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), Some(Outcome::Gone));
    assert_eq!(responder.take(&osascript(12, 1), Duration::ZERO), Some(Outcome::Gone));
    assert!(table.sent().is_empty());
}

#[test]
fn a_pid_that_is_used_again_between_sigterm_and_sigkill_is_not_killed() {
    let table = Table::of(&[(10, 1, true)]);
    let mut responder = responder(&table, ACTS);
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), None);
    table.reuse(10, 2);
    assert_eq!(responder.look(GRACE), [(osascript(10, 1), Outcome::Terminated)]);
    assert_eq!(table.sent(), [(10, End::Terminate)]);
}

#[test]
fn a_process_that_runs_another_program_after_sigterm_has_not_ended_and_is_killed() {
    let table = Table::of(&[(10, 1, true)]);
    let mut responder = responder(&table, ACTS);
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), None);
    table.exec(10, 2, true);
    assert_eq!(responder.look(Duration::from_millis(100)), []);
    assert_eq!(responder.look(GRACE), [(osascript(10, 1), Outcome::Killed)]);
    assert_eq!(table.sent(), [(10, End::Terminate), (10, End::Kill)]);
}

#[test]
fn a_process_that_runs_another_program_before_sigterm_is_ended_where_the_alert_names_it() {
    let table = Table::of(&[(10, 2, false)]);
    let mut responder = responder(&table, ACTS);
    let target = Target { unique_pid: Some(10), ..osascript(10, 1) };
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), Some(Outcome::Gone), "it can be another process");
    assert_eq!(responder.take(&target, Duration::ZERO), None);
    assert_eq!(responder.look(Duration::from_millis(100)), [(target.clone(), Outcome::Terminated)]);
    table.reuse(10, 1);
    assert_eq!(responder.take(&target, Duration::ZERO), Some(Outcome::Gone), "another process, whatever its version");
    assert_eq!(table.sent(), [(10, End::Terminate)]);
}

#[test]
fn the_numbers_in_an_alert_of_another_start_of_the_mac_are_those_of_another_process() {
    let table = Table::of(&[(10, 2, false)]);
    let target = |pidversion, unique_pid| Target {
        entity_id: "of another start".into(),
        unique_pid: Some(unique_pid),
        ..osascript(10, pidversion)
    };
    let mut responder = responder(&table, ACTS);
    assert_eq!(responder.take(&target(1, 10), Duration::ZERO), Some(Outcome::Gone), "the same unique pid by chance");
    assert_eq!(responder.take(&target(2, 11), Duration::ZERO), Some(Outcome::Gone), "the same pid version by chance");
    assert!(table.sent().is_empty());
}

#[test]
fn the_process_of_an_alert_is_known_by_the_unique_pid_in_it() {
    let numbers = json!({ "pidversion": 1, "unique_pid": 4_294_967_297_u64, "is_platform_binary": false });
    let target = Target::of(&alert(json!({ "pid": 10, "name": "evil" }), numbers)).unwrap();
    assert_eq!((target.pidversion, target.unique_pid), (Some(1), Some(4_294_967_297)));
}

#[test]
fn in_a_dry_run_everything_is_checked_and_nothing_is_sent() {
    let table = Table::of(&[(10, 1, false)]);
    let mut responder = responder(&table, Settings { dry_run: true, grace: GRACE });
    assert_eq!(responder.take(&osascript(10, 1), Duration::ZERO), Some(Outcome::DryRun));
    assert_eq!(responder.take(&osascript(10, 7), Duration::ZERO), Some(Outcome::Gone));
    assert!(table.sent().is_empty());
}

#[test]
fn what_must_not_be_ended_is_refused_with_the_reason() {
    let signed = |id: &str| json!({ "pid": 10, "name": "osascript", "code_signature": { "signing_id": id } });
    let cases = [
        (json!({ "pid": 0 }), json!({ "pidversion": 1, "is_platform_binary": false }), "it is the kernel or launchd"),
        (json!({ "pid": 1 }), json!({ "pidversion": 1, "is_platform_binary": false }), "it is the kernel or launchd"),
        (json!({ "pid": 99 }), json!({ "pidversion": 1, "is_platform_binary": false }), "it is osawatch itself"),
        (json!({}), json!({ "pidversion": 1 }), "the alert names no process"),
        (json!({ "pid": -5 }), json!({ "pidversion": 1 }), "the alert names no process"),
        (json!({ "pid": 4_294_967_296_u64 }), json!({ "pidversion": 1 }), "the alert names no process"),
        (signed("com.apple.osascript"), json!({}), "the alert does not name the execution: it has no pid version"),
        (
            signed("com.apple.curl"),
            json!({ "pidversion": 1, "is_platform_binary": true }),
            "it is a program of the system",
        ),
        (signed(""), json!({ "pidversion": 1 }), "it is a program of the system, or not known to be another"),
    ];
    let table = Table::of(&[(0, 1, false), (1, 1, false), (10, 1, false), (99, 1, false)]);
    let mut responder = responder(&table, ACTS);
    for (process, ours, wanted) in cases {
        let target = Target::of(&alert(process, ours)).unwrap();
        let outcome = responder.take(&target, Duration::ZERO);
        assert!(matches!(outcome, Some(Outcome::Refused(why)) if why.starts_with(wanted)), "{target:?}: {outcome:?}");
    }
    assert!(table.sent().is_empty());
}

#[test]
fn a_program_that_is_not_of_the_system_and_a_script_application_may_be_ended() {
    let table = Table::of(&[(10, 1, false)]);
    for (name, is_platform) in [("evil", false), ("applet", true)] {
        let target = Target::of(&alert(
            json!({ "pid": 10, "name": name }),
            json!({ "pidversion": 1, "is_platform_binary": is_platform }),
        ));
        let mut responder = responder(&table, Settings { dry_run: true, grace: GRACE });
        assert_eq!(responder.take(&target.unwrap(), Duration::ZERO), Some(Outcome::DryRun), "{name}");
    }
}

#[test]
fn what_is_no_alert_has_no_target() {
    let mut document = alert(json!({ "pid": 10 }), json!({ "pidversion": 1 }));
    document.insert("event".into(), json!({ "kind": "event", "action": "follow_up" }));
    assert_eq!(Target::of(&document), None);
}

#[test]
fn a_signal_that_is_refused_is_reported() {
    let table = Table::of(&[(10, 1, false)]);
    table.state.lock().unwrap().refuses = true;
    let outcome = responder(&table, ACTS).take(&osascript(10, 1), Duration::ZERO);
    assert!(matches!(outcome, Some(Outcome::Failed(why)) if why.starts_with("SIGTERM: ")));
}
