//! What a process keeps of its descent whatever happens to its parents.

use std::sync::Arc;

use super::{ancestry, connection, process, values};
use crate::event::{Ancestors, Event, Timestamp, field};
use crate::process::{Limits, Table};

/// An event of a process by its token: pid and pidversion are its name.
fn told(seconds: i64, action: &str, (pid, version): (i64, i64), parent: (i64, i64)) -> Event {
    let id = |(pid, version): (i64, i64)| format!("{pid}.{version}");
    let mut event = process(seconds, if action == "end" { "end" } else { "start" }, &id((pid, version)), &id(parent));
    event.push_str(field::EVENT_ACTION, action);
    event.push_int(field::PROCESS_PID, pid);
    event.push_int(field::PIDVERSION, version);
    event.push_int(field::PARENT_PID, parent.0);
    event
}

fn exec(seconds: i64, process: (i64, i64), replaced: i64, parent: (i64, i64)) -> Event {
    let mut event = told(seconds, "exec", process, parent);
    event.push_str(field::REPLACED_ENTITY_ID, &format!("{}.{replaced}", process.0));
    event
}

/// osascript, which runs a shell: 5.2 and 6.4.
fn osascript_and_its_shell() -> Table {
    let mut table = Table::new(Limits::default());
    for event in [
        told(1, "fork", (5, 1), (4, 1)),
        exec(2, (5, 2), 1, (4, 1)),
        told(3, "fork", (6, 3), (5, 2)),
        exec(4, (6, 4), 3, (5, 2)),
    ] {
        ancestry(&mut table, event);
    }
    table
}

#[test]
fn executions_whose_ancestors_are_no_longer_waited_for_for_want_of_room_are_counted() {
    let mut table = Table::new(Limits::default());
    for pid in 0..5000 {
        // Five seconds hold 4,096 of them.
        ancestry(&mut table, told(pid / 1000, "exec", (100_000 + pid, 1), (200_000 + pid, 1)));
    }
    assert_eq!((table.evicted(), table.lost()), (904, 904));
    let mut table = Table::new(Limits::default());
    for pid in 0..5000 {
        ancestry(&mut table, told(pid / 500, "exec", (100_000 + pid, 1), (200_000 + pid, 1)));
    }
    assert_eq!((table.evicted(), table.lost()), (0, 0), "in ten seconds their time is over before");
}

#[test]
fn who_waits_for_a_further_ancestor_waits_as_long_for_that_one() {
    let mut table = Table::new(Limits::default());
    for (seconds, entity_id, parent) in [(1, "child", "parent"), (4, "parent", "grandparent"), (8, "grandparent", "")] {
        table.observe(&mut process(seconds, "start", entity_id, parent), |_| 0);
    }
    assert_eq!(ancestry(&mut table, connection(9, "child")), ["parent", "grandparent"]);
}

#[test]
fn of_long_names_of_unknown_ancestors_a_mebibyte_is_held_and_who_is_given_up_is_counted() {
    let mut table = Table::new(Limits::default());
    for n in 0..50 {
        let parent = format!("{n}{}", "p".repeat(100_000));
        ancestry(&mut table, process(1, "start", &format!("child-{n}"), &parent));
    }
    assert_eq!(table.evicted(), 39, "11 of them are more than a mebibyte");
}

#[test]
fn a_background_job_keeps_the_shell_that_exits_before_the_exec() {
    let mut table = osascript_and_its_shell();
    ancestry(&mut table, told(5, "fork", (7, 5), (6, 4)));
    ancestry(&mut table, told(6, "end", (6, 4), (5, 2)));
    let wanted = ["6.4", "5.2", "4.1"];
    let mut curl = exec(7, (7, 6), 5, (1, 1));
    table.observe(&mut curl, |_| 0);
    assert_eq!(values(&curl, field::ANCESTRY), wanted);
    assert_eq!(values(&curl, field::PARENT_ENTITY_ID), ["1.1"], "its parent is launchd, as the kernel says");
    assert_eq!(ancestry(&mut table, connection(8, "7.6")), wanted);
}

