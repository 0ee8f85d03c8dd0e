//! Which execution a connection is given to.

use super::*;

#[test]
fn osascript_that_connects_alerts_with_its_audit_token() {
    let (seen, counts) = script().processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([flow(1.5, 50, Some(1050))]).run();
    assert_eq!(seen.alerts.len(), 1);
    let alert = &seen.alerts[0];
    assert_eq!(alert["process"]["name"], "osascript");
    assert_eq!(alert["process"]["entity_id"], machine().entity_id(50, 7));
    assert_eq!(alert["osawatch"]["attribution"]["method"], "unique_pid");
    assert_eq!(alert["osawatch"]["process"]["pidversion"], 7);
    assert_eq!(alert["user"]["name"], "admin");
    assert_eq!(alert["destination"]["ip"], "93.184.216.34");
    assert_eq!(alert["host"]["os"]["version"], "15.1");
    assert_eq!((counts.processes, counts.flows, counts.unattributed), (1, 1, 0));
}

#[test]
fn a_connection_told_before_its_exec_waits_for_it() {
    let (seen, counts) = script().flows([flow(1.0, 50, Some(1050))]).run_and_tell_late(exec(0.9, OSASCRIPT, 50, 7));
    assert_eq!((seen.alerts.len(), counts.unattributed), (1, 0));
}

#[test]
fn a_connection_given_to_the_program_before_goes_to_the_one_whose_exec_is_told_late() {
    let script = script().processes([exec(0.0, "/bin/bash", 50, 6)]).flows([flow(1.0, 50, Some(1050))]);
    let (seen, _) = script.run_and_tell_late(exec(0.9, OSASCRIPT, 50, 7));
    assert_eq!(seen.alerts.len(), 1);
    assert_eq!(seen.alerts[0]["process"]["entity_id"], machine().entity_id(50, 7));
}

#[test]
fn a_socket_made_by_the_program_before_is_said_to_be_inherited() {
    let reports = || [exec(0.0, "/bin/bash", 50, 6), exec(2.0, OSASCRIPT, 50, 7)];
    let made = |second: f64| Flow { started: Some(flow(second, 0, None).time), ..flow(2.5, 50, Some(1050)) };
    let inherited = |flow| {
        let (seen, _) = script().processes(reports()).flows([flow]).run();
        assert_eq!(seen.alerts[0]["osawatch"]["attribution"]["method"], "unique_pid");
        seen.alerts[0]["osawatch"]["attribution"]["inherited"].clone()
    };
    assert_eq!(inherited(made(1.0)), true);
    assert_eq!(inherited(made(2.2)), Json::Null);
}

#[test]
fn an_alert_names_the_execution_by_its_whole_audit_token() {
    let (seen, _) = script().processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([flow(1.5, 50, Some(1050))]).run();
    assert_eq!(seen.alerts[0]["osawatch"]["process"]["audit_token"], "501,501,20,501,20,50,1,7");
}

#[test]
fn after_a_loss_the_running_processes_are_looked_up_and_what_is_known_stays() {
    let (scan, scans) = bounded(1);
    let Script { mut sensors, processes, flows } = script();
    sensors.scan = scan;
    sensors.losses.exec_gaps.store(3, Ordering::Relaxed);
    let feeder = std::thread::spawn(move || {
        processes.send(exec(0.0, OSASCRIPT, 50, 7).into()).unwrap();
        scans.recv().unwrap();
        for found in [already_running(0.5, "/usr/bin/forged", 50, 7), already_running(0.5, OSASCRIPT, 60, 3)] {
            processes.send(Report::Running(Box::new(found)).into()).unwrap();
        }
        flows.send(flow(1.0, 50, Some(1050))).unwrap();
        flows.send(flow(1.0, 60, Some(1060))).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        drop((processes, flows));
    });
    let (seen, ending, counts) = run(Settings::default(), sensors, &never());
    feeder.join().unwrap();
    assert_eq!((ending, counts.unattributed), (Ending::SensorsEnded, 0));
    let found: Vec<_> = seen.alerts.iter().map(|alert| (&alert["rule"]["id"], &alert["process"]["pid"])).collect();
    let wanted = [("osascript-network-connection", 50), ("osascript-late-network-connection", 60)];
    assert_eq!(
        found.iter().map(|(rule, pid)| (rule.as_str().unwrap(), pid.as_u64().unwrap())).collect::<Vec<_>>(),
        wanted,
        "the start that was reported stays known as one; the process that was found running did not start"
    );
}

