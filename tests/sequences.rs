//! Sequences of every shape against a model that keeps every partial sequence in lists, as
//! Elasticsearch does: an event of stage n takes the latest one that waits at stage n − 1 of its key and
//! ends before the event, and drops it and all older ones, before it looks at maxspan and until.

mod shapes;

use std::collections::HashMap;

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::Decoder;
use proptest::prelude::*;
use serde_json::json;
use shapes::{Document, SHAPES, Shape};

fn milliseconds(document: &Document) -> i64 {
    document.time.div_euclid(1_000_000)
}

/// The sequences of the events that must occur, with their key.
fn sequences(shape: &Shape, documents: &[Document]) -> Vec<(Vec<usize>, Option<u8>)> {
    let mut waiting: HashMap<(usize, Option<u8>), Vec<Vec<usize>>> = HashMap::new();
    let mut stops: HashMap<Option<u8>, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        for stage in (0..shape.stages.len()).rev().filter(|stage| shape.stages[*stage].contains(document.name)) {
            let mut keys = (shape.keys)(document, stage);
            let mut known = Vec::new();
            keys.retain(|key| {
                !known.contains(key) && {
                    known.push(*key);
                    true
                }
            });
            for key in keys {
                let mut sequence = Vec::new();
                if stage > 0 {
                    let list = waiting.entry((stage - 1, key)).or_default();
                    let continues = |sequence: &Vec<usize>| {
                        let earlier: Vec<&Document> = sequence.iter().map(|at| &documents[*at]).collect();
                        *sequence.last().unwrap() < at && (shape.joined)(&earlier, document, stage)
                    };
                    let Some(latest) = list.iter().rposition(continues) else { continue };
                    sequence = list.remove(latest);
                    let mut place = 0;
                    list.retain(|other| {
                        place += 1;
                        place > latest || !continues(other)
                    });
                    let stop = stops.get(&key).and_then(|stops| stops.last());
                    if milliseconds(document) - milliseconds(&documents[sequence[0]]) > shape.maxspan_ms
                        || stop.is_some_and(|stop| stop >= sequence.last().unwrap())
                    {
                        continue;
                    }
                }
                sequence.push(at);
                if stage + 1 == shape.stages.len() {
                    found.push((sequence, key));
                } else {
                    waiting.entry((stage, key)).or_default().push(sequence);
                }
            }
        }
        if shape.until.contains(document.name) {
            for key in (shape.keys)(document, shape.stages.len()) {
                stops.entry(key).or_default().push(at);
            }
        }
    }
    found
}

/// Whether something occurred that must not, of another millisecond than the events beside it.
fn is_refuted(shape: &Shape, documents: &[Document], sequence: &[usize], key: Option<u8>) -> bool {
    let of = |place: usize| {
        let names: Vec<&str> = shape.missing.iter().filter(|(at, _)| *at == place).map(|(_, names)| *names).collect();
        let documents = documents.iter().enumerate();
        documents
            .filter(move |(_, document)| {
                let has_key = (shape.keys)(document, shape.stages.len()).contains(&key);
                has_key && names.iter().any(|names| names.contains(document.name))
            })
            .map(|(at, _)| at)
            .collect::<Vec<usize>>()
    };
    let (first, last) = (sequence[0], sequence[sequence.len() - 1]);
    let time = |at: usize| milliseconds(&documents[at]);
    let lies_between =
        |at: usize, place: usize| time(sequence[place - 1]) < time(at) && time(at) < time(sequence[place]);
    let between = (1..sequence.len()).any(|place| of(place).iter().any(|at| lies_between(*at, place)));
    let before: Vec<usize> =
        of(0).into_iter().filter(|at| time(*at) < time(first) && time(last) - time(*at) <= shape.maxspan_ms).collect();
    let after: Vec<usize> = of(sequence.len())
        .into_iter()
        .filter(|at| time(*at) > time(last) && time(*at).saturating_sub(time(first)) <= shape.maxspan_ms)
        .collect();
    let asks = |place: usize| shape.missing.iter().any(|(at, _)| *at == place);
    between
        || match (asks(0), asks(sequence.len())) {
            (true, true) => {
                before.iter().any(|one| after.iter().any(|other| time(*other) - time(*one) <= shape.maxspan_ms))
            }
            _ => !before.is_empty() || !after.is_empty(),
        }
}

fn expected(shape: &Shape, documents: &[Document]) -> Vec<Vec<usize>> {
    let found = sequences(shape, documents).into_iter();
    let left = found.filter(|(sequence, key)| !is_refuted(shape, documents, sequence, *key));
    let mut left: Vec<Vec<usize>> = left.map(|(sequence, _)| sequence).collect();
    left.sort();
    left
}

