//! What the agent is told while it works, and what it tells of itself.

use super::*;
use crate::agent::examiner::HeldUp;
use crate::agent::{Control, Ports, Reload, Told};
use crate::pipeline::Exchange;
use crate::script::Capture;
use crate::source::live::{Health, SourceKind};

fn health(kind: SourceKind, works: bool, finding: &str) -> Report {
    Report::Health(Health { kind, name: "s", works, finding: finding.into(), latency: None })
}

/// The set that follows, with this rule besides the built-in ones, and the exceptions of this text.
fn successor(of: &RuleSet, rule: Option<&str>, exception: Option<&str>) -> RuleSet {
    let mut set = of.successor();
    set.add_built_in();
    if let Some(query) = rule {
        set.add("own", &format!("[rule]\nrule_id = \"own\"\nname = \"own\"\nquery = '''{query}'''\n")).unwrap();
    }
    if let Some(condition) = exception {
        let text = format!("name = \"x\"\nrules = \"all\"\nreason = \"r\"\ncondition = '{condition}'\n");
        set.except("x.toml", &text, &toml::from_str(&text).unwrap()).unwrap();
    }
    set
}

fn reload(set: RuleSet) -> Control {
    let exchange = Exchange { set, volume: None, redactor: None };
    let (what, blind_spots) = ("new".to_owned(), Vec::new());
    Control::Reload(Box::new(Reload {
        exchange,
        capture: Capture::Full,
        heartbeat: None,
        cpu_limit: 0,
        what,
        blind_spots,
    }))
}

/// An agent whose reports and orders come from a script, one after the other.
struct Played {
    processes: RingingSender<Queued>,
    flows: RingingSender<Flow>,
    control: RingingSender<Control>,
    told: Receiver<Told>,
    stop: RingingSender<()>,
    ended: std::thread::JoinHandle<Ended<Seen>>,
    set: RuleSet,
}

impl Played {
    fn start(settings: Settings) -> Played {
        let Script { sensors, processes, flows } = script();
        let set = RuleSet::built_in();
        let pipeline = Pipeline::new(RuleSet::built_in(), Limits::live());
        let ((control, controls), (stop, stopped)) = (sensors.bell.channel(8), sensors.bell.channel(1));
        let agent = Agent::start(settings, pipeline, sensors, Arc::default(), Seen::default()).unwrap();
        let (status, told) = bounded(64);
        let agent = agent.with_ports(Ports { control: controls, status: Some(status), tap: None });
        let ended = std::thread::spawn(move || agent.run(&stopped));
        Played { processes, flows, control, told, stop, ended, set }
    }

    /// Everything sent before is dealt with when the status that was asked for comes.
    fn settle(&self) -> crate::status::Status {
        // What waits in the channels is taken before a control, or with the next turn.
        while !self.processes.is_empty() || !self.flows.is_empty() {
            std::thread::yield_now();
        }
        for _ in 0..2 {
            self.control.send(Control::Tell).unwrap();
            while !self.told.recv().unwrap().is_asked {}
        }
        self.control.send(Control::Tell).unwrap();
        loop {
            let told = self.told.recv().unwrap();
            if told.is_asked {
                return told.status;
            }
        }
    }

    /// A flow waits until the stream of processes is known to be quiet.
    fn settle_until(&self, holds: impl Fn(&crate::status::Status) -> bool) {
        let mut statuses = (0..6000).map(|_| {
            std::thread::sleep(Duration::from_millis(10));
            self.settle()
        });
        assert!(statuses.any(|status| holds(&status)), "{:?}", self.settle().rules);
    }

    fn process(&self, report: Report) {
        self.processes.send(report.into()).unwrap();
    }

    fn end(self) -> (Seen, crate::status::Status) {
        self.stop.send(()).unwrap();
        let Ended { sink, status, .. } = self.ended.join().unwrap();
        (sink.unwrap(), status)
    }
}

