//! The agent over scripted sensors.

mod found_running;
mod interleavings;
mod names;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded, never};
use serde_json::{Map, Value as Json, json};

use super::{Agent, Counts, Ended, Ending, Settings, Sink};
use crate::alert::Alert;
use crate::detect::{Lateness, RuleSet};
use crate::event::{Decoded, Event, Flow, FlowSource, Line, Machine, Owner, ProcessRef, Timestamp, Transport, field};
use crate::pipeline::{Limits, Pipeline};
use crate::source::eslogger::Decoder;
use crate::source::live::{Level, Lookup, Losses, Notice, Queued, Report, Sensors, UserNames, Watched};

#[derive(Default)]
struct Seen {
    alerts: Vec<Json>,
    documents: Vec<Json>,
}

impl Sink for Seen {
    fn alert(&mut self, alert: Alert) {
        self.alerts.push(Json::Object(alert.document));
    }
    fn document(&mut self, document: Map<String, Json>) {
        self.documents.push(Json::Object(document));
    }
}

/// Every process's unique pid is its pid and 1000.
struct Numbers;

impl Lookup for Numbers {
    fn unique_pid(&self, pid: u32, _: u32) -> Option<u64> {
        Some(u64::from(pid) + 1000)
    }
    /// Pid 77 runs osascript, and no event reported it.
    fn running(&self, pid: u32, unique_pid: u64) -> Vec<Event> {
        if (pid, unique_pid) == (77, 1077) { vec![already_running(0.5, OSASCRIPT, 77, 3)] } else { Vec::new() }
    }
}

impl UserNames for Numbers {
    fn name(&mut self, uid: u32) -> Option<String> {
        (uid == 501).then(|| "admin".to_owned())
    }
}

fn machine() -> Machine {
    Machine { host_id: "h".into(), boot_id: "b".into() }
}

fn token(pid: u32, version: u32) -> Json {
    json!({"auid": 501, "euid": 501, "egid": 20, "ruid": 501, "rgid": 20, "pid": pid, "asid": 1, "pidversion": version})
}

fn process(path: &str, pid: u32, version: u32) -> Json {
    json!({"audit_token": token(pid, version), "parent_audit_token": token(1, 1), "ppid": 1,
        "executable": {"path": path}, "signing_id": format!("com.apple.{}", path.rsplit('/').next().unwrap())})
}

fn report(second: f64, event: Json, of: Json) -> Report {
    let ns = (second * 1e9) as i64 + 1_700_000_000_000_000_000;
    let time = Timestamp::from_nanoseconds(ns).to_string();
    let line = json!({"time": time, "event_type": 9, "process": of, "event": event, "version": 8}).to_string();
    match Decoder::new(machine(), None).decode(&Line::from(line)) {
        Ok(Decoded::Event(event)) => Report::Event(Box::new(event)),
        other => panic!("{other:?}"),
    }
}

fn exec(second: f64, path: &str, pid: u32, version: u32) -> Report {
    let event = json!({"exec": {"target": process(path, pid, version), "args": [path, "-e", "1"]}});
    report(second, event, process("/bin/bash", pid, version - 1))
}

fn fork(second: f64, pid: u32, version: u32) -> Report {
    report(second, json!({"fork": {"child": process("/bin/zsh", pid, version)}}), process("/bin/zsh", 40, 5))
}

fn already_running(second: f64, path: &str, pid: u32, version: u32) -> Event {
    match exec(second, path, pid, version) {
        Report::Event(event) => {
            let mut event = *event;
            event.remove(field::EVENT_TYPE);
            event.push_str(field::EVENT_TYPE, "info");
            event
        }
        other => panic!("{other:?}"),
    }
}

fn exit(second: f64, path: &str, pid: u32, version: u32) -> Report {
    report(second, json!({"exit": {"stat": 0}}), process(path, pid, version))
}

fn flow(second: f64, pid: u32, unique_pid: Option<u64>) -> Flow {
    let time = Timestamp::from_nanoseconds((second * 1e9) as i64 + 1_700_000_000_000_000_000);
    let (owner, remote) = (Owner::Process(ProcessRef { pid, unique_pid }), "93.184.216.34:443".parse().unwrap());
    Flow::connected(FlowSource::NetworkStatistics, time, Transport::Tcp, remote, owner)
        .with_local(Some("192.168.1.5:50000".parse().unwrap()))
        .with_inbound(Some(false))
}

/// Sensors whose reports all lie ready, process reports first unless `late`.
struct Script {
    sensors: Sensors,
    processes: Sender<Queued>,
    flows: Sender<Flow>,
}

fn script() -> Script {
    let (processes, process_receiver) = bounded(10_000);
    let (flows, flow_receiver) = bounded(1000);
    let sensors = Sensors {
        machine: machine(),
        host_name: Some("mac".into()),
        os_version: Some("15.1".into()),
        processes: process_receiver,
        flows: flow_receiver,
        exec_lateness: Arc::default(),
        losses: Arc::new(Losses::default()),
        scan: bounded(1).0,
        lookup: Box::new(Numbers),
        user_names: Box::new(Numbers),
        guard: None,
    };
    Script { sensors, processes, flows }
}

impl Script {
    fn processes(self, reports: impl IntoIterator<Item = Report>) -> Script {
        reports.into_iter().for_each(|report| self.processes.send(report.into()).unwrap());
        self
    }

    fn flows(self, flows: impl IntoIterator<Item = Flow>) -> Script {
        flows.into_iter().for_each(|flow| self.flows.send(flow).unwrap());
        self
    }

