//! Losses, stops and slow disks.

use super::*;

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
fn the_time_of_a_run_is_over_also_when_more_reports_wait_than_one_turn_takes() {
    let execs = (0..5000_u32).map(|n| exec(f64::from(n) / 1000.0, "/bin/sh", 1000 + n, 3));
    let Script { sensors, processes, flows } = script().processes(execs);
    let pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
    // No time to take in the rest.
    let settings = Settings { run_for: Some(Duration::ZERO), stop_within: Duration::ZERO, ..Settings::default() };
    let agent = Agent::start(settings, pipeline, sensors, Arc::default(), Seen::default()).unwrap();
    let (ending, counts) = agent.run(&never()).result.unwrap();
    drop((processes, flows));
    assert!(ending == Ending::TimeOver && counts.processes < 5000, "{ending:?} {}", counts.processes);
    assert!(counts.lost.contains(&("engine.not_taken", 5000 - counts.processes)), "{:?}", counts.lost);
}

#[test]
fn a_source_that_can_never_work_ends_the_agent_with_its_sentence() {
    let fatal = Report::notice(Level::Fatal, "no".into());
    let Script { sensors, processes, flows } = script().processes([fatal]);
    let pipeline = Pipeline::new(RuleSet::built_in(), Limits::replay());
    let watched = Arc::new(Watched::default());
    let agent = Agent::start(Settings::default(), pipeline, sensors, watched, Seen::default()).unwrap();
    let ended = agent.run(&never());
    assert_eq!(ended.result.unwrap_err().to_string(), "no");
    assert!(ended.sink.is_some(), "what was found before it failed can still be written");
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
    let Ended { result, sink, .. } = agent.run(&never());
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
    // However slow the machine is.
    let settings = Settings { stop_within: Duration::from_secs(600), ..Settings::default() };
    let (seen, ending, counts) = run(settings, sensors, &stopped);
    drop((processes, flows));
    assert_eq!((seen.alerts.len(), ending, counts.processes), (1, Ending::Stopped, 6001));
}