#[test]
fn nohup_is_an_ancestor_of_what_replaces_it_and_passes_on_its_own() {
    let mut table = osascript_and_its_shell();
    ancestry(&mut table, told(5, "fork", (7, 5), (6, 4)));
    ancestry(&mut table, told(6, "end", (6, 4), (5, 2)));
    assert_eq!(ancestry(&mut table, exec(7, (7, 6), 5, (1, 1))), ["6.4", "5.2", "4.1"]);
    assert_eq!(ancestry(&mut table, exec(8, (7, 7), 6, (1, 1))), ["7.6", "6.4", "5.2", "4.1"]);
}

#[test]
fn a_process_that_launchd_has_adopted_passes_on_its_ancestors() {
    let mut table = osascript_and_its_shell();
    for event in [
        told(5, "fork", (7, 5), (6, 4)),
        told(6, "end", (6, 4), (5, 2)),
        told(6, "end", (5, 2), (4, 1)),
        told(7, "fork", (8, 6), (7, 5)),
        told(7, "end", (7, 5), (1, 1)),
    ] {
        ancestry(&mut table, event);
    }
    assert_eq!(ancestry(&mut table, exec(8, (8, 7), 6, (1, 1))), ["7.5", "6.4", "5.2", "4.1"]);
}

#[test]
fn a_process_whose_fork_was_lost_descends_from_its_original_parent() {
    let mut table = osascript_and_its_shell();
    ancestry(&mut table, told(6, "end", (6, 4), (5, 2)));
    let orphan = |forked: &str, original: i64| {
        let mut event = exec(7, (7, 6), 5, (1, 1));
        event.push_int(field::ORIGINAL_PARENT_PID, original);
        event.push_str(field::PROCESS_START, forked);
        event
    };
    let forked = |table: &mut Table, at: &str| ancestry(table, orphan(at, 6));
    assert_eq!(forked(&mut table, "1970-01-01T00:00:05Z"), ["6.4", "5.2", "4.1"]);
    assert_eq!(forked(&mut table, "1970-01-01T00:00:06.5Z"), ["1.1"], "another had the pid by then");
}

#[test]
fn a_child_does_not_descend_from_what_its_parent_becomes_after_the_fork() {
    let mut table = Table::new(Limits::default());
    for event in [told(1, "fork", (5, 1), (4, 1)), told(2, "fork", (6, 2), (5, 1)), exec(3, (5, 3), 1, (4, 1))] {
        ancestry(&mut table, event);
    }
    assert_eq!(ancestry(&mut table, exec(4, (6, 4), 2, (5, 3))), ["5.1", "4.1"]);
}

#[test]
fn programs_that_share_one_entity_id_are_ancestors_of_those_after_them() {
    let mut table = Table::new(Limits::default());
    let program = |seconds, name: &str| {
        let mut event = process(seconds, "start", "x", "shell");
        event.push_str(field::EVENT_ACTION, "exec");
        event.push_str(field::PROCESS_EXECUTABLE, name);
        event
    };
    let lineage = |table: &mut Table, mut event: Event, marks: u128| {
        table.observe(&mut event, |_| marks);
        (values(&event, field::ANCESTRY), event.context.map_or(0, |context| context.lineage))
    };
    let own = || vec!["shell".to_owned()];
    assert_eq!(lineage(&mut table, program(1, "/usr/bin/osascript"), 1), (own(), 0));
    assert_eq!(lineage(&mut table, program(1, "/usr/bin/osascript"), 1), (own(), 0), "told twice");
    let both = || vec!["x".to_owned(), "shell".to_owned()];
    assert_eq!(lineage(&mut table, program(2, "/usr/bin/curl"), 0), (both(), 1));
    assert_eq!(lineage(&mut table, connection(3, "x"), 0), (both(), 1));
}

/// An exec in a document of a source that gives each its own entity id.
fn document(ms: i64, id: &str, pid: i64, parent: Option<(&str, i64)>) -> Event {
    let mut event = process(0, "start", id, parent.map_or("", |(id, _)| id));
    event.time = Timestamp::from_milliseconds(ms).unwrap();
    event.push_str(field::EVENT_ACTION, "exec");
    event.push_int(field::PROCESS_PID, pid);
    if let Some((_, pid)) = parent {
        event.push_int(field::PARENT_PID, pid);
    }
    event
}

