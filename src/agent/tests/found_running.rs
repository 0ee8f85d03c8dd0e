//! A scan finds a process before the late report of its exec: its connection waits for that, and alerts once.

use super::interleavings::{advance, engine_with};
use super::*;
use crate::agent::delivery::Item;
use crate::agent::engine::Engine;

/// The source of execs is 30 s late, and began at this second.
const BEGAN: f64 = 0.2;
const LATENESS: Duration = Duration::from_secs(30);

/// An engine over the rules that are built in, and its clock in milliseconds.
struct Mac(Engine, u64);

fn at(second: f64) -> Timestamp {
    Timestamp::from_nanoseconds((second * 1e9) as i64 + 1_700_000_000_000_000_000)
}

impl Mac {
    fn new() -> Mac {
        let engine = engine_with(RuleSet::built_in(), |system| system.exec_lateness.begin(LATENESS, at(BEGAN)));
        Mac(engine, 0)
    }

    /// Lets time pass until then, in milliseconds.
    fn until(mut self, ms: u64) -> Mac {
        advance(&mut self.0, &mut self.1, ms);
        self.0.advance(Duration::from_millis(ms));
        self
    }

    fn report(mut self, report: Report) -> Mac {
        self.0.process(report, Duration::from_millis(self.1)).unwrap();
        self.0.quiet(Duration::from_millis(self.1));
        self.0.advance(Duration::from_millis(self.1));
        self
    }

    fn finds(self, second: f64, path: &str, version: u32) -> Mac {
        self.report(Report::Running(Box::new(already_running(second, path, 50, version))))
    }

    fn connects(mut self, second: f64) -> Mac {
        self.0.flow(flow(second, 50, Some(1050)), Duration::from_millis(self.1));
        self.0.quiet(Duration::from_millis(self.1));
        self
    }

    /// The rules that alerted since the last call, and how long their connections had waited.
    fn alerts(&mut self) -> Vec<(String, Option<u64>)> {
        let items = self.0.take_items().into_iter();
        let alerts = items.filter_map(|item| match item {
            Item::Alert { draft, .. } => Some(Json::Object(draft.alert(0).document)),
            _ => None,
        });
        let outline = |alert: Json| {
            let waited = alert["osawatch"]["attribution"]["waited_ms"].as_u64();
            (alert["rule"]["id"].as_str().unwrap().to_owned(), waited)
        };
        alerts.map(outline).collect()
    }
}

/// A connection settles for 10 ms after its exec.
fn seed(waited: Option<u64>) -> Vec<(String, Option<u64>)> {
    vec![("osascript-network-connection".into(), waited)]
}

fn late(waited: Option<u64>) -> Vec<(String, Option<u64>)> {
    vec![("osascript-late-network-connection".into(), waited)]
}

#[test]
fn the_connection_of_a_process_found_running_waits_for_its_late_exec_and_alerts_once() {
    let mut mac = Mac::new().until(600).finds(0.5, OSASCRIPT, 7).until(1000).connects(1.0).until(25_000);
    assert_eq!(mac.alerts(), []);
    let mut mac = mac.report(exec(0.5, OSASCRIPT, 50, 7)).until(25_020);
    assert_eq!(mac.alerts(), seed(Some(24_010)));
    assert_eq!(mac.until(90_000).alerts(), []);
}

#[test]
fn a_connection_that_waits_for_an_exec_is_not_let_go_by_a_scan() {
    let mac = Mac::new().until(1000).connects(1.0).until(3000);
    let mut mac = mac.finds(0.5, OSASCRIPT, 7).until(3300).report(exec(0.5, OSASCRIPT, 50, 7)).until(3320);
    assert_eq!(mac.alerts(), seed(Some(2310)));
    assert_eq!(mac.until(90_000).alerts(), []);
}

#[test]
fn the_late_report_of_the_fork_does_not_let_the_connection_go_before_that_of_the_exec() {
    let mac = Mac::new().until(1000).connects(1.0).until(3000).finds(0.5, OSASCRIPT, 7);
    let mut mac = mac.report(fork(0.5, 50, 6)).until(3300);
    assert_eq!(mac.alerts(), []);
    let mut mac = mac.report(exec(0.51, OSASCRIPT, 50, 7)).until(3320);
    assert_eq!(mac.alerts(), seed(Some(2310)));
    assert_eq!(mac.until(90_000).alerts(), []);
}

#[test]
fn a_connection_given_to_the_shell_before_waits_when_a_scan_finds_what_replaced_it() {
    let mac = Mac::new().finds(-60.0, "/bin/zsh", 6).until(1000).connects(1.0).until(2000);
    let mut mac = mac.finds(-60.0, OSASCRIPT, 7).until(9000);
    assert_eq!(mac.alerts(), [], "the process was made before the source began, but its program was not");
    let mut mac = mac.report(exec(0.5, OSASCRIPT, 50, 7)).until(9020);
    assert_eq!(mac.alerts(), seed(Some(8010)));
    assert_eq!(mac.until(90_000).alerts(), []);
}

#[test]
fn a_connection_whose_exec_is_lost_goes_on_as_that_of_a_process_found_running() {
    let mut mac = Mac::new().until(600).finds(0.5, OSASCRIPT, 7).until(1000).connects(1.0).until(30_990);
    assert_eq!(mac.alerts(), []);
    let mut mac = mac.until(31_000);
    assert_eq!(mac.alerts(), late(Some(30_000)));
    assert_eq!(mac.connects(31.0).until(31_020).alerts(), [], "one alert in a run of osascript");
}

#[test]
fn a_process_that_ran_before_the_source_began_alerts_at_once() {
    let mut mac = Mac::new().finds(0.1, OSASCRIPT, 7).until(1000).connects(1.0).until(1020);
    assert_eq!(mac.alerts(), late(None));
}

#[test]
fn the_exec_of_a_process_found_30_s_ago_is_not_waited_for() {
    let mut mac = Mac::new().until(600).finds(0.5, OSASCRIPT, 7).until(30_600).connects(30.6).until(30_620);
    assert_eq!(mac.alerts(), late(None));
}
