//! The language over streams: each case is a rule, a few events and what Elasticsearch answers.

use osawatch::alert::Alert;
use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Pipeline};
use osawatch::source::Decoder;
use serde_json::{Value, json};

/// An event of a second, with its number as its id; what is given comes on top.
pub(crate) fn event(id: usize, second: f64, fields: Value) -> Value {
    let mut event = json!({
        "@timestamp": (1_767_225_600_000.0 + second * 1000.0) as i64,
        "event.id": id.to_string(),
        "event.category": "process",
        "host.id": "h",
    });
    for (name, value) in fields.as_object().unwrap() {
        event[name] = value.clone();
    }
    event
}

/// The alerts of a query over events, in the order they come out.
pub(crate) fn alerts(query: &str, events: &[Value]) -> Vec<Alert> {
    let mut set = RuleSet::default();
    let rule = format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''\n{query}\n'''\n");
    let rule = set.add("r", &rule).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(rule.inert(), None, "{query}");
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut found = Vec::new();
    for event in events {
        match decoder.decode(&Line::from(event.to_string()), None).unwrap().decoded {
            Decoded::Event(event) => pipeline.push(event, |output| found.extend(output.alert(0))),
            Decoded::Skipped(kind) => panic!("skipped {kind}"),
        }
    }
    pipeline.finish(|output| found.extend(output.alert(0)));
    found
}

fn ids(alert: &Alert) -> Vec<usize> {
    alert.events.iter().map(|event| event.id().parse().unwrap()).collect()
}

#[track_caller]
fn finds(query: &str, events: &[Value], expected: &[&[usize]]) {
    let found: Vec<Vec<usize>> = alerts(query, events).iter().map(ids).collect();
    assert_eq!(found, expected, "{query}");
}

/// Events one second apart, each with a name.
fn named(names: &[&str]) -> Vec<Value> {
    names.iter().enumerate().map(|(id, name)| event(id, id as f64, json!({"process.name": name}))).collect()
}

#[test]
fn an_event_joins_once_for_each_value_that_both_have() {
    let tags =
        |id: usize, pid: u64, args: &[&str]| event(id, id as f64, json!({"process.args": args, "process.pid": pid}));
    let query = "sequence by process.args [process where process.pid == 1] [process where process.pid == 2]";
    finds(query, &[tags(1, 1, &["x", "y"]), tags(2, 1, &["y", "z"]), tags(3, 2, &["x", "y"])], &[&[1, 3], &[2, 3]]);
    finds(query, &[tags(1, 1, &["a", "a", "b"]), tags(2, 2, &["a", "b", "b"])], &[&[1, 2], &[1, 2]]);
    finds(query, &[tags(1, 1, &["e", "a", "b"]), tags(2, 2, &["g", "a", "e"])], &[&[1, 2], &[1, 2]]);
    let twice = alerts(query, &[tags(1, 1, &["a", "b"]), tags(2, 2, &["a", "b"])]);
    let documents: Vec<Value> = twice.iter().map(|alert| json!(alert.document)).collect();
    assert_ne!(documents[0]["event"]["id"], documents[1]["event"]["id"], "two alerts, two ids");
    assert_eq!(documents[1]["osawatch"]["sequence"]["join"], json!(["b"]));
    let product =
        "sequence by process.args, process.env_vars [process where process.pid == 1] [process where process.pid == 2]";
    let both = |id: usize| {
        event(id, id as f64, json!({"process.args": ["a", "b"], "process.env_vars": ["c", "d"], "process.pid": id}))
    };
    finds(product, &[both(1), both(2)], &[&[1, 2], &[1, 2], &[1, 2], &[1, 2]]);
}

#[test]
fn keys_join_by_their_type_however_they_are_written() {
    for (field, one, other, join) in [
        ("destination.ip", json!("::1"), json!("0:0:0:0:0:0:0:1"), json!(["::1"])),
        ("destination.ip", json!("::ffff:10.0.0.1"), json!("10.0.0.1"), json!(["10.0.0.1"])),
        ("process.pid", json!("082"), json!(82), json!([82])),
        ("process.pid", json!(82.9), json!(82), json!([82])),
        (
            "process.start",
            json!("2026-01-01T00:00:00Z"),
            json!("2026-01-01T00:00:00.000Z"),
            json!(["2026-01-01T00:00:00.000Z"]),
        ),
        (
            "process.start",
            json!(1_767_225_600_000_u64),
            json!("2026-01-01T01:00:00+01:00"),
            json!(["2026-01-01T00:00:00.000Z"]),
        ),
        ("process.code_signature.valid", json!("true"), json!(true), json!([true])),
        ("user.id", json!(501), json!("501"), json!(["501"])),
    ] {
        let query =
            format!("sequence by {field} [process where event.action == \"a\"] [process where event.action == \"b\"]");
        let events = [
            event(1, 1.0, json!({field: one, "event.action": "a"})),
            event(2, 2.0, json!({field: other, "event.action": "b"})),
        ];
        let found = alerts(&query, &events);
        assert_eq!(found.len(), 1, "{field} {one} {other}");
        assert_eq!(json!(found[0].document)["osawatch"]["sequence"]["join"], join);
    }
    for (field, malformed) in [("destination.ip", "ten"), ("process.pid", "one"), ("process.start", "now")] {
        let query = format!("sequence by {field} [process where true] [process where true]");
        finds(&query, &[1, 2].map(|id| event(id, id as f64, json!({field: malformed}))), &[]);
    }
    let big = |id: usize, pid: u64| event(id, id as f64, json!({"event.sequence": pid}));
    finds(
        "sequence by event.sequence [process where true] [process where true]",
        &[big(1, 1 << 53), big(2, (1 << 53) + 1)],
        &[],
    );
}

#[test]
fn an_optional_key_that_no_table_knows_is_null() {
    let events = named(&["a", "b"]);
    finds("sequence by ?no.such [process where true] [process where process.name == \"b\"]", &events, &[&[0, 1]]);
    let found = alerts("sequence by ?no.such, host.id, ?user.id [process where true] [process where true]", &events);
    assert_eq!(json!(found[0].document)["osawatch"]["sequence"]["join"], json!([null, "h", null]));
}

#[test]
fn a_join_keeps_the_places_and_types_of_its_values() {
    let exit = |id: usize| event(id, id as f64, json!({"process.pid": 5, "process.exit_code": id}));
    let query = "sequence by ?user.id, process.pid [process where process.exit_code == 1] [process where process.exit_code == 2]";
    let found = alerts(query, &[exit(1), exit(2)]);
    assert_eq!(json!(found[0].document)["osawatch"]["sequence"]["join"], json!([null, 5]));
}

#[test]
fn a_process_descends_from_one_with_a_matching_network_event() {
    let events = [
        event(1, 1.0, json!({"process.name": "p", "process.entity_id": "P", "event.type": "start"})),
        event(2, 2.0, json!({"process.name": "p", "process.entity_id": "P", "event.category": "network"})),
        event(
            3,
            3.0,
            json!({"process.name": "c", "process.entity_id": "C", "process.parent.entity_id": "P", "event.type": "start"}),
        ),
    ];
    let query = "process where descendant of [network where process.name == \"p\"]";
    finds(query, &events, &[&[3]]);
    finds(query, &[events[0].clone(), events[2].clone()], &[]);
}

#[test]
fn what_a_document_leaves_out_is_missing_though_the_stream_knows_it() {
    let events = [
        event(1, 1.0, json!({"process.name": "Terminal", "process.entity_id": "T", "event.type": "start"})),
        event(
            2,
            2.0,
            json!({"process.name": "c", "process.entity_id": "C", "process.parent.entity_id": "T", "event.type": "start"}),
        ),
        event(3, 3.0, json!({"process.entity_id": "C", "event.category": "network"})),
    ];
    finds("network where not process.parent.name == \"Terminal\"", &events, &[&[3]]);
    finds("network where process.name == null", &events, &[&[3]]);
    finds("network where process.Ext.ancestry == \"T\"", &events, &[&[3]]);
}

#[test]
fn a_stage_compares_its_event_with_an_earlier_one() {
    let query = "sequence with maxspan=10s [process where process.name == \"a\"] as event0 \
                 [process where process.name == \"b\" and process.parent.pid == event0.process.pid]";
    let a = |id: usize, pid: u64| event(id, id as f64, json!({"process.name": "a", "process.pid": pid}));
    let b = |id: usize, pid: u64| event(id, id as f64, json!({"process.name": "b", "process.parent.pid": pid}));
    finds(query, &[a(0, 7), b(1, 7)], &[&[0, 1]]);
    finds(query, &[a(0, 7), b(1, 8)], &[]);
    finds(query, &[a(0, 7), a(1, 8), b(2, 7), b(3, 8)], &[&[0, 2], &[1, 3]]);
    finds(query, &[a(0, 7), a(1, 7), b(2, 7), b(3, 7)], &[&[1, 2]]);
    finds(query, &[a(0, 7), b(11, 7)], &[]);
    let until = "sequence [process where process.name == \"a\"] as x [process where process.name == \"b\"] \
                 until [process where process.name == \"u\" and process.pid == x.process.pid]";
    let u = |id: usize, pid: u64| event(id, id as f64, json!({"process.name": "u", "process.pid": pid}));
    finds(until, &[a(0, 7), u(1, 8), b(2, 7)], &[&[0, 2]]);
    finds(until, &[a(0, 7), u(1, 7), b(2, 7)], &[]);
    let three = "sequence [process where process.name == \"a\"] as x [process where process.name == \"a\"] as y \
                 [process where process.name == \"b\" and process.parent.pid in (7, 8) and x.process.pid < y.process.pid]";
    finds(three, &[a(0, 7), a(1, 8), b(2, 7)], &[&[0, 1, 2]]);
    finds(three, &[a(0, 8), a(1, 7), b(2, 7)], &[]);
}

#[test]
fn an_event_that_must_not_lie_between() {
    let query = "sequence with maxspan=100s [process where process.name == \"a\"] ![process where process.name == \"m\"] \
                 [process where process.name == \"b\"]";
    finds(query, &named(&["a", "b", "m"]), &[&[0, 1]]);
    finds(query, &named(&["m", "a", "x", "b"]), &[&[1, 3]]);
    finds(query, &named(&["a", "m", "b"]), &[]);
    finds(query, &named(&["a", "m", "a", "b"]), &[&[2, 3]]);
    let two = "sequence with maxspan=100s [any where process.name == \"n\"] [any where process.name == \"n\"] \
               ![any where process.name == \"m\"] [any where process.name == \"n\"]";
    finds(two, &named(&["n", "n", "m", "n", "n", "m"]), &[&[1, 3, 4]]);
}

#[test]
fn an_event_that_must_not_come_after_is_waited_for() {
    let query = "sequence with maxspan=3s [process where process.name == \"a\"] ![process where process.name == \"m\"]";
    finds(query, &named(&["a", "x"]), &[&[0]]);
    finds(query, &named(&["a", "x", "x", "m"]), &[]);
    finds(query, &named(&["a", "x", "x", "x", "m"]), &[&[0]]);
    finds(query, &named(&["m", "a"]), &[&[1]]);
    finds(query, &named(&["a", "a", "m", "a"]), &[&[3]]);
}

#[test]
fn an_event_that_must_not_come_before() {
    let query = "sequence with maxspan=3s ![process where process.name == \"m\"] [process where process.name == \"a\"]";
    finds(query, &named(&["a", "m"]), &[&[0]]);
    finds(query, &named(&["m", "x", "x", "a"]), &[]);
    finds(query, &named(&["m", "x", "x", "x", "a"]), &[&[4]]);
}

#[test]
fn before_and_after_together_drop_a_sequence_only_when_maxspan_spans_both() {
    let query = |maxspan: &str| {
        format!(
            "sequence with maxspan={maxspan} ![any where process.name == \"m\"] [any where process.name == \"n\"] ![any where process.name == \"m\"]"
        )
    };
    let at = |id: usize, minute: f64, name: &str| event(id, minute * 60.0, json!({"process.name": name}));
    let events =
        [at(1, 0.0, "m"), at(2, 10.0, "n"), at(3, 20.0, "m"), at(4, 21.0, "n"), at(5, 29.0, "n"), at(6, 31.0, "n")];
    finds(&query("19m"), &events, &[&[2], &[4], &[5], &[6]]);
    finds(&query("21m"), &events, &[&[4], &[5], &[6]]);
}

#[test]
fn missing_events_have_keys_of_their_own() {
    let query = "sequence with maxspan=100s [any where process.name == \"a\"] by user.id \
                 ![any where process.name == \"m\"] by user.name [any where process.name == \"b\"] by user.id";
    let of = |id: usize, name: &str, user: &str| {
        event(id, id as f64, json!({"process.name": name, "user.id": user, "user.name": user}))
    };
    finds(query, &[of(0, "a", "u"), of(1, "m", "v"), of(2, "b", "u")], &[&[0, 2]]);
    finds(query, &[of(0, "a", "u"), of(1, "m", "u"), of(2, "b", "u")], &[]);
}

#[test]
fn a_sample_is_an_event_for_each_stage_in_any_order_once_for_a_key() {
    let query =
        "sample by user.id [process where process.name == \"a\"] [process where process.name in (\"a\", \"b\")]";
    let of = |id: usize, name: &str, user: &str| event(id, id as f64, json!({"process.name": name, "user.id": user}));
    finds(query, &[of(0, "b", "u"), of(1, "a", "u"), of(2, "a", "u")], &[&[1, 0]]);
    finds(query, &[of(0, "a", "u"), of(1, "a", "u"), of(2, "b", "u")], &[&[0, 1]]);
    finds(query, &[of(0, "a", "u"), of(1, "b", "v")], &[]);
    finds(query, &[of(0, "a", "u")], &[]);
    finds(query, &[of(0, "a", "u"), of(1, "a", "v"), of(2, "b", "v"), of(3, "b", "u")], &[&[1, 2], &[0, 3]]);
    let three = "sample by user.id [any where process.name in (\"a\", \"b\")] [any where process.name in (\"a\", \"b\")] \
                 [any where process.name == \"a\"]";
    finds(three, &[of(0, "a", "u"), of(1, "b", "u"), of(2, "b", "u")], &[&[1, 2, 0]]);
}

#[test]
fn head_and_tail_take_the_first_and_the_last() {
    let events = named(&["a", "b", "a", "b", "a", "b"]);
    finds("process where process.name == \"a\" | head 2", &events, &[&[0], &[2]]);
    finds("process where process.name == \"a\" | tail 2", &events, &[&[2], &[4]]);
    finds("process where process.name == \"a\" | tail 2 | head 1", &events, &[&[2]]);
    finds("process where process.name == \"a\" | head 2 | tail 1", &events, &[&[2]]);
    for none in ["head 0", "tail 0", "tail 0 | head 5", "tail 2 | head 0"] {
        finds(&format!("process where process.name == \"a\" | {none}"), &events, &[]);
    }
    let sequence = "sequence [process where process.name == \"a\"] [process where process.name == \"b\"]";
    finds(&format!("{sequence} | tail 1"), &events, &[&[4, 5]]);
}

#[test]
fn head_and_tail_count_by_the_last_event_also_where_the_first_is_decided_later() {
    let of = |id: usize, seconds: f64, name: &str, user: &str| {
        event(id, seconds, json!({"process.name": name, "user.id": user}))
    };
    let sequence = |lead: &str| {
        let [a, b, x] = ["a", "b", "x"].map(|name| format!("[process where process.name == \"{name}\"]"));
        format!("sequence by user.id with maxspan=20s {lead} {a} {b} !{x}")
    };
    // That of u ends last, and its time is over first.
    let events = [of(0, 0.0, "a", "u"), of(1, 5.0, "a", "v"), of(2, 6.0, "b", "v"), of(3, 10.0, "b", "u")];
    let later = |name: &str, user: &str, seconds: f64| {
        [&events[..], &[of(4, seconds, name, user), of(5, 500.0, "z", "w")]].concat()
    };
    for (piped, expected) in [
        ("| head 1", &[&[1, 2][..]][..]),
        ("| tail 1", &[&[0, 3]]),
        ("| head 2", &[&[1, 2], &[0, 3]]),
        ("| head 2 | tail 1", &[&[0, 3]]),
    ] {
        finds(&format!("{} {piped}", sequence("")), &later("z", "v", 12.0), expected);
        let lead = "![process where process.name == \"never\"]";
        finds(&format!("{} {piped}", sequence(lead)), &later("z", "v", 12.0), expected);
    }
    finds(&format!("{} | head 1", sequence("")), &later("x", "v", 24.0), &[&[0, 3]]);
    finds(&format!("{} | head 1", sequence("")), &later("x", "u", 12.0), &[&[1, 2]]);
}

#[test]
fn a_live_mac_decides_by_the_clock_that_an_event_did_not_occur() {
    let query = "sequence with maxspan=3s [process where process.name == \"a\"] ![process where process.name == \"m\"]";
    let mut set = RuleSet::default();
    set.add("r", &format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''{query}'''\n")).unwrap();
    let mut pipeline = Pipeline::new(set, Limits::live());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut alerts = 0;
    let mut push = |pipeline: &mut Pipeline, event: Value| {
        let decoded = decoder.decode(&Line::from(event.to_string()), None).unwrap().decoded;
        let Decoded::Event(event) = decoded else { panic!("skipped") };
        pipeline.push(event, |_| panic!("too early"));
    };
    assert_eq!(pipeline.due(), None);
    push(&mut pipeline, event(1, 0.0, json!({"process.name": "a"})));
    push(&mut pipeline, event(2, 10.0, json!({"process.name": "a"})));
    push(&mut pipeline, event(3, 11.0, json!({"process.name": "m"})));
    let due = pipeline.due().unwrap();
    let second = |second: i64| Timestamp::from_milliseconds(1_767_225_600_000 + second * 1000).unwrap();
    assert!(due > second(3) && due < second(9), "{due}");
    pipeline.elapse(second(3), |_| panic!("too early"));
    pipeline.elapse(due, |_| alerts += 1);
    assert_eq!((alerts, pipeline.due()), (1, None));
    push(&mut pipeline, event(4, 20.0, json!({"process.name": "a"})));
    pipeline.finish(|_| panic!("an agent that stops has not seen the end"));
}
