//! Alerts that go through a sink with responses.

use std::cell::RefCell;
use std::rc::Rc;

use super::*;
use crate::agent::Sink;
use crate::alert::Alert;
use crate::event::{Machine, Timestamp};

/// What a sink was given.
#[derive(Clone, Default)]
struct Documents(Rc<RefCell<Vec<Map<String, Json>>>>);

impl Sink for Documents {
    fn alert(&mut self, alert: Alert) {
        self.0.borrow_mut().push(alert.document);
    }

    fn document(&mut self, document: Map<String, Json>) {
        self.0.borrow_mut().push(document);
    }
}

fn responding(table: &Table, settings: Settings) -> (Documents, Responding<Documents>) {
    let started = Started::start(Box::new(table.clone())).unwrap();
    let policy = Policy { settings, responds: Box::new(|rule| rule == "r") };
    let machine = Machine { host_id: "h".into(), boot_id: "b".into() };
    let documents = Documents::default();
    let response = (Some(policy), Some(started));
    (documents.clone(), Responding::new(documents, response, machine, || Timestamp::from_nanoseconds(0)))
}

/// An alert of a rule about osascript with pid 10.
fn alert_of(rule: &str, id: &str) -> Alert {
    let process = json!({ "pid": 10, "name": "osascript", "code_signature": { "signing_id": "com.apple.osascript" } });
    let mut document = alert(process, json!({ "pidversion": 1, "is_platform_binary": true }));
    document.insert("event".into(), json!({ "kind": "alert", "id": id }));
    document.insert("rule".into(), json!({ "id": rule }));
    Alert { rule_id: rule.into(), events: Vec::new(), document }
}

fn tick_to_the_end(sink: &mut Responding<Documents>) {
    while sink.wait().is_some() {
        sink.tick();
        std::thread::yield_now();
    }
}

/// The id and the outcome of each document.
fn seen(documents: &Documents) -> Vec<(String, Option<String>)> {
    let text = |json: &Json| json.as_str().map(str::to_owned);
    let of = |document: &Map<String, Json>| {
        let response = &document.get("osawatch").cloned().unwrap_or_default()["response"];
        let id = text(&document["event"]["id"]).filter(|_| document["event"]["kind"] == "alert");
        let id = id.unwrap_or_else(|| format!("of {}", response["alert_id"].as_str().unwrap()));
        (id, text(&response["outcome"]))
    };
    documents.0.borrow().iter().map(of).collect()
}

fn wanted(list: &[(&str, &str)]) -> Vec<(String, Option<String>)> {
    let outcome = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    list.iter().map(|(id, text)| ((*id).to_owned(), outcome(text))).collect()
}

#[test]
fn the_outcome_is_in_the_alert_and_in_a_document_that_follows_it() {
    let table = Table::of(&[(10, 1, false)]);
    let (documents, mut sink) = responding(&table, ACTS);
    sink.alert(alert_of("r", "a1"));
    sink.alert(alert_of("other", "a2"));
    tick_to_the_end(&mut sink);
    sink.finish(Duration::from_secs(20));
    assert_eq!(seen(&documents), wanted(&[("a1", "terminated"), ("of a1", "terminated"), ("a2", "")]));
    let documents = documents.0.borrow();
    assert_eq!(
        (&documents[1]["event"]["kind"], &documents[1]["event"]["action"]),
        (&json!("event"), &json!("response"))
    );
    assert_eq!(table.sent(), [(10, End::Terminate)]);
}

#[test]
fn an_alert_waits_for_a_process_that_does_not_end_half_a_second_and_the_document_has_the_outcome() {
    let table = Table::of(&[(10, 1, true)]);
    let (documents, mut sink) = responding(&table, Settings { dry_run: false, grace: Duration::from_secs(2) });
    sink.alert(alert_of("r", "a1"));
    sink.alert(alert_of("other", "a2"));
    tick_to_the_end(&mut sink);
    assert_eq!(seen(&documents), wanted(&[("a1", "pending"), ("a2", ""), ("of a1", "killed")]));
    assert_eq!(table.sent(), [(10, End::Terminate), (10, End::Kill)]);
}

