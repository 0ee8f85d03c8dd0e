//! Sequences of every shape against a model that keeps every partial sequence in lists, as
//! Elasticsearch does: an event of stage n takes the latest one that waits at stage n − 1 of its key and
//! ends before the event, and drops it and all older ones, before it looks at maxspan and until.

use std::collections::HashMap;

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Pipeline};
use osawatch::source::Decoder;
use proptest::prelude::*;
use serde_json::json;

#[derive(Clone, Debug)]
struct Document {
    time: i64,
    name: char,
    entity: Option<u8>,
    ancestry: Vec<u8>,
}

/// A query and what the model needs to know of it.
struct Shape {
    query: &'static str,
    /// The names that each stage selects.
    stages: &'static [&'static str],
    until: &'static str,
    maxspan_ms: i64,
    /// The keys of a document at a stage; at `stages.len()` for until.
    keys: fn(&Document, usize) -> Vec<Option<u8>>,
}

fn by_entity(document: &Document, _: usize) -> Vec<Option<u8>> {
    document.entity.map(Some).into_iter().collect()
}

const SHAPES: &[Shape] = &[
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s
            [process where process.name == "a"] [process where process.name == "b"] [process where process.name == "c"]"#,
        stages: &["a", "b", "c"],
        until: "",
        maxspan_ms: 10_000,
        keys: by_entity,
    },
    Shape {
        query: r#"sequence by process.entity_id with maxspan=10s
            [process where process.name in ("a", "b")] [process where process.name in ("b", "c")] [process where process.name == "b"]
            until [process where process.name in ("u", "a")]"#,
        stages: &["ab", "bc", "b"],
        until: "ua",
        maxspan_ms: 10_000,
        keys: by_entity,
    },
    Shape {
        query: r#"sequence by ?process.entity_id [process where process.name == "a"] [process where process.name in ("a", "b")]
            until [process where process.name == "u"]"#,
        stages: &["a", "ab"],
        until: "u",
        maxspan_ms: i64::MAX,
        keys: |document, _| vec![document.entity],
    },
    Shape {
        query: r#"sequence with maxspan=10s [process where process.name in ("a", "b")] by process.entity_id
            [process where process.name in ("b", "c")] by process.Ext.ancestry"#,
        stages: &["ab", "bc"],
        until: "",
        maxspan_ms: 10_000,
        keys: |document, stage| match stage {
            0 => by_entity(document, 0),
            _ => document.ancestry.iter().copied().map(Some).collect(),
        },
    },
    Shape {
        query: r#"sequence with maxspan=5000ms by process.entity_id [process where process.name == "a"] with runs=3
            [process where process.name in ("a", "b")]"#,
        stages: &["a", "a", "a", "ab"],
        until: "",
        maxspan_ms: 5_000,
        keys: by_entity,
    },
    Shape {
        query: r#"sequence [any where process.name == "a"] [any where process.name == "b"]"#,
        stages: &["a", "b"],
        until: "",
        maxspan_ms: i64::MAX,
        keys: |_, _| vec![None],
    },
];

fn expected(shape: &Shape, documents: &[Document]) -> Vec<Vec<usize>> {
    let mut waiting: HashMap<(usize, Option<u8>), Vec<Vec<usize>>> = HashMap::new();
    let mut stops: HashMap<Option<u8>, Vec<usize>> = HashMap::new();
    let mut found = Vec::new();
    for (at, document) in documents.iter().enumerate() {
        let mut completed = None;
        for stage in (0..shape.stages.len()).rev().filter(|stage| shape.stages[*stage].contains(document.name)) {
            for key in (shape.keys)(document, stage) {
                let mut sequence = Vec::new();
                if stage > 0 {
                    let list = waiting.entry((stage - 1, key)).or_default();
                    let Some(latest) = list.iter().rposition(|sequence| *sequence.last().unwrap() < at) else {
                        continue;
                    };
                    sequence = list.drain(..=latest).next_back().unwrap();
                    let cut = |at: usize| documents[at].time.div_euclid(1_000_000);
                    let stop = stops.get(&key).and_then(|stops| stops.last());
                    if cut(at) - cut(sequence[0]) > shape.maxspan_ms
                        || stop.is_some_and(|stop| stop >= sequence.last().unwrap())
                    {
                        continue;
                    }
                }
                sequence.push(at);
                if stage + 1 == shape.stages.len() {
                    completed.get_or_insert(sequence);
                } else {
                    waiting.entry((stage, key)).or_default().push(sequence);
                }
            }
        }
        found.extend(completed);
        if shape.until.contains(document.name) {
            for key in (shape.keys)(document, shape.stages.len()) {
                stops.entry(key).or_default().push(at);
            }
        }
    }
    found
}

fn found(shape: &Shape, documents: &[Document]) -> Vec<Vec<usize>> {
    let mut set = RuleSet::default();
    let rule = format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''{}'''\n", shape.query);
    set.add("r", &rule).unwrap_or_else(|error| panic!("{error}"));
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut found = Vec::new();
    let mut note = |alert: osawatch::alert::Alert| {
        found.push(alert.events.iter().map(|event| event.id().parse().unwrap()).collect::<Vec<usize>>());
    };
    for (id, document) in documents.iter().enumerate() {
        let mut text = json!({
            "@timestamp": Timestamp::from_nanoseconds(document.time).to_string(),
            "event": { "id": id.to_string(), "category": "process" },
            "process": { "name": document.name.to_string(), "Ext": { "ancestry": document.ancestry.iter().map(u8::to_string).collect::<Vec<_>>() } },
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
        let decoder = Decoder::new(pipeline.fields(), Machine::default());
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
        assert_eq!(alerts, 1);
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
    let document = document.prop_map(|(time, name, entity, ancestry)| Document { time, name, entity, ancestry });
    proptest::collection::vec(document, 1..30).prop_map(|mut documents| {
        let mut time = 1_767_225_600_000_000_000;
        for document in &mut documents {
            time += document.time;
            document.time = time;
        }
        documents
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_shape_of_sequence_gives_the_answer_of_the_model(documents in documents()) {
        for shape in SHAPES {
            prop_assert_eq!(found(shape, &documents), expected(shape, &documents), "{}", shape.query);
        }
    }
}
