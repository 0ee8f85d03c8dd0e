//! What a rule of someone's own holds is bounded in bytes too, and takes no room from other rules.

use osawatch::detect::RuleSet;
use osawatch::event::{Categories, Event, Timestamp, field};
use osawatch::pipeline::{Counts, Limits, Output, Pipeline};

/// More keys than a rule remembers, in bytes.
const KEYS: i64 = 60_000;

fn event(ms: i64, category: Categories, name: &str, execution: &str) -> Event {
    let mut event = Event::new(Timestamp::from_milliseconds(1_700_000_000_000 + ms).unwrap(), category);
    event.push_str(field::EVENT_TYPE, "start");
    event.push_str(field::EVENT_ACTION, "exec");
    event.push_str(field::HOST_ID, "h");
    event.push_str(field::HOST_OS_TYPE, "macos");
    event.push_str(field::PROCESS_ENTITY_ID, execution);
    event.push_str(field::PROCESS_NAME, name);
    event
}

fn connection(ms: i64, execution: &str) -> Event {
    let mut event = event(ms, Categories::NETWORK, "osascript", execution);
    event.push_str(field::DESTINATION_IP, "93.184.216.34");
    event
}

fn pipeline(query: &str) -> Pipeline {
    let mut set = RuleSet::built_in();
    set.add("own", &format!("[rule]\nrule_id = \"own\"\nname = \"n\"\nquery = '''{query}'''\n")).unwrap();
    Pipeline::new(set, Limits::replay())
}

/// An osascript starts, then a program for each key, and the osascript connects: the alerts of the built-in rules.
fn alerts_around_many_keys(query: &str) -> (usize, Counts) {
    let mut pipeline = pipeline(query);
    let mut found = 0;
    let mut count = |output: Output<'_>| {
        found += usize::from(output.alert(0).is_some_and(|alert| alert.rule_id != "own"));
    };
    pipeline.push(event(0, Categories::PROCESS, "osascript", "attack"), &mut count);
    for n in 0..KEYS {
        for _ in 0..2 {
            pipeline.push(event(1 + n / 10, Categories::PROCESS, "decoy", &format!("{n:0>64}")), &mut count);
        }
    }
    pipeline.push(connection(KEYS / 10 + 10, "attack"), &mut count);
    pipeline.finish(&mut count);
    (found, pipeline.counts())
}

#[test]
fn keys_whose_sample_was_found_take_no_room_from_the_sequences_of_other_rules() {
    let (found, counts) = alerts_around_many_keys(
        r#"sample by process.entity_id [process where process.name == "decoy"] [process where process.name == "decoy"]"#,
    );
    assert_eq!(found, 1);
    assert!(counts.evicted_sequences > 0, "what is forgotten is counted");
}

#[test]
fn what_must_not_occur_and_did_takes_no_room_from_the_sequences_of_other_rules() {
    let query = r#"sequence by process.entity_id with maxspan=1d ![process where process.name == "decoy"]
        [process where process.name == "a"] [process where process.name == "b"]"#;
    let (found, counts) = alerts_around_many_keys(query);
    assert_eq!(found, 1);
    assert!(counts.evicted_sequences > 0, "what is forgotten is counted");
}

#[test]
fn tail_keeps_no_more_than_its_bytes_and_counts_the_rest() {
    let mut pipeline = pipeline("process where true | tail 10000");
    let long = "A".repeat(1 << 20);
    for n in 0..20 {
        let mut event = event(n, Categories::PROCESS, "decoy", "e");
        event.push_str(field::PROCESS_COMMAND_LINE, &long);
        pipeline.push(event, |_| {});
    }
    let mut found = 0;
    pipeline.finish(|_| found += 1);
    assert_eq!((found, pipeline.counts().evicted_sequences), (7, 13));
}
