//! What a document leaves out is missing, even if an earlier event of its process stated it: any rule over random
//! documents gives the answer of a model that looks at each document alone.

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::Decoder;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

const START_MS: i64 = 1_767_225_600_000;
const MAXSPAN_MS: i64 = 10_000;

/// Fields that the stream knows of a process, or of its parent, from earlier events, and two values of each.
const FIELDS: [(&str, [&str; 2]); 12] = [
    ("process.name", ["osascript", "curl"]),
    ("process.executable", ["/usr/bin/osascript", "/usr/bin/curl"]),
    ("process.args", ["-e", "-l"]),
    ("process.command_line", ["osascript -e x", "curl a"]),
    ("process.working_directory", ["/", "/tmp"]),
    ("process.code_signature.signing_id", ["com.apple.osascript", "com.apple.curl"]),
    ("process.code_signature.team_id", ["A", "B"]),
    ("process.parent.name", ["sh", "zsh"]),
    ("process.parent.executable", ["/bin/sh", "/bin/zsh"]),
    ("process.parent.command_line", ["sh -c", "zsh -c"]),
    ("user.name", ["ada", "root"]),
    ("destination.ip", ["93.184.216.34", "10.0.0.1"]),
];

#[derive(Clone, Debug)]
struct Document {
    time_ms: i64,
    category: &'static str,
    entity: Option<u8>,
    parent: Option<u8>,
    pid: Option<u8>,
    /// For each field, which of its values it states.
    values: Vec<Vec<usize>>,
}

impl Document {
    fn json(&self, id: usize) -> String {
        let mut document = Map::new();
        let mut state = |name: &str, value: Value| _ = document.insert(name.to_owned(), value);
        state("@timestamp", Timestamp::from_milliseconds(START_MS + self.time_ms).unwrap().to_string().into());
        state("event.id", id.to_string().into());
        state("event.category", self.category.into());
        state("event.type", "start".into());
        state("host.id", "h".into());
        let entity = |id: u8| Value::from(format!("e{id}"));
        self.entity.into_iter().for_each(|id| state("process.entity_id", entity(id)));
        self.parent.into_iter().for_each(|id| state("process.parent.entity_id", entity(id)));
        self.pid.into_iter().for_each(|id| state("process.pid", (500 + u32::from(id)).into()));
        for ((name, values), stated) in FIELDS.iter().zip(&self.values) {
            match stated[..] {
                [] => {}
                [only] => state(name, values[only].into()),
                _ => state(name, stated.iter().map(|at| values[*at]).collect::<Vec<_>>().into()),
            }
        }
        Value::Object(document).to_string()
    }
}

#[derive(Clone, Debug)]
enum Condition {
    Is(usize, usize),
    Missing(usize),
    Not(Box<Condition>),
    Both(Box<Condition>, Box<Condition>),
    Either(Box<Condition>, Box<Condition>),
}

impl Condition {
    fn text(&self) -> String {
        match self {
            Condition::Is(field, value) => format!("{} == \"{}\"", FIELDS[*field].0, FIELDS[*field].1[*value]),
            Condition::Missing(field) => format!("{} == null", FIELDS[*field].0),
            Condition::Not(inner) => format!("not ({})", inner.text()),
            Condition::Both(one, other) => format!("({} and {})", one.text(), other.text()),
            Condition::Either(one, other) => format!("({} or {})", one.text(), other.text()),
        }
    }

    fn holds(&self, document: &Document) -> bool {
        match self {
            Condition::Is(field, value) => document.values[*field].contains(value),
            Condition::Missing(field) => document.values[*field].is_empty(),
            Condition::Not(inner) => !inner.holds(document),
            Condition::Both(one, other) => one.holds(document) && other.holds(document),
            Condition::Either(one, other) => one.holds(document) || other.holds(document),
        }
    }
}

