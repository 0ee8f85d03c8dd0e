//! The agent over scripted sensors.

mod attribution;
mod control;
mod endings;
mod found_running;
mod interleavings;
mod names;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crossbeam_channel::{Receiver, bounded, never};
use serde_json::{Map, Value as Json, json};

use super::delivery::Item;
use super::engine::{Engine, System};
use super::examiner::Examiner;
use super::users::Users;
use super::{Agent, Counts, Ended, Ending, Settings, Sink};
use crate::alert::Alert;
use crate::detect::{Lateness, RuleSet};
use crate::event::{Decoded, Event, Flow, FlowSource, Line, Machine, Owner, ProcessRef, Timestamp, Transport, field};
use crate::pipeline::{Limits, Pipeline};
use crate::source::eslogger::Decoder;
use crate::source::live::{Bell, Level, Lookup, Losses, Queued, Report, RingingSender, Sensors, UserNames, Watched};

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
    processes: RingingSender<Queued>,
    flows: RingingSender<Flow>,
}

fn script() -> Script {
    let bell = Bell::default();
    let ((processes, process_receiver), (flows, flow_receiver)) = (bell.channel(10_000), bell.channel(1000));
    let sensors = Sensors {
        machine: machine(),
        host_name: Some("mac".into()),
        os_version: Some("15.1".into()),
        processes: process_receiver,
        flows: flow_receiver,
        bell,
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
        let (reports, flows) = (self.sensors.processes.clone(), self.sensors.flows.clone());
        let mut engine = engine_over(&Settings::default(), in_order(), self.sensors);
        flows.try_iter().for_each(|flow| engine.flow(flow, Duration::ZERO));
        reports.try_iter().for_each(|queued| engine.process(queued.report, Duration::ZERO).unwrap());
        let pass = |engine: &mut Engine, milliseconds: std::ops::Range<u64>| {
            for now in milliseconds.map(Duration::from_millis) {
                engine.quiet(now);
                engine.advance(now);
            }
        };
        pass(&mut engine, 0..60);
        engine.process(report, Duration::from_millis(60)).unwrap();
        pass(&mut engine, 60..250);
        let counts = engine.finish(0, Duration::from_millis(250));
        let mut seen = Seen::default();
        for item in engine.take_items() {
            match item {
                Item::Alert { draft, .. } => seen.alert(draft.alert(0)),
                Item::Document(document) | Item::Loss { document, .. } => seen.document(document),
                Item::Notice(_) | Item::Exchange | Item::Hurry => {}
            }
        }
        (seen, counts)
    }

    fn run(self) -> (Seen, Counts) {
        let Script { sensors, processes, flows } = self;
        // What lies ready is taken in when the time is over.
        let settings = Settings { run_for: Some(Duration::ZERO), ..Settings::default() };
        let result = run(settings, sensors, &never());
        drop((processes, flows));
        let (seen, ending, counts) = result;
        assert_eq!(ending, Ending::TimeOver);
        (seen, counts)
    }
}

/// Events come in order.
fn in_order() -> Limits {
    Limits { lateness: Lateness::UpTo(Duration::ZERO), ..Limits::replay() }
}

/// An engine without a driver: a test says what time it is.
fn engine_over(settings: &Settings, limits: Limits, sensors: Sensors) -> Engine {
    let (settled, _) = bounded(1);
    let Sensors { machine, exec_lateness, losses, scan, lookup, user_names, .. } = sensors;
    let users = Users::start(user_names, settled.clone()).unwrap();
    let examiner = Examiner::start(settings.capture, settings.budget.scripts, &settled);
    let (host_name, os_version) = (None, None);
    let system = System { machine, host_name, os_version, lookup, exec_lateness, losses, scan, users, examiner };
    let pipeline = Pipeline::new(RuleSet::built_in(), limits);
    Engine::new(settings, pipeline, system, Arc::default(), Timestamp::from_nanoseconds(0))
}

fn run(settings: Settings, sensors: Sensors, stop: &Receiver<()>) -> (Seen, Ending, Counts) {
    let pipeline = Pipeline::new(RuleSet::built_in(), in_order());
    let agent = Agent::start(settings, pipeline, sensors, Arc::new(Watched::default()), Seen::default()).unwrap();
    let Ended { result, sink, .. } = agent.run(stop);
    let (ending, counts) = result.unwrap();
    (sink.unwrap(), ending, counts)
}

const OSASCRIPT: &str = "/usr/bin/osascript";