#[test]
fn a_child_of_xpcproxy_logged_after_the_runner_of_its_pid_descends_from_the_runner() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, document(8184, "runner", 27898, Some(("fork", 1))));
    assert_eq!(ancestry(&mut table, document(8606, "xpcproxy", 27898, None)), ["runner", "fork"]);
    let stated = |mut event: Event| {
        event.push_str(field::ANCESTRY, "fork-of-sh");
        event.push_str(field::ANCESTRY, "xpcproxy");
        event
    };
    let wanted = ["fork-of-sh", "xpcproxy", "runner"];
    let sh = stated(document(10_746, "sh", 27901, Some(("fork-of-sh", 27898))));
    assert_eq!(ancestry(&mut table, sh), wanted);
    assert_eq!(ancestry(&mut table, connection(11, "sh")), wanted);
    assert_eq!(ancestry(&mut table, stated(connection(11, "sh"))), wanted);
}

#[test]
fn executions_of_one_pid_that_adjoin_are_one_lineage_and_those_of_another_process_are_not() {
    let after = |exec: Event, end: Option<i64>| {
        let mut table = Table::new(Limits::default());
        ancestry(&mut table, document(1000, "osascript", 7, Some(("shell", 6))));
        if let Some(seconds) = end {
            ancestry(&mut table, process(seconds, "end", "osascript", ""));
        }
        ancestry(&mut table, exec)
    };
    let exec = |ms, parent| document(ms, "curl", 7, parent);
    assert_eq!(after(exec(30_000, Some(("shell", 6))), None), ["osascript", "shell"]);
    assert_eq!(after(exec(6000, Some(("launchd", 1))), None), ["osascript", "shell"], "adopted");
    assert_eq!(after(exec(6001, Some(("launchd", 1))), None), ["launchd"], "it may be another process");
    assert_eq!(after(exec(61_001, Some(("shell", 6))), None), ["shell"], "so late it may be another process");
    assert_eq!(after(exec(2000, Some(("other", 9))), None), ["other"], "another process forked it");
    assert_eq!(after(exec(3000, Some(("shell", 6))), Some(2)), ["shell"], "the pid is used again");
    let mut fork = document(2000, "curl", 7, Some(("shell", 6)));
    fork.remove(field::EVENT_ACTION);
    fork.push_str(field::EVENT_ACTION, "fork");
    assert_eq!(after(fork, None), ["shell"], "a fork makes a new process");
}

#[test]
fn what_descends_from_a_process_whose_start_is_told_late_descends_from_its_ancestors_then() {
    let lineage = |table: &mut Table, mut event: Event, marks: u128| {
        table.observe(&mut event, |_| marks);
        (values(&event, field::ANCESTRY), event.context.map_or(0, |context| context.lineage))
    };
    let mut table = Table::new(Limits::default());
    for event in [told(3, "fork", (6, 3), (5, 2)), exec(4, (6, 4), 3, (5, 2)), told(5, "fork", (7, 5), (6, 4))] {
        ancestry(&mut table, event);
    }
    assert_eq!(ancestry(&mut table, connection(6, "7.5")), ["6.4", "5.2"]);
    // osascript, and after it the shell that it descends from.
    lineage(&mut table, exec(2, (5, 2), 1, (4, 1)), 1);
    let (found, marks) = lineage(&mut table, connection(7, "7.5"), 0);
    assert_eq!((found, marks), (["6.4", "5.2", "4.1"].map(str::to_owned).to_vec(), 1));
    lineage(&mut table, told(1, "fork", (4, 1), (3, 1)), 2);
    for process in ["6.3", "6.4", "7.5"] {
        let (found, marks) = lineage(&mut table, connection(8, process), 0);
        assert_eq!((found.last().map(String::as_str), marks), (Some("3.1"), 3), "{process}: {found:?}");
    }
}

#[test]
fn a_child_descends_from_what_its_parent_is_known_to_descend_from_by_then_and_not_from_what_it_was_for_the_first_child()
{
    let mut table = Table::new(Limits::default());
    assert_eq!(ancestry(&mut table, told(3, "fork", (6, 3), (5, 2))), ["5.2"]);
    assert_eq!(ancestry(&mut table, told(4, "fork", (7, 1), (6, 3))), ["6.3", "5.2"]);
    assert_eq!(ancestry(&mut table, told(4, "fork", (7, 2), (6, 3))), ["6.3", "5.2"]);
    ancestry(&mut table, exec(2, (5, 2), 1, (4, 1)));
    assert_eq!(ancestry(&mut table, told(5, "fork", (8, 1), (6, 3))), ["6.3", "5.2", "4.1"]);
    // Its start is reported once more, and by then it has another parent.
    ancestry(&mut table, told(6, "fork", (6, 3), (9, 9)));
    let parent = ancestry(&mut table, connection(7, "6.3"));
    let child = ancestry(&mut table, told(7, "fork", (8, 2), (6, 3)));
    assert_eq!(child[1..], parent[..]);
}