#[test]
fn a_reused_pid_does_not_inherit_the_connection_of_the_process_before_it() {
    let reports = [exec(0.0, OSASCRIPT, 50, 7), exit(0.5, OSASCRIPT, 50, 7)];
    let (seen, _) = script().processes(reports).flows([flow(1.0, 50, Some(9999))]).run();
    assert!(seen.alerts.is_empty());
    let exit_was_lost = [exec(0.0, OSASCRIPT, 50, 7)];
    let (seen, counts) = script().processes(exit_was_lost).flows([flow(1.0, 50, Some(9999))]).run();
    assert_eq!((seen.alerts.len(), counts.unattributed), (0, 1), "the unique pid is another's");
}

#[test]
fn a_connection_told_after_the_exit_still_has_its_execution_by_unique_pid_alone() {
    let reports = || [exec(0.0, OSASCRIPT, 50, 7), exit(0.5, OSASCRIPT, 50, 7)];
    let (seen, _) = script().processes(reports()).flows([flow(0.6, 50, Some(1050))]).run();
    assert_eq!(seen.alerts.len(), 1);
    let (seen, _) = script().processes(reports()).flows([flow(0.6, 50, None)]).run();
    assert!(seen.alerts.is_empty(), "a bare pid proves nothing after the exit");
}

#[test]
fn a_connection_told_after_the_exit_is_its_execution_s_if_the_socket_was_made_before_it() {
    let reports = || [exec(0.0, OSASCRIPT, 50, 7), exit(0.5, OSASCRIPT, 50, 7)];
    let made = |second: f64| Flow { started: Some(flow(second, 0, None).time), ..flow(0.6, 50, None) };
    let methods = |flow| {
        let (seen, _) = script().processes(reports()).flows([flow]).run();
        seen.alerts.iter().map(|alert| alert["osawatch"]["attribution"]["method"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(methods(made(0.4)), ["pid"]);
    assert!(methods(made(0.55)).is_empty(), "made by whoever has the pid now");
}

#[test]
fn exec_in_place_gives_a_connection_to_the_program_that_ran_at_its_time() {
    let reports = || [exec(0.0, "/bin/bash", 50, 6), exec(2.0, OSASCRIPT, 50, 7)];
    let (seen, _) = script().processes(reports()).flows([flow(1.0, 50, Some(1050))]).run();
    assert!(seen.alerts.is_empty(), "bash connected, before it became osascript");
    let (seen, _) = script().processes(reports()).flows([flow(2.5, 50, Some(1050))]).run();
    assert_eq!(seen.alerts.len(), 1);
}

#[test]
fn a_flow_on_behalf_of_osascript_is_its_own_and_says_who_made_it() {
    let owner = Owner::Process(ProcessRef { pid: 50, unique_pid: Some(1050) });
    let delegated = flow(1.0, 300, Some(1300)).on_behalf_of(owner);
    let delegated = Flow { process_name: Some("nsurlsessiond".into()), ..delegated };
    let (seen, _) = script().processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([delegated]).run();
    assert_eq!(seen.alerts.len(), 1);
    let network = &seen.alerts[0]["osawatch"]["sequence"]["events"][1];
    assert_eq!(network["osawatch"]["attribution"]["via"], "300/nsurlsessiond");
}

#[test]
fn a_flow_of_no_known_process_is_said_to_be_so() {
    let (seen, counts) = script().flows([flow(1.0, 50, Some(1050))]).run();
    assert!(seen.alerts.is_empty());
    assert_eq!((counts.flows, counts.unattributed), (1, 1));
}

#[test]
fn a_process_that_nothing_told_of_is_looked_up_when_its_connection_has_waited() {
    let unique = |unique| script().flows([flow(1.0, 77, Some(unique))]).run().1.unattributed;
    assert_eq!((unique(1077), unique(1078)), (0, 1), "the other's pid is used again");
}

#[test]
fn an_accepted_flow_names_this_mac_as_its_destination() {
    let accepted = Flow { inbound: Some(true), ..flow(1.0, 50, Some(1050)) };
    let event = crate::source::flow_event::event(&accepted, &machine(), None);
    assert_eq!(event.str(crate::event::field::DESTINATION_IP), Some("192.168.1.5"));
    assert_eq!(event.str(crate::event::field::NETWORK_DIRECTION), Some("ingress"));
}
