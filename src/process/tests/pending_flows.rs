//! Flows that wait, one by one.

use std::time::Duration;

use crate::event::{Categories, Event, Timestamp, field};
use crate::process::{PendingFlows, Progress};

fn flow(pid: i64, ms: i64) -> Event {
    let mut event = Event::new(at(ms), Categories::NETWORK);
    event.push_int(field::PROCESS_PID, pid);
    event
}

fn pid(event: &Event) -> i64 {
    event.int(field::PROCESS_PID).unwrap_or(-1)
}

fn at(ms: i64) -> Timestamp {
    Timestamp::from_milliseconds(ms).unwrap()
}

const fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn busy(seen: i64) -> Progress {
    Progress { seen: at(seen), quiet_since: None }
}

fn quiet(seen: i64, since: u64) -> Progress {
    Progress { seen: at(seen), quiet_since: Some(ms(since)) }
}

fn pending(capacity: usize) -> PendingFlows {
    PendingFlows::new(ms(2000), capacity, usize::MAX)
}

fn due(pending: &mut PendingFlows, progress: Progress, now: u64) -> Vec<i64> {
    let mut pids = Vec::new();
    while let Some(due) = pending.pop_due(progress, ms(now)) {
        pids.push(pid(&due.event));
        pending.remember(due, Some(("owner".into(), true)), ms(now));
    }
    pids
}

#[test]
fn a_flow_of_a_known_process_waits_until_the_execs_have_passed_it_or_none_is_under_way() {
    let mut pending = pending(10);
    assert!(pending.hold(flow(1, 100), true, ms(0)).is_none());
    assert!(pending.hold(flow(2, 200), true, ms(1)).is_none());
    assert_eq!(due(&mut pending, busy(99), 50), [0; 0]);
    assert_eq!(due(&mut pending, busy(100), 50), [1]);
    assert_eq!(pending.deadline(quiet(100, 60)), Some(ms(70)));
    assert_eq!(due(&mut pending, quiet(100, 60), 69), [0; 0], "an exec may still be on its way");
    assert_eq!(due(&mut pending, quiet(100, 60), 70), [2]);
    assert_eq!(pending.deadline(quiet(100, 60)), None, "nothing waits, so no timer runs");
    assert_eq!(pending.evicted(), 0);
}

#[test]
fn a_flow_waits_while_execs_keep_coming_from_before_it_and_goes_on_in_doubt_after_five_seconds() {
    let mut pending = pending(10);
    pending.hold(flow(1, 100), true, ms(0));
    assert_eq!(due(&mut pending, busy(99), 4999), [0; 0]);
    assert_eq!(pending.deadline(busy(99)), Some(ms(5000)));
    assert_eq!((due(&mut pending, busy(99), 5000), pending.evicted()), (vec![1], 1));
}

#[test]
fn a_flow_before_its_exec_goes_on_when_the_exec_is_reported() {
    let mut pending = pending(10);
    pending.hold(flow(7, 100), false, ms(0));
    pending.hold(flow(8, 100), false, ms(0));
    assert_eq!(due(&mut pending, busy(500), 1000), [0; 0]);
    pending.started(7, at(50), ms(1000));
    assert_eq!(due(&mut pending, busy(500), 1000), [7]);
    assert_eq!(due(&mut pending, busy(500), 1999), [0; 0]);
    assert_eq!(due(&mut pending, busy(500), 2000), [8], "at the lateness it goes on without its process");
}

#[test]
fn a_flow_that_went_on_goes_on_again_for_an_exec_before_it_for_five_seconds() {
    let mut pending = pending(10);
    pending.hold(flow(7, 100), true, ms(0));
    pending.hold(flow(8, 100), true, ms(0));
    assert_eq!(due(&mut pending, quiet(50, 0), 10), [7, 8]);
    pending.started(7, at(101), ms(500));
    assert_eq!(due(&mut pending, busy(200), 500), [0; 0], "an exec after it has no part in it");
    pending.started(7, at(90), ms(600));
    let again = pending.pop_due(busy(100), ms(600)).unwrap();
    assert_eq!((pid(&again.event), again.before), (7, Some(Some(("owner".into(), true)))));
    assert_eq!(due(&mut pending, busy(100), 5010), [0; 0]);
    pending.started(8, at(90), ms(5010));
    assert_eq!(due(&mut pending, busy(100), 5010), [0; 0], "beyond that it is forgotten");
}

#[test]
fn too_many_waiting_flows_let_the_oldest_go_and_are_counted() {
    let mut pending = pending(2);
    assert!(pending.hold(flow(1, 0), false, ms(0)).is_none());
    assert!(pending.hold(flow(2, 0), false, ms(0)).is_none());
    assert_eq!(pending.hold(flow(3, 0), false, ms(0)).map(|due| pid(&due.event)), Some(1));
    assert_eq!(pending.evicted(), 1);
    pending.started(1, at(0), ms(0));
    let rest: Vec<i64> = std::iter::from_fn(|| pending.pop()).map(|due| pid(&due.event)).collect();
    assert_eq!(rest, [2, 3]);
}

#[test]
fn a_flow_whose_exec_is_expected_waits_as_long_as_one_of_an_unknown_process() {
    let mut pending = pending(10);
    pending.hold(flow(9, 100), false, ms(0));
    pending.hold(flow(7, 100), true, ms(50));
    let known = pending.pop_due(busy(200), ms(100)).unwrap();
    assert!(pending.wait(known, ms(100)).is_none());
    assert_eq!(pending.deadline(quiet(200, 100)), Some(ms(2000)));
    assert_eq!(due(&mut pending, busy(200), 2049), [9], "which has waited longer");
    let given_up = pending.pop_due(busy(200), ms(2050)).unwrap();
    let given_up = pending.wait(given_up, ms(2050)).unwrap();
    assert_eq!((pid(&given_up.event), given_up.waited_ms(ms(2050))), (7, Some(2000)));
}

#[test]
fn a_flow_says_how_long_it_waited_for_its_exec_and_one_of_a_known_process_did_not() {
    let mut pending = pending(10);
    pending.hold(flow(7, 100), true, ms(0));
    pending.hold(flow(8, 100), false, ms(0));
    pending.started(8, at(50), ms(700));
    let waited = |pending: &mut PendingFlows| pending.pop_due(busy(200), ms(700)).unwrap().waited_ms(ms(700));
    assert_eq!([waited(&mut pending), waited(&mut pending)], [None, Some(700)]);
}

#[test]
#[allow(clippy::disallowed_methods, reason = "the time that it takes is what is tested")]
fn an_exec_costs_no_more_with_thousands_of_flows_before_it_of_its_process_and_of_others() {
    let mut pending = pending(20_000);
    for n in 0..16_000 {
        let process = if n % 2 == 0 { 1 } else { n };
        assert!(pending.hold(flow(process, n), true, ms(0)).is_none());
    }
    assert_eq!(due(&mut pending, busy(16_000), 1).len(), 16_000);
    let began = std::time::Instant::now();
    (0..5_000).for_each(|n| pending.started(1, at(20_000 + n), ms(2)));
    assert_eq!(due(&mut pending, busy(50_000), 3), [0; 0]);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
    pending.started(1, at(15_990), ms(4));
    assert_eq!(due(&mut pending, busy(50_000), 5), [1; 5], "of those after it");
}
