mod lineage;
mod pending_flows;
mod truth;

use super::{Limits, Table};
use crate::event::{Categories, Event, Timestamp, field};

const SECOND: i64 = 1_000_000_000;

fn process(seconds: i64, kind: &str, entity_id: &str, parent: &str) -> Event {
    let mut event = Event::new(Timestamp::from_nanoseconds(seconds * SECOND), Categories::PROCESS);
    event.push_str(field::EVENT_TYPE, kind);
    event.push_str(field::PROCESS_ENTITY_ID, entity_id);
    event.push_str(field::PROCESS_NAME, &format!("{entity_id}-name"));
    if !parent.is_empty() {
        event.push_str(field::PARENT_ENTITY_ID, parent);
    }
    event
}

fn connection(seconds: i64, entity_id: &str) -> Event {
    let mut event = Event::new(Timestamp::from_nanoseconds(seconds * SECOND), Categories::NETWORK);
    event.push_str(field::PROCESS_ENTITY_ID, entity_id);
    event
}

fn values(event: &Event, field: crate::event::Field) -> Vec<String> {
    let mut values = Vec::new();
    event.any(field, |value| {
        values.push(value.text().into_owned());
        false
    });
    values
}

/// Sends an event through the table and gives the ancestry that it then has.
fn ancestry(table: &mut Table, mut event: Event) -> Vec<String> {
    table.observe(&mut event, |_| 0);
    values(&event, field::ANCESTRY)
}

#[test]
fn a_connection_has_the_parent_and_the_ancestry_of_its_process() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, process(1, "start", "shell", "launchd"));
    assert_eq!(ancestry(&mut table, process(2, "start", "script", "shell")), ["shell", "launchd"]);
    assert_eq!(ancestry(&mut table, process(3, "start", "curl", "script")), ["script", "shell", "launchd"]);
    let mut event = connection(4, "curl");
    table.observe(&mut event, |_| 0);
    assert_eq!(values(&event, field::ANCESTRY), ["script", "shell", "launchd"]);
    assert_eq!(values(&event, field::PARENT_NAME), ["script-name"]);
}

#[test]
fn what_a_document_states_goes_before_what_the_stream_said() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, process(1, "start", "curl", "script"));
    let mut event = connection(2, "curl");
    event.push_str(field::ANCESTRY, "stated");
    assert_eq!(ancestry(&mut table, event), ["stated"]);
}

#[test]
fn an_execution_stays_for_a_minute_after_its_exit() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, process(1, "start", "curl", "script"));
    ancestry(&mut table, process(2, "end", "curl", ""));
    assert_eq!(ancestry(&mut table, connection(62, "curl")), ["script"]);
    assert_eq!(ancestry(&mut table, connection(63, "curl")), [""; 0]);
    assert_eq!(table.evicted(), 0);
}

#[test]
fn a_program_replaced_in_place_stays_for_a_minute_too() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, process(1, "start", "image-of-fork", "shell"));
    let mut exec = process(2, "start", "curl", "shell");
    exec.push_str(field::EVENT_ACTION, "exec");
    exec.push_str(field::REPLACED_ENTITY_ID, "image-of-fork");
    ancestry(&mut table, exec);
    assert_eq!(ancestry(&mut table, connection(62, "image-of-fork")), ["shell"]);
    assert_eq!(ancestry(&mut table, connection(63, "image-of-fork")), [""; 0]);
    assert_eq!(ancestry(&mut table, connection(63, "curl")), ["image-of-fork", "shell"]);
    assert_eq!(table.evicted(), 0);
}

#[test]
fn a_full_table_gives_up_exited_executions_first_then_the_oldest_and_counts_them() {
    let limits = Limits { executions: 3, ..Limits::default() };
    let mut table = Table::new(limits);
    ancestry(&mut table, process(1, "start", "old", "p"));
    ancestry(&mut table, process(2, "start", "gone", "p"));
    ancestry(&mut table, process(3, "end", "gone", ""));
    ancestry(&mut table, process(4, "start", "third", "p"));
    ancestry(&mut table, process(5, "start", "fourth", "p"));
    assert_eq!((table.evicted(), table.lost()), (1, 1), "it had exited two seconds before");
    assert_eq!(ancestry(&mut table, connection(6, "gone")), [""; 0]);
    assert_eq!(ancestry(&mut table, connection(6, "old")), ["p"]);
    ancestry(&mut table, process(7, "start", "fifth", "p"));
    assert_eq!((table.evicted(), table.lost()), (2, 2), "it was running");
    assert_eq!(ancestry(&mut table, connection(8, "old")), [""; 0]);
    ancestry(&mut table, process(9, "end", "fifth", ""));
    ancestry(&mut table, process(12, "start", "sixth", "p"));
    assert_eq!((table.evicted(), table.lost()), (3, 2), "it had exited long before");
}