#[test]
fn of_many_alerts_that_wait_the_first_are_written_and_all_keep_their_order() {
    let table = Table::of(&[(10, 1, true)]);
    let (documents, mut sink) = responding(&table, Settings { dry_run: false, grace: Duration::from_secs(60) });
    (0..100).for_each(|n| sink.alert(alert_of("r", &format!("a{n}"))));
    assert!(documents.0.borrow().len() >= 36, "{}", documents.0.borrow().len());
    table.state.lock().unwrap().running.clear();
    tick_to_the_end(&mut sink);
    let alerts = seen(&documents).into_iter().filter(|(id, _)| !id.starts_with("of ")).map(|(id, _)| id);
    assert_eq!(alerts.collect::<Vec<_>>(), (0..100).map(|n| format!("a{n}")).collect::<Vec<_>>());
    assert_eq!(documents.0.borrow().len(), 200);
}

#[test]
fn a_policy_that_is_exchanged_holds_from_the_next_alert_on() {
    let table = Table::of(&[(10, 1, false)]);
    let (documents, mut sink) = responding(&table, Settings { dry_run: true, grace: GRACE });
    sink.alert(alert_of("r", "a1"));
    tick_to_the_end(&mut sink);
    sink.set_policy(Some(Policy { settings: ACTS, responds: Box::new(|rule| rule == "other") }), None);
    sink.alert(alert_of("r", "a2"));
    sink.alert(alert_of("other", "a3"));
    tick_to_the_end(&mut sink);
    sink.set_policy(None, None);
    sink.alert(alert_of("other", "a4"));
    let list = [
        ("a1", "dry_run"),
        ("of a1", "dry_run"),
        ("a2", ""),
        ("a3", "terminated"),
        ("of a3", "terminated"),
        ("a4", ""),
    ];
    assert_eq!(seen(&documents), wanted(&list));
}

const MINUTE: Settings = Settings { dry_run: false, grace: Duration::from_secs(60) };

#[test]
fn at_the_end_of_the_run_what_was_told_to_end_and_has_not_is_killed_and_its_document_written() {
    let table = Table::of(&[(10, 1, true)]);
    let (documents, mut sink) = responding(&table, MINUTE);
    sink.alert(alert_of("r", "a1"));
    while documents.0.borrow().is_empty() {
        sink.tick();
        std::thread::yield_now();
    }
    sink.finish(Duration::from_secs(20));
    assert_eq!(seen(&documents), wanted(&[("a1", "pending"), ("of a1", "killed")]));
    assert_eq!(table.sent(), [(10, End::Terminate), (10, End::Kill)]);
    assert!(table.state.lock().unwrap().running.is_empty());
}

#[test]
fn at_the_end_of_the_run_a_pid_that_another_process_has_by_then_is_sent_no_sigkill() {
    let table = Table::of(&[(10, 1, true)]);
    let (documents, mut sink) = responding(&table, MINUTE);
    sink.alert(alert_of("r", "a1"));
    while table.sent().is_empty() {
        std::thread::yield_now();
    }
    table.reuse(10, 2);
    sink.finish(Duration::from_secs(20));
    assert_eq!(seen(&documents), wanted(&[("a1", "terminated"), ("of a1", "terminated")]));
    assert_eq!(table.sent(), [(10, End::Terminate)]);
}

#[test]
fn an_end_of_the_run_without_time_for_outcomes_writes_every_alert() {
    let table = Table::of(&[(10, 1, true)]);
    let (documents, mut sink) = responding(&table, MINUTE);
    sink.alert(alert_of("r", "a1"));
    sink.alert(alert_of("other", "a2"));
    sink.finish(Duration::ZERO);
    assert_eq!(seen(&documents), wanted(&[("a1", "pending"), ("a2", "")]));
}
