//! Exceptions that ask for the name of a user, which is looked up while events go through.

use std::sync::{Arc, Condvar, Mutex};

use super::*;
use crate::detect::exception::Entry;
use crate::pipeline::Options;

/// A directory server that answers once the alert is found, or never.
struct Directory(Arc<(Mutex<bool>, Condvar)>);

impl UserNames for Directory {
    fn name(&mut self, _: u32) -> Option<String> {
        let (asked, changed) = &*self.0;
        drop(changed.wait_while(asked.lock().unwrap(), |answers| !*answers).unwrap());
        Some("admin".to_owned())
    }
}

/// The alerts, and how many sequences the exception held back.
fn with_exception(condition: &str, answers: bool) -> (usize, u64) {
    let text = format!("name = \"known\"\nrules = \"all\"\nreason = \"r\"\ncondition = '{condition}'\n");
    let entry: Entry = toml::from_str(&text).unwrap();
    let mut set = RuleSet::built_in();
    set.except("e.toml", &text, &entry).unwrap();
    let directory = Arc::new((Mutex::new(false), Condvar::new()));
    let connection = flow(1.5, 50, Some(1050));
    let Script { mut sensors, processes, flows } =
        script().processes([exec(0.0, OSASCRIPT, 50, 7)]).flows([Flow { user_id: Some(501), ..connection }]);
    sensors.user_names = Box::new(Directory(Arc::clone(&directory)));
    drop((processes, flows));
    let pipeline = Pipeline::new(set, Options { names_come_later: true, ..Limits::live().into() });
    // A directory that answers does so after the end of the sensors, when every event went through.
    let script_wait = if answers { Duration::from_secs(600) } else { Duration::from_millis(50) };
    let settings = Settings { script_wait, ..Settings::default() };
    let agent = Agent::start(settings, pipeline, sensors, Arc::new(Watched::default()), Seen::default()).unwrap();
    let answer = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(100));
        *directory.0.lock().unwrap() = answers;
        directory.1.notify_all();
    });
    let Ended { result, sink, .. } = agent.run(&never());
    answer.join().unwrap();
    (sink.unwrap().alerts.len(), result.unwrap().1.excepted[0].1)
}

#[test]
fn an_exception_on_the_name_of_a_user_holds_back_the_first_event_of_that_user_too() {
    assert_eq!(with_exception("user.name == \"admin\"", true), (0, 1));
    assert_eq!(with_exception("events[0].user.name == \"admin\"", true), (0, 1));
    assert_eq!(with_exception("user.name == \"root\"", true), (1, 0));
}

#[test]
fn an_exception_on_everyone_but_one_user_does_not_hold_back_that_one_before_the_name_is_known() {
    assert_eq!(with_exception("not user.name == \"admin\"", true), (1, 0));
    assert_eq!(with_exception("not user.name == \"root\"", true), (0, 1));
}

#[test]
fn without_an_answer_the_alert_goes_out() {
    assert_eq!(with_exception("user.name == \"admin\"", false), (1, 0));
}