#[test]
fn executions_of_two_hosts_with_one_id_are_two() {
    let mut table = Table::new(Limits::default());
    for (host, parent) in [("one", "p1"), ("two", "p2")] {
        let mut event = process(1, "start", "curl", parent);
        event.push_str(field::HOST_ID, host);
        ancestry(&mut table, event);
    }
    let mut event = connection(2, "curl");
    event.push_str(field::HOST_ID, "one");
    assert_eq!(ancestry(&mut table, event), ["p1"]);
}

#[test]
fn marks_are_inherited_by_descendants_that_start_later() {
    let mut table = Table::new(Limits::default());
    let lineage = |table: &mut Table, mut event: Event, marks: u128| {
        table.observe(&mut event, |_| marks);
        event.context.map_or(0, |context| context.lineage)
    };
    assert_eq!(lineage(&mut table, process(1, "start", "node", "p"), 0b10), 0, "none is its own descendant");
    assert_eq!(lineage(&mut table, process(2, "start", "sh", "node"), 0b01), 0b10);
    assert_eq!(lineage(&mut table, process(3, "start", "curl", "sh"), 0), 0b11);
    assert_eq!(lineage(&mut table, connection(4, "curl"), 0), 0b11);
    assert_eq!(lineage(&mut table, process(5, "start", "ls", "p"), 0), 0);
}

/// A connection that names its process by pid, on a host.
fn connection_of(seconds: i64, host: &str, pid: i64) -> Event {
    let mut event = Event::new(Timestamp::from_nanoseconds(seconds * SECOND), Categories::NETWORK);
    event.push_str(field::HOST_ID, host);
    event.push_int(field::PROCESS_PID, pid);
    event
}

/// The exec of a program by audit token, on a host.
fn exec_on(seconds: i64, host: &str, entity_id: &str, (pid, version): (i64, i64)) -> Event {
    let mut event = process(seconds, "start", entity_id, "");
    event.push_str(field::EVENT_ACTION, "exec");
    event.push_str(field::HOST_ID, host);
    event.push_int(field::PROCESS_PID, pid);
    event.push_int(field::PIDVERSION, version);
    event
}

#[test]
fn a_pid_of_two_hundred_hosts_has_two_hundred_owners() {
    let mut table = Table::new(Limits::default());
    let host = |n: i64| format!("host-{n}");
    (0..200).for_each(|n| _ = ancestry(&mut table, exec_on(1, &host(n), &format!("e{n}"), (400, 7))));
    for n in 0..200 {
        let mut event = connection_of(2, &host(n), 400);
        table.observe(&mut event, |_| 0);
        assert_eq!(event.str(field::PROCESS_ENTITY_ID), Some(&*format!("e{n}")));
    }
    assert_eq!((table.evicted(), table.lost()), (0, 0));
}

#[test]
fn a_process_that_runs_more_programs_than_are_remembered_at_once_costs_a_count() {
    let given_up_of = |programs: i64, nanoseconds: i64| {
        let mut table = Table::new(Limits::default());
        for n in 0..programs {
            let mut event = exec_on(1, "h", &format!("e{n}"), (400, n));
            event.time = Timestamp::from_nanoseconds(SECOND + n * nanoseconds);
            ancestry(&mut table, event);
        }
        (table.evicted(), table.lost())
    };
    assert_eq!(given_up_of(64, 1_000_000), (0, 0));
    assert_eq!(given_up_of(74, 1_000_000), (10, 10), "connections of the first ten may yet be reported");
    assert_eq!(given_up_of(74, SECOND / 3), (0, 0), "they were replaced long before");
}

#[test]
fn an_execution_that_is_told_again_under_another_pid_is_no_longer_that_of_the_first() {
    let mut table = Table::new(Limits::default());
    (1..=1000).for_each(|pid| _ = ancestry(&mut table, exec_on(1, "h", "e", (pid, 7))));
    for pid in 1..=1000 {
        let mut event = connection_of(2, "h", pid);
        table.observe(&mut event, |_| 0);
        assert_eq!(event.str(field::PROCESS_ENTITY_ID), (pid == 1000).then_some("e"), "{pid}");
    }
}
