//! Joins over `process.Ext.ancestry` against a model that knows what the stream adds: a document that states no ancestry
//! has that of its process, and one that states some has more when the first that it states is known to be an
//! ancestor.

use std::collections::HashMap;

use osawatch::detect::RuleSet;
use osawatch::event::{Decoded, Line, Machine, Timestamp};
use osawatch::pipeline::{Limits, Output, Pipeline};
use osawatch::source::Decoder;
use proptest::prelude::*;
use serde_json::json;

const MAXSPAN_MS: i64 = 10_000;
const QUERY: &str = r#"sequence with maxspan=10s
    [process where event.type == "start" and process.name == "a"] by process.entity_id
    [network where true] by process.Ext.ancestry"#;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// A process starts, of this name and of this one of those before it, or of one that nothing told of. It states so
    /// many of its ancestors; `None`: no ancestry at all.
    Start { name: char, parent: usize, stated: Option<usize> },
    /// One of the processes connects, and states so many of its ancestors.
    Connect { process: usize, stated: Option<usize> },
}

fn step() -> impl Strategy<Value = Step> {
    let stated = || prop_oneof![2 => Just(None), 3 => (0..4_usize).prop_map(Some)];
    prop_oneof![
        1 => (prop::sample::select(vec!['a', 'a', 'b']), 0..8_usize, stated())
            .prop_map(|(name, parent, stated)| Step::Start { name, parent, stated }),
        1 => (0..8_usize, stated()).prop_map(|(process, stated)| Step::Connect { process, stated }),
    ]
}

#[derive(Default)]
struct Model {
    /// Of each process all its ancestors in truth, the nearest first, and those that the stream knows.
    ancestors: Vec<(Vec<String>, Vec<String>)>,
    waiting: HashMap<String, (usize, i64)>,
    found: Vec<Vec<usize>>,
}

fn entity(process: usize) -> String {
    format!("p{process}")
}

fn first(list: &[String], number: usize) -> Vec<String> {
    list.iter().take(number).cloned().collect()
}

impl Model {
    /// The number of a process that a step means, if there is one.
    fn process(&self, wanted: usize) -> Option<usize> {
        (!self.ancestors.is_empty()).then(|| wanted % self.ancestors.len())
    }

    /// A process starts: its true ancestors, those that it states, and its parent.
    fn start(&mut self, at: usize, ms: i64, step: &Step) -> (Vec<String>, Option<Vec<String>>, String) {
        let Step::Start { name, parent, stated } = step else { unreachable!() };
        let process = self.ancestors.len();
        let parent = self.process(*parent).filter(|_| *parent > 1);
        let id = parent.map_or_else(|| "unknown".to_owned(), entity);
        let (further, known) = parent.map(|parent| self.ancestors[parent].clone()).unwrap_or_default();
        let truth = [vec![id.clone()], further].concat();
        let states = stated.map(|number| first(&truth, number));
        let known = match states.as_ref().filter(|list| !list.is_empty()) {
            Some(list) => list.clone(),
            None => [vec![id.clone()], known].concat(),
        };
        self.ancestors.push((truth.clone(), known));
        if *name == 'a' {
            self.waiting.insert(entity(process), (at, ms));
        }
        (truth, states, id)
    }

    /// A process connects: the ancestors that it states.
    fn connect(&mut self, at: usize, ms: i64, process: usize, stated: Option<usize>) -> Option<Vec<String>> {
        let (truth, known) = &self.ancestors[process];
        let states = stated.map(|number| first(truth, number));
        let keys = match states.as_ref().and_then(|list| list.first().map(|nearest| (list, nearest))) {
            None => known.clone(),
            Some((list, nearest)) if known.contains(nearest) => {
                let more = known.iter().filter(|ancestor| !list.contains(ancestor)).cloned();
                list.iter().cloned().chain(more).collect()
            }
            Some((list, _)) => list.clone(),
        };
        for key in keys {
            if let Some((start, began)) = self.waiting.remove(&key)
                && ms - began <= MAXSPAN_MS
            {
                self.found.push(vec![start, at]);
            }
        }
        states
    }
}

/// The sequences that the model expects and those that are found.
fn compare(steps: &[(Step, i64)]) -> (Vec<Vec<usize>>, Vec<Vec<usize>>) {
    let mut set = RuleSet::default();
    set.add("r", &format!("[rule]\nrule_id = \"r\"\nname = \"r\"\nquery = '''{QUERY}'''\n")).unwrap();
    let mut pipeline = Pipeline::new(set, Limits::replay());
    let mut decoder = Decoder::new(pipeline.fields(), Machine::default());
    let (mut model, mut found, mut ms) = (Model::default(), Vec::new(), 1_767_225_600_000);
    let mut note = |output: Output<'_>| {
        let Some(alert) = output.alert(0) else { return };
        found.push(alert.events.iter().map(|event| event.id().parse().unwrap()).collect::<Vec<usize>>());
    };
    for (at, (step, gap)) in steps.iter().enumerate() {
        ms += gap;
        let mut text = json!({
            "@timestamp": Timestamp::from_milliseconds(ms).unwrap().to_string(), "event": { "id": at.to_string() },
        });
        let states = match step {
            Step::Start { name, .. } => {
                let process = model.ancestors.len();
                let (_, states, parent) = model.start(at, ms, step);
                text["event"]["category"] = "process".into();
                text["event"]["type"] = "start".into();
                text["process"] = json!({
                    "name": name.to_string(), "entity_id": entity(process), "pid": 100 + process,
                    "parent": { "entity_id": parent },
                });
                states
            }
            Step::Connect { process, stated } => {
                let Some(process) = model.process(*process) else { continue };
                text["event"]["category"] = "network".into();
                text["process"] = json!({ "entity_id": entity(process), "pid": 100 + process });
                model.connect(at, ms, process, *stated)
            }
        };
        if let Some(states) = states {
            text["process"]["Ext"] = json!({ "ancestry": states });
        }
        match decoder.decode(&Line::from(text.to_string()), None).unwrap().decoded {
            Decoded::Event(event) => pipeline.push(event, &mut note),
            Decoded::Skipped(kind) => panic!("skipped {kind}"),
        }
    }
    pipeline.finish(&mut note);
    found.sort();
    model.found.sort();
    (model.found, found)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_join_over_the_ancestry_gives_the_answer_of_the_model(
        steps in prop::collection::vec((step(), prop_oneof![Just(1_i64), 1..4000_i64]), 1..40),
    ) {
        let (expected, found) = compare(&steps);
        prop_assert_eq!(found, expected);
    }
}