fn found(query: &str, documents: &[Document], delays: &[i64]) -> Vec<Vec<usize>> {
    let mut set = RuleSet::default();
    let rule = format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''{}'''\n", query);
    set.add("r", &rule).unwrap_or_else(|error| panic!("{error}"));
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut found = Vec::new();
    let mut note = |output: Output<'_>| {
        let Some(alert) = output.alert(0) else { return };
        found.push(alert.events.iter().map(|event| event.id().parse().unwrap()).collect::<Vec<usize>>());
    };
    let mut arrivals: Vec<usize> = (0..documents.len()).collect();
    arrivals.sort_by_key(|at| documents[*at].time + delays.get(*at).copied().unwrap_or(0));
    for (id, document) in arrivals.into_iter().map(|at| (at, &documents[at])) {
        let mut text = json!({
            "@timestamp": Timestamp::from_nanoseconds(document.time).to_string(),
            "event": { "id": id.to_string(), "category": "process" },
            "process": { "name": document.name.to_string(), "args": document.args.iter().map(u8::to_string).collect::<Vec<_>>() },
        });
        if let Some(entity) = document.entity {
            text["process"]["entity_id"] = json!(entity.to_string());
        }
        match decoder.decode(&Line::from(text.to_string()), None).unwrap().decoded {
            Decoded::Event(event) => pipeline.push(event, &mut note),
            Decoded::Skipped(kind) => panic!("skipped {kind}"),
        }
    }
    pipeline.finish(&mut note);
    found.sort();
    found
}

#[test]
fn an_event_with_more_keys_than_a_number_can_count_joins_under_the_first_of_them() {
    let fields = ["id", "domain", "email", "hash", "full_name", "name", "target.name", "target.id"];
    let by = fields.map(|field| format!("user.{field}")).join(", ?");
    let query =
        format!("sequence by ?{by} [process where process.name == \"a\"] [process where process.name == \"b\"]");
    for missing in [None, Some(7), Some(0)] {
        let mut set = RuleSet::default();
        set.add("r", &format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''{query}'''\n")).unwrap();
        let mut pipeline = Pipeline::new(set, Limits::replay());
        let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
        let mut alerts = 0;
        for (second, name) in [(0, "a"), (1, "b")] {
            let mut text = json!({
                "@timestamp": Timestamp::from_nanoseconds(second * 1_000_000_000).to_string(),
                "event": {"category": "process"}, "process": {"name": name},
            });
            for (_, field) in fields.iter().enumerate().filter(|(n, _)| Some(*n) != missing) {
                text[format!("user.{field}")] = (0..1100).map(|value| value.to_string()).collect();
            }
            if let Decoded::Event(event) = decoder.decode(&Line::from(text.to_string()), None).unwrap().decoded {
                pipeline.push(event, |_| alerts += 1);
            }
        }
        pipeline.finish(|_| alerts += 1);
        assert_eq!(alerts, 100, "one for each key, up to a limit");
        assert!(pipeline.counts().evicted_sequences > 0, "the other keys are counted");
    }
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let gap = prop_oneof![Just(0_i64), Just(999_999), 0..4_000_000_000_i64, Just(5_000_000_000), Just(10_000_999_999)];
    let document = (
        gap,
        proptest::sample::select(vec!['a', 'a', 'b', 'b', 'c', 'u', 'x']),
        proptest::option::weighted(0.8, 0..3_u8),
        proptest::collection::vec(0..3_u8, 1..4),
    );
    let document = document.prop_map(|(time, name, entity, args)| Document { time, name, entity, args });
    proptest::collection::vec(document, 1..30).prop_map(|mut documents| {
        let mut time = 1_767_225_600_000_000_000;
        for document in &mut documents {
            time += document.time;
            document.time = time;
        }
        documents
    })
}

/// The sample of each key: the events as soon as there is one for each stage.
fn samples(stages: &[&str], documents: &[Document]) -> Vec<Vec<usize>> {
    let mut found = Vec::new();
    for key in 0..3_u8 {
        let of_key = |at: &usize| documents[*at].entity == Some(key);
        let sample = (1..=documents.len()).find_map(|length| {
            let events: Vec<usize> = (0..length).filter(of_key).collect();
            first_choice(stages, documents, &events, &mut Vec::new())
        });
        found.extend(sample);
    }
    found.sort();
    found
}

fn first_choice(
    stages: &[&str],
    documents: &[Document],
    events: &[usize],
    taken: &mut Vec<usize>,
) -> Option<Vec<usize>> {
    let Some(names) = stages.get(taken.len()) else { return Some(taken.clone()) };
    for at in events {
        if names.contains(documents[*at].name) && !taken.contains(at) {
            taken.push(*at);
            if let Some(found) = first_choice(stages, documents, events, taken) {
                return Some(found);
            }
            taken.pop();
        }
    }
    None
}

/// Late events of the same time would come in another order.
fn distinct_times() -> impl Strategy<Value = Vec<Document>> {
    documents().prop_map(|mut documents| {
        documents.iter_mut().enumerate().for_each(|(at, document)| document.time += at as i64 * 1_000_000);
        documents
    })
}

const SAMPLE: &str = "sample by process.entity_id [any where process.name in (\"a\", \"b\")] \
                      [any where process.name in (\"b\", \"c\")] [any where process.name in (\"a\", \"b\")]";

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_of_sequence_gives_the_answer_of_the_model(documents in documents()) {
        for shape in SHAPES {
            prop_assert_eq!(found(shape.query, &documents, &[]), expected(shape, &documents), "{}", shape.query);
        }
    }

    #[test]
    fn every_shape_gives_the_same_answer_when_events_come_late(
        documents in distinct_times(),
        delays in proptest::collection::vec(0..=5_000_000_000_i64, 30),
    ) {
        for shape in SHAPES {
            prop_assert_eq!(found(shape.query, &documents, &delays), expected(shape, &documents), "{}", shape.query);
        }
    }

    #[test]
    fn a_sample_is_that_of_the_model(documents in documents()) {
        prop_assert_eq!(found(SAMPLE, &documents, &[]), samples(&["ab", "bc", "ab"], &documents));
    }

    #[test]
    fn a_sample_is_the_same_when_events_come_late(
        documents in distinct_times(),
        delays in proptest::collection::vec(0..=5_000_000_000_i64, 30),
    ) {
        prop_assert_eq!(found(SAMPLE, &documents, &delays), samples(&["ab", "bc", "ab"], &documents));
    }
}