fn actions(seen: &Seen) -> Vec<String> {
    seen.documents.iter().map(|document| document["event"]["action"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_sequence_that_began_before_a_reload_is_completed_after_it_and_a_new_rule_works_at_once() {
    let played = Played::start(Settings::default());
    played.process(exec(0.0, OSASCRIPT, 50, 7));
    assert!(played.settle().open_sequences > 0);
    let query = "network where destination.port == 443";
    let set = successor(&played.set, Some(query), None);
    played.control.send(reload(set)).unwrap();
    assert!(played.settle().open_sequences > 0, "what is open stays");
    played.flows.send(flow(1.0, 50, Some(1050))).unwrap();
    played.settle_until(|status| status.rules.iter().any(|rule| rule.id == "own" && rule.alerts == 1));
    let (seen, _) = played.end();
    let rules: Vec<&str> = seen.alerts.iter().map(|alert| alert["rule"]["id"].as_str().unwrap()).collect();
    assert!(rules.contains(&"own") && rules.len() == 2, "{rules:?}");
    assert_eq!(actions(&seen), ["configuration_reloaded"]);
}

#[test]
fn an_exception_of_a_reload_holds_and_the_counts_of_before_stay() {
    let played = Played::start(Settings::default());
    played.process(exec(0.0, OSASCRIPT, 50, 7));
    played.flows.send(flow(1.0, 50, Some(1050))).unwrap();
    played.settle();
    played.control.send(reload(successor(&played.set, None, Some("process.pid == 51")))).unwrap();
    played.process(exec(2.0, OSASCRIPT, 51, 8));
    played.flows.send(flow(3.0, 51, Some(1051))).unwrap();
    played.settle();
    let (seen, status) = played.end();
    assert_eq!(seen.alerts.len(), 1);
    assert_eq!(status.rules.iter().map(|rule| rule.alerts).sum::<u64>(), 1);
    assert_eq!((status.exceptions[0].name.as_str(), status.exceptions[0].count > 0), ("x", true));
}

/// Sixty osascripts connect, and after each of them something is done: nothing is lost, and each has its alert.
fn played_with_sixty_alerts(mut after_each: impl FnMut(&Played, u32)) -> Seen {
    let played = Played::start(Settings::default());
    for n in 0..60_u32 {
        played.process(exec(f64::from(n) / 1000.0, OSASCRIPT, 1000 + n, 3));
        played.flows.send(flow(0.5 + f64::from(n) / 1000.0, 1000 + n, Some(u64::from(2000 + n)))).unwrap();
        after_each(&played, n);
    }
    let status = played.settle();
    assert_eq!((status.processes, status.connections), (60, 60));
    let (seen, status) = played.end();
    let alerted: std::collections::HashSet<u64> =
        seen.alerts.iter().map(|alert| alert["process"]["pid"].as_u64().unwrap()).collect();
    assert_eq!(alerted.len(), 60, "every osascript that connected has its alert");
    assert!(status.losses.iter().all(|loss| loss.count == 0), "{:?}", status.losses);
    seen
}

#[test]
fn reloads_in_the_middle_of_events_lose_none() {
    let mut set = None;
    played_with_sixty_alerts(|played, n| {
        let before = set.get_or_insert_with(|| played.set.successor());
        if n % 3 == 1 {
            let rule = (n % 6 == 1).then_some("network where destination.port == 1");
            *before = successor(before, rule, None);
            played.control.send(reload(successor(before, rule, None))).unwrap();
        }
    });
}

#[test]
fn a_refused_configuration_is_a_document_and_a_problem_until_one_is_taken() {
    let played = Played::start(Settings::default());
    played.control.send(Control::Refuse("c.toml:1:1: no".into())).unwrap();
    let problems = played.settle().problems;
    assert!(problems[0].ends_with("the one before stays: c.toml:1:1: no"), "{problems:?}");
    played.control.send(reload(successor(&played.set, None, None))).unwrap();
    assert!(played.settle().problems.is_empty());
    assert_eq!(actions(&played.end().0), ["configuration_refused", "configuration_reloaded"]);
}

#[test]
fn a_recording_that_ends_early_is_a_document_at_once_and_a_problem_for_the_rest_of_the_run() {
    let played = Played::start(Settings::default());
    played.control.send(Control::Unrecorded("r.ndjson: cannot write the recording: full".into())).unwrap();
    assert_eq!(played.settle().problems, ["r.ndjson: cannot write the recording: full"]);
    let (seen, status) = played.end();
    assert_eq!((actions(&seen), status.problems.len()), (vec!["recording_failed".to_owned()], 1));
}

#[test]
fn a_source_that_dies_blinds_the_agent_which_says_so_and_goes_on() {
    let played = Played::start(Settings::default());
    played.process(health(SourceKind::Exec, true, "40 ms"));
    played.process(health(SourceKind::Network, true, "tested"));
    assert!(played.settle().problems.is_empty());
    played.process(health(SourceKind::Exec, false, "eslogger exited"));
    let status = played.settle();
    assert_eq!(status.problems, ["blind: no process events: eslogger exited"]);
    assert_eq!(status.sources[0].works, Some(false));
    played.process(health(SourceKind::Exec, true, ""));
    played.process(exec(0.0, OSASCRIPT, 50, 7));
    played.flows.send(flow(1.0, 50, Some(1050))).unwrap();
    assert!(played.settle().problems.is_empty());
    let (seen, _) = played.end();
    assert_eq!(seen.alerts.len(), 1, "what comes after is seen");
    assert_eq!(actions(&seen), ["agent_blind", "agent_no_longer_blind"]);
    assert_eq!(seen.documents[0]["osawatch"]["agent"]["blind"][0], "no process events: eslogger exited");
}

#[test]
fn heartbeats_have_the_counters_and_are_off_without_a_period() {
    let minutes = |minutes: u64| Duration::from_secs(60 * minutes);
    let beats_of_an_hour = |heartbeat| {
        let mut engine = engine(&Settings { heartbeat, ..Settings::default() });
        engine.process(exec(0.0, OSASCRIPT, 50, 7), Duration::ZERO).unwrap();
        let mut beats = Vec::new();
        for minute in 0..=60 {
            engine.advance(minutes(minute));
            let documents = engine.take_items().into_iter().filter_map(|item| match item {
                Item::Document(document) => Some((minute, Json::Object(document))),
                _ => None,
            });
            beats.extend(documents);
        }
        beats
    };
    let beats = beats_of_an_hour(Some(minutes(15)));
    assert_eq!(beats.iter().map(|(minute, _)| *minute).collect::<Vec<_>>(), [15, 30, 45, 60]);
    for (_, beat) in beats {
        assert_eq!((&beat["event"]["action"], &beat["event"]["kind"]), (&json!("agent_heartbeat"), &json!("state")));
        assert_eq!(beat["osawatch"]["status"]["processes"], 1);
    }
    assert!(beats_of_an_hour(None).is_empty());
}

#[test]
fn documents_about_the_agent_that_found_no_room_are_counted_and_said() {
    let mut engine = engine(&Settings::default());
    engine.refuse("no".into(), Duration::ZERO);
    engine.take_items().into_iter().for_each(|item| engine.undelivered(item));
    engine.advance(Duration::from_secs(1));
    let lost = engine.take_items().into_iter().find_map(|item| match item {
        Item::Loss { lost, document } => Some((lost, document["osawatch"]["loss"]["documents"].clone())),
        _ => None,
    });
    assert_eq!(lost, Some((vec![("documents.queue_full", 1)], json!({ "queue_full": 1 }))));
}

#[test]
fn refused_configurations_in_the_middle_of_events_lose_none_and_the_rules_before_stay() {
    let seen = played_with_sixty_alerts(|played, n| {
        played.control.send(Control::Refuse(format!("c.toml:{n}:1: no"))).unwrap();
        if n == 30 {
            let rule = Some("network where destination.port == 1");
            played.control.send(reload(successor(&played.set, rule, None))).unwrap();
        }
    });
    assert_eq!(actions(&seen).iter().filter(|action| *action == "configuration_refused").count(), 60);
}

fn engine(settings: &Settings) -> Engine {
    engine_over(settings, Limits::live(), script().sensors)
}

#[test]
fn the_engine_over_its_limit_reads_no_scripts_says_so_and_reads_them_again_when_it_takes_less() {
    let mut engine = engine(&Settings { cpu_limit: 50, ..Settings::default() });
    let mut said = Vec::new();
    // A driven clock: 90 % for two minutes, then 10 %.
    for second in 0..300_u64 {
        let used = if second < 120 { 900 * second } else { 900 * 120 + 100 * (second - 120) };
        engine.used(Duration::from_millis(used), Duration::from_secs(second));
        for item in engine.take_items() {
            match item {
                Item::Document(document) => said.push((second, document["event"]["action"].to_string())),
                Item::Notice(notice) => said.push((second, notice.text)),
                _ => {}
            }
        }
        let status = engine.status(Duration::from_secs(second));
        let is_over = !status.left_out.is_empty();
        assert_eq!(engine.system.examiner.capture(), if is_over { Capture::Off } else { Capture::Full });
        assert_eq!(is_over, status.problems.iter().any(|problem| problem.starts_with("left out: scripts")));
    }
    assert_eq!(said.len(), 4, "{said:?}");
    assert_eq!((said[0].0, said[0].1.as_str()), (60, "\"agent_limited\""));
    assert!(said[1].1.starts_with("scripts are not read: osawatch took 90 % of a core"), "{said:?}");
    assert_eq!(said[2].1, "\"agent_no_longer_limited\"");
    assert!((121..=180).contains(&said[2].0) && said[3].1.starts_with("scripts are read again"), "{said:?}");
}

#[test]
fn threads_that_file_systems_hold_up_are_a_problem_until_these_answer() {
    let mut engine = engine(&Settings::default());
    let mut told = |threads, is_all| {
        engine.held_up(HeldUp { threads, is_all }, Duration::ZERO);
        let said = engine.take_items().into_iter().find_map(|item| match item {
            Item::Notice(notice) => Some(notice.text),
            _ => None,
        });
        let status = engine.status(Duration::ZERO);
        assert_eq!(status.problems, status.left_out.iter().map(|text| format!("left out: {text}")).collect::<Vec<_>>());
        assert_eq!(engine.system.examiner.capture(), Capture::Full, "other scripts are read");
        (said.unwrap(), status.left_out)
    };
    let one = "a script is on a file system that does not answer".to_owned();
    assert_eq!(told(1, false), (one.clone(), vec![one]));
    let all = "20 scripts are on file systems that do not answer, and no further one is read".to_owned();
    assert_eq!(told(20, true), (all.clone(), vec![all]));
    assert_eq!(told(0, false), ("every file system answers again".to_owned(), vec![]));
}

#[test]
fn left_out_work_is_a_problem_that_the_status_names() {
    let played = Played::start(Settings::default());
    played.control.send(Control::LeaveOut("scripts".into())).unwrap();
    let status = played.settle();
    assert_eq!((status.left_out, status.problems), (vec!["scripts".to_owned()], vec!["left out: scripts".to_owned()]));
    played.end();
}

#[test]
fn after_the_clock_was_set_back_by_an_hour_no_event_is_late_and_an_osascript_that_connects_alerts() {
    let mut engine = engine(&Settings::default());
    let seconds = Duration::from_secs;
    engine.process(exec(3600.0, OSASCRIPT, 1, 11), seconds(0)).unwrap();
    engine.clock_was_set(-3_600_000_000_000, seconds(1));
    assert_eq!(engine.time(seconds(1)).to_string(), "2023-11-14T22:13:21.000000000Z");
    // One that was on its way.
    engine.process(exec(3600.5, OSASCRIPT, 3, 13), seconds(1)).unwrap();
    engine.process(exec(2.0, OSASCRIPT, 2, 12), seconds(2)).unwrap();
    engine.flow(flow(2.1, 2, None), seconds(2));
    engine.finish(0, seconds(10));
    let lost = engine.counts.lost.iter().find(|(name, _)| *name == "engine.late_processes");
    assert_eq!(lost, Some(&("engine.late_processes", 0)));
    let alerts = engine.take_items().into_iter().filter(|item| matches!(item, Item::Alert { .. })).count();
    assert_eq!(alerts, 1);
}