/// What a rule finds: the numbers of its documents, in the order of their last.
fn found(query: &str, documents: &[Document]) -> Vec<Vec<usize>> {
    let rule = json!({ "rule": { "rule_id": "r", "name": "r", "query": query } });
    let mut set = RuleSet::default();
    set.add("r", &toml::to_string(&rule).unwrap()).unwrap();
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let mut found = Vec::new();
    let mut note = |output: Output<'_>| {
        let Some(alert) = output.alert(0) else { return };
        found.push(alert.events.iter().map(|event| event.id().parse().unwrap()).collect());
    };
    for (id, document) in documents.iter().enumerate() {
        match decoder.decode(&Line::from(document.json(id)), None).unwrap().decoded {
            Decoded::Event(event) => pipeline.push(event, &mut note),
            Decoded::Skipped(kind) => panic!("skipped {kind}"),
        }
    }
    pipeline.finish(&mut note);
    found
}

/// Each document that completes takes the latest start before it that is left, which goes with all older ones.
fn pairs(first: &Condition, second: &Condition, documents: &[Document]) -> Vec<Vec<usize>> {
    let (mut left, mut pairs): (Vec<usize>, Vec<Vec<usize>>) = Default::default();
    for (at, document) in documents.iter().enumerate() {
        let Some(entity) = document.entity else { continue };
        let is_of = |start: &usize| documents[*start].entity == Some(entity);
        if second.holds(document)
            && let Some(start) = left.iter().rfind(|start| is_of(start)).copied()
        {
            left.retain(|start| !is_of(start));
            if document.time_ms - documents[start].time_ms <= MAXSPAN_MS {
                pairs.push(vec![start, at]);
            }
        }
        if first.holds(document) {
            left.push(at);
        }
    }
    pairs
}

fn documents() -> impl Strategy<Value = Vec<Document>> {
    let stated = prop_oneof![3 => Just(vec![]), 3 => Just(vec![0]), 2 => Just(vec![1]), 1 => Just(vec![0, 1])];
    let document = (
        0..6000_i64,
        proptest::sample::select(vec!["process", "network"]),
        proptest::option::weighted(0.8, 0..3_u8),
        proptest::option::weighted(0.6, 0..4_u8),
        proptest::option::weighted(0.6, 0..3_u8),
        proptest::collection::vec(stated, FIELDS.len()),
    );
    let document = document.prop_map(|(time_ms, category, entity, parent, pid, values)| Document {
        time_ms,
        category,
        entity,
        parent,
        pid,
        values,
    });
    proptest::collection::vec(document, 1..20).prop_map(|mut documents| {
        let mut time_ms = 0;
        for document in &mut documents {
            time_ms += document.time_ms;
            document.time_ms = time_ms;
        }
        documents
    })
}

fn condition() -> impl Strategy<Value = Condition> {
    let field = 0..FIELDS.len();
    let leaf = prop_oneof![
        3 => (field.clone(), 0..2_usize).prop_map(|(field, value)| Condition::Is(field, value)),
        2 => field.prop_map(Condition::Missing),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let two = || (inner.clone().prop_map(Box::new), inner.clone().prop_map(Box::new));
        prop_oneof![
            inner.clone().prop_map(|inner| Condition::Not(Box::new(inner))),
            two().prop_map(|(one, other)| Condition::Both(one, other)),
            two().prop_map(|(one, other)| Condition::Either(one, other)),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_rule_for_one_event_sees_each_document_as_it_stands(documents in documents(), condition in condition()) {
        let wanted: Vec<Vec<usize>> =
            (0..documents.len()).filter(|at| condition.holds(&documents[*at])).map(|at| vec![at]).collect();
        prop_assert_eq!(found(&format!("any where {}", condition.text()), &documents), wanted, "{}", condition.text());
    }

    #[test]
    fn a_sequence_sees_each_document_as_it_stands(
        documents in documents(),
        first in condition(),
        second in condition(),
    ) {
        let query = format!(
            "sequence by process.entity_id with maxspan=10s [any where {}] [any where {}]", first.text(), second.text(),
        );
        prop_assert_eq!(found(&query, &documents), pairs(&first, &second, &documents), "{}", query);
    }
}