#[test]
fn the_children_of_a_process_share_one_list_of_what_they_descend_from() {
    let mut table = osascript_and_its_shell();
    let mut list = |pid| {
        let mut event = told(5, "fork", (pid, 1), (6, 4));
        table.observe(&mut event, |_| 0);
        event.context.unwrap().ancestors.clone().unwrap()
    };
    let (first, second) = (list(7), list(8));
    assert!(Arc::ptr_eq(&first, &second));
    assert_eq!(first.iter().map(|execution| execution.entity_id()).collect::<Vec<_>>(), ["6.4", "5.2", "4.1"]);
}

/// A start that states its ancestors, as documents do.
fn stated(seconds: i64, id: &str, ancestors: &[&str]) -> Event {
    let mut event = process(seconds, "start", id, ancestors.first().unwrap_or(&""));
    ancestors.iter().for_each(|ancestor| event.push_str(field::ANCESTRY, ancestor));
    event
}

#[test]
fn who_states_the_ancestors_of_its_parent_shares_their_list_and_who_states_others_does_not() {
    let mut table = Table::new(Limits::default());
    let mut list = |event: Event| {
        let mut event = event;
        table.observe(&mut event, |_| 0);
        event.context.unwrap().ancestors.clone().unwrap()
    };
    list(stated(1, "shell", &["launchd"]));
    let [first, second, other] = [&["shell", "launchd"], &["shell", "launchd"], &["shell", "login"]]
        .map(|ancestors| list(stated(2, &ancestors.join("-"), ancestors)));
    assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
    let ids = |list: &Ancestors| list.iter().map(|ancestor| ancestor.entity_id().to_owned()).collect::<Vec<_>>();
    assert_eq!([ids(&second), ids(&other)], [["shell", "launchd"], ["shell", "login"]]);
}

#[test]
fn an_ancestor_that_exited_long_ago_is_known_by_name_to_who_descends_from_it() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, stated(1, "script", &[]));
    ancestry(&mut table, stated(2, "shell", &["script"]));
    ancestry(&mut table, process(3, "end", "script", ""));
    ancestry(&mut table, process(200, "end", "another", ""));
    let mut event = stated(201, "curl", &["shell", "script"]);
    table.observe(&mut event, |_| 0);
    assert!(!table.knows(&process(202, "end", "script", "")));
    let list = event.context.unwrap().ancestors.clone().unwrap();
    assert_eq!(list.iter().map(|it| it.name()).collect::<Vec<_>>(), [Some("shell-name"), Some("script-name")]);
}

#[test]
fn a_start_that_is_told_more_than_five_seconds_late_links_nothing() {
    let mut table = Table::new(Limits::default());
    ancestry(&mut table, told(3, "fork", (6, 3), (5, 2)));
    ancestry(&mut table, told(9, "fork", (8, 1), (9, 1)));
    ancestry(&mut table, exec(2, (5, 2), 1, (4, 1)));
    assert_eq!(ancestry(&mut table, connection(10, "6.3")), ["5.2"]);
}

#[test]
fn children_of_an_unknown_parent_share_what_they_say_of_it_and_one_that_says_otherwise_keeps_its_own() {
    let mut table = Table::new(Limits::default());
    let parent_name = |table: &mut Table, id: &str, name: &str| {
        let mut event = process(1, "start", id, "shell");
        event.push_str(field::PARENT_NAME, name);
        table.observe(&mut event, |_| 0);
        (event.context.unwrap().parent.clone().unwrap(), table.bytes())
    };
    let (first, one) = parent_name(&mut table, "a", "zsh");
    let (second, two) = parent_name(&mut table, "b", "zsh");
    let (other, three) = parent_name(&mut table, "c", "bash");
    assert!(Arc::ptr_eq(&first, &second) && two - one < one && two - one < three - two);
    assert_eq!((second.name(), other.name()), (Some("zsh"), Some("bash")));
}
