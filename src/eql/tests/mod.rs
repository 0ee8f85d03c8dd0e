//! The language as it is compiled and evaluated: what a query selects, and what is refused.

mod comparisons;
mod fields;
mod functions;
mod lineages;
mod lists;
mod operands;
mod regular_expressions;
mod refusals;
mod refused_values;
mod robustness;
mod sequences;
mod syntax;
mod types;

use serde_json::{Value, json};

use super::{Error, Lineages, Query, compile};
use crate::event::{Categories, Event, Fields, Timestamp};
use crate::place::Place;

/// An event with these values by field name; an array is several values.
fn event(fields: &mut Fields, values: &Value) -> Event {
    let mut event = Event::new(Timestamp::default(), Categories::PROCESS);
    for (name, value) in values.as_object().unwrap() {
        let field = fields.resolve(name).unwrap().field;
        for value in value.as_array().unwrap_or(&vec![value.clone()]) {
            match value {
                Value::String(text) => event.push_str(field, text),
                Value::Bool(flag) => event.push_bool(field, *flag),
                Value::Number(number) => match number.as_i64() {
                    Some(int) => event.push_int(field, int),
                    None => event.push_float(field, number.as_f64().unwrap()),
                },
                other => panic!("{other}"),
            }
        }
    }
    event
}

fn compiled(query: &str) -> Result<Query, Error> {
    compile(query, &mut Fields::new(), &mut Lineages::default())
}

/// Whether `process where condition` selects an event with these values.
#[track_caller]
fn selects(condition: &str, values: &Value) -> bool {
    let mut fields = Fields::new();
    let text = format!("process where {condition}");
    let query = compile(&text, &mut fields, &mut Lineages::default());
    let query = query.unwrap_or_else(|error| panic!("{}", message_of(&error, &text, "query", 1)));
    query.stages[0].selects(&event(&mut fields, values))
}

/// The message as the author of a rule sees it, for a query that begins on this line of the file.
fn message_of(error: &Error, query: &str, file: &str, first_line: usize) -> String {
    let Place { line, column } = Place::of(query, error.span.start);
    let message = format!("{file}:{}:{column}: {error}", first_line + line - 1);
    error.shown(query).map_or(message.clone(), |shown| message + "\n" + &shown)
}

/// The conditions select an event with these values.
#[track_caller]
fn hold(values: Value, conditions: &[&str]) {
    for condition in conditions {
        assert!(selects(condition, &values), "not selected by {condition}: {values}");
    }
}

/// The conditions do not select an event with these values.
#[track_caller]
fn fail(values: Value, conditions: &[&str]) {
    for condition in conditions {
        assert!(!selects(condition, &values), "selected by {condition}: {values}");
    }
}

#[test]
fn an_event_of_another_category_is_not_selected() {
    let mut fields = Fields::new();
    let event = event(&mut fields, &json!({}));
    for (query, selected) in [
        ("process where true", true),
        ("any where true", true),
        ("network where true", false),
        ("file where true", false),
    ] {
        assert_eq!(compiled(query).unwrap().stages[0].selects(&event), selected, "{query}");
    }
    let both = Event::new(Timestamp::default(), Categories::PROCESS.with(Categories::NETWORK));
    assert!(compiled("network where true").unwrap().stages[0].selects(&both));
    assert!(compiled("\"process\" where true").unwrap().stages[0].selects(&event));
}