    /// Tells of this only when the flows have waited for 60 ms.
    fn run_and_tell_late(self, report: Report) -> (Seen, Counts) {
        let Script { sensors, processes, flows } = self;
        let teller = std::thread::spawn(move || {
            std::thread::sleep(Duration::from_millis(60));
            processes.send(report.into()).unwrap();
            std::thread::sleep(Duration::from_millis(200));
            drop((processes, flows));
        });
        let settings = Settings { run_for: Some(Duration::from_millis(250)), ..Settings::default() };
        let (seen, _, counts) = run(settings, sensors, &never());
        teller.join().unwrap();
        (seen, counts)
    }

    fn run(self) -> (Seen, Counts) {
        let Script { sensors, processes, flows } = self;
        let settings = Settings { run_for: Some(Duration::from_millis(100)), ..Settings::default() };
        let result = run(settings, sensors, &never());
        drop((processes, flows));
        let (seen, ending, counts) = result;
        assert_eq!(ending, Ending::TimeOver);
        (seen, counts)
    }
}

fn run(settings: Settings, sensors: Sensors, stop: &Receiver<()>) -> (Seen, Ending, Counts) {
    let limits = Limits { lateness: Lateness::UpTo(Duration::ZERO), ..Limits::replay() };
    let pipeline = Pipeline::new(RuleSet::built_in(), limits);
    let agent = Agent::start(settings, pipeline, sensors, Arc::new(Watched::default()), Seen::default()).unwrap();
    let Ended { result, sink } = agent.run(stop);
    let (ending, counts) = result.unwrap();
    (sink.unwrap(), ending, counts)
}

const OSASCRIPT: &str = "/usr/bin/osascript";

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

#[test]
fn a_loss_writes_a_document_and_marks_the_alert() {
    let script = script();
    script.sensors.losses.exec_gaps.store(3, Ordering::Relaxed);
    let (seen, counts) = script.processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([flow(1.0, 50, Some(1050))]).run();
    assert_eq!(seen.documents.len(), 1);
    assert_eq!(seen.documents[0]["event"]["kind"], "pipeline_error");
    assert_eq!(seen.documents[0]["osawatch"]["loss"]["endpoint_security"]["exec_gaps"], 3);
    assert_eq!(seen.alerts[0]["osawatch"]["loss"]["endpoint_security"]["exec_gaps"], 3);
    assert!(counts.lost.contains(&("endpoint_security.exec_gaps", 3)));
}

#[test]
fn a_stop_lets_through_what_was_received() {
    let (stop, stopped) = bounded(1);
    stop.send(()).unwrap();
    let Script { sensors, processes, flows } =
        script().processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([flow(1.0, 50, Some(1050))]);
    let (seen, ending, _) = run(Settings::default(), sensors, &stopped);
    drop((processes, flows));
    assert_eq!((seen.alerts.len(), ending), (1, Ending::Stopped));
}

#[test]
fn a_source_that_can_never_work_ends_the_agent_with_its_sentence() {
    let fatal = Report::Notice(Notice { level: Level::Fatal, text: "no".into() });
    let Script { sensors, processes, flows } = script().processes([fatal]);
    let pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
    let watched = Arc::new(Watched::default());
    let agent = Agent::start(Settings::default(), pipeline, sensors, watched, Seen::default()).unwrap();
    assert_eq!(agent.run(&never()).result.unwrap_err().to_string(), "no");
    drop((processes, flows));
}

/// A sink that a slow disk holds up.
#[derive(Default)]
struct SlowDisk(Seen);

impl Sink for SlowDisk {
    fn alert(&mut self, alert: Alert) {
        std::thread::sleep(Duration::from_millis(50));
        self.0.alert(alert);
    }
    fn document(&mut self, document: Map<String, Json>) {
        self.0.document(document);
    }
}

#[test]
fn a_disk_that_takes_50_ms_for_each_alert_loses_none_of_40() {
    let Script { sensors, processes, flows } = script();
    let execs = (0..40).map(|n| exec(f64::from(n) / 1000.0, OSASCRIPT, 100 + n, 7));
    execs.for_each(|report| processes.send(report.into()).unwrap());
    let connections = (0..40).map(|n| flow(1.0 + f64::from(n) / 1000.0, 100 + n, Some(u64::from(1100 + n))));
    connections.for_each(|flow| flows.send(flow).unwrap());
    drop((processes, flows));
    let pipeline = Pipeline::new(RuleSet::built_in(), Limits::live());
    let watched = Arc::new(Watched::default());
    let agent = Agent::start(Settings::default(), pipeline, sensors, watched, SlowDisk::default()).unwrap();
    let Ended { result, sink } = agent.run(&never());
    let (_, counts) = result.unwrap();
    assert_eq!(sink.unwrap().0.alerts.len(), 40);
    assert!(counts.lost.iter().all(|(_, count)| *count == 0), "{:?}", counts.lost);
}

#[test]
fn a_stop_takes_in_a_backlog_of_thousands_of_reports() {
    let (stop, stopped) = bounded(1);
    stop.send(()).unwrap();
    let Script { sensors, processes, flows } = script();
    for n in 0..6000_u32 {
        processes.send(exec(f64::from(n) / 1000.0, "/bin/sh", 1000 + n, 3).into()).unwrap();
    }
    processes.send(exec(7.0, OSASCRIPT, 50, 7).into()).unwrap();
    flows.send(flow(7.5, 50, Some(1050))).unwrap();
    let (seen, ending, counts) = run(Settings::default(), sensors, &stopped);
    drop((processes, flows));
    assert_eq!((seen.alerts.len(), ending, counts.processes), (1, Ending::Stopped, 6001));
}
